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

use super::context::{Context, Work};
use super::dispatcher::{LaneReport, OpenStatus};
use super::entry::DeliverEntry;
use super::window::{NewItem, Stage, Window};
use crate::lane_name::LaneName;
use crate::log::record::Entry;
use crate::observability::metrics;
use crate::state::{LaneProgress, ParkedRetry};
use crate::units::Micros;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Events taken from the inbox at once, so that the dispatcher never waits long for the lock.
const ADMIT_AT_ONCE: usize = 64;
/// Positions read again at once after a restart.
const REOPEN_AT_ONCE: usize = 16;

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

/// Everything of one lane that is not settled.
#[derive(Default)]
pub struct Desk {
    /// Taken in.
    pub window: Window<Work>,
    /// Handed out, not taken in yet.
    inbox: VecDeque<Work>,
    /// After a restart: positions below `intake` to read again before anything else.
    reopen: VecDeque<u64>,
    /// The lane reads the log itself.
    behind: bool,
    /// The last position the dispatcher left behind.
    skipped: u64,
    /// Everything of this lane below was taken in.
    intake: u64,
    /// Events left behind, near enough.
    left: u64,
    /// Bytes of the event for which reading had to stop; 0 = it did not.
    wanted: usize,
    /// The lane's task runs.
    running: bool,
    /// The destination cannot be reached.
    paused: bool,
    /// Nothing is taken in while the destination stays away.
    closed: bool,
}

/// What a lane's task reads next.
#[derive(Debug, PartialEq, Eq)]
pub enum ToRead {
    /// These positions, one by one.
    Positions(Vec<u64>),
    /// The log from here.
    From(u64),
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
            let waits = |position: &u64| parked.iter().any(|retry| retry.position == *position);
            desk.reopen = progress.open.iter().copied().filter(|position| !waits(position)).collect();
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
    pub fn take_inbox(&self, context: &Context, desk: &mut Desk, deliver: Option<&DeliverEntry>) -> bool {
        for _ in 0..ADMIT_AT_ONCE {
            if desk.window.resting() >= context.limits.parked {
                return false;
            }
            let Some(work) = desk.inbox.pop_front() else { return false };
            desk.admit(context, work, deliver);
        }
        !desk.inbox.is_empty()
    }

    /// Takes in what was read from `from` on, as far as there is room. An empty `entries` says that there are none.
    pub fn take_read(&self, context: &Context, entries: Vec<Arc<Entry>>, deliver: Option<&DeliverEntry>) {
        let mut desk = self.desk();
        desk.wanted = 0;
        let last = entries.last().map(|entry| entry.position);
        for entry in entries {
            let Some(name) = self.name_in(&entry) else { continue };
            let bytes = entry.record.size();
            if !(desk.has_room(context) && self.has_bytes(context, bytes)) {
                (desk.intake, desk.wanted) = (entry.position, bytes);
                return;
            }
            let left = u64::from(entry.position <= desk.skipped);
            desk.left = desk.left.saturating_sub(left);
            let work = self.work(context, entry, name, bytes);
            desk.admit(context, work, deliver);
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
        let mut desk = self.desk();
        for (position, entry) in found {
            if desk.reopen.front() == Some(&position) {
                desk.reopen.pop_front();
            }
            let Some((entry, name)) = entry.and_then(|entry| self.name_in(&entry).map(|name| (entry, name))) else {
                tracing::warn!(lane = %self.name.display(), position, "the log no longer has an event that was open");
                continue;
            };
            let bytes = entry.record.size();
            let work = self.work(context, entry, name, bytes);
            desk.admit(context, work, deliver);
        }
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
            paused: desk.paused,
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

    fn has_bytes(&self, context: &Context, more: usize) -> bool {
        context.has_room(self.bytes.load(Ordering::Relaxed), more)
    }
}

impl Desk {
    /// What the task reads next: nothing while the inbox holds something or there is little room.
    /// Asked under the lock of `lane`, whose desk this is.
    pub fn to_read(&self, context: &Context, lane: &Lane) -> Option<ToRead> {
        // Only when half of everything is free, so that the log is not read event by event. What is read first then
        // always finds room: a lane that reads gets on.
        let own = lane.bytes.load(Ordering::Relaxed);
        let room = !self.closed
            && self.window.held() <= context.limits.events / 2
            && self.window.resting() < context.limits.parked
            && context.has_room(own, own.max(self.wanted));
        if !room {
            return None;
        }
        if !self.reopen.is_empty() {
            return Some(ToRead::Positions(self.reopen.iter().copied().take(REOPEN_AT_ONCE).collect()));
        }
        (self.behind && self.inbox.is_empty()).then_some(ToRead::From(self.intake))
    }

    /// The destination cannot be reached. When it `stays` away the lane lets go of its memory: what it holds is read
    /// again, and what comes is left in the log.
    pub fn pause(&mut self, stays: bool) {
        self.paused = true;
        if !stays || self.closed {
            return;
        }
        self.closed = true;
        self.window.shed();
        if let (Some(first), Some(last)) = (self.inbox.front(), self.inbox.back()) {
            self.intake = first.entry.position;
            self.skipped = self.skipped.max(last.entry.position);
            self.left += self.inbox.len() as u64;
            self.behind = true;
            self.inbox.clear();
        }
    }

    /// The destination can be reached again.
    pub fn unpause(&mut self) {
        (self.paused, self.closed) = (false, false);
    }

    /// The task may end: nothing is left. From here on the next offer starts another one.
    pub fn try_end(&mut self) -> bool {
        let end = !self.has_work();
        self.running &= !end;
        end
    }

    /// The task has ended with or without work left.
    pub fn stopped(&mut self) {
        self.window.recover();
        self.unpause();
        self.running = false;
    }

    /// True when anything is not settled.
    pub fn has_work(&self) -> bool {
        self.behind || !self.window.is_empty() || !self.inbox.is_empty() || !self.reopen.is_empty()
    }

    /// Events handed out and not settled, parked ones included.
    pub fn lag(&self) -> u64 {
        (self.window.len() + self.inbox.len() + self.reopen.len()) as u64 + self.left
    }

    fn has_room(&self, context: &Context) -> bool {
        !self.closed
            && self.inbox.len() + self.window.held() < context.limits.events.max(1)
            && self.window.resting() < context.limits.parked
    }

    fn admit(&mut self, context: &Context, work: Work, deliver: Option<&DeliverEntry>) {
        let (position, received) = (work.entry.position, work.entry.record.received);
        let key = context.key(&work.entry, deliver);
        self.window.admit(NewItem { position, key, received, payload: Some(work) });
        self.intake = self.intake.max(position + 1);
    }
}
