//! Appending: positions, groups, duplicates, and what is the same after a restart.

use super::support::{Bench, all_from, decision, event, fill, lane, new, once, record, wait_for_seals};
use crate::cloudevents::Data;
use crate::log::record::Record;
use crate::log::{AppendError, Stored};
use bytes::Bytes;
use std::sync::Arc;

#[tokio::test]
async fn an_empty_log_starts_at_position_one() {
    let bench = Bench::new();
    let log = bench.open();
    assert_eq!((log.head(), log.first()), (0, 1));
    assert_eq!(log.append(Vec::new()).await, Ok(Vec::new()));
    assert!(log.read_from(0, 10, 1000).await.unwrap().is_empty());
    assert!(log.get(1).await.unwrap().is_none());
    let stored = log.append(vec![new(record(1)), new(record(2))]).await.unwrap();
    assert_eq!(stored, [Stored { position: 1, duplicate: false }, Stored { position: 2, duplicate: false }]);
    assert_eq!((log.head(), log.first()), (2, 1));
    assert_eq!(*log.watch_head().borrow(), 2);
    log.close().await;
    assert_eq!(log.append(vec![new(record(3))]).await, Err(AppendError::Closed));
}

#[tokio::test]
async fn everything_of_a_record_is_the_same_after_a_restart() {
    let bench = Bench::new();
    let log = bench.open();
    let shared = decision(&[lane("orders", "kafka", None), lane("orders", "log", Some("orders"))]);
    let records: Vec<Record> = (0..50)
        .map(|number| Record {
            producer: (number % 2 == 0).then(|| "shop".into()),
            schema: (number % 3 == 0).then(|| "order/1".into()),
            tracestate: (number % 5 == 0).then(|| "a=1".into()),
            decision: if number % 4 == 0 { decision(&[lane("audit", "log", None)]) } else { shared.clone() },
            ..record(number)
        })
        .collect();
    for chunk in records.chunks(7) {
        log.append(chunk.iter().cloned().map(new).collect()).await.unwrap();
    }
    let in_memory = all_from(&log, 1).await;
    log.close().await;
    let log = bench.open();
    assert_eq!((log.head(), log.first()), (50, 1));
    let on_disk = all_from(&log, 1).await;
    assert_eq!(in_memory, on_disk);
    let read: Vec<Record> = on_disk.iter().map(|entry| Record::clone(&entry.record)).collect();
    assert_eq!(read, records);
    assert!(Arc::ptr_eq(&on_disk[1].record.decision, &on_disk[2].record.decision), "one decision, held once");
    assert_eq!(log.get(17).await.unwrap().unwrap(), on_disk[16]);
    log.close().await;
}

#[tokio::test]
async fn many_at_once_are_grouped_and_each_gets_its_own_positions() {
    let bench = Bench::new();
    let log = bench.open();
    let requests = (0..300_u64).map(|number| {
        let log = &log;
        async move { (number, log.append(vec![new(record(2 * number)), new(record(2 * number + 1))]).await.unwrap()) }
    });
    for (number, stored) in futures::future::join_all(requests).await {
        assert_eq!(stored[0].position + 1, stored[1].position, "one request stays together");
        let entry = log.get(stored[0].position).await.unwrap().unwrap();
        assert_eq!(*entry.record, record(2 * number));
    }
    assert_eq!(log.head(), 600);
    log.close().await;
}

#[tokio::test]
async fn a_duplicate_is_stored_once_and_answers_the_first_position() {
    let bench = Bench::new();
    let log = bench.open();
    let stored = log.append(vec![once(record(1), 1), new(record(2)), once(record(3), 3)]).await.unwrap();
    assert_eq!(stored.iter().map(|stored| stored.position).collect::<Vec<_>>(), [1, 2, 3]);
    let again = log.append(vec![once(record(3), 3), once(record(4), 4), new(record(2))]).await.unwrap();
    assert_eq!(
        again,
        [
            Stored { position: 3, duplicate: true },
            Stored { position: 4, duplicate: false },
            Stored { position: 5, duplicate: false }
        ]
    );
    let all_duplicates = log.append(vec![once(record(1), 1), once(record(4), 4)]).await.unwrap();
    assert!(all_duplicates.iter().all(|stored| stored.duplicate));
    assert_eq!(log.head(), 5);
    // Sent at the same time: whichever comes second waits for the first one's commit and gets its position.
    let same = (0..40).map(|_| log.append(vec![once(record(9), 9)]));
    let stored: Vec<Stored> =
        futures::future::join_all(same).await.into_iter().flat_map(|stored| stored.unwrap()).collect();
    assert!(stored.iter().all(|stored| stored.position == 6));
    assert_eq!(stored.iter().filter(|stored| !stored.duplicate).count(), 1);
    log.close().await;
    let log = bench.open();
    let after = log.append(vec![once(record(9), 9), once(record(3), 3)]).await.unwrap();
    assert_eq!(after.iter().map(|stored| stored.position).collect::<Vec<_>>(), [6, 3]);
    assert_eq!(log.head(), 6);
    log.close().await;
}

#[tokio::test]
async fn the_duplicate_window_survives_a_restart_across_segments_and_ends() {
    let bench = Bench::with(|options| options.segment_bytes = 2_000);
    let log = bench.open();
    for number in 0..60 {
        log.append(vec![once(record(number), u128::from(number) << 64 | 5)]).await.unwrap();
    }
    wait_for_seals(&log);
    log.close().await;
    let log = bench.open();
    for number in 0..60 {
        let stored = log.append(vec![once(record(number), u128::from(number) << 64 | 5)]).await.unwrap();
        assert!(stored[0].duplicate, "{number}");
    }
    log.close().await;
    let short = Bench {
        options: crate::log::Options { duplicate_window: std::time::Duration::ZERO, ..bench.options.clone() },
        ..bench
    };
    let log = short.open();
    assert!(!log.append(vec![once(record(1), 1 << 64 | 5)]).await.unwrap()[0].duplicate);
    log.close().await;
}

#[tokio::test]
async fn large_and_tiny_events_go_through_segments_of_any_size() {
    for segment_bytes in [1, 1_000, 40_000] {
        let bench = Bench::with(|options| {
            options.segment_bytes = segment_bytes;
            options.tail_bytes = 1;
        });
        let log = bench.open();
        let mut expected = Vec::new();
        for number in 0..25_u64 {
            let mut large = record(number);
            let length = usize::try_from(number * number * 90).unwrap();
            large.event =
                crate::cloudevents::Event { data: Data::Binary(Bytes::from(vec![7; length])), ..event(number) };
            let stored = log.append(vec![new(large.clone())]).await.unwrap();
            expected.push((stored[0].position, large));
        }
        assert!(expected.windows(2).all(|pair| pair[0].0 < pair[1].0), "positions rise");
        let read: Vec<_> =
            all_from(&log, 1).await.iter().map(|entry| (entry.position, Record::clone(&entry.record))).collect();
        assert_eq!(read, expected);
        log.close().await;
        let log = bench.open();
        let read: Vec<_> =
            all_from(&log, 1).await.iter().map(|entry| (entry.position, Record::clone(&entry.record))).collect();
        assert_eq!(read, expected);
        assert!(log.append(vec![new(record(0))]).await.unwrap()[0].position > expected[24].0);
        log.close().await;
    }
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let bench = Bench::with(|options| options.queue_requests = 0);
    let log = bench.open();
    assert_eq!(log.append(vec![new(record(1))]).await, Err(AppendError::Overloaded));
    log.close().await;
}

#[tokio::test]
async fn the_tail_and_the_files_tell_the_same() {
    let bench = Bench::with(|options| options.segment_bytes = 30_000);
    let log = bench.open();
    fill(&log, 0..500, 13).await;
    let shared = log.shared();
    let in_memory = shared.tail.read(1, 1_000, usize::MAX).unwrap();
    let bounds = |limit, bytes| crate::log::reader::Bounds { limit, bytes };
    let on_disk = crate::log::reader::read_from(shared, 1, bounds(1_000, usize::MAX)).unwrap();
    assert_eq!(in_memory, on_disk);
    assert_eq!(on_disk.len(), 500);
    for (from, limit, bytes) in [(3, 10, usize::MAX), (490, 100, usize::MAX), (7, 100, 0), (7, 100, 2_000)] {
        let tail = shared.tail.read(from, limit, bytes).unwrap();
        let file = crate::log::reader::read_from(shared, from, bounds(limit, bytes)).unwrap();
        assert_eq!(tail.first(), file.first());
        assert!(tail.len().abs_diff(file.len()) <= 1, "about as many bytes");
    }
    log.close().await;
}
