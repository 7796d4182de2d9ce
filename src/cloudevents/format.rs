//! The event formats: which media types name them, how events are read and written in them. The one place that tells them
//! apart.

use super::media_type::EventMedia;
use super::reader::{Bounds, Fault, shown};
use super::xml::Unwritable;
use super::{Event, avro, json, protobuf, xml};
use crate::codes::Code;
use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An event format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// `application/cloudevents+json`.
    Json,
    /// `application/cloudevents+xml`. XML has no name for attributes that start with a digit: such an event is a dead letter.
    Xml,
    /// `application/cloudevents+protobuf`.
    Protobuf,
    /// `application/cloudevents+avro`: a raw datum, the data always as `bytes`.
    Avro,
}

/// A format of several events in one document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchFormat {
    /// `application/cloudevents-batch+json`.
    Json,
    /// `application/cloudevents-batch+xml`.
    Xml,
    /// `application/cloudevents-batch+protobuf`.
    Protobuf,
}

/// Caps on a batch, beside the [`Bounds`] of each of its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchBounds {
    /// Events of one batch.
    pub events: usize,
    /// Bytes of each event as it stands in the batch.
    pub event_bytes: usize,
}

impl Format {
    /// Every format.
    pub const ALL: [Format; 4] = [Format::Json, Format::Xml, Format::Protobuf, Format::Avro];

    /// The format behind the `+` of a media type, in any case.
    pub fn of_suffix(suffix: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.name().eq_ignore_ascii_case(suffix))
    }

    /// The format of one event on a protocol without batches: [`Code::UnknownMediaType`] for other formats and batches.
    pub fn of_media(media: EventMedia<'_>) -> Result<Format, Fault> {
        let format = Format::of_suffix(media.format).filter(|_| !media.batch);
        format.ok_or_else(|| {
            let batch = if media.batch { "batches in " } else { "" };
            let detail = format!("{batch}the event format `{}` are not read here", shown(media.format));
            Fault::new(Code::UnknownMediaType, detail)
        })
    }

    /// What stands behind the `+` of its media types.
    pub fn name(self) -> &'static str {
        match self {
            Format::Json => "json",
            Format::Xml => "xml",
            Format::Protobuf => "protobuf",
            Format::Avro => "avro",
        }
    }

    /// The media type of one event.
    pub fn media_type(self) -> &'static str {
        match self {
            Format::Json => "application/cloudevents+json",
            Format::Xml => "application/cloudevents+xml",
            Format::Protobuf => "application/cloudevents+protobuf",
            Format::Avro => "application/cloudevents+avro",
        }
    }

    /// Its documents are text, which a media type may call one of another charset than UTF-8.
    pub fn is_text(self) -> bool {
        matches!(self, Format::Json | Format::Xml)
    }

    /// The batch form, if there is one.
    pub fn batch(self) -> Option<BatchFormat> {
        match self {
            Format::Json => Some(BatchFormat::Json),
            Format::Xml => Some(BatchFormat::Xml),
            Format::Protobuf => Some(BatchFormat::Protobuf),
            Format::Avro => None,
        }
    }

    /// Reads one event.
    pub fn read(self, body: Bytes, bounds: &Bounds) -> Result<Event, Fault> {
        match self {
            Format::Json => json::read(body, bounds),
            Format::Xml => xml::read(body, bounds),
            Format::Protobuf => protobuf::read(body, bounds),
            Format::Avro => avro::read(body, bounds),
        }
    }

    /// Writes one event.
    pub fn write(self, event: &Event) -> Result<Bytes, Unwritable> {
        match self {
            Format::Json => Ok(json::write(event)),
            Format::Xml => xml::write(event),
            Format::Protobuf => Ok(protobuf::write(event)),
            Format::Avro => Ok(avro::write(event)),
        }
    }
}

impl BatchFormat {
    /// The media type of a batch.
    pub fn media_type(self) -> &'static str {
        match self {
            BatchFormat::Json => "application/cloudevents-batch+json",
            BatchFormat::Xml => "application/cloudevents-batch+xml",
            BatchFormat::Protobuf => "application/cloudevents-batch+protobuf",
        }
    }

    /// Reads a batch. The outer fault is one of the whole document; an inner one is of one element.
    pub fn read(self, body: Bytes, batch: BatchBounds, bounds: &Bounds) -> Result<Vec<Result<Event, Fault>>, Fault> {
        let read = match self {
            BatchFormat::Json => json::read_batch,
            BatchFormat::Xml => xml::read_batch,
            BatchFormat::Protobuf => protobuf::read_batch,
        };
        read(body, batch.events, batch.event_bytes, bounds)
    }

    /// Writes a batch.
    pub fn write<'e>(self, events: impl IntoIterator<Item = &'e Event>) -> Result<Bytes, Unwritable> {
        match self {
            BatchFormat::Json => Ok(json::write_batch(events)),
            BatchFormat::Xml => xml::write_batch(events),
            BatchFormat::Protobuf => Ok(protobuf::write_batch(events)),
        }
    }
}
