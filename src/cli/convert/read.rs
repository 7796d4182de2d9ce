//! What a file holds: events of a format, or bare payloads.

use super::{Args, Format, Item};
use crate::cli::failure::Failure;
use crate::cli::send::input::{bad_file, bytes_of, invalid};
use crate::cloudevents::json::scan::Scanner;
use crate::cloudevents::json::value::{Broken, Value};
use crate::cloudevents::reader::Bounds;
use crate::cloudevents::xml::document::{Document, Token};
use crate::cloudevents::xml::prolog;
use crate::cloudevents::xml::scope::Space;
use crate::codes::Code;
use crate::decode::{self, Decoded, Limits};
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

/// Everything in the file, in order. Bare payloads are taken only with rules.
pub fn items(args: &Args, with_rules: bool) -> Result<Vec<Item>, Failure> {
    read(args, with_rules).map_err(|failure| failure.hint(NOTHING_DONE))
}

fn read(args: &Args, with_rules: bool) -> Result<Vec<Item>, Failure> {
    let content = Bytes::from(bytes_of(args.file())?);
    match args.from() {
        Format::Xml => document("xml", &content, xml_shape(&content), args.batch, with_rules, None),
        Format::Json => document("json", &content, json_shape(&content), args.batch, with_rules, None),
        Format::Ndjson => {
            let lines = content.split(|byte| *byte == b'\n').map(|line| content.slice_ref(line.trim_ascii()));
            let mut items = Vec::new();
            for (index, line) in lines.filter(|line| !line.is_empty()).enumerate() {
                items.extend(document("json", &line, json_shape(&line), false, with_rules, Some(index))?);
            }
            if items.is_empty() {
                return Err(bad_file(args.file(), "it holds no event", Code::NotAnEvent));
            }
            Ok(items)
        }
    }
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
    let content = Bytes::from(bytes_of(file)?);
    let is_xml = content.trim_ascii_start().starts_with(b"<");
    let (format, shape) = if is_xml { ("xml", xml_shape(&content)) } else { ("json", json_shape(&content)) };
    Ok(match document(format, &content, shape, false, true, None) {
        Ok(items) => Sample::Items(items),
        Err(failure) => Sample::Broken(failure.to_string()),
    })
}

fn document(
    format: &str,
    content: &Bytes,
    shape: Shape,
    batch: bool,
    with_rules: bool,
    index: Option<usize>,
) -> Result<Vec<Item>, Failure> {
    if shape == Shape::Bare && with_rules && !batch {
        return Ok(vec![Item::Bare(content.clone())]);
    }
    let batch = shape == Shape::Batch || batch && shape == Shape::Bare;
    let media_type = format!("application/cloudevents{}+{format}", if batch { "-batch" } else { "" });
    let headers = [("content-type", media_type.as_bytes())];
    // How large and how deep an event may be is the gateway's to say.
    let decoded = decode::decode(headers.into_iter(), content.clone(), &Limits::UNLIMITED);
    let events = match decoded.map_err(|refusal| invalid(&refusal, index))? {
        Decoded::Single(event) => vec![event],
        Decoded::Batch(events) => events,
    };
    Ok(events.into_iter().map(|event| Item::Event(Box::new(event))).collect())
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
    match Document::new(&text, &bounds).and_then(|mut document| document.next()) {
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
