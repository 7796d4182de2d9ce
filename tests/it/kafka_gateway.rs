//! From HTTP to Kafka through the real binary: what lands, and that nothing is lost on the way.

use crate::kafka_destination::fresh_topic;
use crate::support::gateway::Gateway;
use crate::support::kafka::secured::Security;
use crate::support::kafka::{KafkaServer, Landed};
use crate::support::{Broker as _, wait_for};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

const SOON: Duration = Duration::from_mins(1);

/// Every event to the topic `topic`, which may be a template.
fn routes(broker: &str, topic: &str, more: &str) -> String {
    format!(
        r#"
destinations:
  - name: orders-kafka
    kafka: {{brokers: ["{broker}"]}}
routes:
  - name: orders
    deliver:
      - {{destination: orders-kafka, topic: "{topic}"{more}}}
"#
    )
}

fn event(id: &str) -> Value {
    json!({
        "specversion": "1.0", "id": id, "source": "/shop/eu", "type": "com.example.order.created",
        "datacontenttype": "application/json", "region": "é%", "partitionkey": "customer-4711", "data": {"total": 1},
    })
}

async fn landed(server: &KafkaServer, topic: &str, count: usize) -> Vec<Landed> {
    wait_for("the events to land", SOON, || async {
        (server.count(topic) == i64::try_from(count).ok()?).then_some(())
    })
    .await;
    server.read(topic)
}

async fn delivery(gateway: &Gateway, position: u64, status: &str) -> Value {
    wait_for("the delivery to be recorded", SOON, || async {
        let found = gateway.get(&format!("/api/v1/events/{position}")).await["deliveries"][0].clone();
        (found["status"] == status).then_some(found)
    })
    .await
}

#[tokio::test]
async fn a_binary_record_holds_plain_headers_key_and_untouched_data() {
    let (server, topic) = (KafkaServer::shared(), fresh_topic());
    server.create_topic(&topic, 10, &[]).await;
    let gateway = Gateway::start(&[("routes/orders.yaml", &routes(&server.address(), &topic, ""))]).await;
    let position = gateway.accept(&event("a b%")).await;
    let record = landed(server, &topic, 1).await.remove(0);
    assert_eq!((record.key.as_deref(), record.partition), (Some("customer-4711"), 6));
    assert_eq!(record.value.as_deref(), Some(&br#"{"total":1}"#[..]));
    for (name, value) in [
        ("ce_specversion", "1.0"),
        ("ce_id", "a b%"),
        ("ce_source", "/shop/eu"),
        ("ce_type", "com.example.order.created"),
        ("ce_region", "é%"),
        ("ce_partitionkey", "customer-4711"),
        ("content-type", "application/json"),
    ] {
        assert_eq!(record.header(name), Some(value), "{name}");
    }
    assert_eq!(record.header("ce_datacontenttype"), None);
    let traces =
        (record.header("traceparent").expect("the hop"), record.header("ce_traceparent").expect("the creation"));
    assert_ne!(traces.0, traces.1);
    let delivery = delivery(&gateway, position, "delivered").await;
    assert_eq!((&delivery["target"], &delivery["key"]), (&json!(topic), &json!("customer-4711")));
    assert_eq!(delivery["receipt"], "partition=6 offset=0");
}

#[tokio::test]
async fn a_structured_record_is_the_event_and_a_tombstone_has_no_value() {
    let (server, topic) = (KafkaServer::shared(), fresh_topic());
    server.create_topic(&topic, 1, &[]).await;
    let structured = routes(&server.address(), &topic, ", mode: structured, key: \"{subject}\"");
    let gateway = Gateway::start(&[("routes/orders.yaml", &structured)]).await;
    gateway.accept(&event("1")).await;
    let record = landed(server, &topic, 1).await.remove(0);
    assert_eq!((record.header("content-type"), record.key.as_deref()), (Some("application/cloudevents+json"), None));
    assert!(record.headers.iter().all(|(name, _)| !name.starts_with("ce_")), "{:?}", record.headers);
    let sent: Value = serde_json::from_slice(record.value.as_deref().expect("a value")).expect("JSON");
    for (name, value) in event("1").as_object().expect("an object") {
        assert_eq!(&sent[name], value, "{name}");
    }
    gateway.write("routes/orders.yaml", &routes(&server.address(), &topic, ", key: \"{subject}\""));
    let gone = wait_for("the reload", SOON, || async {
        let mut nothing = event(&fastrand::u64(..).to_string());
        nothing["subject"] = "gone".into();
        nothing.as_object_mut().expect("an object").retain(|name, _| !name.starts_with("data"));
        gateway.accept(&nothing).await;
        server.read(&topic).into_iter().find(|record| record.value.is_none())
    })
    .await;
    assert_eq!(
        (gone.key.as_deref(), gone.headers.iter().any(|(name, _)| name == "content-type")),
        (Some("gone"), false)
    );
}

#[tokio::test]
async fn what_cannot_be_a_topic_is_a_dead_letter_and_a_missing_one_is_retried() {
    let (server, topic) = (KafkaServer::shared(), fresh_topic());
    server.create_topic(&topic, 1, &[]).await;
    let gateway = Gateway::start(&[(
        "routes/orders.yaml",
        &routes(&server.address(), "{subject}", ", retry: {max: 200ms, max_attempts: 3}"),
    )])
    .await;
    let to = |subject: &str| {
        let mut event = event(subject);
        event["subject"] = subject.into();
        event["partitionkey"] = subject.into();
        event
    };
    let mut expected = Vec::new();
    for (subject, reason) in [
        ("__consumer_offsets", "topic"),
        ("../etc", "topic"),
        (&*"a".repeat(300), "topic"),
        ("no-such-topic", "attempts"),
    ] {
        expected.push((gateway.accept(&to(subject)).await, reason));
    }
    let mut without = event("none");
    without.as_object_mut().expect("an object").remove("subject");
    expected.push((gateway.accept(&without).await, "template"));
    gateway.accept(&to(&topic)).await;
    landed(server, &topic, 1).await;
    let dead = wait_for("the dead letters", SOON, || async {
        let dead = gateway.get("/api/v1/dead-letters").await["dead_letters"].as_array().cloned()?;
        (dead.len() == expected.len()).then_some(dead)
    })
    .await;
    for (position, reason) in expected {
        let found = dead.iter().find(|dead| dead["position"] == position).expect("it is dead");
        assert_eq!(found["reason"], reason, "{found}");
    }
    assert!(!server.topics().contains(&"no-such-topic".to_owned()), "it was created");
}

#[tokio::test]
async fn what_is_too_large_is_a_dead_letter_at_once() {
    let (server, topic) = (KafkaServer::shared(), fresh_topic());
    server.create_topic(&topic, 1, &[("max.message.bytes", "2000")]).await;
    let gateway = Gateway::start(&[("routes/orders.yaml", &routes(&server.address(), &topic, ""))]).await;
    let mut large = event("large");
    large["data"] = "x".repeat(5000).into();
    let position = gateway.accept(&large).await;
    gateway.accept(&event("small")).await;
    landed(server, &topic, 1).await;
    let delivery = delivery(&gateway, position, "dead").await;
    assert_eq!(delivery["attempts"].as_array().map(Vec::len), Some(1), "{delivery}");
    let dead = gateway.get("/api/v1/dead-letters").await;
    assert_eq!(dead["dead_letters"][0]["reason"], "too_large");
}

#[tokio::test]
async fn a_broker_absent_then_killed_and_paused_loses_nothing_and_keeps_the_order() {
    const EVENTS: usize = 600;
    let mut server = KafkaServer::absent();
    let mut gateway = Gateway::start(&[("routes/orders.yaml", &routes(&server.address(), "orders", ""))]).await;
    for number in 0..EVENTS {
        match number {
            50 => gateway.kill().await,
            100 => {
                server.restart();
                server.create_topic("orders", 1, &[]).await;
            }
            250 => server.kill(),
            350 => server.restart(),
            450 => server.pause(),
            550 => server.unpause(),
            _ => {}
        }
        if number == 50 {
            gateway.restart().await;
        }
        gateway.accept(&event(&number.to_string())).await;
    }
    let ids = wait_for("every event to land", Duration::from_mins(2), || async {
        let ids: Vec<usize> = server
            .read("orders")
            .iter()
            .map(|record| record.header("ce_id").expect("an id").parse().expect("a number"))
            .collect();
        (ids.iter().collect::<BTreeSet<_>>().len() == EVENTS).then_some(ids)
    })
    .await;
    // A kill of the gateway may send one again; none of them may overtake another for the first time.
    let mut first = BTreeSet::new();
    let order: Vec<usize> = ids.into_iter().filter(|id| first.insert(*id)).collect();
    assert!(order.is_sorted(), "{order:?}");
    assert!(gateway.stop().await.success());
}

#[tokio::test]
async fn a_login_is_nowhere_to_be_read() {
    let server = KafkaServer::start_secured(&Security::login("ann", "canary"));
    server.create_topic("orders", 1, &[]).await;
    let with = |password: &str| {
        routes(&server.address(), "orders", "").replace(
            "\"]}",
            &format!(
                "\"], properties: {{security.protocol: SASL_PLAINTEXT, sasl.mechanism: PLAIN, sasl.username: ann, \
                 sasl.password: {password}}}}}"
            ),
        )
    };
    let gateway = Gateway::start(&[("routes/orders.yaml", &with("canary"))]).await;
    wait_for("the destination to be healthy", SOON, || async {
        let destinations = gateway.get("/api/v1/destinations").await;
        let kafka = destinations["destinations"].as_array()?.iter().find(|one| one["kind"] == "kafka")?.clone();
        (kafka["healthy"] == true).then_some(())
    })
    .await;
    gateway.write("routes/orders.yaml", &with("canary-wrong"));
    wait_for("the changed password to be used", SOON, || async {
        gateway.get("/api/v1/destinations").await.to_string().contains("uthentication failed").then_some(())
    })
    .await;
    for path in ["/api/v1/destinations", "/api/v1/routes"] {
        assert!(!gateway.get(path).await.to_string().contains("canary"), "{path}");
    }
    let log = std::fs::read_to_string(gateway.log()).expect("it has a log");
    assert!(!log.contains("canary"), "{log}");
    let lines = log.lines().filter(|line| line.contains("librdkafka")).count();
    assert!(lines < 30, "librdkafka floods the log: {lines} lines");
}
