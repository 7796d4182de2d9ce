//! The log read without its lock: beside its writer, after a clean end, after a crash, and from a copy.

use super::support::{Bench, all_from, fill, wait_for_seals};
use crate::log::read_only::ReadOnlyLog;
use crate::log::segment::side_file;
use crate::units::Micros;
use std::collections::BTreeMap;
use std::path::Path;

/// Everything in it, read in pieces.
fn read(dir: &Path) -> Vec<(u64, String)> {
    let mut log = ReadOnlyLog::open(dir).unwrap().unwrap();
    read_all(&mut log, Micros(0))
}

fn read_all(log: &mut ReadOnlyLog, since: Micros) -> Vec<(u64, String)> {
    let mut found = Vec::new();
    let mut next = Some(log.first());
    while let Some(from) = next {
        let batch = log.read(from, since).unwrap();
        found.extend(batch.entries.iter().map(|entry| (entry.position, entry.record.event.id.to_string())));
        next = batch.next;
    }
    found
}

/// Names and contents of the files in a folder; of an index over a write-ahead log only the name.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = std::fs::read_dir(dir).unwrap().map(|file| file.unwrap());
    let content =
        |path: &Path| if path.to_string_lossy().ends_with("-shm") { Vec::new() } else { std::fs::read(path).unwrap() };
    files.map(|file| (file.file_name().into_string().unwrap(), content(&file.path()))).collect()
}

#[tokio::test]
async fn beside_the_writer_everything_is_seen_that_was_there_when_it_was_opened() {
    let bench = Bench::with(|options| options.segment_bytes = 20_000);
    let log = bench.open();
    let mut positions = fill(&log, 0..400, 7).await;
    wait_for_seals(&log);
    assert!(bench.segments().len() > 2, "several segments");
    let mut outside = ReadOnlyLog::open(&bench.options.dir).unwrap().unwrap();
    assert_eq!((outside.first(), outside.last()), (1, log.head()));
    positions.extend(fill(&log, 400..500, 7).await);
    let expected = |to: usize| -> Vec<_> {
        positions[..to].iter().enumerate().map(|(number, position)| (*position, format!("id-{number}"))).collect()
    };
    assert_eq!(read_all(&mut outside, Micros(0)), expected(400));
    assert_eq!(read(&bench.options.dir), expected(500), "opened again it sees what came");
    assert_eq!(outside.damaged(), 0);
    assert_eq!(all_from(&log, 1).await.len(), 500, "the writer goes on");
    log.close().await;
}

#[tokio::test]
async fn a_log_that_nobody_writes_to_is_left_as_it_is() {
    let bench = Bench::with(|options| options.segment_bytes = 20_000);
    let log = bench.open();
    fill(&log, 0..300, 7).await;
    wait_for_seals(&log);
    log.close().await;
    drop(log);
    let before = files(&bench.options.dir);
    let found = read(&bench.options.dir);
    assert_eq!(found.len(), 300);
    assert_eq!(files(&bench.options.dir), before);
    for path in bench.segments() {
        for suffix in ["-wal", "-shm"] {
            std::fs::remove_file(side_file(&path, suffix)).ok();
        }
    }
    let before = files(&bench.options.dir);
    assert_eq!(read(&bench.options.dir), found, "a copy without side files");
    assert_eq!(files(&bench.options.dir), before);
}

#[tokio::test]
async fn what_a_crash_left_in_the_write_ahead_log_is_read_with_its_index_and_without() {
    let bench = Bench::new();
    let log = bench.open();
    fill(&log, 0..50, 7).await;
    // As after a crash: the files of the moment, in another folder.
    let copy = tempfile::tempdir().unwrap();
    for (name, _) in files(&bench.options.dir) {
        std::fs::copy(bench.options.dir.join(&name), copy.path().join(&name)).unwrap();
    }
    log.close().await;
    let before = files(copy.path());
    assert!(before.iter().any(|(name, content)| name.ends_with("-wal") && !content.is_empty()), "it holds something");
    assert_eq!(read(copy.path()).len(), 50);
    assert_eq!(files(copy.path()), before);
    for name in before.keys().filter(|name| name.ends_with("-shm")) {
        std::fs::remove_file(copy.path().join(name)).unwrap();
    }
    let before = files(copy.path());
    assert_eq!(read(copy.path()).len(), 50, "the index is made elsewhere");
    assert_eq!(files(copy.path()), before, "and nothing here");
}

#[tokio::test]
async fn segments_with_older_events_alone_are_not_read_and_missing_ones_are_skipped() {
    let bench = Bench::with(|options| options.segment_bytes = 20_000);
    let log = bench.open();
    fill(&log, 0..300, 7).await;
    wait_for_seals(&log);
    log.close().await;
    let mut outside = ReadOnlyLog::open(&bench.options.dir).unwrap().unwrap();
    let since = super::support::record(200).received;
    let young = read_all(&mut outside, since);
    assert!(young.len() >= 100 && young.len() < 300, "{}", young.len());
    assert!(young.iter().any(|(_, id)| id == "id-200"));
    let mut outside = ReadOnlyLog::open(&bench.options.dir).unwrap().unwrap();
    std::fs::remove_file(&bench.segments()[0]).unwrap();
    let left = read_all(&mut outside, Micros(0));
    assert!(!left.is_empty() && left[0].0 > 1, "retention took the first one");
}

#[test]
fn no_folder_and_a_folder_without_segments_are_no_log() {
    let folder = tempfile::tempdir().unwrap();
    assert!(ReadOnlyLog::open(folder.path()).unwrap().is_none());
    assert!(ReadOnlyLog::open(&folder.path().join("missing")).unwrap().is_none());
    let segment = folder.path().join(format!("{:020}.db", 1));
    std::fs::write(segment, "no database, but long enough to be looked at").unwrap();
    assert!(ReadOnlyLog::open(folder.path()).is_err());
}

#[tokio::test]
async fn a_large_log_is_read_in_pieces_that_are_let_go() {
    const EVENTS: u64 = 200_000;
    let bench = Bench::new();
    let log = bench.open();
    fill(&log, 0..EVENTS, 5_000).await;
    log.close().await;
    let mut outside = ReadOnlyLog::open(&bench.options.dir).unwrap().unwrap();
    let mut read = 0;
    let counted = allocation_counter::measure(|| {
        let mut next = Some(outside.first());
        while let Some(from) = next {
            let batch = outside.read(from, Micros(0)).unwrap();
            read += batch.entries.len() as u64;
            next = batch.next;
        }
    });
    assert_eq!(read, EVENTS);
    assert!(counted.bytes_max < 8 << 20, "{} bytes were held at once", counted.bytes_max);
}
