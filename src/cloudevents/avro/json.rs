//! JSON values in the shape the schema gives them, as JSON text. Records are transparent: `AvroCloudEventData` is the
//! object its map holds.

use super::data_branch;
use super::datum::{Block, Broken, Datum};
use crate::cloudevents::json::quote;
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
    let mut reading = Reading { json, open: Vec::new(), depth: bounds.json_depth };
    reading.value(datum, of_data(branch)?)?;
    loop {
        // Text may be six times as long as what it is made of.
        let bytes = reading.json.text.len();
        if bytes > bounds.json_bytes {
            let detail = format!("the data is longer than {} bytes as JSON", bounds.json_bytes);
            return Err(Fault::new(Code::EventTooLarge, detail));
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
            quote(&datum.text()?, text);
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
}

impl Reading {
    fn value(&mut self, datum: &mut Datum, found: Found) -> Result<(), Broken> {
        let text = &mut self.json.text;
        match found {
            Found::Null => text.push_str("null"),
            Found::Boolean => text.push_str(if datum.boolean()? { "true" } else { "false" }),
            Found::String => quote(&datum.text()?, text),
            Found::Double => {
                let number = datum.double()?;
                self.json.not_a_number |= !number.is_finite();
                put_number(number, text);
            }
            Found::Container(is_object, entry) => {
                if self.open.len() == self.depth {
                    return Err(Broken::TooDeep);
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

/// The shortest text that is read as this number again; whole numbers are written as such. Never more than 24 characters.
fn put_number(number: f64, text: &mut String) {
    let start = text.len();
    match serde_json::Number::from_f64(number) {
        Some(number) => text.push_str(&number.to_string()),
        None => text.push_str("null"),
    }
    if text[start..].ends_with(".0") && &text[start..] != "-0.0" {
        text.truncate(text.len() - 2);
    }
}
