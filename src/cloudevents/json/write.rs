//! JSON format out. Members stand in the order `specversion`, `id`, `source`, `type`, other attributes as received, data.

use super::{plain, scan};
use crate::cloudevents::attributes::REQUIRED;
use crate::cloudevents::media_type::MediaType;
use crate::cloudevents::{Data, Event, Kind, opaque};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

/// The event as a JSON document; JSON data keeps its text.
pub fn write(event: &Event) -> Bytes {
    let mut out = buffer_for(event);
    attributes(event, &mut out);
    data(event, &mut out);
    out.push('}');
    out.into()
}

/// As [`write()`], on one line: line breaks between the tokens of JSON data become blanks.
pub fn write_line(event: &Event) -> Bytes {
    let document = write(event);
    if memchr::memchr2(b'\n', b'\r', &document).is_none() {
        return document;
    }
    // Strings cannot hold raw line breaks, so that these all stand between tokens.
    document.iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte }).collect()
}

/// The event as a JSON document without its data.
pub fn write_without_data(event: &Event) -> Bytes {
    let mut out = String::with_capacity(512);
    attributes(event, &mut out);
    out.push('}');
    out.into()
}

/// A batch.
pub fn write_batch<'e>(events: impl IntoIterator<Item = &'e Event>) -> Bytes {
    let mut out = String::from("[");
    for event in events {
        if out.len() > 1 {
            out.push(',');
        }
        attributes(event, &mut out);
        data(event, &mut out);
        out.push('}');
    }
    out.push(']');
    out.into()
}

/// How data stands in a document.
enum Form<'e> {
    /// `data`: this JSON text.
    Raw(&'e str),
    /// `data`: this text as a string.
    String(&'e str),
    /// `data_base64`.
    Base64(&'e [u8]),
}

/// The column "JSON" of the matrix in specs.md §16, completed by formats.md §1.
fn form(event: &Event) -> Option<Form<'_>> {
    let media_type = event.media_type().and_then(MediaType::parse);
    let says_json = media_type.is_some_and(|media_type| media_type.is_json());
    let (bytes, text) = match &event.data {
        Data::Absent => return None,
        Data::Json(bytes) if says_json => {
            let document = str::from_utf8(bytes).ok();
            return Some(document.map_or(Form::Base64(bytes), Form::Raw));
        }
        Data::Binary(bytes) => (&bytes[..], media_type.and_then(|media_type| opaque::text_of(&media_type, bytes))),
        Data::Proto { value, .. } => (&value[..], None),
        Data::Json(bytes) | Data::Xml(bytes) => (&bytes[..], str::from_utf8(bytes).ok()),
        Data::Text(text) => (text.as_bytes().as_ref(), Some(&**text)),
    };
    Some(if says_json {
        scan::document(bytes).map_or(Form::Base64(bytes), Form::Raw)
    } else {
        text.filter(|_| media_type.is_some()).map_or(Form::Base64(bytes), Form::String)
    })
}

fn buffer_for(event: &Event) -> String {
    // Names, quotes and colons; base64 grows by a third.
    let syntax = 64 + 8 * event.attributes.len();
    let growth = if matches!(event.data, Data::Binary(_)) { event.data.len() / 3 } else { 0 };
    String::with_capacity(event.size() + syntax + growth)
}

fn attributes(event: &Event, out: &mut String) {
    out.push('{');
    let required = REQUIRED.iter().filter_map(|name| Some((*name, Kind::String, event.attribute(name)?)));
    let others = event.attributes.iter().map(|attribute| {
        let value = &attribute.value;
        (attribute.name, value.kind, value.text)
    });
    for (name, kind, text) in required.chain(others) {
        attribute(name, kind, text, out);
    }
    // The document implies JSON by itself, but nothing else.
    if !matches!(event.data, Data::Json(_)) {
        event.implied().for_each(|(name, text)| attribute(name, Kind::String, &text, out));
    }
}

fn attribute(name: &str, kind: Kind, text: &str, out: &mut String) {
    if !out.ends_with('{') {
        out.push(',');
    }
    quote(name, out);
    out.push(':');
    match kind {
        Kind::Boolean | Kind::Integer => out.push_str(text),
        _ => quote(text, out),
    }
}

fn data(event: &Event, out: &mut String) {
    match form(event) {
        None => {}
        Some(Form::Raw(text)) => {
            out.push_str(",\"data\":");
            out.push_str(text);
        }
        Some(Form::String(text)) => {
            out.push_str(",\"data\":");
            quote(text, out);
        }
        Some(Form::Base64(bytes)) => {
            out.push_str(",\"data_base64\":\"");
            STANDARD.encode_string(bytes, out);
            out.push('"');
        }
    }
}

/// Writes a text as a JSON string.
pub fn quote(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    loop {
        let unescaped = plain::length(rest.as_bytes());
        out.push_str(&rest[..unescaped]);
        let Some(byte) = rest.as_bytes().get(unescaped) else { break };
        escape(*byte, out);
        rest = &rest[unescaped + 1..];
    }
    out.push('"');
}

/// How many bytes [`quote`] writes for a text.
pub fn quoted_length(text: &str) -> usize {
    let escaped = |byte: u8| match byte {
        b'\n' | b'\r' | b'\t' | b'"' | b'\\' => 1,
        0..0x20 => 5,
        _ => 0,
    };
    2 + text.len() + text.bytes().map(escaped).sum::<usize>()
}

fn escape(byte: u8, out: &mut String) {
    out.push('\\');
    match byte {
        b'\n' => out.push('n'),
        b'\r' => out.push('r'),
        b'\t' => out.push('t'),
        b'"' | b'\\' => out.push(char::from(byte)),
        _ => {
            out.push_str("u00");
            for digit in [byte >> 4, byte & 15] {
                out.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
            }
        }
    }
}
