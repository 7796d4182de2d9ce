//! TLS, logins and permissions of a real Kafka, through the real binary: what is wrong is told, and what is right delivers.

use crate::support::gateway::Gateway;
use crate::support::kafka::KafkaServer;
use crate::support::kafka::secured::{Certificates, Operation, Security};
use crate::support::{tail, wait_for};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_mins(3);

/// Every event to the topic its subject names.
fn routes(server: &KafkaServer, properties: &str) -> String {
    format!(
        r#"
destinations:
  - name: secured
    kafka: {{brokers: ["{}"], properties: {{{properties}}}}}
routes:
  - name: orders
    deliver: [{{destination: secured, topic: "{{subject}}", retry: {{max: 300ms, max_attempts: 3}}}}]
"#,
        server.address()
    )
}

fn event(id: &str, topic: &str) -> Value {
    json!({"specversion": "1.0", "id": id, "source": "/shop", "type": "com.example.order.created", "subject": topic,
        "partitionkey": topic, "data": {"total": 1}})
}

async fn health(gateway: &Gateway) -> (bool, String) {
    let destinations = gateway.get("/api/v1/destinations").await;
    let all = destinations["destinations"].as_array().expect("a list");
    let secured = all.iter().find(|one| one["name"] == "secured").expect("it is listed");
    (secured["healthy"] == true, secured["detail"].as_str().unwrap_or_default().to_owned())
}

/// Waits until the destination is unhealthy and its detail holds this.
async fn is_told(gateway: &Gateway, why: &str) {
    let mut last = String::new();
    let end = Instant::now() + SOON;
    while !last.contains(why) {
        assert!(Instant::now() < end, "`{why}` is not told: {last}");
        let (healthy, detail) = health(gateway).await;
        assert!(!healthy, "it counts as healthy");
        last = detail;
        tokio::task::yield_now().await;
    }
}

async fn are_delivered(gateway: &Gateway, server: &KafkaServer, count: i64) {
    wait_for("the events to land", SOON, || async { (server.count("orders") == count).then_some(()) }).await;
    wait_for("good health", SOON, || async { health(gateway).await.0.then_some(()) }).await;
}

#[tokio::test]
async fn a_wrong_password_over_tls_is_told_and_the_right_one_delivers_what_has_waited() {
    let certificates = Certificates::make();
    let login = Some(("ann".to_owned(), "canary-right".to_owned()));
    for mechanism in ["PLAIN", "SCRAM-SHA-512"] {
        let (plain, scram) = if mechanism == "PLAIN" { (login.clone(), None) } else { (None, login.clone()) };
        let security = Security { tls: Some(&certificates), plain, scram, ..Security::default() };
        let server = KafkaServer::start_secured(&security);
        server.create_topic("orders", 1, &[]).await;
        let ca = certificates.path("ca.pem").display().to_string();
        let with = |password: &str| {
            let properties = format!(
                "security.protocol: SASL_SSL, ssl.ca.location: {ca}, sasl.mechanism: {mechanism}, sasl.username: ann, \
                 sasl.password: {password}"
            );
            routes(&server, &properties)
        };
        let gateway = Gateway::start(&[("routes/orders.yaml", &with("canary-wrong"))]).await;
        gateway.accept(&event("1", "orders")).await;
        is_told(&gateway, "uthentication").await;
        assert_eq!(server.count("orders"), 0);
        gateway.write("routes/orders.yaml", &with("canary-right"));
        are_delivered(&gateway, &server, 1).await;
        let log = std::fs::read_to_string(gateway.log()).expect("it has a log");
        assert!(log.contains("uthentication") && !log.contains("canary"), "{log}");
    }
}

#[tokio::test]
async fn certificates_are_checked_on_both_sides() {
    let certificates = Certificates::make();
    let server =
        KafkaServer::start_secured(&Security { tls: Some(&certificates), mutual: true, ..Security::default() });
    server.create_topic("orders", 1, &[]).await;
    let path = |name| certificates.path(name).display().to_string();
    let stranger = format!("security.protocol: ssl, ssl.ca.location: {}", path("stranger.pem"));
    let nobody = format!("security.protocol: ssl, ssl.ca.location: {}", path("ca.pem"));
    // From files that librdkafka reads, and as text that the route file takes in.
    let by_location =
        format!("{nobody}, ssl.certificate.location: {}, ssl.key.location: {}", path("client.pem"), path("client.key"));
    let by_text = format!(
        "security.protocol: ssl, ssl.ca.pem: '${{file:{}}}', ssl.certificate.pem: '${{file:{}}}', \
         ssl.key.pem: '${{file:{}}}'",
        path("ca.pem"),
        path("client.pem"),
        path("client.key")
    );
    let gateway = Gateway::start(&[("routes/orders.yaml", &routes(&server, &stranger))]).await;
    gateway.accept(&event("1", "orders")).await;
    is_told(&gateway, "certificate verify failed").await;
    gateway.write("routes/orders.yaml", &routes(&server, &nobody));
    is_told(&gateway, "certificate").await;
    gateway.write("routes/orders.yaml", &routes(&server, "client.id: plain"));
    is_told(&gateway, "isconnected").await;
    assert_eq!(server.count("orders"), 0);
    gateway.write("routes/orders.yaml", &routes(&server, &by_location));
    are_delivered(&gateway, &server, 1).await;
    gateway.write("routes/orders.yaml", &routes(&server, &by_text));
    gateway.accept(&event("2", "orders")).await;
    are_delivered(&gateway, &server, 2).await;
}

#[tokio::test]
async fn a_topic_that_is_denied_is_retried_by_attempts_and_holds_no_other_up() {
    let server = KafkaServer::start_secured(&Security { permissions: true, ..Security::login("ann", "canary-secret") });
    for topic in ["orders", "hidden", "visible"] {
        server.create_topic(topic, 1, &[]).await;
    }
    server.allow("ann", "visible", Operation::Describe);
    let properties = "security.protocol: SASL_PLAINTEXT, sasl.mechanism: PLAIN, sasl.username: ann, \
                      sasl.password: canary-secret";
    let gateway = Gateway::start(&[("routes/orders.yaml", &routes(&server, properties))]).await;
    // A login that may write nowhere gets no producer id: all of it is denied.
    let all = [gateway.accept(&event("1", "hidden")).await, gateway.accept(&event("2", "visible")).await];
    die(&gateway, &all).await;
    server.allow("ann", "orders", Operation::Write);
    let some = [gateway.accept(&event("3", "visible")).await, gateway.accept(&event("4", "hidden")).await];
    wait_for("what is permitted to land", SOON, || async {
        gateway.accept(&event(&fastrand::u64(..).to_string(), "orders")).await;
        (server.count("orders") > 0).then_some(())
    })
    .await;
    die(&gateway, &some).await;
    assert_eq!((server.count("visible"), server.count("hidden")), (0, 0));
}

/// Waits until these events are dead letters because every attempt has failed.
async fn die(gateway: &Gateway, positions: &[u64]) {
    let end = Instant::now() + SOON;
    for position in positions {
        let mut event = gateway.get(&format!("/api/v1/events/{position}")).await;
        while event["status"] != "dead" {
            assert!(Instant::now() < end, "it does not die: {event:#}\n{}", tail(&gateway.log()));
            tokio::task::yield_now().await;
            event = gateway.get(&format!("/api/v1/events/{position}")).await;
        }
        let attempts = event["deliveries"][0]["attempts"].as_array().expect("a list");
        assert_eq!(attempts.len(), 3, "{event:#}");
        let detail = attempts[2]["detail"].as_str().expect("a text");
        assert!(detail.contains("uthorization failed") || detail.contains("may not see"), "{detail}");
    }
}
