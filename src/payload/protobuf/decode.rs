//! Protobuf → ProtoJSON. Of a message only the places of its fields are kept, eight bytes each, so that memory stays in
//! proportion to the data; messages that come in several parts are read as if the parts stood behind each other.

use super::scalar;
use super::well_known::WellKnown;
use super::wire::{self, Content, Fields};
use crate::cloudevents::json;
use crate::payload::LONGEST_OUTPUT;
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use std::collections::HashMap;

/// Why a message has no JSON form.
pub type Fault = String;

/// Writes the JSON form of bytes that [`wire::check`] has found to be a message.
pub struct Decoder<'d> {
    pub(super) bytes: &'d [u8],
    pub(super) out: String,
    depth: usize,
}

/// Where a field stands in the data.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) number: u32,
    start: u32,
}

impl Place {
    /// Later places are larger.
    pub(super) fn start(self) -> u32 {
        self.start
    }
}

impl<'d> Decoder<'d> {
    /// Of a whole document.
    pub fn new(bytes: &'d [u8]) -> Decoder<'d> {
        Decoder { bytes, out: String::new(), depth: 0 }
    }

    /// The JSON text.
    pub fn finish(mut self, message: &MessageDescriptor) -> Result<String, Fault> {
        wire::check(message, self.bytes, 0)?;
        u32::try_from(self.bytes.len()).map_err(|_| "it is larger than 4 GiB".to_owned())?;
        self.message(message, &[self.bytes])?;
        Ok(self.out)
    }

    /// Writes a message given by its parts.
    pub(super) fn message(&mut self, message: &MessageDescriptor, parts: &[&'d [u8]]) -> Result<(), Fault> {
        self.not_too_long()?;
        self.depth += 1;
        if self.depth > wire::NESTING {
            return Err("the nesting is too deep".to_owned());
        }
        if let Some(kind) = WellKnown::of(message) {
            self.well_known(kind, message, parts)?;
        } else {
            self.out.push('{');
            self.members(message, parts, true)?;
            self.out.push('}');
        }
        self.depth -= 1;
        Ok(())
    }

    /// Writes the fields of a message as members; `first`: no member stands before them.
    pub(super) fn members(
        &mut self,
        message: &MessageDescriptor,
        parts: &[&'d [u8]],
        mut first: bool,
    ) -> Result<(), Fault> {
        let places = self.places(message, parts)?;
        for group in places.chunk_by(|a, b| a.number == b.number) {
            let Some(field) = group.first().and_then(|place| message.get_field(place.number)) else { continue };
            let group = of_oneof(&field, group, &places);
            let before = self.out.len();
            if !first {
                self.out.push(',');
            }
            json::quote(field.json_name(), &mut self.out);
            self.out.push(':');
            if self.field(&field, group)? {
                first = false;
            } else {
                self.out.truncate(before);
            }
        }
        Ok(())
    }

    /// The places of known fields, by number, and of each in the order of the data.
    pub(super) fn places(&self, message: &MessageDescriptor, parts: &[&'d [u8]]) -> Result<Vec<Place>, Fault> {
        let mut places = Vec::new();
        for part in parts {
            let mut fields = Fields { rest: part };
            loop {
                let start = fields.rest.as_ptr().addr() - self.bytes.as_ptr().addr();
                let Some((number, _)) = fields.next()? else { break };
                if message.get_field(number).is_some() {
                    places.push(Place { number, start: u32::try_from(start).unwrap_or(u32::MAX) });
                }
            }
        }
        places.sort_by_key(|place| place.number);
        Ok(places)
    }

    pub(super) fn content(&self, place: Place) -> Result<Content<'d>, Fault> {
        let mut fields = Fields { rest: &self.bytes[place.start as usize..] };
        fields.next()?.map(|(_, content)| content).ok_or_else(|| "the data ends too early".to_owned())
    }

    /// Writes the value of a field; false: it is left out.
    fn field(&mut self, field: &FieldDescriptor, places: &[Place]) -> Result<bool, Fault> {
        let Some(last) = places.last() else { return Ok(false) };
        if field.is_map() {
            return self.map(field, places).map(|()| true);
        }
        if field.is_list() {
            return self.list(field, places);
        }
        match field.kind() {
            Kind::Message(message) => {
                let parts = places.iter().map(|place| self.content(*place).map(inside));
                let parts = parts.collect::<Result<Vec<_>, _>>()?;
                self.message(&message, &parts)?;
                Ok(true)
            }
            kind => {
                let content = self.content(*last)?;
                if !field.supports_presence() && scalar::is_default(content) {
                    return Ok(false);
                }
                scalar::write(content, &kind, &mut self.out);
                Ok(true)
            }
        }
    }

    fn list(&mut self, field: &FieldDescriptor, places: &[Place]) -> Result<bool, Fault> {
        let kind = field.kind();
        let is_text = matches!(kind, Kind::String | Kind::Bytes);
        self.out.push('[');
        let mut first = true;
        for place in places {
            let content = self.content(*place)?;
            match (&kind, content) {
                (Kind::Message(message), content) => {
                    self.comma(&mut first)?;
                    self.message(message, &[inside(content)])?;
                }
                (kind, Content::Bytes(bytes)) if !is_text => {
                    let mut packed = Fields { rest: bytes };
                    while !packed.rest.is_empty() {
                        self.comma(&mut first)?;
                        scalar::write(wire::next_packed(kind, &mut packed)?, kind, &mut self.out);
                    }
                }
                (kind, content) => {
                    self.comma(&mut first)?;
                    scalar::write(content, kind, &mut self.out);
                }
            }
        }
        self.out.push(']');
        // An empty packed field is an empty list, which is left out.
        Ok(!first)
    }

    fn map(&mut self, field: &FieldDescriptor, places: &[Place]) -> Result<(), Fault> {
        let Kind::Message(entry) = field.kind() else { return Err("a map is no message".to_owned()) };
        let key_kind = entry.map_entry_key_field().kind();
        // Of entries with the same key the last one counts, in the place of the first.
        let mut order: Vec<(String, Place)> = Vec::new();
        let mut known: HashMap<String, usize> = HashMap::new();
        for place in places {
            let inside = inside(self.content(*place)?);
            let keys = self.places(&entry, &[inside])?;
            let key = keys.iter().rfind(|place| place.number == 1).map(|place| self.content(*place)).transpose()?;
            let key = map_key(key, &key_kind);
            let next = order.len();
            match *known.entry(key.clone()).or_insert(next) {
                index if index == next => order.push((key, *place)),
                index => order[index].1 = *place,
            }
        }
        self.out.push('{');
        let mut first = true;
        for (key, place) in order {
            self.comma(&mut first)?;
            self.out.push_str(&key);
            self.out.push(':');
            let inside = inside(self.content(place)?);
            let places = self.places(&entry, &[inside])?;
            let values: Vec<Place> = places.into_iter().filter(|place| place.number == 2).collect();
            self.map_value(&entry.map_entry_value_field().kind(), &values)?;
        }
        self.out.push('}');
        Ok(())
    }

    fn map_value(&mut self, kind: &Kind, places: &[Place]) -> Result<(), Fault> {
        let contents = places.iter().map(|place| self.content(*place)).collect::<Result<Vec<_>, _>>()?;
        match kind {
            Kind::Message(message) => {
                let parts: Vec<&[u8]> = contents.into_iter().map(inside).collect();
                self.message(message, &parts)
            }
            kind => {
                scalar::write(contents.last().copied().unwrap_or(zero(kind)), kind, &mut self.out);
                Ok(())
            }
        }
    }

    /// Before each value of several. One of two bytes may be the long name of an enum's value.
    pub(super) fn comma(&mut self, first: &mut bool) -> Result<(), Fault> {
        if !std::mem::take(first) {
            self.out.push(',');
        }
        self.not_too_long()
    }

    fn not_too_long(&self) -> Result<(), Fault> {
        if self.out.len() > LONGEST_OUTPUT { Err("its JSON form is too long".to_owned()) } else { Ok(()) }
    }
}

/// Of a field in a oneof only what came after any other field of it counts.
fn of_oneof<'p>(field: &FieldDescriptor, group: &'p [Place], all: &[Place]) -> &'p [Place] {
    let Some(oneof) = field.containing_oneof().filter(|oneof| oneof.fields().len() > 1) else { return group };
    let others = oneof.fields().filter(|other| other != field).map(|other| other.number());
    let others: Vec<u32> = others.collect();
    let last = all.iter().filter(|place| others.contains(&place.number)).map(|place| place.start).max();
    let from = group.iter().position(|place| last.is_none_or(|last| place.start > last));
    from.map_or(&[], |from| &group[from..])
}

pub(super) fn inside(content: Content<'_>) -> &[u8] {
    match content {
        Content::Bytes(bytes) | Content::Group(bytes) => bytes,
        Content::Varint(_) | Content::Fixed64(_) | Content::Fixed32(_) => &[],
    }
}

/// What stands for a value that is not there.
pub(super) fn zero(kind: &Kind) -> Content<'static> {
    match kind {
        Kind::String | Kind::Bytes | Kind::Message(_) => Content::Bytes(&[]),
        Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => Content::Fixed64(0),
        Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => Content::Fixed32(0),
        _ => Content::Varint(0),
    }
}

/// The name of a member, in quotes.
fn map_key(content: Option<Content<'_>>, kind: &Kind) -> String {
    let mut key = String::new();
    scalar::write(content.unwrap_or(zero(kind)), kind, &mut key);
    if key.starts_with('"') { key } else { format!("\"{key}\"") }
}
