//! `check --online`: real brokers are asked whether topics and streams exist; nothing is created, and it ends soon.

use super::{Ended, signalbox};
use crate::kafka_destination::fresh_topic;
use crate::support::Broker as _;
use crate::support::kafka::KafkaServer;
use crate::support::kafka::secured::Security;
use crate::support::nats::NatsServer;
use crate::support::wait_for;
use async_nats::jetstream::stream::Config;
use serde_json::Value;
use std::fs;
use std::time::{Duration, Instant};

/// Two times the patience of a destination, and what a busy machine adds.
const SOON: Duration = Duration::from_secs(20);

async fn check(routes: &str, more: &[&str]) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("routes")).unwrap();
    fs::write(folder.path().join("routes/case.yaml"), routes).unwrap();
    fs::write(folder.path().join("signalbox.yaml"), "routes_dir: routes\nschemas_dir: schemas\n").unwrap();
    let config = folder.path().join("signalbox.yaml");
    let begun = Instant::now();
    let ended = signalbox(&[&["check", "--online", "--config", config.to_str().unwrap()], more].concat()).await;
    assert!(begun.elapsed() < SOON, "it took {:?}", begun.elapsed());
    ended
}

/// Code, line and column of what is found, and the messages.
fn found(ended: &Ended) -> (Vec<(String, u64, u64)>, String) {
    let problems = ended.json()["problems"].as_array().unwrap().clone();
    let place = |problem: &Value| {
        assert_eq!(problem["severity"], "warning", "{problem}");
        (
            problem["code"].as_str().unwrap().to_owned(),
            problem["line"].as_u64().unwrap(),
            problem["column"].as_u64().unwrap(),
        )
    };
    (problems.iter().map(place).collect(), ended.stdout.clone())
}

fn missing(lines: &[(u64, u64)]) -> Vec<(String, u64, u64)> {
    lines.iter().map(|(line, column)| ("SB-2210".to_owned(), *line, *column)).collect()
}

#[tokio::test]
async fn a_topic_that_does_not_exist_is_found_and_not_created() {
    let (server, topic) = (KafkaServer::shared(), fresh_topic());
    server.create_topic(&topic, 1, &[]).await;
    let routes = format!(
        r#"destinations:
  - name: kafka
    kafka: {{brokers: ["{}"]}}
routes:
  - name: orders
    deliver:
      - {{destination: kafka, topic: {topic}}}
      - {{destination: kafka, name: near, topic: {topic}x}}
      - {{destination: kafka, name: fits, topic: "{}{{region}}"}}
      - {{destination: kafka, name: fits-not, topic: "nothing-{topic}.{{region}}"}}
  - name: split
    split:
      - {{weight: 1, deliver: [{{destination: kafka, topic: missing-{topic}}}]}}
  - name: shadow
    shadow: true
    deliver: [{{destination: kafka, topic: missing-{topic}}}]
"#,
        server.address(),
        topic.split_at(topic.len() - 3).0,
    );
    let told = wait_for("the topic that is there to be seen", SOON, || async {
        let ended = check(&routes, &["--output", "json"]).await;
        let (places, told) = found(&ended);
        assert_eq!(ended.code, 0, "{told}");
        (places == missing(&[(8, 49), (10, 53), (13, 59), (16, 43)])).then_some(told)
    })
    .await;
    assert!(told.contains(&format!("did you mean `{topic}`?")), "{told}");
    assert!(
        server.topics().iter().all(|known| !known.contains("missing-") && !known.ends_with('x')),
        "nothing is created"
    );
    assert_eq!(check(&routes, &["--deny-warnings"]).await.code, 78);
}

#[tokio::test]
async fn a_subject_that_no_stream_takes_is_found() {
    let server = NatsServer::start();
    let config =
        Config { name: "ORDERS".to_owned(), subjects: vec!["orders.*.created".to_owned()], ..Config::default() };
    server.add_stream(config).await;
    let routes = format!(
        r#"destinations:
  - name: nats
    nats: {{servers: ["{url}"]}}
  - name: ensured
    nats: {{servers: ["{url}"], ensure_stream: {{name: NEW, subjects: ["new.>"]}}}}
  - name: altered
    nats: {{servers: ["{url}"], ensure_stream: {{name: ORDERS, subjects: ["others.>"]}}}}
  - name: core
    nats: {{servers: ["{url}"], jetstream: false, at_most_once: true}}
routes:
  - name: orders
    deliver:
      - {{destination: nats, subject: orders.eu.created}}
      - {{destination: nats, name: b, subject: orders.eu.deleted}}
      - {{destination: nats, name: c, subject: "orders.{{region}}"}}
      - {{destination: nats, name: d, subject: "order.{{region}}"}}
      - {{destination: ensured, subject: new.orders}}
      - {{destination: ensured, name: e, subject: newer.orders}}
      - {{destination: altered, subject: others.orders}}
      - {{destination: core, subject: anything}}
"#,
        url = server.url()
    );
    let ended = check(&routes, &["--output", "json"]).await;
    let (places, told) = found(&ended);
    assert_eq!((ended.code, places), (0, missing(&[(14, 47), (16, 47), (18, 50), (19, 41)])), "{told}");
    assert_eq!(server.count("NEW").await, None, "nothing is created");
    let text = check(&routes, &[]).await;
    assert!(text.stdout.contains("warning[SB-2210]") && text.stdout.contains("ensure_stream"), "{}", text.stdout);
    assert!(text.stdout.contains("ok: 1 route"), "{}", text.stdout);
}

#[tokio::test]
async fn brokers_that_cannot_be_asked_are_a_finding() {
    let (dead, paused, locked) =
        (NatsServer::absent(), NatsServer::start(), NatsServer::start_with("authorization: {user: a, password: b}"));
    let kafka = KafkaServer::absent();
    paused.pause();
    let routes = format!(
        r#"destinations:
  - name: dead-nats
    nats: {{servers: ["{}"]}}
  - name: paused-nats
    nats: {{servers: ["{}"]}}
  - name: locked-nats
    nats: {{servers: ["{}"]}}
  - name: dead-kafka
    kafka:
      brokers: ["{}"]
  - name: no-such-host
    kafka: {{brokers: ["kafka.invalid:9092"]}}
routes:
  - name: orders
    deliver:
      - {{destination: dead-nats, subject: a}}
      - {{destination: dead-kafka, topic: a}}
"#,
        dead.url(),
        paused.url(),
        locked.url_with("a:canary"),
        kafka.address()
    );
    let ended = check(&routes, &["--output", "json"]).await;
    paused.unpause();
    let (places, told) = found(&ended);
    let at = |line, column| ("SB-2211".to_owned(), line, column);
    assert_eq!((ended.code, places), (0, vec![at(3, 21), at(5, 21), at(7, 21), at(10, 16), at(12, 22)]), "{told}");
    assert!(!told.contains("canary"), "{told}");
}

#[tokio::test]
async fn a_secured_cluster_is_asked_with_the_login_of_the_destination() {
    let server = KafkaServer::start_secured(&Security::login("user", "secret-canary"));
    let topic = fresh_topic();
    server.create_topic(&topic, 1, &[]).await;
    let routes = |password: &str| {
        format!(
            r#"destinations:
  - name: kafka
    kafka:
      brokers: ["{}"]
      properties: {{security.protocol: SASL_PLAINTEXT, sasl.mechanism: PLAIN, sasl.username: user, sasl.password: {password}}}
routes:
  - name: orders
    deliver:
      - {{destination: kafka, topic: {topic}}}
      - {{destination: kafka, name: b, topic: other-{topic}}}
"#,
            server.address()
        )
    };
    // A topic that was only just created has no partitions yet.
    wait_for("the topic that is there to be seen", SOON, || async {
        let (places, _) = found(&check(&routes("secret-canary"), &["--output", "json"]).await);
        (places == missing(&[(10, 46)])).then_some(())
    })
    .await;
    let (places, told) = found(&check(&routes("wrong-canary"), &["--output", "json"]).await);
    assert_eq!(places, [("SB-2211".to_owned(), 4, 16)], "{told}");
    assert!(told.contains("uthentication") && !told.contains("canary"), "{told}");
}
