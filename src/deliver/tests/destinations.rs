//! Running destinations across reloads.

use super::doubles::{Answer, Scripted};
use super::support::until;
use crate::deliver::destinations::{Destinations, Wanted};
use crate::deliver::discard::Discard;
use crate::deliver::error::DeliveryError;
use crate::deliver::{Destination, Health, Outgoing, Receipt};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Counts how often it was closed.
#[derive(Default)]
struct Closing(Arc<AtomicUsize>);

impl Destination for Closing {
    fn deliver(&self, _outgoing: Outgoing) -> BoxFuture<'_, Result<Receipt, DeliveryError>> {
        std::future::ready(Ok(None)).boxed()
    }

    fn health(&self) -> Health {
        Health { healthy: false, detail: Some("never".to_owned()) }
    }

    fn close(&self, _deadline: Duration) -> BoxFuture<'_, ()> {
        self.0.fetch_add(1, Ordering::Relaxed);
        std::future::ready(()).boxed()
    }
}

fn wanted(name: &str, fingerprint: &str, closed: &Arc<AtomicUsize>) -> Wanted {
    let closed = closed.clone();
    Wanted {
        name: name.to_owned(),
        kind: "nats",
        fingerprint: fingerprint.to_owned(),
        start: Box::new(move || Arc::new(Closing(closed))),
    }
}

#[tokio::test(start_paused = true)]
async fn a_destination_runs_as_long_as_its_options_stay_the_same() {
    let closed = Arc::new(AtomicUsize::new(0));
    let running = Destinations::default();
    running.apply(vec![wanted("a", "1", &closed), wanted("b", "1", &closed)]);
    let (a, b) = (running.get("a").unwrap(), running.get("b").unwrap());
    running.apply(vec![wanted("a", "1", &closed), wanted("b", "2", &closed)]);
    assert!(Arc::ptr_eq(&a, &running.get("a").unwrap()));
    assert!(!Arc::ptr_eq(&b, &running.get("b").unwrap()));
    let list: Vec<_> = running.list().into_iter().map(|one| (one.name, one.kind, one.health.healthy)).collect();
    assert_eq!(list, [("a".to_owned(), "nats", false), ("b".to_owned(), "nats", false)]);

    // The old `b` is still held, as by an attempt in flight.
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(closed.load(Ordering::Relaxed), 0);
    drop(b);
    until("it is closed", || closed.load(Ordering::Relaxed) == 1).await;

    drop(a);
    running.close(Duration::from_secs(5)).await;
    assert_eq!(closed.load(Ordering::Relaxed), 3);
    assert!(running.get("a").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_removed_destination_can_be_had_for_a_moment() {
    let closed = Arc::new(AtomicUsize::new(0));
    let running = Destinations::default();
    running.apply(vec![wanted("a", "1", &closed)]);
    running.apply(Vec::new());
    assert!(running.get("a").is_some(), "for who was told to go there by the snapshot before");
    assert!(running.list().is_empty());
    until("it is closed", || closed.load(Ordering::Relaxed) == 1).await;
    assert!(running.get("a").is_none());
    running.apply(vec![wanted("a", "1", &closed)]);
    let first = running.get("a").unwrap();
    running.apply(vec![wanted("a", "2", &closed)]);
    assert!(!Arc::ptr_eq(&first, &running.get("a").unwrap()), "the one that runs goes first");
    drop(first);
    running.close(Duration::from_secs(5)).await;
    assert_eq!((running.get("a").is_none(), closed.load(Ordering::Relaxed)), (true, 3));
}

#[tokio::test(start_paused = true)]
async fn closing_does_not_wait_for_ever() {
    let running = Destinations::default();
    let closed = Arc::new(AtomicUsize::new(0));
    running.apply(vec![wanted("a", "1", &closed)]);
    let held = running.get("a");
    running.apply(Vec::new());
    running.close(Duration::from_secs(1)).await;
    assert_eq!((held.is_some(), closed.load(Ordering::Relaxed)), (true, 0));
}

#[tokio::test]
async fn discard_takes_everything() {
    let outgoing = Outgoing {
        target: String::new(),
        key: None,
        headers: Vec::new(),
        body: None,
        message_id: "1".to_owned(),
        stored: None,
    };
    assert_eq!(Discard.deliver(outgoing.clone()).await.unwrap(), None);
    assert!(Discard.health().healthy);
    let scripted = Scripted::new(|_| Answer::Take);
    assert_eq!(scripted.deliver(outgoing).await.unwrap().as_deref(), Some("for 1"));
}
