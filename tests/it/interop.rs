//! Real clients, as their users write them, on both sides of a gateway (tests/interop/README.md).

use crate::support::gateway::Gateway;
use crate::support::kafka::KafkaServer;
use crate::support::nats::NatsServer;
use crate::support::receiver::{Received, Receiver};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;
use tokio::process::Command;

/// For a client that fetches nothing any more.
const PATIENCE: Duration = Duration::from_mins(3);

/// What is expected to be otherwise than the events say, and must be: a difference that has gone is a failure, too.
enum Difference {
    /// The SDK cannot send this one.
    NotSent(&'static str),
    /// An attribute arrives with another value.
    Arrives(&'static str, &'static str, &'static str),
    /// The SDK cannot read the event of this case from there.
    Unreadable(&'static str, &'static str),
}

/// Data that are equal are the same, in whatever form an SDK shows them.
#[derive(Debug, PartialEq)]
enum Data {
    None,
    Json(Value),
    Bytes(Vec<u8>),
}

/// An event as far as it is compared: attributes without those that differ by nature, and data.
type Seen = (BTreeMap<String, String>, Data);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop")
}

fn cases() -> Vec<Value> {
    let text = std::fs::read_to_string(folder().join("events.json")).expect("tests/interop/events.json");
    serde_json::from_str(&text).expect("a list of events")
}

/// The event of a case, sent in a mode.
fn event(language: &str, case: &Value, mode: &str) -> Value {
    let name = case["name"].as_str().expect("a name");
    let mut event = json!({
        "specversion": "1.0", "id": format!("{name}-{mode}"), "source": format!("/interop/{language}"),
        "type": format!("com.example.{name}"), "time": "2026-01-02T03:04:05Z",
    });
    for (key, member) in [
        ("subject", "subject"),
        ("region", "region"),
        ("datacontenttype", "datacontenttype"),
        ("json", "data"),
        ("text", "data"),
        ("base64", "data_base64"),
    ] {
        if let Some(value) = case.get(key) {
            event[member] = value.clone();
        }
    }
    event
}

fn seen(event: &Value) -> Seen {
    let event = event.as_object().expect("an event is an object");
    let by_nature = ["data", "data_base64", "specversion", "traceparent", "time"];
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let attributes = event.iter().filter(|(name, value)| !by_nature.contains(&name.as_str()) && !value.is_null());
    let time = event["time"].as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
    assert_eq!(time, "2026-01-02T03:04:05Z".parse().ok(), "{event:?}");
    (attributes.map(|(name, value)| (name.clone(), text(value))).collect(), data(event))
}

fn data(event: &Map<String, Value>) -> Data {
    let is_json = event.get("datacontenttype").is_none_or(|of| of.as_str().is_some_and(|of| of.contains("json")));
    match (event.get("data"), event.get("data_base64")) {
        (Some(value), _) if is_json => Data::Json(value.clone()),
        (Some(Value::String(text)), _) => Data::Bytes(text.clone().into_bytes()),
        (Some(other), _) => panic!("data that is no text: {other}"),
        (None, Some(base64)) => {
            let bytes = STANDARD.decode(base64.as_str().expect("text")).expect("base64");
            match serde_json::from_slice(&bytes) {
                Ok(value) if is_json => Data::Json(value),
                _ => Data::Bytes(bytes),
            }
        }
        (None, None) => Data::None,
    }
}

/// Judges what a client told: what it sent, and what it read back from each of `places`.
fn judge(language: &str, told: &Value, modes: &[&str], places: &[&str], differences: &[Difference]) {
    let status = |id: &str| {
        let sent = told["sent"].as_array().expect("a list").iter().find(|one| one["id"] == id);
        sent.unwrap_or_else(|| panic!("{id} was not sent"))["status"].clone()
    };
    for (case, mode) in cases().iter().flat_map(|case| modes.iter().map(move |mode| (case, mode))) {
        let wanted = event(language, case, mode);
        let id = wanted["id"].as_str().expect("an id");
        if differences.iter().any(|one| matches!(one, Difference::NotSent(not_sent) if *not_sent == id)) {
            assert_ne!(status(id), 202, "{language} sends {id} now: take it out of the differences");
            continue;
        }
        assert_eq!(status(id), 202, "{language}: {id}");
        for place in places {
            let found = told["read"]
                .as_array()
                .expect("a list")
                .iter()
                .find(|one| one["from"] == *place && (one["event"]["id"] == id || one["id"] == id));
            let found = found.unwrap_or_else(|| panic!("{language} did not read {id} from {place}: {told}"));
            judge_one(language, place, case["name"].as_str().expect("a name"), &wanted, found, differences);
        }
    }
}

fn judge_one(language: &str, place: &str, name: &str, wanted: &Value, found: &Value, differences: &[Difference]) {
    let unreadable =
        differences.iter().any(|one| matches!(one, Difference::Unreadable(at, of) if *at == place && *of == name));
    assert_eq!(found.get("failed").is_some(), unreadable, "{language}, {place}: {found}");
    if unreadable {
        return;
    }
    let (mut attributes, data) = seen(wanted);
    for one in differences {
        if let Difference::Arrives(id, attribute, value) = one
            && wanted["id"] == *id
        {
            attributes.insert((*attribute).to_owned(), (*value).to_owned());
        }
    }
    assert_eq!(seen(&found["event"]), (attributes, data), "{language}, {place}");
}

/// Fetches the SDK if need be, runs the client, and gives what it told.
async fn run(language: &str, gateway: &Gateway, broker: &str) -> Value {
    let said = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
    let command = Command::new(folder().join("client")).args(["command", language]).stdin(Stdio::null()).output().await;
    let command = command.expect("tests/interop/client can be run");
    assert!(command.status.success(), "there is no client in {language}:\n{}", said(&command));
    let words = String::from_utf8(command.stdout.clone()).expect("text");
    let mut words = words.lines();
    let mut client = Command::new(words.next().expect("a command"));
    client.args(words).arg(gateway.ingress("/")).arg(broker).arg(folder().join("events.json"));
    let output = tokio::time::timeout(PATIENCE, client.stdin(Stdio::null()).kill_on_drop(true).output()).await;
    let output = output.expect("the client ends in time").expect("the client can be run");
    assert!(output.status.success(), "the client in {language} failed:\n{}", said(&output));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{language}: {error}\n{}", said(&output)))
}

/// A gateway that delivers what a client sends to two topics, in both modes.
async fn through_kafka(language: &str, modes: &[&str], differences: &[Difference]) {
    let kafka = KafkaServer::shared();
    let topics = ["binary", "structured"].map(|mode| format!("interop.{language}.{mode}"));
    for topic in &topics {
        kafka.create_topic(topic, 1, &[]).await;
    }
    let [binary, structured] = topics;
    let routes = format!(
        r#"
destinations: [{{name: kafka, kafka: {{brokers: ["{}"]}}}}]
routes:
  - name: interop
    deliver:
      - {{destination: kafka, name: binary, topic: {binary}}}
      - {{destination: kafka, name: structured, topic: {structured}, mode: structured}}
"#,
        kafka.address()
    );
    let gateway = Gateway::start(&[("routes/interop.yaml", &routes)]).await;
    let told = run(language, &gateway, &kafka.address()).await;
    judge(language, &told, modes, &["kafka binary", "kafka structured"], differences);
}

/// Without percent-encoding (cloudevents/spec#1397) `%41` in a header reads as `A`.
const NOT_ENCODED: Difference = Difference::Arrives("coded-binary", "subject", "A");

#[tokio::test]
async fn javascript_sends_and_reads_from_kafka() {
    let media_type = "application/json; charset=utf-8";
    let differences = [
        NOT_ENCODED,
        Difference::NotSent("unicode-binary"),
        Difference::Arrives("nothing-binary", "datacontenttype", media_type),
        Difference::Unreadable("kafka binary", "nothing"),
    ];
    through_kafka("javascript", &["binary", "structured", "batch"], &differences).await;
}

#[tokio::test]
async fn python_sends_and_reads_from_kafka() {
    through_kafka("python", &["binary", "structured", "batch"], &[]).await;
}

#[tokio::test]
async fn java_sends_and_reads_from_kafka() {
    let differences =
        [NOT_ENCODED, Difference::NotSent("unicode-binary"), Difference::Unreadable("kafka binary", "nothing")];
    through_kafka("java", &["binary", "structured", "protobuf", "batch"], &differences).await;
}

#[tokio::test]
async fn go_sends_and_reads_from_nats() {
    let nats = NatsServer::start();
    let routes = format!(
        r#"
destinations: [{{name: nats, nats: {{servers: ["{}"], ensure_stream: {{name: INTEROP, subjects: ["interop.>"]}}}}}}]
routes: [{{name: interop, deliver: [{{destination: nats, subject: interop.go.structured}}]}}]
"#,
        nats.url()
    );
    let gateway = Gateway::start(&[("routes/interop.yaml", &routes)]).await;
    let told = run("go", &gateway, &nats.url()).await;
    judge("go", &told, &["binary", "structured", "batch"], &["nats structured"], &[NOT_ENCODED]);
}

/// What the Rust SDK makes of a delivered request.
fn read_with_sdk(from: &str, request: &Received) -> Value {
    let id = request.header("ce-id").unwrap_or_default().to_owned();
    match cloudevents::binding::http::to_event(&request.headers, request.body.to_vec()) {
        Ok(event) => json!({"from": from, "event": serde_json::to_value(event).expect("JSON")}),
        Err(error) => json!({"from": from, "failed": error.to_string(), "id": id}),
    }
}

/// The event of the Rust SDK.
fn sdk_event(case: &Value, mode: &str) -> cloudevents::Event {
    serde_json::from_value(event("rust", case, mode)).expect("the SDK reads it")
}

async fn send_with_sdk(gateway: &Gateway) -> Vec<Value> {
    let post = async |headers: reqwest::header::HeaderMap, body: Vec<u8>| {
        let request = gateway.http().post(gateway.ingress("/")).headers(headers).body(body);
        request.send().await.expect("an answer").status().as_u16()
    };
    let typed = |media_type: &'static str| {
        reqwest::header::HeaderMap::from_iter([(reqwest::header::CONTENT_TYPE, media_type.parse().expect("a value"))])
    };
    let mut sent = Vec::new();
    for case in cases() {
        let name = case["name"].as_str().expect("a name").to_owned();
        let binary =
            cloudevents::binding::http::builder::adapter::to_response(sdk_event(&case, "binary")).expect("binary mode");
        let (head, body) = binary.into_parts();
        let body = axum::body::to_bytes(axum::body::Body::new(body), 1 << 20).await.expect("a body");
        sent.push(json!({"id": format!("{name}-binary"), "status": post(head.headers, body.to_vec()).await}));
        let body = serde_json::to_vec(&sdk_event(&case, "structured")).expect("JSON");
        let status = post(typed("application/cloudevents+json"), body).await;
        sent.push(json!({"id": format!("{name}-structured"), "status": status}));
    }
    let batch: Vec<_> = cases().iter().map(|case| sdk_event(case, "batch")).collect();
    let status = post(typed("application/cloudevents-batch+json"), serde_json::to_vec(&batch).expect("JSON")).await;
    sent.extend(
        cases()
            .iter()
            .map(|case| json!({"id": format!("{}-batch", case["name"].as_str().expect("a name")), "status": status})),
    );
    sent
}

/// What the Rust SDK makes of the log's stream.
async fn read_stream_with_sdk(gateway: &Gateway, count: usize) -> Vec<Value> {
    let request = gateway.http().get(gateway.admin("/api/v1/events/stream?stream=interop"));
    let mut answer = request.header("last-event-id", "0").send().await.expect("an answer");
    let mut text = String::new();
    while text.matches("\n\n").count() <= count {
        let chunk = answer.chunk().await.expect("the stream goes on").expect("a chunk");
        text.push_str(str::from_utf8(&chunk).expect("whole events"));
    }
    let documents = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let read = documents.map(|document| {
        let event: cloudevents::Event = serde_json::from_str(document).expect("the SDK reads it");
        json!({"from": "log stream", "event": serde_json::to_value(event).expect("JSON")})
    });
    read.collect()
}

#[tokio::test]
async fn rust_sends_and_reads_from_http_and_the_log() {
    let (binary, structured) = (Receiver::start(&[]).await, Receiver::start(&[]).await);
    let routes = format!(
        r#"
destinations:
  - {{name: binary, http: {{url: "{}", header_encoding: raw}}}}
  - {{name: structured, http: {{url: "{}"}}}}
routes: [{{name: interop, deliver: [{{destination: binary}}, {{destination: structured, mode: structured}}, {{destination: log, stream: interop}}]}}]
"#,
        binary.url("/"),
        structured.url("/")
    );
    let gateway = Gateway::start(&[("routes/interop.yaml", &routes)]).await;
    let sent = send_with_sdk(&gateway).await;
    let count = sent.iter().filter(|one| one["status"] == 202).count();
    let mut read = Vec::new();
    for (from, receiver) in [("http binary", &binary), ("http structured", &structured)] {
        read.extend(receiver.wait(count).await.iter().map(|request| read_with_sdk(from, request)));
    }
    read.extend(read_stream_with_sdk(&gateway, count).await);
    let told = json!({"sent": sent, "read": read});
    let differences = [NOT_ENCODED, Difference::Unreadable("http binary", "unicode")];
    let places = ["http binary", "http structured", "log stream"];
    judge("rust", &told, &["binary", "structured", "batch"], &places, &differences);
}
