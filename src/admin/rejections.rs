//! `GET rejections`: the last refused requests, newest first, without their payloads.

use super::Admin;
use super::answer::{self, Outcome};
use super::query::Query;
use crate::pipeline::rejections::Refused;
use crate::units::Micros;
use axum::extract::{RawQuery, State};
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize)]
struct Rejections<'a> {
    rejections: Vec<RejectionView<'a>>,
}

#[derive(Serialize)]
struct RejectionView<'a> {
    time: Micros,
    listener: &'a str,
    producer: Option<&'a str>,
    status: u16,
    code: String,
    detail: &'a str,
    problems: Vec<ProblemView<'a>>,
    trace_id: &'a str,
}

#[derive(Serialize)]
struct ProblemView<'a> {
    pointer: &'a str,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<usize>,
}

/// The last ones.
pub async fn list(State(admin): State<Arc<Admin>>, RawQuery(raw): RawQuery) -> Outcome {
    let limit = Query::parse(raw.as_deref(), &["limit"])?.limit()?;
    let newest = admin.gateway.rejections.newest(limit);
    Ok(answer::json(&Rejections { rejections: newest.iter().map(|refused| view(refused)).collect() }))
}

fn view(refused: &Refused) -> RejectionView<'_> {
    let problems = refused.problems.iter().map(|fault| ProblemView {
        pointer: &fault.pointer,
        detail: &fault.detail,
        index: fault.index,
    });
    RejectionView {
        time: refused.time,
        listener: &refused.listener,
        producer: refused.producer.as_deref(),
        status: refused.status,
        code: refused.code.to_string(),
        detail: &refused.detail,
        problems: problems.collect(),
        trace_id: &refused.trace_id,
    }
}
