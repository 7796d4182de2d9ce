//! What the JSON Schema of an event's type says about the places in its data: which kinds of values they may hold. Only
//! what helps to tell `5` from `"5"`, `[]` from `""` and `{}` from `""` is read; the check itself is not made here.

use serde_json::{Map, Value};
use std::ops::{BitAnd, BitOr};

/// Schemas that are looked into for one place. References and combinations can multiply without end.
const LOOKED_INTO: usize = 256;

/// Schemas that are kept for one place.
const KEPT: usize = 16;

/// A set of kinds of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kinds(u8);

impl Kinds {
    /// `null`.
    pub const NULL: Kinds = Kinds(1);
    /// `true` and `false`.
    pub const BOOLEAN: Kinds = Kinds(2);
    /// Whole numbers.
    pub const INTEGER: Kinds = Kinds(4);
    /// Numbers.
    pub const NUMBER: Kinds = Kinds(8 | 4);
    /// Strings.
    pub const STRING: Kinds = Kinds(16);
    /// Arrays.
    pub const ARRAY: Kinds = Kinds(32);
    /// Objects.
    pub const OBJECT: Kinds = Kinds(64);
    /// Anything: nothing is known.
    pub const ALL: Kinds = Kinds(127);
    const NONE: Kinds = Kinds(0);

    /// Are all of `kinds` among these?
    pub fn has(self, kinds: Kinds) -> bool {
        self & kinds == kinds
    }

    fn named(name: &str) -> Kinds {
        match name {
            "null" => Kinds::NULL,
            "boolean" => Kinds::BOOLEAN,
            "integer" => Kinds::INTEGER,
            "number" => Kinds::NUMBER,
            "string" => Kinds::STRING,
            "array" => Kinds::ARRAY,
            "object" => Kinds::OBJECT,
            _ => Kinds::ALL,
        }
    }

    fn of(value: &Value) -> Kinds {
        match value {
            Value::Null => Kinds::NULL,
            Value::Bool(_) => Kinds::BOOLEAN,
            Value::Number(_) => Kinds::NUMBER,
            Value::String(_) => Kinds::STRING,
            Value::Array(_) => Kinds::ARRAY,
            Value::Object(_) => Kinds::OBJECT,
        }
    }

    fn any(kinds: impl Iterator<Item = Kinds>) -> Kinds {
        kinds.fold(Kinds::NONE, |all, kinds| all | kinds)
    }
}

impl BitOr for Kinds {
    type Output = Kinds;

    fn bitor(self, other: Kinds) -> Kinds {
        Kinds(self.0 | other.0)
    }
}

impl BitAnd for Kinds {
    type Output = Kinds;

    fn bitand(self, other: Kinds) -> Kinds {
        Kinds(self.0 & other.0)
    }
}

/// The schemas that speak about one place of the data.
#[derive(Debug, Clone)]
pub struct Expected<'s> {
    root: Option<&'s Value>,
    schemas: Vec<&'s Map<String, Value>>,
}

impl<'s> Expected<'s> {
    /// What a schema document says about the data as a whole; nothing where there is none.
    pub fn of(document: Option<&'s Value>) -> Expected<'s> {
        let schemas = document.and_then(Value::as_object).into_iter().collect();
        Expected { root: document, schemas }
    }

    /// What it says about a member.
    pub fn member(&self, name: &str) -> Expected<'s> {
        self.below(|schema| {
            let named = schema.get("properties").and_then(|properties| properties.get(name));
            named.or_else(|| schema.get("additionalProperties"))
        })
    }

    /// What it says about an entry of an array.
    pub fn entry(&self, index: usize) -> Expected<'s> {
        self.below(|schema| {
            let tuple = schema.get("prefixItems").or_else(|| schema.get("items").filter(|items| items.is_array()));
            let own = tuple.and_then(|tuple| tuple.get(index));
            let others = || schema.get("items").filter(|items| items.is_object());
            own.or_else(others).or_else(|| schema.get("additionalItems"))
        })
    }

    /// What may stand there.
    pub fn kinds(&self) -> Kinds {
        let mut left = LOOKED_INTO;
        self.schemas.iter().fold(Kinds::ALL, |kinds, schema| {
            // Alternatives may contradict each other: then each may be meant.
            let allowed = self.allowed(schema, &mut left);
            if kinds & allowed == Kinds::NONE { kinds | allowed } else { kinds & allowed }
        })
    }

    fn below(&self, step: impl Fn(&'s Map<String, Value>) -> Option<&'s Value>) -> Expected<'s> {
        let mut below = Vec::new();
        let mut left = LOOKED_INTO;
        for schema in &self.schemas {
            self.collect(schema, &step, &mut left, &mut below);
        }
        Expected { root: self.root, schemas: below }
    }

    /// Takes the step in a schema and in all that it refers to or is made of.
    fn collect(
        &self,
        schema: &'s Map<String, Value>,
        step: &impl Fn(&'s Map<String, Value>) -> Option<&'s Value>,
        left: &mut usize,
        found: &mut Vec<&'s Map<String, Value>>,
    ) {
        let Some(rest) = left.checked_sub(1) else { return };
        *left = rest;
        if let Some(below) = step(schema).and_then(Value::as_object)
            && found.len() < KEPT
        {
            found.push(below);
        }
        let parts = ["allOf", "anyOf", "oneOf"].into_iter().flat_map(|key| branches(schema, key));
        let conditional = ["then", "else"].into_iter().filter_map(|key| schema.get(key)?.as_object());
        for part in self.referred(schema).into_iter().chain(parts).chain(conditional) {
            self.collect(part, step, left, found);
        }
    }

    /// The kinds a schema allows; none where it contradicts itself.
    fn allowed(&self, schema: &'s Map<String, Value>, left: &mut usize) -> Kinds {
        let Some(rest) = left.checked_sub(1) else { return Kinds::ALL };
        *left = rest;
        let mut kinds = own_kinds(schema);
        if let Some(target) = self.referred(schema) {
            kinds = kinds & self.allowed(target, left);
        }
        for part in branches(schema, "allOf") {
            kinds = kinds & self.allowed(part, left);
        }
        for key in ["anyOf", "oneOf"] {
            if schema.contains_key(key) {
                kinds = kinds & Kinds::any(branches(schema, key).map(|part| self.allowed(part, left)));
            }
        }
        if kinds == Kinds::ALL { implied(schema) } else { kinds }
    }

    /// The schema that `$ref` or `$dynamicRef` means, inside the document.
    fn referred(&self, schema: &Map<String, Value>) -> Option<&'s Map<String, Value>> {
        let reference = schema.get("$ref").or_else(|| schema.get("$dynamicRef"))?.as_str()?;
        let (document, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let root = self.root?;
        let own_id = root.get("$id").or_else(|| root.get("id")).and_then(Value::as_str);
        if !document.is_empty() && own_id.is_none_or(|id| id.trim_end_matches('#') != document) {
            return None;
        }
        let fragment = percent_encoding::percent_decode_str(fragment).decode_utf8().ok()?;
        if fragment.is_empty() || fragment.starts_with('/') {
            return root.pointer(&fragment)?.as_object();
        }
        let definitions = ["$defs", "definitions"].into_iter().filter_map(|key| root.get(key)?.as_object());
        definitions.flat_map(Map::values).filter_map(Value::as_object).find(|definition| {
            let named = |key: &str| definition.get(key).and_then(Value::as_str);
            [named("$anchor"), named("$dynamicAnchor")].contains(&Some(&*fragment))
        })
    }
}

fn branches<'s>(schema: &'s Map<String, Value>, key: &str) -> impl Iterator<Item = &'s Map<String, Value>> {
    schema.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
}

/// What `type`, `const` and `enum` say.
fn own_kinds(schema: &Map<String, Value>) -> Kinds {
    let mut kinds = match schema.get("type") {
        Some(Value::String(one)) => Kinds::named(one),
        Some(Value::Array(several)) => Kinds::any(several.iter().filter_map(Value::as_str).map(Kinds::named)),
        _ => Kinds::ALL,
    };
    if let Some(only) = schema.get("const") {
        kinds = kinds & Kinds::of(only);
    }
    if let Some(Value::Array(options)) = schema.get("enum") {
        kinds = kinds & Kinds::any(options.iter().map(Kinds::of));
    }
    kinds
}

/// The kind that keywords are about, where the type is left open.
fn implied(schema: &Map<String, Value>) -> Kinds {
    const ABOUT: [(Kinds, &[&str]); 4] = [
        (Kinds::OBJECT, &["properties", "required", "patternProperties", "minProperties", "dependentRequired"]),
        (Kinds::ARRAY, &["items", "prefixItems", "contains", "minItems", "uniqueItems"]),
        (Kinds::NUMBER, &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]),
        (Kinds::STRING, &["pattern", "format", "minLength", "maxLength"]),
    ];
    let about = ABOUT.iter().filter(|(_, keys)| keys.iter().any(|key| schema.contains_key(*key)));
    match Kinds::any(about.map(|(kinds, _)| *kinds)) {
        Kinds::NONE => Kinds::ALL,
        kinds => kinds,
    }
}

#[cfg(test)]
mod tests {
    use super::{Expected, Kinds};
    use serde_json::{Value, json};

    fn kinds(schema: &Value, path: &[&str]) -> Kinds {
        let root = Expected::of(Some(schema));
        let place = path.iter().fold(root, |place, step| match step.parse() {
            Ok(index) => place.entry(index),
            Err(_) => place.member(step),
        });
        place.kinds()
    }

    #[test]
    fn types_are_found_through_members_entries_and_references() {
        let schema = json!({
            "$id": "https://example/order",
            "type": "object",
            "properties": {
                "total": {"type": "number"},
                "items": {"type": "array", "items": {"$ref": "#/$defs/item"}},
                "pair": {"prefixItems": [{"type": "integer"}, {"type": "boolean"}], "items": {"type": "string"}},
                "old": {"items": [{"type": "integer"}], "additionalItems": {"type": "boolean"}},
                "again": {"$ref": "#"},
                "whole": {"$ref": "https://example/order"},
                "anchored": {"$ref": "#line"},
                "other": {"$ref": "https://elsewhere/x"},
                "a/b": {"$ref": "#/properties/total"},
            },
            "additionalProperties": {"type": ["string", "null"]},
            "$defs": {
                "item": {"type": "object", "properties": {"sku": {"type": "string"}, "price": {"$ref": "#/$defs/money"}}},
                "money": {"type": "number"},
                "line": {"$anchor": "line", "type": "integer"},
            },
        });
        let kinds = |path: &[&str]| kinds(&schema, path);
        assert_eq!(kinds(&[]), Kinds::OBJECT);
        assert_eq!(kinds(&["total"]), Kinds::NUMBER);
        assert_eq!(kinds(&["items"]), Kinds::ARRAY);
        assert_eq!(kinds(&["items", "3", "price"]), Kinds::NUMBER);
        assert_eq!(kinds(&["items", "0", "unknown"]), Kinds::ALL);
        assert_eq!([kinds(&["pair", "0"]), kinds(&["pair", "1"])], [Kinds::INTEGER, Kinds::BOOLEAN]);
        assert_eq!([kinds(&["pair", "2"]), kinds(&["pair"])], [Kinds::STRING, Kinds::ARRAY]);
        assert_eq!([kinds(&["old", "0"]), kinds(&["old", "1"])], [Kinds::INTEGER, Kinds::BOOLEAN]);
        assert_eq!(kinds(&["again", "whole", "again", "total"]), Kinds::NUMBER);
        assert_eq!([kinds(&["anchored"]), kinds(&["other"])], [Kinds::INTEGER, Kinds::ALL]);
        assert_eq!(kinds(&["anything"]), Kinds::STRING | Kinds::NULL);
        assert_eq!(kinds(&["a/b"]), Kinds::NUMBER);
    }

    #[test]
    fn combinations_narrow_and_widen() {
        for (schema, expected) in [
            (json!({"allOf": [{"type": ["string", "number"]}, {"type": "number"}]}), Kinds::NUMBER),
            (json!({"oneOf": [{"type": "integer"}, {"type": "null"}]}), Kinds::INTEGER | Kinds::NULL),
            (json!({"anyOf": [{"const": 5}, {"enum": [true, "x"]}]}), Kinds::NUMBER | Kinds::BOOLEAN | Kinds::STRING),
            (json!({"allOf": [{"type": "string"}, {"type": "number"}]}), Kinds::ALL),
            (json!({"minimum": 1}), Kinds::NUMBER),
            (json!({"required": ["a"]}), Kinds::OBJECT),
            (json!({"minimum": 1, "pattern": "x"}), Kinds::NUMBER | Kinds::STRING),
            (json!({"title": "x"}), Kinds::ALL),
            (json!(true), Kinds::ALL),
        ] {
            assert_eq!(kinds(&schema, &[]), expected, "{schema}");
        }
        let split =
            json!({"allOf": [{"properties": {"a": {"type": "number"}}}, {"properties": {"b": {"type": "boolean"}}}]});
        assert_eq!([kinds(&split, &["a"]), kinds(&split, &["b"])], [Kinds::NUMBER, Kinds::BOOLEAN]);
        let choice =
            json!({"oneOf": [{"properties": {"a": {"type": "number"}}}, {"properties": {"a": {"type": "null"}}}]});
        assert_eq!(kinds(&choice, &["a"]), Kinds::NUMBER | Kinds::NULL);
        let conditional = json!({"if": {}, "then": {"properties": {"a": {"type": "integer"}}}});
        assert_eq!(kinds(&conditional, &["a"]), Kinds::INTEGER);
    }

    #[test]
    fn a_schema_without_end_is_looked_into_to_a_bound() {
        let around = json!({"$ref": "#", "allOf": [{"$ref": "#"}, {"$ref": "#"}], "anyOf": [{"$ref": "#"}]});
        assert_eq!(kinds(&around, &[]), Kinds::ALL);
        assert_eq!(kinds(&around, &["a", "b", "0"]), Kinds::ALL);
        let many: Vec<_> = (0..1000).map(|_| json!({"properties": {"a": {"type": "number"}}})).collect();
        assert_eq!(kinds(&json!({"anyOf": many}), &["a"]), Kinds::NUMBER);
    }
}
