//! A JSON Schema as it is compared: references followed, `allOf` taken apart, with the place of everything.

use serde_json::{Map, Value};
use std::collections::HashSet;

/// Schemas that one is taken apart into.
const PARTS: usize = 64;

/// The kinds of values, as JSON Schema names them; `number` without `integer` is what is left of it.
pub const TYPES: [&str; 7] = ["null", "boolean", "integer", "number", "string", "array", "object"];

/// A schema and where it stands in its document.
#[derive(Debug, Clone)]
pub struct Place<'s> {
    /// The document.
    pub root: &'s Value,
    /// The schema.
    pub schema: &'s Value,
    /// JSON Pointer to it.
    pub pointer: String,
    /// Its `anyOf` and `oneOf` are accounted for.
    pub split: bool,
}

impl<'s> Place<'s> {
    /// The document as a whole.
    pub fn root(root: &'s Value) -> Place<'s> {
        Place { root, schema: root, pointer: String::new(), split: false }
    }

    /// The keywords; `None` for `true` and `false`.
    pub fn keywords(&self) -> Option<&'s Map<String, Value>> {
        self.schema.as_object()
    }

    /// A keyword's value.
    pub fn get(&self, keyword: &str) -> Option<&'s Value> {
        self.schema.get(keyword)
    }

    /// Where a keyword stands.
    pub fn at(&self, keyword: &str) -> String {
        format!("{}/{}", self.pointer, escape(keyword))
    }

    /// A schema below: of a keyword, or of a member or entry of it.
    pub fn below(&self, path: &[&str]) -> Option<Place<'s>> {
        let mut schema = self.schema;
        let mut pointer = self.pointer.clone();
        for step in path {
            schema = match schema {
                Value::Array(entries) => entries.get(step.parse::<usize>().ok()?)?,
                _ => schema.get(*step)?,
            };
            pointer = format!("{pointer}/{}", escape(step));
        }
        Some(Place { root: self.root, schema, pointer, split: false })
    }

    /// The schemas of a list.
    pub fn list(&self, keyword: &str) -> Vec<Place<'s>> {
        let count = self.get(keyword).and_then(Value::as_array).map_or(0, Vec::len);
        (0..count).filter_map(|index| self.below(&[keyword, &index.to_string()])).collect()
    }

    /// Does it say nothing?
    pub fn is_open(&self) -> bool {
        *self.schema == Value::Bool(true) || self.keywords().is_some_and(Map::is_empty)
    }

    /// Does it let nothing through?
    pub fn is_never(&self) -> bool {
        *self.schema == Value::Bool(false)
    }

    /// The schema `$ref` leads to, inside of the document.
    fn referred(&self) -> Option<Place<'s>> {
        let reference = self.get("$ref")?.as_str()?;
        let (document, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let own_id = self.root.get("$id").or_else(|| self.root.get("id")).and_then(Value::as_str);
        if !document.is_empty() && own_id.is_none_or(|id| id.trim_end_matches('#') != document) {
            return None;
        }
        let fragment = percent_encoding::percent_decode_str(fragment).decode_utf8().ok()?.into_owned();
        if fragment.is_empty() || fragment.starts_with('/') {
            let schema = self.root.pointer(&fragment)?;
            return Some(Place { root: self.root, schema, pointer: fragment, split: false });
        }
        ["$defs", "definitions"].into_iter().find_map(|key| {
            let (name, schema) = self
                .root
                .get(key)?
                .as_object()?
                .iter()
                .find(|(_, definition)| definition.get("$anchor").and_then(Value::as_str) == Some(&*fragment))?;
            Some(Place { root: self.root, schema, pointer: format!("/{key}/{}", escape(name)), split: false })
        })
    }
}

/// The schema, what it refers to and the parts of its `allOf`: all of them must hold. `None`: a reference leads elsewhere.
pub fn parts<'s>(place: &Place<'s>) -> Option<Vec<Place<'s>>> {
    let mut parts: Vec<Place<'s>> = Vec::new();
    let mut waiting = vec![place.clone()];
    let mut seen = HashSet::new();
    while let Some(next) = waiting.pop() {
        if !seen.insert(next.pointer.clone()) {
            continue;
        }
        if parts.len() >= PARTS {
            return None;
        }
        if next.get("$ref").is_some() {
            waiting.push(next.referred()?);
        }
        waiting.extend(next.list("allOf").into_iter().rev());
        parts.push(next);
    }
    Some(parts)
}

/// The kinds of values that all parts allow.
pub fn types(parts: &[Place<'_>]) -> Vec<&'static str> {
    TYPES.into_iter().filter(|kind| parts.iter().all(|part| allows(part, kind))).collect()
}

/// Does a schema by its own `type`, `const` or `enum` allow a kind? Numbers are those with a fraction.
pub fn allows(place: &Place<'_>, kind: &str) -> bool {
    if place.is_never() {
        return false;
    }
    let named = |name: &str| name == kind || name == "number" && kind == "integer";
    let by_type = match place.get("type") {
        Some(Value::String(one)) => named(one),
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).any(named),
        _ => true,
    };
    let by_value = place.get("const").is_none_or(|value| kind_of(value) == kind);
    let by_values = match place.get("enum") {
        Some(Value::Array(values)) => values.iter().any(|value| kind_of(value) == kind),
        _ => true,
    };
    by_type && by_value && by_values
}

/// The kind of a value.
pub fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.as_f64().is_some_and(|number| number.fract() == 0.0) => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Does a schema refer to others, so that equal text need not mean the same?
pub fn refers(schema: &Value) -> bool {
    match schema {
        Value::Object(members) => {
            members.keys().any(|key| matches!(key.as_str(), "$ref" | "$dynamicRef" | "$recursiveRef"))
                || members.values().any(refers)
        }
        Value::Array(entries) => entries.iter().any(refers),
        _ => false,
    }
}

pub fn escape(step: &str) -> String {
    step.replace('~', "~0").replace('/', "~1")
}
