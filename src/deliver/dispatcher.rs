//! Hands positions to lanes. One dispatcher; a lane whose queue is full is "behind" and reads the log itself.

use super::context::{Clock, Context, Phase};
use super::lane::Lane;
use super::plan::Plan;
use super::source::Source;
use super::{upkeep, worker};
use crate::lane_name::LaneName;
use crate::log::record::Entry;
use crate::log::{Log, ReadError};
use crate::state::{LaneProgress, ParkedRetry, Progress, Resume, State};
use crate::tasks::{Kind, Tasks};
use crate::units::Micros;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Entries read at once.
const READ_ENTRIES: usize = 512;
/// Bytes read at once.
const READ_BYTES: usize = 4 << 20;
/// A failed read of the log is repeated after this long.
const READ_RETRY: Duration = Duration::from_secs(1);
/// How long dropped attempts may take to let go at the end.
const ABANDON: Duration = Duration::from_secs(1);

/// Bounds of every lane (signalbox.yaml `limits:`).
#[derive(Debug, Clone, Copy)]
pub struct LaneLimits {
    /// Events one lane holds in memory.
    pub events: usize,
    /// Bytes of events all lanes hold in memory.
    pub bytes: usize,
    /// Retries one lane may have parked.
    pub parked: usize,
    /// A lane without work ends after this long.
    pub idle: Duration,
}

/// The running delivery half; cheap to clone.
#[derive(Clone)]
pub struct Delivery {
    pub(super) shared: Arc<Shared>,
}

/// What the handle, the dispatcher's task and the upkeep share.
pub struct Shared {
    /// What lanes share.
    pub context: Arc<Context>,
    /// Who owns the tasks.
    pub tasks: Tasks,
    lanes: Mutex<HashMap<Named, Arc<Lane>>>,
    /// The next position to hand out.
    head: AtomicU64,
    stop: CancellationToken,
}

/// A lane's name where only route and name count.
#[derive(Debug, Clone)]
pub(super) struct Named(pub(super) Arc<LaneName>);

impl PartialEq for Named {
    fn eq(&self, other: &Named) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || (self.0.name == other.0.name && self.0.route == other.0.route)
    }
}

impl Eq for Named {}

impl Hash for Named {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.route.hash(state);
        self.0.name.hash(state);
    }
}

/// How an event stands in a lane that has not settled it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenStatus {
    /// Waits for its turn.
    Waiting,
    /// An attempt is under way.
    Delivering,
    /// Parked until its next attempt.
    Retrying,
}

/// Counters of one lane, for the API.
#[derive(Debug, Clone)]
pub struct LaneReport {
    /// Which lane.
    pub lane: Arc<LaneName>,
    /// Accepted for it and not settled, parked ones included.
    pub lag: u64,
    /// When its oldest unsettled event was received, as far as known.
    pub oldest: Option<Micros>,
    /// Parked retries.
    pub parked: u64,
    /// Events in flight.
    pub in_flight: u64,
    /// True while it waits because its destination cannot be reached.
    pub paused: bool,
}

impl LaneReport {
    /// The same lane's counters on another way.
    pub fn add(&mut self, other: &LaneReport) {
        self.lag += other.lag;
        self.oldest = self.oldest.into_iter().chain(other.oldest).min();
        self.parked += other.parked;
        self.in_flight += other.in_flight;
        self.paused |= other.paused;
    }
}

impl Delivery {
    /// Starts handing out from where `resume` stands. Must be called inside the runtime.
    pub fn start(log: Log, state: State, plan: Plan, resume: Resume, limits: LaneLimits, tasks: &Tasks) -> Delivery {
        Delivery::start_on(Arc::new(log), state, plan, resume, limits, Arc::new(Micros::now), tasks)
    }

    /// As [`Delivery::start`], on any source of events and any clock.
    pub(super) fn start_on(
        source: Arc<dyn Source>,
        state: State,
        plan: Plan,
        resume: Resume,
        limits: LaneLimits,
        clock: Clock,
        tasks: &Tasks,
    ) -> Delivery {
        // A log that was restored from an older copy must not make us skip what comes now.
        let (first, end) = (source.first().max(1), source.head() + 1);
        let head = resume.progress.head.clamp(first.min(end), end);
        if resume.progress.head > end {
            tracing::warn!(
                progress = resume.progress.head,
                log = end,
                "the state is ahead of the log: was the log restored?"
            );
        }
        let shared = Arc::new(Shared {
            context: Arc::new(Context::new(source, state.clone(), plan, limits, clock)),
            tasks: tasks.clone(),
            lanes: Mutex::default(),
            head: AtomicU64::new(head),
            stop: CancellationToken::new(),
        });
        shared.resume(resume, head, end);
        let progress = shared.clone();
        state.start(Arc::new(move || progress.progress()));
        let dispatcher = shared.clone();
        tasks.spawn(Kind::Dispatcher, async move { dispatcher.dispatch().await });
        tasks.spawn(Kind::Upkeep, upkeep::run(shared.clone(), shared.stop.clone()));
        Delivery { shared }
    }

    /// How an event stands in a lane; `None` when the lane has settled it (or never had it).
    pub fn open_status(&self, lane: &LaneName, position: u64) -> Option<OpenStatus> {
        if lane.settled_by_log() {
            return None;
        }
        let head = self.shared.head.load(Ordering::Acquire);
        let known = self.shared.lanes().get(&Named(Arc::new(lane.clone()))).cloned();
        match known {
            Some(known) => known.open_status(position, head),
            None => (position >= head).then_some(OpenStatus::Waiting),
        }
    }

    /// Every lane that ran since the start.
    pub fn lanes(&self) -> Vec<LaneReport> {
        let now = self.shared.context.now();
        self.shared.all().iter().map(|lane| lane.report(now)).collect()
    }

    /// Wakes lanes that wait because their entry, destination or transform was broken: a new snapshot is active.
    pub fn snapshot_changed(&self) {
        self.shared.forget_removed();
        for lane in self.shared.all() {
            lane.hurry();
        }
    }

    /// Hands nothing new out, lets attempts in flight finish until the deadline, then drops them. Returns how many events
    /// are kept for the next start.
    pub async fn stop(&self, deadline: Duration) -> u64 {
        let shared = &self.shared;
        shared.stop.cancel();
        shared.enter(Phase::Draining);
        if tokio::time::timeout(deadline, shared.all_ended()).await.is_err() {
            shared.enter(Phase::Abandoned);
            if tokio::time::timeout(ABANDON, shared.all_ended()).await.is_err() {
                tracing::warn!("some lanes did not end in time");
            }
        }
        if let Err(error) = shared.context.state.sync().await {
            tracing::error!(%error, "the progress could not be stored; some events may be delivered again");
        }
        let kept: u64 = shared.all().iter().map(|lane| lane.desk().lag()).sum();
        kept + (shared.context.source.head() + 1).saturating_sub(shared.head.load(Ordering::Acquire))
    }
}

impl Shared {
    /// Every lane that ran since the start.
    pub fn all(&self) -> Vec<Arc<Lane>> {
        self.lanes().values().cloned().collect()
    }

    /// The lowest position that must be kept, and the lane that holds it there; the dispatcher's head if no lane does.
    pub fn floor(&self) -> (u64, Option<Arc<LaneName>>) {
        // The head first: what is handed out after this is at or above it.
        let head = self.head.load(Ordering::Acquire);
        let lowest = self.all().into_iter().filter_map(|lane| Some((lane.lowest()?, lane.name.clone())));
        match lowest.min_by_key(|(position, _)| *position) {
            Some((position, name)) if position < head => (position, Some(name)),
            _ => (head, None),
        }
    }

    /// Starts the task of a lane that was claimed.
    pub fn start_lane(&self, lane: Arc<Lane>) {
        self.context.running.fetch_add(1, Ordering::AcqRel);
        self.tasks.spawn(Kind::Lane, worker::run(lane, self.context.clone()));
    }

    fn lanes(&self) -> MutexGuard<'_, HashMap<Named, Arc<Lane>>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lane(&self, name: &Arc<LaneName>) -> Arc<Lane> {
        let mut lanes = self.lanes();
        match lanes.get(&Named(name.clone())) {
            Some(lane) => lane.clone(),
            None => lanes.entry(Named(name.clone())).or_insert_with(|| Arc::new(Lane::new(name.clone()))).clone(),
        }
    }

    fn progress(&self) -> Progress {
        // The head first, see the module `lane`.
        let head = self.head.load(Ordering::Acquire);
        Progress { head, lanes: self.all().iter().filter_map(|lane| lane.progress(head)).collect() }
    }

    /// Lanes that had open work or parked retries go on; `end` is the next position the log will give.
    fn resume(&self, resume: Resume, head: u64, end: u64) {
        let mut open: HashMap<Named, (Option<LaneProgress>, Vec<ParkedRetry>)> = HashMap::new();
        for mut progress in resume.progress.lanes {
            progress.next = progress.next.min(end);
            let name = Named(progress.lane.clone());
            open.entry(name).or_default().0 = Some(progress);
        }
        for retry in resume.parked {
            open.entry(Named(retry.lane.clone())).or_default().1.push(retry);
        }
        for (Named(name), (progress, parked)) in open {
            let lane = self.lane(&name);
            lane.resume(&self.context, progress.as_ref(), parked, head);
            if lane.claim() {
                self.start_lane(lane);
            }
        }
    }

    async fn dispatch(&self) {
        let stopping = self.tasks.stopping();
        let work = async {
            let mut durable = self.context.source.watch_head();
            while let Ok(()) | Err(ReadError::Segment { .. }) = self.hand_out(&mut durable).await {}
        };
        tokio::select! {
            () = work => {}
            // Handing out may stop at any point: an event is on its lanes' desks before the head moves past it.
            () = self.stop.cancelled() => {}
            () = stopping.cancelled() => self.enter(Phase::Draining),
        }
    }

    /// Waits for the log and hands out what it has.
    async fn hand_out(&self, durable: &mut watch::Receiver<u64>) -> Result<(), ReadError> {
        let next = self.head.load(Ordering::Acquire);
        let end = match durable.wait_for(|head| *head >= next).await {
            Ok(head) => *head,
            Err(_closed) => return Err(ReadError::Closed),
        };
        let entries = match self.context.source.read_from(next, READ_ENTRIES, READ_BYTES).await {
            Ok(entries) => entries,
            Err(error) => {
                tracing::error!(%error, "the dispatcher cannot read the log");
                tokio::time::sleep(READ_RETRY).await;
                return Err(error);
            }
        };
        for entry in &entries {
            self.offer(entry);
            self.head.store(entry.position + 1, Ordering::Release);
        }
        if entries.is_empty() {
            // Positions may have gaps, and records that cannot be read are skipped.
            self.head.store(end + 1, Ordering::Release);
        }
        tokio::task::coop::consume_budget().await;
        Ok(())
    }

    fn offer(&self, entry: &Arc<Entry>) {
        for name in entry.record.decision.iter().filter(|name| !name.settled_by_log()) {
            let lane = self.lane(name);
            if lane.offer(&self.context, entry, name) {
                self.start_lane(lane);
            }
        }
    }

    /// Forgets lanes without work whose deliver entry is gone.
    fn forget_removed(&self) {
        let now = self.context.now();
        let gone = |lane: &Lane| lane.is_idle() && (self.context.plan.entry)(&lane.name).is_none();
        for lane in self.all().into_iter().filter(|lane| gone(lane)) {
            lane.report(now);
            let mut lanes = self.lanes();
            // An offer needs the map first, so a lane that is idle while the map is locked stays idle until it is gone.
            if Arc::strong_count(&lane) == 2 && lane.is_idle() {
                lanes.remove(&Named(lane.name.clone()));
            }
        }
    }

    fn enter(&self, phase: Phase) {
        self.context.enter(phase);
        for lane in self.all() {
            lane.wake.notify_one();
        }
    }

    async fn all_ended(&self) {
        loop {
            let ended = self.context.ended.notified();
            let mut ended = std::pin::pin!(ended);
            ended.as_mut().enable();
            if self.context.running.load(Ordering::Acquire) == 0 {
                return;
            }
            ended.await;
        }
    }
}
