//! Probes: `/healthz` and `/readyz`. They answer any `Host`, and also while the log is broken.

use super::Admin;
use super::answer::{self, Refusal};
use super::query::Query;
use crate::pipeline::Phase;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use std::fmt::Write as _;
use std::sync::Arc;

const TEXT: &str = "text/plain; charset=utf-8";

/// The process lives.
pub async fn live() -> Response {
    answer::with_type(StatusCode::OK, TEXT, "ok\n".into())
}

/// The gateway takes events. Destinations that are down are listed with `?verbose` and change nothing: their events are
/// kept.
pub async fn ready(State(admin): State<Arc<Admin>>, RawQuery(raw): RawQuery) -> Result<Response, Refusal> {
    let verbose = match raw.as_deref() {
        Some("verbose") => true,
        other => Query::parse(other, &["verbose"])?.text("verbose").is_some_and(|value| value != "false"),
    };
    let phase = *admin.gateway.phase.borrow();
    let status = if phase == Phase::Ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut text = format!("{}\n", reason(phase));
    if verbose {
        let mark = if phase == Phase::Ready { '+' } else { '-' };
        text = format!("[{mark}] gateway: {}\n", reason(phase));
        for running in admin.gateway.destinations.list() {
            let mark = if running.health.healthy { '+' } else { '!' };
            let detail = running.health.detail.as_deref().unwrap_or("reachable");
            // Writing to a String cannot fail.
            writeln!(text, "[{mark}] destination {}: {detail}", running.name).unwrap_or_default();
        }
    }
    Ok(answer::with_type(status, TEXT, text.into()))
}

fn reason(phase: Phase) -> &'static str {
    match phase {
        Phase::Starting => "starting: the log is being opened",
        Phase::Ready => "ready",
        Phase::Draining => "draining: shutting down",
        Phase::Broken => "broken: the log cannot be written, the process is about to end",
    }
}
