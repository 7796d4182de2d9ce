//! What all lanes share: where events come from, where results go, limits, the memory account, the phase of life.

use super::dispatcher::LaneLimits;
use super::entry::DeliverEntry;
use super::plan::Plan;
use super::source::Source;
use crate::lane_name::LaneName;
use crate::log::record::Entry;
use crate::observability::metrics;
use crate::state::State;
use crate::tasks::Kind;
use crate::units::Micros;
use std::hash::{BuildHasher, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use tokio::sync::Notify;

/// Bytes of events a lane may always hold, however much the others hold: a slow neighbour cannot starve it.
const OWN_BYTES: usize = 16 << 10;
/// No lane may hold more than this part of all bytes.
const SHARE: usize = 4;

/// Tells the time. Tests bring their own.
pub type Clock = Arc<dyn Fn() -> Micros + Send + Sync>;

/// Shared by the dispatcher, the lanes and the upkeep.
pub struct Context {
    /// The log.
    pub source: Arc<dyn Source>,
    /// Where results are recorded.
    pub state: State,
    /// The current snapshot.
    pub plan: Plan,
    /// Bounds.
    pub limits: LaneLimits,
    /// The wall clock.
    pub clock: Clock,
    /// Bytes of events that all lanes hold in memory.
    pub bytes: Arc<AtomicUsize>,
    phase: AtomicU8,
    /// Lanes whose task runs.
    pub running: AtomicUsize,
    /// Told whenever a lane's task ends.
    pub ended: Notify,
    hasher: RandomState,
}

/// How much of its work delivery still does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// All of it.
    Running,
    /// Attempts in flight end, nothing is started.
    Draining,
    /// Attempts in flight are dropped.
    Abandoned,
}

impl Context {
    /// A context in which lanes run.
    pub fn new(source: Arc<dyn Source>, state: State, plan: Plan, limits: LaneLimits, clock: Clock) -> Context {
        Context {
            source,
            state,
            plan,
            limits,
            clock,
            bytes: Arc::default(),
            phase: AtomicU8::new(0),
            running: AtomicUsize::new(0),
            ended: Notify::new(),
            hasher: RandomState::new(),
        }
    }

    /// Now.
    pub fn now(&self) -> Micros {
        (self.clock)()
    }

    /// The phase of the moment.
    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Running,
            1 => Phase::Draining,
            _ => Phase::Abandoned,
        }
    }

    /// Moves on to a phase; never back.
    pub fn enter(&self, phase: Phase) {
        self.phase.fetch_max(phase as u8, Ordering::AcqRel);
    }

    /// The key of an event, if its lane keeps order by key.
    pub fn key_text(&self, entry: &Entry, deliver: Option<&DeliverEntry>) -> Option<String> {
        let deliver = deliver.filter(|deliver| deliver.keep_order)?;
        let key = catch_unwind(AssertUnwindSafe(|| (self.plan.key)(entry, deliver)));
        key.unwrap_or_else(|_panic| {
            metrics::panics(Kind::Lane.name()).increment(1);
            None
        })
    }

    /// The key as a number. Equal keys are equal numbers; that two keys may meet in one number costs only speed.
    pub fn key(&self, entry: &Entry, deliver: Option<&DeliverEntry>) -> Option<u64> {
        self.key_of(self.key_text(entry, deliver).as_deref())
    }

    /// The number of a key.
    pub fn key_of(&self, key: Option<&str>) -> Option<u64> {
        key.map(|key| self.hasher.hash_one(key))
    }

    /// True when a lane that holds `own` bytes may take in `more`.
    pub fn has_room(&self, own: usize, more: usize) -> bool {
        let all = self.bytes.load(Ordering::Relaxed);
        own == 0
            || own + more <= OWN_BYTES
            || (own + more <= self.limits.bytes / SHARE && all + more <= self.limits.bytes)
    }
}

/// What a lane works on. Today it is always an event with a position in the log. For `ack: destinations` (design.md §7: "an
/// event with either a position or a completion to answer") the completion belongs here, beside the entry: the lane
/// settles work in one place ([`super::worker`]) and does not look at the position otherwise.
#[derive(Debug)]
pub struct Work {
    /// The event.
    pub entry: Arc<Entry>,
    /// The lane's name in the event's decision.
    pub lane: Arc<LaneName>,
    /// Its share of the memory account, given back when it is dropped.
    #[expect(dead_code, reason = "held for its Drop")]
    room: Room,
}

/// Bytes taken from the account of one lane and of all.
#[derive(Debug)]
struct Room {
    bytes: usize,
    own: Arc<AtomicUsize>,
    all: Arc<AtomicUsize>,
}

impl Work {
    /// Takes `bytes` of memory on account.
    pub fn new(
        entry: Arc<Entry>,
        lane: Arc<LaneName>,
        bytes: usize,
        own: &Arc<AtomicUsize>,
        all: &Arc<AtomicUsize>,
    ) -> Work {
        own.fetch_add(bytes, Ordering::Relaxed);
        all.fetch_add(bytes, Ordering::Relaxed);
        Work { entry, lane, room: Room { bytes, own: own.clone(), all: all.clone() } }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.own.fetch_sub(self.bytes, Ordering::Relaxed);
        self.all.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
