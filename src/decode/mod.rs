//! Bytes become events: the request head and body of any binding, chosen by content type.

pub mod body;
mod zstd_frames;

use crate::cloudevents::format::{BatchBounds, BatchFormat};
use crate::cloudevents::headers::attribute_of;
use crate::cloudevents::media_type::MediaType;
use crate::cloudevents::reader::{Bounds, Fault, Lenient, shown};
use crate::cloudevents::{Event, Format, Violation, http};
use crate::codes::Code;
use bytes::Bytes;

/// Caps on what one request may hold (signalbox.yaml `limits:`).
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of one event in its wire form.
    pub event_bytes: usize,
    /// Bytes of a body after decompression.
    pub body_bytes: usize,
    /// Events in one batch.
    pub batch_events: usize,
    /// Attributes of one event.
    pub attributes: usize,
    /// Nesting of JSON.
    pub json_depth: usize,
    /// Nesting of XML.
    pub xml_depth: usize,
    /// XML attributes of one element.
    pub xml_attributes: usize,
    /// Namespaces declared at one place of an XML document.
    pub xml_namespaces: usize,
    /// What is let pass beyond the specification (`listeners[].lenient`).
    pub lenient: Lenient,
}

/// What a request held.
#[derive(Debug, Clone, PartialEq)]
pub enum Decoded {
    /// One event, binary or structured.
    Single(Event),
    /// A batch, perhaps empty.
    Batch(Vec<Event>),
}

/// What a request held, each element of a batch judged alone.
#[derive(Debug, Clone, PartialEq)]
pub enum Opened {
    /// One event, binary or structured.
    Single(Event),
    /// A batch, perhaps empty: its good elements and its bad ones, each with its index.
    Batch(Vec<(usize, Event)>, Vec<(usize, Fault)>),
}

/// Why it holds no events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Which rule.
    pub code: Code,
    /// One sentence for people.
    pub detail: String,
    /// Every violation with the index of its batch element.
    pub violations: Vec<(Option<usize>, Violation)>,
}

/// Reads the events of one message. `headers` are as received (names in any case, values as bytes); `body` is already
/// decompressed.
///
/// The media type decides: CloudEvents' own say structured or batched, and then the body alone counts and `ce-` headers
/// are ignored; any other is binary mode if there are `ce-` headers.
pub fn decode<'h>(
    headers: impl Iterator<Item = (&'h str, &'h [u8])> + Clone,
    body: Bytes,
    limits: &Limits,
) -> Result<Decoded, Refusal> {
    match open(headers, body, limits)? {
        Opened::Single(event) => Ok(Decoded::Single(event)),
        Opened::Batch(_, bad) if !bad.is_empty() => Err(Refusal::of_elements(bad)),
        Opened::Batch(good, _) => Ok(Decoded::Batch(good.into_iter().map(|(_, event)| event).collect())),
    }
}

/// As [`decode`], but a batch whose envelope can be split is no refusal, however bad its elements are.
pub fn open<'h>(
    headers: impl Iterator<Item = (&'h str, &'h [u8])> + Clone,
    body: Bytes,
    limits: &Limits,
) -> Result<Opened, Refusal> {
    match mode_of(headers.clone())? {
        Mode::Batched(format) => batch(format, body, limits),
        Mode::Structured(format) => {
            check_size(body.len(), limits)?;
            Ok(Opened::Single(format.read(body, &limits.bounds())?))
        }
        Mode::Binary => {
            let attributes = headers.clone().filter(|(name, _)| http::is_event_header(name));
            check_size(body.len() + attributes.map(|(name, value)| name.len() + value.len()).sum::<usize>(), limits)?;
            Ok(Opened::Single(http::read_binary(headers, body, &limits.bounds())?))
        }
    }
}

/// How the events of a message are framed.
enum Mode {
    Binary,
    Structured(Format),
    Batched(BatchFormat),
}

fn mode_of<'h>(headers: impl Iterator<Item = (&'h str, &'h [u8])> + Clone) -> Result<Mode, Refusal> {
    let mut content_types = headers.clone().filter(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let content_type = content_types.next().map(|(_, value)| value);
    if content_types.next().is_some() {
        let violation = Violation::new("/datacontenttype", "there is more than one Content-Type header");
        return Err(Fault::of(Code::Malformed, vec![violation]).into());
    }
    let text = content_type.and_then(|value| str::from_utf8(value).ok());
    let media_type = text.and_then(MediaType::parse);
    let event_media = media_type.and_then(|media_type| media_type.event_media());
    let (Some(media_type), Some(event_media)) = (media_type, event_media) else {
        let has_attributes = headers.clone().any(|(name, _)| attribute_of(name).is_some());
        return if has_attributes { Ok(Mode::Binary) } else { Err(not_an_event(text)) };
    };
    let unsupported = |detail: String| Refusal::from(Fault::new(Code::UnknownMediaType, detail));
    let Some(format) = Format::of_suffix(event_media.format) else {
        return Err(unsupported(format!("the event format `{}` is not supported", shown(event_media.format))));
    };
    if format.is_text() && !media_type.is_utf8() {
        return Err(unsupported(format!("the event format `{}` is UTF-8 only", format.name())));
    }
    match format.batch() {
        _ if !event_media.batch => Ok(Mode::Structured(format)),
        Some(batch) => Ok(Mode::Batched(batch)),
        None => Err(unsupported(format!("the event format `{}` has no batches", format.name()))),
    }
}

fn not_an_event(content_type: Option<&str>) -> Refusal {
    let has = match content_type {
        Some(text) => format!("the Content-Type `{}` is not one of CloudEvents", shown(text)),
        None => String::from("there is no Content-Type"),
    };
    Fault::new(Code::NotAnEvent, format!("{has}, and there are no ce- headers")).into()
}

fn check_size(bytes: usize, limits: &Limits) -> Result<(), Refusal> {
    if bytes <= limits.event_bytes {
        return Ok(());
    }
    let detail = format!("the event has {bytes} bytes, more than {}", limits.event_bytes);
    Err(Fault::new(Code::EventTooLarge, detail).into())
}

fn batch(format: BatchFormat, body: Bytes, limits: &Limits) -> Result<Opened, Refusal> {
    let caps = BatchBounds { events: limits.batch_events, event_bytes: limits.event_bytes };
    let elements = format.read(body, caps, &limits.bounds())?;
    let (mut good, mut bad) = (Vec::with_capacity(elements.len()), Vec::new());
    for (index, element) in elements.into_iter().enumerate() {
        match element {
            Ok(event) => good.push((index, event)),
            Err(fault) => bad.push((index, fault)),
        }
    }
    Ok(Opened::Batch(good, bad))
}

impl Refusal {
    /// The refusal of a whole batch for its bad elements: it names every one, and has the code of the first.
    pub fn of_elements(bad: Vec<(usize, Fault)>) -> Refusal {
        let Some((index, first)) = bad.first() else { return Fault::new(Code::Malformed, "the batch is bad").into() };
        let others = match bad.len() {
            1 => String::new(),
            count => format!("; {count} elements are bad in all"),
        };
        let (code, detail) = (first.code, format!("element {index} of the batch: {}{others}", first.detail));
        Refusal { code, detail, violations: indexed(bad) }
    }
}

fn indexed(faults: Vec<(usize, Fault)>) -> Vec<(Option<usize>, Violation)> {
    let mut violations = Vec::new();
    for (index, fault) in faults {
        if fault.violations.is_empty() {
            violations.push((Some(index), Violation::new("", fault.detail)));
        } else {
            violations.extend(fault.violations.into_iter().map(|violation| (Some(index), violation)));
        }
    }
    violations
}

impl Limits {
    /// Takes every event that fits into memory, for tools whose user is the producer.
    pub const UNLIMITED: Limits = Limits {
        event_bytes: usize::MAX,
        body_bytes: usize::MAX,
        batch_events: usize::MAX,
        attributes: usize::MAX,
        json_depth: usize::MAX,
        xml_depth: usize::MAX,
        xml_attributes: usize::MAX,
        xml_namespaces: usize::MAX,
        lenient: Lenient { uppercase_names: false, invalid_names: false, dataschema_fragment: false },
    };

    /// The caps that every reader of events takes.
    pub fn bounds(&self) -> Bounds {
        Bounds {
            attributes: self.attributes,
            json_depth: self.json_depth,
            json_bytes: self.event_bytes,
            xml_depth: self.xml_depth,
            xml_attributes: self.xml_attributes,
            xml_namespaces: self.xml_namespaces,
            lenient: self.lenient,
            violations: usize::MAX,
        }
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Refusal {
        let violations = fault.violations.into_iter().map(|violation| (None, violation)).collect();
        Refusal { code: fault.code, detail: fault.detail, violations }
    }
}

#[cfg(test)]
mod tests;
