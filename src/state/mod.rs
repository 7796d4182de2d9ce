//! What became of accepted events: delivery records, lane progress, parked retries, dead letters.
//! Losing the last commits costs duplicates, never events.

use crate::codes::Code;
use crate::lane_name::LaneName;
use crate::units::Micros;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::Arc;

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

/// Something that became of one event in one lane.
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
        /// All attempts, the last one without failure.
        attempts: Vec<Attempt>,
    },
    /// It waits for its next attempt.
    Parked {
        /// Which lane.
        lane: Arc<LaneName>,
        /// Which event.
        position: u64,
        /// When it is tried again.
        next_attempt: Micros,
        /// The key it blocks, if order is kept.
        key: Option<String>,
        /// The filled-in target.
        target: String,
        /// The attempts so far (the last 20; numbers tell how many there were).
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
        /// The attempts (the last 20).
        attempts: Vec<Attempt>,
        /// The record, encoded by `log::record`, so that it outlives the segment.
        record: Bytes,
    },
}

/// Where one lane stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneProgress {
    /// Which lane.
    pub lane: Arc<LaneName>,
    /// Everything below is settled or parked.
    pub low: u64,
    /// Positions at or above `low` that are already settled or parked.
    pub done: Vec<u64>,
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
    /// The key it blocks.
    pub key: Option<String>,
    /// The attempts so far.
    pub attempts: Vec<Attempt>,
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
}

/// Reads the progress of the moment; called by the state's thread before each commit, never blocking for long.
pub type ProgressSource = Arc<dyn Fn() -> Progress + Send + Sync>;

/// The handle; cheap to clone.
#[derive(Clone)]
pub struct State;

impl State {
    /// Opens or creates `data/state.db` and reads what a restart goes on from. A file that is damaged is moved aside
    /// with a warning and a new one begun (costs duplicates: progress starts at the oldest kept event).
    pub fn open(_path: &Path) -> Result<(State, Resume), StateError> {
        todo!()
    }

    /// Starts the thread that commits changes. Each commit takes the progress first and then every change queued so far,
    /// so that no progress is stored without the changes it rests on.
    pub fn start(&self, _progress: ProgressSource) {
        todo!()
    }

    /// Queues a change; waits while the bounded queue is full.
    pub async fn record(&self, _change: Change) {
        todo!()
    }

    /// Commits everything queued, fsyncs, and returns the progress that is now durable.
    pub async fn sync(&self) -> Result<Progress, StateError> {
        todo!()
    }

    /// What is recorded of one event.
    pub async fn deliveries(&self, _position: u64) -> Result<Vec<DeliveryRecord>, StateError> {
        todo!()
    }

    /// Dead letters, newest first, below a sequence, of one route if given.
    pub async fn dead_letters(
        &self,
        _route: Option<String>,
        _below: Option<u64>,
        _limit: usize,
    ) -> Result<Vec<DeadLetter>, StateError> {
        todo!()
    }

    /// Which of these positions have a dead letter.
    pub async fn dead_among(&self, _positions: Vec<u64>) -> Result<Vec<u64>, StateError> {
        todo!()
    }

    /// Forgets delivery records below a position (dead letters stay).
    pub async fn forget_below(&self, _position: u64) -> Result<(), StateError> {
        todo!()
    }

    /// Commits everything, fsyncs and stops the thread.
    pub async fn close(&self) {
        todo!()
    }
}
