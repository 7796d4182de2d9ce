//! XML format in: one event, or a batch. What stands in an event is read by [`super::parts`].

use super::characters::is_blank;
use super::document::{Document, Element, Token};
use super::parts::{Parts, Repetitions};
use super::prolog;
use super::scope::Space;
use crate::cloudevents::Event;
use crate::cloudevents::reader::{Bounds, Fault, Told, shown};
use crate::codes::Code;
use bytes::Bytes;
use bytestring::ByteString;

/// Reads one event. Its data shares the memory of `body` unless most of `body` is something else.
pub fn read(body: Bytes, bounds: &Bounds) -> Result<Event, Fault> {
    let text = prolog::to_text(body)?;
    let mut document = Document::new(&text, bounds)?;
    root(&mut document, "event")?;
    let parts = Parts::read(&mut document, &text, bounds, &mut Repetitions::of(&text))?;
    complete(&mut document)?;
    parts.finish()
}

/// Reads a batch of at most `most` events, each of at most `event_bytes` bytes of XML text. The outer fault is one of
/// the whole document; an inner one is of one element. Data of a larger batch gets memory of its own.
pub fn read_batch(
    body: Bytes,
    most: usize,
    event_bytes: usize,
    bounds: &Bounds,
) -> Result<Vec<Result<Event, Fault>>, Fault> {
    let text = prolog::to_text(body)?;
    // What the batch holds are events of their own: it does not count as a level of their nesting.
    let deeper = Bounds { xml_depth: bounds.xml_depth.saturating_add(1), ..*bounds };
    let mut document = Document::new(&text, &deeper)?;
    root(&mut document, "batch")?;
    let mut events = Vec::new();
    let mut repetitions = Repetitions::of(&text);
    let mut told = Told::default();
    loop {
        let element = match document.next()? {
            Token::Start(element) => element,
            Token::Text(text) if is_blank(&text) => continue,
            Token::Text(_) => return Err(Fault::new(Code::Malformed, "text stands between the events of the batch")),
            Token::End | Token::Complete => break,
        };
        if element.space != Space::EVENT {
            document.skip()?;
            continue;
        }
        if events.len() == most {
            return Err(Fault::new(Code::BatchTooLong, format!("the batch holds more than {most} events")));
        }
        let bounds = told.bounds(bounds);
        let read = batch_element(&mut document, &element, &text, event_bytes, &bounds, &mut repetitions)?;
        events.push(told.count(read, &bounds));
    }
    complete(&mut document)?;
    Ok(events)
}

fn batch_element<'t>(
    document: &mut Document<'t>,
    element: &Element<'t>,
    text: &'t ByteString,
    event_bytes: usize,
    bounds: &Bounds,
    repetitions: &mut Repetitions,
) -> Result<Result<Event, Fault>, Fault> {
    if element.local != "event" {
        document.skip()?;
        let detail = format!("a batch holds `event` elements only, not `{}`", shown(element.name));
        return Ok(Err(Fault::new(Code::Malformed, detail)));
    }
    let parts = Parts::read(document, text, bounds, repetitions)?;
    let bytes = document.position() - element.start;
    if bytes > event_bytes {
        let detail = format!("the event has {bytes} bytes, more than {event_bytes}");
        return Ok(Err(Fault::new(Code::EventTooLarge, detail)));
    }
    Ok(parts.finish())
}

/// Enters the root element, which has to be this one of the format.
fn root(document: &mut Document<'_>, local: &str) -> Result<(), Fault> {
    match document.next()? {
        Token::Start(element) if element.space == Space::EVENT && element.local == local => Ok(()),
        Token::Start(element) => {
            let name = shown(element.name);
            let detail = format!("the root element `{name}` is not `{local}` of the namespace `{}`", super::NAMESPACE);
            Err(Fault::new(Code::Malformed, detail))
        }
        Token::End | Token::Text(_) | Token::Complete => Err(Fault::new(Code::Malformed, "there is no root element")),
    }
}

/// Nothing but comments and processing instructions may stand behind the root element.
fn complete(document: &mut Document<'_>) -> Result<(), Fault> {
    document.next().map(drop)
}
