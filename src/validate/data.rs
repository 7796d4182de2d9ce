//! The data of a governed event as JSON: which bytes they are, and what they say.

use super::Refusal;
use super::registry::Version;
use crate::cloudevents::reader::shown;
use crate::cloudevents::{Data, Event, Violation};
use crate::conversion;
use crate::payload::{self, Encoding, Unfit};
use bytes::Bytes;
use serde_json::Value;

/// The text of the event's data as JSON: as it is, or out of XML by the rules of its type.
pub fn json_text(event: &Event, version: &Version) -> Result<Bytes, Refusal> {
    if let Some(json) = event.json_data() {
        return Ok(json);
    }
    if let (Some(rules), Some(xml)) = (&version.conversion, event.xml_data()) {
        return conversion::from_xml(rules, &xml, Some(version.schema.document())).map_err(out_of_xml);
    }
    let label = shown(&version.label);
    let own = version.schema.payload().map(|schema| schema.encoding().name());
    let wanted = match (version.conversion.is_some(), own) {
        (false, None) => "JSON".to_owned(),
        (true, None) => "JSON or XML".to_owned(),
        (false, Some(own)) => format!("JSON or {own}"),
        (true, Some(own)) => format!("JSON, XML or {own}"),
    };
    let (pointer, detail) = match (&event.data, event.datacontenttype()) {
        (Data::Absent, _) => ("/data", format!("the event has no data, and its schema `{label}` asks for {wanted}")),
        (_, Some(media_type)) => {
            ("/datacontenttype", format!("the schema `{label}` asks for {wanted}, the data is `{}`", shown(media_type)))
        }
        (Data::Xml(_), None) => ("/data", format!("the schema `{label}` asks for {wanted}, the data is XML")),
        (_, None) => ("/data", format!("the schema `{label}` asks for {wanted}, the data has no media type")),
    };
    Err(Refusal::WrongDataKind(Violation::new(pointer, detail)))
}

/// Checks data by an Avro or Protobuf schema: in the schema's own encoding as bytes, else in its JSON form.
pub fn check_payload(event: &Event, version: &Version, schema: &payload::Schema) -> Result<(), Refusal> {
    let inside = |violation: Violation| Violation { pointer: format!("/data{}", violation.pointer), ..violation };
    if event.media_type().and_then(Encoding::of) == Some(schema.encoding())
        && let Some(bytes) = event.data.bytes()
    {
        return schema.check_bytes(&bytes).map_err(|violation| Refusal::Violations(vec![inside(violation)]));
    }
    let text = json_text(event, version)?;
    schema.check_json(&text).map_err(|unfit| match unfit {
        Unfit::NotJson(detail) => Refusal::NotJson(Violation::new("/data", detail)),
        Unfit::Violations(violations) => Refusal::Violations(violations.into_iter().map(inside).collect()),
    })
}

/// What breaks the rules in one place is a violation there; what is no XML of theirs at all is data of the wrong kind.
fn out_of_xml(error: conversion::Error) -> Refusal {
    let violation = Violation::new(format!("/data{}", error.pointer), error.detail);
    if error.pointer.is_empty() { Refusal::WrongDataKind(violation) } else { Refusal::Violations(vec![violation]) }
}

/// The data, or why its text is no JSON.
pub fn parse(text: &[u8]) -> Result<Value, Refusal> {
    let not_json = |detail: String| Refusal::NotJson(Violation::new("/data", detail));
    serde_json::from_slice(text)
        .or_else(|error| match error.to_string() {
            // `1e400` is JSON, only no double.
            message if message.starts_with("number out of range") => serde_json::from_slice(&clamped(text)),
            _ => Err(error),
        })
        .map_err(|error| match error.to_string() {
            message if message.starts_with("recursion limit exceeded") => {
                not_json("the data nests deeper than data with a schema may".to_owned())
            }
            message => not_json(format!("the data is not JSON: {message}")),
        })
}

/// The text with numbers beyond a double's range replaced by the largest one of their sign.
fn clamped(text: &[u8]) -> Vec<u8> {
    let mut clamped = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.first() {
        let token = match first {
            b'"' => string_length(rest),
            b'-' | b'0'..=b'9' => {
                rest.iter().take_while(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')).count()
            }
            _ => 1,
        };
        let (token, after) = rest.split_at(token);
        match std::str::from_utf8(token).ok().and_then(|token| token.parse::<f64>().ok()) {
            Some(number) if number.is_infinite() => {
                clamped.extend_from_slice(if number > 0.0 {
                    b"1.7976931348623157e308"
                } else {
                    b"-1.7976931348623157e308"
                });
            }
            _ => clamped.extend_from_slice(token),
        }
        rest = after;
    }
    clamped
}

/// Length of the string a text starts with, quotes included.
fn string_length(text: &[u8]) -> usize {
    let mut escaped = false;
    let end = text.iter().skip(1).position(|byte| {
        let closes = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        closes
    });
    end.map_or(text.len(), |end| end + 2)
}
