//! The data of a governed event as JSON: which bytes they are, and what they say.

use super::Refusal;
use super::json_schema::Values;
use super::registry::Version;
use crate::cloudevents::json::tape::Unreadable;
use crate::cloudevents::json::value::{Broken, Why};
use crate::cloudevents::reader::shown;
use crate::cloudevents::{Data, Event, Violation};
use crate::conversion;
use crate::payload::{self, Encoding, MAX_DEPTH, Unfit};
use bytes::Bytes;

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

/// The values of a text of JSON data, or why it is none.
pub fn values(text: &[u8]) -> Result<Values<'_>, Refusal> {
    Values::read(text, MAX_DEPTH).map_err(|error| {
        let detail = match error {
            Unreadable::Broken(Broken { why: Why::TooDeep, .. }) => {
                "the data nests deeper than data with a schema may".to_owned()
            }
            other => other.to_string(),
        };
        Refusal::NotJson(Violation::new("/data", detail))
    })
}
