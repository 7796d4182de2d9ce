//! The kinds of schemas behind one face.

use super::json_schema::JsonSchema;
use crate::payload;
use crate::payload::compat::Subject;
use serde_json::Value;

/// What a version asks of data.
#[derive(Debug)]
pub enum Schema {
    /// A JSON Schema.
    Json(Box<JsonSchema>),
    /// Avro or Protobuf.
    Payload(Box<payload::Schema>),
}

impl Schema {
    /// As `GET /api/v1/schemas` calls the kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Schema::Json(_) => "json_schema",
            Schema::Payload(schema) => match schema.encoding() {
                payload::Encoding::Avro => "avro",
                payload::Encoding::Protobuf => "protobuf",
            },
        }
    }

    /// The name it gives itself.
    pub fn id(&self) -> Option<&str> {
        match self {
            Schema::Json(schema) => schema.id(),
            Schema::Payload(schema) => schema.name(),
        }
    }

    /// The JSON Schema that tells kinds of values, for data out of XML.
    pub fn document(&self) -> &Value {
        match self {
            Schema::Json(schema) => schema.document(),
            Schema::Payload(schema) => schema.kinds(),
        }
    }

    /// The schema of a binary encoding.
    pub fn payload(&self) -> Option<&payload::Schema> {
        match self {
            Schema::Json(_) => None,
            Schema::Payload(schema) => Some(schema),
        }
    }

    /// What another version is compared with.
    pub fn subject(&self) -> Option<Subject<'_>> {
        match self {
            Schema::Json(schema) => Some(Subject::Json(schema.document())),
            Schema::Payload(schema) => match &**schema {
                payload::Schema::Avro(schema) => Some(Subject::Avro(schema)),
                payload::Schema::Protobuf(_) => None,
            },
        }
    }
}
