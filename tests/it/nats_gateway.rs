//! From HTTP to JetStream through the real binary: what lands, and that nothing is lost on the way.

use crate::support::gateway::Gateway;
use crate::support::nats::NatsServer;
use crate::support::{Broker as _, wait_for};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

const SOON: Duration = Duration::from_mins(1);

/// Every event to one subject below `orders.`, in this mode; the stream is made by the gateway.
fn routes(server: &str, mode: &str) -> String {
    format!(
        r#"
destinations:
  - name: edge
    nats: {{servers: ["{server}"], ensure_stream: {{name: ORDERS, subjects: ["orders.>"]}}}}
routes:
  - name: orders
    deliver:
      - {{destination: edge, subject: "orders.{{type}}", mode: {mode}}}
"#
    )
}

fn event(id: &str) -> Value {
    json!({
        "specversion": "1.0", "id": id, "source": "/shop/eu", "type": "com.example.order.created",
        "datacontenttype": "application/json", "region": "é %", "data": {"total": 1},
    })
}

async fn landed(server: &NatsServer, count: u64) {
    wait_for("the events to land", SOON, || async { (server.count("ORDERS").await == Some(count)).then_some(()) })
        .await;
}

/// The `id` of every event in the stream, in structured mode.
async fn ids(server: &NatsServer) -> Vec<String> {
    let messages = server.messages("ORDERS").await;
    let id = |payload: &[u8]| {
        serde_json::from_slice::<Value>(payload).expect("JSON")["id"].as_str().expect("an id").to_owned()
    };
    messages.iter().map(|message| id(&message.payload)).collect()
}

#[tokio::test]
async fn a_structured_event_lands_with_its_content_type() {
    let server = NatsServer::start();
    let gateway = Gateway::start(&[("routes/orders.yaml", &routes(&server.url(), "structured"))]).await;
    let position = gateway.accept(&event("1")).await;
    landed(&server, 1).await;
    let message = &server.messages("ORDERS").await[0];
    assert_eq!(message.subject.as_str(), "orders.com.example.order.created");
    let header = |name: &str| message.headers.get(name).map(ToString::to_string);
    let content_type = header("Content-Type").or_else(|| header("content-type")).expect("a content type");
    assert!(content_type.starts_with("application/cloudevents+json"), "{content_type}");
    assert!(header("traceparent").is_some() && header("Nats-Msg-Id").is_some_and(|id| id.len() == 32));
    let sent: Value = serde_json::from_slice(&message.payload).expect("JSON");
    for (name, value) in event("1").as_object().expect("an object") {
        assert_eq!(&sent[name], value, "{name}");
    }
    let delivery = wait_for("the delivery to be recorded", SOON, || async {
        let found = gateway.get(&format!("/api/v1/events/{position}")).await["deliveries"][0].clone();
        (found["status"] == "delivered").then_some(found)
    })
    .await;
    assert_eq!(delivery["target"], "orders.com.example.order.created");
    assert_eq!(delivery["receipt"], "stream=ORDERS seq=1");
}

#[tokio::test]
async fn a_binary_event_lands_as_headers_and_its_data_untouched() {
    let server = NatsServer::start();
    let gateway = Gateway::start(&[("routes/orders.yaml", &routes(&server.url(), "binary"))]).await;
    gateway.accept(&event("a b%")).await;
    landed(&server, 1).await;
    let message = &server.messages("ORDERS").await[0];
    let header = |name: &str| message.headers.get(name).map(ToString::to_string).unwrap_or_default();
    assert_eq!(header("ce-id"), "a%20b%25");
    assert_eq!(header("ce-region"), "%C3%A9%20%25");
    assert_eq!(header("ce-datacontenttype"), "application/json");
    assert_eq!(header("ce-specversion"), "1.0");
    assert_eq!(&message.payload[..], br#"{"total":1}"#);
}

#[tokio::test]
async fn what_was_accepted_while_the_server_was_away_lands_after_a_kill_of_the_gateway() {
    const EVENTS: u64 = 200;
    let mut server = NatsServer::absent();
    let mut gateway = Gateway::start(&[("routes/orders.yaml", &routes(&server.url(), "structured"))]).await;
    for number in 0..EVENTS {
        gateway.accept(&event(&number.to_string())).await;
    }
    gateway.kill().await;
    gateway.restart().await;
    server.restart();
    landed(&server, EVENTS).await;
    let ids = ids(&server).await;
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len() as u64, EVENTS);
    let destinations = gateway.get("/api/v1/destinations").await;
    let edge = destinations["destinations"].as_array().and_then(|all| all.iter().find(|one| one["name"] == "edge"));
    assert_eq!(edge.expect("it is listed")["healthy"], true);
}

#[tokio::test]
async fn a_server_killed_and_paused_under_load_loses_nothing() {
    const EVENTS: usize = 600;
    let mut server = NatsServer::start();
    let mut gateway = Gateway::start(&[("routes/orders.yaml", &routes(&server.url(), "structured"))]).await;
    for number in 0..EVENTS {
        match number {
            100 | 400 => server.kill(),
            200 | 500 => server.restart(),
            250 => server.pause(),
            300 => server.unpause(),
            _ => {}
        }
        gateway.accept(&event(&number.to_string())).await;
    }
    landed(&server, EVENTS as u64).await;
    let ids = ids(&server).await;
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), EVENTS, "lost, and something else doubled");
    assert!(gateway.stop().await.success());
}

#[tokio::test]
async fn a_login_is_nowhere_to_be_read() {
    let server = NatsServer::start_with("authorization: {user: ann, password: canary}");
    let gateway =
        Gateway::start(&[("routes/orders.yaml", &routes(&server.url_with("ann:canary"), "structured"))]).await;
    let bad = routes(&server.url_with("ann:canary-wrong"), "structured");
    wait_for("the destination to be healthy", SOON, || async {
        (gateway.get("/api/v1/destinations").await.to_string().matches("\"healthy\":true").count() >= 2).then_some(())
    })
    .await;
    gateway.write("routes/orders.yaml", &bad);
    wait_for("the changed password to be used", SOON, || async {
        gateway.get("/api/v1/destinations").await.to_string().contains("authorization violation").then_some(())
    })
    .await;
    for path in ["/api/v1/destinations", "/api/v1/routes"] {
        assert!(!gateway.get(path).await.to_string().contains("canary"), "{path}");
    }
    let log = std::fs::read_to_string(gateway.log()).expect("it has a log");
    assert!(!log.contains("canary"), "{log}");
}
