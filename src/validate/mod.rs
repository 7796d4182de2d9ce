//! Does the event keep its promise: `schemas/<type>/<version>.json|.avsc|.proto` (design.md §2 "schemas/", formats.md §5).

mod data;
mod json_schema;
mod registry;
mod schema;

use crate::cloudevents::reader::shown;
use crate::cloudevents::{Event, Violation};
use crate::conversion::Schemas;
use crate::conversion::rules::Rules;
use crate::payload;
use crate::payload::compat::Subject;
use bytestring::ByteString;
use registry::{Types, Version};
use schema::Schema;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

#[cfg(test)]
mod tests;

/// The rules by which XML data of a type is checked, by the name of its folder.
pub type Conversions = BTreeMap<String, Arc<Rules>>;

/// The compiled schemas of one snapshot.
#[derive(Debug, Default)]
pub struct Registry {
    types: Types,
}

/// Does a file with this extension hold a schema?
pub fn is_schema(extension: &str) -> bool {
    matches!(extension, "json" | "avsc" | "proto")
}

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
    /// `json_schema`, `avro` or `protobuf`.
    pub kind: &'static str,
    /// `$id`, full name of the Avro type or of the message; null if the schema has none.
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

impl SchemaFault {
    fn new(file: &str, message: impl Into<String>) -> SchemaFault {
        SchemaFault { file: file.to_owned(), pointer: None, line_column: None, message: message.into(), hint: None }
    }

    /// A fault of a file, or of one beside it.
    fn of(file: &str, fault: payload::Fault) -> SchemaFault {
        let payload::Fault { file: other, pointer, line_column, message, hint } = fault;
        let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
        let file = other.map_or_else(|| file.to_owned(), |name| format!("{folder}/{name}"));
        SchemaFault { file, pointer, line_column, message, hint }
    }
}

impl Registry {
    /// Compiles schema files given as (path relative to the schemas folder, content), with the conversion rules that the
    /// folders of types name. All faults at once.
    pub fn compile(files: &[(String, Vec<u8>)], conversions: &Conversions) -> Result<Registry, Vec<SchemaFault>> {
        registry::compile(files, conversions).map(|types| Registry { types })
    }

    /// Checks one event. `Ok(None)`: the type is not governed. `Ok(Some("type/version"))`: it keeps its schema.
    pub fn check(&self, event: &Event, refuse_ungoverned: bool) -> Result<Option<ByteString>, Refusal> {
        let Some(versions) = self.types.get(&event.ty) else {
            return if refuse_ungoverned { Err(ungoverned(event)) } else { Ok(None) };
        };
        let version = choose(versions, event)?;
        match &version.schema {
            Schema::Json(schema) => {
                let text = data::json_text(event, version)?;
                schema.check(&data::values(&text)?).map_err(Refusal::Violations)?;
            }
            Schema::Payload(schema) => data::check_payload(event, version, schema)?,
        }
        Ok(Some(version.label.clone()))
    }

    /// `type/version` of the schema that governs an event, whatever it says of it.
    pub fn governing(&self, event: &Event) -> Option<ByteString> {
        let versions = self.types.get(&event.ty)?;
        Some(choose(versions, event).ok()?.label.clone())
    }

    /// Is there a schema of this encoding for any type?
    pub fn knows(&self, encoding: payload::Encoding) -> bool {
        let mut versions = self.types.values().flatten();
        versions.any(|version| version.schema.payload().is_some_and(|schema| schema.encoding() == encoding))
    }

    /// The JSON Schema of a type's highest version.
    pub fn newest_document(&self, ty: &str) -> Option<&Value> {
        self.types.get(ty)?.last().map(|version| version.schema.document())
    }

    /// The document of the type whose XML data goes by the rules of a name, where there is exactly one.
    pub fn document_of_rules(&self, name: &str) -> Option<&Value> {
        let goes_by = |version: &&Version| version.conversion.as_ref().is_some_and(|rules| rules.name == name);
        let mut newest = self.types.values().filter_map(|versions| versions.last()).filter(goes_by);
        let only = newest.next()?;
        newest.next().is_none().then(|| only.schema.document())
    }

    /// Each version that follows another one of its type, in order of type and version.
    pub fn steps(&self) -> Vec<Step<'_>> {
        let types: BTreeMap<_, _> = self.types.iter().collect();
        let pairs = types.into_values().flat_map(|versions| versions.windows(2));
        pairs
            .filter_map(|pair| match pair {
                [older, newer] => Some(Step { older: older.step(), newer: newer.step() }),
                _ => None,
            })
            .collect()
    }

    /// Everything that is loaded, ordered by type and version.
    pub fn list(&self) -> Vec<SchemaInfo> {
        let types: BTreeMap<_, _> = self.types.iter().collect();
        let infos = types.into_iter().flat_map(|(ty, versions)| {
            versions.iter().map(|version| SchemaInfo {
                ty: ty.to_string(),
                version: version.name.clone(),
                kind: version.schema.kind(),
                id: version.schema.id().map(str::to_owned),
            })
        });
        infos.collect()
    }
}

impl Schemas for Registry {
    fn document(&self, event: &Event) -> Option<&Value> {
        choose(self.types.get(&event.ty)?, event).ok().map(|version| version.schema.document())
    }

    fn governs(&self, event: &Event) -> bool {
        self.types.contains_key(&event.ty)
    }

    fn payload(&self, event: &Event) -> Option<&payload::Schema> {
        choose(self.types.get(&event.ty)?, event).ok()?.schema.payload()
    }
}

/// A version and the one before it.
#[derive(Debug)]
pub struct Step<'v> {
    /// The one before.
    pub older: Document<'v>,
    /// The one that follows it.
    pub newer: Document<'v>,
}

/// A version as it can be compared with another.
#[derive(Debug)]
pub struct Document<'v> {
    /// Its file, relative to the schemas folder, with `/`.
    pub file: &'v str,
    /// What it says; `None` for kinds that cannot be compared.
    pub subject: Option<Subject<'v>>,
}

/// The version the event's `dataschema` names; without one the highest.
fn choose<'v>(versions: &'v [Version], event: &Event) -> Result<&'v Version, Refusal> {
    let unknown = |detail: String| Refusal::UnknownSchema(Violation::new("/dataschema", detail));
    match event.attribute("dataschema") {
        Some(named) => registry::named(versions, &event.ty, named).ok_or_else(|| {
            unknown(format!("`{}` names no version of the schema of `{}`", shown(named), shown(&event.ty)))
        }),
        None => versions.last().ok_or_else(|| unknown(format!("`{}` has no schema", shown(&event.ty)))),
    }
}

fn ungoverned(event: &Event) -> Refusal {
    Refusal::UngovernedType(Violation::new("/type", format!("there is no schema for `{}`", shown(&event.ty))))
}
