//! The promise, held against a ledger: whatever is killed or paused, every acknowledged event is in the log and in JetStream,
//! no refused one is, and each key keeps its order.

use crate::support::gateway::Gateway;
use crate::support::ledger::{self, Book, Ledger};
use crate::support::nats::NatsServer;
use crate::support::wait_for;
use serde_json::Value;
use std::time::Duration;

const KEYS: usize = 16;
const STREAM: &str = "LEDGER";

fn routes(server: &NatsServer) -> String {
    format!(
        "destinations:
  - name: edge
    nats: {{servers: [\"{}\"], ensure_stream: {{name: {STREAM}, subjects: [\"ledger.>\"]}}}}
routes:
  - name: ledger
    filters: [{{exact: {{type: {}}}}}]
    deliver:
      - {{destination: edge, subject: \"ledger.{{type}}\"}}
      - {{destination: log, stream: ledger}}
",
        server.url(),
        ledger::TYPE
    )
}

async fn gateway(server: &NatsServer) -> Gateway {
    let schema = format!("schemas/{}/1.json", ledger::TYPE);
    Gateway::start(&[("routes/ledger.yaml", &routes(server)), (&schema, ledger::SCHEMA)]).await
}

async fn in_jetstream(server: &NatsServer) -> Vec<String> {
    let id = |event: Value| event["id"].as_str().expect("an id").to_owned();
    let messages = server.messages(STREAM).await;
    messages.iter().map(|message| id(serde_json::from_slice(&message.payload).expect("a JSON event"))).collect()
}

/// Waits until no lane has open work, then holds both books against the ledger.
async fn settle_and_check(book: &Book, gateway: &Gateway, server: &NatsServer) {
    gateway.settled().await;
    ledger::check(book, "log", &gateway.event_ids().await, 0);
    ledger::check(book, "JetStream", &in_jetstream(server).await, 0);
    assert_eq!(gateway.get("/api/v1/dead-letters").await["dead_letters"], serde_json::json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_twenty_times_under_load_the_gateway_loses_nothing() {
    let server = NatsServer::start();
    let mut gateway = gateway(&server).await;
    let producers = Ledger::start(KEYS, gateway.ingress("/"));
    for _ in 0..20 {
        producers.wait_for_acks(fastrand::u64(20..400)).await;
        gateway.kill().await;
        gateway.restart().await;
        producers.move_to(gateway.ingress("/"));
    }
    producers.wait_for_acks(100).await;
    let book = producers.finish().await;
    settle_and_check(&book, &gateway, &server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nats_server_killed_and_paused_under_load_costs_no_event_and_stops_no_producer() {
    let mut server = NatsServer::start();
    let gateway = gateway(&server).await;
    let producers = Ledger::start(KEYS, gateway.ingress("/"));
    ledger::take_away(&mut server, &producers).await;
    let book = producers.finish().await;
    settle_and_check(&book, &gateway, &server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_route_file_saved_under_load_fails_no_request() {
    let server = NatsServer::start();
    let gateway = gateway(&server).await;
    let producers = Ledger::start(KEYS, gateway.ingress("/"));
    let good = routes(&server);
    let outcome_is = |wanted: &'static str| {
        let gateway = &gateway;
        wait_for(wanted, Duration::from_secs(10), move || async move {
            let routes = gateway.get("/api/v1/routes").await;
            (routes["last_reload"]["outcome"] == wanted).then_some(routes)
        })
    };
    for round in 0..3 {
        producers.wait_for_acks(100).await;
        gateway.write("routes/ledger.yaml", &good.replace("deliver:", "delivre:"));
        let failed = outcome_is("failed").await;
        assert_eq!(failed["last_reload"]["problems"][0]["line"], 7, "{failed}");
        producers.wait_for_acks(100).await;
        gateway.write("routes/ledger.yaml", &format!("{good}# round {round}\n"));
        outcome_is("ok").await;
    }
    assert_eq!(producers.failures(), 0);
    let book = producers.finish().await;
    settle_and_check(&book, &gateway, &server).await;
}
