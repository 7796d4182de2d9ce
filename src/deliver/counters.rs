//! Handles of `deliveries_total`, looked up once for the destination a lane goes to.

use crate::observability::metrics;
use ::metrics::Counter;

/// The handles of one lane.
pub struct Counters {
    destination: String,
    /// The destination took the event.
    pub delivered: Counter,
    /// It is tried again.
    pub retried: Counter,
    /// It became a dead letter.
    pub dead: Counter,
    /// It was given up, and its sender was told so (`ack: destinations`).
    pub failed: Counter,
}

impl Counters {
    /// The known handles, or new ones when the lane goes elsewhere now.
    pub fn of<'c>(known: &'c mut Option<Counters>, route: &str, destination: &str) -> &'c Counters {
        let kept = known.take().filter(|counters| counters.destination == destination);
        let handle = |outcome| metrics::deliveries(route, destination, outcome);
        known.insert(kept.unwrap_or_else(|| Counters {
            destination: destination.to_owned(),
            delivered: handle("delivered"),
            retried: handle("retried"),
            dead: handle("dead"),
            failed: handle("failed"),
        }))
    }
}
