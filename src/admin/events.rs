//! `GET events`: the log, newest first, by attribute, time, trace, route and status; with the data of the events where it is
//! asked for.

use super::Admin;
use super::answer::{Outcome, Refusal};
use super::page::Page;
use super::query::{self, Query};
use super::sift::Sieve;
use super::status::Status;
use crate::cloudevents::json;
use crate::log;
use crate::log::record::Entry;
use crate::units::Micros;
use axum::extract::{RawQuery, State};
use serde::Serialize;
use std::sync::Arc;

/// Events read at once: what a page costs in memory while it is written.
const CHUNK: usize = 51;
/// Chunks read for one page at most. A page may then hold fewer events than asked for, or none, and still have a
/// `next`.
const CHUNKS: usize = 100;

const KNOWN: &[&str] = &[
    "filter",
    "type",
    "source",
    "subject",
    "id",
    "since",
    "until",
    "trace",
    "correlation",
    "route",
    "status",
    "limit",
    "after",
    "data",
];

/// What the log's own indexes do not know.
#[derive(Debug, Clone)]
struct Wanted {
    sieve: Sieve,
    status: Option<Status>,
    /// Events are shown with their data.
    data: bool,
}

#[derive(Serialize)]
struct Summary<'a> {
    position: u64,
    received: Micros,
    listener: &'a str,
    producer: Option<&'a str>,
    status: Status,
}

/// A page of the log.
pub async fn list(State(admin): State<Arc<Admin>>, RawQuery(raw): RawQuery) -> Outcome {
    let query = Query::parse(raw.as_deref(), KNOWN)?;
    let sieve = Sieve::new(query.text("filter").as_deref())?;
    let status = match query.text("status") {
        None => None,
        Some(name) => Some(Status::named(&name).ok_or_else(|| {
            query::bad(format!("`status` is one of pending, delivered, dead and unmatched, not `{name}`"))
        })?),
    };
    let search = log::Query {
        ty: query.text("type"),
        source: query.text("source"),
        subject: query.text("subject"),
        id: query.text("id"),
        trace: query.trace()?,
        correlation: query.text("correlation"),
        since: query.time("since")?,
        until: query.time("until")?,
        route: query.text("route"),
        below: query.number("after")?,
    };
    let page = read(&admin, search, Wanted { sieve, status, data: query.flag("data")? }, query.limit()?).await?;
    Ok(page.answer("events", &query))
}

async fn read(admin: &Arc<Admin>, mut search: log::Query, wanted: Wanted, limit: usize) -> Result<Page, Refusal> {
    let _turn = admin.turn().await;
    let mut page = Page::default();
    for _ in 0..CHUNKS {
        // One more than missing tells whether there is another page.
        let count = (page.missing(limit) + 1).min(CHUNK);
        let entries = read_chunk(admin, search.clone(), &wanted, count).await?;
        let exhausted = entries.len() < count;
        for (entry, found) in entries {
            if page.is_full(limit) {
                page.next = search.below;
                return Ok(page);
            }
            search.below = Some(entry.position);
            if wanted.sieve.fits(&entry.record.event) && wanted.status.is_none_or(|status| status == found) {
                push(&mut page, &entry, found, wanted.data);
            }
        }
        if exhausted {
            return Ok(page);
        }
        if wanted.sieve.is_done() {
            break;
        }
    }
    page.next = search.below;
    Ok(page)
}

fn push(page: &mut Page, entry: &Entry, status: Status, data: bool) {
    let record = &entry.record;
    let summary = Summary {
        position: entry.position,
        received: record.received,
        listener: &record.listener,
        producer: record.producer.as_deref(),
        status,
    };
    let event = if data { json::write(&record.event) } else { json::write_without_data(&record.event) };
    page.push(&summary, &event);
}

async fn read_chunk(
    admin: &Arc<Admin>,
    search: log::Query,
    wanted: &Wanted,
    limit: usize,
) -> Result<Vec<(Arc<Entry>, Status)>, Refusal> {
    let durable = admin.durable()?;
    let delivery = durable.delivery.clone();
    let Wanted { sieve, status, .. } = wanted.clone();
    let keep = Arc::new(move |entry: &Entry| {
        status.is_none_or(|status| status.is_possible(entry, &delivery)) && sieve.takes(&entry.record.event)
    });
    let entries = durable.log.query(search, limit, keep).await.map_err(|error| Refusal::failed(&error))?;
    let routed = entries.iter().filter(|entry| !entry.record.decision.is_empty());
    let positions: Vec<u64> = routed.map(|entry| entry.position).collect();
    let dead = if positions.is_empty() {
        Vec::new()
    } else {
        durable.state.dead_among(positions).await.map_err(|error| Refusal::failed(&error))?
    };
    let with_status = |entry: Arc<Entry>| {
        let status = Status::of(&entry, dead.contains(&entry.position), &durable.delivery);
        (entry, status)
    };
    Ok(entries.into_iter().map(with_status).collect())
}
