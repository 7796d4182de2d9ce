//! `POST explain`: an event in, what would happen and why; nothing is stored and nothing sent.

use super::Admin;
use super::answer::{self, Outcome, Refusal};
use super::query::{Query, bad};
use crate::deliver::entry::DeliverEntry;
use crate::observability::spans::Spans;
use crate::observability::spans::request::RequestTrace;
use crate::observability::trace::caller::Caller;
use crate::observability::trace::{Ids, TraceTrust};
use crate::pipeline::accept::Policy;
use crate::pipeline::explain::explain;
use crate::pipeline::explain::view::View;
use crate::pipeline::outcome::Rejection;
use crate::pipeline::{Gateway, Incoming};
use crate::server::body;
use crate::units::Micros;
use axum::extract::{RawQuery, Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use std::sync::Arc;
use tokio::time::Instant;

/// Explains a request that is made as to the first listener.
pub async fn show(State(admin): State<Arc<Admin>>, RawQuery(raw): RawQuery, request: Request) -> Outcome {
    Query::parse(raw.as_deref(), &[])?;
    let gateway = admin.gateway.clone();
    let limits = gateway.config.limits;
    let most = usize::try_from(limits.body_bytes.0).unwrap_or(usize::MAX);
    let (head, mut body) = request.into_parts();
    let named = |name| head.headers.get_all(name).iter().map(HeaderValue::as_bytes);
    let caller = Caller::of(named("traceparent"), named("tracestate"));
    let trace = RequestTrace::begin(&Spans::default(), caller, TraceTrust::Continue, false, Ids::default());
    let refused = |failure: body::Failure| {
        let trace_id = trace.context().trace_id_hex();
        Refusal::from(Rejection::of(failure.code, failure.detail, Vec::new(), trace_id))
    };
    let mut share = gateway.bodies.share();
    let deadline = Instant::now() + limits.request_timeout.0.min(crate::server::LONGEST);
    let read = body::read(&mut body, most, deadline, &mut share).await.map_err(refused)?;
    let read = body::decompressed(&head.headers, read, most, &mut share).await.map_err(refused)?;
    let _turn = admin.turn().await;
    // Ten thousand routes are evaluated one by one, and programs run.
    let explained = tokio::task::spawn_blocking(move || explained(&gateway, &head.headers, read, trace));
    let answer = explained.await.map_err(|error| Refusal::failed(&error))?;
    // The body counts until it was looked at.
    drop(share);
    answer
}

fn explained(
    gateway: &Gateway,
    headers: &HeaderMap,
    body: Bytes,
    mut trace: RequestTrace,
) -> Result<Response, Refusal> {
    let listener = gateway.config.listeners.first().ok_or_else(|| bad("there is no listener"))?;
    let policy = Policy::new(listener, &gateway.config, gateway.fingerprints);
    let snapshot = gateway.snapshots.current();
    let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let incoming = Incoming { headers, body, producer: None, lenient: false };
    let explanation = explain(incoming, &snapshot, &policy, Micros::now(), &mut trace)?;
    let partition = |entry: &DeliverEntry, topic: &str, key: &str| {
        gateway.destinations.get(&entry.lane.destination)?.partition(topic, key)
    };
    Ok(answer::json(&View::new(&explanation, &partition)))
}
