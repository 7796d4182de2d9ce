//! Binary, structured JSON and structured XML on Kafka and NATS through the real binary: headers, key, partition, and bytes as
//! they were accepted (specs.md §4, §8, §9).

use crate::kafka_destination::fresh_topic;
use crate::support::gateway::Gateway;
use crate::support::kafka::{KafkaServer, Landed};
use crate::support::nats::NatsServer;
use async_nats::jetstream::message::StreamMessage;
use serde_json::{Value, json};
use signalbox::cloudevents::reader::Bounds;
use signalbox::cloudevents::{Data, Event, Kind, xml};
use std::collections::BTreeMap;
use std::fmt::Write as _;

const PARTITIONS: u32 = 10;
const XMLNS: &str = concat!(
    r#"xmlns="http://cloudevents.io/xmlformat/V1" xmlns:xs="http://www.w3.org/2001/XMLSchema" "#,
    r#"xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance""#
);
/// Data whose text no reader of JSON would write again.
const DATA: &str = r#"{"b" : 1.10,  "a":[1E+2, 123456789012345678901234567890], "\u00e9":"é"}"#;

/// What landed of each event, by its id.
struct Everything {
    kafka: BTreeMap<&'static str, BTreeMap<String, Landed>>,
    nats: BTreeMap<&'static str, BTreeMap<String, StreamMessage>>,
}

/// A request: content type, other headers, body.
type Post<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [u8]);

/// Posts requests, and collects what lands of them in every mode and format.
async fn send(requests: &[Post<'_>]) -> Everything {
    let (kafka, nats, topic) = (KafkaServer::shared(), NatsServer::start(), fresh_topic());
    let mut routes = format!(
        "destinations:\n  - {{name: bus, kafka: {{brokers: [\"{}\"]}}}}\n  - {{name: edge, nats: {{servers: [\"{}\"], \
         ensure_stream: {{name: FORMATS, subjects: [\"formats.>\"]}}}}}}\nroutes:\n  - name: all\n    deliver:\n",
        kafka.address(),
        nats.url()
    );
    let modes = [("binary", "mode: binary"), ("json", "mode: structured"), ("xml", "mode: structured, format: xml")];
    for (name, mode) in modes {
        kafka.create_topic(&format!("{topic}-{name}"), i32::try_from(PARTITIONS).expect("few"), &[]).await;
        writeln!(routes, "      - {{destination: bus, name: kafka-{name}, topic: {topic}-{name}, {mode}}}").unwrap();
        writeln!(routes, "      - {{destination: edge, name: nats-{name}, subject: formats.{name}, {mode}}}").unwrap();
    }
    let gateway = Gateway::start(&[("routes/all.yaml", &routes)]).await;
    for (media_type, headers, body) in requests {
        let mut request = gateway.http().post(gateway.ingress("/")).body(body.to_vec());
        if !media_type.is_empty() {
            request = request.header("content-type", *media_type);
        }
        request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 202, "{}", answer.text().await.expect("a body"));
    }
    gateway.settled().await;
    assert_eq!(gateway.get("/api/v1/dead-letters").await["dead_letters"], json!([]));
    let mut everything = Everything { kafka: BTreeMap::new(), nats: BTreeMap::new() };
    let messages = nats.messages("FORMATS").await;
    for (name, _) in modes {
        let records = kafka.read(&format!("{topic}-{name}")).into_iter();
        everything.kafka.insert(name, records.map(|record| (id_of(name, &record), record)).collect());
        let of_mode = messages.iter().filter(|message| message.subject.ends_with(name));
        everything.nats.insert(name, of_mode.map(|message| (id_in(name, message), message.clone())).collect());
    }
    everything
}

fn id_of(mode: &str, record: &Landed) -> String {
    match mode {
        "binary" => record.header("ce_id").expect("an id").to_owned(),
        "json" => json_of(record.value.as_deref().expect("a value"))["id"].as_str().expect("an id").to_owned(),
        _ => xml_of(record.value.as_deref().expect("a value")).id.to_string(),
    }
}

fn id_in(mode: &str, message: &StreamMessage) -> String {
    match mode {
        "binary" => {
            let id = header(message, "ce-id").expect("an id");
            percent_encoding::percent_decode_str(&id).decode_utf8().expect("UTF-8").into_owned()
        }
        "json" => json_of(&message.payload)["id"].as_str().expect("an id").to_owned(),
        _ => xml_of(&message.payload).id.to_string(),
    }
}

fn json_of(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(bytes)))
}

fn xml_of(bytes: &[u8]) -> Event {
    let read = xml::read(bytes.to_vec().into(), &Bounds::default());
    read.unwrap_or_else(|fault| panic!("{fault:?}: {}", String::from_utf8_lossy(bytes)))
}

fn header(message: &StreamMessage, name: &str) -> Option<String> {
    message.headers.get(name).map(ToString::to_string)
}

/// The partition Java's client chooses for a key: murmur2 with seed 0x9747b28c, made positive, modulo the partitions.
fn partition(key: &str) -> i32 {
    const M: u32 = 0x5bd1_e995;
    let bytes = key.as_bytes();
    let mut hash = 0x9747_b28c ^ u32::try_from(bytes.len()).expect("a short key");
    let mix = |word: u32| {
        let word = word.wrapping_mul(M);
        (word ^ (word >> 24)).wrapping_mul(M)
    };
    let mut words = bytes.chunks_exact(4);
    for word in &mut words {
        hash = hash.wrapping_mul(M) ^ mix(u32::from_le_bytes(word.try_into().expect("four bytes")));
    }
    let rest = words.remainder();
    for (at, byte) in rest.iter().enumerate() {
        hash ^= u32::from(*byte) << (8 * at);
    }
    if !rest.is_empty() {
        hash = hash.wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    hash ^= hash >> 15;
    i32::try_from((hash & 0x7fff_ffff) % PARTITIONS).expect("a small number")
}

#[test]
fn partitions_are_those_of_javas_own_tests() {
    // Values of org.apache.kafka.common.utils.UtilsTest, made positive, modulo 10.
    for (key, hash) in [("21", -973_932_308_i32), ("foobar", -790_332_482), ("a-little-bit-long-string", -985_981_536)]
    {
        assert_eq!(partition(key), (hash & 0x7fff_ffff) % 10, "{key}");
    }
}

#[tokio::test]
async fn attributes_key_and_the_text_of_json_data_arrive_in_every_mode() {
    let event = format!(
        r#"{{"specversion":"1.0","id":"é %\" 1","source":"/shop/eu","type":"com.example.t","subject":"grün","n":7,"flag":true,"partitionkey":"größe","datacontenttype":"application/json","data": {DATA} }}"#
    );
    let keyless = r#"{"specversion":"1.0","id":"2","source":"/shop/eu","type":"com.example.t","data":"text"}"#;
    let json = "application/cloudevents+json";
    let landed = send(&[(json, &[], event.as_bytes()), (json, &[], keyless.as_bytes())]).await;
    let id = "é %\" 1";
    let binary = &landed.kafka["binary"][id];
    assert_eq!(binary.value.as_deref(), Some(DATA.as_bytes()));
    for (name, value) in [
        ("ce_specversion", "1.0"),
        ("ce_id", id),
        ("ce_source", "/shop/eu"),
        ("ce_type", "com.example.t"),
        ("ce_subject", "grün"),
        ("ce_n", "7"),
        ("ce_flag", "true"),
        ("ce_partitionkey", "größe"),
        ("content-type", "application/json"),
    ] {
        assert_eq!(binary.header(name), Some(value), "{name}");
    }
    let names = ["json", "xml"].map(|format| format!("application/cloudevents+{format}"));
    for (mode, media_type) in [("json", &names[0]), ("xml", &names[1])] {
        let (record, message) = (&landed.kafka[mode][id], &landed.nats[mode][id]);
        assert_eq!(record.header("content-type"), Some(media_type.as_str()));
        assert!(record.headers.iter().all(|(name, _)| !name.starts_with("ce_")), "{:?}", record.headers);
        assert_eq!(header(message, "Content-Type").as_ref(), Some(media_type));
        assert_eq!(record.value.as_deref(), Some(&message.payload[..]), "{mode} is the same everywhere");
    }
    let structured = String::from_utf8(landed.kafka["json"][id].value.clone().expect("a value")).expect("UTF-8");
    assert!(structured.contains(&format!("\"data\":{DATA}")), "{structured}");
    let in_xml = xml_of(&landed.nats["xml"][id].payload);
    let n = in_xml.attributes.iter().find(|attribute| attribute.name == "n").expect("it is there");
    assert_eq!((n.value.kind, n.value.text, in_xml.attribute("subject")), (Kind::Integer, "7", Some("grün")));
    assert_eq!(in_xml.data.bytes().as_deref(), Some(DATA.as_bytes()));
    let on_nats = &landed.nats["binary"][id];
    assert_eq!(header(on_nats, "ce-id").as_deref(), Some("%C3%A9%20%25%22%201"));
    assert_eq!(header(on_nats, "ce-datacontenttype").as_deref(), Some("application/json"));
    assert_eq!(&on_nats.payload[..], DATA.as_bytes());
    for mode in ["binary", "json", "xml"] {
        let record = &landed.kafka[mode][id];
        assert_eq!((record.key.as_deref(), record.partition), (Some("größe"), partition("größe")), "{mode}");
        assert_eq!(landed.kafka[mode]["2"].key, None, "{mode}");
    }
}

#[tokio::test]
async fn bytes_nothing_and_emptiness_are_told_apart() {
    let named = |id| [("ce-specversion", "1.0"), ("ce-id", id), ("ce-source", "/s"), ("ce-type", "t")];
    let empty =
        r#"{"specversion":"1.0","id":"empty","source":"/s","type":"t","datacontenttype":"text/plain","data":""}"#;
    let bytes = b"\x00\xff\r\n\x1b";
    let json = "application/cloudevents+json";
    let requests: [Post<'_>; 3] =
        [("image/png", &named("bytes"), bytes), ("", &named("nothing"), b""), (json, &[], empty.as_bytes())];
    let landed = send(&requests).await;
    for (id, value) in [("bytes", Some(&bytes[..])), ("nothing", None), ("empty", Some(&b""[..]))] {
        assert_eq!(landed.kafka["binary"][id].value.as_deref(), value, "{id}");
        assert_eq!(&landed.nats["binary"][id].payload[..], value.unwrap_or_default(), "{id}");
        let as_json = json_of(landed.kafka["json"][id].value.as_deref().expect("a value"));
        let (data, base64) = (as_json.get("data"), as_json.get("data_base64"));
        let expected = match id {
            "bytes" => (None, Some(&json!("AP8NChs="))),
            "empty" => (Some(&json!("")), None),
            _ => (None, None),
        };
        assert_eq!((data, base64), expected, "{id}");
        let as_xml = xml_of(landed.kafka["xml"][id].value.as_deref().expect("a value"));
        assert_eq!(as_xml.data.bytes().as_deref(), value, "{id}");
    }
    assert_eq!(landed.kafka["binary"]["bytes"].header("content-type"), Some("image/png"));
    assert_eq!(landed.kafka["binary"]["nothing"].header("content-type"), None);
    assert_eq!(header(&landed.nats["binary"]["nothing"], "ce-datacontenttype"), None);
}

#[tokio::test]
async fn an_xml_element_arrives_as_it_was_and_the_creation_context_is_the_same_everywhere() {
    let element = r#"<o:order xmlns:o="urn:o" a="1"> <!-- kept --><o:item>ü</o:item></o:order>"#;
    let event = format!(
        r#"<event {XMLNS} specversion="1.0"><id>1</id><source>/s</source><type>t</type><data xsi:type="xs:any">{element}</data></event>"#
    );
    let caller = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let landed = send(&[("application/cloudevents+xml", &[("traceparent", caller)], event.as_bytes())]).await;
    let binary = &landed.kafka["binary"]["1"];
    let document = String::from_utf8(binary.value.clone().expect("a value")).expect("UTF-8");
    assert!(document.ends_with(r#" a="1"> <!-- kept --><o:item>ü</o:item></o:order>"#), "{document}");
    assert_eq!(binary.header("content-type"), Some("application/xml"));
    let Data::Xml(inside) = xml_of(&landed.nats["xml"]["1"].payload).data else { panic!("it is no element") };
    assert!(String::from_utf8_lossy(&inside).contains("<o:item>ü</o:item>"), "{inside:?}");

    let creation = binary.header("ce_traceparent").expect("it is filled in").to_owned();
    assert_eq!(header(&landed.nats["binary"]["1"], "ce-traceparent").as_deref(), Some(creation.as_str()));
    let mut hops = std::collections::BTreeSet::new();
    for mode in ["binary", "json", "xml"] {
        let (record, message) = (&landed.kafka[mode]["1"], &landed.nats[mode]["1"]);
        hops.insert(record.header("traceparent").expect("the hop").to_owned());
        hops.insert(header(message, "traceparent").expect("the hop"));
    }
    assert_eq!(hops.len(), 6, "a hop of its own for every message: {hops:?}");
    assert!(hops.iter().all(|hop| hop.starts_with(&caller[..35]) && !hop.contains(&creation[36..52])), "{hops:?}");
    assert_eq!(xml_of(&landed.nats["xml"]["1"].payload).attribute("traceparent"), Some(creation.as_str()));
    let in_json = json_of(landed.kafka["json"]["1"].value.as_deref().expect("a value"));
    assert_eq!(in_json["traceparent"], creation);
}
