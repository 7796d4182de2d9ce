//! Shadow routes: what they would do with each accepted event, found out off the request (routing.md §1).
//!
//! The request only puts the event into a bounded queue; one task takes it out, evaluates, transforms, encodes and counts.
//! When the queue is full the event is skipped and counted as skipped: shadow routes never slow an answer down and never
//! fill the memory. Nothing is ever delivered.

use super::compare::Change;
use super::compare::message::{self, Messages};
use super::dispatch;
use crate::deliver::entry::DeliverEntry;
use crate::lane_name::LaneName;
use crate::log::record::{Entry, Record};
use crate::observability::metrics;
use crate::reload::snapshot::Snapshot;
use crate::route::Route;
use crate::tasks::{Kind, Tasks};
use crate::units::Micros;
use bytestring::ByteString;
use serde::Serialize;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc;

/// Events that may wait: some tenths of a second of a busy gateway.
const WAITING: usize = 4096;
/// Bytes of events that may wait, so that large ones do not fill the memory.
const WAITING_BYTES: usize = 16 << 20;
/// Events looked at between two turns of the task.
const AT_ONCE: usize = 64;
/// Differing positions kept of each route (routing.md §1).
const DIFFERING: usize = 100;

/// How much each shadow route would have done, and the way there.
pub struct Shadows {
    queue: mpsc::Sender<Seen>,
    waiting: Arc<AtomicUsize>,
    reports: Mutex<HashMap<ByteString, Report>>,
}

/// What one shadow route would have done since it was loaded.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// `shadow_counts`.
    pub counts: Counts,
    /// The last events that differ, oldest first.
    pub differing: VecDeque<Differing>,
}

/// `shadow_counts` of `GET routes`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Events it would have taken.
    pub matched: u64,
    /// Of these, events for which every message could be made.
    pub transformed: u64,
    /// Of these, events for which one could not.
    pub failed: u64,
    /// Events that differ from the live route; 0 without `of`.
    pub differing: u64,
}

/// An event that a shadow route and its live route treat differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Differing {
    /// Its position; none where nothing is stored.
    pub position: Option<u64>,
    /// What differs first.
    pub kind: Change,
    /// When the event was received.
    pub at: Micros,
}

/// An event on its way to the task, with the snapshot that decided it.
struct Seen {
    snapshot: Arc<Snapshot>,
    entry: Entry,
    _room: Room,
}

/// Bytes that wait, given back on drop.
struct Room(usize, Arc<AtomicUsize>);

impl Drop for Room {
    fn drop(&mut self) {
        self.1.fetch_sub(self.0, Ordering::Relaxed);
    }
}

impl Shadows {
    /// Starts the task. Must be called inside the runtime.
    pub fn start(tasks: &Tasks) -> Arc<Shadows> {
        let (queue, seen) = mpsc::channel(WAITING);
        let shadows = Arc::new(Shadows { queue, waiting: Arc::default(), reports: Mutex::default() });
        let (shared, stopping) = (shadows.clone(), tasks.stopping());
        tasks.spawn(Kind::Shadow, async move {
            tokio::select! {
                () = shared.work(seen) => {}
                // What waits is only counted: it may be dropped at any point.
                () = stopping.cancelled() => {}
            }
        });
        shadows
    }

    /// Shows the shadow routes of a snapshot an event it has decided; `position` is 0 where nothing is stored. Never waits.
    pub fn show(&self, snapshot: &Arc<Snapshot>, position: u64, record: &Arc<Record>) {
        if snapshot.table.has_shadows() && !self.offer(snapshot, position, record) {
            metrics::shadow_skipped().increment(1);
        }
    }

    /// False when there is no room.
    fn offer(&self, snapshot: &Arc<Snapshot>, position: u64, record: &Arc<Record>) -> bool {
        let bytes = record.size();
        let before = self.waiting.fetch_add(bytes, Ordering::Relaxed);
        let room = Room(bytes, self.waiting.clone());
        if before > 0 && before + bytes > WAITING_BYTES {
            return false;
        }
        let entry = Entry { position, record: record.clone() };
        self.queue.try_send(Seen { snapshot: snapshot.clone(), entry, _room: room }).is_ok()
    }

    /// What a shadow route would have done so far.
    pub fn report(&self, route: &str) -> Report {
        self.reports().get(route).cloned().unwrap_or_default()
    }

    /// Forgets routes that are no shadow routes of this snapshot.
    pub fn forget_others(&self, snapshot: &Snapshot) {
        self.reports().retain(|name, _| snapshot.table.named(name).is_some_and(|route| route.shadow.is_some()));
    }

    async fn work(self: &Arc<Shadows>, mut queue: mpsc::Receiver<Seen>) {
        let mut seen = Vec::with_capacity(AT_ONCE);
        while queue.recv_many(&mut seen, AT_ONCE).await > 0 {
            let (shared, taken) = (self.clone(), std::mem::take(&mut seen));
            // Transforms may be slow and may panic: neither is the gateway's end.
            if tokio::task::spawn_blocking(move || taken.iter().for_each(|seen| shared.judge(seen))).await.is_err() {
                metrics::panics(Kind::Shadow.name()).increment(1);
                tracing::error!("evaluating shadow routes panicked; some events are not counted");
            }
        }
    }

    fn judge(&self, seen: &Seen) {
        let (table, record) = (&seen.snapshot.table, &seen.entry.record);
        let would = table.shadows(&record.event, &record.decision);
        for route in &would {
            let made = messages(seen, route.lanes_of(route.branch(&record.event)), Snapshot::shadow_entry);
            let failed = made.iter().any(|(_, image)| image.is_err());
            let difference = of(route).and_then(|of| message::first_change(&live(seen, of), &made));
            self.note(
                &route.name,
                seen,
                |counts| {
                    counts.matched += 1;
                    counts.transformed += u64::from(!failed);
                    counts.failed += u64::from(failed);
                },
                difference,
            );
        }
        // A live route that took an event its shadow would not take.
        let mut last = None;
        for lane in record.decision.iter().filter(|lane| last.replace(&lane.route) != Some(&lane.route)) {
            for shadow in table.shadows_of(&lane.route) {
                if !would.iter().any(|route| route.name == shadow.name) {
                    self.note(&shadow.name, seen, |_| {}, Some(Change::Route));
                }
            }
        }
    }

    fn note(&self, route: &ByteString, seen: &Seen, count: impl Fn(&mut Counts), difference: Option<Change>) {
        let mut reports = self.reports();
        let report = reports.entry(route.clone()).or_default();
        count(&mut report.counts);
        if let Some(kind) = difference {
            report.counts.differing += 1;
            while report.differing.len() >= DIFFERING {
                report.differing.pop_front();
            }
            let position = Some(seen.entry.position).filter(|position| *position > 0);
            report.differing.push_back(Differing { position, kind, at: seen.entry.record.received });
        }
    }

    fn reports(&self) -> MutexGuard<'_, HashMap<ByteString, Report>> {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The messages of some deliver entries; one that is gone makes none.
fn messages<'s>(
    seen: &Seen,
    lanes: impl IntoIterator<Item = &'s Arc<LaneName>>,
    entry_of: impl Fn(&Snapshot, &LaneName) -> Option<Arc<DeliverEntry>>,
) -> Messages<'s> {
    let message = |lane: &'s Arc<LaneName>| {
        let deliver = entry_of(&seen.snapshot, lane)?;
        Some((&lane.name, dispatch::image(&seen.entry, &deliver)))
    };
    lanes.into_iter().filter_map(message).collect()
}

fn of(route: &Route) -> Option<&ByteString> {
    route.shadow.as_ref()?.of.as_ref()
}

/// What the live route sends; nothing when it did not take the event.
fn live<'s>(seen: &'s Seen, route: &ByteString) -> Messages<'s> {
    let lanes = seen.entry.record.decision.iter().filter(|lane| lane.route == *route);
    messages(seen, lanes, Snapshot::entry)
}

#[cfg(test)]
mod tests {
    use super::{Shadows, WAITING_BYTES};
    use crate::cloudevents::{Attributes, Data, Event};
    use crate::log::record::Record;
    use crate::reload::snapshot::Snapshot;
    use std::sync::atomic::Ordering;
    use std::sync::{Arc, Mutex};
    use tokio::sync::mpsc;

    fn record(bytes: usize) -> Arc<Record> {
        let data = Data::Binary(vec![0; bytes].into());
        let event =
            Event { id: "1".into(), source: "/s".into(), ty: "t".into(), attributes: Attributes::default(), data };
        Arc::new(Record::of(event))
    }

    #[test]
    fn what_waits_is_bounded_in_number_and_bytes() {
        let (queue, mut seen) = mpsc::channel(3);
        let shadows = Shadows { queue, waiting: Arc::default(), reports: Mutex::default() };
        let snapshot = Arc::new(Snapshot::default());
        let offer = |bytes| shadows.offer(&snapshot, 1, &record(bytes));
        assert!(offer(WAITING_BYTES * 2), "one may always wait");
        assert!(!offer(1), "too many bytes");
        seen.try_recv().unwrap();
        assert_eq!(shadows.waiting.load(Ordering::Relaxed), 0, "what was taken or refused gives its bytes back");
        assert_eq!([offer(1), offer(1), offer(1), offer(1)], [true, true, true, false], "too many");
    }
}
