//! The ledger over Kafka: whatever is killed, paused or stopped, every acknowledged event is in the log and on the topic, no
//! refused one is, and each key keeps its order. Kafka has no duplicate window: what was in flight when the gateway was killed
//! may be there twice, and nothing else.

use crate::support::gateway::Gateway;
use crate::support::kafka::{KafkaServer, Landed};
use crate::support::ledger::{self, Book, Ledger};
use serde_json::json;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const KEYS: usize = 16;
const TOPIC: &str = "ledger";
/// What became of an event is stored within a tenth of a second; a busy machine may take longer.
const STORED_AFTER: Duration = Duration::from_secs(1);

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

/// When the gateway was killed, in milliseconds since 1970.
#[derive(Default)]
struct Kills(Vec<i64>);

impl Kills {
    async fn kill(&mut self, gateway: &mut Gateway) {
        gateway.kill().await;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
        self.0.push(i64::try_from(now.as_millis()).expect("it is before the year 292 million"));
    }

    /// The most copies there may be: what was in flight when it was killed, and what was sent just before and not recorded.
    fn copies(&self, records: &[Landed]) -> usize {
        let window = i64::try_from(STORED_AFTER.as_millis()).expect("it is short");
        let just_before = |record: &&Landed| self.0.iter().any(|kill| (kill - window..=*kill).contains(&record.sent));
        self.0.len() * KEYS + records.iter().filter(just_before).count()
    }
}

/// Waits until no lane has open work, then holds both books against the ledger.
async fn settle_and_check(what: &str, book: &Book, gateway: &Gateway, server: &KafkaServer, kills: &Kills) {
    gateway.settled().await;
    ledger::check(book, "log", &gateway.event_ids().await, 0);
    let records = server.read(TOPIC);
    let ids: Vec<String> = records.iter().map(|record| record.header("ce_id").expect("an id").to_owned()).collect();
    let copies = ledger::check(book, "Kafka", &ids, kills.copies(&records));
    ledger::report(what, book, copies);
    assert_eq!(gateway.get("/api/v1/dead-letters").await["dead_letters"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_ten_times_under_load_the_gateway_loses_nothing() {
    let server = KafkaServer::start();
    let mut gateway = gateway(&server).await;
    let producers = Ledger::start(KEYS, gateway.ingress("/"));
    let mut kills = Kills::default();
    for _ in 0..10 {
        producers.wait_for_acks(fastrand::u64(20..400)).await;
        kills.kill(&mut gateway).await;
        gateway.restart().await;
        producers.move_to(gateway.ingress("/"));
    }
    producers.wait_for_acks(100).await;
    let book = producers.finish().await;
    settle_and_check("gateway killed ten times", &book, &gateway, &server, &kills).await;
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
    settle_and_check("broker killed and paused three times", &book, &gateway, &server, &Kills::default()).await;
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
    settle_and_check("gateway stopped five times", &book, &gateway, &server, &Kills::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gateway_and_broker_killed_at_once_lose_nothing() {
    let mut server = KafkaServer::start();
    let mut gateway = gateway(&server).await;
    let producers = Ledger::start(KEYS, gateway.ingress("/"));
    let mut kills = Kills::default();
    for _ in 0..3 {
        producers.wait_for_acks(200).await;
        server.kill();
        kills.kill(&mut gateway).await;
        gateway.restart().await;
        producers.move_to(gateway.ingress("/"));
        producers.wait_for_acks(200).await;
        server.restart();
    }
    producers.wait_for_acks(100).await;
    let book = producers.finish().await;
    settle_and_check("gateway and broker killed three times", &book, &gateway, &server, &kills).await;
}
