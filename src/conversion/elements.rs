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

/// Elements by number; the root is 0.
#[derive(Debug, Default)]
pub struct Elements<'t> {
    elements: Vec<Element<'t>>,
    attributes: Vec<(&'t str, Cow<'t, str>)>,
}

/// An element.
#[derive(Debug, Default)]
pub struct Element<'t> {
    /// Its name without a prefix.
    pub name: &'t str,
    /// Its text; of an element with elements in it, empty.
    pub text: Cow<'t, str>,
    /// `xsi:nil` is true.
    pub nil: bool,
    /// Why it cannot be converted.
    pub fault: Option<Oddity>,
    /// Where its attributes are.
    attributes: std::ops::Range<usize>,
    first: Option<usize>,
    last: Option<usize>,
    next: Option<usize>,
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
        let mut elements = Elements::default();
        let mut open = Vec::new();
        loop {
            match document.next().map_err(broken)? {
                Token::Start(element) => {
                    let foreign = document.scope().name_of(element.space) != rules.namespace;
                    if open.is_empty() && (foreign || element.local != rules.root) {
                        return Err(other_root(&element, document.scope().name_of(element.space), rules));
                    }
                    let at = elements.start(&document, element.local, open.last().copied());
                    if foreign {
                        elements.elements[at].fault = Some(Oddity::Namespace);
                    }
                    open.push(at);
                }
                Token::Text(text) => {
                    if let Some(at) = open.last() {
                        elements.elements[*at].add_text(text);
                    }
                }
                Token::End => drop(open.pop()),
                Token::Complete => return Ok(elements),
            }
        }
    }

    /// An element by its number.
    pub fn at(&self, at: usize) -> &Element<'t> {
        &self.elements[at]
    }

    /// Names and values of its attributes.
    pub fn attributes(&self, at: usize) -> &[(&'t str, Cow<'t, str>)] {
        &self.attributes[self.elements[at].attributes.clone()]
    }

    /// The elements in it.
    pub fn children(&self, at: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(self.elements[at].first, |at| self.elements[*at].next)
    }

    fn start(&mut self, document: &Document<'t>, name: &'t str, around: Option<usize>) -> usize {
        let at = self.elements.len();
        let from = self.attributes.len();
        let mut element = Element { name, ..Element::default() };
        for (space, name, value) in document.attributes() {
            match space {
                Space::NONE => self.attributes.push((name, value.clone())),
                Space::INSTANCE if name == "nil" => match value.trim_matches([' ', '\t', '\n', '\r']) {
                    "true" | "1" => element.nil = true,
                    "false" | "0" => {}
                    _ => element.fault = Some(Oddity::Nil),
                },
                // `xsi:type` and where schemas are: not for us.
                Space::INSTANCE => {}
                _ => element.fault = Some(Oddity::Attribute),
            }
        }
        element.attributes = from..self.attributes.len();
        self.elements.push(element);
        if let Some(around) = around {
            let before = self.elements[around].start_child(at);
            if let Some(before) = before {
                self.elements[before].next = Some(at);
            }
        }
        at
    }
}

impl<'t> Element<'t> {
    /// True when there are elements in it.
    pub fn has_children(&self) -> bool {
        self.first.is_some()
    }

    fn add_text(&mut self, text: Cow<'t, str>) {
        if self.has_children() {
            self.mixed(is_blank(&text));
        } else if self.text.is_empty() {
            self.text = text;
        } else {
            self.text.to_mut().push_str(&text);
        }
    }

    /// Takes note of an element in it; gives the one before.
    fn start_child(&mut self, at: usize) -> Option<usize> {
        let text = std::mem::take(&mut self.text);
        self.mixed(is_blank(&text));
        self.first.get_or_insert(at);
        self.last.replace(at)
    }

    fn mixed(&mut self, blank: bool) {
        if !blank {
            self.fault.get_or_insert(Oddity::Mixed);
        }
    }
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
