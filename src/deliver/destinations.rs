//! The running destinations by name: started at load, kept across reloads while their options stay the same.

use super::{Destination, Health};
use crate::tasks::{Kind, Tasks};
use arc_swap::ArcSwap;
use futures::future::join_all;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long a removed destination can still be had: by events the snapshot before decided, whose senders wait. Validation and
/// filters of a large request take less.
const LINGER: Duration = Duration::from_secs(2);
/// How long a removed destination may be held by attempts in flight before it is closed under them.
const LET_GO: Duration = Duration::from_mins(1);
/// How often it is looked whether they have let go.
const LOOK: Duration = Duration::from_millis(100);
/// How long a removed destination may take to close.
const CLOSE: Duration = Duration::from_secs(10);

/// A running destination with its kind, for the API.
#[derive(Clone)]
pub struct Running {
    /// Its name.
    pub name: String,
    /// `log discard nats kafka`.
    pub kind: &'static str,
    /// How it is doing.
    pub health: Health,
}

/// All running destinations; shared.
#[derive(Default)]
pub struct Destinations {
    running: ArcSwap<BTreeMap<String, Entry>>,
    leaving: Leaving,
    /// One change at a time.
    changing: Mutex<()>,
    /// Closes removed ones.
    tasks: Tasks,
}

/// Destinations that were removed only just now.
type Leaving = Arc<Mutex<BTreeMap<String, Arc<dyn Destination>>>>;

#[derive(Clone)]
struct Entry {
    kind: &'static str,
    fingerprint: String,
    destination: Arc<dyn Destination>,
}

impl Destinations {
    /// The destination of a name; one that was removed only just now, too, where no other has its name.
    pub fn get(&self, name: &str) -> Option<Arc<dyn Destination>> {
        let running = self.running.load().get(name).map(|entry| entry.destination.clone());
        running.or_else(|| lock(&self.leaving).get(name).cloned())
    }

    /// Makes exactly these run: (name, kind, options fingerprint, constructor). One whose fingerprint is unchanged keeps
    /// running; one that is gone is closed once its lanes let go of it. Must be called inside the runtime.
    pub fn apply(&self, wanted: Vec<Wanted>) {
        self.change(wanted, false);
    }

    /// Makes these run beside those that run: the first half of [`Destinations::apply`], so that no event meets a snapshot
    /// whose destinations are not there yet. Must be called inside the runtime.
    pub fn add(&self, wanted: Vec<Wanted>) {
        self.change(wanted, true);
    }

    fn change(&self, wanted: Vec<Wanted>, keep: bool) {
        let _one_at_a_time = lock(&self.changing);
        let before = self.running.load_full();
        let mut after = if keep { BTreeMap::clone(&before) } else { BTreeMap::new() };
        for Wanted { name, kind, fingerprint, start } in wanted {
            let same = before.get(&name).filter(|entry| entry.kind == kind && entry.fingerprint == fingerprint);
            let entry = match same {
                Some(entry) => entry.clone(),
                None => Entry { kind, fingerprint, destination: start() },
            };
            after.insert(name, entry);
        }
        let kept = |name: &str, old: &Entry| {
            after.get(name).is_some_and(|new: &Entry| Arc::ptr_eq(&new.destination, &old.destination))
        };
        let gone: Vec<(String, Arc<dyn Destination>)> = before
            .iter()
            .filter(|(name, entry)| !kept(name, entry))
            .map(|(name, entry)| (name.clone(), entry.destination.clone()))
            .collect();
        drop(before);
        lock(&self.leaving).extend(gone.iter().cloned());
        self.running.store(Arc::new(after));
        for (name, destination) in gone {
            let (leaving, stopping) = (self.leaving.clone(), self.tasks.stopping());
            self.tasks.spawn(Kind::Destination, retire(name, destination, leaving, stopping));
        }
    }

    /// Every running destination.
    pub fn list(&self) -> Vec<Running> {
        let running = self.running.load();
        let entries = running.iter();
        entries
            .map(|(name, entry)| Running { name: name.clone(), kind: entry.kind, health: entry.destination.health() })
            .collect()
    }

    /// Closes all within the deadline.
    pub async fn close(&self, deadline: Duration) {
        let running = self.running.swap(Arc::default());
        lock(&self.leaving).clear();
        self.tasks.stop();
        let close = async {
            join_all(running.values().map(|entry| entry.destination.close(deadline))).await;
            self.tasks.wait().await;
        };
        if tokio::time::timeout(deadline, close).await.is_err() {
            tracing::warn!("some destinations did not close in time");
        }
    }
}

/// Closes a destination once it cannot be had and no attempt holds it any more.
async fn retire(name: String, destination: Arc<dyn Destination>, leaving: Leaving, stopping: CancellationToken) {
    tokio::time::timeout(LINGER, stopping.cancelled()).await.ok();
    {
        let mut leaving = lock(&leaving);
        if leaving.get(&name).is_some_and(|other| Arc::ptr_eq(other, &destination)) {
            leaving.remove(&name);
        }
    }
    let let_go = async {
        while Arc::strong_count(&destination) > 1 {
            tokio::time::sleep(LOOK).await;
        }
    };
    if tokio::time::timeout(LET_GO, let_go).await.is_err() {
        tracing::warn!("a removed destination still has attempts in flight; it is closed under them");
    }
    destination.close(CLOSE).await;
}

/// Holders replace whole values.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A destination a snapshot wants.
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: &'static str,
    /// Equal for equal options.
    pub fingerprint: String,
    /// Starts it; never waits for the other side.
    pub start: Box<dyn FnOnce() -> Arc<dyn Destination> + Send>,
}
