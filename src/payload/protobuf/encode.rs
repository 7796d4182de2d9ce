//! ProtoJSON → Protobuf, with every violation on the way. Fields are written in the order of their numbers.

use super::scalar::{self, NULL_VALUE};
use super::well_known::WellKnown;
use super::wire::NESTING;
use crate::cloudevents::Violation;
use crate::cloudevents::json::tape::Tape;
use crate::cloudevents::json::value::{Kind as Json, Value};
use crate::cloudevents::reader::shown;
use crate::payload::report::{Report, found};
use crate::varint;
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor, Syntax};
use std::borrow::Cow;
use std::collections::HashSet;

/// Walks JSON beside a descriptor.
pub struct Encoder<'t> {
    pub(super) tape: &'t Tape<'t>,
    pub(super) out: Vec<u8>,
    pub(super) report: Report<'t>,
    /// Is what was written of entries of arrays and maps kept? Not where the data is only checked: it can be many times
    /// longer than the JSON.
    keeps: bool,
    /// Messages around the value at hand.
    depth: usize,
}

impl<'t> Encoder<'t> {
    /// At the start of a document. `keeps`: its bytes are wanted, not only what is wrong with it.
    pub fn new(tape: &'t Tape<'t>, keeps: bool) -> Encoder<'t> {
        Encoder { tape, out: Vec::new(), report: Report::default(), keeps, depth: 0 }
    }

    /// The message of the whole document.
    pub fn finish(mut self, message: &MessageDescriptor) -> Result<Vec<u8>, Vec<Violation>> {
        self.message(0, message);
        self.report.finish().map(|()| self.out)
    }

    /// Writes the content of a message. False: it does not fit.
    pub(super) fn message(&mut self, at: usize, message: &MessageDescriptor) -> bool {
        self.nested(1, |encoder| match WellKnown::of(message) {
            Some(kind) => encoder.well_known(at, kind, message),
            None => encoder.object(at, message, None),
        })
    }

    /// Writes something inside of more messages.
    pub(super) fn nested(&mut self, messages: usize, write: impl FnOnce(&mut Self) -> bool) -> bool {
        self.depth += messages;
        let fits = if self.depth > NESTING {
            self.report.violation(|| "the nesting is deeper than readers of Protobuf take".to_owned())
        } else {
            write(self)
        };
        self.depth -= messages;
        fits
    }

    /// The members of an object as the fields of a message; `besides` is a member that is none.
    pub(super) fn object(&mut self, at: usize, message: &MessageDescriptor, besides: Option<&str>) -> bool {
        let value = self.tape.value(at);
        if value.kind != Json::Object {
            return self.unexpected(&format!("an object (`{}`)", message.full_name()), value);
        }
        let mut present: Vec<(FieldDescriptor, usize)> = Vec::new();
        let mut good = true;
        for (name, member) in self.tape.members(at) {
            let name = name.string().unwrap_or_default();
            if besides == Some(&*name) {
                continue;
            }
            good &= self.choose(name, member, message, &mut present);
            if !good && self.report.may_stop() {
                return false;
            }
        }
        good &= self.required(message, &present);
        present.sort_by_key(|(field, _)| field.number());
        for (field, member) in &present {
            self.report.enter_member(Cow::Owned(self.spelling(at, *member)));
            good &= self.field(*member, field);
            self.report.leave();
            if !good && self.report.may_stop() {
                return false;
            }
        }
        good
    }

    /// The name of a member as the data spells it.
    fn spelling(&self, object: usize, member: usize) -> String {
        // The name stands in front of its value.
        let name = Some(member - 1).filter(|name| *name > object).map(|name| self.tape.value(name));
        name.and_then(|name| name.string()).unwrap_or_default().into_owned()
    }

    /// Finds the field of a member. Null is absent, except where it is a value.
    fn choose(
        &mut self,
        name: Cow<'t, str>,
        member: usize,
        message: &MessageDescriptor,
        present: &mut Vec<(FieldDescriptor, usize)>,
    ) -> bool {
        let field = message.get_field_by_json_name(&name).or_else(|| message.get_field_by_name(&name));
        let Some(field) = field else {
            let detail = format!("the member `{}` is not allowed", shown(&name));
            return self.report.member_violation(name, || detail);
        };
        if self.tape.value(member).kind == Json::Null && !takes_null(&field) {
            return true;
        }
        if present.iter().any(|(other, _)| *other == field) {
            return self.report.member_violation(name, || "the member stands twice".to_owned());
        }
        if let Some(oneof) = field.containing_oneof()
            && let Some((other, _)) =
                present.iter().find(|(other, _)| other.containing_oneof().as_ref() == Some(&oneof))
        {
            let detail = format!("only one of `{}` and this member may be there", other.json_name());
            return self.report.member_violation(name, || detail);
        }
        present.push((field, member));
        true
    }

    fn required(&mut self, message: &MessageDescriptor, present: &[(FieldDescriptor, usize)]) -> bool {
        if message.parent_file().syntax() == Syntax::Proto3 {
            return true;
        }
        let mut good = true;
        for field in message.fields().filter(FieldDescriptor::is_required) {
            if !present.iter().any(|(other, _)| *other == field) {
                let detail = || format!("the member `{}` is missing", field.json_name());
                good = self.report.member_violation(Cow::Owned(field.json_name().to_owned()), detail);
            }
        }
        good
    }

    fn field(&mut self, at: usize, field: &FieldDescriptor) -> bool {
        if field.is_map() {
            return self.map(at, field);
        }
        if field.is_list() {
            return self.list(at, field);
        }
        let before = self.out.len();
        match self.element(at, field) {
            Some(is_default) => {
                if is_default && !field.supports_presence() {
                    self.out.truncate(before);
                }
                true
            }
            None => false,
        }
    }

    /// Writes one value with its tag. Is it a scalar that is the default of its kind?
    fn element(&mut self, at: usize, field: &FieldDescriptor) -> Option<bool> {
        match field.kind() {
            Kind::Message(message) if field.is_group() => {
                self.tag(field.number(), 3);
                let fits = self.message(at, &message);
                self.tag(field.number(), 4);
                fits.then_some(false)
            }
            Kind::Message(message) => {
                self.length_prefixed(field.number(), |encoder| encoder.message(at, &message)).then_some(false)
            }
            kind => {
                self.tag(field.number(), wire_type(&kind));
                self.scalar(at, &kind)
            }
        }
    }

    /// Writes a scalar without tag, or tells that it does not fit.
    pub(super) fn scalar(&mut self, at: usize, kind: &Kind) -> Option<bool> {
        let value = self.tape.value(at);
        let fits = scalar::encode(value, kind, &mut self.out);
        if fits.is_none() {
            self.unexpected(&scalar::words(kind), value);
        }
        fits
    }

    fn list(&mut self, at: usize, field: &FieldDescriptor) -> bool {
        let value = self.tape.value(at);
        if value.kind != Json::Array {
            return self.unexpected("an array", value);
        }
        if field.is_packed() && self.tape.entries(at).next().is_some() {
            let kind = field.kind();
            return self.length_prefixed(field.number(), |encoder| {
                encoder.entries(at, |encoder, entry| encoder.scalar(entry, &kind).is_some())
            });
        }
        self.entries(at, |encoder, entry| encoder.element(entry, field).is_some())
    }

    /// Each entry of an array with its place; null is no entry unless its type takes it.
    pub(super) fn entries(&mut self, at: usize, mut write: impl FnMut(&mut Self, usize) -> bool) -> bool {
        let mut good = true;
        for (index, entry) in self.tape.entries(at).enumerate() {
            self.report.enter_entry(index);
            let before = self.out.len();
            good &= write(self, entry);
            self.entry_ends(before);
            self.report.leave();
            if !good && self.report.may_stop() {
                return false;
            }
        }
        good
    }

    fn map(&mut self, at: usize, field: &FieldDescriptor) -> bool {
        let value = self.tape.value(at);
        let Kind::Message(entry) = field.kind() else { return false };
        if value.kind != Json::Object {
            return self.unexpected("an object", value);
        }
        let (key, value_field) = (entry.map_entry_key_field().kind(), entry.map_entry_value_field());
        let mut seen = HashSet::new();
        let mut good = true;
        for (name, member) in self.tape.members(at) {
            self.report.enter_member(name.string().unwrap_or_default());
            let before = self.out.len();
            let mut encoded = Vec::new();
            let is_key = match key {
                Kind::Bool => match name.string().as_deref() {
                    Some("true") => scalar::encode(Value { kind: Json::Boolean, raw: "true" }, &key, &mut encoded),
                    Some("false") => scalar::encode(Value { kind: Json::Boolean, raw: "false" }, &key, &mut encoded),
                    _ => None,
                },
                _ => scalar::encode(name, &key, &mut encoded),
            };
            good &= if is_key.is_none() {
                self.report.violation(|| format!("the name of the member is not {}", scalar::words(&key)))
            } else if !seen.insert(encoded.clone()) {
                self.report.violation(|| "the member stands twice".to_owned())
            } else {
                self.length_prefixed(field.number(), |encoder| {
                    encoder.tag(1, wire_type(&key));
                    encoder.out.extend_from_slice(&encoded);
                    encoder.element(member, &value_field).is_some()
                })
            };
            self.entry_ends(before);
            self.report.leave();
            if !good && self.report.may_stop() {
                return false;
            }
        }
        good
    }

    pub(super) fn entry_ends(&mut self, before: usize) {
        if !self.keeps {
            self.out.truncate(before);
        }
    }

    /// Writes something of a length that is known only afterwards.
    pub(super) fn length_prefixed(&mut self, number: u32, write: impl FnOnce(&mut Self) -> bool) -> bool {
        self.tag(number, 2);
        let start = self.out.len();
        let fits = write(self);
        let mut length = Vec::with_capacity(5);
        varint::put((self.out.len() - start) as u64, &mut length);
        self.out.splice(start..start, length);
        fits
    }

    pub(super) fn tag(&mut self, number: u32, wire_type: u8) {
        varint::put(u64::from(number) << 3 | u64::from(wire_type), &mut self.out);
    }

    pub(super) fn unexpected(&mut self, wanted: &str, value: Value<'t>) -> bool {
        self.report.violation(|| format!("expected {wanted}, found {}", found(value)))
    }
}

fn takes_null(field: &FieldDescriptor) -> bool {
    match field.kind() {
        _ if field.is_list() || field.is_map() => false,
        Kind::Message(message) => message.full_name() == "google.protobuf.Value",
        Kind::Enum(of) => of.full_name() == NULL_VALUE,
        _ => false,
    }
}

pub(super) fn wire_type(kind: &Kind) -> u8 {
    match kind {
        Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => 1,
        Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => 5,
        Kind::String | Kind::Bytes | Kind::Message(_) => 2,
        _ => 0,
    }
}
