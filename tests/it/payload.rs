//! Avro and Protobuf payloads through a running gateway: the check at the door, conversion on the way out.

use crate::support::gateway::Gateway;
#[cfg(feature = "nats")]
use crate::support::nats::NatsServer;
use crate::support::wait_for;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value as Avro;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::time::Duration;

const SOON: Duration = Duration::from_mins(1);

const AVSC: &str = r#"{"type": "record", "name": "Order", "namespace": "com.example", "fields": [
    {"name": "id", "type": "string"}, {"name": "big", "type": "long"},
    {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 8, "scale": 2}},
    {"name": "note", "type": ["null", "string"], "default": null}]}"#;
const PROTO: &str = r#"syntax = "proto3";
package com.example;
import "common.proto";
message Order { string order_id = 1; int64 big = 2; repeated com.example.Line lines = 3; }
message Other {}
"#;
const COMMON: &str = "syntax = \"proto3\"; package com.example; message Line { string sku = 1; }";
const RULES: &str = "conversions: [{name: order-xml, root: order}]\n";

async fn gateway(routes: &str) -> Gateway {
    Gateway::start(&[
        ("routes/all.yaml", &format!("{RULES}{routes}")),
        ("schemas/avro.order/1.avsc", AVSC),
        ("schemas/avro.order/conversion", "order-xml"),
        ("schemas/proto.order/1.proto", PROTO),
        ("schemas/proto.order/common.proto", COMMON),
    ])
    .await
}

fn event(ty: &str, data: Value) -> Value {
    json!({"specversion": "1.0", "id": "1", "source": "/s", "type": ty, "data": data})
}

fn binary(ty: &str, media_type: &str, data: &[u8]) -> Value {
    json!({"specversion": "1.0", "id": "1", "source": "/s", "type": ty, "datacontenttype": media_type,
        "data_base64": STANDARD.encode(data)})
}

/// Status and pointers of an answer.
async fn verdict(gateway: &Gateway, event: &Value) -> (u16, Vec<String>) {
    let answer = gateway.post(event).await.expect("an answer");
    let status = answer.status().as_u16();
    let problem: Value = serde_json::from_str(&answer.text().await.expect("a body")).unwrap_or_default();
    let errors = problem["errors"].as_array().cloned().unwrap_or_default();
    (status, errors.iter().map(|error| error["pointer"].as_str().expect("a pointer").to_owned()).collect())
}

fn refused(pointers: &[&str]) -> (u16, Vec<String>) {
    (422, pointers.iter().map(|pointer| (*pointer).to_owned()).collect())
}

fn good_avro() -> Value {
    json!({"id": "o-1", "big": 9_007_199_254_740_993_i64, "price": "12.50"})
}

fn good_proto() -> Value {
    json!({"orderId": "o-1", "big": "9007199254740993", "lines": [{"sku": "a"}]})
}

#[tokio::test]
async fn data_is_checked_at_the_door() {
    let gateway = gateway("routes: []").await;
    let listed = gateway.get("/api/v1/schemas").await;
    assert_eq!(
        listed["schemas"],
        json!([{"type": "avro.order", "version": "1", "kind": "avro", "id": "com.example.Order"},
            {"type": "proto.order", "version": "1", "kind": "protobuf", "id": "com.example.Order"}])
    );
    let position = gateway.accept(&event("avro.order", good_avro())).await;
    assert_eq!(
        gateway.get(&format!("/api/v1/events/{position}")).await["verdict"],
        json!({"schema": "avro.order/1", "valid": true})
    );
    gateway.accept(&event("proto.order", good_proto())).await;

    let bad = json!({"id": 5, "big": 1e30, "price": 12.5, "odd": 1});
    assert_eq!(
        verdict(&gateway, &event("avro.order", bad)).await,
        refused(&["/data/odd", "/data/id", "/data/big", "/data/price"])
    );
    assert_eq!(
        verdict(&gateway, &event("avro.order", json!({}))).await,
        refused(&["/data/id", "/data/big", "/data/price"])
    );
    let bad = json!({"orderId": 5, "big": "x", "lines": [{"sku": "a", "odd": 1}, null], "odd": 1});
    let expected = ["/data/odd", "/data/orderId", "/data/big", "/data/lines/0/odd", "/data/lines/1"];
    assert_eq!(verdict(&gateway, &event("proto.order", bad)).await, refused(&expected));

    let datum = [6, b'o', b'-', b'1', 2, 4, 4, 0xe2, 0];
    for media_type in ["application/avro", "avro/binary", "Application/vnd.apache.avro+binary; a=b"] {
        assert_eq!(verdict(&gateway, &binary("avro.order", media_type, &datum)).await, (202, vec![]), "{media_type}");
    }
    assert_eq!(verdict(&gateway, &binary("avro.order", "application/avro", &datum[..6])).await, refused(&["/data"]));
    let message = [0x0a, 1, b'x', 0xf8, 0x3f, 5];
    for media_type in ["application/protobuf", "application/x-protobuf", "application/vnd.google.protobuf"] {
        assert_eq!(
            verdict(&gateway, &binary("proto.order", media_type, &message)).await,
            (202, vec![]),
            "{media_type}"
        );
    }
    assert_eq!(
        verdict(&gateway, &binary("proto.order", "application/protobuf", &[0x0a, 5])).await,
        refused(&["/data"])
    );
    // The other encoding, and no data at all.
    assert_eq!(
        verdict(&gateway, &binary("proto.order", "application/avro", &message)).await,
        refused(&["/datacontenttype"])
    );
    let mut none = event("avro.order", Value::Null);
    none.as_object_mut().expect("an object").remove("data");
    assert_eq!(verdict(&gateway, &none).await, refused(&["/data"]));
}

#[tokio::test]
async fn xml_data_goes_by_the_rules_and_the_types_of_the_schema() {
    let gateway = gateway("routes: []").await;
    let xml = |text: &str| {
        let mut event = event("avro.order", json!(text));
        event["datacontenttype"] = json!("application/xml");
        event
    };
    let good = "<order><id>7</id><big>9007199254740993</big><price>12.50</price></order>";
    assert_eq!(verdict(&gateway, &xml(good)).await, (202, vec![]));
    assert_eq!(
        verdict(&gateway, &xml("<order><id>7</id><big>x</big></order>")).await,
        refused(&["/data/big", "/data/price"])
    );
    let mut proto = xml("<order/>");
    proto["type"] = json!("proto.order");
    assert_eq!(verdict(&gateway, &proto).await, refused(&["/datacontenttype"]));
}

/// The data of the first event in a stream of the log, in base64 decoded.
async fn stored(gateway: &Gateway, stream: &str) -> (Value, Vec<u8>) {
    let request = gateway.http().get(gateway.admin(&format!("/api/v1/events/stream?stream={stream}")));
    let mut answer = request.header("last-event-id", "0").send().await.expect("an answer");
    let mut text = String::new();
    while !text.contains("\n\n") || !text.contains("data: ") {
        let chunk = tokio::time::timeout(SOON, answer.chunk()).await.expect("more of the stream");
        text.push_str(std::str::from_utf8(&chunk.expect("no fault").expect("no end")).expect("text"));
    }
    let data = text.lines().find_map(|line| line.strip_prefix("data: ")).expect("data");
    let event: Value = serde_json::from_str(data).expect("JSON");
    let bytes = event["data_base64"].as_str().map(|text| STANDARD.decode(text).expect("base64")).unwrap_or_default();
    (event, bytes)
}

fn read_avro(datum: &[u8]) -> Avro {
    let schema = apache_avro::Schema::parse_str(AVSC).expect("a schema");
    let mut rest = datum;
    let value = GenericDatumReader::builder(&schema).build().expect("a reader").read_value(&mut rest).expect("a datum");
    assert!(rest.is_empty());
    value
}

fn field(record: &Avro, name: &str) -> Avro {
    let Avro::Record(fields) = record else { panic!("no record: {record:?}") };
    fields.iter().find(|(known, _)| known == name).expect("the field").1.clone()
}

#[tokio::test]
async fn a_route_writes_avro_with_and_without_a_frame_and_reads_it_back() {
    let routes = "routes:
  - {name: a, filters: [{exact: {type: avro.order}}], transform: [{convert: {to: application/avro}}], deliver: [{destination: log, stream: plain}]}
  - {name: b, filters: [{exact: {type: avro.order}}], transform: [{convert: {to: application/avro, framing: confluent, schema_id: 17}}], deliver: [{destination: log, stream: framed}]}
  - {name: c, filters: [{exact: {type: avro.order}}], transform: [{convert: {to: application/avro}}, {convert: {to: application/json}}], deliver: [{destination: log, stream: back}]}
";
    let gateway = gateway(routes).await;
    let mut sent = event("avro.order", good_avro());
    sent["dataschema"] = json!("https://example.com/avro.order/1");
    let position = gateway.accept(&sent).await;
    wait_for("the deliveries", SOON, async || {
        let told = gateway.get(&format!("/api/v1/events/{position}")).await;
        (told["status"] == "delivered").then_some(())
    })
    .await;
    let (plain, datum) = stored(&gateway, "plain").await;
    assert_eq!((&plain["datacontenttype"], &plain["dataschema"]), (&json!("application/avro"), &Value::Null));
    let record = read_avro(&datum);
    assert_eq!(field(&record, "big"), Avro::Long(9_007_199_254_740_993));
    assert_eq!(field(&record, "note"), Avro::Union(0, Box::new(Avro::Null)));
    let (_, framed) = stored(&gateway, "framed").await;
    assert_eq!((&framed[..5], &framed[5..]), (&[0, 0, 0, 0, 17][..], &datum[..]));
    let (back, _) = stored(&gateway, "back").await;
    assert_eq!(back["data"].to_string(), r#"{"id":"o-1","big":9007199254740993,"price":"12.50","note":null}"#);
}

#[tokio::test]
async fn what_does_not_fit_is_a_dead_letter() {
    let routes = "routes:
  - {name: a, filters: [{exact: {type: free}}], transform: [{convert: {to: application/avro}}], deliver: [{destination: log, stream: a}]}
  - {name: b, filters: [{exact: {type: avro.order}}], transform: [{convert: {to: application/protobuf}}], deliver: [{destination: log, stream: b}]}
";
    let gateway = gateway(routes).await;
    for (ty, data, words) in
        [("free", json!({}), "`free` has no Avro schema"), ("avro.order", good_avro(), "has no Protobuf schema")]
    {
        let position = gateway.accept(&event(ty, data)).await;
        let letter = wait_for("the dead letter", SOON, async || {
            let letters = gateway.get("/api/v1/dead-letters").await;
            letters["dead_letters"].as_array()?.iter().find(|letter| letter["position"] == position).cloned()
        })
        .await;
        assert_eq!(letter["reason"], "conversion");
        assert!(letter["detail"].as_str().is_some_and(|detail| detail.contains(words)), "{letter}");
    }
}

#[cfg(feature = "nats")]
#[tokio::test]
async fn converted_payloads_land_on_jetstream() {
    use prost_reflect::DynamicMessage;
    let server = NatsServer::start();
    let url = server.url();
    let routes = format!(
        "destinations: [{{name: edge, nats: {{servers: [\"{url}\"], ensure_stream: {{name: ORDERS, subjects: [\"o.>\"]}}}}}}]
routes:
  - {{name: a, filters: [{{exact: {{type: avro.order}}}}], transform: [{{convert: {{to: application/avro, rules: order-xml}}}}], deliver: [{{destination: edge, subject: o.avro, mode: binary}}]}}
  - {{name: p, filters: [{{exact: {{type: proto.order}}}}], transform: [{{convert: {{to: application/protobuf}}}}], deliver: [{{destination: edge, subject: o.proto, mode: binary}}]}}
  - {{name: f, filters: [{{exact: {{type: proto.order}}}}], transform: [{{convert: {{to: application/protobuf, framing: confluent, schema_id: 258}}}}], deliver: [{{destination: edge, subject: o.framed, mode: binary}}]}}
"
    );
    let gateway = gateway(&routes).await;
    let mut xml = event("avro.order", json!("<order><id>7</id><big>9007199254740993</big><price>12.5</price></order>"));
    xml["datacontenttype"] = json!("application/xml");
    gateway.accept(&xml).await;
    gateway.accept(&event("proto.order", good_proto())).await;
    wait_for("three messages", SOON, || async { (server.count("ORDERS").await == Some(3)).then_some(()) }).await;
    let messages = server.messages("ORDERS").await;
    let payload = |subject: &str| {
        let message = messages.iter().find(|message| message.subject.as_str() == subject).expect("it landed");
        (message.payload.to_vec(), message.headers.get("ce-datacontenttype").map(ToString::to_string))
    };
    let (datum, media_type) = payload("o.avro");
    assert_eq!(media_type.as_deref(), Some("application/avro"));
    let record = read_avro(&datum);
    assert_eq!(
        (field(&record, "id"), field(&record, "big")),
        (Avro::String("7".to_owned()), Avro::Long(9_007_199_254_740_993))
    );
    let (bytes, media_type) = payload("o.proto");
    assert_eq!(media_type.as_deref(), Some("application/protobuf"));
    let files = [("1.proto".to_owned(), PROTO.to_owned()), ("common.proto".to_owned(), COMMON.to_owned())];
    let schema = signalbox::payload::protobuf::Protobuf::compile("1.proto", &files, "proto.order").expect("a schema");
    let read = DynamicMessage::decode(schema.message().clone(), &bytes[..]).expect("a message");
    assert_eq!(serde_json::to_value(&read).expect("JSON"), good_proto());
    assert_eq!(payload("o.framed").0, [&[0, 0, 0, 1, 2, 0][..], &bytes].concat());
}
