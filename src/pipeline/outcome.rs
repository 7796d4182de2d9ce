//! Everything that can become of a request: a receipt or a rejection.

use crate::cloudevents::Violation;
use crate::codes::Code;
use crate::lane_name::LaneName;
use crate::log::Stored;
use crate::state::Failure;
use std::sync::Arc;

/// The producer's answer when its events are durable (202).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// One per event of the request, in order. Position 0: it stands in no log (`ack: destinations`).
    pub stored: Vec<Stored>,
    /// Whether a route took the event, in the same order.
    pub matched: Vec<bool>,
    /// The request was a batch.
    pub batch: bool,
    /// For a lenient batch: what was not taken. The others are the stored ones, in order.
    pub lenient: Option<Lenient>,
}

/// What was not taken of a lenient batch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lenient {
    /// By index; at least one element of a batch that is not empty was taken.
    pub refused: Vec<Refused>,
    /// Trace id of the request, lower-case hex.
    pub trace_id: String,
}

/// An element of a batch that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its index.
    pub index: usize,
    /// Which rule.
    pub code: Code,
    /// One sentence for people.
    pub detail: String,
    /// Violations; their pointers start at the event.
    pub errors: Vec<Violation>,
}

impl Refused {
    /// What is wrong with it, as errors of its batch.
    pub fn pointed(&self) -> Vec<(Option<usize>, Violation)> {
        let index = Some(self.index);
        if self.errors.is_empty() {
            return vec![(index, Violation::new("", self.detail.clone()))];
        }
        self.errors.iter().map(|violation| (index, violation.clone())).collect()
    }
}

impl Receipt {
    /// What was stored, with its index in the request.
    pub fn indexed(&self) -> impl Iterator<Item = (usize, &Stored)> {
        let mut refused = self.lenient.iter().flat_map(|lenient| &lenient.refused).map(|one| one.index).peekable();
        let mut next = 0;
        self.stored.iter().map(move |stored| {
            while refused.next_if_eq(&next).is_some() {
                next += 1;
            }
            next += 1;
            (next - 1, stored)
        })
    }
}

impl Lenient {
    /// What was refused as one rejection, for who counts and lists them; `None` if nothing was.
    pub fn rejection(&self) -> Option<Rejection> {
        let first = self.refused.first()?;
        Some(Rejection {
            code: first.code,
            detail: format!(
                "{} elements of a batch were refused; element {}: {}",
                self.refused.len(),
                first.index,
                first.detail
            ),
            errors: self.refused.iter().flat_map(Refused::pointed).collect(),
            trace_id: self.trace_id.clone(),
            events: self.refused.iter().map(|one| one.code).collect(),
            deliveries: Vec::new(),
        })
    }
}

/// The producer's answer when its request is refused. Nothing was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// Which rule; decides the HTTP status in `ingress/respond.rs` alone.
    pub code: Code,
    /// One sentence for people.
    pub detail: String,
    /// Violations with the index of their batch element.
    pub errors: Vec<(Option<usize>, Violation)>,
    /// Trace id of the request, lower-case hex.
    pub trace_id: String,
    /// Which rule refuses each event of the request, in no order: an event that is not wrong itself is refused by that of
    /// its batch. Empty when the request holds none that could be read.
    pub events: Box<[Code]>,
    /// With `ack: destinations`: what became of the events that were handed over, in order.
    pub deliveries: Vec<DeliveryOutcome>,
}

/// What one deliver entry did with one event of a request that was not taken whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryOutcome {
    /// Index of the batch element.
    pub index: Option<usize>,
    /// The deliver entry.
    pub lane: Arc<LaneName>,
    /// Why it has not taken the event; `None` = it has.
    pub failure: Option<Failure>,
}

/// One thing that is wrong with a request, at a place of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault<'a> {
    /// JSON Pointer into the request: that of a batch begins with the element's index.
    pub pointer: String,
    /// For people.
    pub detail: &'a str,
    /// Index of the batch element.
    pub index: Option<usize>,
}

impl Rejection {
    /// A rejection of a request of which no event is counted yet, and nothing was handed over.
    pub fn of(code: Code, detail: String, errors: Vec<(Option<usize>, Violation)>, trace_id: String) -> Rejection {
        Rejection { code, detail, errors, trace_id, events: Box::default(), deliveries: Vec::new() }
    }

    /// The same for a request with so many events, of which some are wrong themselves.
    #[must_use]
    pub fn of_events(self, count: usize, own: impl Iterator<Item = Code>) -> Rejection {
        let mut events: Vec<Code> = own.collect();
        events.resize(count.max(events.len()), self.code);
        Rejection { events: events.into(), ..self }
    }

    /// Everything that can be pointed at. What cannot is told by [`Rejection::detail`].
    pub fn faults(&self) -> impl Iterator<Item = Fault<'_>> {
        let pointed = self.errors.iter().filter(|(index, one)| index.is_some() || !one.pointer.is_empty());
        pointed.map(|(index, one)| Fault {
            pointer: index.map_or_else(|| one.pointer.clone(), |index| format!("/{index}{}", one.pointer)),
            detail: &one.detail,
            index: *index,
        })
    }
}
