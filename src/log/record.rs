//! One accepted event as the log keeps it.

use crate::cloudevents::Event;
use crate::lane_name::Decision;
use crate::observability::trace::TraceContext;
use crate::units::Micros;
use bytestring::ByteString;
use std::sync::Arc;

/// An accepted event with everything that was decided about it. Never changed after the 202.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// When the request was complete.
    pub received: Micros,
    /// Name of the listener.
    pub listener: ByteString,
    /// Who called; `None` for anonymous callers.
    pub producer: Option<ByteString>,
    /// `<type>/<version>` of the schema that governs it; `None` if ungoverned.
    pub schema: Option<ByteString>,
    /// Version hash of the snapshot that decided.
    pub snapshot: ByteString,
    /// Context of the span that processed it: parent of its deliveries (reliability.md §4.3 R5).
    pub process: TraceContext,
    /// The deliver entries it goes to; empty when unmatched.
    pub decision: Decision,
    /// The event as accepted: as it came, plus a filled-in `traceparent`.
    pub event: Event,
}

/// A record with the position the log gave it.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its position: 1 or more, rising, with gaps.
    pub position: u64,
    /// What is stored there.
    pub record: Arc<Record>,
}

impl Record {
    /// Bytes it costs in memory, near enough for accounting.
    pub fn size(&self) -> usize {
        self.event.size() + 256
    }
}

/// The record as bytes, for the places that keep it outside the log (dead letters).
pub fn encode(_record: &Record) -> Vec<u8> {
    todo!()
}
