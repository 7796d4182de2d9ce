//! JSON → XML.

use super::declaration::Nulls;
use super::pointer::Fault;
use super::rules::{List, Place, Role, Rules};
use super::{Error, MAX_DEPTH, names};
use crate::cloudevents::json::tape::Tape;
use crate::cloudevents::json::value::{Kind, Value};
use crate::cloudevents::reader::shown;
use crate::cloudevents::xml::INSTANCE_NAMESPACE;
use crate::cloudevents::xml::characters::forbidden;
use bytes::Bytes;
use std::borrow::Cow;
use std::collections::HashSet;

/// Entries of an array that no rule names.
pub const ENTRY: &str = "item";

/// Converts a document.
pub fn convert(rules: &Rules, json: &[u8]) -> Result<Bytes, Error> {
    let tape = Tape::read(json, MAX_DEPTH).map_err(|error| Fault::new(error.to_string()))?;
    let mut writer = Writer { rules, tape: &tape, out: String::with_capacity(json.len() * 2 + 128), holds_nil: false };
    writer.element(0, &rules.root, Some(&rules.data))?;
    Ok(writer.finish().into())
}

struct Writer<'w, 't> {
    rules: &'w Rules,
    tape: &'w Tape<'t>,
    out: String,
    /// At least one `xsi:nil` was written.
    holds_nil: bool,
}

/// Members that become elements: names, and places of their values.
type Members<'t> = Vec<(Cow<'t, str>, usize)>;

/// The member that is the text of its element.
#[derive(Default)]
struct Text<'t> {
    name: Cow<'t, str>,
    value: Option<Cow<'t, str>>,
}

impl<'t> Writer<'_, 't> {
    /// Writes a value as an element, or as several where its entries are repeated.
    fn element(&mut self, at: usize, name: &str, place: Option<&Place>) -> Result<(), Fault> {
        let value = self.tape.value(at);
        let list = place.and_then(|place| place.list.as_ref());
        match value.kind {
            Kind::Null => self.null(name, at == 0),
            Kind::Object | Kind::Boolean | Kind::Number | Kind::String { .. } if list.is_some() => {
                return Err(Fault::new(format!("`lists` names it, but it is {}", kind_name(value.kind))));
            }
            Kind::Object => self.object(at, name, place)?,
            Kind::Array => self.array(at, name, place)?,
            Kind::Boolean | Kind::Number | Kind::String { .. } => {
                self.open(name);
                self.out.push('>');
                escape_text(&text(value)?, &mut self.out);
                self.close(name);
            }
        }
        Ok(())
    }

    fn null(&mut self, name: &str, is_root: bool) {
        match self.rules.nulls {
            // A document without a root is none.
            Nulls::Omit if !is_root => {}
            Nulls::Omit | Nulls::Empty => {
                self.open(name);
                self.out.push_str("/>");
            }
            Nulls::Nil => {
                self.open(name);
                self.out.push_str(" xsi:nil=\"true\"/>");
                self.holds_nil = true;
            }
        }
    }

    fn array(&mut self, at: usize, name: &str, place: Option<&Place>) -> Result<(), Fault> {
        let (entry, wrapped) = match place.and_then(|place| place.list.as_ref()) {
            Some(List::Repeated) => (name, false),
            Some(List::Wrapped(entry)) => (entry.as_str(), true),
            None => (ENTRY, true),
        };
        let inside = place.and_then(Place::entry);
        if wrapped {
            self.open(name);
            self.out.push('>');
        }
        for (index, at) in self.tape.entries(at).enumerate() {
            self.element(at, entry, inside).map_err(|fault| fault.in_entry(index))?;
        }
        if wrapped {
            self.close(name);
        }
        Ok(())
    }

    fn object(&mut self, at: usize, name: &str, place: Option<&Place>) -> Result<(), Fault> {
        self.open(name);
        let (members, beside) = self.start_tag(at, place)?;
        self.out.push('>');
        if let Some(value) = &beside.value {
            escape_text(value, &mut self.out);
        }
        let before = self.out.len();
        for (member, at) in members {
            let rules = place.and_then(|place| place.member(&member));
            let written = self.member(&member, at, place, rules);
            written.map_err(|fault| fault.in_member(&member))?;
        }
        if beside.value.is_some() && self.out.len() > before {
            let fault = Fault::new("it is the text of what is around it, but there are elements, too");
            return Err(fault.in_member(&beside.name));
        }
        self.close(name);
        Ok(())
    }

    /// Writes the XML attributes, finds the text, and gives the members that become elements.
    fn start_tag(&mut self, object: usize, place: Option<&Place>) -> Result<(Members<'t>, Text<'t>), Fault> {
        let mut members = Vec::new();
        let mut beside = Text::default();
        let mut seen = Seen::default();
        for (name, at) in self.tape.members(object) {
            let member = name.string().unwrap_or_default();
            if member.is_empty() {
                return Err(Fault::new("a member without a name cannot be written in XML").in_member(""));
            }
            if !seen.add(member.clone()) {
                return Err(Fault::new("the member stands more than once").in_member(&member));
            }
            let rules = place.and_then(|place| place.member(&member));
            let value = self.tape.value(at);
            match rules.map_or(Role::Element, |rules| rules.role) {
                Role::Element => members.push((member, at)),
                Role::Attribute | Role::Text if value.kind == Kind::Null => {}
                Role::Attribute => {
                    let declared = rules.and_then(|rules| rules.name.as_deref());
                    let name = declared.map_or_else(|| names::encode_attribute(&member), Cow::Borrowed);
                    let value = scalar("attributes", value).map_err(|fault| fault.in_member(&member))?;
                    self.attribute(&name, &value);
                }
                Role::Text => {
                    let value = scalar("text", value).map_err(|fault| fault.in_member(&member))?;
                    beside = Text { name: member, value: Some(value) };
                }
            }
        }
        Ok((members, beside))
    }

    /// Writes a member as an element.
    fn member(&mut self, member: &str, at: usize, around: Option<&Place>, rules: Option<&Place>) -> Result<(), Fault> {
        if let Some(name) = rules.and_then(|rules| rules.name.as_deref()) {
            return self.element(at, name, rules);
        }
        let name = names::encode(member);
        match around.and_then(|around| around.by_element(&name)) {
            Some(other) => Err(Fault::new(format!("`names` gives its name in XML to `{}`", shown(other)))),
            None => self.element(at, &name, rules),
        }
    }

    fn attribute(&mut self, name: &str, value: &str) {
        self.out.push(' ');
        self.out.push_str(name);
        self.out.push_str("=\"");
        escape_attribute(value, &mut self.out);
        self.out.push('"');
    }

    /// Begins a start tag.
    fn open(&mut self, name: &str) {
        let is_root = self.out.is_empty();
        self.out.push('<');
        self.name(name);
        if is_root && !self.rules.namespace.is_empty() {
            let declaration = match &self.rules.prefix {
                Some(prefix) => Cow::Owned(format!("xmlns:{prefix}")),
                None => Cow::Borrowed("xmlns"),
            };
            self.attribute(&declaration, &self.rules.namespace);
        }
    }

    fn close(&mut self, name: &str) {
        self.out.push_str("</");
        self.name(name);
        self.out.push('>');
    }

    fn name(&mut self, name: &str) {
        if let Some(prefix) = &self.rules.prefix {
            self.out.push_str(prefix);
            self.out.push(':');
        }
        self.out.push_str(name);
    }

    /// The document. The prefix of `xsi:nil` is declared on the root, and only where it is used.
    fn finish(mut self) -> String {
        if self.holds_nil {
            let behind_name =
                1 + self.rules.prefix.as_ref().map_or(0, |prefix| prefix.len() + 1) + self.rules.root.len();
            self.out.insert_str(behind_name, &format!(" xmlns:xsi=\"{INSTANCE_NAMESPACE}\""));
        }
        self.out
    }
}

/// Names of members that were seen. A few are looked through, many are hashed.
#[derive(Default)]
struct Seen<'t> {
    few: Vec<Cow<'t, str>>,
    many: HashSet<Cow<'t, str>>,
}

impl<'t> Seen<'t> {
    const FEW: usize = 16;

    /// False when the name was seen before.
    fn add(&mut self, name: Cow<'t, str>) -> bool {
        if self.few.contains(&name) || self.many.contains(&name) {
            return false;
        }
        if self.few.len() < Self::FEW {
            self.few.push(name);
        } else {
            self.many.insert(name);
        }
        true
    }
}

/// The text of a value that a rule names as one.
fn scalar<'t>(rule: &str, value: Value<'t>) -> Result<Cow<'t, str>, Fault> {
    match value.kind {
        Kind::Object | Kind::Array => {
            Err(Fault::new(format!("`{rule}` names it, but it is {}", kind_name(value.kind))))
        }
        Kind::Null | Kind::Boolean | Kind::Number | Kind::String { .. } => text(value),
    }
}

/// A scalar as XML holds it. Numbers keep their text.
fn text(value: Value<'_>) -> Result<Cow<'_, str>, Fault> {
    let text = value.string().unwrap_or(Cow::Borrowed(value.raw));
    match forbidden(&text) {
        Some(c) => Err(Fault::new(format!("the character U+{:04X} cannot be written in XML", u32::from(c)))),
        None => Ok(text),
    }
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Null => "null",
        Kind::Boolean => "a boolean",
        Kind::Number => "a number",
        Kind::String { .. } => "a string",
        Kind::Array => "an array",
        Kind::Object => "an object",
    }
}

/// Character data. A carriage return as it is would be read as a line feed.
fn escape_text(text: &str, out: &mut String) {
    escape(text, out, |byte| match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'\r' => Some("&#13;"),
        _ => None,
    });
}

/// The value of an XML attribute, between double quotes. Whitespace other than blanks would be read as blanks.
fn escape_attribute(text: &str, out: &mut String) {
    escape(text, out, |byte| match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'"' => Some("&quot;"),
        b'\t' => Some("&#9;"),
        b'\n' => Some("&#10;"),
        b'\r' => Some("&#13;"),
        _ => None,
    });
}

fn escape(text: &str, out: &mut String, reference: impl Fn(u8) -> Option<&'static str>) {
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        if let Some(reference) = reference(byte) {
            out.push_str(&text[plain..at]);
            out.push_str(reference);
            plain = at + 1;
        }
    }
    out.push_str(&text[plain..]);
}
