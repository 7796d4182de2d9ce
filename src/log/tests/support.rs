//! Events and logs for tests.

use crate::cloudevents::{Attribute, Data, Event};
use crate::lane_name::{Decision, LaneName};
use crate::log::record::{Entry, Record};
use crate::log::segment::{self, Stage};
use crate::log::{Log, NewEntry, Options, locked};
use crate::observability::trace::TraceContext;
use crate::units::Micros;
use bytes::Bytes;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub fn record(number: u64) -> Record {
    let mut trace_id = [7; 16];
    trace_id[..8].copy_from_slice(&number.to_be_bytes());
    Record {
        received: Micros(1_700_000_000_000_000 + i64::try_from(number).unwrap()),
        listener: "public".into(),
        producer: None,
        schema: None,
        snapshot: "snapshot".into(),
        process: TraceContext { trace_id, span_id: [1; 8], sampled: false },
        tracestate: None,
        decision: Arc::new([]),
        event: event(number),
    }
}

pub fn event(number: u64) -> Event {
    Event {
        id: format!("id-{number}").into(),
        source: "/test".into(),
        ty: format!("type.{}", number % 3).into(),
        attributes: [Attribute::string("subject", &format!("subject-{}", number % 5))].into_iter().collect(),
        data: Data::Json(Bytes::from(format!("{{\"number\":{number}}}"))),
    }
}

pub fn entry(position: u64) -> Arc<Entry> {
    Arc::new(Entry { position, record: Arc::new(record(position)) })
}

pub fn lane(route: &str, name: &str, stream: Option<&str>) -> Arc<LaneName> {
    Arc::new(LaneName {
        route: route.into(),
        name: name.into(),
        destination: "log".into(),
        stream: stream.map(Into::into),
    })
}

pub fn decision(lanes: &[Arc<LaneName>]) -> Decision {
    lanes.iter().cloned().collect()
}

/// A log in a folder of its own.
pub struct Bench {
    pub folder: tempfile::TempDir,
    pub options: Options,
    pub broken: Arc<Mutex<Vec<String>>>,
}

impl Bench {
    pub fn new() -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let options = options(&folder.path().join("log"));
        let broken = Arc::new(Mutex::new(Vec::new()));
        let said = broken.clone();
        let options = Options { on_broken: Arc::new(move |detail| locked(&said).push(detail)), ..options };
        Bench { folder, options, broken }
    }

    pub fn with(change: impl FnOnce(&mut Options)) -> Bench {
        let mut bench = Bench::new();
        change(&mut bench.options);
        bench
    }

    pub fn open(&self) -> Log {
        Log::open(self.options.clone()).unwrap()
    }

    /// Files of the log, segments only, in order.
    pub fn segments(&self) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = std::fs::read_dir(&self.options.dir)
            .unwrap()
            .map(|file| file.unwrap().path())
            .filter(|path| path.file_name().and_then(|name| segment::first_of(name.to_str()?)).is_some())
            .collect();
        files.sort();
        files
    }
}

pub fn options(dir: &Path) -> Options {
    Options {
        dir: dir.to_path_buf(),
        segment_bytes: 128 << 20,
        max_age: Duration::from_hours(168),
        max_bytes: 10 << 30,
        duplicate_window: Duration::from_mins(10),
        duplicate_events: 100_000,
        queue_requests: 1_024,
        tail_bytes: 1 << 20,
        on_broken: Arc::new(|detail| panic!("the log broke: {detail}")),
    }
}

pub fn new(record: Record) -> NewEntry {
    NewEntry { record: Arc::new(record), fingerprint: None }
}

pub fn once(record: Record, fingerprint: u128) -> NewEntry {
    NewEntry { record: Arc::new(record), fingerprint: Some(fingerprint) }
}

/// Appends records of these numbers, `group` to a request; returns their positions.
pub async fn fill(log: &Log, numbers: Range<u64>, group: usize) -> Vec<u64> {
    let numbers: Vec<u64> = numbers.collect();
    let mut positions = Vec::new();
    for chunk in numbers.chunks(group) {
        let stored = log.append(chunk.iter().map(|number| new(record(*number))).collect()).await.unwrap();
        positions.extend(stored.iter().map(|stored| stored.position));
    }
    positions
}

/// Everything from a position on, read in pieces.
pub async fn all_from(log: &Log, from: u64) -> Vec<Arc<Entry>> {
    let mut all: Vec<Arc<Entry>> = Vec::new();
    let mut at = from;
    loop {
        let entries = log.read_from(at, 100, 1 << 20).await.unwrap();
        let Some(last) = entries.last() else { return all };
        at = last.position + 1;
        all.extend(entries);
    }
}

/// Looks again and again, for at most ten seconds.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = std::time::Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(10), "still not: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until every segment but the open one is sealed.
pub fn wait_for_seals(log: &Log) {
    eventually("all full segments are sealed", || {
        let segments = log.shared().segments.all();
        segments[..segments.len() - 1].iter().all(|segment| segment.stage() == Stage::Sealed)
    });
}
