//! One request: path and method, body, pipeline, answer.

use super::body::{self, Failure};
use super::counters::Counters;
use super::prefer;
use super::respond::{self, Answer, Reply};
use crate::codes::Code;
use crate::config::gateway::Webhook;
use crate::observability::trace::{Ids, TraceContext};
use crate::pipeline::accept::Policy;
use crate::pipeline::budget::Budget;
use crate::pipeline::outcome::{Lenient, Receipt, Rejection};
use crate::pipeline::receive::receive;
use crate::pipeline::rejections::Rejections;
use crate::pipeline::{Gateway, Incoming};
use crate::server::{Abort, Exchange, Handler};
use bytes::Bytes;
use bytestring::ByteString;
use http::header::{CONNECTION, HeaderMap, HeaderValue};
use http::{Method, Request};
use http_body_util::Full;
use hyper::body::Body as _;
use std::sync::Arc;
use std::time::Duration;

/// The request half of the pipeline, as far as HTTP sees it; a test puts another one here.
pub trait Receive: Send + Sync + 'static {
    /// Resolves when the events are durable, or refused and nothing stored.
    fn receive(&self, incoming: Incoming<'_>) -> impl Future<Output = Result<Receipt, Rejection>> + Send;
}

/// The gateway as one listener uses it.
pub struct Door {
    /// What all listeners share.
    pub gateway: Arc<Gateway>,
    /// What this listener asks of a request.
    pub policy: Policy,
}

impl Receive for Door {
    fn receive(&self, incoming: Incoming<'_>) -> impl Future<Output = Result<Receipt, Rejection>> + Send {
        receive(&self.gateway, &self.policy, incoming)
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
        let read = match asked(&head.method, head.uri.path()) {
            Asked::Publish => self.publish(&mut head.headers, &mut body, exchange).await,
            Asked::Options => Ok(respond::options(&self.webhook, &head.headers)),
            Asked::Nothing(code) => Err(local(&head.headers, code, "events are sent with POST to `/` or `/events`")),
        };
        let mut answer = match read {
            Ok(answer) => answer,
            Err(rejection) => self.refuse(&rejection)?,
        };
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
    ) -> Result<Answer, Rejection> {
        let mut share = self.budget.share();
        let deadline = exchange.started() + self.request_timeout;
        let read = async {
            let raw = body::read(body, self.body_bytes, deadline, &mut share).await?;
            body::decompressed(headers, raw, self.body_bytes, &mut share).await
        };
        let body = match read.await {
            Ok(body) => body,
            Err(Failure { code, detail }) => return Err(local(headers, code, &detail)),
        };
        let named = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let incoming = Incoming { headers: named, body, producer: None, lenient: prefer::is_lenient(headers) };
        let receipt = self.receiver.receive(incoming).await?;
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
fn local(headers: &HeaderMap, code: Code, detail: &str) -> Rejection {
    let caller = headers.get("traceparent").and_then(|value| TraceContext::parse(value.to_str().ok()?));
    let trace = caller.unwrap_or_else(|| Ids::default().root());
    Rejection { code, detail: detail.to_owned(), errors: Vec::new(), trace_id: trace.trace_id_hex(), events: 0 }
}
