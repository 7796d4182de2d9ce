//! A deliver entry on the direct way: whose turn it is, key by key.

use crate::deliver::counters::Counters;
use crate::deliver::dispatcher::LaneReport;
use crate::deliver::window::{NewItem, Started, Window};
use crate::lane_name::LaneName;
use crate::observability::metrics;
use crate::units::Micros;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// One lane, known since its first event.
pub struct Lane {
    /// Its name.
    pub name: Arc<LaneName>,
    /// Events that hold a place here.
    pub places: AtomicUsize,
    desk: Mutex<Desk>,
    hasher: RandomState,
}

/// Everything that has lined up.
#[derive(Default)]
struct Desk {
    /// Holds what wakes an event that waits for its turn. Whatever may start is started at once.
    window: Window<oneshot::Sender<()>>,
    /// The last number given.
    last: u64,
    counters: Option<Counters>,
}

/// An event's place in the order of its lane. When it is dropped, the next one of its key has its turn.
pub struct Turn {
    lane: Arc<Lane>,
    number: u64,
    start: Option<oneshot::Receiver<()>>,
}

impl Lane {
    /// A lane without events.
    pub fn new(name: Arc<LaneName>) -> Lane {
        Lane { name, places: AtomicUsize::new(0), desk: Mutex::default(), hasher: RandomState::new() }
    }

    /// Lines an event up behind all others of its key. Without a key it has its turn at once.
    pub fn line_up(self: &Arc<Lane>, key: Option<&str>, received: Micros) -> Turn {
        // Equal keys are equal numbers; that two keys may meet in one number costs only speed.
        let key = key.map(|key| self.hasher.hash_one(key));
        let mut desk = self.desk();
        desk.last += 1;
        let number = desk.last;
        let waits = key.is_some_and(|key| desk.window.is_taken(key));
        let (wake, start) = if waits { Some(oneshot::channel()).unzip() } else { (None, None) };
        desk.window.admit(NewItem { position: number, key, received, payload: wake });
        desk.start_ready();
        drop(desk);
        Turn { lane: self.clone(), number, start }
    }

    /// Counts what became of an attempt or an event, for the destination it goes to.
    pub fn count(&self, destination: &str, count: impl FnOnce(&Counters)) {
        count(Counters::of(&mut self.desk().counters, &self.name.route, destination));
    }

    /// Counters for the API.
    pub fn report(&self) -> LaneReport {
        let desk = self.desk();
        LaneReport {
            lane: self.name.clone(),
            lag: desk.window.len() as u64,
            oldest: desk.window.oldest().map(|(_, received)| received),
            parked: 0,
            in_flight: desk.window.in_flight() as u64,
            paused: false,
        }
    }

    /// Brings the gauges up to date.
    pub fn publish(&self, now: Micros) {
        let report = self.report();
        let (route, name) = (&self.name.route, &self.name.name);
        metrics::lane_lag(route, name).set(report.lag as f64);
        let oldest = report.oldest.map_or(0.0, |oldest| now.since(oldest).as_secs_f64());
        metrics::lane_oldest(route, name).set(oldest);
    }

    /// After a panic, too: every change of the desk is complete.
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    fn start_ready(&mut self) {
        while let Some(Started { payload, .. }) = self.window.start() {
            if let Some(wake) = payload {
                // Fails when the event was given up in this very moment: its turn ends when it is dropped.
                wake.send(()).ok();
            }
        }
    }
}

impl Turn {
    /// Resolves when every earlier event of the key is done with.
    pub async fn begin(&mut self) {
        if let Some(start) = &mut self.start {
            // The window keeps the other end as long as this event is in it.
            start.await.ok();
            self.start = None;
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut desk = self.lane.desk();
        if !desk.window.withdraw(self.number) {
            desk.window.settle(self.number);
        }
        desk.start_ready();
    }
}
