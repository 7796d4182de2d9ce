//! Our event as that of `cloudevents-sdk`, and back (feature `sdk`). At the edge: no other module knows it.
//!
//! The SDK's event holds less than ours (specs.md §19), so the way there loses, and only this:
//! - `time` becomes an instant in UTC; `dataschema` is written as the WHATWG URL standard normalises it;
//! - of the types of extensions only Boolean and Integer stay; the others become strings in their canonical text;
//! - JSON data becomes a value: white space goes, and a number is rounded to what `serde_json` holds. JSON that it cannot
//!   hold at all (`1e400`, more than 128 levels) stays bytes;
//! - attributes have no order; a media type that our data only implies (JSON, XML, a Protobuf message) is written out,
//!   because the SDK would send such data without one in binary mode.
//!
//! The way back keeps everything the rules of CloudEvents allow, and refuses the rest with every violation: the SDK accepts
//! empty ids, names in upper case, integers of 64 bits and more.

#[cfg(test)]
mod tests;

use crate::cloudevents::attributes::Draft;
use crate::cloudevents::media_type::MediaType;
use crate::cloudevents::reader::{Bounds, shown};
use crate::cloudevents::{Data, Event, Kind, Value, Violation};
use bytestring::ByteString;
use cloudevents::event::{ExtensionValue, SpecVersion, TryIntoTime as _, TryIntoUrl as _};
use cloudevents::{AttributesReader as _, AttributesWriter as _, EventBuilder as _, EventBuilderV10};
use serde::de::IgnoredAny;

/// Why an event of ours cannot be one of the SDK: a value that is valid by CloudEvents, but not for the SDK's type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{attribute}` `{value}` cannot be held by cloudevents-sdk: {why}")]
pub struct Unholdable {
    /// `time` or `dataschema`.
    pub attribute: &'static str,
    /// Its text, cut for messages.
    pub value: String,
    /// What the SDK says.
    pub why: String,
}

/// Why an event of the SDK cannot be one of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is of version 0.3. `EventBuilderV10::from(event).build()` makes it one of 1.0.
    #[error("specversion 0.3 is not supported; build an event of 1.0 from it")]
    Version,
    /// It breaks the rules of CloudEvents 1.0. Every violation is told.
    #[error("not a valid CloudEvent: {}", list(.0))]
    Invalid(Vec<Violation>),
}

fn list(violations: &[Violation]) -> String {
    violations.iter().map(|one| one.detail.as_str()).collect::<Vec<_>>().join("; ")
}

impl TryFrom<&Event> for cloudevents::Event {
    type Error = Unholdable;

    fn try_from(event: &Event) -> Result<cloudevents::Event, Unholdable> {
        let plain = EventBuilderV10::new().id(&*event.id).source(&*event.source).ty(&*event.ty).build();
        let mut made = plain.map_err(|error| unholdable("source", &event.source, &error))?;
        for attribute in &event.attributes {
            let text = attribute.value.text;
            match attribute.name {
                "datacontenttype" => drop(made.set_datacontenttype(Some(text))),
                "subject" => drop(made.set_subject(Some(text))),
                "time" => {
                    let time = text.into_time().map_err(|error| unholdable("time", text, &error))?;
                    made.set_time(Some(time));
                }
                "dataschema" => set_schema(&mut made, text)?,
                name => made.set_extension(name, extension(attribute.value)),
            }
        }
        for (name, text) in event.implied() {
            match name {
                "dataschema" => set_schema(&mut made, &text)?,
                _ => drop(made.set_datacontenttype(Some(&*text))),
            }
        }
        if let Some(data) = data_there(event) {
            made.set_data_unchecked(data);
        }
        Ok(made)
    }
}

impl TryFrom<Event> for cloudevents::Event {
    type Error = Unholdable;

    fn try_from(event: Event) -> Result<cloudevents::Event, Unholdable> {
        cloudevents::Event::try_from(&event)
    }
}

fn set_schema(made: &mut cloudevents::Event, text: &str) -> Result<(), Unholdable> {
    let url = text.into_url().map_err(|error| unholdable("dataschema", text, &error))?;
    made.set_dataschema(Some(url));
    Ok(())
}

fn unholdable(attribute: &'static str, value: &str, why: &impl ToString) -> Unholdable {
    Unholdable { attribute, value: shown(value), why: why.to_string() }
}

fn extension(value: Value<'_>) -> ExtensionValue {
    let text = || ExtensionValue::String(value.text.to_string());
    match value.kind {
        Kind::Boolean => ExtensionValue::Boolean(value.text == "true"),
        Kind::Integer => value.text.parse().map_or_else(|_| text(), ExtensionValue::Integer),
        Kind::String | Kind::Binary | Kind::Uri | Kind::UriReference | Kind::Timestamp => text(),
    }
}

fn data_there(event: &Event) -> Option<cloudevents::Data> {
    let bytes = event.data.bytes()?;
    let json = event.json_data().and_then(|json| serde_json::from_slice(&json).ok());
    Some(match (&event.data, json) {
        (_, Some(json)) => cloudevents::Data::Json(json),
        (Data::Text(text), None) => cloudevents::Data::String(text.to_string()),
        (Data::Xml(_), None) => match String::from_utf8(bytes.into()) {
            Ok(text) => cloudevents::Data::String(text),
            Err(not_text) => cloudevents::Data::Binary(not_text.into_bytes()),
        },
        (Data::Absent | Data::Binary(_) | Data::Json(_) | Data::Proto { .. }, None) => {
            cloudevents::Data::Binary(bytes.into())
        }
    })
}

impl TryFrom<&cloudevents::Event> for Event {
    type Error = Refused;

    fn try_from(event: &cloudevents::Event) -> Result<Event, Refused> {
        if event.specversion() != SpecVersion::V10 {
            return Err(Refused::Version);
        }
        let mut draft = Draft::within(&Bounds::default());
        let mut add = |name: &str, kind, text: &str| draft.add(name, kind, text);
        add("specversion", Kind::String, "1.0");
        add("id", Kind::String, event.id());
        add("source", Kind::String, event.source());
        add("type", Kind::String, event.ty());
        let time = event.time().map(|time| time.to_rfc3339().replace("+00:00", "Z"));
        let schema = event.dataschema().map(ToString::to_string);
        let optional = [
            ("datacontenttype", event.datacontenttype()),
            ("dataschema", schema.as_deref()),
            ("subject", event.subject()),
            ("time", time.as_deref()),
        ];
        for (name, text) in optional {
            if let Some(text) = text {
                add(name, Kind::String, text);
            }
        }
        // The SDK keeps extensions in a map without order; ours must not differ from run to run.
        let mut extensions: Vec<_> = event.iter_extensions().collect();
        extensions.sort_unstable_by_key(|(name, _)| *name);
        for (name, value) in extensions {
            match value {
                ExtensionValue::String(text) => add(name, Kind::String, text),
                ExtensionValue::Boolean(is) => add(name, Kind::Boolean, if *is { "true" } else { "false" }),
                ExtensionValue::Integer(number) => add(name, Kind::Integer, &number.to_string()),
            }
        }
        let data = data_back(event, &mut draft);
        draft.finish(data).map_err(|fault| Refused::Invalid(fault.violations))
    }
}

impl TryFrom<cloudevents::Event> for Event {
    type Error = Refused;

    fn try_from(event: cloudevents::Event) -> Result<Event, Refused> {
        Event::try_from(&event)
    }
}

fn data_back(event: &cloudevents::Event, draft: &mut Draft) -> Data {
    let media_type = event.datacontenttype().and_then(MediaType::parse);
    let says_json = media_type.is_some_and(|media_type| media_type.is_json());
    match event.data() {
        None => Data::Absent,
        Some(cloudevents::Data::Binary(bytes)) => Data::Binary(bytes.clone().into()),
        // A text that says it is JSON is a document, as in the SDK's own binary mode; its structured mode quotes it again.
        Some(cloudevents::Data::String(text)) if says_json => match serde_json::from_str::<IgnoredAny>(text) {
            Ok(_) => Data::Json(text.clone().into_bytes().into()),
            Err(_) => Data::Binary(text.clone().into_bytes().into()),
        },
        Some(cloudevents::Data::Json(json)) if says_json || event.datacontenttype().is_none() => {
            Data::Json(json.to_string().into_bytes().into())
        }
        Some(cloudevents::Data::String(text) | cloudevents::Data::Json(serde_json::Value::String(text))) => {
            Data::Text(ByteString::from(text.as_str()))
        }
        Some(cloudevents::Data::Json(_)) => {
            let detail = "data of a media type that is not JSON is a string or bytes";
            draft.refuse(Violation::new("/data", detail));
            Data::Absent
        }
    }
}
