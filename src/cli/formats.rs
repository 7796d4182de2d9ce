//! The event formats as the commands name them.

use crate::cloudevents::Format;
use clap::ValueEnum;

/// How one event is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EventFormat {
    /// application/cloudevents+json
    Json,
    /// application/cloudevents+xml
    Xml,
    /// application/cloudevents+protobuf
    Protobuf,
    /// application/cloudevents+avro; has no batches
    Avro,
}

/// How the events of a file are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FileFormat {
    /// The JSON event format
    Json,
    /// One event in the JSON format a line
    Ndjson,
    /// The XML event format
    Xml,
    /// The Protobuf event format
    Protobuf,
    /// The Avro event format; has no batches
    Avro,
}

impl From<EventFormat> for Format {
    fn from(format: EventFormat) -> Format {
        match format {
            EventFormat::Json => Format::Json,
            EventFormat::Xml => Format::Xml,
            EventFormat::Protobuf => Format::Protobuf,
            EventFormat::Avro => Format::Avro,
        }
    }
}

impl FileFormat {
    /// The format of each event.
    pub fn event_format(self) -> Format {
        match self {
            FileFormat::Json | FileFormat::Ndjson => Format::Json,
            FileFormat::Xml => Format::Xml,
            FileFormat::Protobuf => Format::Protobuf,
            FileFormat::Avro => Format::Avro,
        }
    }

    /// What names of files end in.
    pub fn extension(self) -> &'static str {
        match self {
            FileFormat::Ndjson => "ndjson",
            FileFormat::Json | FileFormat::Xml | FileFormat::Protobuf | FileFormat::Avro => self.event_format().name(),
        }
    }
}
