//! `GET events/{position}`: one event with everything that was decided about it and everything that became of it.

use super::Admin;
use super::answer::{self, Outcome, Refusal};
use super::query::Query;
use super::status::Status;
use crate::cloudevents::json;
use crate::codes::Code;
use crate::deliver::dispatcher::OpenStatus;
use crate::lane_name::LaneName;
use crate::log::record::Entry;
use crate::pipeline::{Durable, Gateway, dispatch};
use crate::route::RouteVerdict;
use crate::state::{Attempt, DeliveryRecord, RecordedStatus};
use crate::units::Micros;
use axum::extract::{Path, RawQuery, State};
use serde::Serialize;
use std::collections::HashSet;
use std::sync::Arc;

#[derive(Serialize)]
struct Detail<'a> {
    position: u64,
    received: Micros,
    listener: &'a str,
    producer: Option<&'a str>,
    status: Status,
    verdict: Verdict<'a>,
    routes: Vec<RouteVerdict>,
    deliveries: Vec<DeliveryView<'a>>,
}

#[derive(Serialize)]
struct Verdict<'a> {
    schema: Option<&'a str>,
    valid: bool,
}

#[derive(Debug, Serialize)]
struct DeliveryView<'a> {
    route: &'a str,
    name: &'a str,
    destination: &'a str,
    /// `None` of `discard`, and where it cannot be filled.
    target: Option<String>,
    key: Option<String>,
    status: DeliveryStatus,
    next_attempt: Option<Micros>,
    receipt: Option<String>,
    attempts: Vec<AttemptView>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum DeliveryStatus {
    Waiting,
    Delivering,
    Retrying,
    Delivered,
    Dead,
}

#[derive(Debug, Serialize)]
struct AttemptView {
    number: u32,
    started: Micros,
    ended: Micros,
    outcome: &'static str,
    code: Option<String>,
    detail: Option<String>,
}

/// One event.
pub async fn show(State(admin): State<Arc<Admin>>, Path(position): Path<String>, RawQuery(raw): RawQuery) -> Outcome {
    Query::parse(raw.as_deref(), &[])?;
    let durable = admin.durable()?;
    let number = position.parse().ok().filter(|_| position.bytes().all(|byte| byte.is_ascii_digit()));
    let entry = match number {
        Some(number) => durable.log.get(number).await.map_err(|error| Refusal::failed(&error))?,
        None => None,
    };
    let entry = entry.ok_or_else(|| {
        let shown: String = position.chars().take(30).collect();
        let (first, head) = (durable.log.first(), durable.log.head());
        let kept =
            if first > head { "the log is empty".to_owned() } else { format!("the log keeps {first} to {head}") };
        Refusal::new(Code::NotFound, format!("there is no event at position `{shown}`; {kept}"))
    })?;
    let deliveries = deliveries(&admin.gateway, durable, &entry).await?;
    let record = &entry.record;
    let detail = Detail {
        position: entry.position,
        received: record.received,
        listener: &record.listener,
        producer: record.producer.as_deref(),
        status: status(&deliveries),
        verdict: Verdict { schema: record.schema.as_deref(), valid: true },
        routes: routes(&admin.gateway, &entry).await,
        deliveries,
    };
    let mut out = Vec::new();
    answer::push_with_event(&mut out, &detail, &json::write(&record.event));
    Ok(answer::document(out))
}

/// The status of the event, by the deliveries shown beside it: one answer never contradicts itself.
fn status(deliveries: &[DeliveryView<'_>]) -> Status {
    let any = |status: DeliveryStatus| deliveries.iter().any(|delivery| delivery.status == status);
    if deliveries.is_empty() {
        Status::Unmatched
    } else if any(DeliveryStatus::Dead) {
        Status::Dead
    } else if deliveries.iter().all(|delivery| delivery.status == DeliveryStatus::Delivered) {
        Status::Delivered
    } else {
        Status::Pending
    }
}

/// The verdicts that were taken when the event was accepted, told by the snapshot that took them. Where the history no
/// longer has it, only the routes that matched are listed.
async fn routes(gateway: &Gateway, entry: &Entry) -> Vec<RouteVerdict> {
    let record = entry.record.clone();
    let snapshots = gateway.snapshots.clone();
    // An earlier snapshot is compiled again, and ten thousand routes are evaluated one by one.
    let explained = tokio::task::spawn_blocking(move || {
        let mut verdicts = snapshots.of_version(&record.snapshot)?.table.explain(&record.event);
        let taken: HashSet<&str> = record.decision.iter().map(|lane| &*lane.route).collect();
        for verdict in verdicts.iter_mut().filter(|verdict| !verdict.shadow) {
            verdict.matched = taken.contains(&*verdict.route);
        }
        Some(verdicts)
    });
    if let Ok(Some(verdicts)) = explained.await {
        return verdicts;
    }
    let record = &entry.record;
    let mut verdicts: Vec<RouteVerdict> = Vec::new();
    for lane in record.decision.iter() {
        if verdicts.iter().all(|verdict| verdict.route != *lane.route) {
            verdicts.push(RouteVerdict { route: lane.route.to_string(), matched: true, shadow: false, reason: None });
        }
    }
    verdicts
}

/// Every deliver entry of the decision. Whether a lane has settled the event is asked before what is recorded of it:
/// lanes record first and let go then.
async fn deliveries<'e>(
    gateway: &Gateway,
    durable: &Durable,
    entry: &'e Entry,
) -> Result<Vec<DeliveryView<'e>>, Refusal> {
    let lanes = &entry.record.decision;
    let open: Vec<Option<OpenStatus>> =
        lanes.iter().map(|lane| durable.delivery.open_status(lane, entry.position)).collect();
    let mut records = if lanes.iter().all(|lane| lane.settled_by_log()) {
        Vec::new()
    } else {
        durable.state.deliveries(entry.position).await.map_err(|error| Refusal::failed(&error))?
    };
    let mut views = Vec::with_capacity(lanes.len());
    for (lane, open) in lanes.iter().zip(open) {
        let record = records.iter().position(|record| record.lane.route == lane.route && record.lane.name == lane.name);
        let record = record.map(|at| records.swap_remove(at));
        views.push(match (&lane.stream, record) {
            (Some(stream), _) => settled_by_log(entry, lane, stream),
            (None, Some(record)) => recorded(lane, record, open),
            (None, None) => not_recorded(gateway, entry, lane, open),
        });
    }
    Ok(views)
}

fn settled_by_log<'e>(entry: &Entry, lane: &'e LaneName, stream: &str) -> DeliveryView<'e> {
    DeliveryView {
        route: &lane.route,
        name: &lane.name,
        destination: &lane.destination,
        target: Some(stream.to_owned()),
        key: None,
        status: DeliveryStatus::Delivered,
        next_attempt: None,
        receipt: Some(format!("position={}", entry.position)),
        attempts: vec![delivered_with_the_event(entry, None)],
    }
}

fn recorded(lane: &LaneName, record: DeliveryRecord, open: Option<OpenStatus>) -> DeliveryView<'_> {
    let status = match (record.status, open) {
        (RecordedStatus::Delivered, _) => DeliveryStatus::Delivered,
        (RecordedStatus::Dead, _) => DeliveryStatus::Dead,
        (RecordedStatus::Retrying, Some(OpenStatus::Delivering)) => DeliveryStatus::Delivering,
        (RecordedStatus::Retrying, _) => DeliveryStatus::Retrying,
    };
    DeliveryView {
        route: &lane.route,
        name: &lane.name,
        destination: &lane.destination,
        target: record.target.filter(|target| !target.is_empty()),
        key: record.key,
        status,
        next_attempt: record.next_attempt.filter(|_| status == DeliveryStatus::Retrying),
        receipt: record.receipt,
        attempts: record.attempts.iter().map(attempt).collect(),
    }
}

/// A delivery the state knows nothing of: no attempt has ended yet, or its record is gone with the retention.
fn not_recorded<'e>(
    gateway: &Gateway,
    entry: &Entry,
    lane: &'e LaneName,
    open: Option<OpenStatus>,
) -> DeliveryView<'e> {
    let deliver = gateway.snapshots.current().entry(lane);
    let target = deliver.as_ref().and_then(|deliver| match dispatch::preview(entry, deliver) {
        Ok(outgoing) => Some(deliver.target.shown(&outgoing.target)).filter(|target| !target.is_empty()),
        Err(error) => error.target,
    });
    let status = match open {
        Some(OpenStatus::Waiting) => DeliveryStatus::Waiting,
        Some(OpenStatus::Delivering) => DeliveryStatus::Delivering,
        Some(OpenStatus::Retrying) => DeliveryStatus::Retrying,
        None => DeliveryStatus::Delivered,
    };
    let gone = || delivered_with_the_event(entry, Some("the record of this delivery is no longer kept".to_owned()));
    DeliveryView {
        route: &lane.route,
        name: &lane.name,
        destination: &lane.destination,
        target,
        key: deliver.and_then(|deliver| dispatch::key(entry, &deliver)),
        status,
        next_attempt: None,
        receipt: None,
        attempts: if open.is_none() { vec![gone()] } else { Vec::new() },
    }
}

fn delivered_with_the_event(entry: &Entry, detail: Option<String>) -> AttemptView {
    let at = entry.record.received;
    AttemptView { number: 1, started: at, ended: at, outcome: "delivered", code: None, detail }
}

fn attempt(attempt: &Attempt) -> AttemptView {
    let failure = attempt.failure.as_ref();
    AttemptView {
        number: attempt.number,
        started: attempt.started,
        ended: attempt.ended,
        outcome: if failure.is_none() { "delivered" } else { "failed" },
        code: failure.map(|failure| failure.code.to_string()),
        detail: failure.map(|failure| failure.detail.clone()),
    }
}
