//! JSON format in: one event, or a batch.

use super::scan::Scanner;
use super::value::{self, Broken, Value};
use crate::cloudevents::attributes::Draft;
use crate::cloudevents::media_type::MediaType;
use crate::cloudevents::reader::{Bounds, Fault, Told, shown};
use crate::cloudevents::{Data, Event, Kind, Violation};
use crate::codes::Code;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use bytestring::ByteString;
use std::borrow::Cow;

/// Reads one event. Its data shares the memory of `body` unless most of `body` is something else.
pub fn read(body: Bytes, bounds: &Bounds) -> Result<Event, Fault> {
    let text = to_text(body)?;
    read_element(&text, &text, bounds)
}

/// Reads a batch of at most `most` events, each of at most `event_bytes` bytes of JSON text. The outer fault is one of
/// the whole document; an inner one is of one element. Data of a larger batch gets memory of its own.
pub fn read_batch(
    body: Bytes,
    most: usize,
    event_bytes: usize,
    bounds: &Bounds,
) -> Result<Vec<Result<Event, Fault>>, Fault> {
    let text = to_text(body)?;
    let mut elements = Vec::new();
    let mut scanner = Scanner::new(&text, bounds.json_depth);
    scanner.elements(|element| {
        if elements.len() == most {
            return Err(Fault::new(Code::BatchTooLong, format!("the batch holds more than {most} events")));
        }
        elements.push(element);
        Ok(())
    })?;
    scanner.end().map_err(Fault::from)?;
    let read = |element: Value<'_>, bounds: &Bounds| {
        if element.raw.len() > event_bytes {
            let detail = format!("the event has {} bytes, more than {event_bytes}", element.raw.len());
            return Err(Fault::new(Code::EventTooLarge, detail));
        }
        read_element(&text, element.raw, bounds)
    };
    let mut told = Told::default();
    let told = |element| {
        let bounds = told.bounds(bounds);
        told.count(read(element, &bounds), &bounds)
    };
    Ok(elements.into_iter().map(told).collect())
}

impl From<Broken> for Fault {
    fn from(broken: Broken) -> Fault {
        Fault::new(Code::Malformed, format!("the JSON is broken: {broken}"))
    }
}

fn to_text(body: Bytes) -> Result<ByteString, Fault> {
    let text = ByteString::try_from(body).map_err(|_| Fault::new(Code::Malformed, "the body is not UTF-8"))?;
    if text.starts_with('\u{feff}') {
        return Err(Fault::new(Code::Malformed, "the body starts with a byte order mark"));
    }
    Ok(text)
}

/// Reads the event that is a part, or all, of a text.
fn read_element<'t>(text: &'t ByteString, element: &'t str, bounds: &Bounds) -> Result<Event, Fault> {
    let mut scanner = Scanner::new(element, bounds.json_depth);
    let mut reading = Reading { text, draft: Draft::within(bounds), data: None, data_base64: None };
    scanner.object(|name, value| reading.member(name, value))?;
    scanner.end().map_err(Fault::from)?;
    reading.finish()
}

/// The members of one event seen so far.
struct Reading<'t> {
    text: &'t ByteString,
    draft: Draft,
    data: Option<Value<'t>>,
    data_base64: Option<Value<'t>>,
}

impl<'t> Reading<'t> {
    fn member(&mut self, name: Value<'t>, value: Value<'t>) -> Result<(), Fault> {
        let name = name.string().unwrap_or_default();
        let seen = match &*name {
            "data" => self.data.replace(value),
            "data_base64" => self.data_base64.replace(value),
            _ => {
                self.attribute(&name, value);
                return Ok(());
            }
        };
        if seen.is_some() {
            let violation = Violation::new(format!("/{name}"), format!("`{name}` stands more than once"));
            return Err(Fault::of(Code::Malformed, vec![violation]));
        }
        Ok(())
    }

    fn attribute(&mut self, name: &str, value: Value<'t>) {
        match (value.kind, value.string()) {
            (_, Some(text)) => self.draft.add(name, Kind::String, &text),
            (value::Kind::Null, _) => self.draft.add_null(name),
            (value::Kind::Boolean, _) => self.draft.add(name, Kind::Boolean, value.raw),
            (value::Kind::Number, _) => self.draft.add(name, Kind::Integer, value.raw),
            _ => {
                let detail = format!("`{}` is neither a string nor a boolean nor an integer", shown(name));
                self.draft.add_unreadable(name, detail);
            }
        }
    }

    fn finish(mut self) -> Result<Event, Fault> {
        let data = match (self.data, self.data_base64) {
            (None, None) => Data::Absent,
            (Some(data), None) => self.data(data),
            (data, Some(base64)) if base64.kind == value::Kind::Null => {
                data.map_or(Data::Absent, |data| self.data(data))
            }
            (None, Some(base64)) => self.binary(base64),
            (Some(_), Some(_)) => {
                let detail = "`data` and `data_base64` cannot stand together";
                self.draft.refuse(Violation::new("/data_base64", detail));
                Data::Absent
            }
        };
        self.draft.finish(data)
    }

    /// JSON without a media type that says otherwise; else text, which must be a string.
    fn data(&mut self, data: Value<'t>) -> Data {
        let media_type = self.draft.text("datacontenttype").and_then(MediaType::parse);
        if media_type.is_none_or(|media_type| media_type.is_json()) {
            return self.shared(Data::Json(self.text.slice_ref(data.raw).into_bytes()));
        }
        match data.string() {
            Some(Cow::Borrowed(text)) => return self.shared(Data::Text(self.text.slice_ref(text))),
            Some(Cow::Owned(text)) => return Data::Text(text.into()),
            None => {}
        }
        let detail = "data of a media type that is not JSON is a string in `data`, or base64 in `data_base64`";
        self.draft.refuse(Violation::new("/data", detail));
        Data::Absent
    }

    fn binary(&mut self, base64: Value<'t>) -> Data {
        if let Some(bytes) = base64.string().and_then(|text| STANDARD.decode(&*text).ok()) {
            return Data::Binary(bytes.into());
        }
        let detail = "`data_base64` is not a string of base64 with padding";
        self.draft.refuse(Violation::new("/data_base64", detail));
        Data::Absent
    }

    /// Data that stands in the document as it is shares its memory, unless it would keep much more than itself.
    fn shared(&self, mut data: Data) -> Data {
        data.detach(self.text.len());
        data
    }
}
