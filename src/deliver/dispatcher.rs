//! Hands positions to lanes. One dispatcher; a lane whose queue is full is "behind" and reads the log itself.

use super::plan::Plan;
use crate::lane_name::LaneName;
use crate::log::Log;
use crate::state::{Resume, State};
use crate::tasks::Tasks;
use crate::units::Micros;
use std::sync::Arc;
use std::time::Duration;

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
pub struct Delivery;

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

impl Delivery {
    /// Starts handing out from where `resume` stands. Must be called inside the runtime.
    pub fn start(
        _log: Log,
        _state: State,
        _plan: Plan,
        _resume: Resume,
        _limits: LaneLimits,
        _tasks: &Tasks,
    ) -> Delivery {
        todo!()
    }

    /// How an event stands in a lane; `None` when the lane has settled it (or never had it).
    pub fn open_status(&self, _lane: &LaneName, _position: u64) -> Option<OpenStatus> {
        todo!()
    }

    /// Every lane that ran since the start.
    pub fn lanes(&self) -> Vec<LaneReport> {
        todo!()
    }

    /// Wakes lanes that wait because their entry, destination or transform was broken: a new snapshot is active.
    pub fn snapshot_changed(&self) {
        todo!()
    }

    /// Hands nothing new out, lets attempts in flight finish until the deadline, then drops them. Returns how many events
    /// are kept for the next start.
    pub async fn stop(&self, _deadline: Duration) -> u64 {
        todo!()
    }
}
