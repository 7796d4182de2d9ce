//! What became of accepted events: delivery records, lane progress, parked retries, dead letters.
//! Losing the last commits costs duplicates, never events.

mod codec;
mod dead_letters;
mod deliveries;
mod lanes;
mod parked;
mod progress;
mod store;
#[cfg(test)]
mod tests;
mod writer;

use crate::codes::Code;
use crate::lane_name::LaneName;
use crate::units::Micros;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How many attempts of one event in one lane are kept: the last ones.
pub const ATTEMPTS_KEPT: usize = 20;

/// One try to deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// When it began.
    pub started: Micros,
    /// When its outcome was known.
    pub ended: Micros,
    /// `None` when delivered, else why not.
    pub failure: Option<Failure>,
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Stable code.
    pub code: Code,
    /// For people; never holds secrets.
    pub detail: String,
}

/// Why an event became a dead letter (design.md §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A template could not be filled.
    Template,
    /// A transform failed.
    Transform,
    /// A conversion failed.
    Conversion,
    /// The filled-in target is not allowed.
    Topic,
    /// Too large for the destination.
    TooLarge,
    /// The destination refused it for good.
    Refused,
    /// `retry.deadline` passed.
    Deadline,
    /// `retry.max_attempts` used.
    Attempts,
    /// The route or entry was removed.
    RouteRemoved,
}

/// Something that became of one event in one lane. `attempts` holds those made since the last change of the same event in
/// the same lane: the state adds them to the ones it has and keeps the last [`ATTEMPTS_KEPT`].
#[derive(Debug, Clone)]
pub enum Change {
    /// The destination has it.
    Delivered {
        /// Which lane.
        lane: Arc<LaneName>,
        /// Which event.
        position: u64,
        /// The filled-in topic, subject, URL or stream.
        target: String,
        /// The key, if any.
        key: Option<String>,
        /// What the destination said: `partition=0 offset=17`, `stream=ORDERS seq=4`.
        receipt: Option<String>,
        /// The new attempts, the last one without failure.
        attempts: Vec<Attempt>,
    },
    /// It waits for its next attempt.
    Parked {
        /// Which lane.
        lane: Arc<LaneName>,
        /// Which event.
        position: u64,
        /// When the event was received.
        received: Micros,
        /// When it is tried again.
        next_attempt: Micros,
        /// The key it blocks, if order is kept.
        key: Option<String>,
        /// The filled-in target.
        target: String,
        /// The new attempts.
        attempts: Vec<Attempt>,
    },
    /// It will not be tried again.
    Dead {
        /// Which lane.
        lane: Arc<LaneName>,
        /// Which event.
        position: u64,
        /// Why.
        reason: Reason,
        /// For people.
        detail: String,
        /// When.
        at: Micros,
        /// The filled-in target, if it got that far.
        target: Option<String>,
        /// The key, if it got that far.
        key: Option<String>,
        /// The new attempts.
        attempts: Vec<Attempt>,
        /// The record, encoded by `log::record`, so that it outlives the segment.
        record: Bytes,
    },
}

/// Where one lane stands: every event of it below `next` is settled or parked, except those in `open`. (Open positions
/// rather than settled ones, because their number is bounded.)
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneProgress {
    /// Which lane.
    pub lane: Arc<LaneName>,
    /// Rising positions below `next` that are neither settled nor parked.
    pub open: Vec<u64>,
    /// Where the lane goes on reading.
    pub next: u64,
    /// How many events of the lane lie between `next` and the dispatcher's head, near enough for the lag.
    pub left: u64,
}

/// Progress of all lanes: every event below `head` was handed out; lanes not listed have no open work below it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// The next position the dispatcher hands out.
    pub head: u64,
    /// Lanes with open work.
    pub lanes: Vec<LaneProgress>,
}

/// A parked retry as it is restored after a restart.
#[derive(Debug, Clone)]
pub struct ParkedRetry {
    /// Which lane.
    pub lane: Arc<LaneName>,
    /// Which event.
    pub position: u64,
    /// When it is tried again.
    pub next_attempt: Micros,
    /// When the event was received.
    pub received: Micros,
    /// The key it blocks.
    pub key: Option<String>,
    /// How many attempts were made.
    pub attempts: u32,
}

/// What a restart goes on from.
#[derive(Debug, Default)]
pub struct Resume {
    /// The last progress that was committed.
    pub progress: Progress,
    /// Retries that wait.
    pub parked: Vec<ParkedRetry>,
}

/// How a delivery stands, as far as the state knows. Deliveries it does not know are open (or settled by the log).
#[derive(Debug, Clone)]
pub struct DeliveryRecord {
    /// Which lane.
    pub lane: Arc<LaneName>,
    /// `Delivered`, `Retrying` (parked) or `Dead`.
    pub status: RecordedStatus,
    /// The filled-in target.
    pub target: Option<String>,
    /// The key.
    pub key: Option<String>,
    /// When it is tried again.
    pub next_attempt: Option<Micros>,
    /// What the destination said.
    pub receipt: Option<String>,
    /// The attempts.
    pub attempts: Vec<Attempt>,
}

/// Status of a recorded delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordedStatus {
    /// The destination has it.
    Delivered,
    /// Parked until its next attempt.
    Retrying,
    /// A dead letter.
    Dead,
}

/// A dead letter in the list.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    /// Order in the list; newer ones are higher. Used for paging.
    pub sequence: u64,
    /// Which event.
    pub position: u64,
    /// Which lane.
    pub lane: Arc<LaneName>,
    /// Why.
    pub reason: Reason,
    /// For people.
    pub detail: String,
    /// When.
    pub at: Micros,
    /// How many attempts were made.
    pub attempts: u32,
    /// The record, encoded by `log::record`.
    pub record: Bytes,
}

/// Why the state cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// SQLite failed.
    #[error("the state cannot be read or written")]
    Sqlite(#[from] rusqlite::Error),
    /// The state was closed.
    #[error("the state is closed")]
    Closed,
    /// A damaged file cannot be moved aside, or the thread cannot be started.
    #[error("cannot use {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file was written by a newer version of this program. It is left as it is.
    #[error("{path} has format {found}, this version reads up to {known}")]
    Version {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The newest one known here.
        known: i64,
    },
    /// A write failed; what was to be written is kept and tried again.
    #[error("the state could not be written: {detail}")]
    Failed {
        /// What failed.
        detail: String,
    },
    /// An earlier write failed in a way that cannot be retried (damage, a failed fsync): the process must start again.
    #[error("the state file is broken: {detail}")]
    Broken {
        /// What failed.
        detail: String,
    },
}

impl StateError {
    /// True when only a new start of the process helps.
    pub fn needs_restart(&self) -> bool {
        matches!(self, StateError::Broken { .. })
    }
}

/// Reads the progress of the moment; called by the state's thread before each commit, never blocking for long.
pub type ProgressSource = Arc<dyn Fn() -> Progress + Send + Sync>;

/// The handle; cheap to clone.
#[derive(Clone)]
pub struct State {
    store: Arc<store::Store>,
}

impl State {
    /// Opens or creates `data/state.db` and reads what a restart goes on from. A file that is damaged is moved aside
    /// with a warning and a new one begun (costs duplicates: progress starts at the oldest kept event).
    pub fn open(path: &Path) -> Result<(State, Resume), StateError> {
        let (store, resume) = store::open(path)?;
        Ok((State { store }, resume))
    }

    /// From now on each commit takes the progress first and then every change queued so far, so that no progress is
    /// stored without the changes it rests on.
    pub fn start(&self, progress: ProgressSource) {
        self.store.set_source(progress);
    }

    /// Queues a change; waits while the bounded queue is full. After [`State::close`] changes are dropped.
    pub async fn record(&self, change: Change) {
        self.store.record(change).await;
    }

    /// Commits everything queued, fsyncs, and returns the progress that is now durable.
    pub async fn sync(&self) -> Result<Progress, StateError> {
        self.store.sync().await
    }

    /// What is recorded of one event.
    pub async fn deliveries(&self, position: u64) -> Result<Vec<DeliveryRecord>, StateError> {
        self.store.read(move |db| deliveries::read(db, position)).await
    }

    /// Dead letters, newest first, below a sequence, of one route if given.
    pub async fn dead_letters(
        &self,
        route: Option<String>,
        below: Option<u64>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, StateError> {
        self.store.read(move |db| dead_letters::list(db, route.as_deref(), below, limit)).await
    }

    /// Which of these positions have a dead letter.
    pub async fn dead_among(&self, positions: Vec<u64>) -> Result<Vec<u64>, StateError> {
        self.store.read(move |db| dead_letters::among(db, &positions)).await
    }

    /// Forgets delivery records below a position (dead letters stay).
    pub async fn forget_below(&self, position: u64) -> Result<(), StateError> {
        self.store.forget_below(position).await
    }

    /// Commits everything, fsyncs and stops the thread.
    pub async fn close(&self) {
        self.store.close().await;
    }
}
