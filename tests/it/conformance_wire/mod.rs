//! Every public vector through the HTTP door of a running gateway, and the good ones out again in every format on real NATS
//! and Kafka, where others read them: `serde_json`, prost-reflect and apache-avro by the official schemas.

use crate::conformance::{self, samples, vectors};
use crate::kafka_destination::fresh_topic;
use crate::support::gateway::Gateway;
use crate::support::kafka::KafkaServer;
use crate::support::nats::NatsServer;
use crate::support::wait_for;
use crate::{conformance_protobuf, conformance_xml};
use serde_json::Value;
use signalbox::cloudevents::Format;
use std::collections::BTreeMap;
use std::time::Duration;

mod readers;

const SOON: Duration = Duration::from_mins(2);

/// What is posted: where it is from, media type, body, how many events are in it (`None`: it has to be refused).
struct Vector {
    name: String,
    media_type: &'static str,
    body: Vec<u8>,
    events: Option<usize>,
}

fn vector(name: &str, media_type: &'static str, body: impl Into<Vec<u8>>, events: Option<usize>) -> Vector {
    Vector { name: format!("{media_type}: {name}"), media_type, body: body.into(), events }
}

fn json(all: &mut Vec<Vector>) {
    for (file, member, media_type, good) in [
        ("valid-events.json", "event", "application/cloudevents+json", true),
        ("invalid-events.json", "event", "application/cloudevents+json", false),
        ("valid-batches.json", "batch", "application/cloudevents-batch+json", true),
        ("invalid-batches.json", "batch", "application/cloudevents-batch+json", false),
    ] {
        for case in conformance::cases(file) {
            let count = case[member].as_array().map_or(1, Vec::len);
            all.push(vector(&case["id"].to_string(), media_type, case[member].to_string(), good.then_some(count)));
        }
    }
}

fn xml(all: &mut Vec<Vector>) {
    for (file, media_type, good) in [
        ("valid-events.xml", "application/cloudevents+xml", true),
        ("invalid-events.xml", "application/cloudevents+xml", false),
        ("valid-batches.xml", "application/cloudevents-batch+xml", true),
        ("invalid-batches.xml", "application/cloudevents-batch+xml", false),
    ] {
        for case in conformance_xml::cases(file) {
            let batch = media_type.contains("batch") && good;
            let count = if batch { samples(case.sample.as_deref().unwrap()).len() } else { 1 };
            all.push(vector(&case.id, media_type, case.document, good.then_some(count)));
        }
    }
}

fn protobuf(all: &mut Vec<Vector>) {
    for (file, member, good) in
        [("valid-events.json", "validSingle", true), ("invalid-events.json", "invalidSingle", false)]
    {
        for (id, _, body) in conformance_protobuf::cases(file, member, "CloudEvent") {
            all.push(vector(&id, "application/cloudevents+protobuf", body, good.then_some(1)));
        }
    }
    for (file, member, good) in
        [("valid-batches.json", "validBatch", true), ("invalid-batches.json", "invalidBatch", false)]
    {
        for (id, sample, body) in conformance_protobuf::cases(file, member, "CloudEventBatch") {
            let count = good.then(|| samples(&sample).len());
            all.push(vector(&id, "application/cloudevents-batch+protobuf", body, count));
        }
    }
    for (version, good) in [("v1", true), ("v03", false)] {
        for (name, body) in conformance_protobuf::java(version) {
            all.push(vector(&name, "application/cloudevents+protobuf", body, good.then_some(1)));
        }
    }
}

fn java(all: &mut Vec<Vector>) {
    let folders = [
        ("sdk-java/json/v1", "application/cloudevents+json", true),
        ("sdk-java/json/v03", "application/cloudevents+json", false),
        ("sdk-java/xml/v1", "application/cloudevents+xml", true),
        ("sdk-java/xml/bad", "application/cloudevents+xml", false),
    ];
    for (folder, media_type, good) in folders {
        let Some(folder) = vectors(folder) else { return };
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            let is_bad = name.starts_with("fail_") || name.contains("_ext_upper_case") || name.contains("_ext_invalid");
            all.push(vector(name, media_type, std::fs::read(&path).unwrap(), (good && !is_bad).then_some(1)));
        }
    }
}

fn all() -> Vec<Vector> {
    let mut all = Vec::new();
    json(&mut all);
    xml(&mut all);
    protobuf(&mut all);
    java(&mut all);
    all
}

/// Posts everything; the names of what was not answered as it has to be, and how many events were taken.
async fn post(gateway: &Gateway, all: &[Vector]) -> (Vec<String>, usize) {
    let (mut wrong, mut taken) = (Vec::new(), 0);
    for vector in all {
        let request = gateway.http().post(gateway.ingress("/")).header("content-type", vector.media_type);
        let answer = request.body(vector.body.clone()).send().await.expect("an answer");
        let status = answer.status().as_u16();
        let text = answer.text().await.expect("a body");
        let problem: Value = serde_json::from_str(&text).unwrap_or_default();
        let as_expected = match vector.events {
            Some(events) => {
                taken += events;
                status == 202
            }
            None => status == 400 && problem["code"].is_string(),
        };
        if !as_expected {
            wrong.push(format!("{}: {status} {text}", vector.name));
        }
    }
    (wrong, taken)
}

#[tokio::test]
async fn every_vector_goes_through_the_door_and_the_good_ones_come_out_in_every_format() {
    let all = all();
    if all.is_empty() {
        return;
    }
    let (nats, kafka) = (NatsServer::start(), KafkaServer::shared());
    let topics: BTreeMap<&str, String> = readers::WAYS.iter().map(|way| (*way, fresh_topic())).collect();
    for topic in topics.values() {
        kafka.create_topic(topic, 1, &[]).await;
    }
    let routes = routes(&nats.url(), &kafka.address(), &topics);
    let gateway = Gateway::start(&[("routes/out.yaml", &routes)]).await;
    let (wrong, taken) = post(&gateway, &all).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(all.len() > 90 && taken > 30, "{} vectors, {taken} events", all.len());

    let expected = accepted(&gateway).await;
    let on_nats = wait_for("NATS to have everything", SOON, || async {
        let landed = nats.count("OUT").await? == (expected.len() * readers::WAYS.len()) as u64;
        if landed { Some(nats.messages("OUT").await) } else { None }
    })
    .await;
    for way in readers::WAYS {
        let messages = on_nats.iter().filter(|message| message.subject.as_str() == format!("out.{way}"));
        let read = messages.map(|message| {
            let headers: Vec<_> =
                message.headers.iter().map(|(name, values)| (name.to_string(), values[0].to_string())).collect();
            readers::read(way, "Content-Type", &headers, &message.payload)
        });
        same(read.collect(), &expected, &format!("NATS {way}"));
    }
    for (way, topic) in &topics {
        let count = i64::try_from(expected.len()).unwrap();
        wait_for("Kafka to have everything", SOON, || async { (kafka.count(topic) == count).then_some(()) }).await;
        let read = kafka.read(topic).into_iter().map(|record| {
            let headers: Vec<_> =
                record.headers.iter().map(|(name, value)| (name.clone(), value.clone().unwrap())).collect();
            readers::read(way, "content-type", &headers, &record.value.unwrap_or_default())
        });
        same(read.collect(), &expected, &format!("Kafka {way}"));
    }
}

fn routes(nats: &str, kafka: &str, topics: &BTreeMap<&str, String>) -> String {
    let mut text = format!(
        "destinations:\n  - name: n\n    nats: {{servers: [\"{nats}\"], ensure_stream: {{name: OUT, subjects: [\"out.>\"]}}}}\n  - name: k\n    kafka: {{brokers: [\"{kafka}\"]}}\nroutes:\n  - name: all\n    order: none\n    deliver:\n"
    );
    for (way, topic) in topics {
        let how = if *way == "binary" { "mode: binary".to_owned() } else { format!("mode: structured, format: {way}") };
        let nats = format!("      - {{destination: n, name: n-{way}, subject: out.{way}, {how}}}\n");
        let kafka = format!("      - {{destination: k, name: k-{way}, topic: {topic}, {how}}}\n");
        text.extend([nats, kafka]);
    }
    text
}

/// What the gateway says it has taken, every event by its position.
async fn accepted(gateway: &Gateway) -> Vec<readers::Seen> {
    let mut seen = Vec::new();
    for entry in gateway.get("/api/v1/events?limit=1000").await["events"].as_array().expect("a list") {
        let path = format!("/api/v1/events/{}", entry["position"]);
        let text =
            gateway.http().get(gateway.admin(&path)).send().await.expect("an answer").text().await.expect("a body");
        seen.push(readers::detail(&text));
    }
    seen
}

/// Nothing is missing, nothing is there twice, and every one is the same.
fn same(mut found: Vec<readers::Seen>, expected: &[readers::Seen], what: &str) {
    let mut expected = expected.to_vec();
    found.sort();
    expected.sort();
    let differ = found.iter().zip(&expected).find(|(found, expected)| found != expected);
    assert!(
        differ.is_none() && found.len() == expected.len(),
        "{what}: {} of {}: {differ:#?}",
        found.len(),
        expected.len()
    );
}

#[test]
fn every_format_is_among_the_ways() {
    let names = Format::ALL.map(Format::name);
    assert!(names.iter().all(|name| readers::WAYS.contains(name)));
}
