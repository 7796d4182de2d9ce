//! Events out, as apache-avro reads them.

use super::{PARSED, of_json, read};
use crate::cloudevents::{Data, Event, Kind, avro};
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value;
use std::collections::BTreeMap;

/// Attributes and data as apache-avro reads them, unions taken off.
fn written(event: &Event) -> (BTreeMap<String, Value>, Value) {
    let bytes = avro::write(event);
    let mut rest = &bytes[..];
    let reader = GenericDatumReader::builder(&PARSED).build().unwrap();
    let value = reader.read_value(&mut rest).unwrap();
    assert!(rest.is_empty());
    let Value::Record(fields) = value else { panic!("{value:?}") };
    let [(_, Value::Map(attributes)), (_, data)] = <[(String, Value); 2]>::try_from(fields).unwrap() else { panic!() };
    (attributes.into_iter().map(|(name, value)| (name, inner(value))).collect(), inner(data))
}

fn inner(value: Value) -> Value {
    match value {
        Value::Union(_, value) => *value,
        value => value,
    }
}

#[test]
fn every_attribute_stands_in_the_map_in_its_own_type() {
    let mut event =
        of_json(r#","time":"2018-04-05T19:31:00.50+02:00","dataschema":"urn:a:b","i":-7,"b":false,"s":"x""#);
    for (name, kind, text) in
        [("y", Kind::Binary, "TWE="), ("u", Kind::Uri, "urn:x"), ("t", Kind::Timestamp, "2016-12-31t23:59:60z")]
    {
        let value = crate::cloudevents::Value { kind, text };
        event.push(crate::cloudevents::Attribute { name, value });
    }
    let string = |text: &str| Value::String(text.into());
    let expected = [
        ("specversion", string("1.0")),
        ("id", string("1")),
        ("source", string("/a")),
        ("type", string("t")),
        ("time", string("2018-04-05T19:31:00.50+02:00")),
        ("dataschema", string("urn:a:b")),
        ("i", Value::Int(-7)),
        ("b", Value::Boolean(false)),
        ("s", string("x")),
        ("y", Value::Bytes(b"Ma".to_vec())),
        ("u", string("urn:x")),
        ("t", string("2016-12-31t23:59:60z")),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value));
    assert_eq!(written(&event), (expected.into(), Value::Null));
}

#[test]
fn data_is_always_the_bytes_of_binary_mode() {
    let bytes = |bytes: &[u8]| Value::Bytes(bytes.to_vec());
    for (event, data, media_type) in [
        (of_json(r#","data":{ "a": 1.10 }"#), bytes(b"{ \"a\": 1.10 }"), Some("application/json")),
        (of_json(r#","data":null"#), bytes(b"null"), Some("application/json")),
        (of_json(r#","datacontenttype":"text/json","data":"s""#), bytes(b"\"s\""), Some("text/json")),
        (of_json(r#","data_base64":"/w==""#), bytes(b"\xff"), None),
        (of_json(r#","datacontenttype":"text/plain","data":"""#), bytes(b""), Some("text/plain")),
        (Event { data: Data::Xml("<a/>".into()), ..of_json("") }, bytes(b"<a/>"), Some("application/xml")),
        (of_json(""), Value::Null, None),
    ] {
        let (attributes, found) = written(&event);
        assert_eq!(found, data, "{event:?}");
        let media_type = media_type.map(|text| Value::String(text.into()));
        assert_eq!(attributes.get("datacontenttype"), media_type.as_ref(), "{event:?}");
        assert_eq!(read(avro::write(&event).to_vec()).unwrap().data.bytes(), event.data.bytes());
    }
    let message = Event { data: Data::Proto { type_url: "a/b".into(), value: "x".into() }, ..of_json("") };
    let (attributes, data) = written(&message);
    assert_eq!((data, &attributes["dataschema"]), (bytes(b"x"), &Value::String("https://a/b".into())));
}
