//! Attacks inside of the data of governed events: Avro, Protobuf, JSON and XML. The same bounds as for attacks on formats.

use crate::hostile_formats::attacks::{Attack, SIZE, attack, long, numbered, varint};
use crate::hostile_formats::{LIMITS, are_cheap};
use crate::support::gateway::{Gateway, PLAIN};

/// Two heaps of threads that have not checked such data before.
const NOISE: u64 = 12 << 20;
const JSON: &str = "application/json";
const XML: &str = "application/xml";
const PROTOBUF: &str = "application/protobuf";
const AVRO: &str = "application/avro";

/// Arrays of what takes no bytes, of what takes more as text, defaults, and a record in itself.
const AVSC: &str = r#"{"type": "record", "name": "R", "fields": [
    {"name": "orders", "type": {"type": "array", "items": {"type": "record", "name": "O", "fields": [
        {"name": "sku", "type": "string"}, {"name": "quantity", "type": "int"}]}}, "default": []},
    {"name": "nulls", "type": {"type": "array", "items": "null"}, "default": []},
    {"name": "texts", "type": {"type": "array", "items": "string"}, "default": []},
    {"name": "days", "type": {"type": "array", "items": {"type": "int", "logicalType": "date"}}, "default": []},
    {"name": "any", "type": {"type": "array", "items": ["null", "int", "string", "R"]}, "default": []},
    {"name": "map", "type": {"type": "map", "values": "int"}, "default": {}},
    {"name": "long", "type": {"type": "array", "items": {"type": "record", "name": "L", "fields": [
        {"name": "text", "type": "string", "default": "0123456789012345678901234567890123456789"}]}}, "default": []},
    {"name": "next", "type": ["null", "R"], "default": null}]}"#;
const PROTO: &str = r#"syntax = "proto3";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
message M {
  repeated Order orders = 1; repeated M many = 2; repeated int32 numbers = 3; map<int32, M> map = 4;
  repeated google.protobuf.Timestamp times = 5; google.protobuf.Value value = 6; M one = 7; string text = 8;
}
message Order { string sku = 1; int32 quantity = 2; }
"#;
const SCHEMA: &str = r##"{"type": "object", "additionalProperties": {"type": "integer"}, "properties": {
    "orders": {"type": "array", "items": {"type": "object", "required": ["sku"], "properties": {
        "sku": {"type": "string", "minLength": 1}, "quantity": {"type": "integer"}}}},
    "numbers": {"type": "array", "items": {"type": "integer"}},
    "unique": {"type": "array", "uniqueItems": true},
    "texts": {"type": "array", "items": {"type": "string", "pattern": "^(a+)+$"}},
    "kinds": {"type": "array", "items": {"oneOf": [
        {"required": ["a"]}, {"required": ["b"]}, {"required": ["c"]}, {"required": ["d"]}, {"required": ["e"]}]}},
    "tree": {"$ref": "#/$defs/tree"}},
    "$defs": {"tree": {"type": "object", "additionalProperties": false, "properties": {
        "one": {"$ref": "#/$defs/tree"}, "two": {"anyOf": [{"$ref": "#/$defs/tree"}, {"$ref": "#/$defs/tree"}]}}}}}"##;

async fn gateway() -> Gateway {
    Gateway::start(&[
        ("signalbox.yaml", &format!("{PLAIN}{LIMITS}")),
        ("routes/all.yaml", "conversions: [{name: r, root: r}]\n"),
        ("schemas/avro/1.avsc", AVSC),
        ("schemas/proto.m/1.proto", PROTO),
        ("schemas/json/1.json", SCHEMA),
        ("schemas/json/conversion", "r"),
    ])
    .await
}

fn payload(
    ty: &'static str,
    media_type: &'static str,
    name: &'static str,
    data: impl Into<Vec<u8>>,
    answer: u16,
) -> Attack {
    let answers: &'static [u16] = if answer == 202 { &[202] } else { &[422] };
    let attributes = [("ce-specversion", "1.0"), ("ce-id", "1"), ("ce-source", "/s"), ("ce-type", ty)];
    let headers = attributes.map(|(name, value)| (name, value.to_owned())).to_vec();
    Attack { headers, ..attack(name, media_type, data, answers) }
}

/// Orders, as most producers would send them.
fn good_json(ty: &'static str) -> Attack {
    let item = r#"{"sku": "lamp-4711", "quantity": 2},"#;
    let data = format!(r#"{{"orders": [{}{{"sku": "x"}}]}}"#, item.repeat(SIZE / item.len()));
    payload(ty, JSON, "good", data.replace(r#"{"sku": "x"}"#, r#"{"sku": "x", "quantity": 1}"#), 202)
}

/// A datum of the record with one of its fields; all others are empty.
fn datum(field: usize, bytes: &[u8]) -> Vec<u8> {
    [&vec![0; field], bytes, &vec![0; 7 - field]].concat()
}

fn array(field: usize, count: usize, item: &[u8]) -> Vec<u8> {
    datum(field, &[long(count), item.repeat(count), vec![0]].concat())
}

#[tokio::test]
async fn avro_payloads_are_cheap() {
    let gateway = gateway().await;
    let of = |name, data: Vec<u8>, answer| payload("avro", AVRO, name, data, answer);
    let order = b"\x12lamp-4711\x04";
    let good = of("good", array(0, SIZE / order.len(), order), 202);
    let attacks = [
        of("a count that lies", datum(1, &[&[0xfe; 9][..], &[1, 0]].concat()), 422),
        of("many nulls", datum(1, &[long(1 << 40), vec![0]].concat()), 422),
        of("blocks of nulls", datum(1, &[long(1000).repeat(SIZE / 2), vec![0]].concat()), 422),
        of("blocks of one", datum(2, &[[1, 2, 0].repeat(SIZE / 3), vec![0]].concat()), 202),
        of("a length that lies", datum(2, &[long(1), long(1 << 60)].concat()), 422),
        of("empty texts", array(2, SIZE, &[0]), 202),
        of("days", array(3, SIZE, &[0]), 202),
        of("branches", array(4, SIZE, &[0]), 202),
        of("no such branch", array(4, SIZE / 2, &[8, 0]), 422),
        of("one key", datum(5, &[long(SIZE / 3), b"\x02a\0".repeat(SIZE / 3), vec![0]].concat()), 202),
        of("nesting", [0, 0, 0, 0, 0, 0, 0, 2].repeat(SIZE / 8), 422),
    ];
    are_cheap(&gateway, &good, &attacks, NOISE).await;
    let of = |name, data: String, answer| payload("avro", JSON, name, data, answer);
    let attacks = [
        of("unknown members", format!(r#"{{"a":1{}}}"#, numbered(SIZE / 10, |n| format!(r#","m{n:05}":1"#))), 422),
        of("wrong entries", format!(r#"{{"days":[{}0]}}"#, "\"\",".repeat(SIZE / 3)), 422),
        of("branches that fit late", format!(r#"{{"any":[{}null]}}"#, "{},".repeat(SIZE / 3)), 202),
        of("defaults", format!(r#"{{"long":[{}{{}}]}}"#, "{},".repeat(SIZE / 3)), 202),
        of("nesting", r#"{"next":"#.repeat(SIZE / 8), 422),
    ];
    are_cheap(&gateway, &good_json("avro"), &attacks, NOISE).await;
}

/// A field with a length.
fn field(number: usize, bytes: &[u8]) -> Vec<u8> {
    [varint(number << 3 | 2), varint(bytes.len()), bytes.to_vec()].concat()
}

#[tokio::test]
async fn protobuf_payloads_are_cheap() {
    let gateway = gateway().await;
    let of = |name, data: Vec<u8>, answer| payload("proto.m", PROTOBUF, name, data, answer);
    let order = field(1, b"\x0a\x09lamp-4711\x10\x02");
    let good = of("good", order.repeat(SIZE / order.len()), 202);
    let deep = (0..2000).fold(Vec::new(), |inner, _| field(7, &inner));
    let attacks = [
        of("packed numbers", field(3, &vec![1; SIZE]), 202),
        of("empty messages", field(2, b"").repeat(SIZE / 2), 202),
        of("empty entries of a map", field(4, b"").repeat(SIZE / 2), 202),
        of("times", field(5, b"").repeat(SIZE / 2), 202),
        of("one message many times", field(7, &field(2, b"")).repeat(SIZE / 4), 202),
        of("values in values", field(6, &field(6, &field(1, b"").repeat(SIZE / 2))), 202),
        of("a length that lies", [varint(8 << 3 | 2), varint(1 << 40)].concat(), 422),
        of("unknown fields", b"\xf8\x07\x01".repeat(SIZE / 3), 202),
        of("groups", b"\xfb\x07".repeat(SIZE / 2), 422),
        of("nesting", deep, 422),
    ];
    are_cheap(&gateway, &good, &attacks, NOISE).await;
    let of = |name, data: String, answer| payload("proto.m", JSON, name, data, answer);
    let attacks = [
        of("unknown members", format!(r#"{{"a":1{}}}"#, numbered(SIZE / 10, |n| format!(r#","m{n:05}":1"#))), 422),
        of("wrong entries", format!(r#"{{"numbers":[{}0]}}"#, "\"\",".repeat(SIZE / 3)), 422),
        of("empty messages", format!(r#"{{"many":[{}{{}}]}}"#, "{},".repeat(SIZE / 3)), 202),
        of("a list of anything", format!(r#"{{"value":[{}0]}}"#, "0,".repeat(SIZE / 2)), 202),
        of("nesting", r#"{"one":"#.repeat(SIZE / 7), 422),
    ];
    are_cheap(&gateway, &good_json("proto.m"), &attacks, NOISE).await;
}

#[tokio::test]
async fn json_payloads_are_cheap() {
    let gateway = gateway().await;
    let of = |name, data: String, answer| payload("json", JSON, name, data, answer);
    let list = |name: &str, entry: &str| {
        format!(r#"{{"{name}":[{}{entry}]}}"#, format!("{entry},").repeat(SIZE / (entry.len() + 1)))
    };
    let attacks = [
        of("numbers", list("numbers", "1"), 202),
        of("wrong entries", list("numbers", "\"\""), 422),
        of("wrong members", format!(r#"{{"a":1{}}}"#, numbered(SIZE / 11, |n| format!(r#","m{n:05}":"""#))), 422),
        of("empty objects", list("kinds", "{}"), 422),
        of("empty lists", list("unique", "[]"), 422),
        of("different lists", format!(r#"{{"unique":[{}0]}}"#, numbered(SIZE / 10, |n| format!("[[{n}]],"))), 202),
        of("one name", format!(r#"{{"a":1{}}}"#, r#","a":1"#.repeat(SIZE / 6)), 202),
        of("a pattern that others try for ever", format!(r#"{{"texts":["{}b"]}}"#, "a".repeat(SIZE)), 422),
        of("alternatives", format!(r#"{{"tree":{}{{"x":1}}{}}}"#, r#"{"two":"#.repeat(60), "}".repeat(60)), 422),
        of("nesting", r#"{"tree":"#.repeat(SIZE / 8), 422),
    ];
    are_cheap(&gateway, &good_json("json"), &attacks, NOISE).await;
}

#[tokio::test]
async fn xml_payloads_are_cheap() {
    let gateway = gateway().await;
    let of = |name, content: String, answer| payload("json", XML, name, format!("<r>{content}</r>"), answer);
    let order = "<item><sku>lamp-4711</sku><quantity>2</quantity></item>";
    let good = of("good", format!("<orders>{}</orders>", order.repeat(SIZE / order.len())), 202);
    let attacks = [
        of("one element many times", "<i/>".repeat(SIZE / 4), 422),
        of("many elements", numbered(SIZE / 9, |n| format!("<m{n:05}/>")), 422),
        of(
            "many XML attributes",
            format!("<i {}/>", numbered(250, |n| format!("a{n}=\"\" "))).repeat(SIZE / 1740),
            422,
        ),
        of("two in turn", "<a>1</a><b>2</b>".repeat(SIZE / 16), 422),
        of("entities", format!("<texts><item>{}</item></texts>", "&#97;".repeat(SIZE / 5)), 202),
        of("comments", "<!---->".repeat(SIZE / 7), 202),
        of("nesting", "<a>".repeat(SIZE / 3), 422),
    ];
    are_cheap(&gateway, &good, &attacks, NOISE).await;
}
