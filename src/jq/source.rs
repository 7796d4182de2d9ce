//! What programs see of an event: its data as input, its attributes as `$event`. Both are made when the first program asks
//! for them, and once for all programs of the event.

use super::value::Value;
use super::{natives::name, read};
use crate::cloudevents::{Event, Kind};
use crate::units::Size;
use bytestring::ByteString;
use std::cell::OnceCell;

/// Why there is no input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoInput {
    /// The event has no data.
    #[error("the event has no data")]
    Absent,
    /// The media type is none of JSON.
    #[error("the data is not JSON but `{0}`")]
    OtherKind(String),
    /// The data does not say what it is.
    #[error("the data has no media type")]
    Untyped,
    /// It is not JSON although it says so.
    #[error("the data is not JSON: {0}")]
    Broken(String),
    /// It is too large.
    #[error("the data has {bytes} bytes, more than limits.jq_bytes ({limit})")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: Size,
    },
}

/// An event as programs see it.
#[derive(Debug)]
pub struct Source<'e> {
    event: &'e Event,
    data: OnceCell<Result<Value, NoInput>>,
    attributes: OnceCell<Value>,
}

impl<'e> Source<'e> {
    /// Nothing is made yet; costs nothing.
    pub fn new(event: &'e Event) -> Source<'e> {
        Source { event, data: OnceCell::new(), attributes: OnceCell::new() }
    }

    /// The event.
    pub fn event(&self) -> &'e Event {
        self.event
    }

    /// The data, if it is JSON of at most so many bytes.
    pub(super) fn data(&self, limit: Size) -> Result<Value, NoInput> {
        let bytes = self.event.data.len();
        if bytes as u64 > limit.0 {
            return Err(NoInput::TooLarge { bytes, limit });
        }
        self.data.get_or_init(|| parsed(self.event)).clone()
    }

    /// `$event`: every attribute, Booleans and Integers as such, the others as text.
    pub(super) fn attributes(&self) -> Value {
        self.attributes.get_or_init(|| attributes(self.event)).clone()
    }
}

fn parsed(event: &Event) -> Result<Value, NoInput> {
    let Some(bytes) = event.json_data() else {
        return Err(match (event.data.bytes(), event.media_type()) {
            (None, _) => NoInput::Absent,
            (_, Some(media_type)) => NoInput::OtherKind(crate::cloudevents::reader::shown(media_type)),
            (_, None) => NoInput::Untyped,
        });
    };
    let text = str::from_utf8(&bytes).map_err(|_| NoInput::Broken("it is not UTF-8".to_owned()))?;
    read::value(text).map_err(|broken| NoInput::Broken(broken.to_string()))
}

fn attributes(event: &Event) -> Value {
    let required = ["specversion", "id", "source", "type"];
    let required = required.into_iter().filter_map(|key| Some((name(key), text(event.attribute(key)?))));
    let others = event.attributes.iter().map(|attribute| {
        let value = match attribute.value.kind {
            Kind::Boolean => Value::from(attribute.value.text == "true"),
            Kind::Integer => Value::Number(super::engine::number(attribute.value.text)),
            _ => Value::String(attribute.value.text.into()),
        };
        (ByteString::from(attribute.name), value)
    });
    required.chain(others).collect()
}

fn text(text: &str) -> Value {
    Value::String(ByteString::from(text))
}
