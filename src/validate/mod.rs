//! Does the event keep its promise: `schemas/<type>/<version>.json` (design.md §2 "schemas/").

use crate::cloudevents::{Event, Violation};
use bytestring::ByteString;

/// The compiled schemas of one snapshot.
#[derive(Debug, Default)]
pub struct Registry;

/// Why an event is refused (422 each).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// `dataschema` names no version of the type.
    UnknownSchema(Violation),
    /// The type has no folder and `validation.unknown_type` is `reject`.
    UngovernedType(Violation),
    /// The data is missing or not of the schema's kind.
    WrongDataKind(Violation),
    /// Every place where the data breaks the schema.
    Violations(Vec<Violation>),
    /// Governed JSON data that is no JSON at all: 422 `WrongDataKind` too, at `/data`.
    NotJson(Violation),
}

/// What `GET /api/v1/schemas` lists.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SchemaInfo {
    /// Event type.
    #[serde(rename = "type")]
    pub ty: String,
    /// Version: the file name without extension.
    pub version: String,
    /// `json_schema`.
    pub kind: &'static str,
    /// `$id`, if the schema has one.
    pub id: Option<String>,
}

/// A fault of one schema file; the caller turns it into a problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaFault {
    /// Path relative to the schemas folder, with `/`.
    pub file: String,
    /// JSON Pointer into the schema, if known.
    pub pointer: Option<String>,
    /// Line and column of broken JSON.
    pub line_column: Option<(u32, u32)>,
    /// What is wrong, and a hint.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Registry {
    /// Compiles schema files given as (path relative to the schemas folder, content). All faults at once.
    pub fn compile(_files: &[(String, Vec<u8>)]) -> Result<Registry, Vec<SchemaFault>> {
        todo!()
    }

    /// Checks one event. `Ok(None)`: the type is not governed. `Ok(Some("type/version"))`: it keeps its schema.
    pub fn check(&self, _event: &Event, _refuse_ungoverned: bool) -> Result<Option<ByteString>, Refusal> {
        todo!()
    }

    /// Everything that is loaded, ordered by type and version.
    pub fn list(&self) -> Vec<SchemaInfo> {
        todo!()
    }
}
