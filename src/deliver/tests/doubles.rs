//! A log in memory, and destinations that do as they are told.

use crate::codes::Code;
use crate::deliver::error::{Advice, DeliveryError};
use crate::deliver::source::Source;
use crate::deliver::{Destination, Health, Outgoing, Reach, Receipt};
use crate::lane_name::LaneName;
use crate::log::ReadError;
use crate::log::record::{Entry, Record};
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

/// A log in memory.
pub struct FakeLog {
    pub entries: Mutex<BTreeMap<u64, Arc<Entry>>>,
    pub head: watch::Sender<u64>,
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
        answer(self.failure().map_or(Ok(found), Err))
    }

    fn get(&self, position: u64) -> BoxFuture<'static, Result<Option<Arc<Entry>>, ReadError>> {
        let found = self.entries.lock().unwrap().get(&position).cloned();
        answer(self.failure().map_or(Ok(found), Err))
    }

    fn settled_below(&self, position: u64, holder: Option<Arc<LaneName>>) {
        *self.settled.lock().unwrap() = (position, holder);
    }

    fn encode(&self, record: &Record) -> Bytes {
        record.event.id.as_bytes().clone()
    }
}

/// As the real log answers: sometimes at once, sometimes after others have run.
fn answer<T: Send + 'static>(result: Result<T, ReadError>) -> BoxFuture<'static, Result<T, ReadError>> {
    async move {
        for _ in 0..fastrand::u8(0..4) {
            tokio::task::yield_now().await;
        }
        result
    }
    .boxed()
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
    pub reach: Mutex<Reach>,
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
            reach: Mutex::new(Reach::Up),
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

    fn reach(&self) -> Reach {
        *self.reach.lock().unwrap()
    }

    fn max_in_flight(&self) -> usize {
        self.max
    }

    fn close(&self, _deadline: Duration) -> BoxFuture<'_, ()> {
        std::future::ready(()).boxed()
    }
}
