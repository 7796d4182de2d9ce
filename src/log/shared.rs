//! What the threads and handles of one log share.

use super::derived::Derived;
use super::inbox::Inbox;
use super::reader::Pool;
use super::segments::Segments;
use super::tail::Tail;
use super::upkeep::Desk;
use super::{Options, locked, writer};
use crate::lane_name::LaneName;
use crate::observability::metrics;
use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use tokio::sync::{Semaphore, watch};

/// Bad records that are remembered, so that each is counted and logged once.
const DAMAGE_REMEMBERED: usize = 10_000;

/// Everything behind a [`super::Log`].
pub(super) struct Shared {
    pub options: Options,
    pub segments: Segments,
    pub tail: Tail,
    /// The highest durable position. Also marked as changed, with the same value, when derived events were stored.
    pub head: watch::Sender<u64>,
    pub inbox: Inbox<writer::Request>,
    pub derived: Derived,
    pub pool: Pool,
    pub damage: Damage,
    pub desk: Desk,
    /// Reads of files that may run at once; more wait.
    pub readers: Semaphore,
    pub threads: Mutex<Vec<JoinHandle<()>>>,
    settled: Mutex<Settled>,
    /// A reader of a stream may wait for the settled mark to move.
    settled_awaited: AtomicBool,
    broken: AtomicBool,
}

/// How far everything is settled.
#[derive(Debug, Clone, Default)]
pub(super) struct Settled {
    /// Everything below is settled and recorded.
    pub below: u64,
    /// The lane that holds it there.
    pub holder: Option<Arc<LaneName>>,
}

/// What recovery found; the parts of [`Shared`] that are not empty at the start.
pub(super) struct Found {
    pub segments: Segments,
    pub head: u64,
}

impl Shared {
    /// Nothing runs yet.
    pub fn new(options: Options, found: Found, queue_bytes: usize, readers: usize) -> Shared {
        Shared {
            tail: Tail::new(found.head, options.tail_bytes),
            segments: found.segments,
            head: watch::Sender::new(found.head),
            inbox: Inbox::new(options.queue_requests, queue_bytes),
            derived: Derived::new(options.queue_requests, queue_bytes),
            pool: Pool::default(),
            damage: Damage::default(),
            desk: Desk::default(),
            readers: Semaphore::new(readers),
            threads: Mutex::default(),
            settled: Mutex::default(),
            settled_awaited: AtomicBool::new(false),
            broken: AtomicBool::new(false),
            options,
        }
    }

    /// The highest durable position.
    pub fn head(&self) -> u64 {
        *self.head.borrow()
    }

    /// A segment is full at this size: small enough that a full log always has some that can go.
    pub fn segment_bytes(&self) -> u64 {
        self.options.segment_bytes.min(self.options.max_bytes / 4).max(1)
    }

    /// How far everything is settled.
    pub fn settled(&self) -> Settled {
        locked(&self.settled).clone()
    }

    /// Moves the settled mark; it never falls. Wakes readers of streams that wait for it.
    pub fn settle(&self, below: u64, holder: Option<Arc<LaneName>>) {
        let moved = {
            let mut settled = locked(&self.settled);
            let moved = below > settled.below;
            *settled = Settled { below: below.max(settled.below), holder };
            moved
        };
        if moved {
            self.desk.ring();
            if self.settled_awaited.swap(false, Ordering::AcqRel) {
                self.head.send_modify(|_| {});
            }
        }
    }

    /// The next move of the settled mark marks the head as changed. Call it before looking at the mark.
    pub fn await_settled(&self) {
        self.settled_awaited.store(true, Ordering::Release);
    }

    /// The lane that keeps the log from being freed, as shown to people.
    pub fn holder(&self) -> String {
        self.settled().holder.map_or_else(|| "none".to_owned(), |lane| lane.display())
    }

    /// A write or fsync failed: says so once, then refuses everything. Nothing that waits is ever answered as stored.
    pub fn break_log(&self, detail: String) {
        if !self.broken.swap(true, Ordering::AcqRel) {
            (self.options.on_broken)(detail);
        }
        self.inbox.abandon();
        self.derived.abandon();
        self.desk.stop();
    }

    /// True after [`Shared::break_log`].
    pub fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }
}

/// Counts records that cannot be read, each once.
#[derive(Default)]
pub(super) struct Damage {
    seen: Mutex<HashSet<u64>>,
}

impl Damage {
    /// A record is not what was written. It is skipped, never returned altered.
    pub fn note(&self, segment: &Path, position: u64) {
        let mut seen = locked(&self.seen);
        if seen.len() < DAMAGE_REMEMBERED && seen.insert(position) {
            drop(seen);
            metrics::log_corrupt().increment(1);
            tracing::warn!(segment = %segment.display(), position, "skipped a record that is damaged on disk");
        }
    }

    /// How many were noted.
    pub fn count(&self) -> usize {
        locked(&self.seen).len()
    }
}
