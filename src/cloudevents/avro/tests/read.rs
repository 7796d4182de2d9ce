//! Data of the schema in.

use super::{branch, datum, encoded, map, nothing, read, record, refused, string};
use crate::cloudevents::reader::Bounds;
use crate::cloudevents::{Data, Kind, avro};
use crate::codes::Code;
use apache_avro::types::Value;
use std::collections::BTreeMap;

fn media_type(text: &str) -> [(&str, Value); 1] {
    [("datacontenttype", branch(3, string(text)))]
}

#[test]
fn every_branch_of_an_attribute_is_read() {
    let event = read(datum(
        &[
            ("time", branch(3, string("2018-04-05T17:31:00+01:00"))),
            ("dataschema", branch(3, string("urn:a:b"))),
            ("b", branch(1, Value::Boolean(true))),
            ("i", branch(2, Value::Int(-2_147_483_648))),
            ("s", branch(3, string(""))),
            ("y", branch(4, Value::Bytes(b"Ma".to_vec()))),
            ("n", branch(0, Value::Null)),
        ],
        nothing(),
    ))
    .unwrap();
    let found: BTreeMap<_, _> =
        event.attributes.iter().map(|one| (one.name, (one.value.kind, one.value.text))).collect();
    let expected = [
        ("time", (Kind::Timestamp, "2018-04-05T17:31:00+01:00")),
        ("dataschema", (Kind::Uri, "urn:a:b")),
        ("b", (Kind::Boolean, "true")),
        ("i", (Kind::Integer, "-2147483648")),
        ("s", (Kind::String, "")),
        ("y", (Kind::Binary, "TWE=")),
    ];
    assert_eq!(found, expected.into());
    assert_eq!((&*event.id, &*event.source, &*event.ty, &event.data), ("1", "/a", "t", &Data::Absent));
}

#[test]
fn an_attribute_of_the_specification_in_another_branch_is_refused() {
    for (name, value) in [
        ("id", branch(2, Value::Int(1))),
        ("source", branch(4, Value::Bytes(b"/a".to_vec()))),
        ("type", branch(1, Value::Boolean(true))),
        ("time", branch(2, Value::Int(5))),
        ("time", branch(3, string("yesterday"))),
        ("subject", branch(4, Value::Bytes(b"s".to_vec()))),
        ("subject", branch(3, string(""))),
        ("datacontenttype", branch(1, Value::Boolean(true))),
        ("dataschema", branch(3, string("//no-scheme"))),
        ("specversion", branch(3, string("0.3"))),
        ("specversion", branch(2, Value::Int(1))),
        ("id", branch(0, Value::Null)),
        ("My.Ext", branch(3, string("x"))),
        ("ext", branch(3, string("\u{1}"))),
    ] {
        let (code, pointers) = refused(datum(&[(name, value.clone())], nothing()));
        assert_eq!((code, pointers.first()), (Code::InvalidEvent, Some(&format!("/{name}"))), "{name} {value:?}");
    }
    let (code, pointers) = refused(encoded(map(Vec::new()), nothing()));
    assert_eq!(
        (code, pointers),
        (Code::InvalidEvent, ["/specversion", "/id", "/source", "/type"].map(String::from).into())
    );
}

#[test]
fn an_attribute_stands_once() {
    // apache-avro builds maps, which cannot repeat a key: the second entry is put in by hand.
    let mut body = vec![4];
    for text in [&b"\x02a\x06\x02x"[..], b"\x02a\x00"] {
        body.extend(text);
    }
    body.extend([0, 2]);
    let (code, pointers) = refused(body);
    assert_eq!((code, pointers.first().map(String::as_str)), (Code::Malformed, Some("/a")));
}

#[test]
fn bytes_and_null_are_bytes_and_nothing() {
    let bytes = |bytes: &[u8]| branch(0, Value::Bytes(bytes.to_vec()));
    assert_eq!(read(datum(&[], bytes(b"\xff\x00"))).unwrap().data, Data::Binary(b"\xff\x00"[..].into()));
    assert_eq!(read(datum(&[], bytes(b""))).unwrap().data, Data::Binary("".into()));
    assert_eq!(read(datum(&media_type("application/json"), bytes(b"{}"))).unwrap().data, Data::Binary("{}".into()));
    assert_eq!(read(datum(&media_type("application/json"), nothing())).unwrap().data, Data::Absent);
}

#[test]
fn the_other_branches_are_json_values() {
    let json = |text: &'static str| Data::Json(text.into());
    let inner = record(vec![("k", branch(2, map(vec![("m", record(Vec::new()))])))]);
    for (data, expected) in [
        (branch(2, Value::Boolean(false)), "false"),
        (branch(3, map(Vec::new())), "{}"),
        (branch(3, map(vec![("a", branch(0, Value::Null))])), r#"{"a":null}"#),
        (branch(3, map(vec![("a\"\u{1}é", branch(1, Value::Boolean(true)))])), r#"{"a\"\u0001é":true}"#),
        (branch(3, map(vec![("a", branch(2, inner))])), r#"{"a":{"k":{"m":{}}}}"#),
        (branch(3, map(vec![("a", branch(3, Value::Double(1.5)))])), r#"{"a":1.5}"#),
        (branch(3, map(vec![("a", branch(4, string("x")))])), r#"{"a":"x"}"#),
        (branch(4, Value::Array(Vec::new())), "[]"),
        (
            branch(
                4,
                Value::Array(vec![
                    record(vec![("a", branch(0, Value::Null))]),
                    record(vec![("b", branch(1, Value::Boolean(true)))]),
                    record(vec![("c", branch(3, Value::Array(vec![record(Vec::new()), record(Vec::new())])))]),
                    record(vec![("d", branch(4, Value::Double(-2.0)))]),
                    record(vec![("e", branch(5, string("")))]),
                ]),
            ),
            r#"[{"a":null},{"b":true},{"c":[{},{}]},{"d":-2},{"e":""}]"#,
        ),
        (branch(6, string("a \"b\"")), r#""a \"b\"""#),
    ] {
        assert_eq!(read(datum(&[], data.clone())).unwrap().data, json(expected), "{data:?}");
        assert_eq!(read(datum(&media_type("text/x+json"), data)).unwrap().data, json(expected));
    }
    for (number, expected) in [
        (0.0, "0"),
        (-0.0, "-0.0"),
        (1.0, "1"),
        (0.1, "0.1"),
        (9_007_199_254_740_993.0, "9007199254740992"),
        (-5e-324, "-5e-324"),
        (1e300, "1e+300"),
        (1.797_693_134_862_315_7e308, "1.7976931348623157e+308"),
        (1e21, "1e+21"),
        (1e20, "100000000000000000000"),
        (-123_456_789_012_345_680_000.0, "-123456789012345680000"),
        (1e16, "10000000000000000"),
        (1_234_567.25, "1234567.25"),
        (100.0, "100"),
        (1e-6, "0.000001"),
        (-1.234_567_890_123_456_7e-6, "-0.0000012345678901234567"),
        (1e-7, "1e-7"),
        (1.5e-300, "1.5e-300"),
    ] {
        let Data::Json(text) = read(datum(&[], branch(5, Value::Double(number)))).unwrap().data else { panic!() };
        assert_eq!(serde_json::from_slice::<f64>(&text).unwrap().to_bits(), number.to_bits(), "{text:?}");
        assert_eq!(&text[..], expected.as_bytes());
    }
}

#[test]
fn a_string_of_another_media_type_is_text_and_nothing_else_is() {
    let event = read(datum(&media_type("text/plain"), branch(6, string("a\u{1}")))).unwrap();
    assert_eq!(event.data, Data::Text("a\u{1}".into()));
    for data in [
        branch(2, Value::Boolean(true)),
        branch(5, Value::Double(1.0)),
        branch(3, map(Vec::new())),
        branch(4, Value::Array(Vec::new())),
    ] {
        let refused = refused(datum(&media_type("text/plain"), data));
        assert_eq!(refused, (Code::InvalidEvent, vec!["/data".into()]));
    }
}

#[test]
fn numbers_json_has_no_text_for_are_refused() {
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for data in [branch(5, Value::Double(number)), branch(3, map(vec![("a", branch(3, Value::Double(number)))]))] {
            assert_eq!(refused(datum(&[], data)), (Code::InvalidEvent, vec!["/data".into()]), "{number}");
        }
    }
}

#[test]
fn json_nests_to_its_limit() {
    let nested = |depth: usize| {
        let mut value = record(Vec::new());
        for _ in 2..depth {
            value = record(vec![("a", branch(3, Value::Array(vec![value])))]);
        }
        branch(4, Value::Array(vec![value]))
    };
    let bounds = |json_depth| Bounds { json_depth, ..Bounds::default() };
    // Array, object, array, object.
    let body = bytes::Bytes::from(datum(&[], nested(3)));
    assert_eq!(avro::read(body.clone(), &bounds(4)).unwrap().data, Data::Json(r#"[{"a":[{}]}]"#.into()));
    assert_eq!(avro::read(body, &bounds(3)).map_err(|fault| fault.code), Err(Code::Malformed));
}
