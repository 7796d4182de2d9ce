//! Events out, as prost reads them.

use super::{Any, Attr, Batch, Content, Timestamp, attributes, of_json, read, string, written};
use crate::cloudevents::{Data, Event, Kind, Value, protobuf};
use prost::Message as _;

#[test]
fn attributes_are_written_in_their_own_types() {
    let mut event = of_json(
        r#","datacontenttype":"text/plain","dataschema":"urn:a:b","subject":"s","time":"2018-04-05T19:31:00.5+02:00","i":-1,"b":true,"s":"x""#,
    );
    for (name, kind, text) in [
        ("y", Kind::Binary, "TWE="),
        ("u", Kind::Uri, "urn:x:y"),
        ("r", Kind::UriReference, "//a/b"),
        ("t", Kind::Timestamp, "1970-01-01T00:00:00Z"),
        ("l", Kind::Timestamp, "2016-12-31T23:59:60Z"),
    ] {
        let value = Value { kind, text };
        event.push(crate::cloudevents::Attribute { name, value });
    }
    let message = written(&event);
    assert_eq!((&*message.id, &*message.source, &*message.spec_version, &*message.ty), ("1", "/a", "1.0", "t"));
    let expected = [
        ("b", Attr::Boolean(true)),
        ("datacontenttype", string("text/plain")),
        ("dataschema", Attr::Uri("urn:a:b".into())),
        ("i", Attr::Integer(-1)),
        ("l", string("2016-12-31T23:59:60Z")),
        ("r", Attr::UriRef("//a/b".into())),
        ("s", string("x")),
        ("subject", string("s")),
        ("t", Attr::Timestamp(Timestamp::default())),
        ("time", Attr::Timestamp(Timestamp { seconds: 1_522_949_460, nanos: 500_000_000 })),
        ("u", Attr::Uri("urn:x:y".into())),
        ("y", Attr::Bytes(b"Ma".to_vec())),
    ];
    assert_eq!(attributes(&message), expected.map(|(name, attr)| (name.to_owned(), attr)).into());
}

#[test]
fn a_time_no_timestamp_holds_is_written_as_text() {
    for time in
        ["2016-12-31T23:59:60Z", "2018-04-05T17:31:00.1234567891Z", "0000-12-31T23:59:59Z", "9999-12-31T23:59:59-01:00"]
    {
        let event = of_json(&format!(r#","time":"{time}""#));
        assert_eq!(attributes(&written(&event))["time"], string(time));
        assert_eq!(read(protobuf::write(&event).to_vec()).unwrap(), event);
    }
}

#[test]
fn data_is_text_where_it_is_text() {
    let bytes = |media_type: &str, bytes: &'static [u8]| {
        let members =
            if media_type.is_empty() { String::new() } else { format!(r#","datacontenttype":"{media_type}""#) };
        Event { data: Data::Binary(bytes.into()), ..of_json(&members) }
    };
    let text = |text: &str| Some(Content::Text(text.into()));
    let binary = |bytes: &[u8]| Some(Content::Binary(bytes.into()));
    for (event, expected) in [
        (of_json(""), None),
        (of_json(r#","data":null"#), text("null")),
        (
            of_json(r#","data": {"a" : 1.10, "a":100000000000000000000000000001} "#),
            text(r#"{"a" : 1.10, "a":100000000000000000000000000001}"#),
        ),
        (of_json(r#","data":"s""#), text("\"s\"")),
        (of_json(r#","datacontenttype":"text/plain","data":"s""#), text("s")),
        (of_json(r#","data_base64":"e30=""#), binary(b"{}")),
        (bytes("application/json", b" {} "), text(" {} ")),
        (bytes("application/json", b"{"), text("{")),
        (bytes("application/json", b"\xff"), binary(b"\xff")),
        (bytes("application/json; charset=latin1", b"\"a\""), binary(b"\"a\"")),
        (bytes("application/xml", b"<a/>"), text("<a/>")),
        (bytes("application/xml", b"<!DOCTYPE a><a/>"), binary(b"<!DOCTYPE a><a/>")),
        (bytes("text/plain; charset=UTF-8", "é".as_bytes()), text("é")),
        (bytes("text/plain; charset=latin1", b"\xe9"), binary(b"\xe9")),
        (bytes("application/octet-stream", b"a"), binary(b"a")),
        (bytes("", b""), binary(b"")),
    ] {
        assert_eq!(written(&event).data, expected, "{event:?}");
    }
}

#[test]
fn the_media_type_is_stated_where_the_form_of_the_data_says_it() {
    let media_type = |event: &Event| attributes(&written(event)).get("datacontenttype").cloned();
    assert_eq!(media_type(&of_json(r#","data":1"#)), Some(string("application/json")));
    assert_eq!(media_type(&Event { data: Data::Xml("<a/>".into()), ..of_json("") }), Some(string("application/xml")));
    assert_eq!(media_type(&of_json(r#","data_base64":"e30=""#)), None);
    let event = Event { data: Data::Proto { type_url: "a/b".into(), value: "x".into() }, ..of_json("") };
    assert_eq!(attributes(&written(&event)).len(), 0);
    assert_eq!(written(&event).data, Some(Content::Proto(Any { type_url: "a/b".into(), value: b"x".to_vec() })));
}

#[test]
fn a_batch_holds_every_event() {
    let events = [of_json(r#","data":1"#), of_json("")];
    let batch = Batch::decode(protobuf::write_batch(&events)).unwrap();
    assert_eq!(batch.events, events.each_ref().map(written));
    assert!(protobuf::write_batch(&[]).is_empty());
}
