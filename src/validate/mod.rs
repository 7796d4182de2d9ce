//! Does the event keep its promise: `schemas/<type>/<version>.json` (design.md §2 "schemas/").

mod data;
mod json_schema;
mod registry;

use crate::cloudevents::reader::shown;
use crate::cloudevents::{Event, Violation};
use crate::conversion::Schemas;
use crate::conversion::rules::Rules;
use bytestring::ByteString;
use registry::{Types, Version};
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

impl SchemaFault {
    fn new(file: &str, message: impl Into<String>) -> SchemaFault {
        SchemaFault { file: file.to_owned(), pointer: None, line_column: None, message: message.into(), hint: None }
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
        let text = data::json_text(event, version)?;
        let data = data::parse(&text)?;
        version.schema.check(&data, text.len()).map_err(Refusal::Violations)?;
        Ok(Some(version.label.clone()))
    }

    /// Everything that is loaded, ordered by type and version.
    pub fn list(&self) -> Vec<SchemaInfo> {
        let types: BTreeMap<_, _> = self.types.iter().collect();
        let infos = types.into_iter().flat_map(|(ty, versions)| {
            versions.iter().map(|version| SchemaInfo {
                ty: ty.to_string(),
                version: version.name.clone(),
                kind: "json_schema",
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
