//! The payload in other encodings than JSON, by the schema of its type: Avro and Protobuf (formats.md §5). What JSON data
//! may be, its bytes, and the way back come from one walk each, so that they never disagree. Schemas of two versions are
//! compared in [`compat`].
//!
//! Everything here is pure and takes memory and time in proportion to the data: nesting ends at [`MAX_DEPTH`], results at
//! [`LONGEST_OUTPUT`].

pub mod avro;
pub mod compat;
pub mod confluent;
pub mod document;
pub mod protobuf;

mod moment;
mod number;
mod report;

pub use report::LISTED;

use crate::cloudevents::Violation;
use avro::Avro;
use protobuf::Protobuf;
use serde_json::Value;

/// Values that may stand inside each other in data and in schemas, whatever their encoding; the same as for rules.
pub const MAX_DEPTH: usize = 128;

/// Bytes of converted data. Defaults and long names can make it many times longer than what was sent; destinations take
/// no message of this size.
pub const LONGEST_OUTPUT: usize = 16 << 20;

/// One thing that is wrong with a schema file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Name of the file inside its folder, where it is another one than was compiled.
    pub file: Option<String>,
    /// JSON Pointer into the document, where there is one.
    pub pointer: Option<String>,
    /// Line and column from 1.
    pub line_column: Option<(u32, u32)>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Fault {
    /// A fault at a place of a JSON document.
    pub fn at(pointer: &str, message: impl Into<String>) -> Fault {
        let pointer = Some(pointer.to_owned());
        Fault { file: None, pointer, line_column: None, message: message.into(), hint: None }
    }

    /// The same fault with what to do about it.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Fault {
        Fault { hint: Some(hint.into()), ..self }
    }

    /// The same fault in a file.
    #[must_use]
    pub fn in_file(self, name: &str) -> Fault {
        Fault { file: Some(name.to_owned()), ..self }
    }
}

/// Why data is not what a schema asks for. Pointers begin at the data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    /// Text that is not JSON.
    NotJson(String),
    /// Every place where the data breaks the schema.
    Violations(Vec<Violation>),
}

/// A binary encoding of payloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Raw datum.
    Avro,
    /// One message.
    Protobuf,
}

impl Encoding {
    /// The encoding a media type names, parameters aside.
    pub fn of(media_type: &str) -> Option<Encoding> {
        let name = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match name.as_str() {
            "application/avro" | "avro/binary" | "application/vnd.apache.avro+binary" => Some(Encoding::Avro),
            "application/protobuf" | "application/x-protobuf" | "application/vnd.google.protobuf" => {
                Some(Encoding::Protobuf)
            }
            _ => None,
        }
    }

    /// The media type of what is written.
    pub fn media_type(self) -> &'static str {
        match self {
            Encoding::Avro => "application/avro",
            Encoding::Protobuf => "application/protobuf",
        }
    }

    /// As people call it.
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Avro => "Avro",
            Encoding::Protobuf => "Protobuf",
        }
    }
}

/// A schema of a binary encoding.
#[derive(Debug, Clone, PartialEq)]
pub enum Schema {
    /// Avro.
    Avro(Avro),
    /// Protobuf.
    Protobuf(Protobuf),
}

impl Schema {
    /// Which encoding it describes.
    pub fn encoding(&self) -> Encoding {
        match self {
            Schema::Avro(_) => Encoding::Avro,
            Schema::Protobuf(_) => Encoding::Protobuf,
        }
    }

    /// Full name of the record or message.
    pub fn name(&self) -> Option<&str> {
        match self {
            Schema::Avro(schema) => schema.name(),
            Schema::Protobuf(schema) => Some(schema.name()),
        }
    }

    /// What it says about kinds of values, as a JSON Schema: all that data out of XML needs, whose values are text.
    pub fn kinds(&self) -> &Value {
        match self {
            Schema::Avro(schema) => schema.kinds(),
            Schema::Protobuf(schema) => schema.kinds(),
        }
    }

    /// Does JSON data fit?
    pub fn check_json(&self, json: &[u8]) -> Result<(), Unfit> {
        match self {
            Schema::Avro(schema) => schema.check_json(json),
            Schema::Protobuf(schema) => schema.check_json(json),
        }
    }

    /// Are the bytes of its encoding?
    pub fn check_bytes(&self, bytes: &[u8]) -> Result<(), Violation> {
        match self {
            Schema::Avro(schema) => schema.check_datum(bytes),
            Schema::Protobuf(schema) => schema.check_bytes(bytes),
        }
    }

    /// JSON data in the encoding.
    pub fn to_bytes(&self, json: &[u8]) -> Result<Vec<u8>, Unfit> {
        match self {
            Schema::Avro(schema) => schema.to_datum(json),
            Schema::Protobuf(schema) => schema.to_bytes(json),
        }
    }

    /// Bytes of the encoding as JSON data.
    pub fn to_json(&self, bytes: &[u8]) -> Result<String, Violation> {
        match self {
            Schema::Avro(schema) => schema.to_json(bytes),
            Schema::Protobuf(schema) => schema.to_json(bytes),
        }
    }
}
