//! One request: path and method, body, pipeline, answer.

use super::counters::Counters;
use super::prefer;
use super::respond::{self, Answer, Reply};
use crate::codes::Code;
use crate::config::gateway::Webhook;
use crate::observability::spans::Spans;
use crate::observability::spans::request::{RequestTrace, Served};
use crate::observability::trace::caller::Caller;
use crate::observability::trace::{Ids, TraceTrust};
use crate::pipeline::accept::Policy;
use crate::pipeline::budget::Budget;
use crate::pipeline::outcome::{Lenient, Receipt, Rejection};
use crate::pipeline::receive::receive;
use crate::pipeline::rejections::Rejections;
use crate::pipeline::{Gateway, Incoming};
use crate::server::body::{self, Failure};
use crate::server::{Abort, Exchange, Handler};
use bytes::Bytes;
use bytestring::ByteString;
use http::header::{CONNECTION, HeaderMap, HeaderValue, USER_AGENT};
use http::{Method, Request, Version};
use http_body_util::Full;
use hyper::body::Body as _;
use std::sync::Arc;
use std::time::Duration;

/// The request half of the pipeline, as far as HTTP sees it; a test puts another one here.
pub trait Receive: Send + Sync + 'static {
    /// Resolves when the events are durable, or refused and nothing stored.
    /// `trace` is that of the request.
    fn receive(
        &self,
        incoming: Incoming<'_>,
        trace: &mut RequestTrace,
    ) -> impl Future<Output = Result<Receipt, Rejection>> + Send;
}

/// The gateway as one listener uses it.
pub struct Door {
    /// What all listeners share.
    pub gateway: Arc<Gateway>,
    /// What this listener asks of a request.
    pub policy: Policy,
}

impl Receive for Door {
    fn receive(
        &self,
        incoming: Incoming<'_>,
        trace: &mut RequestTrace,
    ) -> impl Future<Output = Result<Receipt, Rejection>> + Send {
        receive(&self.gateway, &self.policy, incoming, trace)
    }
}

/// Everything a listener's requests need.
pub struct Ingress<R> {
    /// Where events go.
    pub receiver: R,
    /// Name of the listener.
    pub listener: ByteString,
    /// Bytes of a body, before and after decompression.
    pub body_bytes: usize,
    /// From the first byte of a head to the last of its body.
    pub request_timeout: Duration,
    /// Bytes of all bodies together.
    pub budget: Arc<Budget>,
    /// The metrics.
    pub counters: Counters,
    /// The last refused requests.
    pub rejections: Arc<Rejections>,
    /// What becomes of a caller's trace.
    pub trace: TraceTrust,
    /// Where the spans of requests go.
    pub spans: Spans,
    /// Who may send as a web hook.
    pub webhook: Webhook,
}

/// A listener's [`Ingress`], shared by its connections.
pub struct Shared<R>(pub Arc<Ingress<R>>);

impl<R> Clone for Shared<R> {
    fn clone(&self) -> Self {
        Shared(Arc::clone(&self.0))
    }
}

impl<R: Receive> Handler for Shared<R> {
    type Body = Full<Bytes>;

    async fn handle(self, request: Request<hyper::body::Incoming>, exchange: Exchange) -> Result<Answer, Abort> {
        self.0.answer(request, &exchange).await
    }
}

/// What a request asks for, by method and path.
enum Asked {
    Publish,
    Options,
    Nothing(Code),
}

fn asked(method: &Method, path: &str) -> Asked {
    match (path, method) {
        ("/" | "/events", &Method::POST) => Asked::Publish,
        ("/" | "/events" | "*", &Method::OPTIONS) => Asked::Options,
        ("/" | "/events", _) => Asked::Nothing(Code::MethodNotAllowed),
        _ => Asked::Nothing(Code::NotFound),
    }
}

impl<R: Receive> Ingress<R> {
    async fn answer(&self, request: Request<hyper::body::Incoming>, exchange: &Exchange) -> Result<Answer, Abort> {
        let (mut head, mut body) = request.into_parts();
        let mut trace = self.begin_trace(&head);
        let read = match asked(&head.method, head.uri.path()) {
            Asked::Publish => self.publish(&mut head.headers, &mut body, exchange, &mut trace).await,
            Asked::Options => Ok(respond::options(&self.webhook, &head.headers)),
            Asked::Nothing(code) => Err(local(&trace, code, "events are sent with POST to `/` or `/events`")),
        };
        let (answer, code) = match read {
            Ok(answer) => (Ok(answer), None),
            Err(rejection) => (self.refuse(&rejection), Some(rejection.code)),
        };
        trace.finish(answer.as_ref().ok().map(|answer| answer.status().as_u16()), code);
        let mut answer = answer?;
        if !body.is_end_stream() {
            exchange.leave_unread();
            if !exchange.is_http2() {
                answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
        }
        Ok(answer)
    }

    async fn publish(
        &self,
        headers: &mut HeaderMap,
        body: &mut hyper::body::Incoming,
        exchange: &Exchange,
        trace: &mut RequestTrace,
    ) -> Result<Answer, Rejection> {
        let mut share = self.budget.share();
        let deadline = exchange.started() + self.request_timeout;
        let read = async {
            let raw = body::read(body, self.body_bytes, deadline, &mut share).await?;
            body::decompressed(headers, raw, self.body_bytes, &mut share).await
        };
        let body = match read.await {
            Ok(body) => body,
            Err(Failure { code, detail }) => return Err(local(trace, code, &detail)),
        };
        let named = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let incoming = Incoming { headers: named, body, producer: None, lenient: prefer::is_lenient(headers) };
        let receipt = self.receiver.receive(incoming, trace).await?;
        self.counters.receipt(&receipt);
        self.note_refused(&receipt);
        let mut emptied = std::mem::take(headers);
        emptied.clear();
        Ok(respond::accepted(&receipt, emptied))
    }

    /// What was not taken of a lenient batch is no rejection to its sender, but it is one to the operator.
    fn note_refused(&self, receipt: &Receipt) {
        let Some(rejection) = receipt.lenient.as_ref().and_then(Lenient::rejection) else { return };
        if let Reply::Status(status) = respond::reply(rejection.code) {
            self.rejections.note(&self.listener, None, status.as_u16(), &rejection);
        }
    }

    /// Every caller is anonymous as long as listeners ask for no credentials: its sampled flag is not believed.
    fn begin_trace(&self, head: &http::request::Parts) -> RequestTrace {
        let named = |name| head.headers.get_all(name).iter().map(HeaderValue::as_bytes);
        let caller = Caller::of(named("traceparent"), named("tracestate"));
        let mut trace = RequestTrace::begin(&self.spans, caller, self.trace, false, Ids::default());
        trace.served(|| Served {
            method: head.method.as_str(),
            path: head.uri.path(),
            route: ["/", "/events"].into_iter().find(|known| *known == head.uri.path()),
            version: if head.version == Version::HTTP_2 { "2" } else { "1.1" },
            agent: head.headers.get(USER_AGENT).and_then(|value| value.to_str().ok()),
        });
        trace
    }

    fn refuse(&self, rejection: &Rejection) -> Result<Answer, Abort> {
        self.counters.rejection(rejection);
        match respond::reply(rejection.code) {
            Reply::Silence => Err(Abort),
            Reply::Status(status) => {
                self.rejections.note(&self.listener, None, status.as_u16(), rejection);
                Ok(respond::refused(rejection, status))
            }
        }
    }
}

/// A rejection made before the pipeline saw the request.
fn local(trace: &RequestTrace, code: Code, detail: &str) -> Rejection {
    let trace_id = trace.context().trace_id_hex();
    Rejection::of(code, detail.to_owned(), Vec::new(), trace_id)
}
