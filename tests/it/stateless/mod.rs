//! `ack: destinations`: what is answered, what is kept (nothing), and what the admin listener says without a log.

#[cfg(all(feature = "kafka", feature = "nats"))]
mod faults;
mod http;
#[cfg(all(feature = "kafka", feature = "nats"))]
mod ledger;

use crate::support::gateway::Gateway;
use crate::support::wait_for;
use futures::StreamExt as _;
use serde_json::{Value, json};
use std::process::Command;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(30);
/// A gateway without a log.
const STATELESS: &str = "listeners: [{name: public, address: \"127.0.0.1:0\", ack: destinations, ack_timeout: 2s}]
admin: {address: \"127.0.0.1:0\"}
";
/// Everything to `discard`; events of the type `needs` only when they name a region.
const DISCARD: &str = "destinations: [{name: nowhere, discard: {}}]
routes:
  - {name: all, filters: [{prefix: {type: com.}}], deliver: [{destination: nowhere}]}
  - name: needs
    filters: [{exact: {type: com.needs}}]
    transform: [{set: {subject: \"{region}\"}}]
    deliver: [{destination: nowhere, name: second}]
";

fn event(id: &str, ty: &str) -> Value {
    json!({"specversion": "1.0", "id": id, "source": "/s", "type": ty, "data": {"a": 1}})
}

/// Status, headers of ours, and the body.
async fn post(gateway: &Gateway, body: &Value) -> (u16, Option<String>, Option<String>, Value) {
    let batch = if body.is_array() { "-batch" } else { "" };
    let media = format!("application/cloudevents{batch}+json");
    let request = gateway.http().post(gateway.ingress("/")).header("content-type", media).body(body.to_string());
    let answer = request.send().await.expect("an answer");
    let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().expect("text").to_owned());
    let (duplicate, retry_after) = (header("signalbox-duplicate"), header("retry-after"));
    assert_eq!(header("signalbox-position"), None, "there is no position");
    let status = answer.status().as_u16();
    let text = answer.text().await.expect("a body");
    (status, duplicate, retry_after, serde_json::from_str(&text).unwrap_or(Value::Null))
}

async fn status_and_code(gateway: &Gateway, path: &str) -> (u16, Value) {
    let answer = gateway.http().get(gateway.admin(path)).send().await.expect("an answer");
    let status = answer.status().as_u16();
    let problem: Value = serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON");
    (status, problem["code"].clone())
}

#[tokio::test]
async fn events_are_taken_and_told_apart_without_anything_on_disk() {
    let gateway = Gateway::start(&[("signalbox.yaml", STATELESS), ("routes/all.yaml", DISCARD)]).await;
    assert_eq!(post(&gateway, &event("1", "com.a")).await.0, 202);
    let (status, duplicate, ..) = post(&gateway, &event("1", "com.a")).await;
    assert_eq!((status, duplicate.as_deref()), (202, Some("true")));
    let batch = json!([event("2", "com.a"), event("1", "com.a"), event("2", "com.a"), event("3", "other")]);
    let (status, duplicate, ..) = post(&gateway, &batch).await;
    assert_eq!((status, duplicate.as_deref()), (202, Some("1")), "equal events inside one batch are kept");
    let (status, duplicate, ..) = post(&gateway, &batch).await;
    assert_eq!((status, duplicate.as_deref()), (202, Some("0,1,2,3")));
    assert_eq!(post(&gateway, &json!([])).await.0, 202);
    for path in ["/api/v1/events", "/api/v1/events/1", "/api/v1/dead-letters", "/api/v1/events/stream?stream=a"] {
        assert_eq!(status_and_code(&gateway, path).await, (501, json!("SB-1042")), "{path}");
    }
    let routes = gateway.get("/api/v1/routes").await;
    assert_eq!(routes["routes"][0]["lanes"][0]["lag"], 0, "{routes}");
    assert_eq!(routes["routes"][0]["attempts"]["delivered"], 3, "{routes}");
    let destinations = gateway.get("/api/v1/destinations").await;
    let names: Vec<_> =
        destinations["destinations"].as_array().expect("a list").iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["nowhere"], "the embedded log does not run");
    for path in ["/healthz", "/readyz", "/readyz?verbose"] {
        assert_eq!(gateway.http().get(gateway.admin(path)).send().await.expect("an answer").status(), 200);
    }
    let metrics = gateway.http().get(gateway.admin("/metrics")).send().await.expect("an answer");
    let metrics = metrics.text().await.expect("a page");
    for line in [
        "signalbox_events_received_total{listener=\"public\",outcome=\"accepted\"} 3",
        "signalbox_events_received_total{listener=\"public\",outcome=\"duplicate\"} 6",
        "signalbox_events_received_total{listener=\"public\",outcome=\"unmatched\"} 1",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    assert!(!gateway.dir().join("data").exists(), "nothing is written");
}

#[tokio::test]
async fn what_is_not_taken_is_told_entry_by_entry() {
    let gateway = Gateway::start(&[("signalbox.yaml", STATELESS), ("routes/all.yaml", DISCARD)]).await;
    let (status, _, _, problem) = post(&gateway, &event("1", "com.needs")).await;
    assert_eq!((status, &problem["code"]), (502, &json!("SB-1040")), "{problem}");
    assert_eq!(problem["delivered"], json!([]), "what cannot become a message is known before anything is sent");
    let errors = problem["errors"].as_array().expect("a list");
    let named: Vec<_> = errors.iter().map(|one| (&one["route"], &one["name"], &one["destination"])).collect();
    assert_eq!(named.len(), 2, "{problem}");
    assert!(named.contains(&(&json!("needs"), &json!("second"), &json!("nowhere"))), "{problem}");
    assert!(problem["trace_id"].as_str().is_some_and(|id| id.len() == 32));
    let batch = json!([event("2", "com.a"), event("3", "com.needs")]);
    let (status, _, _, problem) = post(&gateway, &batch).await;
    assert_eq!(status, 502);
    let indexes: Vec<_> =
        problem["errors"].as_array().expect("a list").iter().map(|one| one["index"].clone()).collect();
    assert_eq!(indexes, [0, 1, 1], "{problem}");
    // None of them entered the duplicate window.
    assert_eq!(post(&gateway, &event("2", "com.a")).await.1, None);
    let mut with_region = event("1", "com.needs");
    with_region["region"] = "eu".into();
    assert_eq!(post(&gateway, &with_region).await.0, 202);
    let rejections = gateway.get("/api/v1/rejections").await;
    assert_eq!(rejections["rejections"][0]["status"], 502, "{rejections}");
    let metrics = gateway.http().get(gateway.admin("/metrics")).send().await.expect("an answer");
    let metrics = metrics.text().await.expect("a page");
    assert!(metrics.contains("signalbox_events_received_total{listener=\"public\",outcome=\"failed\"} 3"), "{metrics}");
}

#[tokio::test]
async fn a_lenient_batch_is_judged_element_by_element() {
    let gateway = Gateway::start(&[("signalbox.yaml", STATELESS), ("routes/all.yaml", DISCARD)]).await;
    let batch = json!([event("1", "com.a"), {"id": "2"}, event("3", "com.needs"), event("4", "com.a")]).to_string();
    let post_lenient = || async {
        let request = gateway.http().post(gateway.ingress("/")).header("prefer", "handling=lenient");
        let request = request.header("content-type", "application/cloudevents-batch+json").body(batch.clone());
        let answer = request.send().await.expect("an answer");
        assert_eq!((answer.status().as_u16(), answer.headers().contains_key("signalbox-position")), (202, false));
        serde_json::from_str::<Value>(&answer.text().await.expect("a body")).expect("JSON")
    };
    let verdicts = post_lenient().await;
    assert_eq!((&verdicts[0], &verdicts[3]), (&json!({"index": 0}), &json!({"index": 3})), "{verdicts}");
    let statuses = [&verdicts[1]["problem"]["status"], &verdicts[2]["problem"]["status"]];
    assert_eq!(statuses, [&json!(400), &json!(502)], "{verdicts}");
    assert_eq!((&verdicts[2]["index"], &verdicts[2]["problem"]["code"]), (&json!(2), &json!("SB-1040")), "{verdicts}");
    let again = post_lenient().await;
    assert_eq!(again[3], json!({"index": 3, "duplicate": true}), "{again}");
    assert_eq!(again[2]["problem"]["status"], 502, "one that was not taken is new again");
}

#[tokio::test]
async fn refusals_come_before_any_delivery() {
    let strict = STATELESS.replace("ack_timeout", "unmatched: reject, ack_timeout");
    let files = [("signalbox.yaml", strict.as_str()), ("routes/all.yaml", DISCARD)];
    let gateway = Gateway::start(&files).await;
    let (status, _, _, problem) = post(&gateway, &event("1", "other")).await;
    assert_eq!((status, &problem["code"]), (422, &json!("SB-1024")), "{problem}");
    assert_eq!(post(&gateway, &json!({"id": "1"})).await.0, 400);
    assert_eq!(post(&gateway, &event("1", "com.a")).await.0, 202);
}

#[tokio::test]
async fn the_live_tail_shows_what_is_taken() {
    let gateway = Gateway::start(&[("signalbox.yaml", STATELESS), ("routes/all.yaml", DISCARD)]).await;
    let answer = gateway.http().get(gateway.admin("/api/v1/events/stream")).send().await.expect("a stream");
    assert_eq!(answer.status(), 200);
    let mut pieces = answer.bytes_stream();
    let greeting = pieces.next().await.expect("a piece").expect("bytes");
    assert!(greeting.starts_with(b": "), "it is open");
    post(&gateway, &event("needs-a-region", "com.needs")).await;
    post(&gateway, &event("7", "com.a")).await;
    let mut text = String::new();
    while !text.ends_with("\n\n") {
        let piece = tokio::time::timeout(SOON, pieces.next()).await.expect("in time").expect("a piece").expect("bytes");
        text.push_str(std::str::from_utf8(&piece).expect("text"));
    }
    assert!(text.starts_with("event: event\ndata: {") && text.contains("\"id\":\"7\""), "{text}");
    assert!(!text.contains("needs-a-region"), "it was answered with 502");
}

#[tokio::test]
async fn a_log_entry_is_a_problem_at_start_in_check_and_at_a_reload() {
    let gateway = Gateway::start(&[("signalbox.yaml", STATELESS), ("routes/all.yaml", DISCARD)]).await;
    let with_log = format!("{DISCARD}  - {{name: kept, deliver: [{{destination: log, stream: all}}]}}\n");
    gateway.write("routes/all.yaml", &with_log);
    let failed = wait_for("the reload to fail", SOON, || async {
        let routes = gateway.get("/api/v1/routes").await;
        (routes["last_reload"]["outcome"] == "failed").then_some(routes)
    })
    .await;
    assert_eq!(failed["last_reload"]["problems"][0]["code"], "SB-2020", "{failed}");
    assert_eq!(post(&gateway, &event("1", "com.a")).await.0, 202);
    for command in ["check", "serve"] {
        let output = Command::new(env!("CARGO_BIN_EXE_signalbox"))
            .args([command, "--config", "signalbox.yaml"])
            .current_dir(gateway.dir())
            .output()
            .expect("the binary can be run");
        assert_eq!(output.status.code(), Some(78), "{command}");
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(said.contains("SB-2020"), "{command}: {said}");
    }
}

#[tokio::test]
async fn the_last_good_snapshot_of_another_gateway_is_not_taken() {
    let mut gateway = Gateway::start(&[("routes/all.yaml", DISCARD)]).await;
    gateway.stop().await;
    assert!(gateway.dir().join("data").exists());
    gateway.write("signalbox.yaml", STATELESS);
    gateway.write("routes/all.yaml", "routes: [{nmae: x}]\n");
    let output = Command::new(env!("CARGO_BIN_EXE_signalbox"))
        .args(["serve", "--use-last-good", "--config", "signalbox.yaml"])
        .current_dir(gateway.dir())
        .output()
        .expect("the binary can be run");
    assert_eq!(output.status.code(), Some(78));
}

#[tokio::test]
async fn beside_a_listener_with_a_log_a_log_entry_is_taken_when_it_is_stored() {
    let config = "listeners:
  - {name: public, address: \"127.0.0.1:0\", ack: destinations}
  - {name: kept, address: \"127.0.0.1:0\"}
admin: {address: \"127.0.0.1:0\"}
";
    let routes = "destinations: [{name: nowhere, discard: {}}]
routes:
  - {name: plain, deliver: [{destination: log, stream: plain}, {destination: nowhere}]}
  - {name: changed, transform: [{set: {region: eu}}], deliver: [{destination: log, stream: changed}]}
";
    let gateway = Gateway::start(&[("signalbox.yaml", config), ("routes/all.yaml", routes)]).await;
    assert_eq!(post(&gateway, &event("1", "t")).await.0, 202);
    let (status, duplicate, ..) = post(&gateway, &event("1", "t")).await;
    assert_eq!((status, duplicate.as_deref()), (202, Some("true")));
    let request =
        gateway.http().post(gateway.listener("kept", "/")).header("content-type", "application/cloudevents+json");
    let answer = request.body(event("2", "t").to_string()).send().await.expect("an answer");
    assert_eq!(answer.status(), 202);
    let position: u64 = answer.headers()["signalbox-position"].to_str().expect("text").parse().expect("a number");
    assert_eq!(position, 3, "the first event has a place for each of its log entries");
    gateway.settled().await;
    let first = gateway.get("/api/v1/events/1").await;
    assert_eq!(
        (&first["status"], first["deliveries"].as_array().map(Vec::len)),
        (&json!("delivered"), Some(1)),
        "{first}"
    );
    for (stream, ids) in [("plain", ["1", "2"]), ("changed", ["1", "2"])] {
        let path = format!("/api/v1/events/stream?stream={stream}");
        let request = gateway.http().get(gateway.admin(&path)).header("last-event-id", "0");
        let mut pieces = request.send().await.expect("a stream").bytes_stream();
        let mut text = String::new();
        while text.matches("event: event").count() < 2 || !text.ends_with("\n\n") {
            let piece = tokio::time::timeout(SOON, pieces.next()).await.expect("in time").expect("a piece");
            text.push_str(std::str::from_utf8(&piece.expect("bytes")).expect("text"));
        }
        for id in ids {
            assert_eq!(text.matches(&format!("\"id\":\"{id}\"")).count(), 1, "{stream}: {text}");
        }
        assert_eq!(text.contains("\"region\":\"eu\""), stream == "changed", "{text}");
    }
}
