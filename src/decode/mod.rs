//! Bytes become events: the request head and body of any binding, chosen by content type.

use crate::cloudevents::{Event, Violation};
use crate::codes::Code;
use bytes::Bytes;

/// Caps on what one request may hold (signalbox.yaml `limits:`).
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of one event in its wire form.
    pub event_bytes: usize,
    /// Bytes of a body after decompression.
    pub body_bytes: usize,
    /// Events in one batch.
    pub batch_events: usize,
    /// Attributes of one event.
    pub attributes: usize,
    /// Nesting of JSON.
    pub json_depth: usize,
}

/// What a request held.
#[derive(Debug, Clone, PartialEq)]
pub enum Decoded {
    /// One event, binary or structured.
    Single(Event),
    /// A batch, perhaps empty.
    Batch(Vec<Event>),
}

/// Why it holds no events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Which rule.
    pub code: Code,
    /// One sentence for people.
    pub detail: String,
    /// Every violation with the index of its batch element.
    pub violations: Vec<(Option<usize>, Violation)>,
}

/// Reads the events of one message. `headers` are as received (names in any case, values as bytes); `body` is already
/// decompressed.
pub fn decode<'h>(
    _headers: impl Iterator<Item = (&'h str, &'h [u8])> + Clone,
    _body: Bytes,
    _limits: &Limits,
) -> Result<Decoded, Refusal> {
    todo!()
}
