//! A producer's ledger: posts numbered events from several keys at once, remembers what it was told about each, and holds
//! the receivers' books against it.
//!
//! A producer does what the promise asks of it (README): after a 202 it goes on, after a cut connection or a 503 it sends the
//! same event again, after a definite refusal it never does.

#[cfg(any(feature = "kafka", feature = "nats"))]
use super::Broker;
use super::wait_for;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The type of every event of a ledger.
pub const TYPE: &str = "com.example.ledger.counted";
/// The schema that refuses its bad events.
pub const SCHEMA: &str = r#"{"type":"object","required":["n"],"properties":{"n":{"type":"integer","minimum":0}},"additionalProperties":false}"#;
/// Every so many events a producer sends one that its schema refuses.
const BAD_EVERY: u64 = 10;

/// Running producers, one per key.
pub struct Ledger {
    shared: Arc<Shared>,
    url: watch::Sender<String>,
    producers: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    acked: AtomicU64,
    /// Answers that were neither 202 nor the refusal a bad event asks for, and requests without an answer.
    failures: AtomicU64,
    book: Mutex<Book>,
}

/// What the producers were told.
#[derive(Debug, Default, Clone)]
pub struct Book {
    /// Ids that got a 202.
    pub acked: BTreeSet<String>,
    /// Ids that got a 422.
    pub refused: BTreeSet<String>,
}

impl Ledger {
    /// Starts `keys` producers that post to the URL as long as they are told to.
    pub fn start(keys: usize, url: String) -> Ledger {
        let (url, seen) = watch::channel(url);
        let shared = Arc::new(Shared::default());
        let produce = |key| {
            #[expect(clippy::disallowed_methods, reason = "a test owns its tasks itself")]
            tokio::spawn(produce(key, Arc::clone(&shared), seen.clone()))
        };
        let producers = (0..keys).map(produce).collect();
        Ledger { shared, url, producers }
    }

    /// The gateway is somewhere else now.
    pub fn move_to(&self, url: String) {
        self.url.send_replace(url);
    }

    /// Waits until this many more events were acknowledged.
    pub async fn wait_for_acks(&self, more: u64) {
        let wanted = self.acked() + more;
        let count = || async { (self.acked() >= wanted).then_some(()) };
        wait_for("acknowledgements", Duration::from_mins(1), count).await;
    }

    /// Events acknowledged so far.
    pub fn acked(&self) -> u64 {
        self.shared.acked.load(Ordering::Relaxed)
    }

    /// Requests that were not answered as they should have been, so far.
    #[cfg(any(feature = "kafka", feature = "nats"))]
    pub fn failures(&self) -> u64 {
        self.shared.failures.load(Ordering::Relaxed)
    }

    /// Stops the producers, each after the answer it waits for, and closes the book.
    pub async fn finish(self) -> Book {
        self.shared.stop.store(true, Ordering::Relaxed);
        for producer in self.producers {
            producer.await.expect("a producer does not panic");
        }
        self.shared.book.lock().expect("no producer panicked").clone()
    }
}

/// Kills and pauses a broker three times under load, with 200 acknowledgements before each change: a destination that is
/// down never stops ingest.
#[cfg(any(feature = "kafka", feature = "nats"))]
pub async fn take_away(broker: &mut impl Broker, producers: &Ledger) {
    for _ in 0..3 {
        producers.wait_for_acks(200).await;
        broker.kill();
        producers.wait_for_acks(200).await;
        broker.restart();
        producers.wait_for_acks(200).await;
        broker.pause();
        producers.wait_for_acks(200).await;
        broker.unpause();
    }
    assert_eq!(producers.failures(), 0, "a producer noticed that its broker was away");
}

async fn produce(key: usize, shared: Arc<Shared>, mut url: watch::Receiver<String>) {
    let http = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().expect("a client");
    let mut n = 0u64;
    while !shared.stop.load(Ordering::Relaxed) {
        let bad = n % BAD_EVERY == BAD_EVERY - 1;
        let id = format!("{key}-{n}");
        let data = if bad { json!({ "n": "many" }) } else { json!({ "n": n }) };
        let event = json!({"specversion": "1.0", "id": id, "source": "/ledger", "type": TYPE,
            "partitionkey": format!("key-{key}"), "data": data});
        let status = post_until_told(&http, &event, &shared, &mut url).await;
        let mut book = shared.book.lock().expect("no producer panicked");
        match (status, bad) {
            (202, false) => {
                book.acked.insert(id);
                shared.acked.fetch_add(1, Ordering::Relaxed);
            }
            (422, true) => {
                book.refused.insert(id);
            }
            other => panic!("event {id} (bad: {bad}) was answered {other:?}"),
        }
        n += 1;
    }
}

/// Sends an event until its fate is told: 202 or 422.
async fn post_until_told(
    http: &reqwest::Client,
    event: &Value,
    shared: &Shared,
    url: &mut watch::Receiver<String>,
) -> u16 {
    loop {
        let target = url.borrow_and_update().clone();
        let request = http.post(&target).header("content-type", "application/cloudevents+json").body(event.to_string());
        match request.send().await {
            Ok(answer) if [202, 422].contains(&answer.status().as_u16()) => return answer.status().as_u16(),
            _ => shared.failures.fetch_add(1, Ordering::Relaxed),
        };
        // Nothing listens there until the gateway has moved; the time-out is for one that only was busy.
        drop(tokio::time::timeout(Duration::from_millis(50), url.changed()).await);
    }
}

/// Holds what a receiver got, in its order, against the book: nothing acknowledged is missing, nothing refused is there, no
/// more than `most` copies of what was there already, and each key in order: no event is there for the first time after a
/// younger one. Returns how many copies there were.
pub fn check(book: &Book, receiver: &str, got: &[String], most: usize) -> usize {
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    let mut newest: BTreeMap<&str, u64> = BTreeMap::new();
    for id in got {
        let times = times.entry(id).or_default();
        *times += 1;
        let (key, n) = id.split_once('-').expect("an id of this ledger");
        let n: u64 = n.parse().expect("a number");
        let before = *newest.get(key).unwrap_or(&n);
        assert!(*times > 1 || before <= n, "{receiver}: key {key}: {n} came after {before}");
        newest.insert(key, before.max(n));
    }
    let lost: Vec<_> = book.acked.iter().filter(|id| !times.contains_key(id.as_str())).collect();
    let phantom: Vec<_> = book.refused.iter().filter(|id| times.contains_key(id.as_str())).collect();
    let twice: Vec<_> = times.iter().filter(|(_, times)| **times > 1).collect();
    let acked = book.acked.len();
    assert!(lost.is_empty(), "{receiver}: {} of {acked} acknowledged events are lost: {lost:?}", lost.len());
    assert!(phantom.is_empty(), "{receiver}: refused events are there: {phantom:?}");
    let copies = got.len() - times.len();
    assert!(copies <= most, "{receiver}: {copies} copies of {acked} events, at most {most} may be there: {twice:?}");
    copies
}

/// Tells what a ledger has found, beside the name of the test (`--nocapture`).
#[cfg(feature = "kafka")]
pub fn report(what: &str, book: &Book, copies: usize) {
    #[expect(clippy::print_stderr, reason = "a figure for people; a test has nothing else to say it with")]
    {
        eprintln!("{what}: {} acknowledged, {} refused, {copies} copies", book.acked.len(), book.refused.len());
    }
}
