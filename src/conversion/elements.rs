//! An XML document taken apart: its elements with their attributes and text, in the order of the document.

use super::pointer::Fault;
use super::{MAX_DEPTH, Rules};
use crate::cloudevents::reader::{Bounds, shown};
use crate::cloudevents::xml::characters::is_blank;
use crate::cloudevents::xml::document::{self, Document, Token};
use crate::cloudevents::xml::prolog;
use crate::cloudevents::xml::scope::Space;
use bytes::Bytes;
use bytestring::ByteString;
use std::borrow::Cow;

/// Elements by number; the root is 0. An element that was sent in four bytes takes six times as much.
#[derive(Debug)]
pub struct Elements<'t> {
    document: &'t str,
    nodes: Vec<Node>,
    texts: Vec<Cow<'t, str>>,
    attributes: Vec<(&'t str, Cow<'t, str>)>,
}

/// No element, no text.
const NONE: u32 = u32::MAX;

#[derive(Debug, Clone, Copy)]
struct Node {
    /// Where the name without its prefix begins, and its length.
    name: (u32, u32),
    /// The first element in it, or else the place of its text.
    content: u32,
    /// Where its attributes begin; they end where those of the next one do.
    attributes: u32,
    /// The next one in what is around it.
    next: u32,
    has_children: bool,
    nil: bool,
    fault: Option<Oddity>,
}

/// An element.
#[derive(Debug, Clone, Copy)]
pub struct Element<'e> {
    /// Its name without a prefix.
    pub name: &'e str,
    /// Its text; of an element with elements in it, empty.
    pub text: &'e str,
    /// `xsi:nil` is true.
    pub nil: bool,
    /// Why it cannot be converted.
    pub fault: Option<Oddity>,
    /// There are elements in it.
    pub has_children: bool,
}

/// What no rule can make sense of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Oddity {
    /// Its namespace is not that of the rules.
    Namespace,
    /// An attribute has a namespace.
    Attribute,
    /// `xsi:nil` is neither true nor false.
    Nil,
    /// Text beside elements.
    Mixed,
}

/// What makes the text of an XML document out of bytes.
pub fn text_of(xml: &Bytes) -> Result<ByteString, Fault> {
    prolog::to_text(xml.clone()).map_err(|fault| Fault::new(fault.detail))
}

impl<'t> Elements<'t> {
    /// Takes a document apart.
    pub fn read(text: &'t str, rules: &Rules) -> Result<Elements<'t>, Fault> {
        // A scalar stands one level deeper than what it is in.
        let bounds = Bounds { xml_depth: MAX_DEPTH + 1, ..Bounds::default() };
        let broken = |fault: crate::cloudevents::reader::Fault| Fault::new(fault.detail);
        let mut document = Document::new(text, &bounds).map_err(broken)?;
        let mut elements = Elements::with_room(text)?;
        // Elements that are not closed, with the last one in them.
        let mut open: Vec<(u32, u32)> = Vec::new();
        loop {
            match document.next().map_err(broken)? {
                Token::Start(element) => {
                    let foreign = document.scope().name_of(element.space) != rules.namespace;
                    if open.is_empty() && (foreign || element.local != rules.root) {
                        return Err(other_root(&element, document.scope().name_of(element.space), rules));
                    }
                    let at = elements.start(&document, element.local, open.last_mut());
                    if foreign {
                        elements.node(at).fault = Some(Oddity::Namespace);
                    }
                    open.push((at, NONE));
                }
                Token::Text(text) => {
                    if let Some((at, _)) = open.last() {
                        elements.add_text(*at, text);
                    }
                }
                Token::End => drop(open.pop()),
                Token::Complete => return Ok(elements),
            }
        }
    }

    /// A list that grows would take twice as much.
    fn with_room(document: &'t str) -> Result<Elements<'t>, Fault> {
        // Elements, texts and attributes are counted in 32 bits.
        u32::try_from(document.len()).map_err(|_| Fault::new("the XML is larger than 4 GiB"))?;
        let begins = |pair: &&[u8]| pair[0] == b'<' && !matches!(pair[1], b'/' | b'!' | b'?');
        let most = document.as_bytes().windows(2).filter(begins).count();
        Ok(Elements { document, nodes: Vec::with_capacity(most), texts: Vec::new(), attributes: Vec::new() })
    }

    /// An element by its number.
    pub fn at(&self, at: u32) -> Element<'_> {
        let node = self.nodes[at as usize];
        let (start, length) = (node.name.0 as usize, node.name.1 as usize);
        Element {
            name: &self.document[start..start + length],
            text: self.text(node).map_or("", |text| &**text),
            nil: node.nil,
            fault: node.fault,
            has_children: node.has_children,
        }
    }

    /// Names and values of its attributes.
    pub fn attributes(&self, at: u32) -> &[(&'t str, Cow<'t, str>)] {
        let start = |node: &Node| node.attributes as usize;
        let end = self.nodes.get(at as usize + 1).map_or(self.attributes.len(), start);
        &self.attributes[start(&self.nodes[at as usize])..end]
    }

    fn text(&self, node: Node) -> Option<&Cow<'t, str>> {
        self.texts.get(node.content as usize).filter(|_| !node.has_children)
    }

    /// The elements in it.
    pub fn children(&self, at: u32) -> impl Iterator<Item = u32> {
        let there_is = |at: u32| Some(at).filter(|at| *at != NONE);
        let node = self.nodes[at as usize];
        let first = there_is(node.content).filter(|_| node.has_children);
        std::iter::successors(first, move |at| there_is(self.nodes[*at as usize].next))
    }

    fn node(&mut self, at: u32) -> &mut Node {
        &mut self.nodes[at as usize]
    }

    /// Takes note of an element. `around`: the one it is in, with the one before it.
    fn start(&mut self, document: &Document<'t>, name: &'t str, around: Option<&mut (u32, u32)>) -> u32 {
        let (at, attributes) = (short(self.nodes.len()), short(self.attributes.len()));
        let name = (short(name.as_ptr().addr() - self.document.as_ptr().addr()), short(name.len()));
        let mut node =
            Node { name, content: NONE, attributes, next: NONE, has_children: false, nil: false, fault: None };
        for (space, name, value) in document.attributes() {
            match space {
                Space::NONE => self.attributes.push((name, value.clone())),
                Space::INSTANCE if name == "nil" => match value.trim_matches([' ', '\t', '\n', '\r']) {
                    "true" | "1" => node.nil = true,
                    "false" | "0" => {}
                    _ => node.fault = Some(Oddity::Nil),
                },
                // `xsi:type` and where schemas are: not for us.
                Space::INSTANCE => {}
                _ => node.fault = Some(Oddity::Attribute),
            }
        }
        self.nodes.push(node);
        if let Some((around, last)) = around {
            match std::mem::replace(last, at) {
                NONE => self.first_child(*around, at),
                before => self.node(before).next = at,
            }
        }
        at
    }

    fn add_text(&mut self, at: u32, text: Cow<'t, str>) {
        let node = self.nodes[at as usize];
        if node.has_children {
            self.mixed(at, is_blank(&text));
        } else if let Some(before) = self.texts.get_mut(node.content as usize) {
            before.to_mut().push_str(&text);
        } else if !text.is_empty() {
            self.node(at).content = short(self.texts.len());
            self.texts.push(text);
        }
    }

    /// The first element in another one: text before it is none.
    fn first_child(&mut self, at: u32, first: u32) {
        let node = self.nodes[at as usize];
        let blank = self.text(node).is_none_or(|text| is_blank(text));
        // Nearly always it is the last one.
        if node.content as usize + 1 == self.texts.len() {
            self.texts.pop();
        }
        (self.node(at).content, self.node(at).has_children) = (first, true);
        self.mixed(at, blank);
    }

    fn mixed(&mut self, at: u32, blank: bool) {
        if !blank {
            self.node(at).fault.get_or_insert(Oddity::Mixed);
        }
    }
}

/// Offsets fit: the length of the document does.
fn short(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(NONE)
}

fn other_root(element: &document::Element<'_>, namespace: &str, rules: &Rules) -> Fault {
    let in_namespace = |namespace: &str| match namespace {
        "" => "no namespace".to_owned(),
        namespace => format!("the namespace `{}`", shown(namespace)),
    };
    Fault::new(format!(
        "the rules `{}` are for `{}` in {}, not for `{}` in {}",
        shown(&rules.name),
        rules.root,
        in_namespace(&rules.namespace),
        shown(element.local),
        in_namespace(namespace)
    ))
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_element_costs_no_more_than_promised() {
        assert!(size_of::<super::Node>() <= 24, "{}", size_of::<super::Node>());
    }
}
