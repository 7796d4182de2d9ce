//! Event → headers and body in the mode and format of a delivery; pure.

use crate::cloudevents::headers::Coding;
use crate::cloudevents::xml::Unwritable;
use crate::cloudevents::{Event, Format, http, kafka, nats};
use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How attributes travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Attributes in headers, data as the body.
    Binary,
    /// The whole event in one document.
    Structured,
}

/// How values stand in the `ce-` headers of binary mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HeaderEncoding {
    /// As the binding says: blanks, `"`, `%` and all that is not ASCII are percent-encoded.
    #[default]
    Percent,
    /// As UTF-8, for receivers that do not decode (Go, Java and Rust SDKs). Blanks at either end of a value are lost on HTTP.
    Raw,
}

/// Whose header dialect is written (three different ones: specs.md §2, §8, §9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// `ce-…`, percent-encoded, `Content-Type`.
    Http,
    /// `ce-…`, percent-encoded, `ce-datacontenttype`.
    Nats,
    /// `ce_…`, plain UTF-8, `content-type`.
    Kafka,
    /// As [`Dialect::Http`], not percent-encoded.
    HttpRaw,
    /// As [`Dialect::Nats`], not percent-encoded.
    NatsRaw,
}

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Header names and values in order.
    pub headers: Vec<(String, String)>,
    /// The body; `None` for an event without data in binary mode.
    pub body: Option<Bytes>,
}

/// Why an event cannot be written in a format: dead letter `conversion`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EncodeError(pub String);

/// Writes an event. Nothing but attributes, data and their media type becomes part of the message.
pub fn encode(event: &Event, mode: Mode, format: Format, dialect: Dialect) -> Result<Message, EncodeError> {
    let (headers, body) = match (mode, dialect) {
        (Mode::Binary, Dialect::Http) => http::write_binary(event),
        (Mode::Binary, Dialect::HttpRaw) => http::write_binary_as(event, Coding::Raw),
        (Mode::Binary, Dialect::Nats) => nats::write_binary(event),
        (Mode::Binary, Dialect::NatsRaw) => nats::write_binary_as(event, Coding::Raw),
        (Mode::Binary, Dialect::Kafka) => kafka::write_binary(event),
        (Mode::Structured, dialect) => structured(event, format, dialect)?,
    };
    Ok(Message { headers, body })
}

/// Headers and body of a structured message.
type Structured = (Vec<(String, String)>, Option<Bytes>);

fn structured(event: &Event, format: Format, dialect: Dialect) -> Result<Structured, EncodeError> {
    let body = format.write(event)?;
    let name = if dialect == Dialect::Kafka { kafka::CONTENT_TYPE } else { "Content-Type" };
    Ok((vec![(name.to_owned(), format.media_type().to_owned())], Some(body)))
}

impl From<Unwritable> for EncodeError {
    fn from(unwritable: Unwritable) -> EncodeError {
        EncodeError(unwritable.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::{Dialect, Message, Mode, encode};
    use crate::cloudevents::{Data, Event, Format, json, reader::Bounds, xml};

    const BODY: &str = r#"{"specversion":"1.0","id":"1","source":"/a","type":"t","ext":"\u20ac %","data":"x"}"#;

    fn event(body: &'static str) -> Event {
        json::read(body.into(), &Bounds::default()).unwrap()
    }

    fn headers(message: &Message) -> Vec<(&str, &str)> {
        message.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    #[test]
    fn each_dialect_names_the_media_type_in_its_own_header() {
        let attributes = [
            ("ce-specversion", "1.0"),
            ("ce-id", "1"),
            ("ce-source", "/a"),
            ("ce-type", "t"),
            ("ce-ext", "%E2%82%AC%20%25"),
        ];
        for (dialect, name) in [(Dialect::Http, "Content-Type"), (Dialect::Nats, "ce-datacontenttype")] {
            let message = encode(&event(BODY), Mode::Binary, Format::Json, dialect).unwrap();
            assert_eq!(headers(&message), [&attributes[..], &[(name, "application/json")]].concat());
            assert_eq!(message.body.as_deref(), Some(&b"\"x\""[..]));
        }
    }

    #[test]
    fn raw_dialects_write_values_as_they_are() {
        for (dialect, name) in [(Dialect::HttpRaw, "Content-Type"), (Dialect::NatsRaw, "ce-datacontenttype")] {
            let message = encode(&event(BODY), Mode::Binary, Format::Json, dialect).unwrap();
            assert_eq!(headers(&message)[4..], [("ce-ext", "€ %"), (name, "application/json")]);
            let message = encode(&event(BODY), Mode::Structured, Format::Json, dialect).unwrap();
            assert_eq!(headers(&message), [("Content-Type", "application/cloudevents+json")]);
        }
    }

    #[test]
    fn a_type_is_never_invented_for_bytes_and_no_data_is_no_body() {
        let bytes = r#"{"specversion":"1.0","id":"1","source":"/a","type":"t","data_base64":"e30="}"#;
        let nothing = r#"{"specversion":"1.0","id":"1","source":"/a","type":"t"}"#;
        for (body, data) in [(bytes, Some("{}")), (nothing, None)] {
            let message = encode(&event(body), Mode::Binary, Format::Json, Dialect::Http).unwrap();
            assert_eq!(message.headers.len(), 4);
            assert_eq!(message.body, data.map(Into::into));
        }
    }

    #[test]
    fn structured_mode_says_its_media_type() {
        let names =
            [(Dialect::Http, "Content-Type"), (Dialect::Nats, "Content-Type"), (Dialect::Kafka, "content-type")];
        for (dialect, name) in names {
            let message = encode(&event(BODY), Mode::Structured, Format::Json, dialect).unwrap();
            assert_eq!(headers(&message), [(name, "application/cloudevents+json")]);
            assert_eq!(message.body, Some(json::write(&event(BODY))));
        }
    }

    #[test]
    fn xml_is_a_format_of_structured_mode() {
        for dialect in [Dialect::Http, Dialect::Nats] {
            let message = encode(&event(BODY), Mode::Structured, Format::Xml, dialect).unwrap();
            assert_eq!(headers(&message), [("Content-Type", "application/cloudevents+xml")]);
            assert_eq!(message.body, xml::write(&event(BODY)).ok());
        }
        let digit = event(r#"{"specversion":"1.0","id":"1","source":"/a","type":"t","1a":"x"}"#);
        assert!(encode(&digit, Mode::Structured, Format::Xml, Dialect::Http).is_err());
        assert!(encode(&digit, Mode::Binary, Format::Xml, Dialect::Http).is_ok());
    }

    #[test]
    fn xml_data_says_its_type_wherever_the_format_does_not() {
        let event = Event { data: Data::Xml("<a/>".into()), ..event(BODY) };
        let names =
            [(Dialect::Http, "Content-Type"), (Dialect::Nats, "ce-datacontenttype"), (Dialect::Kafka, "content-type")];
        for (dialect, name) in names {
            let message = encode(&event, Mode::Binary, Format::Json, dialect).unwrap();
            assert_eq!(headers(&message).last(), Some(&(name, "application/xml")));
            assert_eq!(message.body.as_deref(), Some(&b"<a/>"[..]));
        }
        let body = |format| encode(&event, Mode::Structured, format, Dialect::Http).unwrap().body.unwrap();
        let written = String::from_utf8(body(Format::Json).into()).unwrap();
        assert!(written.ends_with(r#","datacontenttype":"application/xml","data":"<a/>"}"#), "{written}");
        assert!(!String::from_utf8(body(Format::Xml).into()).unwrap().contains("datacontenttype"));
    }
}
