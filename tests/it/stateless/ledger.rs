//! The ledger over two stateless gateways, killed in turn under load: their producers go to the other one and send again.

use super::STATELESS;
use crate::support::gateway::Gateway;
use crate::support::kafka::KafkaServer;
use crate::support::ledger::{self, Ledger};
use crate::support::nats::NatsServer;
use serde_json::Value;

const KEYS: usize = 16;
const KILLS: usize = 10;
const STREAM: &str = "LEDGER";
const TOPIC: &str = "ledger";

async fn gateway(routes: &str) -> Gateway {
    let schema = format!("schemas/{}/1.json", ledger::TYPE);
    let files = [("signalbox.yaml", STATELESS), ("routes/ledger.yaml", routes), (schema.as_str(), ledger::SCHEMA)];
    Gateway::start(&files).await
}

/// Runs the producers over both gateways and kills them in turn.
async fn run(routes: &str) -> ledger::Book {
    let mut gateways = [gateway(routes).await, gateway(routes).await];
    let producers = Ledger::start(KEYS, gateways[0].ingress("/"));
    for kill in 0..KILLS {
        producers.wait_for_acks(fastrand::u64(50..300)).await;
        let (dying, other) = (kill % 2, 1 - kill % 2);
        gateways[dying].kill().await;
        producers.move_to(gateways[other].ingress("/"));
        gateways[dying].restart().await;
    }
    producers.wait_for_acks(200).await;
    let book = producers.finish().await;
    for gateway in &mut gateways {
        assert_eq!(gateway.stop().await.code(), Some(0));
        assert!(!gateway.dir().join("data").exists());
    }
    book
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_gateways_before_one_jetstream_lose_nothing() {
    let server = NatsServer::start();
    let routes = format!(
        "destinations:
  - {{name: edge, nats: {{servers: [\"{}\"], ensure_stream: {{name: {STREAM}, subjects: [\"ledger.>\"]}}}}}}
routes: [{{name: ledger, deliver: [{{destination: edge, subject: \"ledger.{{type}}\"}}]}}]
",
        server.url()
    );
    let book = run(&routes).await;
    let id = |event: Value| event["id"].as_str().expect("an id").to_owned();
    let messages = server.messages(STREAM).await;
    let got: Vec<_> =
        messages.iter().map(|message| id(serde_json::from_slice(&message.payload).expect("a JSON event"))).collect();
    // A copy sent through the other gateway has the same message id, by which JetStream drops it.
    let copies = ledger::check(&book, "JetStream", &got, 0);
    ledger::report("two gateways, JetStream", &book, copies);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_gateways_before_one_kafka_lose_nothing() {
    let server = KafkaServer::start();
    server.create_topic(TOPIC, 4, &[]).await;
    let routes = format!(
        "destinations: [{{name: bus, kafka: {{brokers: [\"{}\"]}}}}]
routes: [{{name: ledger, deliver: [{{destination: bus, topic: {TOPIC}}}]}}]
",
        server.address()
    );
    let book = run(&routes).await;
    // Each producer has one event under way when its gateway is killed.
    let records = server.read(TOPIC);
    let ids: Vec<String> = records.iter().map(|record| record.header("ce_id").expect("an id").to_owned()).collect();
    let copies = ledger::check(&book, "Kafka", &ids, KILLS * KEYS);
    ledger::report("two gateways, Kafka", &book, copies);
}
