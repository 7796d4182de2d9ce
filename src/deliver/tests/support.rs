//! A delivery half between a log in memory and destinations that do as they are told.

use super::doubles::FakeLog;

use crate::cloudevents::Format;
use crate::cloudevents::{Attribute, Data, Event};
use crate::codes::Code;
use crate::deliver::dispatcher::{Delivery, LaneLimits};
use crate::deliver::entry::{DeliverEntry, RetryPolicy, Target};
use crate::deliver::plan::{Plan, Undeliverable};
use crate::deliver::source::Source;
use crate::deliver::{Destination, Outgoing};
use crate::encode::{HeaderEncoding, Mode};
use crate::lane_name::LaneName;
use crate::log::record::{Entry, Record};
use crate::observability::spans::Spans;
use crate::observability::trace::Ids;
use crate::observability::trace::hop::Hop;
use crate::state::{DeadLetter, DeliveryRecord, Reason, State};
use crate::tasks::Tasks;
use crate::transform::template::Template;
use crate::units::Micros;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

pub const LIMITS: LaneLimits = LaneLimits { events: 100, bytes: 1 << 20, parked: 1000, idle: Duration::from_mins(1) };

pub fn lane(name: &str) -> Arc<LaneName> {
    Arc::new(LaneName { route: "route".into(), name: name.into(), destination: name.into(), stream: None })
}

fn event(ty: &str, id: u64, key: Option<&str>) -> Event {
    let attributes = key.map(|key| Attribute::string("partitionkey", key)).into_iter().collect();
    Event { id: id.to_string().into(), source: "/test".into(), ty: ty.into(), attributes, data: Data::Absent }
}

/// A record as a listener would make it; `id` is the event's id.
pub fn record(received: Micros, ty: &str, id: u64, lanes: &[&str], key: Option<&str>) -> Record {
    Record {
        received,
        listener: "public".into(),
        producer: None,
        schema: None,
        snapshot: "v".into(),
        process: Ids::seeded(id).root(),
        tracestate: None,
        decision: lanes.iter().map(|name| lane(name)).collect(),
        event: event(ty, id, key),
    }
}

fn key(entry: &Entry, _deliver: &DeliverEntry) -> Option<String> {
    entry.record.event.attribute("partitionkey").map(str::to_owned)
}

fn prepare(entry: &Entry, deliver: &DeliverEntry, _hop: &Hop) -> Result<Outgoing, Undeliverable> {
    assert_ne!(&*entry.record.event.ty, "poison");
    if &*entry.record.event.ty == "unfillable" {
        let (reason, code) = (Reason::Template, Code::TemplateUnfilled);
        return Err(Undeliverable { reason, code, detail: "no region".to_owned(), target: None });
    }
    Ok(Outgoing {
        target: "target".to_owned(),
        key: key(entry, deliver),
        headers: Vec::new(),
        body: None,
        message_id: entry.position.to_string(),
        stored: None,
    })
}

/// The snapshot and the running destinations, to be changed by tests.
#[derive(Default)]
pub struct Setup {
    pub entries: Mutex<HashMap<String, Arc<DeliverEntry>>>,
    pub destinations: Mutex<HashMap<String, Arc<dyn Destination>>>,
    /// What the snapshot before had.
    pub earlier: Mutex<HashMap<String, Arc<DeliverEntry>>>,
    pub panics: AtomicUsize,
}

/// A delivery half with everything around it.
pub struct Rig {
    pub log: Arc<FakeLog>,
    pub setup: Arc<Setup>,
    pub limits: LaneLimits,
    pub dir: tempfile::TempDir,
    pub state: State,
    pub delivery: Delivery,
    pub tasks: Tasks,
    begun: Instant,
}

pub fn entry(name: &str, keep_order: bool, retry: RetryPolicy) -> Arc<DeliverEntry> {
    Arc::new(DeliverEntry {
        lane: lane(name),
        identity: crate::transform::identity::Identity::Keep,
        steps: Arc::from([]),
        target: Target::Nowhere,
        key: Template::parse("{partitionkey}").unwrap(),
        mode: Mode::Binary,
        format: Format::Json,
        header_encoding: HeaderEncoding::Percent,
        retry,
        keep_order,
    })
}

impl Setup {
    /// Adds a lane with order by key that goes to `destination`.
    pub fn add(&self, name: &str, destination: Arc<dyn Destination>) {
        self.add_with(name, true, RetryPolicy::default(), destination);
    }

    pub fn add_with(&self, name: &str, order: bool, retry: RetryPolicy, destination: Arc<dyn Destination>) {
        self.entries.lock().unwrap().insert(name.to_owned(), entry(name, order, retry));
        self.destinations.lock().unwrap().insert(name.to_owned(), destination);
    }

    pub fn plan(self: &Arc<Setup>) -> Plan {
        let (entries, earlier, destinations) = (self.clone(), self.clone(), self.clone());
        Plan {
            entry: Arc::new(move |lane| {
                let left = &entries.panics;
                let panic = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
                assert!(!panic, "told to panic");
                entries.entries.lock().unwrap().get(&*lane.name).cloned()
            }),
            earlier_entry: Arc::new(move |lane, _version| earlier.earlier.lock().unwrap().get(&*lane.name).cloned()),
            destination: Arc::new(move |name| destinations.destinations.lock().unwrap().get(name).cloned()),
            prepare,
            key,
            spans: Spans::default(),
        }
    }
}

impl Rig {
    pub fn new(limits: LaneLimits, setup: Setup) -> Rig {
        Rig::start(FakeLog::new(), Arc::new(setup), limits, tempfile::tempdir().unwrap(), Instant::now())
    }

    fn start(log: Arc<FakeLog>, setup: Arc<Setup>, limits: LaneLimits, dir: tempfile::TempDir, begun: Instant) -> Rig {
        let tasks = Tasks::default();
        let (state, resume) = State::open(&dir.path().join("state.db")).unwrap();
        let clock = Arc::new(move || at(begun));
        let delivery = Delivery::start_on(log.clone(), state.clone(), setup.plan(), resume, limits, clock, &tasks);
        Rig { log, setup, limits, dir, state, delivery, tasks, begun }
    }

    /// Ends in good order and starts again. Returns how many events were kept.
    pub async fn restart(self) -> (Rig, u64) {
        let kept = self.delivery.stop(Duration::from_secs(5)).await;
        self.state.close().await;
        (Rig::start(self.log, self.setup, self.limits, self.dir, self.begun), kept)
    }

    /// Starts again from what is on disk at this moment; what the old one does from now on is forgotten.
    pub async fn crash(self) -> Rig {
        let dir = tempfile::tempdir().unwrap();
        // The commit in between the copies of both files must not happen: hold it off with a write lock of our own.
        let lock = rusqlite::Connection::open(self.dir.path().join("state.db")).unwrap();
        lock.busy_timeout(Duration::from_secs(5)).unwrap();
        lock.execute_batch("BEGIN IMMEDIATE").unwrap();
        for part in ["state.db", "state.db-wal"] {
            let from = self.dir.path().join(part);
            if from.exists() {
                std::fs::copy(from, dir.path().join(part)).unwrap();
            }
        }
        drop(lock);
        self.delivery.stop(Duration::ZERO).await;
        self.state.close().await;
        Rig::start(self.log, self.setup, self.limits, dir, self.begun)
    }

    /// Appends one event for the given lanes and returns its position.
    pub fn append(&self, lanes: &[&str], key: Option<&str>) -> u64 {
        self.append_type("t", lanes, key)
    }

    pub fn append_type(&self, ty: &str, lanes: &[&str], key: Option<&str>) -> u64 {
        let mut entries = self.log.entries.lock().unwrap();
        // Positions may have gaps.
        let position = entries.last_key_value().map_or(0, |(last, _)| *last) + fastrand::u64(1..=2);
        let record = Arc::new(record(at(self.begun), ty, position, lanes, key));
        entries.insert(position, Arc::new(Entry { position, record }));
        drop(entries);
        self.log.head.send_replace(position);
        position
    }

    /// Removes an event from the log, as a broken checksum does.
    pub fn lose(&self, position: u64) {
        self.log.entries.lock().unwrap().remove(&position);
    }

    pub fn lag(&self) -> u64 {
        self.delivery.lanes().iter().map(|lane| lane.lag).sum()
    }

    pub fn bytes(&self) -> usize {
        self.delivery.shared.context.bytes.load(Ordering::Relaxed)
    }

    /// Everything appended was handed out and settled.
    pub async fn settled(&self) {
        let end = self.log.head() + 1;
        until("everything is settled", || self.delivery.shared.floor() == (end, None)).await;
    }

    pub async fn record(&self, position: u64) -> DeliveryRecord {
        let mut records = self.state.deliveries(position).await.unwrap();
        assert_eq!(records.len(), 1, "{records:?}");
        records.remove(0)
    }

    pub async fn dead(&self) -> Vec<DeadLetter> {
        let mut dead = self.state.dead_letters(None, None, 100_000).await.unwrap();
        dead.sort_by_key(|letter| letter.position);
        dead
    }
}

fn at(begun: Instant) -> Micros {
    Micros(1_700_000_000_000_000).plus(begun.elapsed())
}

/// Waits for a condition.
pub async fn until(what: &str, condition: impl Fn() -> bool) {
    let (real, mut interval) = (std::time::Instant::now(), Duration::from_millis(1));
    while !condition() {
        assert!(real.elapsed() < Duration::from_secs(20), "waited in vain until {what}");
        tokio::time::sleep(interval).await;
        interval = (interval * 2).min(Duration::from_secs(5));
    }
}
