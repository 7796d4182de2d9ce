//! The ledger over Kafka: whatever is killed, paused or stopped, every acknowledged event is in the log and on the topic, no
//! refused one is, and each key keeps its order. Kafka has no duplicate window: what was in flight when the gateway was killed
//! may be there twice, and nothing else.

use crate::support::gateway::Gateway;
use crate::support::kafka::KafkaServer;
use crate::support::ledger::{self, Book, Ledger};
use serde_json::json;

const KEYS: usize = 16;
const TOPIC: &str = "ledger";
/// Each key has one event in flight, and one that was taken may not be recorded yet when the gateway is killed.
const COPIES_EACH_KILL: usize = 2 * KEYS;

fn routes(server: &KafkaServer) -> String {
    format!(
        "destinations:
  - {{name: bus, kafka: {{brokers: [\"{}\"]}}}}
routes:
  - name: ledger
    filters: [{{exact: {{type: {}}}}}]
    deliver:
      - {{destination: bus, topic: {TOPIC}}}
      - {{destination: log, stream: ledger}}
",
        server.address(),
        ledger::TYPE
    )
}

async fn gateway(server: &KafkaServer) -> Gateway {
    server.create_topic(TOPIC, 4, &[]).await;
    let schema = format!("schemas/{}/1.json", ledger::TYPE);
    Gateway::start(&[("routes/ledger.yaml", &routes(server)), (&schema, ledger::SCHEMA)]).await
}

/// Waits until no lane has open work, then holds both books against the ledger.
async fn settle_and_check(what: &str, book: &Book, gateway: &Gateway, server: &KafkaServer, most: usize) {
    gateway.settled().await;
    ledger::check(book, "log", &gateway.event_ids().await, 0);
    let copies = ledger::check(book, "Kafka", &server.headers(TOPIC, "ce_id"), most);
    ledger::report(what, book, copies);
    assert_eq!(gateway.get("/api/v1/dead-letters").await["dead_letters"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_ten_times_under_load_the_gateway_loses_nothing() {
    const KILLS: usize = 10;
    let server = KafkaServer::start();
    let mut gateway = gateway(&server).await;
    let producers = Ledger::start(KEYS, gateway.ingress("/"));
    for _ in 0..KILLS {
        producers.wait_for_acks(fastrand::u64(20..400)).await;
        gateway.kill().await;
        gateway.restart().await;
        producers.move_to(gateway.ingress("/"));
    }
    producers.wait_for_acks(100).await;
    let book = producers.finish().await;
    settle_and_check("gateway killed ten times", &book, &gateway, &server, KILLS * COPIES_EACH_KILL).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_killed_and_paused_under_load_costs_no_event_makes_no_copy_and_stops_no_producer() {
    let mut server = KafkaServer::start();
    let gateway = gateway(&server).await;
    let producers = Ledger::start(KEYS, gateway.ingress("/"));
    for _ in 0..3 {
        producers.wait_for_acks(200).await;
        server.kill();
        producers.wait_for_acks(200).await;
        server.restart();
        producers.wait_for_acks(200).await;
        server.pause();
        producers.wait_for_acks(200).await;
        server.unpause();
    }
    assert_eq!(producers.failures(), 0, "a destination that is down never stops ingest");
    let book = producers.finish().await;
    settle_and_check("broker killed and paused three times", &book, &gateway, &server, 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopped_under_load_the_gateway_makes_no_copy() {
    let server = KafkaServer::start();
    let mut gateway = gateway(&server).await;
    let producers = Ledger::start(KEYS, gateway.ingress("/"));
    for _ in 0..5 {
        producers.wait_for_acks(200).await;
        assert!(gateway.stop().await.success());
        gateway.restart().await;
        producers.move_to(gateway.ingress("/"));
    }
    producers.wait_for_acks(100).await;
    let book = producers.finish().await;
    settle_and_check("gateway stopped five times", &book, &gateway, &server, 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gateway_and_broker_killed_at_once_lose_nothing() {
    const KILLS: usize = 3;
    let mut server = KafkaServer::start();
    let mut gateway = gateway(&server).await;
    let producers = Ledger::start(KEYS, gateway.ingress("/"));
    for _ in 0..KILLS {
        producers.wait_for_acks(200).await;
        server.kill();
        gateway.kill().await;
        gateway.restart().await;
        producers.move_to(gateway.ingress("/"));
        producers.wait_for_acks(200).await;
        server.restart();
    }
    producers.wait_for_acks(100).await;
    let book = producers.finish().await;
    settle_and_check("gateway and broker killed three times", &book, &gateway, &server, KILLS * COPIES_EACH_KILL).await;
}
