//! An OTLP/HTTP collector of the test's own: decodes what it gets, and answers what it is told.

use super::wait_for;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinSet;

const SOON: Duration = Duration::from_mins(1);

/// A collector. Ends when dropped.
pub struct Collector {
    inside: Arc<Inside>,
    url: String,
    _server: JoinSet<()>,
}

#[derive(Default)]
struct Inside {
    spans: Mutex<Vec<Seen>>,
    /// Status of every answer; 0 = it never answers.
    status: AtomicU16,
    asked: AtomicUsize,
    headers: Mutex<Vec<HeaderMap>>,
}

/// A span as it came.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    pub name: String,
    /// `SERVER`, `CONSUMER`, ….
    pub kind: &'static str,
    pub trace: String,
    pub id: String,
    /// Empty for a root.
    pub parent: String,
    /// What it is linked to: what we call the link, trace, span.
    pub links: Vec<(String, String, String)>,
    pub links_dropped: u32,
    pub attributes: BTreeMap<String, String>,
    pub events: Vec<String>,
    pub state: String,
    pub failed: bool,
    pub resource: BTreeMap<String, String>,
}

impl Seen {
    /// The `traceparent` of a message sent in this span.
    pub fn header(&self) -> String {
        format!("00-{}-{}-01", self.trace, self.id)
    }

    /// An attribute; empty when it is not there.
    pub fn attribute(&self, key: &str) -> &str {
        self.attributes.get(key).map_or("", |value| value)
    }
}

impl Collector {
    /// One that takes everything.
    pub async fn start() -> Collector {
        Collector::answering(200).await
    }

    /// One that answers with this status; 0 = never.
    pub async fn answering(status: u16) -> Collector {
        let inside = Arc::new(Inside { status: AtomicU16::new(status), ..Inside::default() });
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", socket.local_addr().expect("an address"));
        let app = Router::new().route("/v1/traces", post(take)).with_state(inside.clone());
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(socket, app).await.expect("it serves") });
        Collector { inside, url, _server: server }
    }

    /// Its address, without a path.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Answers with this status from now on.
    pub fn answer(&self, status: u16) {
        self.inside.status.store(status, Ordering::Relaxed);
    }

    /// Requests so far.
    pub fn asked(&self) -> usize {
        self.inside.asked.load(Ordering::Relaxed)
    }

    /// Headers of the requests it took.
    pub fn headers(&self) -> Vec<HeaderMap> {
        self.inside.headers.lock().expect("no panic").clone()
    }

    /// Everything it took.
    pub fn spans(&self) -> Vec<Seen> {
        self.inside.spans.lock().expect("no panic").clone()
    }

    /// What it took, once `enough` says so.
    pub async fn wait(&self, what: &str, enough: impl Fn(&[Seen]) -> bool) -> Vec<Seen> {
        wait_for(what, SOON, || async { Some(self.spans()).filter(|spans| enough(spans)) }).await
    }

    /// The spans of these names, in this number.
    pub async fn named(&self, name: &str, count: usize) -> Vec<Seen> {
        let of = |spans: &[Seen]| spans.iter().filter(|span| span.name == name).cloned().collect::<Vec<_>>();
        let all = self.wait(&format!("{count} × `{name}`"), |spans| of(spans).len() >= count).await;
        let found = of(&all);
        assert_eq!(found.len(), count, "{found:#?}");
        found
    }
}

async fn take(State(inside): State<Arc<Inside>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    inside.asked.fetch_add(1, Ordering::Relaxed);
    let status = inside.status.load(Ordering::Relaxed);
    if status == 0 {
        std::future::pending::<()>().await;
    }
    if status == 200 {
        assert_eq!(headers["content-type"], "application/x-protobuf");
        let request = ExportTraceServiceRequest::decode(body).expect("OTLP");
        inside.spans.lock().expect("no panic").extend(read(request));
        inside.headers.lock().expect("no panic").push(headers);
    }
    StatusCode::from_u16(status).expect("a status")
}

fn read(request: ExportTraceServiceRequest) -> Vec<Seen> {
    let mut all = Vec::new();
    for group in request.resource_spans {
        let resource = attributes(group.resource.map(|resource| resource.attributes).unwrap_or_default());
        let spans = group.scope_spans.into_iter().flat_map(|scope| scope.spans);
        all.extend(spans.map(|span| seen(span, resource.clone())));
    }
    all
}

fn seen(span: Span, resource: BTreeMap<String, String>) -> Seen {
    let links = span.links.into_iter().map(|link| {
        let what = attributes(link.attributes).remove("signalbox.link").unwrap_or_default();
        (what, hex(&link.trace_id), hex(&link.span_id))
    });
    Seen {
        kind: ["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"]
            [usize::try_from(span.kind).expect("a kind")],
        trace: hex(&span.trace_id),
        id: hex(&span.span_id),
        parent: hex(&span.parent_span_id),
        links: links.collect(),
        links_dropped: span.dropped_links_count,
        attributes: attributes(span.attributes),
        events: span.events.into_iter().map(|event| event.name).collect(),
        state: span.trace_state,
        failed: span.status.is_some_and(|status| status.code == 2),
        name: span.name,
        resource,
    }
}

fn attributes(all: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value: Option<AnyValue>| match value.and_then(|value| value.value) {
        Some(any_value::Value::StringValue(text)) => text,
        Some(any_value::Value::IntValue(number)) => number.to_string(),
        Some(any_value::Value::DoubleValue(number)) => number.to_string(),
        Some(any_value::Value::BoolValue(is)) => is.to_string(),
        other => panic!("an attribute of another type: {other:?}"),
    };
    all.into_iter().map(|one| (one.key, text(one.value))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}
