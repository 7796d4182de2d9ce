//! Namespaces: what each prefix stands for at a place in a document (Namespaces in XML 1.0, third edition).

use super::{INSTANCE_NAMESPACE, NAMESPACE, SCHEMA_NAMESPACE};
use crate::cloudevents::reader::shown;
use std::borrow::Cow;

/// A namespace; two names are equal if their spaces and local parts are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Space(u32);

impl Space {
    /// Names in no namespace.
    pub const NONE: Space = Space(0);
    /// The CloudEvents format.
    pub const EVENT: Space = Space(1);
    /// XML Schema's `xsi:`.
    pub const INSTANCE: Space = Space(2);
    /// XML Schema.
    pub const SCHEMA: Space = Space(3);
    /// `xml:`.
    pub const XML: Space = Space(4);
    /// `xmlns` itself.
    pub const XMLNS: Space = Space(5);

    /// The namespaces with a number of their own.
    const KNOWN: [(&'static str, Space); 6] = [
        ("", Space::NONE),
        (NAMESPACE, Space::EVENT),
        (INSTANCE_NAMESPACE, Space::INSTANCE),
        (SCHEMA_NAMESPACE, Space::SCHEMA),
        (XML_NAMESPACE, Space::XML),
        (XMLNS_NAMESPACE, Space::XMLNS),
    ];
}

const XML_NAMESPACE: &str = "http://www.w3.org/XML/1998/namespace";
const XMLNS_NAMESPACE: &str = "http://www.w3.org/2000/xmlns/";

/// One declaration that is in force, or hidden by a later one of the same prefix.
#[derive(Debug)]
pub struct Binding<'t> {
    /// Empty for the default namespace.
    pub prefix: &'t str,
    /// The value as it stands in the document, between its quotes.
    pub raw: &'t str,
    /// The namespace.
    pub space: Space,
    name: Cow<'t, str>,
}

/// The declarations of all open elements.
#[derive(Debug)]
pub struct Scope<'t> {
    bindings: Vec<Binding<'t>>,
    /// For each open element: how many bindings there were before it.
    marks: Vec<usize>,
    /// Bindings allowed.
    limit: usize,
    /// The number of the next namespace that is met for the first time.
    next: u32,
}

impl<'t> Scope<'t> {
    /// Outside of the root element; at most `limit` declarations may be in force at a time.
    pub fn new(limit: usize) -> Scope<'t> {
        let next = u32::try_from(Space::KNOWN.len()).unwrap_or(u32::MAX);
        Scope { bindings: Vec::new(), marks: Vec::new(), limit, next }
    }

    /// An element starts; its declarations follow.
    pub fn enter(&mut self) {
        self.marks.push(self.bindings.len());
    }

    /// The element ends and its declarations with it.
    pub fn leave(&mut self) {
        if let Some(mark) = self.marks.pop() {
            self.bindings.truncate(mark);
        }
    }

    /// Takes a declaration of the element that starts: `raw` as it stands there, `name` the namespace.
    pub fn declare(&mut self, prefix: &'t str, raw: &'t str, name: Cow<'t, str>) -> Result<(), String> {
        if self.bindings.len() >= self.limit {
            return Err(format!("more than {} namespaces are declared at one place", self.limit));
        }
        let space = self.space_of(&name);
        let legal = match (prefix, space) {
            ("xml", space) => space == Space::XML,
            ("xmlns", _) | (_, Space::XML | Space::XMLNS) => false,
            ("", _) => true,
            (_, space) => space != Space::NONE,
        };
        if !legal {
            return Err(format!("the prefix `{}` cannot be declared as `{}`", shown(prefix), shown(&name)));
        }
        self.bindings.push(Binding { prefix, raw, space, name });
        Ok(())
    }

    /// What a prefix stands for; the empty one for the default namespace. `None`: it is not declared.
    pub fn resolve(&self, prefix: &str) -> Option<Space> {
        match self.bindings.iter().rev().find(|binding| binding.prefix == prefix) {
            Some(binding) => Some(binding.space),
            None if prefix.is_empty() => Some(Space::NONE),
            None if prefix == "xml" => Some(Space::XML),
            None => None,
        }
    }

    /// The prefixes the innermost element declares itself.
    pub fn own_prefixes(&self) -> impl Iterator<Item = &'t str> {
        let mark = self.marks.last().copied().unwrap_or_default();
        self.bindings[mark..].iter().map(|binding| binding.prefix)
    }

    /// The declarations in force: for each prefix the innermost one.
    pub fn in_force(&self) -> impl Iterator<Item = &Binding<'t>> {
        let hidden = |at: usize, binding: &Binding<'_>| {
            self.bindings[at + 1..].iter().any(|later| later.prefix == binding.prefix)
        };
        self.bindings.iter().enumerate().filter(move |(at, binding)| !hidden(*at, binding)).map(|(_, binding)| binding)
    }

    fn space_of(&mut self, name: &str) -> Space {
        if let Some((_, space)) = Space::KNOWN.iter().find(|(known, _)| *known == name) {
            return *space;
        }
        if let Some(binding) = self.bindings.iter().find(|binding| binding.name == name) {
            return binding.space;
        }
        let space = Space(self.next);
        self.next = self.next.saturating_add(1);
        space
    }
}
