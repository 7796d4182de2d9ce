//! The messages that ProtoJSON writes in a form of their own: wire → JSON.

use super::decode::{Decoder, Fault, Place, inside, zero};
use super::scalar;
use super::well_known::{LONGEST_DURATION, WellKnown, camel_case};
use super::wire::{self, Content};
use crate::cloudevents::json;
use crate::cloudevents::reader::shown;
use crate::payload::moment;
use prost_reflect::{Kind, MessageDescriptor};
use std::fmt::Write as _;

impl<'d> Decoder<'d> {
    pub(super) fn well_known(
        &mut self,
        kind: WellKnown,
        message: &MessageDescriptor,
        parts: &[&'d [u8]],
    ) -> Result<(), Fault> {
        let places = self.places(message, parts)?;
        match kind {
            WellKnown::Empty => self.out.push_str("{}"),
            WellKnown::Any => self.any(message, &places)?,
            WellKnown::Struct => self.structure(message, parts)?,
            WellKnown::ListValue => self.values(message, &places)?,
            WellKnown::Value => self.value(message, &places)?,
            WellKnown::Wrapper => {
                let field = message.get_field(1).ok_or("a wrapper has no field")?;
                let content = self.last(&places, 1)?.unwrap_or(zero(&field.kind()));
                scalar::write(content, &field.kind(), &mut self.out);
            }
            WellKnown::Timestamp => {
                let (seconds, nanoseconds) = (self.number(&places, 1)?, self.number(&places, 2)?);
                let part = u32::try_from(nanoseconds).ok().filter(|part| *part < 1_000_000_000);
                let text = part.and_then(|part| moment::write_instant(seconds, part));
                json::quote(&text.ok_or("a Timestamp is outside of the years 1 to 9999")?, &mut self.out);
            }
            WellKnown::Duration => {
                let (seconds, nanoseconds) = (self.number(&places, 1)?, self.number(&places, 2)?);
                let text =
                    duration(seconds, nanoseconds).ok_or("a Duration has seconds or nanoseconds it cannot have")?;
                json::quote(&text, &mut self.out);
            }
            WellKnown::FieldMask => {
                let mut paths = Vec::new();
                for place in &places {
                    let text = str::from_utf8(inside(self.content(*place)?)).unwrap_or_default();
                    paths.push(camel_case(text).ok_or("a FieldMask holds a name that has no JSON form")?);
                }
                json::quote(&paths.join(","), &mut self.out);
            }
        }
        Ok(())
    }

    fn last(&self, places: &[Place], number: u32) -> Result<Option<Content<'d>>, Fault> {
        places.iter().rfind(|place| place.number == number).map(|place| self.content(*place)).transpose()
    }

    fn number(&self, places: &[Place], number: u32) -> Result<i64, Fault> {
        Ok(match self.last(places, number)? {
            Some(Content::Varint(value)) => value.cast_signed(),
            _ => 0,
        })
    }

    /// A Struct is its only field, a map.
    fn structure(&mut self, message: &MessageDescriptor, parts: &[&'d [u8]]) -> Result<(), Fault> {
        let before = self.out.len();
        self.members(message, parts, true)?;
        if self.out.len() == before {
            self.out.push_str("{}");
        } else {
            self.out.replace_range(before..before + "\"fields\":".len(), "");
        }
        Ok(())
    }

    fn values(&mut self, message: &MessageDescriptor, places: &[Place]) -> Result<(), Fault> {
        let Some(Kind::Message(value)) = message.get_field(1).map(|field| field.kind()) else {
            return Err("a ListValue has no field".to_owned());
        };
        self.out.push('[');
        let mut first = true;
        for place in places {
            self.comma(&mut first)?;
            let part = inside(self.content(*place)?);
            self.message(&value, &[part])?;
        }
        self.out.push(']');
        Ok(())
    }

    /// The kind that came last counts.
    fn value(&mut self, message: &MessageDescriptor, places: &[Place]) -> Result<(), Fault> {
        let Some(last) = places.iter().max_by_key(|place| place.start()) else {
            return Err("a Value holds nothing".to_owned());
        };
        let field = message.get_field(last.number).ok_or("a Value holds nothing")?;
        let content = self.content(*last)?;
        match (field.kind(), content) {
            (Kind::Message(inner), content) => self.message(&inner, &[inside(content)]),
            (Kind::Double, Content::Fixed64(bits)) if !f64::from_bits(bits).is_finite() => {
                Err("NaN and infinite numbers in a Value have no JSON form".to_owned())
            }
            (kind, content) => {
                scalar::write(content, &kind, &mut self.out);
                Ok(())
            }
        }
    }

    fn any(&mut self, message: &MessageDescriptor, places: &[Place]) -> Result<(), Fault> {
        let url = self.last(places, 1)?.map(inside).unwrap_or_default();
        let url = str::from_utf8(url).unwrap_or_default();
        let part = self.last(places, 2)?.map(inside).unwrap_or_default();
        if url.is_empty() && part.is_empty() {
            self.out.push_str("{}");
            return Ok(());
        }
        let name = url.rsplit('/').next().unwrap_or_default();
        let inner = message.parent_pool().get_message_by_name(name);
        let inner = inner.ok_or_else(|| format!("`{}` in an Any names no message of the schema", shown(url)))?;
        wire::check(&inner, part, 0)?;
        self.out.push_str("{\"@type\":");
        json::quote(url, &mut self.out);
        if WellKnown::of(&inner).is_some_and(|kind| kind != WellKnown::Empty) {
            self.out.push_str(",\"value\":");
            self.message(&inner, &[part])?;
        } else {
            self.members(&inner, &[part], false)?;
        }
        self.out.push('}');
        Ok(())
    }
}

fn duration(seconds: i64, nanoseconds: i64) -> Option<String> {
    let agree = seconds == 0 || nanoseconds == 0 || (seconds < 0) == (nanoseconds < 0);
    let part = u32::try_from(nanoseconds.unsigned_abs()).ok().filter(|part| *part < 1_000_000_000)?;
    let fits = agree && seconds.unsigned_abs() <= LONGEST_DURATION.unsigned_abs();
    let mut text = String::new();
    write!(text, "{}{}", if seconds < 0 || nanoseconds < 0 { "-" } else { "" }, seconds.unsigned_abs()).ok()?;
    moment::write_fraction(part, &mut text);
    fits.then(|| text + "s")
}
