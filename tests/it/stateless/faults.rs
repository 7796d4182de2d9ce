//! Brokers that are down, killed, paused or refuse: what was answered holds against what they have.

use super::{SOON, STATELESS, event, post};
use crate::support::gateway::Gateway;
use crate::support::kafka::KafkaServer;
use crate::support::nats::NatsServer;
use crate::support::{Broker, wait_for};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const STREAM: &str = "ALL";

fn nats_routes(server: &NatsServer) -> String {
    format!(
        "destinations:
  - {{name: edge, nats: {{servers: [\"{}\"], ensure_stream: {{name: {STREAM}, subjects: [\"all.>\"]}}}}}}
routes:
  - {{name: all, deliver: [{{destination: edge, subject: \"all.{{type}}\"}}]}}
",
        server.url()
    )
}

fn kafka_routes(server: &KafkaServer, topic: &str) -> String {
    format!(
        "destinations: [{{name: bus, kafka: {{brokers: [\"{}\"]}}}}]
routes: [{{name: bus, deliver: [{{destination: bus, topic: {topic}}}]}}]
",
        server.address()
    )
}

async fn stateless(files: &[(&str, &str)]) -> Gateway {
    let all: Vec<_> = std::iter::once(("signalbox.yaml", STATELESS)).chain(files.iter().copied()).collect();
    Gateway::start(&all).await
}

async fn in_jetstream(server: &NatsServer) -> BTreeSet<String> {
    let id = |payload: &[u8]| serde_json::from_slice::<Value>(payload).expect("JSON")["id"].as_str().map(str::to_owned);
    server.messages(STREAM).await.iter().map(|message| id(&message.payload).expect("an id")).collect()
}

/// Producers that never send an event twice and note what they were told.
struct Load {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicUsize>,
    told: Arc<Mutex<BTreeMap<String, u16>>>,
    producers: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    fn start(gateway: &Gateway, producers: usize) -> Load {
        let told: Arc<Mutex<BTreeMap<String, u16>>> = Arc::default();
        let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let url = gateway.ingress("/");
        let produce = |number: usize| {
            let (stop, sent, told, url) = (stop.clone(), sent.clone(), told.clone(), url.clone());
            let http = gateway.http().clone();
            async move {
                while !stop.load(Ordering::Relaxed) {
                    let id = format!("{number}-{}", sent.fetch_add(1, Ordering::Relaxed));
                    let mut event = event(&id, "t");
                    event["partitionkey"] = format!("k{}", number % 5).into();
                    let request = http.post(&url).header("content-type", "application/cloudevents+json");
                    let answer = request.body(event.to_string()).send().await.expect("every request is answered");
                    told.lock().expect("no panic").insert(id, answer.status().as_u16());
                    // One that is refused at once is not a loop without end.
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            }
        };
        #[expect(clippy::disallowed_methods, reason = "a test owns its tasks itself")]
        let producers = (0..producers).map(|number| tokio::spawn(produce(number))).collect();
        Load { stop, sent, told, producers }
    }

    fn count(&self, status: u16) -> usize {
        self.told.lock().expect("no panic").values().filter(|told| **told == status).count()
    }

    async fn wait_for(&self, status: u16, more: usize) {
        let wanted = self.count(status) + more;
        let what = format!("{more} more answers {status}");
        wait_for(&what, Duration::from_mins(1), || async { (self.count(status) >= wanted).then_some(()) }).await;
    }

    async fn finish(self) -> BTreeMap<String, u16> {
        self.stop.store(true, Ordering::Relaxed);
        for producer in self.producers {
            producer.await.expect("a producer does not panic");
        }
        assert_eq!(self.sent.load(Ordering::Relaxed), self.told.lock().expect("no panic").len());
        std::mem::take(&mut *self.told.lock().expect("no panic"))
    }
}

/// Kills and pauses a broker: what is known to be away is told with 503, what may have taken a message with 502.
async fn take_away(broker: &mut impl Broker, load: &Load) {
    load.wait_for(202, 200).await;
    broker.kill();
    load.wait_for(503, 50).await;
    broker.restart();
    load.wait_for(202, 200).await;
    broker.pause();
    load.wait_for(502, 16).await;
    broker.unpause();
    load.wait_for(202, 200).await;
}

/// Everything answered 202 is there, nothing that was refused is.
fn check(told: &BTreeMap<String, u16>, there: &BTreeSet<String>) {
    let of = |status: u16| told.iter().filter(move |(_, told)| **told == status).map(|(id, _)| id);
    let lost: Vec<_> = of(202).filter(|id| !there.contains(*id)).collect();
    let phantom: Vec<_> = of(503).filter(|id| there.contains(*id)).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    assert!(phantom.is_empty(), "phantom: {phantom:?}");
    let other: Vec<_> = told.iter().filter(|(_, status)| ![202, 502, 503].contains(*status)).collect();
    assert!(other.is_empty(), "{other:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nats_absent_killed_and_paused_under_load() {
    let mut server = NatsServer::absent();
    let gateway = stateless(&[("routes/all.yaml", &nats_routes(&server))]).await;
    let load = Load::start(&gateway, 16);
    load.wait_for(503, 50).await;
    server.restart();
    take_away(&mut server, &load).await;
    let told = load.finish().await;
    check(&told, &in_jetstream(&server).await);
    assert!(!gateway.dir().join("data").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kafka_absent_killed_and_paused_under_load() {
    let mut server = KafkaServer::absent();
    let gateway = stateless(&[("routes/all.yaml", &kafka_routes(&server, "all"))]).await;
    let load = Load::start(&gateway, 16);
    load.wait_for(503, 50).await;
    server.restart();
    server.create_topic("all", 2, &[]).await;
    take_away(&mut server, &load).await;
    let told = load.finish().await;
    let there = server.read("all").iter().map(|record| record.header("ce_id").expect("an id").to_owned()).collect();
    check(&told, &there);
}

#[tokio::test]
async fn a_broker_that_is_known_to_be_down_is_told_at_once_and_nobody_gets_anything() {
    let (up, down) = (NatsServer::start(), NatsServer::absent());
    let routes = format!(
        "destinations:
  - {{name: up, nats: {{servers: [\"{}\"], ensure_stream: {{name: {STREAM}, subjects: [\"all.>\"]}}}}}}
  - {{name: down, nats: {{servers: [\"{}\"]}}}}
routes:
  - {{name: all, deliver: [{{destination: up, subject: all.x}}, {{destination: down, subject: all.x}}]}}
",
        up.url(),
        down.url()
    );
    let gateway = stateless(&[("routes/all.yaml", &routes)]).await;
    let (status, _, retry_after, problem) = post(&gateway, &event("1", "t")).await;
    assert_eq!((status, &problem["code"]), (503, &json!("SB-1041")), "{problem}");
    assert!(retry_after.is_some() && problem.get("delivered").is_none(), "{problem}");
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("`down`")), "{problem}");
    let begun = Instant::now();
    assert_eq!(post(&gateway, &event("2", "t")).await.0, 503);
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!(up.count(STREAM).await.unwrap_or(0), 0, "nothing was handed over");
}

#[tokio::test]
async fn one_entry_that_fails_is_told_beside_the_one_that_has_taken_the_event() {
    let (nats, kafka) = (NatsServer::start(), KafkaServer::shared());
    let small = format!("small-{}", fastrand::u64(..));
    kafka.create_topic(&small, 1, &[("max.message.bytes", "2000")]).await;
    let routes = format!(
        "destinations:
  - {{name: edge, nats: {{servers: [\"{}\"], ensure_stream: {{name: {STREAM}, subjects: [\"all.>\"]}}}}}}
  - {{name: bus, kafka: {{brokers: [\"{}\"]}}}}
routes:
  - name: missing
    filters: [{{exact: {{type: missing}}}}]
    deliver: [{{destination: edge, subject: all.x}}, {{destination: bus, name: none, topic: no-such-topic}}]
  - {{name: small, filters: [{{exact: {{type: small}}}}], deliver: [{{destination: bus, topic: {small}}}]}}
",
        nats.url(),
        kafka.address()
    );
    let gateway = stateless(&[("routes/all.yaml", &routes)]).await;
    wait_for("the brokers", SOON, || async {
        let page = gateway.get("/api/v1/destinations").await.to_string();
        (page.matches("\"healthy\":true").count() == 2).then_some(())
    })
    .await;
    let begun = Instant::now();
    let (status, _, _, problem) = post(&gateway, &event("1", "missing")).await;
    assert_eq!(status, 502, "{problem}");
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    assert_eq!(problem["delivered"], json!([{"route": "missing", "name": "edge", "destination": "edge"}]), "{problem}");
    assert_eq!(problem["errors"][0]["name"], "none", "{problem}");
    assert!(problem["errors"][0]["detail"].as_str().is_some_and(|detail| detail.contains("SB-3020")), "{problem}");
    let batch = json!([event("2", "other"), event("3", "missing")]);
    let (status, _, _, problem) = post(&gateway, &batch).await;
    assert_eq!(
        (status, &problem["delivered"][0]["index"], &problem["errors"][0]["index"]),
        (502, &json!(1), &json!(1))
    );

    let mut large = event("4", "small");
    large["data"] = "x".repeat(5000).into();
    let begun = Instant::now();
    let (status, _, _, problem) = post(&gateway, &large).await;
    assert_eq!(status, 502, "{problem}");
    assert!(begun.elapsed() < Duration::from_millis(1500), "at once: {:?}", begun.elapsed());
    assert!(problem["errors"][0]["detail"].as_str().is_some_and(|detail| detail.contains("SB-3005")), "{problem}");
    assert_eq!(post(&gateway, &event("5", "small")).await.0, 202);
    let landed: Vec<_> = kafka.read(&small).iter().map(|record| record.header("ce_id").map(str::to_owned)).collect();
    assert_eq!(landed, [Some("5".to_owned())]);
    // What was not taken is sent again, and JetStream knows the copy by its message id.
    assert_eq!(post(&gateway, &event("1", "missing")).await.0, 502);
    assert_eq!(nats.count(STREAM).await, Some(2));
}

#[tokio::test]
async fn copies_that_come_while_the_first_is_under_way_get_its_answer() {
    let server = NatsServer::start();
    let gateway = stateless(&[("routes/all.yaml", &nats_routes(&server))]).await;
    assert_eq!(post(&gateway, &event("0", "t")).await.0, 202);
    server.pause();
    let copy = event("1", "t");
    let answers = futures::future::join_all((0..4).map(|_| post(&gateway, &copy)));
    let resumed = async {
        wait_for("the event to be under way", SOON, || async {
            (gateway.get("/api/v1/routes").await["routes"][0]["lanes"][0]["in_flight"] == 1).then_some(())
        })
        .await;
        server.unpause();
    };
    let (answers, ()) = futures::join!(answers, resumed);
    let duplicates = answers.iter().filter(|(_, duplicate, ..)| duplicate.as_deref() == Some("true")).count();
    assert!(answers.iter().all(|(status, ..)| *status == 202), "{answers:?}");
    assert_eq!((duplicates, server.count(STREAM).await), (3, Some(2)));
}

#[tokio::test]
async fn a_client_that_hangs_up_in_the_middle_changes_nothing() {
    let server = NatsServer::start();
    let gateway = stateless(&[("routes/all.yaml", &nats_routes(&server))]).await;
    assert_eq!(post(&gateway, &event("0", "t")).await.0, 202);
    server.pause();
    let body = event("1", "t");
    let cut = tokio::time::timeout(Duration::from_millis(300), post(&gateway, &body)).await;
    assert!(cut.is_err(), "the client has gone before the answer");
    server.unpause();
    wait_for("the event to land", SOON, || async { (server.count(STREAM).await == Some(2)).then_some(()) }).await;
    let (status, duplicate, ..) = post(&gateway, &body).await;
    assert_eq!((status, duplicate.as_deref()), (202, Some("true")), "it was taken all the same");
}
