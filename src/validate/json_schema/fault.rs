//! Why a schema document does not compile, told with its place in the document.

use super::message;
use crate::cloudevents::reader::shown;
use crate::validate::SchemaFault;
use jsonschema::error::ValidationErrorKind;
use jsonschema::{ReferencingError, ValidationError};
use serde_json::Value;

/// The fault behind an error of the metaschema or of the compiler.
pub fn of(file: &str, schema: &Value, error: &ValidationError<'_>) -> SchemaFault {
    let pointer = Some(error.instance_path().as_str().to_owned());
    match error.kind() {
        ValidationErrorKind::Referencing(reason) => reference(file, schema, reason),
        _ if is_pattern(error) => {
            let pattern = error.instance().as_str().map(shown).unwrap_or_default();
            SchemaFault { pointer, ..SchemaFault::new(file, format!("`{pattern}` is no valid pattern")) }
        }
        _ => SchemaFault { pointer, ..SchemaFault::new(file, message::detail(error, message::show)) },
    }
}

/// Is it about a pattern, or does it only repeat what was told of one below? Patterns are looked at by [`super::patterns`],
/// which finds all of them.
pub fn is_of_pattern(error: &ValidationError<'_>, told: &[SchemaFault]) -> bool {
    let place = error.instance_path().as_str();
    let below = |fault: &SchemaFault| {
        fault
            .pointer
            .as_deref()
            .and_then(|pointer| pointer.strip_prefix(place))
            .is_some_and(|rest| rest.starts_with('/'))
    };
    match error.kind() {
        ValidationErrorKind::AnyOf { .. } | ValidationErrorKind::OneOfNotValid { .. } => told.iter().any(below),
        _ => is_pattern(error),
    }
}

fn is_pattern(error: &ValidationError<'_>) -> bool {
    matches!(error.kind(), ValidationErrorKind::Format { format } if format == "regex")
}

/// A `$ref` that leads nowhere. The compiler tells only what it looked for, so the place is found by the text.
fn reference(file: &str, schema: &Value, reason: &ReferencingError) -> SchemaFault {
    let leads_there = |reference: &str| match reason {
        ReferencingError::Unretrievable { uri, .. } => {
            let document = reference.split('#').next().unwrap_or_default();
            !document.is_empty() && uri.trim_end_matches('#').ends_with(document)
        }
        ReferencingError::PointerToNowhere { pointer } => reference.ends_with(pointer.as_str()),
        ReferencingError::NoSuchAnchor { anchor } | ReferencingError::InvalidAnchor { anchor } => {
            reference.ends_with(anchor.as_str())
        }
        _ => false,
    };
    let message = match reason {
        ReferencingError::Unretrievable { uri, .. } => {
            format!("`{}` is not in this document, and nothing is fetched", shown(uri))
        }
        ReferencingError::PointerToNowhere { pointer } => {
            format!("`#{}` leads nowhere in this document", shown(pointer))
        }
        ReferencingError::NoSuchAnchor { anchor } => format!("this document has no anchor `{}`", shown(anchor)),
        other => format!("a reference cannot be followed: {other}"),
    };
    SchemaFault {
        pointer: find_reference(schema, String::new(), &leads_there),
        hint: Some("a schema can refer to itself and to the drafts of JSON Schema only".to_owned()),
        ..SchemaFault::new(file, message)
    }
}

/// Pointer to the first `$ref` or `$dynamicRef` whose text is the one looked for.
fn find_reference(schema: &Value, place: String, wanted: &dyn Fn(&str) -> bool) -> Option<String> {
    match schema {
        Value::Object(members) => members.iter().find_map(|(name, value)| {
            let place = format!("{place}/{}", name.replace('~', "~0").replace('/', "~1"));
            match value {
                Value::String(text) => {
                    (name.ends_with("Ref") || name == "$ref").then_some(text).filter(|text| wanted(text)).map(|_| place)
                }
                _ => find_reference(value, place, wanted),
            }
        }),
        Value::Array(items) => (0..)
            .zip(items)
            .find_map(|(number, value): (usize, _)| find_reference(value, format!("{place}/{number}"), wanted)),
        _ => None,
    }
}
