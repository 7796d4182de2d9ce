//! The snapshots that ran, and the way back to one: `GET routes/history`, `POST routes/rollback` (routing.md §5).

use super::Admin;
use super::answer::{self, Outcome, Refusal};
use super::query::{self, Query};
use crate::codes::Code;
use crate::reload::RollbackError;
use crate::reload::history::Entry;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A version is 16 digits; this is room enough for any spelling of the body.
const LARGEST_BODY: usize = 4 << 10;

#[derive(Serialize)]
struct History {
    history: Vec<Entry>,
}

/// Every snapshot kept, newest first.
pub async fn history(State(admin): State<Arc<Admin>>, RawQuery(raw): RawQuery) -> Outcome {
    Query::parse(raw.as_deref(), &[])?;
    Ok(answer::json(&History { history: admin.gateway.snapshots.history() }))
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    version: Option<String>,
}

#[derive(Serialize)]
struct RolledBack<'a> {
    version: &'a str,
    before: &'a str,
}

/// Makes an earlier snapshot the current one.
pub async fn rollback(State(admin): State<Arc<Admin>>, RawQuery(raw): RawQuery, body: Body) -> Outcome {
    Query::parse(raw.as_deref(), &[])?;
    let body = axum::body::to_bytes(body, LARGEST_BODY).await;
    let body = body.map_err(|error| query::bad(format!("the body cannot be read: {error}")))?;
    let wanted: Wanted = if body.trim_ascii().is_empty() {
        Wanted::default()
    } else {
        serde_json::from_slice(&body)
            .map_err(|error| query::bad(format!("the body is `{{\"version\": \"…\"}}`, or nothing: {error}")))?
    };
    let snapshots = admin.gateway.snapshots.clone();
    let before = snapshots.current().version.clone();
    let done = tokio::task::spawn_blocking(move || snapshots.roll_back(wanted.version.as_deref())).await;
    let done = done.map_err(|error| Refusal::failed(&error))?;
    let snapshot = done.map_err(|error| {
        let code = match &error {
            RollbackError::Unknown(_) | RollbackError::NoneBefore => Code::UnknownSnapshot,
            RollbackError::Problems { .. } => Code::StaleSnapshot,
        };
        Refusal::new(code, error.to_string())
    })?;
    Ok(answer::json(&RolledBack { version: &snapshot.version, before: &before }))
}
