//! The spans of one request: SERVER, `process {listener}` per event, `append log` (reliability.md §4.3 R3–R5).
//!
//! The contexts are made first and for every request; the spans only where [`Spans::record`] says so, and then they are
//! handed over when the request ends, however it ends.

use super::Spans;
pub use super::data::About;
use super::data::{self, Parent};
use crate::codes::Code;
use crate::observability::trace::caller::Caller;
use crate::observability::trace::{Ids, TraceContext, TraceTrust};
use bytestring::ByteString;
use opentelemetry::KeyValue;
use opentelemetry::trace::{Event, SpanKind, Status};
use opentelemetry_sdk::trace::SpanData;
use std::borrow::Cow;
use std::time::{Duration, SystemTime};

/// A larger batch has one `process` span for all its events.
const SPANS_OF_A_BATCH: usize = 32;
/// Methods that may be part of a span's name: whatever else a client sends may be anything.
const METHODS: [&str; 9] = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "CONNECT", "TRACE"];

/// The trace of one request.
#[derive(Debug)]
pub struct RequestTrace {
    context: TraceContext,
    parent: Option<TraceContext>,
    caller: Option<ByteString>,
    state: Option<ByteString>,
    ids: Ids,
    shared: Option<TraceContext>,
    recording: Option<Box<Recording>>,
}

/// What is known of a request over HTTP when it comes in.
#[derive(Debug, Clone, Copy)]
pub struct Served<'r> {
    /// The method as sent.
    pub method: &'r str,
    /// The path as sent.
    pub path: &'r str,
    /// The path when it is one of ours.
    pub route: Option<&'static str>,
    /// `1.1`, `2`.
    pub version: &'static str,
    /// `User-Agent`.
    pub agent: Option<&'r str>,
}

impl RequestTrace {
    /// Begins the trace of a request. `trusted`: the caller is known, so its sampled flag is believed (R9).
    pub fn begin(
        spans: &Spans,
        caller: Option<Caller>,
        trust: TraceTrust,
        trusted: bool,
        mut ids: Ids,
    ) -> RequestTrace {
        let (continued, linked) = match trust {
            TraceTrust::Continue => (caller, None),
            TraceTrust::Link => (None, caller),
            TraceTrust::Restart => (None, None),
        };
        let parent = continued.as_ref().map(|caller| caller.context);
        let mut context = match parent {
            Some(parent) => ids.child(parent),
            None => ids.root(),
        };
        context.sampled = spans.sample(parent.filter(|_| trusted).map(|parent| parent.sampled), context.trace_id);
        let (caller, state) = continued.map_or((None, None), |caller| (Some(caller.text), caller.state));
        let recording = spans.record(&context).then(|| {
            let parent = parent.map_or(Parent::None, Parent::Remote);
            Box::new(Recording::begin(spans.clone(), (context, state.as_deref()), parent, linked))
        });
        RequestTrace { context, parent, caller, state, ids, shared: None, recording }
    }

    /// The context of the SERVER span; its trace id is that of the answer.
    pub fn context(&self) -> TraceContext {
        self.context
    }

    /// The caller's `traceparent`, where its trace is continued: what fills the attribute of an event without one (R2).
    pub fn caller(&self) -> Option<&ByteString> {
        self.caller.as_ref()
    }

    /// The caller's `tracestate`, where its trace is continued.
    pub fn state(&self) -> Option<&ByteString> {
        self.state.as_ref()
    }

    /// Tells what the SERVER span is named and described by.
    pub fn served<'r>(&mut self, served: impl FnOnce() -> Served<'r>) {
        if let Some(recording) = &mut self.recording {
            recording.served(served());
        }
    }

    /// The request holds this many events. Must be told before [`RequestTrace::process`].
    pub fn holds(&mut self, events: usize) {
        if events > SPANS_OF_A_BATCH {
            self.shared = Some(self.ids.child(self.context));
        }
        if let Some(recording) = &mut self.recording {
            recording.events = events;
        }
    }

    /// The context of the span that processes the next event.
    pub fn process<'e>(&mut self, listener: &str, about: impl FnOnce() -> About<'e>) -> TraceContext {
        let shared = self.shared;
        let context = shared.unwrap_or_else(|| self.ids.child(self.context));
        if let Some(recording) = &mut self.recording {
            recording.process(self.context, context, shared.is_some(), listener, &about(), self.parent);
        }
        context
    }

    /// Does a part of the work on the request, or on the event whose processing began last, and notes how long it took.
    pub fn stage<T>(&mut self, name: &'static str, work: impl FnOnce() -> T) -> T {
        let Some(recording) = &mut self.recording else { return work() };
        let begun = SystemTime::now();
        let done = work();
        recording.stage(name, begun);
        done
    }

    /// The event whose processing began last is refused. A span that stands for many events fails only with all of them.
    pub fn refuse(&mut self, code: Code) {
        if self.shared.is_some() {
            return;
        }
        if let Some(process) = self.recording.as_mut().and_then(|recording| recording.processes.last_mut()) {
            data::fail(&mut process.span, code);
            process.refused = true;
        }
    }

    /// The events go to the log now.
    pub fn append(&mut self) {
        let Some(recording) = &mut self.recording else { return };
        let parent = match recording.processes.as_slice() {
            [only] => only.context,
            _ => self.context,
        };
        recording.append(self.ids.child(parent), parent);
    }

    /// The events that were not refused are in the log: position of each, and whether it was there before.
    pub fn appended(&mut self, stored: impl Iterator<Item = (u64, bool)>) {
        if let Some(recording) = &mut self.recording {
            recording.appended(stored);
        }
    }

    /// Nothing was stored.
    pub fn not_appended(&mut self, code: Code) {
        let Some(recording) = &mut self.recording else { return };
        let append = recording.append.as_mut();
        let taken = recording.processes.iter_mut().filter(|process| !process.refused);
        for span in append.into_iter().chain(taken.map(|process| &mut process.span)) {
            data::fail(span, code);
        }
        recording.end_parts();
    }

    /// The request is answered; `status` is `None` when it gets no answer. A request that is never finished was cut by its
    /// sender: its spans say no status.
    pub fn finish(self, status: Option<u16>, code: Option<Code>) {
        if let Some(mut recording) = self.recording {
            recording.answered(status, code);
        }
    }
}

/// The spans of a request that are not handed over yet.
#[derive(Debug)]
struct Recording {
    spans: Spans,
    /// `None` once it was handed over.
    server: Option<SpanData>,
    processes: Vec<Process>,
    append: Option<SpanData>,
    events: usize,
}

#[derive(Debug)]
struct Process {
    context: TraceContext,
    span: SpanData,
    refused: bool,
    stages: Vec<Stage>,
}

/// A part of the work: of a shared span, the same part for all events together.
#[derive(Debug)]
struct Stage {
    name: &'static str,
    begun: SystemTime,
    took: Duration,
}

impl Recording {
    fn begin(spans: Spans, context: (TraceContext, Option<&str>), parent: Parent, linked: Option<Caller>) -> Recording {
        let name = Cow::Borrowed("HTTP");
        let mut server = data::span(&spans, context, parent, SpanKind::Server, name, SystemTime::now());
        if let Some(caller) = linked {
            data::link(&mut server, caller.context, caller.state.as_deref(), "caller");
        }
        Recording { spans, server: Some(server), processes: Vec::new(), append: None, events: 0 }
    }

    fn served(&mut self, request: Served<'_>) {
        let Some(server) = &mut self.server else { return };
        let method = METHODS.into_iter().find(|known| *known == request.method);
        let shown = method.unwrap_or("HTTP");
        server.name = match request.route {
            Some(route) => format!("{shown} {route}").into(),
            None => shown.into(),
        };
        server.attributes.extend([
            KeyValue::new("http.request.method", method.unwrap_or("_OTHER")),
            data::text("url.path", request.path),
            KeyValue::new("url.scheme", "http"),
            KeyValue::new("network.protocol.version", request.version),
        ]);
        server.attributes.extend(request.route.map(|route| KeyValue::new("http.route", route)));
        server.attributes.extend(request.agent.map(|agent| data::text("user_agent.original", agent)));
    }

    fn process(
        &mut self,
        server: TraceContext,
        context: TraceContext,
        shared: bool,
        listener: &str,
        about: &About<'_>,
        remote: Option<TraceContext>,
    ) {
        let begun = || {
            let name = Cow::Owned(format!("process {listener}"));
            let parent = Parent::Own(server);
            let mut span =
                data::span(&self.spans, (context, None), parent, SpanKind::Consumer, name, SystemTime::now());
            span.attributes.extend([
                KeyValue::new("messaging.system", "signalbox"),
                KeyValue::new("messaging.operation.name", "process"),
                KeyValue::new("messaging.operation.type", "process"),
                data::text("messaging.destination.name", listener),
            ]);
            if self.events > 1 && shared {
                span.attributes.push(data::number("messaging.batch.message_count", self.events as u64));
            }
            Process { context, span, refused: false, stages: Vec::new() }
        };
        if !shared || self.processes.is_empty() {
            let mut process = begun();
            if !shared {
                process.span.attributes.extend(about.attributes());
            }
            self.processes.push(process);
        }
        let Some(process) = self.processes.last_mut() else { return };
        // R3: only where it says something new: the caller's span is an ancestor already.
        let known = |created: &TraceContext| remote.is_some_and(|remote| remote.is_same_span(created));
        if let Some(created) = about.created().filter(|created| !known(created)) {
            data::link(&mut process.span, created, None, "creation");
        }
    }

    fn stage(&mut self, name: &'static str, begun: SystemTime) {
        let took = begun.elapsed().unwrap_or_default();
        let Some(process) = self.processes.last_mut() else {
            if let Some(server) = &mut self.server {
                server.events.events.push(stage_event(&Stage { name, begun, took }));
            }
            return;
        };
        match process.stages.iter_mut().find(|stage| stage.name == name) {
            Some(stage) => stage.took += took,
            None => process.stages.push(Stage { name, begun, took }),
        }
    }

    fn append(&mut self, context: TraceContext, parent: TraceContext) {
        let (parent, name) = (Parent::Own(parent), Cow::Borrowed("append log"));
        let mut span = data::span(&self.spans, (context, None), parent, SpanKind::Internal, name, SystemTime::now());
        span.attributes.push(data::number("signalbox.log.events", self.events as u64));
        self.append = Some(span);
    }

    fn appended(&mut self, stored: impl Iterator<Item = (u64, bool)>) {
        let shared = self.events > SPANS_OF_A_BATCH;
        let taken = self.processes.iter_mut().filter(|process| !process.refused);
        // A shared span says the first position; one per event would be a thousand attributes.
        for (process, (position, duplicate)) in taken.zip(stored) {
            process.span.attributes.push(data::number("signalbox.position", position));
            if duplicate && !shared {
                process.span.attributes.push(KeyValue::new("signalbox.duplicate", true));
            }
        }
        self.end_parts();
    }

    fn end_parts(&mut self) {
        let now = SystemTime::now();
        let processes = self.processes.iter_mut().map(|process| &mut process.span);
        for span in processes.chain(&mut self.append) {
            data::end(span, now);
        }
    }

    fn answered(&mut self, status: Option<u16>, code: Option<Code>) {
        if let (Some(code), [shared]) = (code, self.processes.as_mut_slice())
            && shared.span.status == Status::Unset
        {
            data::fail(&mut shared.span, code);
        }
        let Some(server) = &mut self.server else { return };
        if let Some(status) = status {
            server.attributes.push(KeyValue::new("http.response.status_code", i64::from(status)));
        }
        match code {
            // A refusal is the sender's fault: by convention that is no error of the server (R13).
            Some(code) if status.is_some_and(|status| status < 500) => data::error_type(server, code),
            Some(code) => data::fail(server, code),
            None => {}
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        let now = SystemTime::now();
        for mut process in self.processes.drain(..) {
            if process.span.end_time == process.span.start_time {
                data::end(&mut process.span, now);
            }
            process.span.events.events.extend(process.stages.iter().map(stage_event));
            self.spans.take(process.span);
        }
        if let Some(append) = self.append.take() {
            self.spans.take(append);
        }
        if let Some(mut server) = self.server.take() {
            data::end(&mut server, now);
            self.spans.take(server);
        }
    }
}

fn stage_event(stage: &Stage) -> Event {
    let took = KeyValue::new("signalbox.stage.duration", stage.took.as_secs_f64());
    Event::new(stage.name, stage.begun, vec![took], 0)
}
