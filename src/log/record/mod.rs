//! One accepted event as the log keeps it, and its binary form.

#[cfg(test)]
mod tests;

use super::codec::{Cursor, Malformed, put_bytes};
use crate::cloudevents::attribute::Gathering;
use crate::cloudevents::{Data, Event, Kind};
use crate::lane_name::{Decision, LaneName};
use crate::observability::trace::{Ids, TraceContext};
use crate::units::Micros;
use crate::varint;
use bytes::Bytes;
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
    /// `tracestate` of the caller's trace, where that is continued.
    pub tracestate: Option<ByteString>,
    /// The deliver entries it goes to; empty when unmatched.
    pub decision: Decision,
    /// The event as accepted: as it came, plus a filled-in `traceparent`.
    pub event: Event,
}

/// A record with the position the log gave it.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its position: 1 or more, rising, with gaps; 0 while it stands in no log (`ack: destinations`).
    pub position: u64,
    /// What is stored there.
    pub record: Arc<Record>,
}

impl Record {
    /// A record of an event that no gateway is asked about: nothing is known of how it came, and nothing was decided.
    pub fn of(event: Event) -> Record {
        Record {
            received: Micros(0),
            listener: ByteString::default(),
            producer: None,
            schema: None,
            snapshot: ByteString::default(),
            process: Ids::default().root(),
            tracestate: None,
            decision: Arc::default(),
            event,
        }
    }

    /// Bytes it costs in memory, near enough for accounting.
    pub fn size(&self) -> usize {
        self.event.size()
            + 16 * self.event.attributes.len()
            + self.tracestate.as_ref().map_or(0, |state| state.len())
            + 256
    }
}

/// First byte of every encoded record.
const VERSION: u8 = 1;

const HAS_PRODUCER: u8 = 1;
const HAS_SCHEMA: u8 = 1 << 1;
const SAMPLED: u8 = 1 << 2;
/// The decision stands in the record itself, by names.
const HAS_DECISION: u8 = 1 << 3;
const HAS_TRACESTATE: u8 = 1 << 4;
/// A record with another flag was written by a later version.
const KNOWN: u8 = HAS_PRODUCER | HAS_SCHEMA | SAMPLED | HAS_DECISION | HAS_TRACESTATE;

/// The record as bytes that stand for themselves, decision included.
pub fn encode(record: &Record) -> Vec<u8> {
    let mut out = head(record, HAS_DECISION);
    put_decision(&mut out, &record.decision);
    out
}

/// The record without its decision: a segment keeps that once for all events that share it.
pub(super) fn encode_undecided(record: &Record) -> Vec<u8> {
    head(record, 0)
}

/// Reads what [`encode`] wrote. Texts and data share the buffer.
pub fn decode(bytes: Bytes) -> Result<Record, Malformed> {
    read(&bytes, None)
}

/// Reads what [`encode_undecided`] wrote.
pub(super) fn decode_undecided(bytes: &Bytes, decision: Decision) -> Result<Record, Malformed> {
    read(bytes, Some(decision))
}

/// Appends a decision by names.
pub(super) fn put_decision(out: &mut Vec<u8>, decision: &Decision) {
    varint::put(decision.len() as u64, out);
    for lane in decision.iter() {
        put_bytes(out, lane.route.as_bytes());
        put_bytes(out, lane.name.as_bytes());
        put_bytes(out, lane.destination.as_bytes());
        out.push(u8::from(lane.stream.is_some()));
        if let Some(stream) = &lane.stream {
            put_bytes(out, stream.as_bytes());
        }
    }
}

/// Reads what [`put_decision`] wrote. Names are copied, so that a decision does not pin the buffer it came from.
pub(super) fn read_decision(cursor: &mut Cursor<'_>) -> Result<Decision, Malformed> {
    let own = |text: ByteString| ByteString::from(&*text);
    let count = cursor.count()?;
    let mut lanes = Vec::with_capacity(count);
    for _ in 0..count {
        let (route, name, destination) = (own(cursor.text()?), own(cursor.text()?), own(cursor.text()?));
        let stream = match cursor.byte()? {
            0 => None,
            1 => Some(own(cursor.text()?)),
            _ => return Err(Malformed),
        };
        lanes.push(Arc::new(LaneName { route, name, destination, stream }));
    }
    Ok(lanes.into())
}

fn head(record: &Record, flags: u8) -> Vec<u8> {
    let mut out = Vec::with_capacity(record.event.size() + 4 * record.event.attributes.len() + 192);
    let flag = |on: bool, bit: u8| if on { bit } else { 0 };
    out.push(VERSION);
    out.push(
        flags
            | flag(record.producer.is_some(), HAS_PRODUCER)
            | flag(record.schema.is_some(), HAS_SCHEMA)
            | flag(record.process.sampled, SAMPLED)
            | flag(record.tracestate.is_some(), HAS_TRACESTATE),
    );
    out.extend_from_slice(&record.received.0.to_le_bytes());
    out.extend_from_slice(&record.process.trace_id);
    out.extend_from_slice(&record.process.span_id);
    put_bytes(&mut out, record.listener.as_bytes());
    for text in record.producer.iter().chain(&record.schema).chain(&record.tracestate) {
        put_bytes(&mut out, text.as_bytes());
    }
    put_bytes(&mut out, record.snapshot.as_bytes());
    put_event(&mut out, &record.event);
    out
}

fn put_event(out: &mut Vec<u8>, event: &Event) {
    for text in [&event.id, &event.source, &event.ty] {
        put_bytes(out, text.as_bytes());
    }
    varint::put(event.attributes.len() as u64, out);
    for attribute in &event.attributes {
        put_bytes(out, attribute.name.as_bytes());
        out.push(kind_number(attribute.value.kind));
        put_bytes(out, attribute.value.text.as_bytes());
    }
    match &event.data {
        Data::Absent => out.push(0),
        Data::Binary(bytes) => put_data(out, 1, bytes),
        Data::Text(text) => put_data(out, 2, text.as_bytes()),
        Data::Json(bytes) => put_data(out, 3, bytes),
        Data::Xml(bytes) => put_data(out, 4, bytes),
        Data::Proto { type_url, value } => {
            put_data(out, 5, value);
            put_bytes(out, type_url.as_bytes());
        }
    }
}

fn put_data(out: &mut Vec<u8>, form: u8, bytes: &[u8]) {
    out.push(form);
    put_bytes(out, bytes);
}

fn read(bytes: &Bytes, decision: Option<Decision>) -> Result<Record, Malformed> {
    let mut cursor = Cursor::new(bytes);
    if cursor.byte()? != VERSION {
        return Err(Malformed);
    }
    let flags = cursor.byte()?;
    if flags & !KNOWN != 0 {
        return Err(Malformed);
    }
    let optional = |cursor: &mut Cursor<'_>, bit: u8| match flags & bit {
        0 => Ok(None),
        _ => cursor.text().map(Some),
    };
    let received = Micros(i64::from_le_bytes(cursor.array()?));
    let process = TraceContext { trace_id: cursor.array()?, span_id: cursor.array()?, sampled: flags & SAMPLED != 0 };
    let listener = cursor.text()?;
    let producer = optional(&mut cursor, HAS_PRODUCER)?;
    let schema = optional(&mut cursor, HAS_SCHEMA)?;
    let tracestate = optional(&mut cursor, HAS_TRACESTATE)?;
    let snapshot = cursor.text()?;
    let event = read_event(&mut cursor)?;
    let decision = match (flags & HAS_DECISION, decision) {
        (0, Some(decision)) => decision,
        (0, None) => return Err(Malformed),
        _ => read_decision(&mut cursor)?,
    };
    cursor.end()?;
    Ok(Record { received, listener, producer, schema, snapshot, process, tracestate, decision, event })
}

fn read_event(cursor: &mut Cursor<'_>) -> Result<Event, Malformed> {
    let (id, source, ty) = (cursor.text()?, cursor.text()?, cursor.text()?);
    let count = cursor.count()?;
    let mut gathering = Gathering::with_capacity(32 * count.min(16), count);
    for _ in 0..count {
        let name = cursor.str()?;
        let kind = kind_of(cursor.byte()?)?;
        gathering.push(name, kind, cursor.str()?).map_err(|_| Malformed)?;
    }
    let attributes = gathering.finish();
    let data = match cursor.byte()? {
        0 => Data::Absent,
        1 => Data::Binary(cursor.bytes()?),
        2 => Data::Text(cursor.text()?),
        3 => Data::Json(cursor.bytes()?),
        4 => Data::Xml(cursor.bytes()?),
        5 => {
            let value = cursor.bytes()?;
            Data::Proto { type_url: cursor.text()?, value }
        }
        _ => return Err(Malformed),
    };
    Ok(Event { id, source, ty, attributes, data })
}

const KINDS: [Kind; 7] =
    [Kind::Boolean, Kind::Integer, Kind::String, Kind::Binary, Kind::Uri, Kind::UriReference, Kind::Timestamp];

fn kind_number(kind: Kind) -> u8 {
    match kind {
        Kind::Boolean => 0,
        Kind::Integer => 1,
        Kind::String => 2,
        Kind::Binary => 3,
        Kind::Uri => 4,
        Kind::UriReference => 5,
        Kind::Timestamp => 6,
    }
}

fn kind_of(number: u8) -> Result<Kind, Malformed> {
    KINDS.get(usize::from(number)).copied().ok_or(Malformed)
}
