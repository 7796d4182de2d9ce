//! Everything that can become of a request: a receipt or a rejection.

use crate::cloudevents::Violation;
use crate::codes::Code;
use crate::log::Stored;

/// The producer's answer when its events are durable (202).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// One per event of the request, in order.
    pub stored: Vec<Stored>,
    /// Whether a route took the event, in the same order.
    pub matched: Vec<bool>,
    /// The request was a batch.
    pub batch: bool,
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
    /// Events of the request, as far as it could be read; 0 when it holds none that could.
    pub events: usize,
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
