//! What editors and readers get from the file types: JSON Schemas and a page with every key, its default and meaning.
//!
//! The generated files stand in the repository; a test fails when they are not what the types say.

use super::compile::ROUTE_SCHEMA;
use super::compile::gateway::GATEWAY_SCHEMA;
use serde_json::{Map, Value as Json};
use std::collections::VecDeque;

/// Every generated file: path from the root of the repository, and content.
pub fn files() -> [(&'static str, String); 3] {
    [
        ("routes/route.schema.json", route_schema()),
        ("src/config/signalbox.schema.json", gateway_schema()),
        ("routes/README.md", page()),
    ]
}

/// The JSON Schema of route files, as editors want it.
pub fn route_schema() -> String {
    editor_schema(&ROUTE_SCHEMA, "A route file of Signalbox")
}

/// The JSON Schema of `signalbox.yaml`, as editors want it.
pub fn gateway_schema() -> String {
    editor_schema(&GATEWAY_SCHEMA, "signalbox.yaml, the static configuration of Signalbox")
}

/// The schema as editors want it: without what only our own checks read.
fn editor_schema(schema: &Json, title: &str) -> String {
    let mut schema = schema.clone();
    clean(&mut schema);
    if let Some(root) = schema.as_object_mut() {
        root.insert("title".to_owned(), title.into());
    }
    format!("{schema:#}\n")
}

fn clean(schema: &mut Json) {
    match schema {
        Json::Object(members) => {
            members.retain(|key, value| !(key.starts_with("x-") || key == "default" && value.is_null()));
            if let Some(Json::String(text)) = members.get_mut("description") {
                *text = text.replace('\n', " ");
            }
            members.values_mut().for_each(clean);
        }
        Json::Array(items) => items.iter_mut().for_each(clean),
        _ => {}
    }
}

const HEAD: &str = "\
# Route files

<!-- Generated from the types in src/config by `UPDATE=1 cargo test --test it reference`; edit their doc comments. -->

Every `*.yaml` and `*.yml` in this folder is read (folders in it are not), together with `schemas/`, and becomes active
within two seconds as one whole. A file with a problem changes nothing: what ran before stays, and every problem of every
file is shown with its place by `signalbox check`, in the log and by `GET /api/v1/routes`.

Names declared in one file may be used in another. Unknown keys are problems. Text values may hold `${env:NAME}`,
`${env:NAME:-default}` and `${file:PATH}` (a relative path starts at this folder); `$$` is a plain dollar sign.
Durations are written `250ms`, `30s`, `5m`, `24h`, `7d`; sizes `512B`, `64KiB`, `4MiB`, `10GiB`.

Templates, in `subject`, `key` and `set`, are text with `{attribute}` or `{attribute:-default}`; `{{` and `}}` are plain
braces. A template that cannot be filled in makes the event a dead letter; a key that cannot be filled in is no key.

For completion and checks while you type, begin a file with:

```yaml
# yaml-language-server: $schema=route.schema.json
```
";

const GATEWAY_HEAD: &str = "
# signalbox.yaml

Static: a change needs a restart. All of it is optional. Paths are relative to the file. Its editor schema is
`src/config/signalbox.schema.json`.
";

fn page() -> String {
    let mut page = String::from(HEAD);
    section(&ROUTE_SCHEMA, "File", &mut page);
    page.push_str(GATEWAY_HEAD);
    section(&GATEWAY_SCHEMA, "Gateway", &mut page);
    page
}

/// The root and everything it refers to, in the order of reading.
fn section(root: &Json, name: &str, page: &mut String) {
    let mut waiting = VecDeque::from([(name.to_owned(), root)]);
    let mut seen = Vec::new();
    while let Some((name, schema)) = waiting.pop_front() {
        if seen.contains(&name) {
            continue;
        }
        let description = schema.get("description").and_then(Json::as_str).unwrap_or_default();
        page.extend(["\n## ", &name, "\n\n", description, "\n\n"]);
        let rows = rows(schema);
        if let Some(example) = schema.get("x-example").and_then(Json::as_str) {
            page.extend(["```yaml\n", example, "```\n\n"]);
        }
        page.push_str("| key | value | default | meaning |\n|---|---|---|---|\n");
        for row in &rows {
            page.push_str(&row.line(root));
        }
        for target in rows.iter().flat_map(|row| references(row.schema)) {
            if let Some(below) = definition(root, target).filter(|below| !self::rows(below).is_empty()) {
                waiting.push_back((target.to_owned(), below));
            }
        }
        seen.push(name);
    }
}

/// One key.
struct Row<'s> {
    key: &'s str,
    schema: &'s Json,
    description: Option<&'s str>,
    required: bool,
}

/// The keys of a mapping, or of the alternatives that each have one.
fn rows(schema: &Json) -> Vec<Row<'_>> {
    let alternatives = schema.get("oneOf").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    let own = std::iter::once(schema).filter(|_| alternatives.is_empty());
    let mut rows = Vec::new();
    for (schema, alone) in own.map(|own| (own, true)).chain(alternatives.iter().map(|branch| (branch, false))) {
        let required = schema.get("required").and_then(Json::as_array);
        for (key, value) in schema.get("properties").and_then(Json::as_object).into_iter().flat_map(Map::iter) {
            let description = if alone { value } else { schema }.get("description").and_then(Json::as_str);
            let required = alone && required.is_some_and(|keys| keys.iter().any(|name| name == key));
            rows.push(Row { key, schema: value, description, required });
        }
    }
    rows
}

impl Row<'_> {
    fn line(&self, root: &Json) -> String {
        let default = match self.schema.get("default") {
            _ if self.required => "required".to_owned(),
            Some(Json::String(text)) => format!("`{text}`"),
            Some(value @ (Json::Bool(_) | Json::Number(_))) => format!("`{value}`"),
            _ => String::new(),
        };
        let meaning = self.description.unwrap_or_default().replace('\n', " ").replace('|', "\\|");
        let (meaning, default) = told_default(&meaning).unwrap_or((meaning, default));
        format!("| `{}` | {} | {default} | {meaning} |\n", self.key, value(root, self.schema))
    }
}

/// A default that only the description tells, for keys whose absence means more than a value: `Default: …` as a sentence
/// of its own moves to its column.
fn told_default(meaning: &str) -> Option<(String, String)> {
    let (before, from) = meaning.split_once("Default: ")?;
    let (default, after) = from.split_once(". ").unwrap_or((from.trim_end_matches('.'), ""));
    Some((format!("{before}{after}").trim_end().to_owned(), default.to_owned()))
}

/// What may stand as the value, in words.
fn value(root: &Json, schema: &Json) -> String {
    if let Some(name) = own_reference(schema) {
        let Some(target) = definition(root, name) else { return name.to_owned() };
        return match name {
            "Duration" | "Size" => name.to_lowercase(),
            _ if !rows(target).is_empty() => format!("[{name}](#{})", name.to_lowercase()),
            _ => value(root, target),
        };
    }
    if let Some(branches) = schema.get("oneOf").or_else(|| schema.get("anyOf")).and_then(Json::as_array) {
        let shown = branches.iter().filter(|branch| branch.get("type").and_then(Json::as_str) != Some("null"));
        return shown.map(|branch| value(root, branch)).collect::<Vec<_>>().join(" or ");
    }
    if let Some(word) = schema.get("const").and_then(Json::as_str) {
        return format!("`{word}`");
    }
    let kinds = match schema.get("type") {
        Some(Json::String(kind)) => vec![kind.as_str()],
        Some(Json::Array(kinds)) => kinds.iter().filter_map(Json::as_str).filter(|kind| *kind != "null").collect(),
        _ => Vec::new(),
    };
    let words = kinds.iter().map(|kind| match *kind {
        "array" => format!("list of {}", schema.get("items").map_or_else(String::new, |items| value(root, items))),
        "object" => match schema.get("additionalProperties").filter(|others| others.is_object()) {
            Some(others) => format!("mapping of names to {}", value(root, others)),
            None => "`{}`".to_owned(),
        },
        "boolean" => "`true` or `false`".to_owned(),
        "integer" => "whole number".to_owned(),
        "number" => "number".to_owned(),
        _ => "text".to_owned(),
    });
    words.collect::<Vec<_>>().join(" or ")
}

fn own_reference(schema: &Json) -> Option<&str> {
    schema.get("$ref")?.as_str()?.rsplit('/').next()
}

/// Every definition a value refers to.
fn references(schema: &Json) -> Vec<&str> {
    let below = match schema {
        Json::Object(members) => members.values().flat_map(references).collect(),
        Json::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    };
    own_reference(schema).into_iter().chain(below).collect()
}

fn definition<'s>(root: &'s Json, name: &str) -> Option<&'s Json> {
    root.get("$defs")?.get(name)
}
