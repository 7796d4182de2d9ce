//! What a file holds: events of a format, or bare payloads.

use super::Item;
use super::lines::Lines;
use crate::cli::failure::Failure;
use crate::cli::formats::FileFormat;
use crate::cli::send::input::{bytes_of, invalid};
use crate::cloudevents::Format;
use crate::cloudevents::json::scan::Scanner;
use crate::cloudevents::json::value::{Broken, Value};
use crate::cloudevents::reader::Bounds;
use crate::cloudevents::xml::document::{Document as XmlDocument, Token};
use crate::cloudevents::xml::prolog;
use crate::cloudevents::xml::scope::Space;
use crate::decode::{self, Decoded, Limits, Refusal};
use bytes::Bytes;
use std::path::Path;

const NOTHING_DONE: &str = "nothing was converted";

/// What a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Single,
    Batch,
    Bare,
}

/// Where the things to convert come from.
pub enum Source {
    /// All of a document.
    Whole(Vec<Item>),
    /// Line by line, as they come.
    Lines(Lines),
}

/// How a file is read.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// Its format.
    pub from: FileFormat,
    /// The batch form is wanted.
    pub batch: bool,
    /// Bare payloads are taken: there are rules for them.
    pub bare: bool,
}

/// Everything in the file, in order; of lines only that they can be read.
pub fn open(file: &Path, reading: Reading) -> Result<Source, Failure> {
    if reading.from == FileFormat::Ndjson {
        return Ok(Source::Lines(Lines::open(file, reading)?));
    }
    let whole = |failure: Failure| failure.hint(NOTHING_DONE);
    let content = Bytes::from(bytes_of(file).map_err(whole)?);
    let read = document(&content, reading).map_err(|refusal| {
        let failure = invalid(&refusal, None).hint(NOTHING_DONE);
        if is_batch_of_protobuf(&content, reading) {
            failure.hint("this is a batch: read it with --batch")
        } else {
            failure
        }
    })?;
    Ok(Source::Whole(read.items))
}

/// What a file of samples holds.
pub enum Sample {
    /// Payloads and events.
    Items(Vec<Item>),
    /// Neither, and why.
    Broken(String),
}

/// Payloads or events in JSON or XML; which of both the first character tells.
pub fn sample(file: &Path) -> Result<Sample, Failure> {
    let content = bytes_of(file).map_err(|failure| failure.hint("nothing was checked"))?;
    let content = Bytes::from(content);
    let is_xml = content.trim_ascii_start().starts_with(b"<");
    let from = if is_xml { FileFormat::Xml } else { FileFormat::Json };
    Ok(match document(&content, Reading { from, batch: false, bare: true }) {
        Ok(read) => Sample::Items(read.items),
        Err(refusal) => Sample::Broken(refusal.detail),
    })
}

/// What one document holds.
pub struct Document {
    /// In order.
    pub items: Vec<Item>,
    /// It was a batch.
    pub batch: bool,
}

/// Reads one document.
pub fn document(content: &Bytes, reading: Reading) -> Result<Document, Refusal> {
    let format = reading.from.event_format();
    let shape = match format {
        Format::Json => json_shape(content),
        Format::Xml => xml_shape(content),
        Format::Protobuf if reading.batch && decoded(Format::Protobuf, content, true).is_ok() => Shape::Batch,
        Format::Protobuf if reading.batch && decoded(Format::Protobuf, content, false).is_err() => Shape::Batch,
        Format::Protobuf | Format::Avro => Shape::Single,
    };
    let batch = reading.batch && reading.from != FileFormat::Ndjson;
    if shape == Shape::Bare && reading.bare && !batch {
        return Ok(Document { items: vec![Item::Bare(content.clone())], batch: false });
    }
    let (events, batch) = match decoded(format, content, shape == Shape::Batch || batch && shape == Shape::Bare)? {
        Decoded::Single(event) => (vec![event], false),
        Decoded::Batch(events) => (events, true),
    };
    Ok(Document { items: events.into_iter().map(|event| Item::Event(Box::new(event))).collect(), batch })
}

/// Reads a document by the rules of the gateway. How large and how deep an event may be is the gateway's to say.
fn decoded(format: Format, content: &Bytes, batch: bool) -> Result<Decoded, Refusal> {
    let batch = format.batch().filter(|_| batch);
    let media_type = batch.map_or(format.media_type(), |batch| batch.media_type());
    let headers = [("content-type", media_type.as_bytes())];
    decode::decode(headers.into_iter(), content.clone(), &Limits::UNLIMITED)
}

/// Protobuf does not say what it is: a batch read as an event is only a broken one.
fn is_batch_of_protobuf(content: &Bytes, reading: Reading) -> bool {
    let batch = || decoded(Format::Protobuf, content, true);
    reading.from == FileFormat::Protobuf
        && !reading.batch
        && matches!(batch(), Ok(Decoded::Batch(events)) if !events.is_empty())
}

/// An object with a `specversion` is an event, an array of nothing but such objects a batch.
fn json_shape(content: &[u8]) -> Shape {
    let text = str::from_utf8(content).unwrap_or_default().trim_start();
    let mut entries = Vec::new();
    let read = Scanner::new(text, usize::MAX).elements(|entry| {
        entries.push(entry);
        Ok::<(), Broken>(())
    });
    match read {
        Ok(()) if !entries.is_empty() && entries.iter().all(|entry| is_event(entry.raw)) => Shape::Batch,
        Err(_) if is_event(text) => Shape::Single,
        _ => Shape::Bare,
    }
}

fn is_event(text: &str) -> bool {
    let mut found = false;
    let mut member = |name: Value<'_>, _: Value<'_>| {
        found |= name.string().is_some_and(|name| name == "specversion");
        Ok::<(), Broken>(())
    };
    // What is broken behind the member is for the reader of events to tell.
    Scanner::new(text, usize::MAX).object(&mut member).ok();
    found
}

/// The root element tells.
fn xml_shape(content: &Bytes) -> Shape {
    let Ok(text) = prolog::to_text(content.clone()) else { return Shape::Bare };
    let bounds = Bounds { xml_attributes: usize::MAX, xml_namespaces: usize::MAX, ..Bounds::default() };
    match XmlDocument::new(&text, &bounds).and_then(|mut document| document.next()) {
        Ok(Token::Start(root)) if root.space == Space::EVENT && root.local == "batch" => Shape::Batch,
        Ok(Token::Start(root)) if root.space == Space::EVENT => Shape::Single,
        _ => Shape::Bare,
    }
}

#[cfg(test)]
mod tests {
    use super::{Shape, json_shape, xml_shape};

    #[test]
    fn events_are_told_from_payloads() {
        for (text, shape) in [
            (r#"{"a": 1, "specversion": "1.0"}"#, Shape::Single),
            ("  {\"sp\\u0065cversion\": 1", Shape::Single),
            (r#"{"data": {"specversion": "1.0"}}"#, Shape::Bare),
            (r#"[{"specversion": "1.0"}, {"specversion": "1.0"}]"#, Shape::Batch),
            (r#"[{"specversion": "1.0"}, {}]"#, Shape::Bare),
            ("[]", Shape::Bare),
            ("5", Shape::Bare),
            ("", Shape::Bare),
        ] {
            assert_eq!(json_shape(text.as_bytes()), shape, "{text}");
        }
        let event = "<x:event xmlns:x=\"http://cloudevents.io/xmlformat/V1\">";
        assert_eq!(xml_shape(&event.into()), Shape::Single);
        assert_eq!(xml_shape(&event.replace("x:event", "x:batch").into()), Shape::Batch);
        assert_eq!(xml_shape(&"<event/>".into()), Shape::Bare);
        assert_eq!(xml_shape(&"nothing".into()), Shape::Bare);
    }
}
