//! What a shadow route would have done: `GET routes/{name}/shadow` (routing.md §1).

use super::Admin;
use super::answer::{self, Outcome, Refusal};
use super::query::Query;
use crate::codes::Code;
use crate::pipeline::shadow::{Counts, Differing};
use axum::extract::{Path, RawQuery, State};
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the names are those of the API")]
struct Shadow<'a> {
    route: &'a str,
    of: Option<&'a str>,
    shadow_counts: Counts,
    differing: Vec<Differing>,
}

/// The counts of one shadow route, and its last differing events, newest first.
pub async fn show(State(admin): State<Arc<Admin>>, Path(name): Path<String>, RawQuery(raw): RawQuery) -> Outcome {
    Query::parse(raw.as_deref(), &[])?;
    let snapshot = admin.gateway.snapshots.current();
    let route = snapshot.table.named(&name);
    let Some((route, shadow)) = route.and_then(|route| Some((route, route.shadow.as_ref()?))) else {
        let shown: String = name.chars().take(100).collect();
        let detail = match route {
            Some(_) => format!("route `{shown}` is no shadow route"),
            None => format!("there is no route `{shown}`"),
        };
        return Err(Refusal::new(Code::NotFound, detail));
    };
    let report = admin.gateway.shadows.report(&name);
    Ok(answer::json(&Shadow {
        route: &route.name,
        of: shadow.of.as_deref(),
        shadow_counts: report.counts,
        differing: report.differing.into_iter().rev().collect(),
    }))
}
