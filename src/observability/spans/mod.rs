//! Spans for an OTLP collector: made only where they are exported and sampled, and never in the way of an event
//! (reliability.md §4.3, O1).
//!
//! Ids exist without spans ([`super::trace`]): what a message carries is the same with and without export. Names and
//! attributes are those of the OpenTelemetry semantic conventions 1.44 for HTTP, messaging and CloudEvents, and our own
//! under `signalbox.`. No payload and no `subject` ever becomes part of a span.

mod data;
pub mod export;
mod queue;
pub mod request;
mod sampler;
pub mod send;
pub mod settings;
#[cfg(test)]
mod tests;

use super::trace::TraceContext;
use opentelemetry::InstrumentationScope;
use opentelemetry_sdk::trace::SpanData;
use queue::Queue;
use sampler::Sampler;
use std::sync::Arc;

/// Schema of the names we use.
const SCHEMA: &str = "https://opentelemetry.io/schemas/1.44.0";

/// Where finished spans go; cheap to clone. The default exports nothing.
#[derive(Debug, Clone, Default)]
pub struct Spans(Option<Arc<Active>>);

#[derive(Debug)]
struct Active {
    sampler: Sampler,
    queue: Arc<Queue>,
    scope: InstrumentationScope,
}

impl Spans {
    fn on(sampler: Sampler, queue: Arc<Queue>) -> Spans {
        let scope = InstrumentationScope::builder("signalbox")
            .with_version(env!("CARGO_PKG_VERSION"))
            .with_schema_url(SCHEMA)
            .build();
        Spans(Some(Arc::new(Active { sampler, queue, scope })))
    }

    /// True when a span of this context is to be made.
    pub fn record(&self, context: &TraceContext) -> bool {
        self.0.is_some() && context.sampled
    }

    /// The sampled flag of a trace that begins or goes on here. `parent`: that of a caller who is believed (R9); without
    /// export its word is passed on, because there is nothing to decide.
    fn sample(&self, parent: Option<bool>, trace_id: [u8; 16]) -> bool {
        match &self.0 {
            Some(active) => active.sampler.sample(parent, trace_id),
            None => parent.unwrap_or(false),
        }
    }

    /// Takes a finished span. Never waits: without room it is dropped and counted.
    fn take(&self, span: SpanData) {
        if let Some(active) = &self.0 {
            active.queue.push(span);
        }
    }

    fn scope(&self) -> InstrumentationScope {
        self.0.as_ref().map(|active| active.scope.clone()).unwrap_or_default()
    }
}
