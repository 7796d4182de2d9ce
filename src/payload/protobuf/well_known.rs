//! The messages that ProtoJSON writes in a form of their own (ProtoJSON, "Any" to "Empty"): JSON → wire.

use super::encode::{Encoder, wire_type};
use crate::cloudevents::json::value::Kind as Json;
use crate::cloudevents::reader::shown;
use crate::payload::{moment, number};
use crate::varint;
use prost_reflect::MessageDescriptor;
use std::borrow::Cow;

/// Seconds of a Duration, either way: about 10,000 years.
pub const LONGEST_DURATION: i64 = 315_576_000_000;

/// Which one a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WellKnown {
    /// A message of any type with its name.
    Any,
    /// RFC 3339 text.
    Timestamp,
    /// `1.5s`.
    Duration,
    /// `a,b.cD`.
    FieldMask,
    /// A JSON object.
    Struct,
    /// Any JSON value.
    Value,
    /// A JSON array.
    ListValue,
    /// The value of its only field.
    Wrapper,
    /// `{}`.
    Empty,
}

impl WellKnown {
    /// `None` for messages with nothing special about them.
    pub fn of(message: &MessageDescriptor) -> Option<WellKnown> {
        Some(match message.full_name().strip_prefix("google.protobuf.")? {
            "Any" => WellKnown::Any,
            "Timestamp" => WellKnown::Timestamp,
            "Duration" => WellKnown::Duration,
            "FieldMask" => WellKnown::FieldMask,
            "Struct" => WellKnown::Struct,
            "Value" => WellKnown::Value,
            "ListValue" => WellKnown::ListValue,
            "Empty" => WellKnown::Empty,
            "DoubleValue" | "FloatValue" | "Int64Value" | "UInt64Value" | "Int32Value" | "UInt32Value"
            | "BoolValue" | "StringValue" | "BytesValue" => WellKnown::Wrapper,
            _ => return None,
        })
    }
}

impl Encoder<'_> {
    /// Writes the content of a well-known message. False: the value does not fit.
    pub(super) fn well_known(&mut self, at: usize, kind: WellKnown, message: &MessageDescriptor) -> bool {
        match kind {
            WellKnown::Any => self.any(at, message),
            WellKnown::Empty => self.object(at, message, None),
            WellKnown::Struct => self.structure(at),
            WellKnown::ListValue => self.list_value(at),
            WellKnown::Value => self.value(at),
            WellKnown::Wrapper => match message.get_field(1) {
                Some(field) => {
                    let before = self.out.len();
                    self.tag(1, wire_type(&field.kind()));
                    let is_default = self.scalar(at, &field.kind());
                    if is_default != Some(false) {
                        self.out.truncate(before);
                    }
                    is_default.is_some()
                }
                None => false,
            },
            WellKnown::Timestamp => self.text(at, "a date-time such as 2024-05-01T10:15:30Z", |encoder, text| {
                let (seconds, nanoseconds) = moment::instant(text, 9)?;
                let fits = (moment::FIRST_SECOND..=moment::LAST_SECOND).contains(&seconds);
                fits.then(|| encoder.seconds(seconds, i64::from(nanoseconds)))
            }),
            WellKnown::Duration => self.text(at, "a duration such as 1.5s", |encoder, text| {
                let (seconds, nanoseconds) = duration(text)?;
                encoder.seconds(seconds, nanoseconds);
                Some(())
            }),
            WellKnown::FieldMask => {
                self.text(at, "names of fields in lower camel case, with commas", |encoder, text| {
                    for path in text.split(',').filter(|_| !text.is_empty()) {
                        let path = snake_case(path)?;
                        encoder.string(1, &path);
                    }
                    Some(())
                })
            }
        }
    }

    fn text(&mut self, at: usize, wanted: &str, write: impl FnOnce(&mut Self, &str) -> Option<()>) -> bool {
        let value = self.tape.value(at);
        let fits = value.string().is_some_and(|text| write(self, &text).is_some());
        fits || self.unexpected(wanted, value)
    }

    fn seconds(&mut self, seconds: i64, nanoseconds: i64) {
        for (number, value) in [(1, seconds), (2, nanoseconds)] {
            if value != 0 {
                self.tag(number, 0);
                varint::put(value.cast_unsigned(), &mut self.out);
            }
        }
    }

    fn string(&mut self, number: u32, text: &str) {
        self.tag(number, 2);
        varint::put(text.len() as u64, &mut self.out);
        self.out.extend_from_slice(text.as_bytes());
    }

    fn structure(&mut self, at: usize) -> bool {
        let value = self.tape.value(at);
        if value.kind != Json::Object {
            return self.unexpected("an object", value);
        }
        let mut seen = std::collections::HashSet::new();
        let mut good = true;
        for (name, member) in self.tape.members(at) {
            let before = self.out.len();
            let name = name.string().unwrap_or_default();
            self.report.enter_member(name.clone());
            good &= if seen.insert(name.clone()) {
                self.length_prefixed(1, |encoder| {
                    encoder.string(1, &name);
                    encoder.length_prefixed(2, |encoder| encoder.value(member))
                })
            } else {
                self.report.violation(|| "the member stands twice".to_owned())
            };
            self.entry_ends(before);
            self.report.leave();
            if !good && self.report.may_stop() {
                return false;
            }
        }
        good
    }

    fn list_value(&mut self, at: usize) -> bool {
        let value = self.tape.value(at);
        if value.kind != Json::Array {
            return self.unexpected("an array", value);
        }
        self.entries(at, |encoder, entry| encoder.length_prefixed(1, |encoder| encoder.value(entry)))
    }

    fn value(&mut self, at: usize) -> bool {
        let value = self.tape.value(at);
        match value.kind {
            Json::Null => {
                self.tag(1, 0);
                self.out.push(0);
                true
            }
            Json::Number => match number::double(value.raw) {
                Some(number) => {
                    self.tag(2, 1);
                    self.out.extend_from_slice(&number.to_le_bytes());
                    true
                }
                None => self.unexpected("a number of double precision", value),
            },
            Json::String { .. } => {
                self.string(3, &value.string().unwrap_or_default());
                true
            }
            Json::Boolean => {
                self.tag(4, 0);
                self.out.push(u8::from(value.raw == "true"));
                true
            }
            // A Struct, an entry and a Value; a ListValue and a Value.
            Json::Object => self.nested(3, |encoder| encoder.length_prefixed(5, |encoder| encoder.structure(at))),
            Json::Array => self.nested(2, |encoder| encoder.length_prefixed(6, |encoder| encoder.list_value(at))),
        }
    }

    fn any(&mut self, at: usize, message: &MessageDescriptor) -> bool {
        let value = self.tape.value(at);
        if value.kind != Json::Object {
            return self.unexpected("an object with `@type`", value);
        }
        let members = || self.tape.members(at).map(|(name, member)| (name.string().unwrap_or_default(), member));
        let Some((_, place)) = members().find(|(name, _)| name == "@type") else {
            let empty = members().next().is_none();
            return empty
                || self.report.member_violation(Cow::Borrowed("@type"), || "the member `@type` is missing".to_owned());
        };
        let url = self.tape.value(place).string().unwrap_or_default();
        let name = url.rsplit('/').next().unwrap_or_default();
        let Some(inner) = message.parent_pool().get_message_by_name(name).filter(|_| url.contains('/')) else {
            let detail = format!("`{}` names no message of the schema", shown(&url));
            return self.report.member_violation(Cow::Borrowed("@type"), || detail);
        };
        self.string(1, &url);
        if WellKnown::of(&inner).is_none_or(|kind| kind == WellKnown::Empty) {
            return self.length_prefixed(2, |encoder| encoder.object(at, &inner, Some("@type")));
        }
        let mut content = None;
        for (name, member) in members() {
            match &*name {
                "@type" => {}
                "value" if content.is_none() => content = Some(member),
                _ => return self.report.member_violation(name, || "only `@type` and `value` may be here".to_owned()),
            }
        }
        let Some(member) = content else {
            return self.report.member_violation(Cow::Borrowed("value"), || "the member `value` is missing".to_owned());
        };
        self.report.enter_member(Cow::Borrowed("value"));
        let fits = self.length_prefixed(2, |encoder| encoder.message(member, &inner));
        self.report.leave();
        fits
    }
}

/// Seconds and nanoseconds, both with the sign.
fn duration(text: &str) -> Option<(i64, i64)> {
    let text = text.strip_suffix('s')?;
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |text| (-1, text));
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |part: &str, digits| (1..=digits).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    if !is_number(seconds, 12) || !is_number(fraction, 9) {
        return None;
    }
    let (seconds, nanoseconds) = (seconds.parse::<i64>().ok()?, i64::from(moment::nanoseconds(fraction)));
    let fits = seconds < LONGEST_DURATION || seconds == LONGEST_DURATION && nanoseconds == 0;
    fits.then_some((sign * seconds, sign * nanoseconds))
}

/// `fooBar.baz` → `foo_bar.baz`; `None` for what does not come back.
fn snake_case(path: &str) -> Option<String> {
    let mut snake = String::with_capacity(path.len() + 4);
    for c in path.chars() {
        match c {
            'A'..='Z' => snake.extend(['_', c.to_ascii_lowercase()]),
            'a'..='z' | '0'..='9' | '.' => snake.push(c),
            _ => return None,
        }
    }
    (!path.is_empty()).then_some(snake)
}

/// `foo_bar.baz` → `fooBar.baz`; `None` for what does not come back.
pub fn camel_case(path: &str) -> Option<String> {
    let mut camel = String::with_capacity(path.len());
    let mut chars = path.chars();
    while let Some(c) = chars.next() {
        match c {
            '_' => camel.push(chars.next().filter(char::is_ascii_lowercase)?.to_ascii_uppercase()),
            'a'..='z' | '0'..='9' | '.' => camel.push(c),
            _ => return None,
        }
    }
    Some(camel)
}
