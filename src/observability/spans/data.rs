//! Our contexts and facts as the exporter's types.

use super::Spans;
use crate::observability::trace::TraceContext;
use opentelemetry::trace::{Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{KeyValue, StringValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use std::borrow::Cow;
use std::str::FromStr as _;
use std::time::SystemTime;

/// Links of one span at most (the limit of OpenTelemetry); the rest is counted.
pub const LINKS: usize = 128;
/// Bytes of a text in a span at most: what waits for the collector must stay small whatever an event holds.
const TEXT: usize = 1024;

/// The parent of a span.
#[derive(Debug, Clone, Copy)]
pub enum Parent {
    /// It begins a trace.
    None,
    /// A span of ours.
    Own(TraceContext),
    /// A span of another process.
    Remote(TraceContext),
}

/// A span that begins now and ends at once, until told otherwise.
pub fn span(
    spans: &Spans,
    (context, state): (TraceContext, Option<&str>),
    parent: Parent,
    kind: SpanKind,
    name: Cow<'static, str>,
    start: SystemTime,
) -> SpanData {
    let (parent, remote) = match parent {
        Parent::None => (SpanId::INVALID, false),
        Parent::Own(parent) => (SpanId::from_bytes(parent.span_id), false),
        Parent::Remote(parent) => (SpanId::from_bytes(parent.span_id), true),
    };
    SpanData {
        span_context: span_context(context, state, false),
        parent_span_id: parent,
        parent_span_is_remote: remote,
        span_kind: kind,
        name,
        start_time: start,
        end_time: start,
        attributes: Vec::new(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: spans.scope(),
    }
}

fn span_context(context: TraceContext, state: Option<&str>, remote: bool) -> SpanContext {
    let flags = if context.sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
    let state = state.and_then(|state| TraceState::from_str(state).ok()).unwrap_or_default();
    SpanContext::new(TraceId::from_bytes(context.trace_id), SpanId::from_bytes(context.span_id), flags, remote, state)
}

/// Links to another span, saying which one it is. Beyond [`LINKS`] it is only counted.
pub fn link(span: &mut SpanData, to: TraceContext, state: Option<&str>, what: &'static str) {
    if span.links.links.len() >= LINKS {
        span.links.dropped_count += 1;
        return;
    }
    let attributes = vec![KeyValue::new("signalbox.link", what)];
    span.links.links.push(Link::new(span_context(to, state, true), attributes, 0));
}

/// The span has failed for good.
pub fn fail(span: &mut SpanData, code: crate::codes::Code) {
    error_type(span, code);
    span.status = Status::error(code.title());
}

/// `error.type`, without failing the span.
pub fn error_type(span: &mut SpanData, code: crate::codes::Code) {
    span.attributes.push(KeyValue::new("error.type", code.to_string()));
}

/// Ends it; never before it began, whatever the clock was set to.
pub fn end(span: &mut SpanData, at: SystemTime) {
    span.end_time = at.max(span.start_time);
}

/// An attribute with a text that came from outside, cut to a bounded length.
pub fn text(key: &'static str, value: &str) -> KeyValue {
    let cut = if value.len() <= TEXT { value } else { &value[..value.floor_char_boundary(TEXT)] };
    KeyValue::new(key, StringValue::from(cut.to_owned()))
}

/// A position or a count.
pub fn number(key: &'static str, value: u64) -> KeyValue {
    KeyValue::new(key, i64::try_from(value).unwrap_or(i64::MAX))
}

/// What a span says of its event.
#[derive(Debug, Clone, Copy)]
pub struct About<'e> {
    /// `id`.
    pub id: &'e str,
    /// `source`.
    pub source: &'e str,
    /// `type`.
    pub ty: &'e str,
    /// `correlationid`.
    pub conversation: Option<&'e str>,
    /// The `traceparent` attribute, valid or not.
    pub creation: Option<&'e str>,
}

impl About<'_> {
    /// Its attributes by the conventions of messaging and CloudEvents.
    pub fn attributes(&self) -> impl Iterator<Item = KeyValue> {
        let fixed = [
            text("messaging.message.id", self.id),
            text("cloudevents.event_id", self.id),
            text("cloudevents.event_source", self.source),
            text("cloudevents.event_type", self.ty),
            KeyValue::new("cloudevents.event_spec_version", "1.0"),
        ];
        fixed.into_iter().chain(self.conversation.map(|id| text("messaging.message.conversation_id", id)))
    }

    /// The creation context, if the attribute holds a valid one.
    pub fn created(&self) -> Option<TraceContext> {
        self.creation.and_then(TraceContext::parse)
    }
}
