//! The request half, whole: accept, then append and wait for the fsync, or hand over and wait for the destinations.

use super::accept::{self, Accepted, Policy};
use super::outcome::{Lenient, Receipt, Rejection};
use super::{Gateway, Incoming, Phase, threads};
use crate::codes::Code;
use crate::config::gateway::Ack;
use crate::log::record::Record;
use crate::log::{AppendError, Log, NewEntry};
use crate::observability::spans::request::RequestTrace;
use crate::reload::snapshot::Snapshot;
use crate::units::Micros;
use std::sync::Arc;

/// Decodes, validates and routes one request, then stores it or hands it over, as its listener acknowledges. Resolves when its
/// events are durable, or refused. `trace` is told what was done.
pub async fn receive(
    gateway: &Gateway,
    policy: &Policy,
    incoming: Incoming<'_>,
    trace: &mut RequestTrace,
) -> Result<Receipt, Rejection> {
    let phase = *gateway.phase.borrow();
    if phase != Phase::Ready {
        return Err(refused(Code::Draining, "the gateway is not taking events now", trace));
    }
    let snapshot = gateway.snapshots.current();
    let content_type = incoming.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let is_long =
        snapshot.table.runs_programs() || threads::is_long(incoming.body.len(), content_type.map(|(_, value)| *value));
    let accept = || accept::accept(incoming, &snapshot, policy, Micros::now(), trace);
    let accepted = threads::run(is_long, accept)?;
    let seen = for_shadows(&snapshot, &accepted.entries);
    let receipt = match (policy.ack, &gateway.durable, &gateway.handovers) {
        (Ack::Log, Some(durable), _) => store(&durable.log, accepted, trace).await?,
        (Ack::Destinations, _, Some(handovers)) => {
            handovers.take(accepted, policy.ack_timeout, trace.context()).await?
        }
        // Both are made whenever a listener asks for them.
        _ => return Err(refused(Code::Internal, "what the listener acknowledges by is not there", trace)),
    };
    // Of a lenient batch with `ack: destinations`, that was not taken whole, nothing is shown.
    if receipt.stored.len() == seen.len() {
        for (stored, record) in receipt.stored.iter().zip(&seen).filter(|(stored, _)| !stored.duplicate) {
            gateway.shadows.show(&snapshot, stored.position, record);
        }
    }
    Ok(receipt)
}

async fn store(log: &Log, accepted: Accepted, trace: &mut RequestTrace) -> Result<Receipt, Rejection> {
    let Accepted { entries, batch, refused: not_taken } = accepted;
    let matched = entries.iter().map(|entry| !entry.record.decision.is_empty()).collect();
    let lenient = not_taken.map(|refused| Lenient { refused, trace_id: trace.context().trace_id_hex() });
    if entries.is_empty() {
        return Ok(Receipt { stored: Vec::new(), matched, batch, lenient });
    }
    let own: Vec<Code> = lenient.iter().flat_map(|lenient| &lenient.refused).map(|one| one.code).collect();
    let events = entries.len() + own.len();
    trace.append();
    match log.append(entries).await {
        Ok(stored) => {
            trace.appended(stored.iter().map(|one| (one.position, one.duplicate)));
            Ok(Receipt { stored, matched, batch, lenient })
        }
        Err(error) => {
            let rejection = not_stored(&error, trace);
            trace.not_appended(rejection.code);
            Err(rejection.of_events(events, own.into_iter()))
        }
    }
}

/// What shadow routes are to see once it is accepted; nothing where there are none.
fn for_shadows(snapshot: &Snapshot, entries: &[NewEntry]) -> Vec<Arc<Record>> {
    if !snapshot.table.has_shadows() {
        return Vec::new();
    }
    entries.iter().map(|entry| entry.record.clone()).collect()
}

fn not_stored(error: &AppendError, trace: &RequestTrace) -> Rejection {
    let code = match error {
        AppendError::Overloaded => Code::Overloaded,
        AppendError::Full { .. } => Code::LogFull,
        AppendError::Closed => Code::LogBroken,
    };
    refused(code, &error.to_string(), trace)
}

fn refused(code: Code, detail: &str, trace: &RequestTrace) -> Rejection {
    Rejection::of(code, detail.to_owned(), Vec::new(), trace.context().trace_id_hex())
}
