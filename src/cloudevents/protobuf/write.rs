//! Protobuf format out. Fields stand in the order of their numbers, attributes as received.

use super::{BATCH_EVENTS, any_field, entry_field, event_field, timestamp_field, value_field};
use crate::cloudevents::media_type::MediaType;
use crate::cloudevents::timestamp::Instant;
use crate::cloudevents::{Data, Event, Kind, attributes, opaque};
use crate::varint;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

/// The event as a `CloudEvent` message.
pub fn write(event: &Event) -> Bytes {
    let mut out = Vec::with_capacity(event.size() + 16 * event.attributes.len() + 96);
    put_event(event, &mut out);
    out.into()
}

/// A batch as a `CloudEventBatch` message.
pub fn write_batch<'e>(events: impl IntoIterator<Item = &'e Event>) -> Bytes {
    let (mut out, mut message) = (Vec::new(), Vec::new());
    for event in events {
        message.clear();
        put_event(event, &mut message);
        put_bytes(BATCH_EVENTS, &message, &mut out);
    }
    out.into()
}

fn put_event(event: &Event, out: &mut Vec<u8>) {
    put_bytes(event_field::ID, event.id.as_bytes(), out);
    put_bytes(event_field::SOURCE, event.source.as_bytes(), out);
    put_bytes(event_field::SPEC_VERSION, attributes::SPECVERSION.as_bytes(), out);
    put_bytes(event_field::TYPE, event.ty.as_bytes(), out);
    let mut entries = Entries::default();
    for attribute in &event.attributes {
        entries.put(attribute.name, attribute.value.kind, attribute.value.text, out);
    }
    // An `Any` tells its type by itself.
    if !matches!(event.data, Data::Proto { .. }) {
        for (name, text) in event.implied() {
            entries.put(name, Kind::String, &text, out);
        }
    }
    put_data(event, out);
}

/// The column "Protobuf" of the matrix in specs.md §16, completed by formats.md §1.
fn put_data(event: &Event, out: &mut Vec<u8>) {
    let bytes = match &event.data {
        Data::Absent => return,
        Data::Proto { type_url, value } => {
            let mut any = Vec::with_capacity(type_url.len() + value.len() + 16);
            if !type_url.is_empty() {
                put_bytes(any_field::TYPE_URL, type_url.as_bytes(), &mut any);
            }
            if !value.is_empty() {
                put_bytes(any_field::VALUE, value, &mut any);
            }
            return put_bytes(event_field::PROTO_DATA, &any, out);
        }
        Data::Text(text) => return put_bytes(event_field::TEXT_DATA, text.as_bytes(), out),
        Data::Json(bytes) | Data::Xml(bytes) => return put_text_or_bytes(true, bytes, out),
        Data::Binary(bytes) => bytes,
    };
    let media_type = event.datacontenttype().and_then(MediaType::parse);
    let is_text = media_type.is_some_and(|media_type| {
        media_type.is_json() && media_type.is_utf8() || opaque::text_of(&media_type, bytes).is_some()
    });
    put_text_or_bytes(is_text, bytes, out);
}

/// A `string` field has to be UTF-8.
fn put_text_or_bytes(is_text: bool, bytes: &[u8], out: &mut Vec<u8>) {
    let is_text = is_text && str::from_utf8(bytes).is_ok();
    put_bytes(if is_text { event_field::TEXT_DATA } else { event_field::BINARY_DATA }, bytes, out);
}

/// Writes entries of the map; the room in which they are put together is kept.
#[derive(Default)]
struct Entries {
    value: Vec<u8>,
    entry: Vec<u8>,
}

impl Entries {
    fn put(&mut self, name: &str, kind: Kind, text: &str, out: &mut Vec<u8>) {
        self.value.clear();
        put_value(attributes::expected_kind(name).unwrap_or(kind), text, &mut self.value);
        self.entry.clear();
        put_bytes(entry_field::KEY, name.as_bytes(), &mut self.entry);
        put_bytes(entry_field::VALUE, &self.value, &mut self.entry);
        put_bytes(event_field::ATTRIBUTES, &self.entry, out);
    }
}

fn put_value(kind: Kind, text: &str, out: &mut Vec<u8>) {
    let string = match kind {
        Kind::Boolean => return put_number(value_field::BOOLEAN, u64::from(text == "true"), out),
        Kind::Integer => match text.parse::<i64>() {
            Ok(number) => return put_number(value_field::INTEGER, number.cast_unsigned(), out),
            Err(_) => value_field::STRING,
        },
        Kind::Binary => match STANDARD.decode(text) {
            Ok(bytes) => return put_bytes(value_field::BYTES, &bytes, out),
            Err(_) => value_field::STRING,
        },
        // A leap second, a finer fraction or another year has no Timestamp.
        Kind::Timestamp => match Instant::parse(text).and_then(|instant| instant.unix()) {
            Some((seconds, nanos)) => return put_timestamp(seconds, nanos, out),
            None => value_field::STRING,
        },
        Kind::String => value_field::STRING,
        Kind::Uri => value_field::URI,
        Kind::UriReference => value_field::URI_REF,
    };
    put_bytes(string, text.as_bytes(), out);
}

fn put_timestamp(seconds: i64, nanos: u32, out: &mut Vec<u8>) {
    let mut message = Vec::with_capacity(18);
    if seconds != 0 {
        put_number(timestamp_field::SECONDS, seconds.cast_unsigned(), &mut message);
    }
    if nanos != 0 {
        put_number(timestamp_field::NANOS, u64::from(nanos), &mut message);
    }
    put_bytes(value_field::TIMESTAMP, &message, out);
}

/// A field of wire type 0.
fn put_number(field: u32, number: u64, out: &mut Vec<u8>) {
    varint::put(u64::from(field << 3), out);
    varint::put(number, out);
}

/// A field of wire type 2.
fn put_bytes(field: u32, bytes: &[u8], out: &mut Vec<u8>) {
    varint::put(u64::from(field << 3 | 2), out);
    varint::put(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}
