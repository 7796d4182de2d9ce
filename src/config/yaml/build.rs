//! Parser events become nodes, counted against the budget as they come.

use super::fault::{self, Fatal, position};
use super::input::{Ahead, Bounded};
use super::scalar::{self, Scalar};
use super::{Key, MAX_LEVELS, MAX_NODES, Node, Pair, Range, Text, Value};
use crate::codes::Code;
use crate::config::interpolate::{self, Environment};
use crate::config::problem::{Problems, SourceText};
use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// A list or mapping that is not closed yet.
struct Open {
    anchor: usize,
    range: Range,
    /// Nodes in it, itself included.
    nodes: usize,
    /// Levels in it, itself included.
    levels: usize,
    /// A problem was reported for the whole of it.
    broken: bool,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map { pairs: Vec<Pair>, keys: HashSet<Rc<str>>, pending: Pending },
}

enum Pending {
    /// The next node is a key.
    Key,
    /// The next node is the value of this key.
    Value(Key),
    /// The next node is the value of a key that was refused.
    Skip,
}

/// A finished node with what it costs.
struct Finished {
    node: Node,
    nodes: usize,
    levels: usize,
    /// How a scalar was written, for when it is a key.
    raw: Option<Rc<str>>,
}

pub(super) struct Builder<'a> {
    source: &'a SourceText,
    environment: Environment<'a>,
    problems: &'a mut Problems,
    open: Vec<Open>,
    anchors: HashMap<usize, (Node, usize, usize)>,
    nodes: usize,
    root: Option<Node>,
    documents: usize,
}

impl<'a> Builder<'a> {
    pub(super) fn new(source: &'a SourceText, environment: Environment<'a>, problems: &'a mut Problems) -> Self {
        let (open, anchors) = (Vec::new(), HashMap::new());
        Builder { source, environment, problems, open, anchors, nodes: 0, root: None, documents: 0 }
    }

    pub(super) fn run(mut self) -> Result<Node, Fatal> {
        let source = self.source;
        let ahead = Ahead::new(MAX_NODES);
        for event in Parser::new(Bounded::new(source.text(), ahead.clone())) {
            if ahead.is_over() {
                let range =
                    event.map_or_else(|error| range_of(Span::empty(*error.marker())), |(_, span)| range_of(span));
                return Err(too_many_nodes(range));
            }
            ahead.reset();
            let (event, span) = event.map_err(|error| fault::of(&error, source))?;
            self.event(event, range_of(span))?;
        }
        let empty = Node { value: Value::Null, range: Range::START };
        Ok(self.root.take().unwrap_or(empty))
    }

    fn event(&mut self, event: Event<'_>, range: Range) -> Result<(), Fatal> {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) => self.document(range),
            Event::Alias(anchor) => self.alias(anchor, range),
            Event::Scalar(text, style, anchor, tag) => {
                self.count(1, range)?;
                if matches!(style, ScalarStyle::Plain) && self.is_key() {
                    odd_blank(&text, range)?;
                }
                let mut finished = self.scalar(&text, style, range);
                if self.refuse_tag(tag.is_some(), range) {
                    finished.node.value = Value::Broken;
                }
                self.finish(anchor, finished);
                Ok(())
            }
            Event::SequenceStart(anchor, tag) => {
                let tagged = self.refuse_tag(tag.is_some(), range);
                self.start(anchor, range, tagged, Content::List(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                let tagged = self.refuse_tag(tag.is_some(), range);
                let content = Content::Map { pairs: Vec::new(), keys: HashSet::new(), pending: Pending::Key };
                self.start(anchor, range, tagged, content)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                self.end(range);
                Ok(())
            }
        }
    }

    fn document(&mut self, range: Range) -> Result<(), Fatal> {
        self.documents += 1;
        if self.documents > 1 {
            return Err(Fatal::syntax(range, "a second document begins here", "one file holds one YAML document"));
        }
        Ok(())
    }

    /// What it stands before is told of once, here: what it was meant to be is not known.
    fn refuse_tag(&mut self, tagged: bool, range: Range) -> bool {
        if tagged {
            let hint = "remove the tag; text that begins with `!`, or looks like a number, goes in quotes".to_owned();
            let hint = Some(hint);
            self.problems.error_with_hint(self.source, range, Code::BadValue, "tags are not supported", hint);
        }
        tagged
    }

    fn start(&mut self, anchor: usize, range: Range, broken: bool, content: Content) -> Result<(), Fatal> {
        self.count(1, range)?;
        check_levels(self.open.len() + 1, range)?;
        self.open.push(Open { anchor, range, nodes: 1, levels: 1, broken, content });
        Ok(())
    }

    fn end(&mut self, range: Range) {
        let Some(open) = self.open.pop() else { return };
        let value = match open.content {
            _ if open.broken => Value::Broken,
            Content::List(items) => Value::List(items.into()),
            Content::Map { pairs, .. } => Value::Map(pairs.into()),
        };
        let range = Range { end_line: range.end_line, end_column: range.end_column, ..open.range };
        let node = Node { value, range };
        self.finish(open.anchor, Finished { node, nodes: open.nodes, levels: open.levels, raw: None });
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, range: Range) -> Finished {
        let value = match style {
            ScalarStyle::Plain => match scalar::resolve(text) {
                Scalar::Null => Value::Null,
                Scalar::Boolean(value) => Value::Boolean(value),
                Scalar::Integer(value) => Value::Integer(value),
                Scalar::Float(value) => Value::Float(value, text.into()),
                Scalar::Text => self.text(text, 0, range),
            },
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => self.text(text, 1, range),
            ScalarStyle::Literal | ScalarStyle::Folded => self.text(text, 0, range),
        };
        Finished { node: Node { value, range }, nodes: 1, levels: 0, raw: Some(text.into()) }
    }

    /// The next node is a key.
    fn is_key(&self) -> bool {
        matches!(self.open.last(), Some(Open { content: Content::Map { pending: Pending::Key, .. }, .. }))
    }

    fn text(&mut self, text: &str, quote: u32, range: Range) -> Value {
        if self.is_key() || !text.contains('$') {
            return Value::Text(Text { text: text.into(), written: None, quote });
        }
        match interpolate::fill(text, self.environment) {
            Ok(filled) => {
                let written = filled.secret.then(|| text.into());
                Value::Text(Text { text: filled.text.into(), written, quote })
            }
            Err(fault) => {
                self.problems.error_with_hint(self.source, range, Code::Interpolation, fault.message, fault.hint);
                Value::Broken
            }
        }
    }

    fn alias(&mut self, anchor: usize, range: Range) -> Result<(), Fatal> {
        let Some((node, nodes, levels)) = self.anchors.get(&anchor) else {
            return Err(Fatal::syntax(range, "the alias stands inside of what it refers to", "write the value out"));
        };
        let finished = Finished { node: Node { range, ..node.clone() }, nodes: *nodes, levels: *levels, raw: None };
        self.count(finished.nodes, range)?;
        check_levels(self.open.len() + finished.levels, range)?;
        self.finish(0, finished);
        Ok(())
    }

    /// Hands a node to the list or mapping it stands in.
    fn finish(&mut self, anchor: usize, finished: Finished) {
        let Finished { node, nodes, levels, raw } = finished;
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), nodes, levels));
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return;
        };
        open.nodes += nodes;
        open.levels = open.levels.max(levels + 1);
        match &mut open.content {
            Content::List(items) => items.push(node),
            Content::Map { pairs, keys, pending } => match std::mem::replace(pending, Pending::Key) {
                Pending::Key => *pending = key(node, raw, keys, self.source, self.problems),
                Pending::Value(key) => pairs.push(Pair { key, value: node }),
                Pending::Skip => {}
            },
        }
    }

    fn count(&mut self, nodes: usize, range: Range) -> Result<(), Fatal> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > MAX_NODES {
            return Err(too_many_nodes(range));
        }
        Ok(())
    }
}

fn check_levels(levels: usize, range: Range) -> Result<(), Fatal> {
    if levels > MAX_LEVELS {
        return Err(Fatal::too_large(range, format!("the file nests deeper than {MAX_LEVELS} levels")));
    }
    Ok(())
}

/// What a node in the place of a key becomes.
fn key(
    node: Node,
    raw: Option<Rc<str>>,
    keys: &mut HashSet<Rc<str>>,
    source: &SourceText,
    problems: &mut Problems,
) -> Pending {
    let Some(text) = raw else {
        let hint = Some("a key is one word, or text in quotes: `key: value`".to_owned());
        problems.error_with_hint(source, node.range, Code::BadValue, "a key must be plain text", hint);
        return Pending::Skip;
    };
    if keys.insert(text.clone()) {
        return Pending::Value(Key { text, range: node.range });
    }
    let message = format!("key `{text}` stands twice in this mapping");
    let hint = Some("remove one of the two".to_owned());
    problems.error_with_hint(source, node.range, Code::DuplicateKey, message, hint);
    Pending::Skip
}

/// A plain key that begins with a blank that is none, or goes on behind one that should have ended it.
fn odd_blank(key: &str, range: Range) -> Result<(), Fatal> {
    let mut before = ':';
    for (index, c) in (0..).zip(key.chars()) {
        if before == ':' && fault::is_odd_blank(c) {
            return Err(fault::odd_blank(Range::point(range.line, range.column.saturating_add(index)), c));
        }
        before = c;
    }
    Ok(())
}

fn too_many_nodes(range: Range) -> Fatal {
    Fatal::too_large(range, format!("the file holds more than {MAX_NODES} nodes after aliases are expanded"))
}

fn range_of(span: Span) -> Range {
    let (line, column) = position(span.start);
    let (end_line, end_column) = position(span.end);
    Range { line, column, end_line, end_column }
}
