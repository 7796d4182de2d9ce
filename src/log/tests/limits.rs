//! Retention, the full log, the full disk.

use super::support::{Bench, all_from, eventually, fill, lane, new, once, record, wait_for_seals};
use crate::cloudevents::{Data, Event};
use crate::log::record::Record;
use crate::log::{AppendError, Handle, Log, threads};
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;

fn large(number: u64, bytes: usize) -> Record {
    let plain = record(number);
    Record { event: Event { data: Data::Binary(Bytes::from(vec![1; bytes])), ..plain.event }, ..plain }
}

#[tokio::test]
async fn settled_segments_are_removed_when_they_are_old() {
    let bench = Bench::with(|options| {
        options.segment_bytes = 5_000;
        options.max_age = Duration::from_millis(100);
    });
    let log = bench.open();
    fill(&log, 0..100, 5).await;
    wait_for_seals(&log);
    assert_eq!(log.first(), 1, "nothing is settled");
    log.settled_below(50, Some(lane("orders", "kafka", None)));
    eventually("the first segments are gone", || log.first() > 1);
    let first = log.first();
    assert!(first <= 50, "only settled ones go: {first}");
    assert_eq!(all_from(&log, 1).await[0].position, first);
    assert!(log.get(first - 1).await.unwrap().is_none());
    log.settled_below(log.head() + 1, None);
    eventually("an old open segment goes, too", || log.first() == log.head() + 1);
    assert!(all_from(&log, 1).await.is_empty());
    let head = log.head();
    log.close().await;
    let log = bench.open();
    assert!(log.head() >= head);
    let stored = log.append(vec![new(record(1))]).await.unwrap();
    assert!(stored[0].position > head, "positions never repeat");
    log.close().await;
}

#[tokio::test]
async fn settled_segments_make_room_for_new_events() {
    let bench = Bench::with(|options| {
        options.segment_bytes = 100_000;
        options.max_bytes = 400_000;
    });
    let log = bench.open();
    for number in 0..600 {
        let stored = log.append(vec![new(large(number, 2_500))]).await.unwrap();
        log.settled_below(stored[0].position, None);
        // The index of a segment is counted when it is sealed.
        assert!(log.shared().segments.bytes() <= 440_000);
    }
    assert!(log.first() > 1);
    log.close().await;
}

#[tokio::test]
async fn a_log_full_of_unsettled_events_refuses_and_recovers_by_itself() {
    let bench = Bench::with(|options| options.max_bytes = 400_000);
    let log = bench.open();
    log.settled_below(1, Some(lane("orders", "kafka", None)));
    let first = log.append(vec![once(large(0, 5_000), 1)]).await.unwrap();
    let refused = loop {
        match log.append(vec![new(large(1, 5_000))]).await {
            Ok(stored) => assert!(stored[0].position < 1_000),
            Err(error) => break error,
        }
    };
    assert_eq!(refused, AppendError::Full { holder: "orders/kafka".to_owned() });
    assert_eq!(log.append(vec![once(large(0, 5_000), 1)]).await.unwrap()[0].position, first[0].position);
    assert_eq!(log.append(Vec::new()).await, Ok(Vec::new()));
    let mixed = log.append(vec![once(large(0, 5_000), 1), new(large(2, 5_000))]).await;
    assert!(matches!(mixed, Err(AppendError::Full { .. })), "all of a request or nothing");
    let head = log.head();
    wait_for_seals(&log);
    log.settled_below(head, None);
    eventually("segments are removed", || log.first() > 1);
    assert!(log.append(vec![new(large(3, 5_000))]).await.unwrap()[0].position > head);
    assert_eq!(log.head(), log.get(log.head()).await.unwrap().unwrap().position);
    log.close().await;
}

#[tokio::test]
async fn a_full_disk_refuses_the_group_and_nothing_else() {
    let bench = Bench::new();
    let limit =
        |active: &crate::log::writer::Active| active.connection.execute_batch("PRAGMA max_page_count=60").unwrap();
    let (shared, writer) = threads::prepare(bench.options.clone(), limit).unwrap();
    threads::run(&shared, writer).unwrap();
    let log = Log(Arc::new(Handle(shared)));
    let small = log.append(vec![once(record(1), 1)]).await.unwrap()[0];
    let refused = log.append(vec![once(large(2, 1 << 20), 2), once(record(3), 3)]).await;
    assert_eq!(refused, Err(AppendError::Full { holder: "none".to_owned() }));
    assert_eq!(log.head(), small.position);
    let after = log.append(vec![once(record(1), 1), once(record(3), 3)]).await.unwrap();
    assert!(after[0].duplicate && !after[1].duplicate, "what was refused is not a duplicate: {after:?}");
    assert_eq!(after[1].position, small.position + 1);
    assert_eq!(all_from(&log, 1).await.len(), 2);
    log.close().await;
    assert!(bench.broken.lock().unwrap().is_empty());
    let log = bench.open();
    assert_eq!(all_from(&log, 1).await.len(), 2);
    log.close().await;
}

#[tokio::test]
async fn a_quiet_log_is_continued_in_a_new_segment_when_the_open_one_is_old() {
    let bench = Bench::with(|options| options.max_age = Duration::from_millis(400));
    let log = bench.open();
    fill(&log, 0..3, 1).await;
    eventually("a second segment", || bench.segments().len() > 1);
    wait_for_seals(&log);
    assert_eq!(all_from(&log, 1).await.len(), 3, "unsettled events stay, however old");
    log.close().await;
}
