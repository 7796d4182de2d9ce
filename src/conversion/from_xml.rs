//! XML → JSON.

use super::declaration::{Nulls, Scalar};
use super::elements::{self, Elements, Oddity};
use super::expected::{Expected, Kinds};
use super::groups::Groups;
use super::pointer::Fault;
use super::rules::{List, Place, Rules};
use super::to_xml::ENTRY;
use super::{Error, names, scalar};
use crate::cloudevents::reader::shown;
use crate::cloudevents::xml::characters::is_blank;
use bytes::Bytes;
use serde_json::Value;
use std::borrow::Cow;
use std::hash::RandomState;

/// Converts a document.
pub fn convert(rules: &Rules, xml: &Bytes, schema: Option<&Value>) -> Result<Bytes, Error> {
    let text = elements::text_of(xml)?;
    let elements = Elements::read(&text, rules)?;
    let mut writer =
        Writer { rules, elements: &elements, out: String::with_capacity(xml.len()), hasher: RandomState::new() };
    writer.value(&[0], Some(&rules.data), &Expected::of(schema))?;
    Ok(writer.out.into())
}

struct Writer<'w, 't> {
    rules: &'w Rules,
    elements: &'w Elements<'t>,
    out: String,
    hasher: RandomState,
}

impl<'w> Writer<'w, '_> {
    /// Writes what the elements of one name come to.
    fn value(&mut self, group: &[u32], place: Option<&'w Place>, expected: &Expected<'_>) -> Result<(), Fault> {
        match place.and_then(|place| place.list.as_ref()) {
            Some(List::Repeated) => return self.array(group, place, expected),
            Some(List::Wrapped(entry)) => return self.wrapped(group, entry, place, expected),
            None => {}
        }
        let kinds = expected.kinds();
        // A schema that names no types says nothing about arrays.
        if kinds != Kinds::ALL && kinds.has(Kinds::ARRAY) {
            if self.is_wrapper(group, kinds) {
                return self.wrapped(group, ENTRY, place, expected);
            }
            if !kinds.has(Kinds::OBJECT) && !kinds.has(Kinds::STRING) && !self.is_nil(group) {
                return self.array(group, place, expected);
            }
        }
        match group {
            [only] => self.element(*only, place, expected, kinds),
            several => self.entries(several.iter().map(std::slice::from_ref), |writer, entry| {
                writer.element(entry[0], place, expected, kinds)
            }),
        }
    }

    /// Repeated elements as the entries of an array.
    fn array(&mut self, group: &[u32], place: Option<&'w Place>, expected: &Expected<'_>) -> Result<(), Fault> {
        let inside = place.and_then(Place::entry);
        let mut index = 0;
        let mut entry = |writer: &mut Self, entry: &[u32]| {
            let expected = expected.entry(index);
            index += 1;
            writer.value(entry, inside, &expected)
        };
        if inside.is_some_and(|inside| inside.list == Some(List::Repeated)) {
            // Arrays in arrays ran together.
            return self.entries(std::iter::once(group).filter(|group| !group.is_empty()), entry);
        }
        self.entries(group.iter().map(std::slice::from_ref), &mut entry)
    }

    /// Elements around entries, as one array.
    fn wrapped(
        &mut self,
        group: &[u32],
        entry: &str,
        place: Option<&'w Place>,
        expected: &Expected<'_>,
    ) -> Result<(), Fault> {
        if self.is_nil(group) {
            return self.nil(group[0]);
        }
        let mut entries = Vec::new();
        for at in group {
            self.check(*at)?;
            let element = self.elements.at(*at);
            let other = self.elements.children(*at).find(|child| self.elements.at(*child).name != entry);
            if let Some(other) = other {
                let name = shown(self.elements.at(other).name);
                return Err(Fault::new(format!("an array holds `{entry}` elements, not `{name}`")));
            }
            if !self.elements.attributes(*at).is_empty() || !is_blank(element.text) || element.nil {
                return Err(Fault::new(format!("an array holds `{entry}` elements, and no text or XML attributes")));
            }
            entries.extend(self.elements.children(*at));
        }
        self.array(&entries, place, expected)
    }

    fn entries<'g>(
        &mut self,
        entries: impl Iterator<Item = &'g [u32]>,
        mut write: impl FnMut(&mut Self, &'g [u32]) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.out.push('[');
        for (index, entry) in entries.enumerate() {
            if index > 0 {
                self.out.push(',');
            }
            write(self, entry).map_err(|fault| fault.in_entry(index))?;
        }
        self.out.push(']');
        Ok(())
    }

    /// One element that is no array.
    fn element(
        &mut self,
        at: u32,
        place: Option<&'w Place>,
        expected: &Expected<'_>,
        kinds: Kinds,
    ) -> Result<(), Fault> {
        self.check(at)?;
        let element = self.elements.at(at);
        if element.nil {
            return self.nil(at);
        }
        let declared = place.and_then(|place| place.scalar);
        let is_object = element.has_children || !self.elements.attributes(at).is_empty();
        if is_object && declared.is_some() {
            return Err(Fault::new("`types` says what it is, but there are elements or XML attributes in it"));
        }
        let only_object = kinds.has(Kinds::OBJECT) && !kinds.has(Kinds::STRING);
        if is_object || place.and_then(Place::text).is_some() || only_object && is_blank(element.text) {
            return self.object(at, place, expected);
        }
        self.scalar(element.text, declared, kinds)
    }

    fn object(&mut self, at: u32, place: Option<&'w Place>, expected: &Expected<'_>) -> Result<(), Fault> {
        let own = self.texts(at, place)?;
        self.out.push('{');
        for (index, (name, text)) in own.iter().enumerate() {
            self.member(index == 0, name);
            let scalar = place.and_then(|place| place.member(name)?.scalar);
            let written = self.scalar(text, scalar, expected.member(name).kinds());
            written.map_err(|fault| fault.in_member(name))?;
        }
        let mut children = Vec::with_capacity(self.elements.children(at).count());
        children.extend(self.elements.children(at));
        let elements = self.elements;
        let groups = Groups::of(children, &self.hasher, |child| member_of(elements, child, place));
        for (index, group) in groups.iter().enumerate() {
            let name = member_of(elements, group[0], place);
            if own.iter().any(|(other, _)| *other == name) {
                let fault = Fault::new("it stands there as an element and as an XML attribute or text");
                return Err(fault.in_member(&name));
            }
            self.member(index == 0 && own.is_empty(), &name);
            let written = self.value(&group, place.and_then(|place| place.member(&name)), &expected.member(&name));
            written.map_err(|fault| fault.in_member(&name))?;
        }
        self.out.push('}');
        Ok(())
    }

    fn member(&mut self, first: bool, name: &str) {
        if !first {
            self.out.push(',');
        }
        self.out.push_str(&scalar::quoted(name));
        self.out.push(':');
    }

    /// The members that are XML attributes or the text.
    fn texts(&self, at: u32, place: Option<&'w Place>) -> Result<Vec<(Cow<'w, str>, &'w str)>, Fault> {
        let mut texts: Vec<(Cow<'w, str>, &'w str)> = Vec::new();
        let mut once = |name: Cow<'w, str>, text| {
            if texts.iter().any(|(other, _)| *other == name) {
                return Err(Fault::new("two XML attributes stand for this member").in_member(&name));
            }
            texts.push((name, text));
            Ok(())
        };
        for (name, value) in self.elements.attributes(at) {
            let member = place.and_then(|place| place.by_attribute(name));
            once(member.map_or_else(|| names::decode(name), Cow::Borrowed), value)?;
        }
        let element = self.elements.at(at);
        match place.and_then(Place::text) {
            // Elements take the place of text.
            Some(_) if element.has_children => {}
            Some(name) => {
                let is_string = place.and_then(|place| place.member(name)?.scalar).is_none_or(|s| s == Scalar::String);
                if is_string || !element.text.is_empty() {
                    once(Cow::Borrowed(name), element.text)?;
                }
            }
            None if is_blank(element.text) => {}
            None => return Err(Fault::new("text stands beside XML attributes, and `text` names no member for it")),
        }
        Ok(texts)
    }

    fn scalar(&mut self, text: &str, declared: Option<Scalar>, kinds: Kinds) -> Result<(), Fault> {
        let Some(declared) = declared else {
            self.out.push_str(&scalar::expected(text, kinds));
            return Ok(());
        };
        match scalar::declared(text, declared) {
            Some(value) => self.out.push_str(&value),
            None if text.is_empty() && self.rules.nulls == Nulls::Empty => self.out.push_str("null"),
            // The check against the schema tells more.
            None if kinds != Kinds::ALL && !kinds.has(Kinds::STRING) => self.out.push_str(&scalar::quoted(text)),
            None => {
                let wanted = match declared {
                    Scalar::String => "a string",
                    Scalar::Number => "a number",
                    Scalar::Integer => "a whole number",
                    Scalar::Boolean => "`true` or `false`",
                };
                return Err(Fault::new(format!("`types` asks for {wanted}, not `{}`", shown(text))));
            }
        }
        Ok(())
    }

    /// Do these elements hold `<item>` and nothing else, as arrays do that no rule names? Empty ones count where nothing
    /// else could be meant.
    fn is_wrapper(&self, group: &[u32], kinds: Kinds) -> bool {
        group.iter().all(|at| {
            let element = self.elements.at(*at);
            let empty = !element.has_children && is_blank(element.text);
            let is_entry = |child: u32| self.elements.at(child).name == ENTRY;
            !element.nil
                && self.elements.attributes(*at).is_empty()
                && if empty { !kinds.has(Kinds::STRING) } else { element.has_children }
                && self.elements.children(*at).all(is_entry)
        })
    }

    fn is_nil(&self, group: &[u32]) -> bool {
        matches!(group, [only] if self.elements.at(*only).nil)
    }

    fn nil(&mut self, at: u32) -> Result<(), Fault> {
        self.check(at)?;
        let element = self.elements.at(at);
        let holds_more = element.has_children || !element.text.is_empty();
        if holds_more || !self.elements.attributes(at).is_empty() {
            return Err(Fault::new("`xsi:nil` says there is nothing, but there is something"));
        }
        self.out.push_str("null");
        Ok(())
    }

    fn check(&self, at: u32) -> Result<(), Fault> {
        let Some(oddity) = self.elements.at(at).fault else { return Ok(()) };
        let namespace = match self.rules.namespace.as_str() {
            "" => "in no namespace".to_owned(),
            namespace => format!("in the namespace `{}`", shown(namespace)),
        };
        Err(Fault::new(match oddity {
            Oddity::Namespace => format!("the element is not {namespace}, as the rules ask"),
            Oddity::Attribute => "an XML attribute with a namespace stands for no member".to_owned(),
            Oddity::Nil => "`xsi:nil` is neither `true` nor `false`".to_owned(),
            Oddity::Mixed => "text stands beside elements".to_owned(),
        }))
    }
}

/// The member an element stands for.
fn member_of<'w>(elements: &'w Elements<'_>, element: u32, place: Option<&'w Place>) -> Cow<'w, str> {
    let name = elements.at(element).name;
    place.and_then(|place| place.by_element(name)).map_or_else(|| names::decode(name), Cow::Borrowed)
}
