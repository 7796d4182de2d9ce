//! Any valid event survives every way out and in.

mod chains;

use super::attributes::Draft;
use super::reader::Bounds;
use super::{Attribute, Data, Event, Kind, headers, http, json, nats, types, xml};
use bytes::Bytes;
use bytestring::ByteString;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use proptest::{collection, option, sample};
use std::collections::BTreeMap;

fn text() -> impl Strategy<Value = String> {
    let odd = any::<String>().prop_map(|text| text.chars().filter(|c| is_allowed(*c)).collect());
    prop_oneof!["[ -~]{0,30}", "[a-zé€😀%\"\\\\]{0,10}", odd]
}

fn is_allowed(c: char) -> bool {
    types::check(Kind::String, c.encode_utf8(&mut [0; 4])).is_ok()
}

fn some_text() -> impl Strategy<Value = String> {
    text().prop_map(|text| if text.is_empty() { String::from("x") } else { text })
}

fn extensions() -> impl Strategy<Value = BTreeMap<String, (Kind, String)>> {
    let value = prop_oneof![
        text().prop_map(|text| (Kind::String, text)),
        any::<bool>().prop_map(|value| (Kind::Boolean, value.to_string())),
        any::<i32>().prop_map(|value| (Kind::Integer, value.to_string())),
    ];
    named(value)
}

fn named(value: impl Strategy<Value = (Kind, String)>) -> impl Strategy<Value = BTreeMap<String, (Kind, String)>> {
    collection::btree_map("x[a-z0-9]{0,25}", value, 0..6)
}

/// Extensions of every type, which only XML tells apart.
fn typed_extensions() -> impl Strategy<Value = BTreeMap<String, (Kind, String)>> {
    let typed = sample::select(vec![
        (Kind::Boolean, "false"),
        (Kind::Integer, "-2147483648"),
        (Kind::Binary, "4P8ARKo="),
        (Kind::Binary, ""),
        (Kind::Uri, "urn:a:b?x&y='z'"),
        (Kind::UriReference, "//a/?b&c#d"),
        (Kind::Timestamp, "2016-12-31t23:59:60.50+01:00"),
    ]);
    let value = prop_oneof![
        typed.prop_map(|(kind, text)| (kind, text.to_owned())),
        text().prop_map(|text| (Kind::String, text)),
    ];
    named(value)
}

fn optional() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let time = sample::select(vec!["2018-04-05T17:31:00Z", "2016-12-31t23:59:60.50+01:00"]).prop_map(String::from);
    let schema = sample::select(vec!["urn:example:a", "HTTPS://EXAMPLE.com/%41/"]).prop_map(String::from);
    (option::of(some_text()), option::of(time), option::of(schema)).prop_map(|(subject, time, schema)| {
        let values = [("subject", subject), ("time", time), ("dataschema", schema)];
        values.into_iter().filter_map(|(name, text)| Some((name, text?))).collect()
    })
}

/// Data in the form in which the JSON format gives it back, with its `datacontenttype`.
fn data() -> impl Strategy<Value = (Option<&'static str>, Data)> {
    let bytes = collection::vec(any::<u8>(), 0..50).prop_map(|bytes| Data::Binary(bytes.into()));
    let json =
        sample::select(vec!["null", "\"text\"", "{\"b\": 1.10,\n \"a\":[1e400, 123456789012345678901234567890]}"]);
    let text = any::<String>().prop_map(|text| Data::Text(text.into()));
    prop_oneof![
        (Just(None), Just(Data::Absent)),
        (Just(Some("text/plain")), Just(Data::Absent)),
        (sample::select(vec![None, Some("image/png")]), bytes),
        (
            sample::select(vec![None, Some("application/json"), Some("a/b+JSON; v=\"1\"")]),
            json.prop_map(|text| Data::Json(text.into()))
        ),
        (sample::select(vec![Some("text/plain"), Some("text/html; charset=UTF-8"), Some("application/xml")]), text),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    event_with(extensions())
}

fn event_with(extensions: impl Strategy<Value = BTreeMap<String, (Kind, String)>>) -> impl Strategy<Value = Event> {
    let source = sample::select(vec!["/a/b", "#fragment", "urn:x:y", "https://a.example/?q=%20"]);
    (some_text(), source, some_text(), optional(), extensions, data()).prop_map(
        |(id, source, ty, optional, extensions, (datacontenttype, data))| {
            let mut draft = Draft::within(&Bounds::default());
            for (name, text) in [("type", &*ty), ("id", &*id), ("source", source), ("specversion", "1.0")] {
                draft.add(name, Kind::String, text);
            }
            for (name, (kind, text)) in extensions {
                draft.add(&name, kind, &text);
            }
            let datacontenttype = datacontenttype.map(|text| ("datacontenttype", text.to_owned()));
            for (name, text) in optional.into_iter().chain(datacontenttype) {
                draft.add(name, Kind::String, &text);
            }
            draft.finish(data).unwrap()
        },
    )
}

/// What binary mode can carry: every attribute as text, the media type said, no difference between no data and empty data.
fn carried(event: &Event) -> (BTreeMap<String, String>, Bytes) {
    let mut attributes: BTreeMap<String, String> = event
        .attributes
        .iter()
        .map(|attribute| (attribute.name.to_string(), attribute.value.text.to_string()))
        .collect();
    attributes.extend(event.media_type().map(|text| ("datacontenttype".to_owned(), text.to_owned())));
    attributes
        .extend(["id", "source", "type"].map(|name| (name.to_owned(), event.attribute(name).unwrap().to_owned())));
    (attributes, event.data.bytes().unwrap_or_default())
}

/// The event as the XML format gives it back: JSON data is text of the type JSON, and what XML cannot hold is bytes.
fn through_xml(event: &Event) -> Event {
    let mut through = event.clone();
    if event.datacontenttype().is_none() && matches!(event.data, Data::Json(_)) {
        through.push(Attribute::string("datacontenttype", "application/json"));
    }
    through.data = match &event.data {
        Data::Json(bytes) => Data::Text(ByteString::try_from(bytes.clone()).unwrap()),
        data => data.clone(),
    };
    if let Data::Text(text) = &through.data
        && text.chars().any(|c| c < ' ' && !matches!(c, '\t' | '\n' | '\r') || matches!(c, '\u{fffe}' | '\u{ffff}'))
    {
        through.data = Data::Binary(text.as_bytes().clone());
    }
    through
}

fn as_received(headers: &headers::Headers) -> impl Iterator<Item = (&str, &[u8])> + Clone {
    for (_, value) in headers {
        assert!(value.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{value}");
    }
    headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn json_gives_back_an_equal_event(event in event()) {
        assert_eq!(json::read(json::write(&event), &Bounds::default()), Ok(event.clone()));
        let line = json::write_line(&event);
        assert!(!line.contains(&b'\n') && serde_json::from_slice::<&serde_json::value::RawValue>(&line).is_ok());
        let batch = json::read_batch(json::write_batch(&[event.clone(), event.clone()]), 2, 1 << 20, &Bounds::default());
        assert_eq!(batch, Ok(vec![Ok(event.clone()), Ok(event.clone())]));
        let bare = json::read(json::write_without_data(&event), &Bounds::default());
        assert_eq!(bare, Ok(Event { data: Data::Absent, ..event }));
    }

    #[test]
    fn binary_mode_gives_back_what_it_can_carry(event in event()) {
        let (headers, body) = http::write_binary(&event);
        let back = http::read_binary(as_received(&headers), body.unwrap_or_default(), &Bounds::default()).unwrap();
        assert_eq!(carried(&back), carried(&event));

        let (headers, payload) = nats::write_binary(&event);
        let back = nats::read(as_received(&headers), payload.unwrap_or_default(), &Bounds::default()).unwrap();
        assert_eq!(carried(&back), carried(&event));

        // From binary mode to JSON and on, the bytes of the data stay but for the blanks around JSON.
        let again = json::read(json::write(&back), &Bounds::default()).unwrap();
        assert_eq!(carried(&again), carried(&event));
    }

    #[test]
    fn xml_gives_back_an_equal_event(event in event_with(typed_extensions())) {
        let document = xml::write(&event).unwrap();
        assert_eq!(xml::read(document.clone(), &Bounds::default()), Ok(through_xml(&event)));
        assert_eq!(xml::write(&through_xml(&event)), Ok(document));
        let batch = xml::read_batch(xml::write_batch(&[event.clone(), event.clone()]).unwrap(), 2, 1 << 20, &Bounds::default());
        assert_eq!(batch, Ok(vec![Ok(through_xml(&event)), Ok(through_xml(&event))]));
    }

    #[test]
    fn formats_and_modes_in_a_chain_keep_the_event(event in event()) {
        let bounds = Bounds::default();
        let as_xml = |event: &Event| xml::read(xml::write(event).unwrap(), &bounds).unwrap();
        let as_json = |event: &Event| json::read(json::write(event), &bounds).unwrap();
        let as_binary = |event: &Event| {
            let (headers, body) = http::write_binary(event);
            http::read_binary(as_received(&headers), body.unwrap_or_default(), &bounds).unwrap()
        };
        let (xml, json, binary) = (as_xml(&event), as_json(&event), as_binary(&event));
        for twice in [as_json(&xml), as_binary(&xml), as_xml(&json), as_xml(&binary), as_binary(&as_xml(&json))] {
            assert_eq!(carried(&twice), carried(&event));
        }
        assert_eq!(carried(&as_xml(&as_binary(&as_json(&xml)))), carried(&event));
    }

    #[test]
    fn no_header_makes_the_readers_panic(headers: Vec<(String, Vec<u8>)>, name in "[cC]e-[a-zA-Z]{0,3}", value: Vec<u8>) {
        let required = http::write_binary(&json::read(Bytes::from_static(MINIMAL), &Bounds::default()).unwrap()).0;
        let all: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (name.as_str(), &value[..])).collect();
        let all = as_received(&required).chain(all).chain([(&*name, &value[..])]);
        let event = http::read_binary(all.clone(), Bytes::new(), &Bounds::default());
        assert_eq!(event.is_ok(), nats::read(all, Bytes::new(), &Bounds::default()).is_ok());
    }
}

const MINIMAL: &[u8] = br#"{"specversion":"1.0","id":"1","source":"/a","type":"t"}"#;
