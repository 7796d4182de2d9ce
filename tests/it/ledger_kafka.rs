//! The ledger over Kafka: whatever is killed, paused or stopped, every acknowledged event is in the log and on the topic, no
//! refused one is, and each key keeps its order. Kafka has no duplicate window: what the gateway had not recorded as delivered
//! when it was killed may be there twice, and nothing else.

use crate::support::Broker as _;
use crate::support::gateway::Gateway;
use crate::support::kafka::KafkaServer;
use crate::support::ledger::{self, Book, Ledger};
use serde_json::json;

const KEYS: usize = 16;
const TOPIC: &str = "ledger";

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

/// What the gateway may deliver again if it is killed from now on.
struct Unrecorded {
    lag: usize,
    acked: u64,
}

impl Unrecorded {
    /// Everything it has delivered so far is recorded when this returns.
    async fn from_now_on(gateway: &Gateway, producers: &Ledger) -> Unrecorded {
        let acked = producers.acked();
        let routes = gateway.get("/api/v1/routes").await;
        let lanes = routes["routes"][0]["lanes"].as_array().expect("the lanes of the only route");
        let kafka = lanes.iter().find(|lane| lane["destination"] == "bus").expect("the lane to Kafka");
        let lag = kafka["lag"].as_u64().expect("a number").try_into().expect("a count");
        // A read of the state commits first what waits for its commit.
        gateway.get("/api/v1/dead-letters?limit=1").await;
        Unrecorded { lag, acked }
    }

    /// The most copies a kill at this moment makes: what was open, what came since, and one event of each key that is not
    /// answered yet.
    fn most(&self, producers: &Ledger) -> usize {
        let since = usize::try_from(producers.acked() - self.acked).expect("a count");
        self.lag + since + KEYS
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_ten_times_under_load_the_gateway_loses_nothing() {
    const KILLS: usize = 10;
    let server = KafkaServer::start();
    let mut gateway = gateway(&server).await;
    let producers = Ledger::start(KEYS, gateway.ingress("/"));
    let mut most = 0;
    for _ in 0..KILLS {
        producers.wait_for_acks(fastrand::u64(0..400)).await;
        let unrecorded = Unrecorded::from_now_on(&gateway, &producers).await;
        producers.wait_for_acks(20).await;
        gateway.kill().await;
        most += unrecorded.most(&producers);
        gateway.restart().await;
        producers.move_to(gateway.ingress("/"));
    }
    producers.wait_for_acks(100).await;
    let book = producers.finish().await;
    settle_and_check("gateway killed ten times", &book, &gateway, &server, most).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_killed_and_paused_under_load_costs_no_event_makes_no_copy_and_stops_no_producer() {
    let mut server = KafkaServer::start();
    let gateway = gateway(&server).await;
    let producers = Ledger::start(KEYS, gateway.ingress("/"));
    ledger::take_away(&mut server, &producers).await;
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
    let mut most = 0;
    for _ in 0..KILLS {
        producers.wait_for_acks(200).await;
        let unrecorded = Unrecorded::from_now_on(&gateway, &producers).await;
        server.kill();
        gateway.kill().await;
        most += unrecorded.most(&producers);
        gateway.restart().await;
        producers.move_to(gateway.ingress("/"));
        producers.wait_for_acks(200).await;
        server.restart();
    }
    producers.wait_for_acks(100).await;
    let book = producers.finish().await;
    settle_and_check("gateway and broker killed three times", &book, &gateway, &server, most).await;
}
