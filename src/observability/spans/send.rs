//! The span of one delivery attempt: `send {template}` (reliability.md §4.3 R6, R7).

use super::Spans;
use super::data::{self, About, Parent};
use crate::codes::Code;
use crate::observability::trace::TraceContext;
use crate::observability::trace::hop::Hop;
use opentelemetry::KeyValue;
use opentelemetry::trace::SpanKind;
use opentelemetry_sdk::trace::SpanData;
use std::time::SystemTime;

/// Everything a `send` span says.
#[derive(Debug, Clone, Copy)]
pub struct SendSpan<'a> {
    /// Its contexts.
    pub hop: &'a Hop,
    /// The span that took the event in.
    pub process: TraceContext,
    /// The attempt before this one, where it is known.
    pub previous: Option<TraceContext>,
    /// The event as accepted.
    pub about: About<'a>,
    /// Where it goes.
    pub to: Recipient<'a>,
    /// Its position in the log, where it has one.
    pub position: Option<u64>,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// When it began.
    pub started: SystemTime,
    /// When its outcome was known.
    pub ended: SystemTime,
    /// What the destination said when it took it: `partition=1 offset=7`.
    pub receipt: Option<&'a str>,
    /// Why it failed.
    pub error: Option<Code>,
    /// False when it failed before anything was sent.
    pub was_sent: bool,
}

/// Where an attempt goes.
#[derive(Debug, Clone, Copy)]
pub struct Recipient<'a> {
    /// `messaging.system`: `kafka`, `nats`, `http`.
    pub system: &'static str,
    /// The topic, subject or URL as the operator wrote it, without secrets.
    pub template: &'a str,
    /// True when it holds attributes of the event.
    pub is_template: bool,
    /// The filled-in one, if it got that far.
    pub target: Option<&'a str>,
    /// The key, if there is one.
    pub key: Option<&'a str>,
    /// The deliver entry: route, name, destination.
    pub lane: (&'a str, &'a str, &'a str),
}

impl Spans {
    /// Takes the span of an attempt that has ended.
    pub fn sent(&self, sent: &SendSpan<'_>) {
        if self.record(&sent.hop.context) {
            self.take(span(self, sent));
            if let Some(context) = sent.hop.request.filter(|_| sent.was_sent) {
                self.take(request(self, sent, context));
            }
        }
    }
}

fn span(spans: &Spans, sent: &SendSpan<'_>) -> SpanData {
    let created = sent.about.created().filter(|created| !created.is_same_span(&sent.process));
    // Ours is the creation context where the event brought none.
    let kind = if created.is_some() { SpanKind::Client } else { SpanKind::Producer };
    let context = (sent.hop.context, sent.hop.state.as_deref());
    let parent = sent.hop.parent.map_or(Parent::None, Parent::Own);
    let name = format!("send {}", sent.to.template).into();
    let mut span = data::span(spans, context, parent, kind, name, sent.started);
    data::end(&mut span, sent.ended);
    let links = [(created, "creation"), (Some(sent.process), "process"), (sent.previous, "previous attempt")];
    for (to, what) in links {
        if let Some(to) = to {
            data::link(&mut span, to, None, what);
        }
    }
    span.attributes.extend(attributes(sent));
    span.attributes.extend(sent.about.attributes());
    if let Some(code) = sent.error {
        data::fail(&mut span, code);
    }
    span
}

/// The HTTP request of an attempt.
fn request(spans: &Spans, sent: &SendSpan<'_>, context: TraceContext) -> SpanData {
    let (context, parent) = ((context, sent.hop.state.as_deref()), Parent::Own(sent.hop.context));
    let mut span = data::span(spans, context, parent, SpanKind::Client, "POST".into(), sent.started);
    data::end(&mut span, sent.ended);
    span.attributes.push(KeyValue::new("http.request.method", "POST"));
    if let Some(url) = sent.to.target {
        span.attributes.push(data::text("url.full", url));
        let uri = url.parse::<http::Uri>().ok();
        if let Some(host) = uri.as_ref().and_then(http::Uri::host) {
            span.attributes.push(data::text("server.address", host));
        }
        if let Some(port) = uri.as_ref().and_then(http::Uri::port_u16) {
            span.attributes.push(KeyValue::new("server.port", i64::from(port)));
        }
    }
    if sent.attempt > 1 {
        span.attributes.push(KeyValue::new("http.request.resend_count", i64::from(sent.attempt - 1)));
    }
    let status = word(sent.receipt, "status").and_then(|status| status.parse().ok());
    span.attributes.extend(status.map(|status| data::number("http.response.status_code", status)));
    if let Some(code) = sent.error {
        data::fail(&mut span, code);
    }
    span
}

fn attributes(sent: &SendSpan<'_>) -> Vec<KeyValue> {
    let to = &sent.to;
    let (route, name, destination) = to.lane;
    let mut all = vec![
        KeyValue::new("messaging.system", to.system),
        KeyValue::new("messaging.operation.name", "send"),
        KeyValue::new("messaging.operation.type", "send"),
        KeyValue::new("signalbox.delivery.attempt", i64::from(sent.attempt)),
        data::text("signalbox.route", route),
        data::text("signalbox.deliver", name),
        data::text("signalbox.destination", destination),
    ];
    all.extend(to.target.map(|target| data::text("messaging.destination.name", target)));
    if to.is_template {
        all.push(data::text("messaging.destination.template", to.template));
    }
    all.extend(sent.position.map(|position| data::number("signalbox.position", position)));
    if to.system == "kafka" {
        all.extend(to.key.map(|key| data::text("messaging.kafka.message.key", key)));
        all.extend(word(sent.receipt, "partition").map(|id| data::text("messaging.destination.partition.id", id)));
        let offset = word(sent.receipt, "offset").and_then(|offset| offset.parse().ok());
        all.extend(offset.map(|offset| data::number("messaging.kafka.offset", offset)));
    }
    all
}

/// The value of one `name=value` of a receipt.
fn word<'r>(receipt: Option<&'r str>, name: &str) -> Option<&'r str> {
    receipt?.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
}
