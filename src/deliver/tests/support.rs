//! A log in memory, destinations that do as they are told, and a delivery half between them.

use crate::cloudevents::{Attribute, Data, Event, Kind, Value};
use crate::codes::Code;
use crate::deliver::dispatcher::{Delivery, LaneLimits};
use crate::deliver::entry::{DeliverEntry, RetryPolicy, Target};
use crate::deliver::error::{Advice, DeliveryError};
use crate::deliver::plan::{Plan, Undeliverable};
use crate::deliver::source::Source;
use crate::deliver::{Destination, Health, Outgoing, Receipt};
use crate::encode::{Format, Mode};
use crate::lane_name::LaneName;
use crate::log::ReadError;
use crate::log::record::{Entry, Record};
use crate::observability::trace::Ids;
use crate::state::{DeadLetter, DeliveryRecord, Reason, State};
use crate::tasks::Tasks;
use crate::transform::template::Template;
use crate::units::Micros;
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

pub const LIMITS: LaneLimits = LaneLimits { events: 100, bytes: 1 << 20, parked: 1000, idle: Duration::from_secs(60) };

/// A log in memory.
pub struct FakeLog {
    entries: Mutex<BTreeMap<u64, Arc<Entry>>>,
    head: watch::Sender<u64>,
    pub settled: Mutex<(u64, Option<Arc<LaneName>>)>,
    pub first: AtomicU64,
    pub broken: AtomicBool,
}

impl FakeLog {
    pub fn new() -> Arc<FakeLog> {
        Arc::new(FakeLog {
            entries: Mutex::default(),
            head: watch::Sender::new(0),
            settled: Mutex::default(),
            first: AtomicU64::new(1),
            broken: AtomicBool::new(false),
        })
    }

    fn failure(&self) -> Option<ReadError> {
        let source = rusqlite::Error::InvalidQuery;
        self.broken.load(Ordering::Relaxed).then(|| ReadError::Segment { segment: "segment".into(), source })
    }
}

impl Source for FakeLog {
    fn head(&self) -> u64 {
        *self.head.borrow()
    }

    fn first(&self) -> u64 {
        self.first.load(Ordering::Relaxed)
    }

    fn watch_head(&self) -> watch::Receiver<u64> {
        self.head.subscribe()
    }

    fn read_from(
        &self,
        from: u64,
        limit: usize,
        _bytes: usize,
    ) -> BoxFuture<'static, Result<Vec<Arc<Entry>>, ReadError>> {
        let found: Vec<Arc<Entry>> =
            self.entries.lock().unwrap().range(from..).take(limit).map(|(_, entry)| entry.clone()).collect();
        let result = self.failure().map_or(Ok(found), Err);
        // As the real one: sometimes at once, sometimes after others have run.
        async move {
            if fastrand::bool() {
                tokio::task::yield_now().await;
            }
            result
        }
        .boxed()
    }

    fn get(&self, position: u64) -> BoxFuture<'static, Result<Option<Arc<Entry>>, ReadError>> {
        let found = self.entries.lock().unwrap().get(&position).cloned();
        std::future::ready(self.failure().map_or(Ok(found), Err)).boxed()
    }

    fn settled_below(&self, position: u64, holder: Option<Arc<LaneName>>) {
        *self.settled.lock().unwrap() = (position, holder);
    }

    fn encode(&self, record: &Record) -> Bytes {
        record.event.id.as_bytes().clone()
    }
}

/// What a destination does with a message.
#[derive(Debug, Clone, Copy)]
pub enum Answer {
    Take,
    TakeAfter(Duration),
    Fail(Advice),
    Hang,
    Panic,
}

pub type Script = Box<dyn FnMut(&Outgoing) -> Answer + Send>;

/// A destination that does as it is told.
pub struct Scripted {
    script: Mutex<Script>,
    pub taken: Mutex<Vec<Outgoing>>,
    pub asked: AtomicUsize,
    pub in_flight: AtomicUsize,
    pub most_in_flight: AtomicUsize,
    pub max: usize,
}

impl Scripted {
    pub fn new(script: impl FnMut(&Outgoing) -> Answer + Send + 'static) -> Arc<Scripted> {
        Scripted::with_max(256, script)
    }

    pub fn with_max(max: usize, script: impl FnMut(&Outgoing) -> Answer + Send + 'static) -> Arc<Scripted> {
        Arc::new(Scripted {
            script: Mutex::new(Box::new(script)),
            taken: Mutex::default(),
            asked: AtomicUsize::new(0),
            in_flight: AtomicUsize::new(0),
            most_in_flight: AtomicUsize::new(0),
            max,
        })
    }

    pub fn answers(&self, script: impl FnMut(&Outgoing) -> Answer + Send + 'static) {
        *self.script.lock().unwrap() = Box::new(script);
    }

    /// Positions taken, in order.
    pub fn positions(&self) -> Vec<u64> {
        self.taken.lock().unwrap().iter().map(|outgoing| outgoing.message_id.parse().unwrap()).collect()
    }

    pub fn count(&self) -> usize {
        self.taken.lock().unwrap().len()
    }

    /// Positions of each key in the order taken, repeated ones left out.
    pub fn by_key(&self) -> HashMap<String, Vec<u64>> {
        let mut keys: HashMap<String, Vec<u64>> = HashMap::new();
        for outgoing in self.taken.lock().unwrap().iter() {
            let (Some(key), position) = (&outgoing.key, outgoing.message_id.parse().unwrap()) else { continue };
            let positions = keys.entry(key.clone()).or_default();
            if !positions.contains(&position) {
                positions.push(position);
            }
        }
        keys
    }
}

/// Counts an attempt in flight, also when it is dropped.
struct InFlight<'a>(&'a AtomicUsize);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Destination for Scripted {
    fn deliver(&self, outgoing: Outgoing) -> BoxFuture<'_, Result<Receipt, DeliveryError>> {
        async move {
            self.asked.fetch_add(1, Ordering::Relaxed);
            let now = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
            let _in_flight = InFlight(&self.in_flight);
            self.most_in_flight.fetch_max(now, Ordering::Relaxed);
            let answer = (self.script.lock().unwrap())(&outgoing);
            match answer {
                Answer::Take => {}
                Answer::TakeAfter(time) => tokio::time::sleep(time).await,
                Answer::Fail(advice) => {
                    tokio::task::yield_now().await;
                    return Err(DeliveryError { code: Code::NoAck, detail: "scripted".to_owned(), advice });
                }
                Answer::Hang => std::future::pending().await,
                Answer::Panic => panic!("scripted"),
            }
            let receipt = format!("for {}", outgoing.message_id);
            self.taken.lock().unwrap().push(outgoing);
            Ok(Some(receipt))
        }
        .boxed()
    }

    fn health(&self) -> Health {
        Health { healthy: false, detail: None }
    }

    fn max_in_flight(&self) -> usize {
        self.max
    }

    fn close(&self, _deadline: Duration) -> BoxFuture<'_, ()> {
        std::future::ready(()).boxed()
    }
}

pub fn lane(name: &str) -> Arc<LaneName> {
    Arc::new(LaneName { route: "route".into(), name: name.into(), destination: name.into(), stream: None })
}

fn event(ty: &str, id: u64, key: Option<&str>) -> Event {
    let attribute =
        |key: &str| Attribute { name: "partitionkey".into(), value: Value { kind: Kind::String, text: key.into() } };
    let attributes = key.map(attribute).into_iter().collect();
    Event { id: id.to_string().into(), source: "/test".into(), ty: ty.into(), attributes, data: Data::Absent }
}

fn key(entry: &Entry, _deliver: &DeliverEntry) -> Option<String> {
    entry.record.event.attribute("partitionkey").map(str::to_owned)
}

fn prepare(entry: &Entry, deliver: &DeliverEntry, _attempt: u32) -> Result<Outgoing, Undeliverable> {
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
        steps: Arc::from([]),
        target: Target::Nowhere,
        key: Template::parse("{partitionkey}").unwrap(),
        mode: Mode::Binary,
        format: Format::Json,
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

    fn plan(self: &Arc<Setup>) -> Plan {
        let (entries, destinations) = (self.clone(), self.clone());
        Plan {
            entry: Arc::new(move |lane| {
                let left = &entries.panics;
                let panic = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
                assert!(!panic, "told to panic");
                entries.entries.lock().unwrap().get(&*lane.name).cloned()
            }),
            destination: Arc::new(move |name| destinations.destinations.lock().unwrap().get(name).cloned()),
            prepare,
            key,
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
        let record = Arc::new(Record {
            received: at(self.begun),
            listener: "public".into(),
            producer: None,
            schema: None,
            snapshot: "v".into(),
            process: Ids::seeded(position).root(),
            decision: lanes.iter().map(|name| lane(name)).collect(),
            event: event(ty, position, key),
        });
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
