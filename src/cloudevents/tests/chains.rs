//! Any valid event survives any chain of formats and modes: attributes and data stay as the matrix of specs.md §16 says.

use super::{as_received, is_allowed};
use crate::cloudevents::attributes::{Draft, expected_kind};
use crate::cloudevents::media_type::MediaType;
use crate::cloudevents::reader::Bounds;
use crate::cloudevents::timestamp::Instant;
use crate::cloudevents::{Data, Event, Format, Kind, Value, http, json, kafka, nats};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use proptest::{collection, option, sample};
use std::collections::BTreeMap;

fn text() -> impl Strategy<Value = String> {
    let odd = any::<String>().prop_map(|text| text.chars().filter(|c| is_allowed(*c)).collect());
    prop_oneof!["[ -~]{1,30}", "[a-zé€😀%\"\\\\<&>\u{10fffd}\u{fffd}\u{2028}]{1,10}", odd]
}

fn some_text() -> impl Strategy<Value = String> {
    text().prop_map(|text| if text.is_empty() { String::from("x") } else { text })
}

/// Times with and without a Protobuf Timestamp of their own.
fn time() -> impl Strategy<Value = String> {
    let odd = sample::select(vec![
        "2016-12-31t23:59:60.50+01:00",
        "2018-04-05T17:31:00.1234567890123Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:30:00+01:00",
        "9999-12-31T23:59:59.999999999Z",
        "9999-12-31T23:59:59-23:59",
        "1969-12-31T23:59:59.000000001-00:00",
    ]);
    let any = (
        0..10_000_u16,
        1..13_u8,
        1..29_u8,
        0..24_u8,
        0..60_u8,
        0..60_u8,
        "(\\.[0-9]{1,12})?",
        "Z|z|[+-]1[0-9]:[0-5][0-9]",
    )
        .prop_map(|(year, month, day, hour, minute, second, fraction, offset)| {
            format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}{offset}")
        });
    prop_oneof![odd.prop_map(String::from), any]
}

fn value() -> impl Strategy<Value = (Kind, String)> {
    let uri = sample::select(vec!["urn:a:b?x&y='z'", "HTTPS://EXAMPLE.com/%41/"]);
    let reference = sample::select(vec!["//a/?b&c#d", "#", "1-555-123-4567", ""]);
    prop_oneof![
        any::<bool>().prop_map(|value| (Kind::Boolean, value.to_string())),
        any::<i32>().prop_map(|value| (Kind::Integer, value.to_string())),
        text().prop_map(|text| (Kind::String, text)),
        Just((Kind::String, String::new())),
        collection::vec(any::<u8>(), 0..20).prop_map(|bytes| (Kind::Binary, STANDARD.encode(bytes))),
        uri.prop_map(|text| (Kind::Uri, text.to_owned())),
        reference.prop_map(|text| (Kind::UriReference, text.to_owned())),
        time().prop_map(|text| (Kind::Timestamp, text)),
    ]
}

/// Data in every form a reader can give it, with its `datacontenttype`.
fn data() -> impl Strategy<Value = (Option<&'static str>, Data)> {
    const JSON: [&str; 5] = [
        "null",
        "\"t\\u0000\"",
        " [1.10, 1e400 , 123456789012345678901234567890]\n",
        "{\"b\":1,\"a\":{},\r\n\"b\":2}",
        "{",
    ];
    const XML: [&str; 4] = [
        "<a/>",
        "<a xmlns='urn:a' xmlns:b=\"urn:b\" b:c='&lt;'>\r\n<![CDATA[x]]><!-- c --></a>",
        "<!DOCTYPE a><a/>",
        "<a>",
    ];
    let json_type =
        || sample::select(vec![Some("application/json"), Some("a/b+JSON; v=\"1\""), Some("text/json; charset=latin1")]);
    let xml_type =
        || sample::select(vec![Some("application/xml"), Some("image/svg+xml; charset=utf-8"), Some("text/xml")]);
    let other_type = || sample::select(vec![None, Some("image/png"), Some("application/x-www-form-urlencoded")]);
    let text_type = || {
        sample::select(vec![Some("text/plain"), Some("text/html; charset=UTF-8"), Some("text/plain; charset=latin1")])
    };
    let any_type = || prop_oneof![json_type(), xml_type(), text_type(), other_type()];
    let bytes = |text: &'static str| Data::Binary(text.into());
    let opaque = || collection::vec(any::<u8>(), 0..50).prop_map(|bytes| Data::Binary(bytes.into()));
    let well_formed = |all: &'static [&'static str]| sample::select(all);
    prop_oneof![
        (any_type(), Just(Data::Absent)),
        (any_type(), opaque()),
        (any_type(), any::<String>().prop_map(|text| Data::Text(text.into()))),
        (any_type(), any::<String>().prop_map(|text| Data::Binary(text.into()))),
        (json_type(), sample::select(&JSON[..]).prop_map(bytes)),
        (prop_oneof![Just(None), json_type()], well_formed(&JSON[..4]).prop_map(|text| Data::Json(text.trim().into()))),
        (xml_type(), sample::select(&XML[..]).prop_map(bytes)),
        (prop_oneof![Just(None), xml_type()], well_formed(&XML[..2]).prop_map(|text| Data::Xml(text.into()))),
        (
            sample::select(vec![None, Some("application/x-protobuf")]),
            (sample::select(vec!["type.example/a.B", "urn:a:B", ""]), any::<Vec<u8>>())
                .prop_map(|(type_url, value)| Data::Proto { type_url: type_url.into(), value: value.into() })
        ),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let source = sample::select(vec!["/a/b", "#fragment", "urn:x:y", "https://a.example/?q=%20"]);
    let schema = sample::select(vec!["urn:example:a", "HTTPS://EXAMPLE.com/%41/"]);
    let optional = (option::of(some_text()), option::of(time()), option::of(schema));
    let extensions = collection::btree_map("x[a-z0-9]{0,25}", value(), 0..6);
    (some_text(), source, some_text(), optional, extensions, data()).prop_map(
        |(id, source, ty, (subject, time, schema), extensions, (media_type, data))| {
            let mut draft = Draft::within(&Bounds::default());
            for (name, text) in [("type", &*ty), ("id", &*id), ("source", source), ("specversion", "1.0")] {
                draft.add(name, Kind::String, text);
            }
            for (name, (kind, text)) in extensions {
                draft.add(&name, kind, &text);
            }
            let optional = [("subject", subject), ("time", time), ("dataschema", schema.map(String::from))];
            for (name, text) in optional.into_iter().chain([("datacontenttype", media_type.map(String::from))]) {
                if let Some(text) = text {
                    draft.add(name, Kind::String, &text);
                }
            }
            draft.finish(data).unwrap()
        },
    )
}

/// A way for an event from one place to the next.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Structured(Format),
    Http,
    Nats,
    Kafka,
}

fn way() -> impl Strategy<Value = Way> {
    let formats = Format::ALL.map(Way::Structured);
    sample::select([&formats[..], &formats, &[Way::Http, Way::Nats, Way::Kafka]].concat())
}

impl Way {
    fn pass(self, event: &Event) -> Event {
        let bounds = Bounds::default();
        let read = match self {
            Way::Structured(format) => format.read(format.write(event).unwrap(), &bounds),
            Way::Http => {
                let (headers, body) = http::write_binary(event);
                http::read_binary(as_received(&headers), body.unwrap_or_default(), &bounds)
            }
            Way::Nats => {
                let (headers, payload) = nats::write_binary(event);
                nats::read(as_received(&headers), payload.unwrap_or_default(), &bounds)
            }
            Way::Kafka => {
                let (headers, value) = kafka::write_binary(event);
                let headers = headers.iter().map(|(name, value)| (name.as_str(), Some(value.as_bytes())));
                kafka::read(headers, value, &bounds)
            }
        };
        read.unwrap_or_else(|fault| panic!("{self:?}: {fault}: {event:?}"))
    }

    /// The type of an extension behind this way.
    fn kind(self, value: &Value) -> Kind {
        match (self, value.kind) {
            (Way::Structured(Format::Protobuf), Kind::Timestamp) => {
                let fits = Instant::parse(value.text).unwrap().unix().is_some();
                if fits { Kind::Timestamp } else { Kind::String }
            }
            (Way::Structured(Format::Xml | Format::Protobuf), kind)
            | (Way::Structured(_), kind @ (Kind::Boolean | Kind::Integer)) => kind,
            (Way::Structured(Format::Avro), Kind::Binary) => Kind::Binary,
            _ => Kind::String,
        }
    }
}

/// Every attribute that is stated or implied by its canonical text: times by their instant whatever they are called.
fn attributes(event: &Event) -> BTreeMap<String, String> {
    let stated = event.attributes.iter().map(|one| (one.name.to_string(), instant_or_text(one.value.text)));
    let required = ["id", "source", "type"].map(|name| (name.to_owned(), event.attribute(name).unwrap().to_owned()));
    let implied = event.implied().map(|(name, text)| (name.to_owned(), text.into_owned()));
    stated.chain(required).chain(implied).collect()
}

fn instant_or_text(text: &str) -> String {
    Instant::parse(text).map_or_else(|| text.to_owned(), |instant| instant.to_string())
}

/// The bytes of the data, those of a JSON document without the blanks around it.
fn content(event: &Event) -> Option<Bytes> {
    let bytes = event.data.bytes()?;
    let is_json = event.media_type().and_then(MediaType::parse).is_some_and(|media_type| media_type.is_json());
    let document =
        if is_json { json::scan::document(&bytes).map(|text| Bytes::copy_from_slice(text.as_bytes())) } else { None };
    Some(document.unwrap_or(bytes))
}

/// The types of all extensions.
fn kinds(event: &Event) -> BTreeMap<String, Kind> {
    let extensions = event.attributes.iter().filter(|one| expected_kind(one.name).is_none());
    extensions.map(|one| (one.name.to_string(), one.value.kind)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_event_survives_any_chain(event in event(), chain in collection::vec(way(), 1..6)) {
        let (expected, data) = (attributes(&event), content(&event));
        let mut now = event.clone();
        // HTTP and NATS cannot tell empty data from none.
        let mut told = true;
        for way in &chain {
            let before: BTreeMap<_, _> = now
                .attributes
                .iter()
                .filter(|one| expected_kind(one.name).is_none())
                .map(|one| (one.name.to_string(), way.kind(&one.value)))
                .collect();
            now = way.pass(&now);
            told &= !matches!(way, Way::Http | Way::Nats);
            assert_eq!(attributes(&now), expected, "{way:?} of {chain:?}: {event:?}");
            assert_eq!(kinds(&now), before, "{way:?} of {chain:?}: {event:?}");
            let found = content(&now);
            if told {
                assert_eq!(found, data, "{way:?} of {chain:?}: {event:?}");
            } else {
                let (found, data) = (found.unwrap_or_default(), data.clone().unwrap_or_default());
                assert_eq!(found, data, "{way:?} of {chain:?}: {event:?}");
            }
        }
    }

    #[test]
    fn a_format_gives_back_its_own_form(event in event()) {
        for format in Format::ALL {
            let once = Way::Structured(format).pass(&event);
            assert_eq!(Way::Structured(format).pass(&once), once, "{format:?}");
            let Some(batch) = format.batch() else { continue };
            let caps = crate::cloudevents::format::BatchBounds { events: 2, event_bytes: 1 << 20 };
            let both = batch.read(batch.write([&event, &event]).unwrap(), caps, &Bounds::default());
            assert_eq!(both, Ok(vec![Ok(once.clone()), Ok(once)]), "{format:?}");
        }
    }
}
