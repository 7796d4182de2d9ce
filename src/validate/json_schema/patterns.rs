//! Every pattern of a schema document: each must be one that is matched in linear time (routing.md §5).
//!
//! The compiler stops at the first pattern it does not take, and never looks at definitions nobody refers to.

use crate::cloudevents::reader::shown;
use crate::payload::LISTED;
use crate::validate::SchemaFault;
use jsonschema::PatternOptions;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Keywords that hold a schema.
const ONE: [&str; 14] = [
    "additionalItems",
    "additionalProperties",
    "contains",
    "contentSchema",
    "else",
    "if",
    "items",
    "not",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
    "extends",
    "disallow",
];
/// Keywords that hold a list of schemas; `items` may, too.
const LISTS: [&str; 5] = ["allOf", "anyOf", "items", "oneOf", "prefixItems"];
/// Keywords that hold schemas by names of the author's choice.
const NAMED: [&str; 6] =
    ["$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties"];

/// A fault for each pattern that cannot be used.
pub fn faults(file: &str, schema: &Value) -> Vec<SchemaFault> {
    let mut walk = Walk { file, known: BTreeMap::new(), faults: Vec::new() };
    walk.schema(schema, &mut String::new());
    walk.faults
}

struct Walk<'s> {
    file: &'s str,
    /// What is wrong with a pattern that was looked at.
    known: BTreeMap<&'s str, Option<(String, String)>>,
    faults: Vec<SchemaFault>,
}

impl<'s> Walk<'s> {
    /// Recursion is as deep as the document, whose depth is limited where it is read.
    fn schema(&mut self, schema: &'s Value, pointer: &mut String) {
        let Value::Object(members) = schema else { return };
        if let Some(Value::String(pattern)) = members.get("pattern") {
            self.pattern(pattern, &format!("{pointer}/pattern"));
        }
        for (keyword, value) in members {
            let before = pointer.len();
            push(pointer, keyword);
            match value {
                Value::Object(named) if NAMED.contains(&keyword.as_str()) => self.named(keyword, named, pointer),
                Value::Array(items) if LISTS.contains(&keyword.as_str()) => {
                    for (index, item) in items.iter().enumerate() {
                        let before = pointer.len();
                        push(pointer, &index.to_string());
                        self.schema(item, pointer);
                        pointer.truncate(before);
                    }
                }
                _ if ONE.contains(&keyword.as_str()) => self.schema(value, pointer),
                _ => {}
            }
            pointer.truncate(before);
        }
    }

    fn named(&mut self, keyword: &str, named: &'s Map<String, Value>, pointer: &mut String) {
        for (name, schema) in named {
            let before = pointer.len();
            push(pointer, name);
            if keyword == "patternProperties" {
                self.pattern(name, pointer);
            }
            self.schema(schema, pointer);
            pointer.truncate(before);
        }
    }

    fn pattern(&mut self, pattern: &'s str, pointer: &str) {
        if self.faults.len() >= LISTED {
            return;
        }
        if let Some((message, hint)) = self.known.entry(pattern).or_insert_with(|| fault(pattern)) {
            self.faults.push(SchemaFault {
                pointer: Some(pointer.to_owned()),
                hint: Some(hint.clone()),
                ..SchemaFault::new(self.file, message.clone())
            });
        }
    }
}

/// What is wrong with a pattern and what to do, asked of the engine that would match it.
fn fault(pattern: &str) -> Option<(String, String)> {
    let schema = json!({ "pattern": pattern });
    let built = jsonschema::options().with_pattern_options(PatternOptions::regex()).build(&schema);
    built.err()?;
    let text = shown(pattern);
    let has = |signs: &[&str]| signs.iter().any(|sign| pattern.contains(sign));
    let refers_back = pattern.as_bytes().windows(2).any(|pair| pair[0] == b'\\' && matches!(pair[1], b'1'..=b'9'));
    Some(if has(&["(?=", "(?!", "(?<=", "(?<!"]) {
        let hint = "say it without look-around, such as with a second schema under `allOf` or `not`";
        (format!("the pattern `{text}` is not one of linear time: it looks around"), hint.to_owned())
    } else if refers_back || has(&["\\k<"]) {
        let hint = "a pattern cannot ask for what another part of it has matched";
        (format!("the pattern `{text}` is not one of linear time: it has a back reference"), hint.to_owned())
    } else {
        let hint = "look-around, back references, atomic groups and very large repetitions take no linear time";
        (format!("`{text}` is no valid pattern, or not one of linear time"), hint.to_owned())
    })
}

/// Adds a segment to a JSON Pointer.
fn push(pointer: &mut String, segment: &str) {
    pointer.push('/');
    pointer.push_str(&segment.replace('~', "~0").replace('/', "~1"));
}
