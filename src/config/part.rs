//! A node after its shape was checked: which parts of it are good, and what they hold.

use super::problem::{Problems, SourceText};
use super::yaml::{Node, Range, Value};
use crate::codes::Code;
use serde::de::DeserializeOwned;

/// How the check of a node went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It and everything below is as declared.
    Good,
    /// It or something below is not; problems were reported.
    Bad,
    /// It asks for nothing and is left out.
    Ignored,
}

/// A checked node with its checked children.
#[derive(Debug)]
pub struct Part<'n> {
    node: &'n Node,
    state: State,
    /// The scalar in the type the schema asks for, where that differs from how it was written.
    coerced: Option<serde_json::Value>,
    /// One for each entry of the list or mapping.
    children: Vec<Part<'n>>,
    /// Any value is good here, so nothing below was looked at.
    any: bool,
}

impl<'n> Part<'n> {
    /// A scalar, or a node whose children were not looked at.
    pub fn leaf(node: &'n Node, state: State) -> Part<'n> {
        Part { node, state, coerced: None, children: Vec::new(), any: false }
    }

    /// A node that may hold anything.
    pub fn any(node: &'n Node) -> Part<'n> {
        Part { any: true, ..Part::leaf(node, State::Good) }
    }

    /// A good scalar that counts as another value than written.
    pub fn coerced(node: &'n Node, value: serde_json::Value) -> Part<'n> {
        Part { node, state: State::Good, coerced: Some(value), children: Vec::new(), any: false }
    }

    /// A list or mapping: good when `own` is and all children are.
    pub fn branch(node: &'n Node, own: State, children: Vec<Part<'n>>) -> Part<'n> {
        let below = children.iter().all(|child| child.state != State::Bad);
        let state = if own == State::Good && !below { State::Bad } else { own };
        Part { node, state, coerced: None, children, any: false }
    }

    /// The node.
    pub fn node(&self) -> &'n Node {
        self.node
    }

    /// Its place.
    pub fn range(&self) -> Range {
        self.node.range
    }

    /// Its first character: the place of what concerns a mapping as a whole.
    pub fn start(&self) -> Range {
        Range::point(self.node.range.line, self.node.range.column)
    }

    /// True when nothing is written, which counts as leaving the key out.
    pub fn is_null(&self) -> bool {
        matches!(self.node.value, Value::Null)
    }

    /// The part a JSON Pointer leads to, or the last one on the way that there is.
    pub fn at_pointer(&self, pointer: &str) -> &Part<'n> {
        let mut part = self;
        for segment in pointer.split('/').skip(1) {
            let by_index = || part.items().get(segment.parse::<usize>().ok()?);
            match part.get(segment).or_else(by_index) {
                Some(below) => part = below,
                None => break,
            }
        }
        part
    }

    /// True when it and everything below is as declared.
    pub fn is_good(&self) -> bool {
        self.state == State::Good
    }

    /// The text, where it is a good one.
    pub fn text(&self) -> Option<&'n str> {
        if self.is_good() { self.node.text() } else { None }
    }

    /// The number, where it is a good whole one; one that was filled in counts, too.
    pub fn whole_number(&self) -> Option<i64> {
        match (&self.coerced, &self.node.value) {
            _ if !self.is_good() => None,
            (Some(value), _) => value.as_i64(),
            (None, Value::Integer(number)) => Some(*number),
            (None, _) => None,
        }
    }

    /// The text of a good duration or size, which may be written as a number.
    pub fn unit(&self) -> Option<&str> {
        self.coerced.as_ref().and_then(serde_json::Value::as_str)
    }

    /// The value of a key, where it is a mapping that has it; bad ones too.
    pub fn get(&self, key: &str) -> Option<&Part<'n>> {
        self.pairs().find(|(name, _, _)| *name == key).map(|(_, _, part)| part)
    }

    /// The place of a key, where it is a mapping that has it.
    pub fn key_range(&self, key: &str) -> Option<Range> {
        self.pairs().find(|(name, _, _)| *name == key).map(|(_, range, _)| range)
    }

    /// The entries of a list; none for anything else.
    pub fn items(&self) -> &[Part<'n>] {
        if matches!(self.node.value, Value::List(_)) { &self.children } else { &[] }
    }

    /// The entries of a mapping with key and place of the key; none for anything else.
    pub fn pairs(&self) -> impl Iterator<Item = (&'n str, Range, &Part<'n>)> {
        let pairs = if let Value::Map(pairs) = &self.node.value { &pairs[..] } else { &[] };
        pairs.iter().zip(&self.children).map(|(pair, part)| (&*pair.key.text, pair.key.range, part))
    }

    /// The good part of it as its type. A mapping may lack its bad entries, so that the rest of it can still be checked;
    /// the type must be able to do without them. `None`: there is nothing good, or not enough; then a problem was
    /// reported before, or is now.
    pub fn read<T: DeserializeOwned>(&self, source: &SourceText, problems: &mut Problems) -> Option<T> {
        if !self.is_good() && !matches!(self.node.value, Value::Map(_)) {
            return None;
        }
        let read = serde_json::from_value(self.json()).ok();
        if read.is_none() && self.is_good() {
            // What serde says may quote an interpolated value: it is not passed on.
            problems.error(source, self.range(), Code::BadValue, "the value cannot be used here");
        }
        read
    }

    fn json(&self) -> serde_json::Value {
        if let Some(value) = &self.coerced {
            return value.clone();
        }
        match &self.node.value {
            _ if self.any => self.node.json(),
            Value::Null | Value::Broken | Value::Boolean(_) | Value::Integer(_) | Value::Float(..) | Value::Text(_) => {
                self.node.json()
            }
            Value::List(_) => self.children.iter().filter(|child| child.is_good()).map(Part::json).collect(),
            Value::Map(_) => {
                let good = self.pairs().filter(|(_, _, part)| part.is_good());
                serde_json::Value::Object(good.map(|(key, _, part)| (key.to_owned(), part.json())).collect())
            }
        }
    }
}
