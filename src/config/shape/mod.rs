//! Does a file have the shape its types declare: keys, types, alternatives, bounds.
//!
//! Walks the node tree beside the JSON Schema that is generated from the types, and reports everything at once with its
//! place. It knows the part of JSON Schema that `schemars` writes for our types, not all of it; what a value means
//! is checked later, in [`super::compile`].

mod told;

use super::part::{Part, State};
use super::problem::{Problems, SourceText, with_hint};
use super::suggest::{did_you_mean, known, units};
use super::yaml::scalar::{self, Scalar};
use super::yaml::{Node, Pair, Range, Value};
use crate::codes::Code;
use crate::units::{Size, Span};
use serde_json::Value as Json;

/// Checks nodes of one file against one generated schema.
pub struct Shape<'a> {
    root: &'a Json,
    source: &'a SourceText,
    problems: &'a mut Problems,
    /// What the key is for whose value is being checked.
    about: Option<&'a str>,
}

impl<'a> Shape<'a> {
    /// Checks with a generated schema.
    pub fn new(root: &'a Json, source: &'a SourceText, problems: &'a mut Problems) -> Shape<'a> {
        Shape { root, source, problems, about: None }
    }

    /// Checks a whole file. An empty file is an empty mapping.
    pub fn check_file<'n>(&mut self, node: &'n Node) -> Part<'n> {
        if matches!(node.value, Value::Null) {
            return Part::leaf(node, State::Good);
        }
        if !matches!(node.value, Value::Map(_) | Value::Broken) {
            let keys = self.root.get("properties").and_then(Json::as_object);
            let keys: Vec<&str> = keys.into_iter().flat_map(|keys| keys.keys().map(String::as_str)).collect();
            let message = format!("the file must be a mapping, not {}", word(kind(node)));
            let hint = Some(known("it holds the keys", &keys));
            self.problems.error_with_hint(self.source, start_of(node), Code::BadValue, message, hint);
            return Part::leaf(node, State::Bad);
        }
        self.check(self.root, node, "the file")
    }

    /// `name` is how messages call the node.
    fn check<'n>(&mut self, schema: &'a Json, node: &'n Node, name: &str) -> Part<'n> {
        if matches!(node.value, Value::Broken) {
            return Part::leaf(node, State::Bad);
        }
        match schema.get("$ref").and_then(Json::as_str) {
            Some("#/$defs/Duration") => {
                return self
                    .unit(node, name, |text| Some((Span::try_from(text.clone()).err()?, units::duration(&text))));
            }
            Some("#/$defs/Size") => {
                return self.unit(node, name, |text| Some((Size::try_from(text.clone()).err()?, units::size(&text))));
            }
            Some(reference) => {
                let target = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
                return target.map_or_else(|| Part::leaf(node, State::Bad), |target| self.check(target, node, name));
            }
            None => {}
        }
        if let Some(alternatives) = alternatives(schema) {
            return self.check_alternatives(schema, alternatives, node, name);
        }
        self.check_type(schema, node, name)
    }

    fn check_alternatives<'n>(&mut self, schema: &'a Json, all: &'a [Json], node: &'n Node, name: &str) -> Part<'n> {
        let is_null = |branch: &&Json| branch.get("type").and_then(Json::as_str) == Some("null");
        if matches!(node.value, Value::Null) && all.iter().any(|branch| is_null(&branch)) {
            return Part::leaf(node, State::Good);
        }
        let branches: Vec<&'a Json> = all.iter().filter(|branch| !is_null(branch)).collect();
        if let [only] = branches[..]
            && only.get("const").is_none()
        {
            return self.check(only, node, name);
        }
        if branches.iter().all(|branch| branch.get("const").is_some()) {
            let words: Vec<&str> = branches.iter().filter_map(|b| b.get("const").and_then(Json::as_str)).collect();
            return self.check_word(schema, &words, node, name);
        }
        if branches.iter().all(|branch| tag(branch).is_some()) {
            return self.check_tagged(schema, &branches, node, name);
        }
        match branches.iter().find(|branch| self.kinds(branch).contains(&kind(node))) {
            Some(branch) => self.check(branch, node, name),
            None if self.is_later_map(schema, node) => Part::leaf(node, State::Bad),
            None => {
                let expected: Vec<&str> = branches.iter().flat_map(|branch| self.kinds(branch)).collect();
                self.wrong_type(schema, &expected, node, name)
            }
        }
    }

    /// A mapping with a key of a later version in a place that takes scalars only.
    fn is_later_map(&mut self, schema: &'a Json, node: &Node) -> bool {
        let Value::Map(pairs) = &node.value else { return false };
        let later = pairs.iter().find(|pair| words(schema, "x-later").any(|word| word == &*pair.key.text));
        if let Some(pair) = later {
            self.later(&pair.key.text, pair.key.range);
        }
        later.is_some()
    }

    /// One of several words.
    fn check_word<'n>(&mut self, schema: &'a Json, allowed: &[&str], node: &'n Node, name: &str) -> Part<'n> {
        let Some(text) = node.text() else { return self.no_word(allowed, node, name) };
        if allowed.contains(&text) {
            return Part::leaf(node, State::Good);
        }
        if words(schema, "x-later").any(|word| word == text) {
            self.later(&format!("{name}: {text}"), node.range);
        } else {
            let message = format!("`{}` is no value of {}", node.shown(), quoted(name));
            // Where one word stands beside other types, what the key is for tells more.
            let about = self.about.filter(|_| allowed.len() == 1).map(first_sentence);
            let hint = did_you_mean(text, allowed.iter().copied());
            let hint = hint.or(about).unwrap_or_else(|| known("one of", allowed));
            self.problems.error_with_hint(self.source, node.range, Code::BadValue, message, Some(hint));
        }
        Part::leaf(node, State::Bad)
    }

    /// A mapping with exactly one of several keys.
    fn check_tagged<'n>(&mut self, schema: &'a Json, branches: &[&'a Json], node: &'n Node, name: &str) -> Part<'n> {
        let Value::Map(pairs) = &node.value else { return self.wrong_type(schema, &["object"], node, name) };
        let tags: Vec<&str> = branches.iter().filter_map(|branch| tag(branch)).collect();
        let code = own_code(schema);
        let mut children = Vec::with_capacity(pairs.len());
        let mut own = State::Good;
        for pair in pairs.iter() {
            let branch = branches.iter().find(|branch| tag(branch) == Some(&*pair.key.text));
            let content = branch.and_then(|branch| branch.get("properties")?.get(&*pair.key.text));
            children.push(if let Some(content) = content {
                self.check(content, &pair.value, &pair.key.text)
            } else {
                self.unknown_key(schema, pair, &tags, &[], code);
                Part::leaf(&pair.value, State::Bad)
            });
        }
        let good = pairs.iter().filter(|pair| tags.contains(&&*pair.key.text)).count();
        if pairs.len() != 1 {
            own = State::Bad;
        }
        // One that is unknown was told already.
        if pairs.is_empty() || good > 1 {
            let message = format!("{} must have exactly one key, not {}", quoted(name), pairs.len());
            let range = pairs.get(1).map_or(node.range, |pair| pair.key.range);
            self.problems.error_with_hint(self.source, range, code, message, Some(known("one of", &tags)));
        }
        Part::branch(node, own, children)
    }

    fn check_type<'n>(&mut self, schema: &'a Json, node: &'n Node, name: &str) -> Part<'n> {
        let kinds = self.kinds(schema);
        if kinds.is_empty() {
            return Part::any(node);
        }
        let kind = kind(node);
        let fits = |wanted: &&str| *wanted == kind || (*wanted == "number" && kind == "integer");
        if !kinds.iter().any(fits) {
            return match coerce(&kinds, node) {
                Some(value) => self.check_bounds(schema, &value, node, name, Part::coerced(node, value.clone())),
                None => self.wrong_type(schema, &kinds, node, name),
            };
        }
        match &node.value {
            Value::Map(pairs) => self.check_map(schema, node, pairs, name),
            Value::List(items) => self.check_list(schema, node, items, name),
            Value::Integer(number) => {
                self.check_bounds(schema, &(*number).into(), node, name, Part::leaf(node, State::Good))
            }
            _ => Part::leaf(node, State::Good),
        }
    }

    fn check_map<'n>(&mut self, schema: &'a Json, node: &'n Node, pairs: &'n [Pair], name: &str) -> Part<'n> {
        let properties = schema.get("properties").and_then(Json::as_object);
        let others = schema.get("additionalProperties").filter(|others| **others != Json::Bool(false));
        let names: Vec<&str> = properties.into_iter().flat_map(|p| p.keys().map(String::as_str)).collect();
        let missing = words(schema, "required").filter(|key| !pairs.iter().any(|pair| *pair.key.text == **key));
        let missing: Vec<&'a str> = missing.collect();
        let mut children = Vec::with_capacity(pairs.len());
        let mut strangers = 0;
        for pair in pairs {
            let key = &*pair.key.text;
            let declared = properties.and_then(|properties| properties.get(key)).or(others);
            self.about = declared.and_then(|declared| declared.get("description")?.as_str());
            children.push(match declared {
                Some(inner) => self.check(inner, &pair.value, key),
                None if words(schema, "x-later-unless-empty").any(|word| word == key) && is_empty(&pair.value) => {
                    Part::leaf(&pair.value, State::Ignored)
                }
                None => {
                    strangers += 1;
                    self.unknown_key(schema, pair, &names, &missing, Code::UnknownKey);
                    Part::leaf(&pair.value, State::Bad)
                }
            });
        }
        for key in &missing {
            // A misspelt key was told already, and so was the only one in the place of the only one that is missing: one
            // mistake is one problem.
            let meant = |text: &str| text == "<<" || !names.contains(&text) && did_you_mean(text, [*key]).is_some();
            if strangers == 1 && missing.len() == 1 || pairs.iter().any(|pair| meant(&pair.key.text)) {
                continue;
            }
            let about = properties.and_then(|p| p.get(*key)?.get("description")?.as_str());
            let message = format!("{} lacks the key `{key}`", quoted(name));
            let hint = about.map(|about| format!("`{key}`: {}", first_sentence(about)));
            self.problems.error_with_hint(self.source, start_of(node), Code::MissingKey, message, hint);
        }
        Part::branch(node, if missing.is_empty() { State::Good } else { State::Bad }, children)
    }

    fn check_list<'n>(&mut self, schema: &'a Json, node: &'n Node, items: &'n [Node], name: &str) -> Part<'n> {
        let inner = schema.get("items").unwrap_or(&Json::Bool(true));
        let mut children = Vec::with_capacity(items.len());
        let about = self.about;
        for (index, item) in items.iter().enumerate() {
            self.about = about;
            children.push(self.check(inner, item, &format!("entry {} of `{name}`", index + 1)));
        }
        let least = schema.get("minItems").and_then(Json::as_u64).unwrap_or(0);
        let enough = items.len() as u64 >= least;
        if !enough {
            let message = format!("`{name}` must not be empty");
            let hint = Some("write at least one entry, or remove the key".to_owned());
            self.problems.error_with_hint(self.source, node.range, Code::BadValue, message, hint);
        }
        Part::branch(node, if enough { State::Good } else { State::Bad }, children)
    }

    fn check_bounds<'n>(
        &mut self,
        schema: &'a Json,
        value: &Json,
        node: &'n Node,
        name: &str,
        good: Part<'n>,
    ) -> Part<'n> {
        let Some(number) = value.as_i64() else { return good };
        let (format_min, format_max) = match schema.get("format").and_then(Json::as_str) {
            Some("int32") => (i64::from(i32::MIN), i64::from(i32::MAX)),
            Some("uint32") => (0, i64::from(u32::MAX)),
            Some("uint" | "uint64") => (0, i64::MAX),
            _ => (i64::MIN, i64::MAX),
        };
        let least = schema.get("minimum").and_then(Json::as_i64).unwrap_or(format_min).max(format_min);
        let most = schema.get("maximum").and_then(Json::as_i64).unwrap_or(format_max).min(format_max);
        if (least..=most).contains(&number) {
            return good;
        }
        let bound = if number < least { format!("at least {least}") } else { format!("at most {most}") };
        let (message, hint) = (format!("{} must be {bound}", quoted(name)), self.about.map(first_sentence));
        let hint = hint.or_else(|| Some(format!("numbers go from {least} to {most} here")));
        self.problems.error_with_hint(self.source, node.range, Code::BadValue, message, hint);
        Part::leaf(node, State::Bad)
    }

    /// A duration or size: its own reader knows best what is wrong, and what may have been meant.
    fn unit<'n>(&mut self, node: &'n Node, name: &str, fault: impl Fn(String) -> Option<(String, String)>) -> Part<'n> {
        let text = match &node.value {
            Value::Text(text) => text.text.to_string(),
            Value::Integer(number) => number.to_string(),
            Value::Float(_, written) => written.to_string(),
            _ => return self.wrong_type(&Json::Null, &["string"], node, name),
        };
        let Some((fault, meant)) = fault(text.clone()) else { return Part::coerced(node, text.into()) };
        let (message, usual) = with_hint(&fault);
        let secret = format!("`{}` has not the form it should have", node.shown());
        let (message, hint) = if node.is_secret() { (secret, usual) } else { (message, Some(meant)) };
        self.problems.error_with_hint(self.source, node.range, Code::BadValue, message, hint);
        Part::leaf(node, State::Bad)
    }

    /// The JSON types a schema takes; empty = any.
    fn kinds(&self, schema: &'a Json) -> Vec<&'a str> {
        match (schema.get("$ref").and_then(Json::as_str), schema.get("type")) {
            (Some(reference), _) => {
                let target = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
                target.map(|target| self.kinds(target)).unwrap_or_default()
            }
            (None, Some(Json::String(one))) => vec![one],
            (None, Some(Json::Array(several))) => several.iter().filter_map(Json::as_str).collect(),
            (None, _) => alternatives(schema).into_iter().flatten().flat_map(|branch| self.kinds(branch)).collect(),
        }
    }
}

fn alternatives(schema: &Json) -> Option<&[Json]> {
    schema.get("oneOf").or_else(|| schema.get("anyOf"))?.as_array().map(Vec::as_slice)
}

/// The only key of an alternative of an enum whose variants are written as `{variant: content}`.
fn tag(branch: &Json) -> Option<&str> {
    match branch.get("required")?.as_array()?.as_slice() {
        [Json::String(only)] => Some(only),
        _ => None,
    }
}

fn words<'s>(schema: &'s Json, key: &str) -> impl Iterator<Item = &'s str> {
    schema.get(key).and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str)
}

fn own_code(schema: &Json) -> Code {
    let number = schema.get("x-code").and_then(Json::as_u64);
    Code::ALL.iter().copied().find(|code| Some(u64::from(code.number())) == number).unwrap_or(Code::UnknownKey)
}

fn kind(node: &Node) -> &'static str {
    match &node.value {
        Value::Null | Value::Broken => "null",
        Value::Boolean(_) => "boolean",
        Value::Integer(_) => "integer",
        Value::Float(..) => "number",
        Value::Text(_) => "string",
        Value::List(_) => "array",
        Value::Map(_) => "object",
    }
}

fn word(kind: &str) -> &'static str {
    match kind {
        "null" => "nothing",
        "boolean" => "true or false",
        "integer" => "a whole number",
        "number" => "a number",
        "string" => "text",
        "array" => "a list",
        _ => "a mapping",
    }
}

/// An interpolated text counts as the type that is asked for, because what fills it is always text.
fn coerce(kinds: &[&str], node: &Node) -> Option<Json> {
    let Value::Text(text) = &node.value else { return None };
    text.written.as_ref()?;
    match scalar::resolve(&text.text) {
        Scalar::Integer(number) if kinds.contains(&"integer") => Some(number.into()),
        Scalar::Boolean(value) if kinds.contains(&"boolean") => Some(value.into()),
        _ => None,
    }
}

fn is_empty(node: &Node) -> bool {
    match &node.value {
        Value::Null => true,
        Value::List(items) => items.is_empty(),
        Value::Map(pairs) => pairs.is_empty(),
        _ => false,
    }
}

/// The place of a mapping as a whole: its first character.
fn start_of(node: &Node) -> Range {
    Range::point(node.range.line, node.range.column)
}

/// A name in backticks, unless it is words already.
fn quoted(name: &str) -> String {
    if name.contains(' ') { name.to_owned() } else { format!("`{name}`") }
}

fn first_sentence(text: &str) -> String {
    let line = text.replace('\n', " ");
    line.split_once(". ").map_or(line.trim_end_matches('.'), |(first, _)| first).to_owned()
}
