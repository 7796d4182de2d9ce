//! The metric handles of a listener, looked up once.

use super::respond::{self, Outcome};
use crate::codes::Code;
use crate::observability::metrics;
use crate::pipeline::outcome::{Receipt, Rejection};
use ::metrics::Counter;

/// `events_received_total` by outcome.
pub struct Counters {
    accepted: Counter,
    duplicate: Counter,
    unmatched: Counter,
    invalid: Counter,
    rejected: Counter,
    shed: Counter,
    failed: Counter,
}

impl Counters {
    /// The handles of a listener.
    pub fn new(listener: &str) -> Counters {
        let counter = |outcome| metrics::events_received(listener, outcome);
        Counters {
            accepted: counter("accepted"),
            duplicate: counter("duplicate"),
            unmatched: counter("unmatched"),
            invalid: counter("invalid"),
            rejected: counter("rejected"),
            shed: counter("shed"),
            failed: counter("failed"),
        }
    }

    /// One per event. A duplicate counts as one whether a route took the first or not.
    pub fn receipt(&self, receipt: &Receipt) {
        for (stored, matched) in receipt.stored.iter().zip(&receipt.matched) {
            let counter = match (stored.duplicate, matched) {
                (true, _) => &self.duplicate,
                (false, true) => &self.accepted,
                (false, false) => &self.unmatched,
            };
            counter.increment(1);
        }
        for refused in receipt.lenient.iter().flat_map(|lenient| &lenient.refused) {
            self.refused(refused.code);
        }
    }

    /// One per event of the request, each under the rule that refuses it, and one for a request that holds no readable event.
    pub fn rejection(&self, rejection: &Rejection) {
        if rejection.events.is_empty() {
            self.refused(rejection.code);
        }
        rejection.events.iter().for_each(|code| self.refused(*code));
    }

    fn refused(&self, code: Code) {
        let counter = match respond::outcome(code) {
            Some(Outcome::Invalid) => &self.invalid,
            Some(Outcome::Rejected) => &self.rejected,
            Some(Outcome::Shed) => &self.shed,
            Some(Outcome::Failed) => &self.failed,
            None => return,
        };
        counter.increment(1);
    }
}
