//! JSON → datum (Avro 1.12, "Binary Encoding"), by the JSON reading of formats.md §5, with every violation on the way.

use super::scalar;
use super::schema::{Decimal, Enum, Field, Fixed, Kind, Meaning, Record, Type, TypeId};
use crate::cloudevents::json::tape::Tape;
use crate::cloudevents::json::value::{Kind as Json, Value};
use crate::cloudevents::reader::shown;
use crate::payload::report::{Report, found};
use crate::payload::{LONGEST_OUTPUT, number};
use crate::varint;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;
use std::collections::HashSet;

/// Values that may be looked at for each one there is: branches of unions can be tried again and again.
const VISITS_PER_VALUE: usize = 16;
const VISITS: usize = 10_000;

/// Defaults that may stand in each other.
const DEFAULTS: usize = 32;

/// How JSON is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// Data of events.
    Data,
    /// Defaults in a schema: bytes as the characters U+0000–00FF, dates and times as numbers. How many stand around.
    Default(usize),
}

/// Walks JSON beside a schema.
pub struct Encoder<'s, 't> {
    types: &'s [Type],
    tape: &'t Tape<'t>,
    reading: Reading,
    /// The datum so far; `None`: only what is wrong is asked for.
    out: Option<Vec<u8>>,
    report: Report<'t>,
    visits: usize,
}

impl<'s, 't> Encoder<'s, 't> {
    /// With `writes` for the datum, without it to check only.
    pub fn new(types: &'s [Type], tape: &'t Tape<'t>, reading: Reading, writes: bool) -> Encoder<'s, 't> {
        let visits = VISITS + tape.len() * VISITS_PER_VALUE;
        Encoder { types, tape, reading, out: writes.then(Vec::new), report: Report::default(), visits }
    }

    /// The datum of the whole document; empty when it was not asked for.
    pub fn finish(mut self, root: TypeId) -> Result<Vec<u8>, Vec<crate::cloudevents::Violation>> {
        self.value(0, root);
        let spent = self.visits == 0;
        let long = self.out.as_ref().is_some_and(|out| out.len() > LONGEST_OUTPUT);
        if spent || long {
            let why = if spent { "checking it against its schema takes too long" } else { "its datum is too long" };
            return Err(vec![crate::cloudevents::Violation::new("", why)]);
        }
        self.report.finish()?;
        Ok(self.out.unwrap_or_default())
    }

    /// Writes a value. False: it does not fit.
    fn value(&mut self, at: usize, ty: TypeId) -> bool {
        self.visits = self.visits.saturating_sub(1);
        if self.visits == 0 || self.out.as_ref().is_some_and(|out| out.len() > LONGEST_OUTPUT) {
            return false;
        }
        let types = self.types;
        let value = self.tape.value(at);
        match (&types[ty].kind, value.kind) {
            (Kind::Union(branches), _) => self.union(at, branches),
            (Kind::Array(items), Json::Array) => self.array(at, *items),
            (Kind::Map(values), Json::Object) => self.map(at, *values),
            (Kind::Record(record), Json::Object) => self.record(at, record),
            (kind, _) => {
                let fits = self.scalar(value, kind).is_some();
                fits || self.report.violation(|| format!("expected {}, found {}", kind.words(), found(value)))
            }
        }
    }

    fn scalar(&mut self, value: Value<'t>, kind: &Kind) -> Option<()> {
        let data = self.reading == Reading::Data;
        match (kind, value.kind) {
            (Kind::Null, Json::Null) => {}
            (Kind::Boolean, Json::Boolean) => self.push(&[u8::from(value.raw == "true")]),
            (Kind::Int(_), Json::Number) => {
                self.long(number::between(value.raw, i32::MIN.into(), i32::MAX.into()).ok()?)?;
            }
            (Kind::Long(_), Json::Number) => {
                self.long(number::between(value.raw, i64::MIN.into(), i64::MAX.into()).ok()?)?;
            }
            (Kind::Int(Some(time)) | Kind::Long(Some(time)), Json::String { .. }) if data => {
                self.long(scalar::time_number(*time, &value.string()?)?.into())?;
            }
            (Kind::Float, Json::Number) => self.push(&number::single(value.raw)?.to_le_bytes()),
            (Kind::Double, Json::Number) => self.push(&number::double(value.raw)?.to_le_bytes()),
            (Kind::String { uuid }, Json::String { .. }) => {
                let text = value.string()?;
                if *uuid && data {
                    scalar::uuid_bytes(&text)?;
                }
                self.bytes(text.as_bytes());
            }
            (Kind::Bytes(Some(decimal)), Json::String { .. }) if data => {
                self.bytes(&scalar::decimal_bytes(*decimal, &value.string()?)?);
            }
            (Kind::Bytes(_), Json::String { .. }) => {
                let bytes = self.binary(&value.string()?)?;
                self.bytes(&bytes);
            }
            (Kind::Fixed(fixed), Json::String { .. }) => {
                let bytes = self.fixed(fixed, &value.string()?)?;
                self.push(&bytes);
            }
            (Kind::Enum(of), Json::String { .. }) => self.long(symbol(of, &value.string()?)?)?,
            _ => return None,
        }
        Some(())
    }

    fn binary(&self, text: &str) -> Option<Vec<u8>> {
        match self.reading {
            Reading::Data => STANDARD.decode(text).ok(),
            Reading::Default(_) => text.chars().map(|c| u8::try_from(c).ok()).collect(),
        }
    }

    fn fixed(&self, fixed: &Fixed, text: &str) -> Option<Vec<u8>> {
        let bytes = match fixed.meaning {
            Meaning::Decimal(decimal) if self.reading == Reading::Data => extended(decimal, fixed.size, text)?,
            Meaning::Uuid if self.reading == Reading::Data => scalar::uuid_bytes(text)?.to_vec(),
            _ => self.binary(text)?,
        };
        (bytes.len() == fixed.size).then_some(bytes)
    }

    /// The first branch that fits. Where the kind of the value leaves one branch only, what is wrong in it is told.
    fn union(&mut self, at: usize, branches: &'s [TypeId]) -> bool {
        let value = self.tape.value(at);
        let types = self.types;
        let could_be = |(_, branch): &(usize, &TypeId)| could_be(value.kind, &types[**branch].kind);
        let candidates: Vec<(usize, &TypeId)> = branches.iter().enumerate().filter(could_be).collect();
        if let [(index, branch)] = candidates[..] {
            return self.long(index as i128).is_some() && self.value(at, *branch);
        }
        let before = self.out.as_ref().map_or(0, Vec::len);
        for (index, branch) in &candidates {
            self.report.begin_attempt();
            let fits = self.long(*index as i128).is_some() && self.value(at, **branch);
            self.report.end_attempt();
            if fits {
                return true;
            }
            if let Some(out) = &mut self.out {
                out.truncate(before);
            }
        }
        self.report.violation(|| {
            let words: Vec<String> = branches.iter().map(|branch| types[*branch].kind.words()).collect();
            format!("expected {}, found {}", words.join(", or "), found(value))
        })
    }

    fn array(&mut self, at: usize, items: TypeId) -> bool {
        let tape = self.tape;
        let mut good = self.block(tape.entries(at).count());
        for (index, entry) in tape.entries(at).enumerate() {
            self.report.enter_entry(index);
            good &= self.value(entry, items);
            self.report.leave();
            if !good && self.report.may_stop() {
                return false;
            }
        }
        self.push(&[0]);
        good
    }

    fn map(&mut self, at: usize, values: TypeId) -> bool {
        let tape = self.tape;
        let mut seen = HashSet::new();
        let mut good = self.block(tape.members(at).count());
        for (name, member) in tape.members(at) {
            let name = name.string().unwrap_or_default();
            self.bytes(name.as_bytes());
            self.report.enter_member(name.clone());
            good &= self.value(member, values);
            if !seen.insert(name) {
                good = self.report.violation(|| "the member stands twice".to_owned());
            }
            self.report.leave();
            if !good && self.report.may_stop() {
                return false;
            }
        }
        self.push(&[0]);
        good
    }

    fn record(&mut self, at: usize, record: &'s Record) -> bool {
        let tape = self.tape;
        let mut places: Vec<Option<usize>> = vec![None; record.fields.len()];
        let mut good = true;
        for (name, member) in tape.members(at) {
            let name = name.string().unwrap_or_default();
            match record.by_name.get(&*name).and_then(|index| places.get_mut(*index)) {
                Some(place @ None) => *place = Some(member),
                Some(Some(_)) => good = self.report.member_violation(name, || "the member stands twice".to_owned()),
                None => {
                    let detail = format!("the member `{}` is not allowed", shown(&name));
                    good = self.report.member_violation(name, || detail);
                }
            }
            if !good && self.report.may_stop() {
                return false;
            }
        }
        for (field, place) in record.fields.iter().zip(places) {
            good &= match place {
                Some(member) => {
                    self.report.enter_member(Cow::Owned(field.name.clone()));
                    let fits = self.value(member, field.ty);
                    self.report.leave();
                    fits
                }
                None => self.missing(field),
            };
            if !good && self.report.may_stop() {
                return false;
            }
        }
        good
    }

    /// The default of a field, or a violation at its own pointer.
    fn missing(&mut self, field: &Field) -> bool {
        let nested = match (&field.default, self.reading) {
            (Some(default), Reading::Data) => {
                self.push(&default.datum);
                return true;
            }
            (Some(default), Reading::Default(depth)) if depth < DEFAULTS => {
                datum_of_default(self.types, &default.text, field.ty, depth + 1)
            }
            _ => None,
        };
        if let Some(datum) = nested {
            self.push(&datum);
            return true;
        }
        let detail = || format!("the member `{}` is missing", field.name);
        self.report.member_violation(Cow::Owned(field.name.clone()), detail)
    }

    fn block(&mut self, count: usize) -> bool {
        count == 0 || self.long(count as i128).is_some()
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.long(bytes.len() as i128);
        self.push(bytes);
    }

    /// Zigzag, seven bits a byte.
    fn long(&mut self, value: i128) -> Option<()> {
        let value = i64::try_from(value).ok()?;
        if let Some(out) = &mut self.out {
            varint::put_signed(value, out);
        }
        Some(())
    }

    fn push(&mut self, bytes: &[u8]) {
        if let Some(out) = &mut self.out {
            out.extend_from_slice(bytes);
        }
    }
}

/// The datum of a default as a schema writes it; `None` if it does not fit its type.
fn datum_of_default(types: &[Type], text: &str, ty: TypeId, depth: usize) -> Option<Vec<u8>> {
    let tape = Tape::read(text.as_bytes(), crate::payload::MAX_DEPTH).ok()?;
    Encoder::new(types, &tape, Reading::Default(depth), true).finish(ty).ok()
}

/// Can a value of this kind be one of the type at all?
fn could_be(value: Json, kind: &Kind) -> bool {
    match value {
        Json::Null => matches!(kind, Kind::Null),
        Json::Boolean => matches!(kind, Kind::Boolean),
        Json::Number => matches!(kind, Kind::Int(_) | Kind::Long(_) | Kind::Float | Kind::Double),
        Json::String { .. } => matches!(
            kind,
            Kind::Bytes(_)
                | Kind::String { .. }
                | Kind::Fixed(_)
                | Kind::Enum(_)
                | Kind::Int(Some(_))
                | Kind::Long(Some(_))
        ),
        Json::Array => matches!(kind, Kind::Array(_)),
        Json::Object => matches!(kind, Kind::Map(_) | Kind::Record(_)),
    }
}

fn symbol(of: &Enum, text: &str) -> Option<i128> {
    of.symbols.iter().position(|symbol| symbol == text).map(|index| index as i128)
}

/// A decimal in a fixed: filled up with the sign.
fn extended(decimal: Decimal, size: usize, text: &str) -> Option<Vec<u8>> {
    let bytes = scalar::decimal_bytes(decimal, text)?;
    let missing = size.checked_sub(bytes.len())?;
    let filler = if bytes.first().is_some_and(|first| *first >= 0x80) { 0xff } else { 0 };
    Some([vec![filler; missing], bytes].concat())
}
