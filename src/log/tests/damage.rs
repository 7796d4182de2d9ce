//! Damaged, missing and left-over files.

use super::support::{Bench, all_from, decision, fill, lane, new, record, wait_for_seals};
use crate::log::record::Record;
use crate::log::{AppendError, Log, OpenError, Query, segment};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

fn flip(path: &Path, at: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[at] ^= 0x20;
    std::fs::write(path, bytes).unwrap();
}

/// What is read must be what was written, in order; how much is missing is returned.
async fn missing(log: &Log, written: &BTreeMap<u64, Record>) -> usize {
    let read = all_from(log, 1).await;
    assert!(read.windows(2).all(|pair| pair[0].position < pair[1].position));
    for entry in &read {
        assert_eq!(Some(&*entry.record), written.get(&entry.position), "an altered event was returned");
    }
    written.len() - read.len()
}

async fn written(log: &Log) -> BTreeMap<u64, Record> {
    let decision = decision(&[lane("orders", "log", Some("orders"))]);
    for number in 0..200 {
        log.append(vec![new(Record { decision: decision.clone(), ..record(number) })]).await.unwrap();
    }
    wait_for_seals(log);
    all_from(log, 1).await.iter().map(|entry| (entry.position, Record::clone(&entry.record))).collect()
}

#[tokio::test]
async fn a_bad_record_is_skipped_counted_once_and_never_altered() {
    let bench = Bench::with(|options| options.segment_bytes = 20_000);
    let log = bench.open();
    let written = written(&log).await;
    log.close().await;
    let path = &bench.segments()[0];
    // Pages that were split keep old copies: all of them go bad.
    let bytes = std::fs::read(path).unwrap();
    let needle = b"id-17\x05/test";
    let places = bytes.windows(needle.len()).enumerate().filter(|(_, window)| window == needle);
    places.for_each(|(at, _)| flip(path, at + 3));
    let log = bench.open();
    assert_eq!(missing(&log, &written).await, 1);
    let position = *written.keys().nth(17).unwrap();
    assert!(log.get(position).await.unwrap().is_none());
    assert!(log.get(position + 1).await.unwrap().is_some());
    assert_eq!(log.shared().damage.count(), 1);
    let (stream, _) = log.read_stream("orders", 1, 1_000).await.unwrap();
    assert!(stream.iter().all(|entry| entry.position != position));
    log.close().await;
}

#[tokio::test]
async fn a_flipped_bit_anywhere_never_alters_an_event_and_costs_at_most_a_page_of_them() {
    let bench = Bench::with(|options| options.segment_bytes = 20_000);
    let log = bench.open();
    let written = written(&log).await;
    log.close().await;
    let path = bench.segments()[1].clone();
    let good = std::fs::read(&path).unwrap();
    let mut random = fastrand::Rng::with_seed(11);
    let (mut refused, mut skipped) = (0, 0);
    for _ in 0..60 {
        let at = random.usize(..good.len());
        flip(&path, at);
        match Log::open(bench.options.clone()) {
            Ok(log) => {
                let lost = missing(&log, &written).await;
                assert!(lost < 80, "byte {at} cost {lost} events");
                skipped += usize::from(lost > 0);
                let all = log.query(Query::default(), 1_000, Arc::new(|_| true)).await.unwrap();
                assert!(all.iter().all(|entry| written.get(&entry.position) == Some(&*entry.record)));
                log.close().await;
            }
            Err(OpenError::Segment { path: named, .. } | OpenError::Io { path: named, .. }) => {
                assert_eq!(named, path);
                refused += 1;
            }
        }
        for end in ["-wal", "-shm"] {
            std::fs::remove_file(segment::side_file(&path, end)).ok();
        }
        std::fs::write(&path, &good).unwrap();
    }
    assert!(skipped > 5, "{skipped} of 60 flips hit an event");
    assert!(refused < 20, "{refused} of 60 flips made the segment unreadable");
}

#[tokio::test]
async fn a_damaged_open_segment_is_left_behind_and_the_log_goes_on() {
    let bench = Bench::new();
    let log = bench.open();
    let written = written(&log).await;
    log.close().await;
    let path = bench.segments()[0].clone();
    // The last leaf of the events holds the newest one: wherever its page begins, the header goes bad.
    let bytes = std::fs::read(&path).unwrap();
    let newest = bytes.windows(6).position(|window| window == b"id-199").unwrap();
    flip(&path, newest / 8_192 * 8_192);
    let log = bench.open();
    assert!(missing(&log, &written).await > 0);
    assert_eq!(log.append(vec![new(record(1))]).await, Err(AppendError::Overloaded));
    let stored = log.append(vec![new(record(2))]).await.unwrap();
    assert_eq!(log.get(stored[0].position).await.unwrap().unwrap().record.event, record(2).event);
    assert_eq!(bench.segments().len(), 2);
    log.close().await;
}

#[tokio::test]
async fn a_missing_emptied_or_foreign_segment_is_named() {
    let bench = Bench::with(|options| options.segment_bytes = 10_000);
    let log = bench.open();
    fill(&log, 0..200, 5).await;
    wait_for_seals(&log);
    log.close().await;
    let path = bench.segments()[1].clone();
    let aside = bench.folder.path().join("aside");
    std::fs::rename(&path, &aside).unwrap();
    let named = |result: Result<Log, OpenError>| match result.err().unwrap() {
        OpenError::Segment { path, .. } | OpenError::Io { path, .. } => path,
    };
    assert_eq!(named(Log::open(bench.options.clone())), path, "missing");
    std::fs::write(&path, b"").unwrap();
    assert_eq!(named(Log::open(bench.options.clone())), path, "empty");
    std::fs::write(&path, b"this is not a database, it is something else").unwrap();
    assert_eq!(named(Log::open(bench.options.clone())), path, "foreign");
    std::fs::copy(&bench.segments()[0], &path).unwrap();
    assert_eq!(named(Log::open(bench.options.clone())), path, "renamed");
    std::fs::rename(&aside, &path).unwrap();
    let log = bench.open();
    assert_eq!(all_from(&log, 1).await.len(), 200);
    log.close().await;
}

#[tokio::test]
async fn a_segment_of_another_format_is_refused_and_untouched() {
    let bench = Bench::new();
    let log = bench.open();
    fill(&log, 0..3, 1).await;
    log.close().await;
    let path = bench.segments()[0].clone();
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch("UPDATE meta SET format = 2; PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    drop(connection);
    let before = std::fs::read(&path).unwrap();
    match Log::open(bench.options.clone()).err().unwrap() {
        OpenError::Io { path: named, source } => {
            assert_eq!(named, path);
            assert!(source.to_string().contains("format 2"), "{source}");
        }
        other @ OpenError::Segment { .. } => panic!("{other:?}"),
    }
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn what_was_never_used_is_deleted_at_the_start() {
    let bench = Bench::new();
    let log = bench.open();
    fill(&log, 0..3, 1).await;
    log.close().await;
    let dir = &bench.options.dir;
    let meta = segment::Meta { first: 900, previous: 1, opened: crate::units::Micros(0) };
    segment::create(dir, &meta).unwrap();
    std::fs::write(dir.join(segment::MAKING), b"half").unwrap();
    std::fs::write(dir.join("00000000000000000700.streams.db"), b"left").unwrap();
    std::fs::write(dir.join("notes.txt"), b"not ours").unwrap();
    let log = bench.open();
    assert_eq!(log.head(), 3);
    assert_eq!(fill(&log, 3..4, 1).await, [4]);
    log.close().await;
    let mut names: Vec<_> =
        std::fs::read_dir(dir).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| !name.ends_with("-wal") && !name.ends_with("-shm"));
    names.sort();
    assert_eq!(names, ["00000000000000000001.db", "notes.txt"]);
}
