//! Spans as a collector sees them: golden trees (reliability.md §4.3), and what hostile headers and bad collectors change.

mod callers;
mod collectors;
#[cfg(all(feature = "kafka", feature = "nats"))]
mod delivery;

use crate::support::gateway::{Gateway, PLAIN};
use crate::support::otlp::{Collector, Seen};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A caller's span.
const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const CALLERS_TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
/// The span an event was made in.
const CREATOR: &str = "00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-bbbbbbbbbbbbbbbb-00";

/// A gateway that exports to `collector` every 20 ms.
async fn traced(collector: &Collector, files: &[(&str, &str)]) -> Gateway {
    let environment = [("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()), ("OTEL_BSP_SCHEDULE_DELAY", "20")];
    Gateway::start_with(files, &[], &environment).await
}

fn event(id: &str) -> Value {
    json!({
        "specversion": "1.0", "id": id, "source": "/shop/eu", "type": "com.example.order.created",
        "datacontenttype": "application/json", "correlationid": "flow-7", "data": {"total": 1},
    })
}

/// An event that says where it was made.
fn made(id: &str, creation: &str) -> Value {
    let mut event = event(id);
    event["traceparent"] = creation.into();
    event
}

/// Posts a structured event, or a batch, with headers.
async fn post(gateway: &Gateway, body: &Value, headers: &[(&str, &str)]) -> reqwest::Response {
    let media = if body.is_array() { "application/cloudevents-batch+json" } else { "application/cloudevents+json" };
    let mut request = gateway.http().post(gateway.ingress("/")).header("content-type", media);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body.to_string()).send().await.expect("an answer")
}

/// The spans as an indented tree: kind, name, outcome, links by the names of what they point at. Ids the test knows are
/// shown by the name it gives them.
fn tree(spans: &[Seen], known: &[(&str, &str)]) -> String {
    let mut names: BTreeMap<&str, String> = known.iter().map(|(id, name)| (*id, (*name).to_owned())).collect();
    for span in spans {
        names.insert(&span.id, span.name.clone());
    }
    let mut lines = Vec::new();
    let known_here = |id: &str| spans.iter().any(|span| span.id == id);
    for root in sorted(spans.iter().filter(|span| !known_here(&span.parent))) {
        let from = names.get(&*root.parent).map_or(String::new(), |name| format!(" in {name}"));
        branch(root, spans, &names, 0, &from, &mut lines);
    }
    lines.join("\n")
}

fn sorted<'s>(spans: impl Iterator<Item = &'s Seen>) -> Vec<&'s Seen> {
    let mut all: Vec<_> = spans.collect();
    all.sort_by_key(|span| (span.name.clone(), span.attribute("messaging.message.id").to_owned()));
    all
}

fn branch(
    span: &Seen,
    all: &[Seen],
    names: &BTreeMap<&str, String>,
    depth: usize,
    from: &str,
    lines: &mut Vec<String>,
) {
    let mut line = format!("{}{} {}{from}", "  ".repeat(depth), span.kind, span.name);
    if span.failed {
        line.push_str(" FAILED");
    }
    for (what, _, id) in &span.links {
        let to = names.get(&**id).map_or("?", |name| name);
        line = format!("{line} [{what}: {to}]");
    }
    lines.push(line);
    for child in sorted(all.iter().filter(|child| child.parent == span.id)) {
        branch(child, all, names, depth + 1, "", lines);
    }
}

/// A listener that does this with the traces of its callers.
fn trusting(trust: &str) -> String {
    PLAIN.replace("\"127.0.0.1:0\"}]", &format!("\"127.0.0.1:0\", trace: {trust}}}]"))
}
