//! Protobuf format in: one event, or a batch. Rules of the wire as in every Protobuf reader: fields in any order, of a
//! field that stands twice the last counts, messages are merged, unknown fields are passed over.

use super::wire::{Broken, Fields, Value};
use super::{BATCH_EVENTS, any_field, entry_field, event_field, schema_of, timestamp_field, value_field};
use crate::cloudevents::attributes::{Draft, REQUIRED};
use crate::cloudevents::reader::{Bounds, Fault, Told, shown};
use crate::cloudevents::{Data, Event, Kind, Violation, timestamp, types};
use crate::codes::Code;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use bytestring::ByteString;

/// Reads one event. Its data shares the memory of `body` unless most of `body` is something else.
pub fn read(body: Bytes, bounds: &Bounds) -> Result<Event, Fault> {
    let whole = body.len();
    read_part(body, whole, bounds)
}

/// Reads one event, which is a part, or all, of a body of `whole` bytes.
fn read_part(part: Bytes, whole: usize, bounds: &Bounds) -> Result<Event, Fault> {
    let mut reading = Reading::new(bounds);
    let mut fields = Fields::of(part);
    while let Some((number, value)) = fields.next()? {
        reading.field(number, value)?;
        // Of a message of nothing but entries those behind the limit are not looked at.
        if reading.draft.is_hopeless() {
            return reading.draft.finish(Data::Absent);
        }
    }
    reading.data.detach(whole);
    reading.finish()
}

/// Reads a batch of at most `most` events, each of at most `event_bytes` bytes. The outer fault is one of the whole
/// document; an inner one is of one element. Data of a larger batch gets memory of its own.
pub fn read_batch(
    body: Bytes,
    most: usize,
    event_bytes: usize,
    bounds: &Bounds,
) -> Result<Vec<Result<Event, Fault>>, Fault> {
    let mut elements = Vec::new();
    let mut fields = Fields::of(body.clone());
    while let Some((number, value)) = fields.next()? {
        if number != BATCH_EVENTS {
            continue;
        }
        if elements.len() == most {
            return Err(Fault::new(Code::BatchTooLong, format!("the batch holds more than {most} events")));
        }
        elements.push(value.bytes()?);
    }
    let read_element = |element: Bytes, bounds: &Bounds| {
        if element.len() > event_bytes {
            let detail = format!("the event has {} bytes, more than {event_bytes}", element.len());
            return Err(Fault::new(Code::EventTooLarge, detail));
        }
        read_part(element, body.len(), bounds)
    };
    let mut told = Told::default();
    let told = |element| {
        let bounds = told.bounds(bounds);
        told.count(read_element(element, &bounds), &bounds)
    };
    Ok(elements.into_iter().map(told).collect())
}

/// The fields of one event seen so far.
struct Reading {
    draft: Draft,
    /// In the order of [`REQUIRED`].
    required: [ByteString; 4],
    data: Data,
}

impl Reading {
    fn new(bounds: &Bounds) -> Reading {
        Reading { draft: Draft::within(bounds), required: Default::default(), data: Data::Absent }
    }

    fn field(&mut self, number: u32, value: Value) -> Result<(), Broken> {
        match number {
            event_field::SPEC_VERSION => self.required[0] = value.text()?,
            event_field::ID => self.required[1] = value.text()?,
            event_field::SOURCE => self.required[2] = value.text()?,
            event_field::TYPE => self.required[3] = value.text()?,
            event_field::ATTRIBUTES => self.attribute(value.bytes()?)?,
            event_field::BINARY_DATA => self.data = Data::Binary(value.bytes()?),
            event_field::TEXT_DATA => self.data = Data::Text(value.text()?),
            event_field::PROTO_DATA => {
                let (mut type_url, mut content) = match std::mem::take(&mut self.data) {
                    Data::Proto { type_url, value } => (type_url, value),
                    _ => Default::default(),
                };
                let mut fields = Fields::of(value.bytes()?);
                while let Some((number, value)) = fields.next()? {
                    match number {
                        any_field::TYPE_URL => type_url = value.text()?,
                        any_field::VALUE => content = value.bytes()?,
                        _ => {}
                    }
                }
                self.data = Data::Proto { type_url, value: content };
            }
            _ => {}
        }
        Ok(())
    }

    /// An entry of the map.
    fn attribute(&mut self, entry: Bytes) -> Result<(), Broken> {
        let mut name = ByteString::new();
        let mut content = None;
        let mut fields = Fields::of(entry);
        while let Some((number, value)) = fields.next()? {
            match number {
                entry_field::KEY => name = value.text()?,
                entry_field::VALUE => merge(&mut content, value.bytes()?)?,
                _ => {}
            }
        }
        let name = self.draft.name(&name);
        if REQUIRED.contains(&&*name) {
            let detail = format!("`{name}` is a field of its own and cannot stand among the other attributes");
            self.draft.refuse(Violation::new(format!("/{name}"), detail));
            return Ok(());
        }
        match content.map(Content::text) {
            Some(Ok((kind, text))) => self.draft.add(&name, kind, &text),
            Some(Err(why)) => {
                let detail = format!("`{}`: the value {why}", shown(&name));
                self.draft.add_unreadable(&name, detail);
            }
            None => {
                let detail = format!("`{}` has no value", shown(&name));
                self.draft.add_unreadable(&name, detail);
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Event, Fault> {
        for (name, text) in REQUIRED.into_iter().zip(self.required) {
            // Proto3 cannot tell a text that is empty from one that is not there.
            if !text.is_empty() {
                self.draft.add(name, Kind::String, &text);
            }
        }
        if let Data::Proto { type_url, .. } = &self.data
            && self.draft.text("dataschema").is_none()
            && let Some(schema) = schema_of(type_url)
            && let Err(why) = types::check(Kind::Uri, &schema)
        {
            let detail = format!("the type URL of the data stands for the `dataschema`, but {why}");
            self.draft.refuse(Violation::new("/dataschema", detail));
        }
        self.draft.finish(self.data)
    }
}

/// What an attribute's value holds.
enum Content {
    Text(Kind, ByteString),
    Boolean(bool),
    /// Still as a varint.
    Integer(u64),
    Bytes(Bytes),
    Timestamp {
        seconds: u64,
        nanos: u64,
    },
}

/// Reads a `CloudEventAttributeValue` over what was read of the same value before.
fn merge(content: &mut Option<Content>, message: Bytes) -> Result<(), Broken> {
    let mut fields = Fields::of(message);
    while let Some((number, value)) = fields.next()? {
        let read = match number {
            value_field::BOOLEAN => Content::Boolean(value.number()? != 0),
            value_field::INTEGER => Content::Integer(value.number()?),
            value_field::STRING => Content::Text(Kind::String, value.text()?),
            value_field::BYTES => Content::Bytes(value.bytes()?),
            value_field::URI => Content::Text(Kind::Uri, value.text()?),
            value_field::URI_REF => Content::Text(Kind::UriReference, value.text()?),
            value_field::TIMESTAMP => timestamp(content.take(), value.bytes()?)?,
            _ => continue,
        };
        *content = Some(read);
    }
    Ok(())
}

fn timestamp(before: Option<Content>, message: Bytes) -> Result<Content, Broken> {
    let (mut seconds, mut nanos) = match before {
        Some(Content::Timestamp { seconds, nanos }) => (seconds, nanos),
        _ => (0, 0),
    };
    let mut fields = Fields::of(message);
    while let Some((number, value)) = fields.next()? {
        match number {
            timestamp_field::SECONDS => seconds = value.number()?,
            timestamp_field::NANOS => nanos = value.number()?,
            _ => {}
        }
    }
    Ok(Content::Timestamp { seconds, nanos })
}

impl Content {
    /// Type and canonical text; an error is the end of a sentence that starts with the value.
    fn text(self) -> Result<(Kind, ByteString), &'static str> {
        match self {
            Content::Text(kind, text) => Ok((kind, text)),
            Content::Boolean(value) => {
                Ok((Kind::Boolean, ByteString::from_static(if value { "true" } else { "false" })))
            }
            Content::Integer(varint) => {
                let number = integer(varint).ok_or("is not a whole number of 32 bits")?;
                Ok((Kind::Integer, number.to_string().into()))
            }
            Content::Bytes(bytes) => Ok((Kind::Binary, STANDARD.encode(bytes).into())),
            Content::Timestamp { seconds, nanos } => {
                let nanos = u32::try_from(nanos).ok();
                let text = nanos.and_then(|nanos| timestamp::text_of_unix(seconds.cast_signed(), nanos));
                Ok((Kind::Timestamp, text.ok_or("is not a timestamp of the years 0001 to 9999")?.into()))
            }
        }
    }
}

/// An `int32`. Negative ones are written with the sign in all 64 bits, by some in 32 only. A larger number would be cut
/// by other readers; here it is refused.
fn integer(varint: u64) -> Option<i32> {
    i32::try_from(varint.cast_signed()).ok().or_else(|| u32::try_from(varint).ok().map(u32::cast_signed))
}
