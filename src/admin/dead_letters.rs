//! `GET dead-letters`: events nobody tries again, newest first, with their data: the log may no longer have them.

use super::Admin;
use super::answer::{Outcome, Refusal};
use super::page::Page;
use super::query::Query;
use crate::cloudevents::json;
use crate::log::record;
use crate::state::{DeadLetter, Reason};
use crate::units::Micros;
use axum::extract::{RawQuery, State};
use serde::Serialize;
use std::sync::Arc;

/// Dead letters read at once, each with its whole event.
const CHUNK: usize = 32;

#[derive(Serialize)]
struct DeadLetterView<'a> {
    position: u64,
    route: &'a str,
    name: &'a str,
    destination: &'a str,
    reason: Reason,
    detail: &'a str,
    at: Micros,
    attempts: u32,
}

/// A page of dead letters. `next` is a place in this list, not a position.
pub async fn list(State(admin): State<Arc<Admin>>, RawQuery(raw): RawQuery) -> Outcome {
    let query = Query::parse(raw.as_deref(), &["route", "limit", "after"])?;
    let state = &admin.durable()?.state;
    let (route, mut below, limit) = (query.text("route"), query.number("after")?, query.limit()?);
    let page = {
        let _turn = admin.turn().await;
        let mut page = Page::default();
        loop {
            let wanted = (page.missing(limit) + 1).min(CHUNK);
            let letters = state.dead_letters(route.clone(), below, wanted).await;
            let letters = letters.map_err(|error| Refusal::failed(&error))?;
            let exhausted = letters.len() < wanted;
            let mut full = false;
            for letter in letters {
                full = page.is_full(limit);
                if full {
                    break;
                }
                push(&mut page, &letter);
                below = Some(letter.sequence);
            }
            if full {
                page.next = below;
            }
            if full || exhausted {
                break page;
            }
        }
    };
    Ok(page.answer("dead-letters", &query))
}

fn push(page: &mut Page, letter: &DeadLetter) {
    let view = DeadLetterView {
        position: letter.position,
        route: &letter.lane.route,
        name: &letter.lane.name,
        destination: &letter.lane.destination,
        reason: letter.reason,
        detail: &letter.detail,
        at: letter.at,
        attempts: letter.attempts,
    };
    match record::decode(letter.record.clone()) {
        Ok(record) => page.push(&view, &json::write(&record.event)),
        Err(error) => {
            tracing::error!(position = letter.position, %error, "the event of a dead letter cannot be read");
            page.push(&view, b"null");
        }
    }
}
