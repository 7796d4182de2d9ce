//! Attributes in.

use super::{Attr, Batch, Entry, Message, Timestamp, Value, event, message, read, refused, string};
use crate::cloudevents::reader::Bounds;
use crate::cloudevents::{Data, Kind, protobuf};
use crate::codes::Code;
use prost::Message as _;

#[test]
fn every_type_of_attribute_is_told_from_the_others() {
    let event = event(&message(&[
        ("datacontenttype", string("text/plain")),
        ("dataschema", Attr::Uri("urn:a:b".into())),
        ("subject", string("é")),
        ("time", Attr::Timestamp(Timestamp { seconds: 1_522_949_460, nanos: 500_000_000 })),
        ("a", Attr::Boolean(false)),
        ("b", Attr::Integer(-7)),
        ("c", string("")),
        ("d", Attr::Bytes(b"Ma".to_vec())),
        ("e", Attr::Uri("urn:x:y".into())),
        ("f", Attr::UriRef("//a/b".into())),
        ("g", Attr::Timestamp(Timestamp::default())),
    ]));
    let found: Vec<_> = event.attributes.iter().map(|one| (one.name, one.value.kind, one.value.text)).collect();
    let expected = [
        ("datacontenttype", Kind::String, "text/plain"),
        ("dataschema", Kind::Uri, "urn:a:b"),
        ("subject", Kind::String, "é"),
        ("time", Kind::Timestamp, "2018-04-05T17:31:00.5Z"),
        ("a", Kind::Boolean, "false"),
        ("b", Kind::Integer, "-7"),
        ("c", Kind::String, ""),
        ("d", Kind::Binary, "TWE="),
        ("e", Kind::Uri, "urn:x:y"),
        ("f", Kind::UriReference, "//a/b"),
        ("g", Kind::Timestamp, "1970-01-01T00:00:00Z"),
    ];
    assert_eq!(found, expected);
    assert_eq!((&*event.id, &*event.source, &*event.ty, &event.data), ("1", "/a", "t", &Data::Absent));
}

#[test]
fn text_that_is_valid_for_an_attribute_is_read_and_another_type_is_not() {
    let event = event(&message(&[
        ("time", string("2018-04-05T17:31:00+01:00")),
        ("dataschema", string("https://example.com/%41")),
    ]));
    assert_eq!(event.attribute("time"), Some("2018-04-05T17:31:00+01:00"));
    assert_eq!(event.value("time").map(|value| value.kind), Some(Kind::Timestamp));
    assert_eq!(event.value("dataschema").map(|value| value.kind), Some(Kind::Uri));
    for (name, attr) in [
        ("time", Attr::Integer(5)),
        ("time", string("yesterday")),
        ("time", Attr::Timestamp(Timestamp { seconds: 253_402_300_800, nanos: 0 })),
        ("time", Attr::Timestamp(Timestamp { seconds: 0, nanos: -1 })),
        ("time", Attr::Timestamp(Timestamp { seconds: 0, nanos: 1_000_000_000 })),
        ("dataschema", string("")),
        ("dataschema", Attr::UriRef("https://a/b".into())),
        ("dataschema", Attr::Bytes(b"urn:a".to_vec())),
        ("datacontenttype", Attr::Integer(1)),
        ("datacontenttype", string("")),
        ("subject", Attr::Boolean(true)),
        ("subject", string("")),
        ("ext", string("a\tb")),
        ("ext", Attr::Uri("//no-scheme".into())),
        ("My.Ext", string("x")),
        ("data", string("x")),
    ] {
        let bytes = message(&[(name, attr.clone())]).encode_to_vec();
        assert_eq!(refused(bytes), (Code::InvalidEvent, vec![format!("/{name}")]), "{name} {attr:?}");
    }
}

/// Takes something away.
type Clear = fn(&mut Message);

#[test]
fn what_is_missing_is_named_by_its_own_pointer() {
    assert_eq!(
        refused(Vec::new()),
        (Code::InvalidEvent, ["/specversion", "/id", "/source", "/type"].map(String::from).into())
    );
    let cases: [(&str, Clear); 4] = [
        ("/id", |message| message.id.clear()),
        ("/source", |message| message.source.clear()),
        ("/type", |message| message.ty.clear()),
        ("/specversion", |message| message.spec_version.clear()),
    ];
    for (pointer, clear) in cases {
        let mut message = message(&[]);
        clear(&mut message);
        assert_eq!(refused(message.encode_to_vec()), (Code::InvalidEvent, vec![pointer.to_owned()]));
    }
    for version in ["0.3", "0.9", "1", "1.1", "2.0"] {
        let message = Message { spec_version: version.into(), ..message(&[]) };
        assert_eq!(refused(message.encode_to_vec()), (Code::InvalidEvent, vec!["/specversion".into()]), "{version}");
    }
}

#[test]
fn a_required_attribute_among_the_others_is_refused_with_and_without_its_field() {
    for name in ["id", "source", "type", "specversion"] {
        let mut message = message(&[(name, string("1.0"))]);
        assert_eq!(refused(message.encode_to_vec()).1, [format!("/{name}")], "{name}");
        message.id.clear();
        assert!(refused(message.encode_to_vec()).1.contains(&format!("/{name}")), "{name}");
    }
}

#[test]
fn a_repeated_key_and_an_entry_without_value_are_refused() {
    for twice in [[string("x"), string("x")], [string("x"), Attr::Integer(1)]] {
        let bytes = message(&twice.map(|attr| ("ext", attr))).encode_to_vec();
        assert_eq!(refused(bytes), (Code::Malformed, vec!["/ext".into()]));
    }
    for value in [None, Some(Value { attr: None })] {
        let entry = Entry { key: "ext".into(), value };
        let message = Message { attributes: vec![entry.clone(), entry], ..message(&[]) };
        assert_eq!(refused(message.encode_to_vec()).1, ["/ext", "/ext"]);
    }
    assert_eq!(refused(message(&[("", string("x"))]).encode_to_vec()).1, ["/"]);
}

#[test]
fn of_what_stands_twice_the_last_counts_and_messages_are_merged() {
    let value = |attrs: &[Attr]| {
        attrs.iter().flat_map(|attr| Value { attr: Some(attr.clone()) }.encode_to_vec()).collect::<Vec<u8>>()
    };
    // The value's fields stand in one message; prost makes one of each, and together they are one as well.
    let entry = |bytes: Vec<u8>| {
        let mut entry = Entry { key: "ext".into(), value: None }.encode_to_vec();
        prost::encoding::bytes::encode(2, &bytes, &mut entry);
        let mut event = message(&[]).encode_to_vec();
        prost::encoding::bytes::encode(5, &entry, &mut event);
        event
    };
    let last = read(entry(value(&[Attr::Integer(1), string("last")]))).unwrap();
    assert_eq!(last.attribute("ext"), Some("last"));
    let [seconds, nanos] =
        [Timestamp { seconds: 1, nanos: 0 }, Timestamp { seconds: 0, nanos: 5 }].map(Attr::Timestamp);
    let merged = read(entry(value(&[seconds.clone(), nanos.clone()]))).unwrap();
    assert_eq!(merged.attribute("ext"), Some("1970-01-01T00:00:01.000000005Z"));
    let replaced = read(entry(value(&[seconds, string("x"), nanos]))).unwrap();
    assert_eq!(replaced.attribute("ext"), Some("1970-01-01T00:00:00.000000005Z"));

    let twice = [message(&[]).encode_to_vec(), Message { id: "2".into(), ..Message::default() }.encode_to_vec()];
    assert_eq!(read(twice.concat()).unwrap().id, "2");
}

#[test]
fn unknown_fields_are_passed_over_wherever_they_stand() {
    let mut unknown = Vec::new();
    prost::encoding::string::encode(99, &"x".to_owned(), &mut unknown);
    prost::encoding::uint64::encode(100, &u64::MAX, &mut unknown);
    prost::encoding::fixed64::encode(101, &1, &mut unknown);
    prost::encoding::fixed32::encode(536_870_911, &1, &mut unknown);
    // A group with a group in it, of the fields 102 and 3.
    unknown.extend([0xb3, 0x06, 0x1b, 0x08, 0x01, 0x1c, 0xb4, 0x06]);
    let known = message(&[("a", string("x"))]).encode_to_vec();
    assert_eq!(read([&unknown[..], &known, &unknown].concat()).unwrap(), read(known).unwrap());

    let mut value = Value { attr: Some(string("x")) }.encode_to_vec();
    value.extend(&unknown);
    let mut entry = unknown.clone();
    prost::encoding::string::encode(1, &"a".to_owned(), &mut entry);
    prost::encoding::bytes::encode(2, &value, &mut entry);
    let mut event = message(&[]).encode_to_vec();
    prost::encoding::bytes::encode(5, &entry, &mut event);
    assert_eq!(read(event).unwrap().attribute("a"), Some("x"));
}

#[test]
fn a_negative_number_of_32_bits_is_read_and_one_that_would_be_cut_is_not() {
    let entry = |number: u64| {
        let (mut value, mut entry, mut event) = (Vec::new(), Vec::new(), message(&[]).encode_to_vec());
        prost::encoding::uint64::encode(2, &number, &mut value);
        prost::encoding::string::encode(1, &"a".to_owned(), &mut entry);
        prost::encoding::bytes::encode(2, &value, &mut entry);
        prost::encoding::bytes::encode(5, &entry, &mut event);
        event
    };
    for (number, text) in [(u64::MAX, "-1"), (u64::from(u32::MAX), "-1"), (1 << 31, "-2147483648"), (7, "7")] {
        assert_eq!(read(entry(number)).unwrap().attribute("a"), Some(text), "{number}");
    }
    for number in [1 << 32, (1 << 32) + 5, u64::MAX << 32, 1 << 63] {
        assert_eq!(refused(entry(number)), (Code::InvalidEvent, vec!["/a".into()]), "{number}");
    }
}

#[test]
fn no_more_attributes_than_the_limit() {
    let names: Vec<String> = (0..252).map(|number| format!("a{number}")).collect();
    let mut attributes: Vec<_> = names.iter().map(|name| (name.as_str(), string("x"))).collect();
    assert_eq!(event(&message(&attributes)).attributes.len(), 252);
    attributes.push(("b", string("x")));
    assert_eq!(refused(message(&attributes).encode_to_vec()), (Code::InvalidEvent, vec![String::new()]));
}

#[test]
fn a_batch_is_read_element_by_element() {
    let bounds = Bounds::default();
    let read = |bytes: Vec<u8>, most, event_bytes| protobuf::read_batch(bytes.into(), most, event_bytes, &bounds);
    assert_eq!(read(Vec::new(), 10, 100), Ok(Vec::new()));
    let bad = Message { id: String::new(), ..message(&[]) };
    let large = message(&[("a", string(&"x".repeat(200)))]);
    let batch = Batch { events: vec![message(&[]), bad, large, message(&[])] }.encode_to_vec();
    let elements = read(batch.clone(), 4, 100).unwrap();
    let codes: Vec<_> = elements.iter().map(|element| element.as_ref().err().map(|fault| fault.code)).collect();
    assert_eq!(codes, [None, Some(Code::InvalidEvent), Some(Code::EventTooLarge), None]);
    assert_eq!(elements[3].as_ref().unwrap(), &event(&message(&[])));
    assert_eq!(read(batch, 3, 1000).map_err(|fault| fault.code), Err(Code::BatchTooLong));
    assert_eq!(read(vec![0x0a, 0x05, 0x00], 3, 1000).map_err(|fault| fault.code), Err(Code::Malformed));
    assert_eq!(read(vec![0x08, 0x05], 3, 1000).map_err(|fault| fault.code), Err(Code::Malformed));
}
