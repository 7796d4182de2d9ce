//! Requests: what is continued, linked, forgotten and ignored, and how batches are drawn.

use super::{CALLER, CALLERS_TRACE, CREATOR, event, made, post, traced, tree, trusting};
use crate::support::gateway::Gateway;
use crate::support::otlp::Collector;
use serde_json::{Value, json};

const KNOWN: &[(&str, &str)] = &[("00f067aa0ba902b7", "caller"), ("bbbbbbbbbbbbbbbb", "creator")];

#[tokio::test]
async fn a_batch_of_three_is_three_spans_of_one_request() {
    let collector = Collector::start().await;
    let gateway = traced(&collector, &[]).await;
    let batch = json!([made("1", CREATOR), event("2"), made("3", "no context")]);
    assert_eq!(post(&gateway, &batch, &[("traceparent", CALLER), ("tracestate", "shop=1")]).await.status(), 202);
    let all = collector.wait("the request to be exported", |spans| spans.len() == 5).await;
    assert_eq!(
        tree(&all, KNOWN),
        "SERVER POST / in caller\n\
         \x20 INTERNAL append log\n\
         \x20 CONSUMER process public [creation: creator]\n\
         \x20 CONSUMER process public\n\
         \x20 CONSUMER process public"
    );
    assert!(all.iter().all(|span| span.trace == CALLERS_TRACE), "{all:#?}");
    let server = &collector.named("POST /", 1).await[0];
    assert_eq!((server.attribute("http.response.status_code"), server.state.as_str()), ("202", "shop=1"));
    let processed = collector.named("process public", 3).await;
    assert!(processed.iter().all(|span| span.events == ["validate", "route"]), "{processed:#?}");
    assert!(processed.iter().all(|span| span.attribute("messaging.message.conversation_id") == "flow-7"));
    let shown = |position: u64| {
        let gateway = &gateway;
        async move { gateway.get(&format!("/api/v1/events/{position}")).await["event"]["traceparent"].clone() }
    };
    assert_eq!([shown(1).await, shown(2).await, shown(3).await], [CREATOR, CALLER, "no context"]);
}

#[tokio::test]
async fn a_large_batch_is_one_span_with_links_up_to_the_limit() {
    let collector = Collector::start().await;
    let gateway = traced(&collector, &[]).await;
    let batch: Value = (0..140).map(|id| made(&id.to_string(), CREATOR)).collect();
    assert_eq!(post(&gateway, &batch, &[]).await.status(), 202);
    let process = collector.named("process public", 1).await.remove(0);
    assert_eq!((process.links.len(), process.links_dropped), (128, 12));
    assert_eq!(process.attribute("messaging.batch.message_count"), "140");
}

#[tokio::test]
async fn a_listener_links_or_forgets_callers_it_does_not_continue() {
    for (trust, link) in [("link", " [caller: caller]"), ("restart", "")] {
        let collector = Collector::start().await;
        let gateway = traced(&collector, &[("signalbox.yaml", &trusting(trust))]).await;
        let headers = [("traceparent", CALLER), ("tracestate", "shop=1")];
        assert_eq!(post(&gateway, &event("1"), &headers).await.status(), 202);
        let all = collector.wait("the request to be exported", |spans| spans.len() == 3).await;
        let expected = format!("SERVER POST /{link}\n  CONSUMER process public\n    INTERNAL append log");
        assert_eq!(tree(&all, KNOWN), expected);
        assert!(all.iter().all(|span| span.trace != CALLERS_TRACE && span.state.is_empty()), "{all:#?}");
        let process = &collector.named("process public", 1).await[0];
        let shown = gateway.get("/api/v1/events/1").await["event"]["traceparent"].clone();
        assert_eq!(shown, process.header(), "the event was made here");
    }
}

#[tokio::test]
async fn headers_that_break_the_rules_are_ignored_whole() {
    let collector = Collector::start().await;
    let gateway = traced(&collector, &[]).await;
    let bad = [
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        "x",
    ];
    let twice = [("traceparent", CALLER), ("traceparent", CALLER), ("tracestate", "shop=1")];
    assert_eq!(post(&gateway, &event("twice"), &twice).await.status(), 202);
    let large = format!("shop={}", "x".repeat(4096));
    assert_eq!(post(&gateway, &event("large"), &[("traceparent", CALLER), ("tracestate", &large)]).await.status(), 202);
    for header in bad {
        assert_eq!(
            post(&gateway, &event(header), &[("traceparent", header), ("tracestate", "shop=1")]).await.status(),
            202
        );
    }
    let later = "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more";
    assert_eq!(post(&gateway, &event("later"), &[("traceparent", later)]).await.status(), 202);
    let servers = collector.named("POST /", bad.len() + 3).await;
    assert!(servers.iter().all(|span| span.state.is_empty()), "{servers:#?}");
    assert_eq!(servers.iter().filter(|span| span.trace == CALLERS_TRACE).count(), 2, "`large` and `later`");
    let attribute = |event: &Value| event["event"]["traceparent"].as_str().map(str::to_owned);
    let events = gateway.get("/api/v1/events").await;
    let shown: Vec<_> = events["events"].as_array().expect("a list").iter().filter_map(attribute).collect();
    assert_eq!(shown[0], later, "a version to come is passed on as it is");
    assert_eq!(shown.iter().filter(|text| text.contains(CALLERS_TRACE)).count(), 2, "{shown:?}");
}

#[tokio::test]
async fn a_refusal_names_the_trace_of_its_server_span() {
    let collector = Collector::start().await;
    let schema = ("schemas/com.example.order.created/1.json", r#"{"properties":{"total":{"type":"string"}}}"#);
    let gateway = traced(&collector, &[schema]).await;
    let refused = post(&gateway, &event("1"), &[("traceparent", CALLER)]).await;
    assert_eq!(refused.status(), 422);
    let problem: Value = serde_json::from_str(&refused.text().await.expect("a body")).expect("JSON");
    assert_eq!(problem["trace_id"], CALLERS_TRACE);
    let all = collector.wait("the request to be exported", |spans| spans.len() == 2).await;
    assert_eq!(tree(&all, KNOWN), "SERVER POST / in caller\n  CONSUMER process public FAILED");
    assert!(all.iter().all(|span| span.attribute("error.type") == "SB-1020"), "{all:#?}");
    let unknown = gateway.http().put(gateway.ingress("/nowhere")).send().await.expect("an answer");
    let problem: Value = serde_json::from_str(&unknown.text().await.expect("a body")).expect("JSON");
    let server = &collector.named("PUT", 1).await[0];
    assert_eq!((problem["trace_id"].as_str(), server.failed), (Some(&*server.trace), false));
    assert_eq!(server.attribute("url.path"), "/nowhere");
}

#[tokio::test]
async fn strangers_cannot_ask_for_spans() {
    let collector = Collector::start().await;
    let environment =
        [("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()), ("OTEL_TRACES_SAMPLER", "parentbased_always_off")];
    let mut gateway = Gateway::start_with(&[], &[], &environment).await;
    for id in 0..20 {
        assert_eq!(post(&gateway, &event(&id.to_string()), &[("traceparent", CALLER)]).await.status(), 202);
    }
    assert!(gateway.stop().await.success());
    assert_eq!(collector.asked(), 0);
}
