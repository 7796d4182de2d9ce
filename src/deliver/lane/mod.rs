//! One lane's desk: what the dispatcher puts on it, what the lane's task takes from it, and what progress is told of it.
//!
//! # Handing over
//! The dispatcher walks over the log once, for all lanes. Under the desk's lock it either puts an event into the `inbox`,
//! or, when there is no room, leaves it behind: it notes the event's position as `skipped` and the lane is *behind*. A lane
//! that is behind gets nothing more from the dispatcher, it reads the log itself from `intake` (everything of the lane
//! below `intake` was taken in). Three rules keep every event in, once, in order:
//! 1. While the lane is behind, the dispatcher only raises `skipped`; the inbox is emptied before the lane reads.
//! 2. The lane has caught up when `intake > skipped`, decided under the lock. An event the dispatcher passed over is at or
//!    below `skipped`, so it was read; every later one is offered again.
//! 3. An offered event below `intake` is ignored: the lane has read further than the dispatcher was.
//!
//! # Progress
//! An event is on the desk before the dispatcher's head moves past it, and leaves it only after its [`crate::state::Change`]
//! was queued. Whoever reads the head first and the desk afterwards therefore misses nothing.

pub mod desk;

use super::context::{Context, Work};
use super::dispatcher::{LaneReport, OpenStatus};
use super::entry::DeliverEntry;
use super::window::{NewItem, Stage};
use crate::lane_name::LaneName;
use crate::log::record::Entry;
use crate::observability::metrics;
use crate::state::{LaneProgress, ParkedRetry};
use crate::units::Micros;
use desk::Desk;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Events taken from the inbox at once, so that the dispatcher never waits long for the lock.
const ADMIT_AT_ONCE: usize = 64;

/// One lane, known since its first event.
pub struct Lane {
    /// Its name.
    pub name: Arc<LaneName>,
    /// Wakes its task.
    pub wake: Notify,
    /// Something has changed: a paused lane tries at once.
    pub hurry: AtomicBool,
    bytes: Arc<AtomicUsize>,
    desk: Mutex<Desk>,
    gauges: (::metrics::Gauge, ::metrics::Gauge),
}

/// An entry that was read for this lane.
struct Keyed {
    entry: Arc<Entry>,
    name: Arc<LaneName>,
    key: Option<u64>,
    bytes: usize,
}

impl Lane {
    /// A lane without work.
    pub fn new(name: Arc<LaneName>) -> Lane {
        let gauges = (metrics::lane_lag(&name.route, &name.name), metrics::lane_oldest(&name.route, &name.name));
        Lane {
            name,
            wake: Notify::new(),
            hurry: AtomicBool::new(false),
            bytes: Arc::default(),
            desk: Mutex::default(),
            gauges,
        }
    }

    /// The desk; after a panic of the lane's task, too: every change of it is complete or repaired by [`Desk::stopped`].
    pub fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Continues where the stored progress stands; `head` is where the dispatcher goes on.
    pub fn resume(&self, context: &Context, progress: Option<&LaneProgress>, parked: Vec<ParkedRetry>, head: u64) {
        let mut desk = self.desk();
        if let Some(progress) = progress {
            let waiting: HashSet<u64> = parked.iter().map(|retry| retry.position).collect();
            desk.reopen = progress.open.iter().copied().filter(|position| !waiting.contains(position)).collect();
            desk.intake = progress.next;
            desk.behind = progress.next < head;
            desk.skipped = head.saturating_sub(1);
            desk.left = if desk.behind { progress.left } else { 0 };
        }
        for retry in parked {
            let key = context.key_of(retry.key.as_deref());
            let item = NewItem { position: retry.position, key, received: retry.received, payload: None };
            desk.window.restore(item, retry.attempts, retry.next_attempt);
        }
    }

    /// The dispatcher offers an event. Returns true when the lane's task must be started.
    pub fn offer(&self, context: &Context, entry: &Arc<Entry>, name: &Arc<LaneName>) -> bool {
        let mut desk = self.desk();
        if entry.position < desk.intake {
            return false;
        }
        let bytes = entry.record.size();
        // The task looks at the desk whenever it has done something; it must be told only of what it cannot expect.
        let wake;
        if !desk.behind && desk.has_room(context) && self.has_bytes(context, bytes) {
            let work = self.work(context, entry.clone(), name.clone(), bytes);
            wake = desk.inbox.is_empty();
            desk.inbox.push_back(work);
        } else {
            wake = !desk.behind;
            desk.behind = true;
            desk.skipped = entry.position;
            desk.left += 1;
        }
        let start = !desk.running;
        desk.running = true;
        drop(desk);
        if wake {
            self.wake.notify_one();
        }
        start
    }

    /// Takes in what lies in the inbox, as far as there is room for retries. Returns true when more can be taken at once.
    /// Only the lane's task takes from the inbox, so it may make the keys without the lock: transforms can be slow, and
    /// the dispatcher must not wait for them.
    pub fn take_inbox(&self, context: &Context, deliver: Option<&DeliverEntry>) -> bool {
        let desk = self.desk();
        if desk.inbox.is_empty() || desk.window.resting() >= context.limits.parked {
            return false;
        }
        let entries: Vec<Arc<Entry>> = desk.inbox.iter().take(ADMIT_AT_ONCE).map(|work| work.entry.clone()).collect();
        drop(desk);
        let keys: Vec<Option<u64>> = entries.iter().map(|entry| context.key(entry, deliver)).collect();
        let mut desk = self.desk();
        for key in keys {
            if desk.window.resting() >= context.limits.parked {
                return false;
            }
            let Some(work) = desk.inbox.pop_front() else { return false };
            desk.admit(work, key);
        }
        !desk.inbox.is_empty()
    }

    /// Takes in what was read from `from` on, as far as there is room. An empty `entries` says that there are none.
    pub fn take_read(&self, context: &Context, entries: Vec<Arc<Entry>>, deliver: Option<&DeliverEntry>) {
        let last = entries.last().map(|entry| entry.position);
        let mine = entries.into_iter().filter_map(|entry| self.keyed(context, entry, deliver));
        let mine: Vec<Keyed> = mine.collect();
        let mut desk = self.desk();
        desk.wanted = 0;
        for Keyed { entry, name, key, bytes } in mine {
            if !(desk.has_room(context) && self.has_bytes(context, bytes)) {
                (desk.intake, desk.wanted) = (entry.position, bytes);
                return;
            }
            let left = u64::from(entry.position <= desk.skipped);
            desk.left = desk.left.saturating_sub(left);
            desk.admit(self.work(context, entry, name, bytes), key);
        }
        let read_to = last.unwrap_or(desk.skipped) + 1;
        desk.intake = desk.intake.max(read_to);
        if desk.intake > desk.skipped {
            (desk.behind, desk.left) = (false, 0);
        }
    }

    /// Takes in positions that were open before a restart. What the log no longer has is settled: there is nothing to send.
    pub fn take_reopened(
        &self,
        context: &Context,
        found: Vec<(u64, Option<Arc<Entry>>)>,
        deliver: Option<&DeliverEntry>,
    ) {
        let keyed = |entry| self.keyed(context, entry, deliver);
        let found: Vec<(u64, Option<Keyed>)> =
            found.into_iter().map(|(position, entry)| (position, entry.and_then(keyed))).collect();
        let mut desk = self.desk();
        for (position, keyed) in found {
            desk.reopen.pop_front_if(|front| *front == position);
            if let Some(Keyed { entry, name, key, bytes }) = keyed {
                desk.admit(self.work(context, entry, name, bytes), key);
            } else {
                let lane = self.name.display();
                tracing::warn!(lane, position, "the log no longer has an event that was open");
            }
        }
    }

    /// What must be known to take an entry in; `None` when it is not for this lane.
    fn keyed(&self, context: &Context, entry: Arc<Entry>, deliver: Option<&DeliverEntry>) -> Option<Keyed> {
        let name = self.name_in(&entry)?;
        let (key, bytes) = (context.key(&entry, deliver), entry.record.size());
        Some(Keyed { entry, name, key, bytes })
    }

    /// A unit of work for an event that was read again.
    pub fn work(&self, context: &Context, entry: Arc<Entry>, name: Arc<LaneName>, bytes: usize) -> Work {
        Work::new(entry, name, bytes, &self.bytes, &context.bytes)
    }

    /// This lane's name in the event's decision. Lanes are the same when route and name are.
    pub fn name_in(&self, entry: &Entry) -> Option<Arc<LaneName>> {
        let same = |name: &&Arc<LaneName>| {
            Arc::ptr_eq(name, &self.name) || (name.route == self.name.route && name.name == self.name.name)
        };
        entry.record.decision.iter().find(same).filter(|name| !name.settled_by_log()).cloned()
    }

    /// How an event stands here; `head` is the next position the dispatcher hands out.
    pub fn open_status(&self, position: u64, head: u64) -> Option<OpenStatus> {
        let desk = self.desk();
        match desk.window.stage(position) {
            Some(Stage::Ready | Stage::Waiting) => return Some(OpenStatus::Waiting),
            Some(Stage::InFlight) => return Some(OpenStatus::Delivering),
            Some(Stage::Parked(_)) => return Some(OpenStatus::Retrying),
            None => {}
        }
        let to_come = position >= head.max(desk.intake) || (desk.behind && position >= desk.intake);
        let waits =
            to_come || desk.reopen.contains(&position) || desk.inbox.iter().any(|work| work.entry.position == position);
        waits.then_some(OpenStatus::Waiting)
    }

    /// Where the lane stands; `None` without open work. `head` was read before.
    pub fn progress(&self, head: u64) -> Option<LaneProgress> {
        let desk = self.desk();
        let next = match desk.inbox.front() {
            Some(work) => work.entry.position,
            None if desk.behind => desk.intake,
            None => desk.intake.max(head),
        };
        let mut open: Vec<u64> = desk.reopen.iter().copied().chain(desk.window.open()).collect();
        if open.is_empty() && next >= head {
            return None;
        }
        open.sort_unstable();
        let left = desk.left + desk.inbox.len() as u64;
        Some(LaneProgress { lane: self.name.clone(), open, next, left })
    }

    /// The lowest position that must be kept for this lane, parked ones included.
    pub fn lowest(&self) -> Option<u64> {
        let desk = self.desk();
        let inbox = desk.inbox.front().map(|work| work.entry.position);
        let behind = desk.behind.then_some(desk.intake);
        let window = desk.window.oldest().map(|(position, _)| position);
        [inbox, behind, window, desk.reopen.front().copied()].into_iter().flatten().min()
    }

    /// Counters for the API; also brings the gauges up to date.
    pub fn report(&self, now: Micros) -> LaneReport {
        let desk = self.desk();
        let inbox = desk.inbox.front().map(|work| work.entry.record.received);
        let report = LaneReport {
            lane: self.name.clone(),
            lag: desk.lag(),
            oldest: desk.window.oldest().map(|(_, received)| received).or(inbox),
            parked: desk.window.parked() as u64,
            in_flight: desk.window.in_flight() as u64,
            paused: desk.is_paused(),
        };
        drop(desk);
        self.gauges.0.set(report.lag as f64);
        self.gauges.1.set(report.oldest.map_or(0.0, |oldest| now.since(oldest).as_secs_f64()));
        report
    }

    /// True when the lane has work but no task; it has one from now on.
    pub fn claim(&self) -> bool {
        let mut desk = self.desk();
        let start = !desk.running && desk.has_work();
        desk.running |= start;
        start
    }

    /// True when it has neither work nor a task.
    pub fn is_idle(&self) -> bool {
        let desk = self.desk();
        !desk.running && !desk.has_work()
    }

    /// A paused lane tries at once.
    pub fn hurry(&self) {
        self.hurry.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    /// Bytes of events it holds in memory.
    pub fn held_bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    fn has_bytes(&self, context: &Context, more: usize) -> bool {
        context.has_room(self.held_bytes(), more)
    }
}
