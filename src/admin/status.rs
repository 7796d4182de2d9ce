//! What became of an event, in one word (design.md §4).

use crate::deliver::dispatcher::Delivery;
use crate::log::record::Entry;

/// `status` of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// A delivery is open.
    Pending,
    /// Every delivery is done.
    Delivered,
    /// A delivery is a dead letter.
    Dead,
    /// No route took it.
    Unmatched,
}

impl Status {
    /// By its name in a query.
    pub fn named(name: &str) -> Option<Status> {
        match name {
            "pending" => Some(Status::Pending),
            "delivered" => Some(Status::Delivered),
            "dead" => Some(Status::Dead),
            "unmatched" => Some(Status::Unmatched),
            _ => None,
        }
    }

    /// The status of an event, given whether it has a dead letter.
    pub fn of(entry: &Entry, dead: bool, delivery: &Delivery) -> Status {
        let decision = &entry.record.decision;
        if decision.is_empty() {
            Status::Unmatched
        } else if dead {
            Status::Dead
        } else if is_open(entry, delivery) {
            Status::Pending
        } else {
            Status::Delivered
        }
    }

    /// False when an event cannot have this status, as far as can be told without asking for dead letters.
    pub fn is_possible(self, entry: &Entry, delivery: &Delivery) -> bool {
        match self {
            Status::Unmatched => entry.record.decision.is_empty(),
            Status::Dead => !entry.record.decision.is_empty(),
            Status::Pending => is_open(entry, delivery),
            Status::Delivered => !entry.record.decision.is_empty() && !is_open(entry, delivery),
        }
    }
}

fn is_open(entry: &Entry, delivery: &Delivery) -> bool {
    let lanes = entry.record.decision.iter().filter(|lane| !lane.settled_by_log());
    lanes.into_iter().any(|lane| delivery.open_status(lane, entry.position).is_some())
}
