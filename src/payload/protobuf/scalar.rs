//! Scalars of ProtoJSON ⇄ the wire.

use super::wire::Content;
use crate::cloudevents::json;
use crate::cloudevents::json::scan;
use crate::cloudevents::json::value::{Kind as Json, Value};
use crate::payload::number;
use crate::varint;
use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, STANDARD};
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};
use prost_reflect::{EnumDescriptor, Kind, Syntax};
use std::borrow::Cow;
use std::fmt::Write as _;

/// Both alphabets are read, with padding and without.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Appends a value as the wire has it, without its tag; strings and bytes with their length. True if it is the default
/// of its kind, `None` if it does not fit.
pub fn encode(value: Value<'_>, kind: &Kind, out: &mut Vec<u8>) -> Option<bool> {
    let signed = |bits: u32| whole(value, -(1_i128 << (bits - 1)), (1_i128 << (bits - 1)) - 1);
    let unsigned = |bits: u32| whole(value, 0, (1_i128 << bits) - 1);
    match kind {
        Kind::Int32 => plain(signed(32)?, out),
        Kind::Int64 => plain(signed(64)?, out),
        Kind::Uint32 => plain(unsigned(32)?, out),
        Kind::Uint64 => plain(unsigned(64)?, out),
        Kind::Sint32 => zigzag(signed(32)?, out),
        Kind::Sint64 => zigzag(signed(64)?, out),
        Kind::Fixed32 => Some(fixed(&u32::try_from(unsigned(32)?).ok()?.to_le_bytes(), out)),
        Kind::Fixed64 => Some(fixed(&u64::try_from(unsigned(64)?).ok()?.to_le_bytes(), out)),
        Kind::Sfixed32 => Some(fixed(&i32::try_from(signed(32)?).ok()?.to_le_bytes(), out)),
        Kind::Sfixed64 => Some(fixed(&i64::try_from(signed(64)?).ok()?.to_le_bytes(), out)),
        Kind::Float => Some(fixed(&single(value)?.to_le_bytes(), out)),
        Kind::Double => Some(fixed(&double(value)?.to_le_bytes(), out)),
        Kind::Bool => match (value.kind, value.raw) {
            (Json::Boolean, raw) => plain(i128::from(raw == "true"), out),
            _ => None,
        },
        Kind::String => Some(bytes(value.string()?.as_bytes(), out)),
        Kind::Bytes => Some(bytes(&base64(&value.string()?)?, out)),
        Kind::Enum(of) => plain(enum_number(value, of)?, out),
        Kind::Message(_) => None,
    }
}

fn plain(value: i128, out: &mut Vec<u8>) -> Option<bool> {
    // Negative numbers take ten bytes.
    let wide = if value < 0 { i64::try_from(value).ok()?.cast_unsigned() } else { u64::try_from(value).ok()? };
    varint::put(wide, out);
    Some(value == 0)
}

fn zigzag(value: i128, out: &mut Vec<u8>) -> Option<bool> {
    let value = i64::try_from(value).ok()?;
    varint::put_signed(value, out);
    Some(value == 0)
}

fn fixed(bytes: &[u8], out: &mut Vec<u8>) -> bool {
    out.extend_from_slice(bytes);
    // The sign of a negative zero counts: it is no default.
    bytes.iter().all(|byte| *byte == 0)
}

fn bytes(bytes: &[u8], out: &mut Vec<u8>) -> bool {
    varint::put(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
    bytes.is_empty()
}

/// The text of a number, which may stand in quotes.
fn number_text(value: Value<'_>) -> Option<Cow<'_, str>> {
    match value.kind {
        Json::Number => Some(Cow::Borrowed(value.raw)),
        Json::String { .. } => value.string().filter(|text| {
            text.starts_with(|c: char| c == '-' || c.is_ascii_digit())
                && scan::document(text.as_bytes()).is_some_and(|number| number.len() == text.len())
        }),
        _ => None,
    }
}

fn whole(value: Value<'_>, least: i128, most: i128) -> Option<i128> {
    number::between(&number_text(value)?, least, most).ok()
}

fn double(value: Value<'_>) -> Option<f64> {
    match value.string().as_deref() {
        Some("NaN") => Some(f64::NAN),
        Some("Infinity") => Some(f64::INFINITY),
        Some("-Infinity") => Some(f64::NEG_INFINITY),
        _ => number::double(&number_text(value)?),
    }
}

fn single(value: Value<'_>) -> Option<f32> {
    match value.string().as_deref() {
        Some("NaN") => Some(f32::NAN),
        Some("Infinity") => Some(f32::INFINITY),
        Some("-Infinity") => Some(f32::NEG_INFINITY),
        _ => number::single(&number_text(value)?),
    }
}

fn base64(text: &str) -> Option<Vec<u8>> {
    if text.contains(['-', '_']) {
        return LENIENT.decode(text.replace('-', "+").replace('_', "/")).ok();
    }
    LENIENT.decode(text).ok()
}

/// By name or by number; one that is not declared only where the language has open enums.
fn enum_number(value: Value<'_>, of: &EnumDescriptor) -> Option<i128> {
    match value.kind {
        Json::String { .. } => of.get_value_by_name(&value.string()?).map(|known| known.number().into()),
        Json::Null if of.full_name() == NULL_VALUE => Some(0),
        Json::Number => {
            let number = whole(value, i32::MIN.into(), i32::MAX.into())?;
            let known = i32::try_from(number).ok().and_then(|number| of.get_value(number)).is_some();
            (known || of.parent_file().syntax() == Syntax::Proto3).then_some(number)
        }
        _ => None,
    }
}

/// The enum that stands for JSON's null.
pub const NULL_VALUE: &str = "google.protobuf.NullValue";

/// Is it the default of its kind, which is left out where presence is not kept?
pub fn is_default(content: Content<'_>) -> bool {
    match content {
        Content::Varint(value) | Content::Fixed64(value) => value == 0,
        Content::Fixed32(value) => value == 0,
        Content::Bytes(bytes) | Content::Group(bytes) => bytes.is_empty(),
    }
}

/// Appends a value in its JSON form. Contents of another wire type than the kind has do not come here.
pub fn write(content: Content<'_>, kind: &Kind, out: &mut String) {
    let (varint, fixed64, fixed32) = match content {
        Content::Varint(value) => (value, 0, 0),
        Content::Fixed64(value) => (0, value, 0),
        Content::Fixed32(value) => (0, 0, value),
        Content::Bytes(_) | Content::Group(_) => (0, 0, 0),
    };
    // What is wider than its kind is cut, as every reader does.
    let low = |value: u64| u32::from_le_bytes([0, 1, 2, 3].map(|place: usize| value.to_le_bytes()[place]));
    let written = match kind {
        Kind::Int32 => write!(out, "{}", low(varint).cast_signed()),
        Kind::Int64 => write!(out, "\"{}\"", varint.cast_signed()),
        Kind::Uint32 => write!(out, "{}", low(varint)),
        Kind::Uint64 => write!(out, "\"{varint}\""),
        Kind::Sint32 => write!(out, "{}", varint::unfold(low(varint).into())),
        Kind::Sint64 => write!(out, "\"{}\"", varint::unfold(varint)),
        Kind::Fixed32 => write!(out, "{fixed32}"),
        Kind::Fixed64 => write!(out, "\"{fixed64}\""),
        Kind::Sfixed32 => write!(out, "{}", fixed32.cast_signed()),
        Kind::Sfixed64 => write!(out, "\"{}\"", fixed64.cast_signed()),
        Kind::Float => {
            let value = f32::from_bits(fixed32);
            write_float(value.into(), serde_json::to_string(&value), out)
        }
        Kind::Double => {
            let value = f64::from_bits(fixed64);
            write_float(value, serde_json::to_string(&value), out)
        }
        Kind::Bool => write!(out, "{}", varint != 0),
        Kind::Enum(of) if of.full_name() == NULL_VALUE => write!(out, "null"),
        Kind::Enum(of) => {
            let number = low(varint).cast_signed();
            match of.get_value(number) {
                Some(known) => write!(out, "\"{}\"", known.name()),
                None => write!(out, "{number}"),
            }
        }
        Kind::String | Kind::Bytes | Kind::Message(_) => {
            if let Content::Bytes(bytes) = content {
                match kind {
                    Kind::String => json::quote(str::from_utf8(bytes).unwrap_or_default(), out),
                    _ => json::quote(&STANDARD.encode(bytes), out),
                }
            }
            Ok(())
        }
    };
    // Writing to a String cannot fail.
    written.ok();
}

fn write_float(value: f64, text: serde_json::Result<String>, out: &mut String) -> std::fmt::Result {
    match text {
        Ok(text) if value.is_finite() => write!(out, "{text}"),
        _ if value.is_nan() => write!(out, "\"NaN\""),
        _ => write!(out, "\"{}Infinity\"", if value < 0.0 { "-" } else { "" }),
    }
}

/// How messages call a kind.
pub fn words(kind: &Kind) -> String {
    match kind {
        Kind::Double | Kind::Float => "a number".to_owned(),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => "a whole number of 32 bits".to_owned(),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => "a whole number of 64 bits".to_owned(),
        Kind::Uint32 | Kind::Fixed32 => "a whole number of 32 bits without sign".to_owned(),
        Kind::Uint64 | Kind::Fixed64 => "a whole number of 64 bits without sign".to_owned(),
        Kind::Bool => "true or false".to_owned(),
        Kind::String => "text".to_owned(),
        Kind::Bytes => "bytes in base64".to_owned(),
        Kind::Message(of) => format!("an object (`{}`)", of.full_name()),
        Kind::Enum(of) => format!("a value of `{}`", of.full_name()),
    }
}
