//! What must hold for every input: one function for each target, which fails by panicking. `tests/it/fuzz_corpus.rs` runs them
//! over the committed corpus.

use bytes::Bytes;
use signalbox::cloudevents::format::{BatchBounds, Format};
use signalbox::cloudevents::headers::{decode as decode_header, encode as encode_header};
use signalbox::cloudevents::media_type::MediaType;
use signalbox::cloudevents::reader::{Bounds, Lenient};
use signalbox::cloudevents::timestamp::Instant;
use signalbox::cloudevents::{Event, http, json, xml};
use signalbox::conversion::declaration::Conversion;
use signalbox::conversion::rules::Rules;
use signalbox::conversion::{from_xml, to_xml};
use signalbox::decode::body::Encoding;
use signalbox::decode::{Decoded, Limits, decode};
use std::collections::BTreeMap;

/// The limits of a gateway as it comes.
pub const LIMITS: Limits = Limits {
    event_bytes: 512 << 10,
    body_bytes: 4 << 20,
    batch_events: 1000,
    attributes: 256,
    json_depth: 128,
    xml_depth: 128,
    xml_attributes: 256,
    xml_namespaces: 64,
    lenient: Lenient { uppercase_names: false, invalid_names: false, dataschema_fragment: false },
};

/// Reads a document as one event and as a batch. What is an event survives the way out and in again, in its own format
/// and in every other.
pub fn document(format: Format, document: &[u8]) {
    let body = Bytes::copy_from_slice(document);
    if let Ok(event) = format.read(body.clone(), &LIMITS.bounds()) {
        survives(&event);
    }
    let Some(batch) = format.batch() else { return };
    let caps = BatchBounds { events: LIMITS.batch_events, event_bytes: LIMITS.event_bytes };
    if let Ok(elements) = batch.read(body, caps, &LIMITS.bounds()) {
        elements.iter().flatten().take(8).for_each(survives);
    }
}

/// Reads a request of any mode: header lines, an empty line, the body.
pub fn request(request: &[u8]) {
    let end = request.windows(2).position(|pair| pair == b"\n\n");
    let (head, body) = end.map_or((request, &b""[..]), |end| (&request[..end], &request[end + 2..]));
    let lines = head.split(|byte| *byte == b'\n').filter_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        Some((str::from_utf8(&line[..colon]).ok()?, line[colon + 1..].trim_ascii()))
    });
    let headers: Vec<(&str, &[u8])> = lines.collect();
    let read = Encoding::of(headers.iter().copied())
        .and_then(|encoding| encoding.decompress(Bytes::copy_from_slice(body), LIMITS.body_bytes))
        .and_then(|body| decode(headers.iter().copied(), body, &LIMITS));
    match read {
        Ok(Decoded::Single(event)) => binary_mode_keeps(&event),
        Ok(Decoded::Batch(events)) => events.iter().take(4).for_each(binary_mode_keeps),
        Err(refusal) => assert!(!refusal.detail.is_empty()),
    }
}

fn binary_mode_keeps(event: &Event) {
    survives(event);
    let (headers, body) = http::write_binary(event);
    let received = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let again = http::read_binary(received, body.unwrap_or_default(), &LIMITS.bounds());
    let again = again.unwrap_or_else(|fault| panic!("binary mode does not read what it wrote: {fault}: {event:?}"));
    for attribute in &event.attributes {
        assert_eq!(again.attribute(attribute.name), Some(attribute.value.text));
    }
}

/// Decodes a header value and encodes it again: any is decoded or refused, any text survives.
pub fn header_value(value: &[u8]) {
    if let Some(text) = decode_header(value) {
        let coded = encode_header(&text);
        assert!(coded.bytes().all(|byte| matches!(byte, b'!'..=b'~')), "{coded:?}");
        assert_eq!(decode_header(coded.as_bytes()).as_deref(), Some(&*text));
    }
    if let Ok(text) = str::from_utf8(value) {
        assert_eq!(decode_header(encode_header(text).as_bytes()).as_deref(), Some(text));
        let charset = MediaType::parse(text).and_then(|media_type| media_type.charset());
        assert!(charset.is_none_or(|charset| charset.len() <= text.len()));
    }
}

/// A declaration of rules on the first line, a payload behind it: what is converted is a document of the other kind.
pub fn conversion_rules(input: &[u8]) {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (declaration, payload) = (&input[..end], input.get(end + 1..).unwrap_or_default());
    let Ok(declaration) = serde_json::from_slice::<Conversion>(declaration) else { return };
    let Ok(rules) = Rules::compile(&declaration) else { return };
    let xml = to_xml(&rules, payload).ok().unwrap_or_else(|| Bytes::copy_from_slice(payload));
    if let Ok(json) = from_xml(&rules, &xml, None) {
        assert!(json::scan::document(&json).is_some(), "{json:?}");
    }
    if let Ok(written) = to_xml(&rules, payload) {
        assert!(canonical(&written).is_some(), "{written:?}");
    }
}

/// Every format gives the event back with equal attributes and data.
pub fn survives(event: &Event) {
    // Our own documents may be deeper than what others send: data of binary mode has no depth.
    let bounds = Bounds { json_depth: usize::MAX, json_bytes: usize::MAX, ..LIMITS.bounds() };
    for format in Format::ALL {
        // XML has no name for attributes that start with a digit.
        let Ok(written) = format.write(event) else { continue };
        let again = match format.read(written, &bounds) {
            Ok(again) => again,
            Err(fault) => panic!("{format:?} does not read what it wrote: {fault}: {event:?}"),
        };
        assert_eq!(attributes(&again), attributes(event), "{format:?}");
        assert_eq!(content(&again), content(event), "{format:?}: {event:?}");
    }
}

/// Attributes by name, times by their instant, those the data implies among them.
fn attributes(event: &Event) -> BTreeMap<String, String> {
    let stated = event.attributes.iter().map(|one| (one.name.to_string(), one.value.text.to_string()));
    let required =
        ["id", "source", "type"].map(|name| (name.to_owned(), event.attribute(name).unwrap_or_default().to_owned()));
    let implied = event.implied().map(|(name, text)| (name.to_owned(), text.into_owned()));
    let all = stated.chain(required).chain(implied);
    all.map(|(name, text)| {
        let instant = Instant::parse(&text).map(|instant| instant.to_string());
        (name, instant.unwrap_or(text))
    })
    .collect()
}

/// The bytes of the data in the form in which they are equal: JSON without the blanks around it, XML as what its reader
/// makes of it.
fn content(event: &Event) -> Option<Vec<u8>> {
    let bytes = event.data.bytes()?;
    let media_type = event.media_type().and_then(MediaType::parse);
    if media_type.is_some_and(|media_type| media_type.is_json()) {
        return Some(json::scan::document(&bytes).map_or(bytes.to_vec(), |text| text.as_bytes().to_vec()));
    }
    if media_type.is_some_and(|media_type| media_type.is_xml())
        && let Some(canonical) = canonical(&bytes)
    {
        return Some(canonical);
    }
    Some(bytes.to_vec())
}

/// The root element as names with their namespaces, attributes in order, and texts; `None` for what is not XML.
fn canonical(bytes: &Bytes) -> Option<Vec<u8>> {
    use std::fmt::Write;
    use xml::document::{Document, Token};
    let text = xml::prolog::to_text(bytes.clone()).ok()?;
    let bounds =
        Bounds { xml_depth: usize::MAX, xml_attributes: usize::MAX, xml_namespaces: usize::MAX, ..LIMITS.bounds() };
    let mut document = Document::new(&text, &bounds).ok()?;
    let mut out = String::new();
    loop {
        match document.next().ok()? {
            Token::Start(element) => {
                let mut attributes: Vec<_> = document
                    .attributes()
                    .map(|(space, name, value)| format!("{}:{name}={value:?}", document.scope().name_of(space)))
                    .collect();
                attributes.sort();
                let space = document.scope().name_of(element.space);
                write!(out, "<{space}:{} {attributes:?}>", element.local).ok()?;
            }
            Token::End => out.push_str("</>"),
            Token::Text(text) => out.push_str(&text),
            Token::Complete => return Some(out.into_bytes()),
        }
    }
}
