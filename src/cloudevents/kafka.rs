//! Kafka protocol binding, both directions. Unlike HTTP and NATS it writes attributes as they are: `ce_` headers of plain
//! UTF-8, never percent-coded (Kafka binding §3.2.3).

use super::attributes::{Draft, REQUIRED};
use super::headers::{self, Headers};
use super::media_type::MediaType;
use super::reader::{Bounds, Fault};
use super::{Data, Event, Format};
use crate::codes::Code;
use bytes::Bytes;
use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// The header that holds the media type, of the data or of the event.
pub const CONTENT_TYPE: &str = "content-type";
/// Prefix of the headers that hold attributes.
const PREFIX: &str = "ce_";

/// A header of a record; its value may be null.
pub type Header<'h> = (&'h str, Option<&'h [u8]>);

/// Reads a record of any mode (specs.md §8): a CloudEvents `content-type` says structured, everything else is binary, which
/// needs `ce_specversion`. A null value is an event without data, an empty one is empty data.
pub fn read<'h>(
    headers: impl Iterator<Item = Header<'h>> + Clone,
    value: Option<Bytes>,
    bounds: &Bounds,
) -> Result<Event, Fault> {
    let mut content_type = headers.clone().filter(|(name, _)| name.eq_ignore_ascii_case(CONTENT_TYPE));
    let content_type = content_type.find_map(|(_, value)| str::from_utf8(value?).ok());
    let event_media = content_type.and_then(MediaType::parse).and_then(|media_type| media_type.event_media());
    match (event_media, value) {
        (Some(_), None) => Err(Fault::new(Code::NotAnEvent, "a structured record needs a value, and this one is null")),
        (Some(media), Some(value)) => Format::of_media(media)?.read(value, bounds),
        (None, value) if headers.clone().any(|(name, _)| is_attribute(name, "specversion")) => {
            read_binary(headers, value, bounds)
        }
        (None, _) => {
            let detail = "the record has neither a CloudEvents content-type nor ce_specversion";
            Err(Fault::new(Code::NotAnEvent, detail))
        }
    }
}

/// Reads a binary-mode record. A header that stands twice with the same value counts once; one whose value is null is
/// absent. The media type of the data is `content-type`; `ce_datacontenttype`, which some senders write, is taken where
/// the other is absent or says the same.
pub fn read_binary<'h>(
    headers: impl Iterator<Item = Header<'h>> + Clone,
    value: Option<Bytes>,
    bounds: &Bounds,
) -> Result<Event, Fault> {
    let mut draft = Draft::within(bounds);
    let mut seen: HashMap<String, Option<&[u8]>> = HashMap::new();
    for (name, value) in headers {
        let attribute = match attribute_of(name) {
            Some(attribute) => attribute,
            None if name.eq_ignore_ascii_case(CONTENT_TYPE) => "datacontenttype",
            None => continue,
        };
        match seen.entry(attribute.to_ascii_lowercase()) {
            Entry::Occupied(known) if *known.get() == value => continue,
            // Two media types that differ are one violation, whichever headers they stand in.
            Entry::Occupied(_) if attribute.eq_ignore_ascii_case("datacontenttype") => {
                draft.refuse(headers::second_datacontenttype(name));
                continue;
            }
            Entry::Occupied(_) => {}
            Entry::Vacant(free) => {
                free.insert(value);
            }
        }
        match value {
            Some(value) => headers::take_plain(&mut draft, attribute, value),
            None => draft.add_null(&headers::lower_case(attribute)),
        }
    }
    draft.finish(value.map_or(Data::Absent, Data::Binary))
}

/// Writes a binary-mode record: headers, and the value if the event has data. Without data the value is null, which deletes
/// the key on a compacted topic.
pub fn write_binary(event: &Event) -> (Headers, Option<Bytes>) {
    let required = REQUIRED.into_iter().filter_map(|name| Some((name, event.attribute(name)?)));
    let others = event.attributes.iter().map(|attribute| (attribute.name, attribute.value.text));
    let mut out = Vec::with_capacity(event.attributes.len() + 6);
    let stated = required.chain(others).map(|(name, text)| (name, Cow::Borrowed(text)));
    for (name, text) in stated.chain(event.implied()).filter(|(name, _)| *name != "datacontenttype") {
        out.push((format!("{PREFIX}{name}"), text.into_owned()));
    }
    out.extend(event.media_type().map(|media_type| (CONTENT_TYPE.to_owned(), media_type.to_owned())));
    (out, event.data.bytes())
}

/// The attribute a header is for: the name behind `ce_`, in any case.
fn attribute_of(header: &str) -> Option<&str> {
    let (prefix, name) = header.split_at_checked(PREFIX.len())?;
    prefix.eq_ignore_ascii_case(PREFIX).then_some(name)
}

fn is_attribute(header: &str, name: &str) -> bool {
    attribute_of(header).is_some_and(|attribute| attribute.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::{Header, read, write_binary};
    use crate::cloudevents::reader::{Bounds, Fault};
    use crate::cloudevents::{Data, Event, json, xml};
    use crate::codes::Code;
    use bytes::Bytes;
    use proptest::prelude::{any, proptest};

    const STRUCTURED: &str = r#"{"specversion":"1.0","id":"1","source":"/a","type":"t"}"#;
    const REQUIRED: [Header<'static>; 4] =
        [("ce_specversion", Some(b"1.0")), ("ce_id", Some(b"1")), ("ce_source", Some(b"/a")), ("ce_type", Some(b"t"))];

    fn receive(headers: &[Header<'static>], value: Option<&'static str>) -> Result<Event, Fault> {
        read(headers.iter().copied(), value.map(Bytes::from), &Bounds::default())
    }

    fn with(headers: &[Header<'static>]) -> Result<Event, Fault> {
        receive(&[&REQUIRED, headers].concat(), Some("x"))
    }

    #[test]
    fn the_mode_is_told_by_the_content_type() {
        for content_type in [&b"application/cloudevents+json"[..], b"Application/CloudEvents; charset=utf-8"] {
            for name in ["content-type", "Content-Type"] {
                let headers = [(name, Some(content_type)), ("ce_id", Some(&b"smuggled"[..]))];
                assert_eq!(receive(&headers, Some(STRUCTURED)).map(|event| event.id), Ok("1".into()));
            }
        }
        let event = receive(&REQUIRED, None).unwrap();
        let xml = read(
            [("content-type", Some(&b"application/cloudevents+xml"[..]))].into_iter(),
            Some(xml::write(&event).unwrap()),
            &Bounds::default(),
        );
        assert_eq!(xml.unwrap(), event);
        // A document of an event without a content type is the data of a binary event.
        assert_eq!(receive(&REQUIRED, Some(STRUCTURED)).unwrap().data, Data::Binary(STRUCTURED.into()));
        assert_eq!(with(&[("CE_Subject", Some(b"s"))]).unwrap().attribute("subject"), Some("s"));
    }

    #[test]
    fn what_is_no_event_is_told_apart() {
        let structured = ("content-type", Some(&b"application/cloudevents+json"[..]));
        for (headers, value, code) in [
            (&[][..], Some(STRUCTURED), Code::NotAnEvent),
            (&[("ce-specversion", Some(&b"1.0"[..]))], None, Code::NotAnEvent),
            (&[structured], None, Code::NotAnEvent),
            (&[structured], Some(""), Code::Malformed),
            (&[("content-type", Some(b"application/cloudevents+cbor"))], Some("<a/>"), Code::UnknownMediaType),
            (&[("content-type", Some(b"application/cloudevents-batch+json"))], Some("[]"), Code::UnknownMediaType),
            (&[("ce_specversion", Some(b"1.0"))], None, Code::InvalidEvent),
            (&[("ce_specversion", None)], None, Code::InvalidEvent),
            (&[("content-type", None)], Some("x"), Code::NotAnEvent),
        ] {
            assert_eq!(receive(headers, value).map_err(|fault| fault.code), Err(code), "{headers:?} {value:?}");
        }
    }

    #[test]
    fn a_null_value_is_no_data_and_an_empty_one_is_empty_data() {
        assert_eq!(receive(&REQUIRED, None).unwrap().data, Data::Absent);
        assert_eq!(receive(&REQUIRED, Some("")).unwrap().data, Data::Binary(Bytes::new()));
        let event = |value| receive(&REQUIRED, value).unwrap();
        assert_eq!(write_binary(&event(None)).1, None);
        assert_eq!(write_binary(&event(Some(""))).1, Some(Bytes::new()));
    }

    #[test]
    fn values_are_plain_utf8_and_never_decoded() {
        let event = with(&[("ce_ext", Some("100%25 \"é\" a%20b".as_bytes()))]).unwrap();
        assert_eq!(event.attribute("ext"), Some("100%25 \"é\" a%20b"));
        assert_eq!(with(&[("ce_ext", Some(b"\xff"))]).map_err(|fault| fault.code), Err(Code::InvalidEvent));
    }

    #[test]
    fn null_and_repeated_headers_do_no_harm() {
        let event = with(&[("ce_a", None), ("ce_b", Some(b"1")), ("ce_b", Some(b"1")), ("x", None), ("x", None)]);
        let event = event.unwrap();
        assert_eq!((event.attribute("a"), event.attribute("b")), (None, Some("1")));
        for twice in [[("ce_b", Some(&b"1"[..])), ("CE_B", Some(b"2"))], [("ce_b", Some(b"1")), ("ce_b", None)]] {
            assert_eq!(with(&twice).map_err(|fault| fault.code), Err(Code::Malformed), "{twice:?}");
        }
        assert_eq!(with(&[("ce_", Some(b"1"))]).map_err(|fault| fault.code), Err(Code::InvalidEvent));
    }

    #[test]
    fn the_media_type_of_the_data_is_read_in_both_spellings() {
        let (own, other) =
            (("content-type", Some(&b"text/plain"[..])), ("ce_datacontenttype", Some(&b"text/plain"[..])));
        for headers in [&[own][..], &[other], &[own, other], &[other, own], &[own, own]] {
            assert_eq!(with(headers).unwrap().datacontenttype(), Some("text/plain"), "{headers:?}");
        }
        let html = ("content-type", Some(&b"text/html"[..]));
        assert_eq!(with(&[other, html]).map_err(|fault| fault.code), Err(Code::InvalidEvent));
    }

    #[test]
    fn binary_mode_writes_no_header_but_its_own() {
        let body = r#"{"specversion":"1.0","id":"a b%","source":"/a","type":"t","ext":"é\"","datacontenttype":"text/json","data":{}}"#;
        let event = json::read(body.into(), &Bounds::default()).unwrap();
        let (headers, value) = write_binary(&event);
        let expected = [
            ("ce_specversion", "1.0"),
            ("ce_id", "a b%"),
            ("ce_source", "/a"),
            ("ce_type", "t"),
            ("ce_ext", "é\""),
            ("content-type", "text/json"),
        ];
        assert_eq!(headers, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(value.as_deref(), Some(&b"{}"[..]));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(id in "[ -~é€]{1,20}", ext in "[ -~é€%]{0,20}", data in any::<Option<Vec<u8>>>()) {
            let headers = [("ce_specversion", "1.0"), ("ce_id", &id), ("ce_source", "/a"), ("ce_type", "t"), ("ce_ext", &ext)];
            let headers = headers.map(|(name, value)| (name, Some(value.as_bytes())));
            let event = read(headers.into_iter(), data.map(Bytes::from), &Bounds::default()).unwrap();
            let (headers, value) = write_binary(&event);
            let again = headers.iter().map(|(name, value)| (name.as_str(), Some(value.as_bytes())));
            assert_eq!(read(again, value, &Bounds::default()).unwrap(), event);
        }
    }
}
