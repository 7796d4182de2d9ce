//! Event → headers and body in the mode and format of a delivery; pure.

use crate::cloudevents::{Event, http, json, nats};
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

/// The event format of structured mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// `application/cloudevents+json`.
    Json,
}

/// Whose header dialect is written (three different ones: specs.md §2, §8, §9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// `ce-…`, percent-encoded, `Content-Type`.
    Http,
    /// `ce-…`, percent-encoded, `ce-datacontenttype`.
    Nats,
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
        (Mode::Binary, Dialect::Nats) => nats::write_binary(event),
        (Mode::Structured, Dialect::Http | Dialect::Nats) => structured(event, format),
    };
    Ok(Message { headers, body })
}

fn structured(event: &Event, format: Format) -> (Vec<(String, String)>, Option<Bytes>) {
    let (media_type, body) = match format {
        Format::Json => ("application/cloudevents+json", json::write(event)),
    };
    (vec![(String::from("Content-Type"), media_type.to_owned())], Some(body))
}
