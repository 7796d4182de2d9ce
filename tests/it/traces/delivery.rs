//! From the request to Kafka and NATS: one `send` span per attempt, whose id is what the message carries.

use super::{CALLER, CALLERS_TRACE, CREATOR, event, made, post, traced, tree};
use crate::kafka_destination::fresh_topic;
use crate::support::gateway::{Gateway, PLAIN};
use crate::support::kafka::KafkaServer;
use crate::support::nats::NatsServer;
use crate::support::otlp::{Collector, Seen};
use crate::support::receiver::Receiver;
use crate::support::wait_for;
use async_nats::jetstream::message::StreamMessage;
use std::time::Duration;

const SOON: Duration = Duration::from_mins(1);
const KNOWN: &[(&str, &str)] = &[("00f067aa0ba902b7", "caller"), ("bbbbbbbbbbbbbbbb", "creator")];

fn kafka(server: &KafkaServer, topic: &str) -> String {
    format!(
        "destinations: [{{name: orders-kafka, kafka: {{brokers: [\"{}\"]}}}}]\n\
         routes: [{{name: orders, deliver: [{{destination: orders-kafka, topic: \"{topic}\", key: \"{{source}}\"}}, \
         {{destination: log, stream: orders}}]}}]\n",
        server.address()
    )
}

fn nats(server: &NatsServer, subject: &str, more: &str) -> String {
    format!(
        "destinations: [{{name: edge, nats: {{servers: [\"{}\"], \
         ensure_stream: {{name: ORDERS, subjects: [\"orders.>\"]}}}}}}]\n\
         routes: [{{name: orders, deliver: [{{destination: edge, subject: \"{subject}\"{more}}}]}}]\n",
        server.url()
    )
}

/// A traced gateway whose stream is there: an event that comes before it has an attempt more, which fails.
async fn into_nats(collector: &Collector, routes: &str) -> Gateway {
    let gateway = traced(collector, &[("routes/orders.yaml", routes)]).await;
    wait_for("the stream to be there", SOON, || async {
        let destinations = gateway.get("/api/v1/destinations").await;
        let edge = destinations["destinations"].as_array()?.iter().find(|one| one["name"] == "edge")?.clone();
        (edge["healthy"] == true && edge["detail"].is_null()).then_some(())
    })
    .await;
    gateway
}

async fn messages(server: &NatsServer, count: u64) -> Vec<StreamMessage> {
    wait_for("the events to land", SOON, || async { (server.count("ORDERS").await == Some(count)).then_some(()) })
        .await;
    server.messages("ORDERS").await
}

fn header(message: &StreamMessage, name: &str) -> String {
    message.headers.get(name).map(ToString::to_string).unwrap_or_default()
}

async fn sends(collector: &Collector, count: usize) -> Vec<Seen> {
    let is_send = |span: &&Seen| span.name.starts_with("send ");
    let all =
        collector.wait("the deliveries to be exported", |spans| spans.iter().filter(is_send).count() >= count).await;
    all.into_iter().filter(|span| is_send(&span)).collect()
}

#[tokio::test]
async fn an_event_travels_from_its_caller_through_the_gateway_into_kafka_in_one_trace() {
    let (server, topic, collector) = (KafkaServer::shared(), fresh_topic(), Collector::start().await);
    server.create_topic(&topic, 1, &[]).await;
    let gateway = traced(&collector, &[("routes/orders.yaml", &kafka(server, &topic))]).await;
    let headers = [("traceparent", CALLER), ("tracestate", "shop=1,crm=2")];
    assert_eq!(post(&gateway, &event("1"), &headers).await.status(), 202);
    let send = sends(&collector, 1).await.remove(0);
    let all = collector.wait("the request to be exported", |spans| spans.len() == 4).await;
    assert_eq!(
        tree(&all, KNOWN),
        format!(
            "SERVER POST / in caller\n\
             \x20 CONSUMER process public\n\
             \x20   INTERNAL append log\n\
             \x20   CLIENT send {topic} [creation: caller] [process: process public]"
        )
    );
    assert!(all.iter().all(|span| span.trace == CALLERS_TRACE), "{all:#?}");
    let record = server.read(&topic).remove(0);
    assert_eq!(record.header("traceparent"), Some(&*send.header()));
    assert_eq!(record.header("tracestate"), Some("shop=1,crm=2"));
    assert_eq!(record.header("ce_traceparent"), Some(CALLER));
    for (key, value) in [
        ("messaging.system", "kafka"),
        ("messaging.operation.name", "send"),
        ("messaging.operation.type", "send"),
        ("messaging.destination.name", &*topic),
        ("messaging.destination.partition.id", "0"),
        ("messaging.kafka.offset", "0"),
        ("messaging.kafka.message.key", "/shop/eu"),
        ("messaging.message.id", "1"),
        ("messaging.message.conversation_id", "flow-7"),
        ("cloudevents.event_id", "1"),
        ("cloudevents.event_source", "/shop/eu"),
        ("cloudevents.event_type", "com.example.order.created"),
        ("cloudevents.event_spec_version", "1.0"),
        ("signalbox.delivery.attempt", "1"),
        ("signalbox.position", "1"),
        ("signalbox.route", "orders"),
    ] {
        assert_eq!(send.attribute(key), value, "{key}");
    }
}

#[tokio::test]
async fn the_same_into_nats_by_a_template() {
    let (server, collector) = (NatsServer::start(), Collector::start().await);
    let gateway = into_nats(&collector, &nats(&server, "orders.{type}", "")).await;
    assert_eq!(
        post(&gateway, &made("1", CREATOR), &[("traceparent", CALLER), ("tracestate", "shop=1")]).await.status(),
        202
    );
    let message = messages(&server, 1).await.remove(0);
    let send = sends(&collector, 1).await.remove(0);
    let all = collector.wait("the request to be exported", |spans| spans.len() == 4).await;
    assert_eq!(
        tree(&all, KNOWN),
        "SERVER POST / in caller\n\
         \x20 CONSUMER process public [creation: creator]\n\
         \x20   INTERNAL append log\n\
         \x20   CLIENT send orders.{type} [creation: creator] [process: process public]"
    );
    assert_eq!((header(&message, "traceparent"), header(&message, "tracestate")), (send.header(), "shop=1".to_owned()));
    assert_eq!(send.attribute("messaging.system"), "nats");
    assert_eq!(send.attribute("messaging.destination.template"), "orders.{type}");
    assert_eq!(send.attribute("messaging.destination.name"), "orders.com.example.order.created");
}

#[tokio::test]
async fn over_http_the_request_is_a_span_of_its_own_which_the_receiver_sees() {
    let (receiver, collector) = (Receiver::start(&[]).await, Collector::start().await);
    let routes = format!(
        "destinations: [{{name: crm, http: {{url: \"{}\"}}}}]\n\
         routes: [{{name: orders, deliver: [{{destination: crm, url: \"/{{type}}\"}}]}}]\n",
        receiver.url("/events")
    );
    let gateway = traced(&collector, &[("routes/orders.yaml", &routes)]).await;
    let headers = [("traceparent", CALLER), ("tracestate", "shop=1")];
    assert_eq!(post(&gateway, &event("1"), &headers).await.status(), 202);
    let request = receiver.wait(1).await.remove(0);
    let all = collector.wait("the delivery to be exported", |spans| spans.len() == 5).await;
    let template = format!("send {}", receiver.url("/events/{type}"));
    assert_eq!(
        tree(&all, KNOWN),
        format!(
            "SERVER POST / in caller\n\
             \x20 CONSUMER process public\n\
             \x20   INTERNAL append log\n\
             \x20   CLIENT {template} [creation: caller] [process: process public]\n\
             \x20     CLIENT POST"
        )
    );
    let span = collector.named("POST", 1).await.remove(0);
    assert_eq!((request.header("traceparent"), request.header("tracestate")), (Some(&*span.header()), Some("shop=1")));
    assert_eq!(request.header("ce-traceparent"), Some(CALLER));
    assert_eq!(span.attribute("http.response.status_code"), "200");
    assert_eq!(span.attribute("url.full"), receiver.url("/events/com.example.order.created"));
}

#[tokio::test]
async fn where_destinations_acknowledge_the_attempt_is_a_span_of_the_request_all_the_same() {
    let (server, collector) = (NatsServer::start(), Collector::start().await);
    let config = PLAIN.replace("\"127.0.0.1:0\"}]", "\"127.0.0.1:0\", ack: destinations}]");
    let routes = nats(&server, "orders.a", "");
    let gateway = traced(&collector, &[("signalbox.yaml", &config), ("routes/orders.yaml", &routes)]).await;
    assert_eq!(post(&gateway, &event("1"), &[("traceparent", CALLER)]).await.status(), 202);
    let message = messages(&server, 1).await.remove(0);
    let all =
        collector.wait("the request to be exported", |spans| spans.iter().any(|span| span.kind == "SERVER")).await;
    let sent: Vec<_> = all.iter().filter(|span| span.name == "send orders.a" && !span.failed).collect();
    assert_eq!(sent.len(), 1, "{all:#?}");
    assert_eq!(header(&message, "traceparent"), sent[0].header());
    let process = collector.named("process public", 1).await.remove(0);
    assert_eq!((&*sent[0].parent, sent[0].trace.as_str()), (&*process.id, CALLERS_TRACE));
    assert_eq!(sent[0].attribute("signalbox.position"), "", "it stands in no log");
}

#[tokio::test]
async fn each_of_two_destinations_has_its_own_hop_and_a_retry_is_linked_to_the_attempt_before() {
    let (server, collector) = (NatsServer::start(), Collector::start().await);
    let more = "}, {destination: edge, name: late, subject: late.here, retry: {initial: 50ms, max: 100ms}";
    let gateway = into_nats(&collector, &nats(&server, "orders.a", more)).await;
    assert_eq!(post(&gateway, &event("1"), &[]).await.status(), 202);
    let failed = collector.wait("a failed attempt", |spans| spans.iter().any(|span| span.failed)).await;
    assert!(failed.iter().all(|span| !span.failed || span.name == "send late.here"), "{failed:#?}");
    let config = async_nats::jetstream::stream::Config {
        name: "LATE".to_owned(),
        subjects: vec!["late.>".to_owned()],
        ..Default::default()
    };
    server.add_stream(config).await;
    let is_late = |span: &&Seen| span.name == "send late.here";
    let all = collector.wait("the retry", |spans| spans.iter().any(|span| is_late(&span) && !span.failed)).await;
    let process = all.iter().find(|span| span.name == "process public").expect("a process span");
    assert!(!process.failed && process.links.is_empty(), "{process:#?}");
    let mut late: Vec<&Seen> = all.iter().filter(is_late).collect();
    late.sort_by_key(|span| span.attribute("signalbox.delivery.attempt").parse::<u32>().expect("a number"));
    assert!(late.len() >= 2, "{late:#?}");
    for (at, pair) in late.windows(2).enumerate() {
        let link = ("previous attempt".to_owned(), pair[0].trace.clone(), pair[0].id.clone());
        assert_eq!(pair[1].links.last(), Some(&link));
        assert_eq!(pair[1].attribute("signalbox.delivery.attempt"), (at + 2).to_string());
        assert_eq!((pair[0].failed, pair[0].attribute("error.type")), (true, "SB-3012"));
    }
    let message = server.messages("LATE").await.remove(0);
    assert_eq!(header(&message, "traceparent"), late.last().expect("one").header());
    let other = header(&messages(&server, 1).await[0], "traceparent");
    let orders = all.iter().find(|span| span.name == "send orders.a").expect("the other destination");
    assert_eq!(other, orders.header());
    assert!(late.iter().chain([&orders]).all(|span| span.parent == process.id && span.kind == "PRODUCER"));
}

#[tokio::test]
async fn an_event_without_any_context_is_made_here_and_says_so_in_every_format() {
    let (server, collector) = (NatsServer::start(), Collector::start().await);
    let more = ", mode: structured, format: xml";
    let gateway = into_nats(&collector, &nats(&server, "orders.a", more)).await;
    assert_eq!(post(&gateway, &event("1"), &[]).await.status(), 202);
    let all = collector.wait("the event to be exported", |spans| spans.len() == 4).await;
    assert_eq!(
        tree(&all, KNOWN),
        "SERVER POST /\n\
         \x20 CONSUMER process public\n\
         \x20   INTERNAL append log\n\
         \x20   PRODUCER send orders.a [process: process public]"
    );
    let process = collector.named("process public", 1).await.remove(0);
    let message = messages(&server, 1).await.remove(0);
    let sent = String::from_utf8(message.payload.to_vec()).expect("UTF-8");
    assert!(sent.contains(&format!(">{}</ce:traceparent>", process.header())), "{sent}");
}

#[tokio::test]
async fn what_an_event_says_of_its_creation_survives_conversion_to_xml() {
    let (server, collector) = (NatsServer::start(), Collector::start().await);
    let rules = "conversions: [{name: order, root: order}]\n";
    let more = ", mode: structured, format: xml";
    let routes = nats(&server, "orders.a", more)
        .replace("deliver:", "transform: [{convert: {to: application/xml, rules: order}}], deliver:");
    let gateway = into_nats(&collector, &format!("{routes}{rules}")).await;
    for (id, creation) in [("1", CREATOR), ("2", "not a context")] {
        assert_eq!(post(&gateway, &made(id, creation), &[("traceparent", CALLER)]).await.status(), 202);
    }
    let sent: Vec<_> =
        messages(&server, 2).await.into_iter().map(|one| String::from_utf8(one.payload.to_vec())).collect();
    for (sent, creation) in sent.into_iter().zip([CREATOR, "not a context"]) {
        let sent = sent.expect("UTF-8");
        assert!(sent.contains(&format!(">{creation}</ce:traceparent>")) && sent.contains("<total>1</total>"), "{sent}");
    }
    let kinds: Vec<_> = sends(&collector, 2)
        .await
        .iter()
        .map(|span| (span.attribute("messaging.message.id").to_owned(), span.kind))
        .collect();
    assert!(kinds.contains(&("1".to_owned(), "CLIENT")) && kinds.contains(&("2".to_owned(), "PRODUCER")), "{kinds:?}");
}
