//! Named streams: originals and changed events together.

use super::support::{Bench, decision, eventually, fill, lane, new, record, wait_for_seals};
use crate::lane_name::LaneName;
use crate::log::record::Record;
use crate::log::{AppendError, Log, segment, stream};
use std::sync::Arc;

/// Every third event is in the stream itself, every fourth is changed by a lane of route `changed`.
fn routed(number: u64) -> Record {
    let decision = match (number.is_multiple_of(3), number.is_multiple_of(4)) {
        (true, true) => decision(&[lane("plain", "log", Some("orders")), lane("changed", "log", None)]),
        (true, false) => decision(&[lane("plain", "log", Some("orders"))]),
        (false, true) => decision(&[lane("changed", "log", None)]),
        (false, false) => decision(&[lane("other", "log", Some("others"))]),
    };
    Record { decision, ..record(number) }
}

fn changed(number: u64) -> Record {
    Record { snapshot: "changed".into(), ..routed(number) }
}

async fn append_routed(log: &Log, numbers: std::ops::Range<u64>) {
    for number in numbers {
        log.append(vec![new(routed(number))]).await.unwrap();
    }
}

async fn store(log: &Log, number: u64, position: u64) {
    log.store_derived(position, lane("changed", "log", None), "orders", Arc::new(changed(number))).await.unwrap();
}

async fn read_all(log: &Log, stream: &str, from: u64) -> (Vec<(u64, bool)>, u64) {
    let mut found = Vec::new();
    let mut at = from;
    loop {
        let (entries, next) = log.read_stream(stream, at, 10).await.unwrap();
        found.extend(entries.iter().map(|entry| (entry.position, entry.record.snapshot == "changed")));
        if next == at {
            return (found, at);
        }
        at = next;
    }
}

fn expected(events: u64) -> Vec<(u64, bool)> {
    let of = |number: u64| {
        let original = (number.is_multiple_of(3)).then_some((number + 1, false));
        let changed = (number.is_multiple_of(4)).then_some((number + 1, true));
        original.into_iter().chain(changed)
    };
    (0..events).flat_map(of).collect()
}

#[tokio::test]
async fn originals_and_changed_events_come_in_order_of_position() {
    let bench = Bench::with(|options| options.segment_bytes = 12_000);
    let log = bench.open();
    append_routed(&log, 0..200).await;
    let by_position: Vec<(u64, u64)> = positions(&log).await;
    // Stored late and in any order.
    for (number, position) in by_position.iter().rev().filter(|(number, _)| number.is_multiple_of(4)) {
        store(&log, *number, *position).await;
    }
    wait_for_seals(&log);
    let expected: Vec<(u64, bool)> = expected(200)
        .into_iter()
        .map(|(at, changed)| (by_position[usize::try_from(at).unwrap() - 1].1, changed))
        .collect();
    assert_eq!(read_all(&log, "orders", 1).await, (expected.clone(), log.head() + 1));
    let later: Vec<(u64, bool)> = expected.iter().copied().filter(|(position, _)| *position >= 100).collect();
    assert_eq!(read_all(&log, "orders", 100).await.0, later);
    assert_eq!(read_all(&log, "none", 1).await.0, []);
    log.close().await;
    let log = bench.open();
    assert_eq!(read_all(&log, "orders", 0).await, (expected, log.head() + 1));
    log.close().await;
}

async fn positions(log: &Log) -> Vec<(u64, u64)> {
    let all = super::support::all_from(log, 1).await;
    all.iter().enumerate().map(|(number, entry)| (number as u64, entry.position)).collect()
}

#[tokio::test]
async fn a_reader_waits_before_an_event_whose_change_is_still_to_come() {
    let bench = Bench::new();
    let log = bench.open();
    append_routed(&log, 1..9).await; // positions 1 to 8; 4 and 8 are to be changed
    let mut woken = log.watch_head();
    woken.mark_unchanged();
    assert_eq!(read_all(&log, "orders", 1).await, (vec![(3, false)], 4));
    store(&log, 4, 4).await;
    eventually("readers are woken", || woken.has_changed().unwrap());
    assert_eq!(read_all(&log, "orders", 4).await, (vec![(4, true), (6, false)], 8));
    assert_eq!(read_all(&log, "others", 1).await.1, 9, "the lane is known to store to another stream");
    // It becomes a dead letter: settled without a changed event.
    woken.mark_unchanged();
    log.settled_below(9, None);
    assert!(woken.has_changed().unwrap());
    assert_eq!(read_all(&log, "orders", 8).await, (Vec::new(), 9));
    log.close().await;
}

#[tokio::test]
async fn storing_again_replaces_also_in_another_stream() {
    let bench = Bench::new();
    let log = bench.open();
    append_routed(&log, 0..1).await;
    let lane: Arc<LaneName> = lane("changed", "log", None);
    for (stream, snapshot) in [("orders", "changed"), ("orders", "again"), ("moved", "moved"), ("moved", "last")] {
        let record = Record { snapshot: snapshot.into(), ..routed(0) };
        log.store_derived(1, lane.clone(), stream, Arc::new(record)).await.unwrap();
    }
    let snapshots = async |stream| -> Vec<String> {
        let (entries, _) = log.read_stream(stream, 1, 10).await.unwrap();
        entries.iter().map(|entry| entry.record.snapshot.to_string()).collect()
    };
    assert_eq!(snapshots("orders").await, ["snapshot"], "only the original");
    assert_eq!(snapshots("moved").await, ["last"]);
    log.close().await;
    let again = log.store_derived(1, lane, "orders", Arc::new(routed(0))).await;
    assert_eq!(again, Err(AppendError::Closed));
}

#[tokio::test]
async fn a_stream_without_changes_is_served_from_memory() {
    let bench = Bench::new();
    let log = bench.open();
    let original = Record { decision: decision(&[lane("plain", "log", Some("orders"))]), ..record(1) };
    log.append(vec![new(original)]).await.unwrap();
    fill(&log, 0..5, 1).await;
    let (entries, next) = stream::from_tail(log.shared(), "orders", 1, 10).unwrap();
    assert_eq!((entries.len(), next), (1, 7));
    assert_eq!(stream::from_files(log.shared(), "orders", 1, 10).unwrap(), (entries, next));
    assert_eq!(log.read_stream("orders", 7, 10).await.unwrap(), (Vec::new(), 7));
    log.close().await;
}

#[tokio::test]
async fn changed_events_go_with_their_segment() {
    let bench = Bench::with(|options| {
        options.segment_bytes = 2_000;
        options.max_age = std::time::Duration::from_millis(1);
    });
    let log = bench.open();
    append_routed(&log, 0..1).await;
    store(&log, 0, 1).await;
    let beside = segment::streams_path(&bench.segments()[0]);
    assert!(beside.exists());
    append_routed(&log, 1..40).await;
    assert!(beside.exists(), "nothing is settled");
    log.settled_below(log.head() + 1, None);
    eventually("the file is removed", || !beside.exists());
    eventually("its side files too", || !segment::side_file(&beside, "-wal").exists());
    // Too late to matter, and no error: everybody has settled it.
    store(&log, 0, 1).await;
    assert!(!beside.exists());
    log.close().await;
}

#[tokio::test]
async fn damaged_changes_are_saved_as_far_as_they_can_be_read() {
    let bench = Bench::new();
    let log = bench.open();
    append_routed(&log, 0..400).await;
    for number in (0..400).step_by(4) {
        store(&log, number, number + 1).await;
    }
    log.close().await;
    let path = segment::streams_path(&bench.segments()[0]);
    let mut bytes = std::fs::read(&path).unwrap();
    // The header of the page that holds the newest change: it cannot be read, and nothing can be added to it.
    let page = bytes.windows(6).rposition(|window| window == b"id-396").unwrap() / 8_192 * 8_192;
    bytes[page] ^= 0x20;
    std::fs::write(&path, &bytes).unwrap();
    let log = bench.open();
    log.settled_below(401, None);
    let before = read_all(&log, "orders", 1).await.0;
    assert!(before.len() < expected(400).len());
    store(&log, 396, 397).await;
    let after = read_all(&log, "orders", 1).await.0;
    assert_eq!(after.len(), before.len() + 1, "what could be read is kept");
    assert!(segment::damaged_streams_path(&bench.segments()[0]).exists());
    assert!(bench.broken.lock().unwrap().is_empty());
    log.close().await;
}
