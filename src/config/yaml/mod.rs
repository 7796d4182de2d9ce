//! YAML text becomes a tree of nodes that know their place.
//!
//! Built from parser events under a budget: a file of 8 MiB, 64 levels and 1,000,000 nodes after aliases are expanded.
//! Aliases share their node, so that a bomb costs its budget check and nothing else.

mod build;
mod fault;
mod input;
pub mod scalar;
#[cfg(test)]
mod tests;

use super::interpolate::Environment;
use super::problem::{self, Problems, SourceText};
use std::rc::Rc;

/// Bytes a file may have.
pub const MAX_BYTES: u64 = 8 << 20;
/// Levels of lists and mappings in each other.
pub const MAX_LEVELS: usize = 64;
/// Nodes of a file, each alias counted with everything below it.
pub const MAX_NODES: usize = 1_000_000;

/// Characters of a value a message shows.
const SHOWN: usize = 80;

/// From where to where something stands. Lines and columns count from 1, columns in characters; the end is exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Range {
    /// Line of the first character.
    pub line: u32,
    /// Its column.
    pub column: u32,
    /// Line after the last character.
    pub end_line: u32,
    /// Column after the last character.
    pub end_column: u32,
}

impl Range {
    /// The first character of a file: the place of what concerns the file as a whole.
    pub const START: Range = Range { line: 1, column: 1, end_line: 1, end_column: 2 };

    /// One character.
    pub fn point(line: u32, column: u32) -> Range {
        Range { line, column, end_line: line, end_column: column + 1 }
    }

    /// Characters on the first line; at least 1.
    pub fn width(self) -> u32 {
        if self.end_line == self.line { self.end_column.saturating_sub(self.column).max(1) } else { 1 }
    }
}

/// A value with its place.
#[derive(Debug, Clone)]
pub struct Node {
    /// What it is.
    pub value: Value,
    /// Where it stands; an alias stands where the alias is written.
    pub range: Range,
}

/// What a node holds.
#[derive(Debug, Clone)]
pub enum Value {
    /// `null`, or nothing written.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Another number, and as it was written.
    Float(f64, Rc<str>),
    /// Text.
    Text(Text),
    /// A list.
    List(Rc<[Node]>),
    /// A mapping in written order; keys are unique.
    Map(Rc<[Pair]>),
    /// Something a problem was already reported for.
    Broken,
}

/// A text and how it came about.
#[derive(Clone)]
pub struct Text {
    /// The text after interpolation.
    pub text: Rc<str>,
    /// As written, when something was filled in: the text is then a secret.
    pub written: Option<Rc<str>>,
    /// Characters before the text: 1 for a quoted scalar.
    pub quote: u32,
}

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.written.as_ref().unwrap_or(&self.text))
    }
}

/// One entry of a mapping.
#[derive(Debug, Clone)]
pub struct Pair {
    /// The key.
    pub key: Key,
    /// Its value.
    pub value: Node,
}

/// A key with its place.
#[derive(Debug, Clone)]
pub struct Key {
    /// The text as written.
    pub text: Rc<str>,
    /// Where it stands.
    pub range: Range,
}

/// Reads a file. `None` when it is no YAML or over the budget: then exactly one problem was added. An empty file is
/// [`Value::Null`].
pub fn parse(source: &SourceText, environment: Environment<'_>, problems: &mut Problems) -> Option<Node> {
    let mut found = Problems::default();
    match build::Builder::new(source, environment, &mut found).run() {
        Ok(root) => {
            problems.append(found);
            Some(root)
        }
        Err(fatal) => {
            problems.error_with_hint(source, fatal.range, fatal.code, fatal.message, fatal.hint);
            None
        }
    }
}

impl Node {
    /// The text, where it is one.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(&text.text),
            _ => None,
        }
    }

    /// True when a variable or file went into it.
    pub fn is_secret(&self) -> bool {
        matches!(&self.value, Value::Text(Text { written: Some(_), .. }))
    }

    /// True when a variable or file went into it or anything below it.
    pub fn holds_secret(&self) -> bool {
        match &self.value {
            Value::List(items) => items.iter().any(Node::holds_secret),
            Value::Map(pairs) => pairs.iter().any(|pair| pair.value.holds_secret()),
            _ => self.is_secret(),
        }
    }

    /// The value of a key, where it is a mapping.
    pub fn get(&self, key: &str) -> Option<&Node> {
        let Value::Map(pairs) = &self.value else { return None };
        pairs.iter().find(|pair| &*pair.key.text == key).map(|pair| &pair.value)
    }

    /// Everything in it as JSON; secrets that were filled in, too.
    pub fn json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null | Value::Broken => serde_json::Value::Null,
            Value::Boolean(value) => (*value).into(),
            Value::Integer(value) => (*value).into(),
            Value::Float(value, _) => (*value).into(),
            Value::Text(text) => text.text.as_ref().into(),
            Value::List(items) => items.iter().map(Node::json).collect(),
            Value::Map(pairs) => {
                let members = pairs.iter().map(|pair| (pair.key.text.to_string(), pair.value.json()));
                serde_json::Value::Object(members.collect())
            }
        }
    }

    /// Everything in it as the text of JSON: numbers as they were written, where JSON writes them so, too.
    pub fn json_text(&self, out: &mut String) {
        match &self.value {
            Value::Float(_, written) if serde_json::from_str::<serde_json::Number>(written).is_ok() => {
                out.push_str(written);
            }
            Value::List(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    out.push_str(if index > 0 { "," } else { "" });
                    item.json_text(out);
                }
                out.push(']');
            }
            Value::Map(pairs) => {
                out.push('{');
                for (index, pair) in pairs.iter().enumerate() {
                    out.push_str(if index > 0 { "," } else { "" });
                    out.push_str(&serde_json::Value::from(&*pair.key.text).to_string());
                    out.push(':');
                    pair.value.json_text(out);
                }
                out.push('}');
            }
            _ => out.push_str(&self.json().to_string()),
        }
    }

    /// How a message shows a scalar: as written, so that nothing interpolated is ever printed.
    pub fn shown(&self) -> String {
        match &self.value {
            Value::Null => "null".to_owned(),
            Value::Boolean(value) => value.to_string(),
            Value::Integer(value) => value.to_string(),
            Value::Float(_, written) => written.to_string(),
            Value::Text(text) => problem::shorten(text.written.as_ref().unwrap_or(&text.text), SHOWN),
            Value::List(_) => "[…]".to_owned(),
            Value::Map(_) => "{…}".to_owned(),
            Value::Broken => "…".to_owned(),
        }
    }

    /// The place of a byte offset in the text: exact where the text stands in the line as it is, else the whole node.
    pub fn range_at(&self, offset: usize, source: &SourceText) -> Range {
        self.exact_range_at(offset, source).unwrap_or(self.range)
    }

    /// The place of a byte offset in the text, where the text stands in the line as it is: a plain or quoted scalar on one
    /// line, without escapes.
    pub fn exact_range_at(&self, offset: usize, source: &SourceText) -> Option<Range> {
        let Value::Text(text) = &self.value else { return None };
        let before = text.text.get(..offset).map_or(0, |before| before.chars().count());
        let first = self.range.column.saturating_add(text.quote);
        let verbatim = source.line(self.range.line).is_some_and(|line| {
            let start = line.char_indices().nth((first as usize).saturating_sub(1));
            start.is_some_and(|(at, _)| line.get(at..).is_some_and(|rest| rest.starts_with(&*text.text)))
        });
        let column = first.saturating_add(u32::try_from(before).unwrap_or(u32::MAX));
        verbatim.then(|| Range::point(self.range.line, column))
    }
}
