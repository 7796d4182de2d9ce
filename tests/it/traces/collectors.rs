//! The collector's faults are the collector's: events flow, and a counter says what was dropped.

use super::{event, post, traced};
use crate::support::gateway::Gateway;
use crate::support::otlp::Collector;
use crate::support::wait_for;
use std::process::Command;
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_mins(1);

/// The value of a metric, all its labels together.
async fn metric(gateway: &Gateway, name: &str) -> f64 {
    let answer = gateway.http().get(gateway.admin("/metrics")).send().await.expect("an answer");
    let text = answer.text().await.expect("a body");
    let values =
        text.lines().filter(|line| line.starts_with(name)).map(|line| line.rsplit(' ').next().expect("a value"));
    values.map(|value| value.parse::<f64>().expect("a number")).sum()
}

async fn dropped(gateway: &Gateway, least: f64) {
    wait_for("spans to be dropped", SOON, || async {
        (metric(gateway, "signalbox_spans_dropped_total").await >= least).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_collector_that_is_not_there_changes_nothing_but_a_counter() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let endpoint = format!("http://ann:canary@{closed}");
    let environment = [("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint), ("OTEL_BSP_SCHEDULE_DELAY", "20")];
    let mut gateway = Gateway::start_with(&[], &[], &environment).await;
    for id in 0..50 {
        gateway.accept(&event(&id.to_string())).await;
    }
    dropped(&gateway, 150.0).await;
    assert_eq!(gateway.event_ids().await.len(), 50);
    let begun = Instant::now();
    assert!(gateway.stop().await.success());
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    let log = std::fs::read_to_string(gateway.log()).expect("it has a log");
    assert_eq!(log.matches("does not take spans").count(), 1, "told once, not for each batch: {log}");
    assert!(!log.contains("canary"), "{log}");
}

#[tokio::test]
async fn a_collector_that_says_429_or_nothing_is_not_waited_for() {
    for status in [429, 0] {
        let collector = Collector::answering(status).await;
        let environment = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()),
            ("OTEL_BSP_SCHEDULE_DELAY", "20"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "8"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "60000"),
        ];
        let gateway = Gateway::start_with(&[], &[], &environment).await;
        for id in 0..20 {
            gateway.accept(&event(&id.to_string())).await;
        }
        // Three spans each; one batch is with the collector, eight wait.
        dropped(&gateway, 40.0).await;
        wait_for("the collector to be asked", SOON, || async { (collector.asked() > 0).then_some(()) }).await;
        assert_eq!(gateway.event_ids().await.len(), 20, "{status}");
    }
}

#[tokio::test]
async fn a_collector_that_comes_back_gets_what_comes_then() {
    let collector = Collector::answering(400).await;
    let gateway = traced(&collector, &[]).await;
    gateway.accept(&event("lost")).await;
    dropped(&gateway, 3.0).await;
    collector.answer(200);
    gateway.accept(&event("kept")).await;
    let process = collector.named("process public", 1).await.remove(0);
    assert_eq!(process.attribute("cloudevents.event_id"), "kept");
    wait_for("the counter", SOON, || async {
        (metric(&gateway, "signalbox_spans_exported_total").await >= 3.0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_last_spans_are_exported_at_shutdown_with_the_resource_and_headers_asked_for() {
    let collector = Collector::start().await;
    let environment = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20canary"),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test"),
        ("OTEL_BSP_SCHEDULE_DELAY", "3600000"),
    ];
    let mut gateway = Gateway::start_with(&[], &[], &environment).await;
    gateway.accept(&event("1")).await;
    assert!(gateway.stop().await.success());
    let process = collector.named("process public", 1).await.remove(0);
    let resource = |key: &str| process.resource.get(key).map_or("", |value| value);
    assert_eq!((resource("service.name"), resource("deployment.environment.name")), ("signalbox", "test"));
    assert_eq!(collector.headers()[0]["authorization"], "Bearer canary");
    let named = [("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", format!("{}/v1/traces", collector.url()))];
    let named = named.each_ref().map(|(name, value)| (*name, &**value));
    let mut gateway = Gateway::start_with(&[], &[], &[&named[..], &[("OTEL_SERVICE_NAME", "edge")]].concat()).await;
    gateway.accept(&event("2")).await;
    assert!(gateway.stop().await.success());
    assert!(collector.spans().iter().any(|span| span.resource["service.name"] == "edge"));
}

#[test]
fn what_cannot_be_exported_as_asked_is_said_at_start() {
    for (name, value) in [("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"), ("OTEL_TRACES_EXPORTER", "zipkin")] {
        let dir = tempfile::tempdir().expect("a folder");
        let mut command = Command::new(env!("CARGO_BIN_EXE_signalbox"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]).current_dir(dir.path());
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318").env(name, value);
        let output = command.output().expect("the binary can be run");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(78), "{text}");
        assert!(text.contains("SB-4005") && text.contains(&format!("{name}={value}")), "{text}");
    }
}

#[tokio::test]
async fn without_an_endpoint_nothing_is_sampled_and_hops_have_ids_all_the_same() {
    let gateway = Gateway::start_with(&[], &[], &[("OTEL_TRACES_SAMPLER", "always_on")]).await;
    assert_eq!(post(&gateway, &event("1"), &[]).await.status(), 202);
    let shown = gateway.get("/api/v1/events/1").await["event"]["traceparent"].clone();
    assert!(shown.as_str().is_some_and(|text| text.len() == 55 && text.ends_with("-00")), "{shown}");
}
