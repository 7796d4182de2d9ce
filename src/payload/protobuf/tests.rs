use super::Protobuf;
use crate::payload::Unfit;
use proptest::prelude::*;
use prost::Message;
use prost_reflect::DynamicMessage;
use serde::de::DeserializeSeed;
use serde_json::{Value, json};

const ORDER: &str = r#"syntax = "proto3";
package com.example;
import "google/protobuf/timestamp.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/wrappers.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/any.proto";
import "google/protobuf/empty.proto";
message Order {
  enum State { NEW = 0; PAID = 1; }
  message Line { string sku = 1; double price = 2; Line next = 3; }
  string order_id = 1;
  int32 i32 = 2; int64 i64 = 3; uint32 u32 = 4; uint64 u64 = 5; sint32 s32 = 6; sint64 s64 = 7;
  fixed32 f32 = 8; fixed64 f64 = 9; sfixed32 sf32 = 10; sfixed64 sf64 = 11;
  float single = 12; double twice = 13; bool flag = 14; bytes raw = 15; State state = 16;
  repeated Line lines = 17; repeated int64 numbers = 18; repeated string tags = 19;
  map<string, Line> by_name = 20; map<int32, string> by_number = 21; map<bool, double> by_flag = 22;
  oneof pay { string card = 23; Line cash = 24; }
  optional int32 maybe = 25;
  google.protobuf.Timestamp at = 26; google.protobuf.Duration took = 27; google.protobuf.Struct extra = 28;
  google.protobuf.Value any_value = 29; google.protobuf.ListValue list = 30; google.protobuf.Int64Value wrapped = 31;
  google.protobuf.FieldMask mask = 32; google.protobuf.Any any = 33; google.protobuf.Empty nothing = 34;
  google.protobuf.NullValue null_value = 35; repeated google.protobuf.Value values = 36;
  google.protobuf.FloatValue wrapped_float = 37; repeated State states = 38;
}
"#;

fn proto(text: &str) -> Protobuf {
    Protobuf::compile("1.proto", &[("1.proto".to_owned(), text.to_owned())], "com.example.order").unwrap()
}

fn order() -> Value {
    json!({"orderId": "o-1", "i32": -5, "i64": "-9223372036854775808", "u32": 4_294_967_295_u32,
        "u64": "18446744073709551615", "s32": -1, "s64": "-2", "f32": 7, "f64": "8", "sf32": -9, "sf64": "-10",
        "single": 0.1, "twice": -1.5e300, "flag": true, "raw": "AAEC/w==", "state": "PAID",
        "lines": [{"sku": "a", "next": {"price": 2.5}}, {}], "numbers": ["1", "-2"], "tags": ["", "x"],
        "byName": {"a/b": {"sku": "x"}, "": {}}, "byNumber": {"-7": "seven"}, "byFlag": {"true": 1.0},
        "card": "", "maybe": 0, "at": "2024-05-01T10:15:30.250Z", "took": "-1.500s",
        "extra": {"a": [1.0, null, {"b": true}], "c": "d"}, "anyValue": null, "list": [1.5, "x"], "wrapped": "0",
        "mask": "orderId,lines.unitPrice", "any": {"@type": "type.googleapis.com/com.example.Order.Line", "sku": "y"},
        "nothing": {}, "values": [null, false], "wrappedFloat": -0.5, "states": ["NEW", 7]})
}

fn pointers(schema: &Protobuf, data: &str) -> Vec<String> {
    match schema.check_json(data.as_bytes()) {
        Ok(()) => Vec::new(),
        Err(Unfit::Violations(violations)) => violations.into_iter().map(|violation| violation.pointer).collect(),
        Err(Unfit::NotJson(detail)) => vec![detail],
    }
}

/// What prost-reflect makes of the same JSON.
fn oracle(schema: &Protobuf, json: &str) -> Result<DynamicMessage, serde_json::Error> {
    schema.message().clone().deserialize(&mut serde_json::Deserializer::from_str(json))
}

#[test]
fn bytes_are_those_of_another_writer_and_come_back_as_they_were() {
    let schema = proto(ORDER);
    let text = order().to_string();
    let bytes = schema.to_bytes(text.as_bytes()).unwrap();
    let other = oracle(&schema, &text).unwrap();
    assert_eq!(DynamicMessage::decode(schema.message().clone(), &bytes[..]).unwrap(), other);
    assert_eq!(schema.check_bytes(&bytes), Ok(()));
    let back: Value = serde_json::from_str(&schema.to_json(&bytes).unwrap()).unwrap();
    assert_eq!(back, order());
    let from_other: Value = serde_json::from_str(&schema.to_json(&other.encode_to_vec()).unwrap()).unwrap();
    assert_eq!(from_other, order());
}

#[test]
fn other_spellings_are_read_and_defaults_left_out() {
    let schema = proto(ORDER);
    for (data, canonical) in [
        (r#"{"order_id": "x"}"#, r#"{"orderId":"x"}"#),
        (
            r#"{"i64": 5, "u64": 18446744073709551615, "i32": "7", "u32": 1.0, "s32": 1e2}"#,
            r#"{"i32":7,"i64":"5","u32":1,"u64":"18446744073709551615","s32":100}"#,
        ),
        (r#"{"raw": "_-8"}"#, r#"{"raw":"/+8="}"#),
        (r#"{"state": 1, "states": [1]}"#, r#"{"state":"PAID","states":["PAID"]}"#),
        (r#"{"twice": "1.5", "single": "-Infinity"}"#, r#"{"single":"-Infinity","twice":1.5}"#),
        (r#"{"orderId": "", "i32": 0, "flag": false, "state": "NEW", "lines": [], "byName": {}, "tags": null}"#, "{}"),
        (r#"{"nullValue": null, "cash": null, "card": "x"}"#, r#"{"card":"x"}"#),
        (r#"{"at": "2024-05-01T12:15:30+02:00", "took": "3s"}"#, r#"{"at":"2024-05-01T10:15:30Z","took":"3s"}"#),
        (r#"{"twice": -0.0}"#, r#"{"twice":-0.0}"#),
        (r#"{"wrappedFloat": "NaN", "wrapped": 0}"#, r#"{"wrapped":"0","wrappedFloat":"NaN"}"#),
        (
            r#"{"any": {"@type": "x/google.protobuf.Duration", "value": "1s"}}"#,
            r#"{"any":{"@type":"x/google.protobuf.Duration","value":"1s"}}"#,
        ),
    ] {
        let bytes = schema.to_bytes(data.as_bytes()).unwrap_or_else(|error| panic!("{data}: {error:?}"));
        assert_eq!(schema.to_json(&bytes).unwrap(), canonical, "{data}");
    }
}

#[test]
fn every_violation_is_told_at_its_own_place() {
    let schema = proto(ORDER);
    let data = json!({"odd": 1, "orderId": 5, "i32": 2_147_483_648_i64, "u32": -1, "u64": "18446744073709551616",
        "twice": 1e300, "single": 1e300, "flag": "true", "raw": "*", "state": "GONE", "lines": [{"sku": 1}, null, {"x": 1}],
        "numbers": [1.5, "x", "2"], "byName": {"a/b": {"price": "x"}}, "byNumber": {"seven": "x"}, "card": "a",
        "cash": {}, "at": "yesterday", "took": "1", "mask": "a_b", "any": {"@type": "x/none"}, "values": 1});
    let expected = [
        "/odd",
        "/cash",
        "/orderId",
        "/i32",
        "/u32",
        "/u64",
        "/single",
        "/flag",
        "/raw",
        "/state",
        "/lines/0/sku",
        "/lines/1",
        "/lines/2/x",
        "/numbers/0",
        "/numbers/1",
        "/byName/a~1b/price",
        "/byNumber/seven",
        "/at",
        "/took",
        "/mask",
        "/any/@type",
        "/values",
    ];
    assert_eq!(pointers(&schema, &data.to_string()), expected);
    for (data, pointer) in [
        ("5", ""),
        ("[]", ""),
        (r#"{"orderId": "a", "order_id": "b"}"#, "/order_id"),
        (r#"{"byNumber": {"1": "a", "1": "b"}}"#, "/byNumber/1"),
        (r#"{"byFlag": {"yes": 1}}"#, "/byFlag/yes"),
        (r#"{"extra": {"a": 1e400}}"#, "/extra/a"),
        (r#"{"nothing": {"a": 1}}"#, "/nothing/a"),
        (r#"{"any": {"sku": "x"}}"#, "/any/@type"),
        (r#"{"took": "315576000001s"}"#, "/took"),
        (r#"{"at": "0000-12-31T23:59:59Z"}"#, "/at"),
        (r#"{"i32": ""}"#, "/i32"),
        (r#"{"i32": " 1"}"#, "/i32"),
    ] {
        assert_eq!(pointers(&schema, data), [pointer], "{data}");
    }
}

#[test]
fn bytes_that_do_not_parse_are_refused_and_unknown_fields_pass() {
    let schema = proto(ORDER);
    for (bytes, words) in [
        (&[0x0a, 5, b'a'][..], "too early"),
        (&[0x0a, 1, 0xff], "UTF-8"),
        (&[0x08, 1], "wire type"),
        (&[0x0c], "did not begin"),
        (&[0x0f], "wire type"),
        (&[0x00, 0], "field number"),
        (&[0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02], "64 bits"),
        (&[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], "too early"),
        (&[0x92, 0x01, 1, 0x80], "too early"),
    ] {
        let violation = schema.check_bytes(bytes).unwrap_err();
        assert!(violation.detail.contains(words), "{bytes:?}: {}", violation.detail);
        assert_eq!(violation.pointer, "");
    }
    let unknown = [0xf8, 0x3f, 5, 0xfb, 0x3f, 0x08, 1, 0xfc, 0x3f, 0x0a, 1, b'x'];
    assert_eq!(schema.check_bytes(&unknown), Ok(()));
    assert_eq!(schema.to_json(&unknown).unwrap(), r#"{"orderId":"x"}"#);
    assert_eq!(schema.to_json(&[]).unwrap(), "{}");
}

#[test]
fn parts_of_one_message_are_read_as_one() {
    let schema = proto(ORDER);
    // cash {sku a}, cash {price 1}: one message. card, then cash: the last one counts, and what came before is gone.
    let cash_sku = [0xc2, 1, 3, 0x0a, 1, b'a'];
    let cash_next = [0xc2, 1, 2, 0x1a, 0];
    let card = [0xba, 1, 1, b'c'];
    assert_eq!(schema.to_json(&[&cash_sku[..], &cash_next].concat()).unwrap(), r#"{"cash":{"sku":"a","next":{}}}"#);
    assert_eq!(schema.to_json(&[&cash_sku[..], &card, &cash_next].concat()).unwrap(), r#"{"cash":{"next":{}}}"#);
    assert_eq!(schema.to_json(&[&cash_sku[..], &card].concat()).unwrap(), r#"{"card":"c"}"#);
    // Packed and not packed, twice the same key, an entry without a value.
    let numbers = [0x92, 1, 2, 1, 2, 0x90, 1, 3];
    assert_eq!(schema.to_json(&numbers).unwrap(), r#"{"numbers":["1","2","3"]}"#);
    let entries = [0xaa, 1, 5, 8, 1, 0x12, 1, b'a', 0xaa, 1, 2, 8, 2, 0xaa, 1, 5, 8, 1, 0x12, 1, b'b'];
    assert_eq!(schema.to_json(&entries).unwrap(), r#"{"byNumber":{"1":"b","2":""}}"#);
    assert_eq!(schema.to_json(&[0x10, 1, 0x10, 2]).unwrap(), r#"{"i32":2}"#);
}

#[test]
fn proto2_keeps_presence_and_asks_for_what_is_required() {
    let schema = proto(
        "syntax = \"proto2\"; message M { required string id = 1; optional int32 n = 2 [default = 5]; enum E { A = 1; }
         optional E e = 3; optional group G = 4 { optional int32 x = 1; } repeated int32 plain = 5; }",
    );
    assert_eq!(pointers(&schema, "{}"), ["/id"]);
    assert_eq!(pointers(&schema, r#"{"id": "x", "e": 2}"#), ["/e"]);
    let data = r#"{"id":"","n":0,"e":"A","g":{"x":1},"plain":[1,2]}"#;
    let bytes = schema.to_bytes(data.as_bytes()).unwrap();
    assert_eq!(schema.to_json(&bytes).unwrap(), data);
    let other = oracle(&schema, data).unwrap();
    assert_eq!(DynamicMessage::decode(schema.message().clone(), &bytes[..]).unwrap(), other);
    assert!(schema.check_bytes(&[]).unwrap_err().detail.contains("required"));
}

#[test]
fn hostile_data_ends() {
    let schema = proto(ORDER);
    let mut nested = vec![];
    for _ in 0..200 {
        let mut outer = vec![0x1a];
        crate::varint::put(nested.len() as u64, &mut outer);
        outer.extend_from_slice(&nested);
        nested = outer;
    }
    let mut line = vec![0xc2, 1];
    crate::varint::put(nested.len() as u64, &mut line);
    line.extend_from_slice(&nested);
    assert!(schema.check_bytes(&line).unwrap_err().detail.contains("too deep"));
    let groups = [&[0xfb, 0x3f].repeat(100_000)[..], &[0xfc, 0x3f].repeat(100_000)].concat();
    assert!(schema.check_bytes(&groups).unwrap_err().detail.contains("too deep"));
    let deep = format!("{{\"cash\":{}{{}}{}}}", "{\"next\":".repeat(110), "}".repeat(110));
    let Err(Unfit::Violations(violations)) = schema.check_json(deep.as_bytes()) else { panic!() };
    assert!(violations[0].detail.contains("nesting"), "{violations:?}");
    for (text, fits) in [("[".repeat(40) + &"]".repeat(40), true), ("[".repeat(60) + &"]".repeat(60), false)] {
        let data = format!("{{\"anyValue\":{text}}}");
        assert_eq!(schema.to_bytes(data.as_bytes()).is_ok_and(|bytes| schema.check_bytes(&bytes).is_ok()), fits);
        assert_eq!(schema.check_json(data.as_bytes()).is_ok(), fits, "what is let through can be read");
    }
    let many = [0x8a, 1, 0].repeat(200_000);
    assert_eq!(schema.to_json(&many).unwrap().len(), "{\"lines\":[]}".len() + 200_000 * 3 - 1);
}

#[test]
fn long_names_do_not_multiply_the_data_without_end() {
    let name = "N".repeat(500);
    let schema = proto(&format!(
        "syntax = \"proto3\"; message M {{ repeated E list = 1; map<int32, E> map = 2; }} enum E {{ {name} = 0; }}"
    ));
    let packed = |count: usize| {
        let mut bytes = vec![0x0a];
        crate::varint::put(count as u64, &mut bytes);
        bytes.resize(bytes.len() + count, 0);
        bytes
    };
    assert!(schema.to_json(&packed(1000)).unwrap().len() > 500_000);
    let entries: Vec<u8> = (0..50_u8).flat_map(|key| [0x12, 4, 8, key, 16, 0]).collect();
    assert!(schema.to_json(&entries).unwrap().len() > 25_000);
    assert!(schema.to_json(&packed(1 << 20)).unwrap_err().detail.contains("too long"));
}

#[test]
fn a_file_that_does_not_compile_is_told_with_its_place() {
    let compile = |files: &[(&str, &str)], ty: &str| {
        let files: Vec<_> = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        Protobuf::compile("1.proto", &files, ty).map(|schema| schema.name().to_owned())
    };
    let fault = |text: &str| compile(&[("1.proto", text)], "a.b").unwrap_err();
    let syntax = fault("syntax = \"proto3\";\nmessage A {\n  strin g 1;\n}\n");
    assert_eq!((syntax.line_column.map(|at| at.0), syntax.file.as_deref()), (Some(3), Some("1.proto")), "{syntax:?}");
    let unknown = fault("syntax = \"proto3\";\nmessage A {\n  Strin g = 1;\n}\n");
    assert_eq!(unknown.line_column, Some((3, 3)), "{unknown:?}");
    let import = fault("syntax = \"proto3\";\nimport \"other/x.proto\";\nmessage A {}\n");
    assert_eq!(import.line_column.map(|at| at.0), Some(2), "{import:?}");
    assert!(import.hint.unwrap().contains("google/protobuf"));
    assert!(fault("syntax = \"proto3\";").message.contains("no message"));
    let two = "syntax = \"proto3\"; package p; message A {} message B {}";
    assert_eq!(compile(&[("1.proto", two)], "com.example.b").unwrap(), "p.B");
    assert!(compile(&[("1.proto", two)], "com.example.c").unwrap_err().message.contains("not clear"));
    let imported = "syntax = \"proto3\"; import \"parts.proto\"; message A { Part p = 1; }";
    let part = ("parts.proto", "syntax = \"proto3\"; message Part {} message Other {}");
    assert_eq!(compile(&[("1.proto", imported), part], "x").unwrap(), "A");
    let broken = compile(&[("1.proto", imported), ("parts.proto", "message {")], "x").unwrap_err();
    assert_eq!(broken.file.as_deref(), Some("parts.proto"));
}

fn data() -> impl Strategy<Value = Value> {
    let leaf = ("[a-zé]{0,4}", any::<i64>(), any::<i32>(), any::<u64>(), proptest::collection::vec(any::<u8>(), 0..5));
    let scalars = leaf.prop_map(|(text, i64, i32, u64, bytes)| {
        use base64::Engine;
        let raw = base64::engine::general_purpose::STANDARD.encode(&bytes);
        let mut data = json!({"orderId": text, "i32": i32, "i64": i64.to_string(), "u64": u64.to_string(), "s64": i64.to_string(),
            "sf32": i32, "raw": raw, "maybe": i32, "numbers": [i64.to_string()], "byNumber": {i32.to_string(): text},
            "anyValue": {"x": [text, null]}, "state": if i32 % 2 == 0 { json!("PAID") } else { json!(5) }});
        // Defaults are left out on the way back.
        data.as_object_mut().unwrap().retain(|_, value| *value != json!("") && *value != json!("0") && *value != json!(0));
        data
    });
    (scalars, "[a-z]{1,3}", 0..4_usize).prop_map(|(mut data, sku, depth)| {
        let line = (0..depth).fold(json!({"sku": sku}), |inner, _| json!({"next": inner}));
        data["lines"] = json!([line, {}]);
        data["cash"] = line;
        data
    })
}

proptest! {
    #[test]
    fn canonical_data_survives_the_way_there_and_back(data in data()) {
        let schema = proto(ORDER);
        let text = data.to_string();
        let bytes = schema.to_bytes(text.as_bytes()).unwrap();
        let mut back: Value = serde_json::from_str(&schema.to_json(&bytes).unwrap()).unwrap();
        // `maybe` keeps its presence; the generator dropped zeros everywhere.
        if back["maybe"] == json!(0) { back.as_object_mut().unwrap().remove("maybe"); }
        prop_assert_eq!(&back, &data);
        let other = oracle(&schema, &text).unwrap();
        prop_assert_eq!(DynamicMessage::decode(schema.message().clone(), &bytes[..]).unwrap(), other);
    }

    #[test]
    fn any_bytes_are_judged_as_others_judge_them(bytes in proptest::collection::vec(any::<u8>(), 0..48)) {
        let schema = proto(ORDER);
        let other = DynamicMessage::decode(schema.message().clone(), &bytes[..]);
        prop_assert_eq!(schema.check_bytes(&bytes).is_ok(), other.is_ok(), "{:?}", other);
        if let (Ok(json), Ok(other)) = (schema.to_json(&bytes), other) {
            let json: Value = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(json, serde_json::to_value(&other).unwrap());
        }
    }
}
