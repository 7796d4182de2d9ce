//! Avro format out: attributes in the order `specversion`, `id`, `source`, `type`, others as received; data as `bytes`.

use super::{attribute_branch, data_branch};
use crate::cloudevents::attributes::REQUIRED;
use crate::cloudevents::{Event, Kind};
use crate::varint;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

/// The event as a datum.
pub fn write(event: &Event) -> Bytes {
    let mut out = Vec::with_capacity(event.size() + 8 * event.attributes.len() + 96);
    let implied: Vec<_> = event.implied().collect();
    put_long((REQUIRED.len() + event.attributes.len() + implied.len()) as u64, &mut out);
    for name in REQUIRED {
        put_attribute(name, Kind::String, event.attribute(name).unwrap_or_default(), &mut out);
    }
    for attribute in &event.attributes {
        put_attribute(attribute.name, attribute.value.kind, attribute.value.text, &mut out);
    }
    for (name, text) in implied {
        put_attribute(name, Kind::String, &text, &mut out);
    }
    put_long(0, &mut out);
    match event.data.bytes() {
        Some(data) => {
            put_long(data_branch::BYTES, &mut out);
            put_bytes(&data, &mut out);
        }
        None => put_long(data_branch::NULL, &mut out),
    }
    out.into()
}

fn put_attribute(name: &str, kind: Kind, text: &str, out: &mut Vec<u8>) {
    put_bytes(name.as_bytes(), out);
    match kind {
        Kind::Boolean => {
            put_long(attribute_branch::BOOLEAN, out);
            return out.push(u8::from(text == "true"));
        }
        Kind::Integer => {
            if let Ok(number) = text.parse::<i32>() {
                put_long(attribute_branch::INT, out);
                return varint::put_signed(number.into(), out);
            }
        }
        Kind::Binary => {
            if let Ok(bytes) = STANDARD.decode(text) {
                put_long(attribute_branch::BYTES, out);
                return put_bytes(&bytes, out);
            }
        }
        Kind::String | Kind::Uri | Kind::UriReference | Kind::Timestamp => {}
    }
    put_long(attribute_branch::STRING, out);
    put_bytes(text.as_bytes(), out);
}

fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put_long(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// A count, a length or a branch: never below zero, never near the end of the range.
fn put_long(number: u64, out: &mut Vec<u8>) {
    varint::put_signed(number.cast_signed(), out);
}
