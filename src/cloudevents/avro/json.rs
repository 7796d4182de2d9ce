//! JSON values in the shape the schema gives them, as JSON text. Records are transparent: `AvroCloudEventData` is the
//! object its map holds.

use super::data_branch;
use super::datum::{Block, Broken, Datum};
use crate::cloudevents::json::{quote, quoted_length};
use crate::cloudevents::reader::{Bounds, Fault};
use crate::codes::Code;

/// A JSON value read from a datum.
pub struct Json {
    /// Its text.
    pub text: String,
    /// It holds a number JSON has no text for.
    pub not_a_number: bool,
}

/// What the entries of a container are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    /// Union of the map that stands directly in `data`.
    Outer,
    /// Union of the map inside of a record.
    Inner,
    /// A record, whose only field is a map of [`Entry::Inner`].
    Record,
}

/// What an entry turns out to be.
enum Found {
    Null,
    Boolean,
    Double,
    String,
    /// An object (`true`) or an array of such entries.
    Container(bool, Entry),
}

/// A map or array that is open.
struct Open {
    is_object: bool,
    entry: Entry,
    block: Block,
}

/// What one entry writes at most before the length is looked at again, texts aside.
const ENTRY_BYTES: usize = 64;

/// Reads what follows a branch of `data` that is a JSON value.
pub fn read(datum: &mut Datum, branch: u64, bounds: &Bounds) -> Result<Json, Fault> {
    // Room that is rarely outgrown: a text that grows is in memory twice for a moment.
    let room = (2 * datum.left()).min(bounds.json_bytes.saturating_add(ENTRY_BYTES));
    let json = Json { text: String::with_capacity(room), not_a_number: false };
    let mut reading = Reading { json, open: Vec::new(), depth: bounds.json_depth, most: bounds.json_bytes };
    reading.value(datum, of_data(branch)?)?;
    loop {
        if reading.json.text.len() > reading.most {
            return Err(too_long(reading.most));
        }
        let Some(innermost) = reading.open.last_mut() else { return Ok(reading.json) };
        let (is_object, entry) = (innermost.is_object, innermost.entry);
        let text = &mut reading.json.text;
        if !datum.more(&mut innermost.block)? {
            text.push(if is_object { '}' } else { ']' });
            reading.open.pop();
            continue;
        }
        if !text.ends_with(['{', '[']) {
            text.push(',');
        }
        if is_object {
            quote_within(reading.most, &datum.text()?, text)?;
            text.push(':');
        }
        let found = found(datum, entry)?;
        reading.value(datum, found)?;
    }
}

struct Reading {
    json: Json,
    open: Vec<Open>,
    depth: usize,
    /// Bytes of text.
    most: usize,
}

impl Reading {
    fn value(&mut self, datum: &mut Datum, found: Found) -> Result<(), Fault> {
        let text = &mut self.json.text;
        match found {
            Found::Null => text.push_str("null"),
            Found::Boolean => text.push_str(if datum.boolean()? { "true" } else { "false" }),
            Found::String => quote_within(self.most, &datum.text()?, text)?,
            Found::Double => {
                let number = datum.double()?;
                self.json.not_a_number |= !number.is_finite();
                put_number(number, text);
            }
            Found::Container(is_object, entry) => {
                if self.open.len() == self.depth {
                    return Err(Broken::TooDeep.into());
                }
                text.push(if is_object { '{' } else { '[' });
                self.open.push(Open { is_object, entry, block: Block::default() });
            }
        }
        Ok(())
    }
}

fn of_data(branch: u64) -> Result<Found, Broken> {
    match branch {
        data_branch::BOOLEAN => Ok(Found::Boolean),
        data_branch::MAP => Ok(Found::Container(true, Entry::Outer)),
        data_branch::ARRAY => Ok(Found::Container(false, Entry::Record)),
        data_branch::DOUBLE => Ok(Found::Double),
        data_branch::STRING => Ok(Found::String),
        _ => Err(Broken::Branch),
    }
}

fn found(datum: &mut Datum, entry: Entry) -> Result<Found, Broken> {
    let object = Found::Container(true, Entry::Inner);
    if entry == Entry::Record {
        return Ok(object);
    }
    // The order of the branches in the schema.
    match (entry, datum.branch()?) {
        (_, 0) => Ok(Found::Null),
        (_, 1) => Ok(Found::Boolean),
        (Entry::Outer, 2) => Ok(object),
        (Entry::Outer, 3) | (Entry::Inner, 4) => Ok(Found::Double),
        (Entry::Outer, 4) | (Entry::Inner, 5) => Ok(Found::String),
        (Entry::Inner, 2) => Ok(Found::Container(true, Entry::Record)),
        (Entry::Inner, 3) => Ok(Found::Container(false, Entry::Record)),
        _ => Err(Broken::Branch),
    }
}

/// Writes a text as a JSON string, if there is room for it: it may become six times as long.
fn quote_within(most: usize, text: &str, out: &mut String) -> Result<(), Fault> {
    if out.len().saturating_add(quoted_length(text)) > most {
        return Err(too_long(most));
    }
    quote(text, out);
    Ok(())
}

fn too_long(most: usize) -> Fault {
    Fault::new(Code::EventTooLarge, format!("the data is longer than {most} bytes as JSON"))
}

/// Writes a number as JavaScript does (RFC 8785 §3.2.2.3): the shortest digits that are read as this number again, without an
/// exponent from 1e-6 up to 1e21. Only the sign of a zero is kept. Never more than 25 characters; `null` for what is no number.
fn put_number(number: f64, text: &mut String) {
    if !number.is_finite() {
        return text.push_str("null");
    }
    if number == 0.0 {
        return text.push_str(if number.is_sign_negative() { "-0.0" } else { "0" });
    }
    let shortest = format!("{number:e}");
    let (digits, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let digits = match digits.strip_prefix('-') {
        Some(digits) => {
            text.push('-');
            digits.replace('.', "")
        }
        None => digits.replace('.', ""),
    };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    // Digits before the point.
    let whole = usize::try_from(exponent + 1).unwrap_or(0);
    match exponent {
        0..21 if digits.len() <= whole => text.extend([&*digits, &"0".repeat(whole - digits.len())]),
        0..21 => text.extend([&digits[..whole], ".", &digits[whole..]]),
        -6..0 => text.extend(["0.", &"0".repeat(usize::try_from(-exponent - 1).unwrap_or(0)), &*digits]),
        _ => {
            let (first, rest) = digits.split_at(1);
            let point = if rest.is_empty() { "" } else { "." };
            let sign = if exponent > 0 { "+" } else { "" };
            text.extend([first, point, rest, "e", sign, &exponent.to_string()]);
        }
    }
}
