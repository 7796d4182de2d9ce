//! The request half, whole: accept, append, wait for the fsync.

use super::accept::{self, Accepted, Policy};
use super::outcome::{Receipt, Rejection};
use super::{Gateway, Incoming, Phase};
use crate::codes::Code;
use crate::log::AppendError;
use crate::observability::trace::Ids;
use crate::units::Micros;
use tokio::runtime::{Handle, RuntimeFlavor};

/// Larger bodies are parsed and validated off the async threads, so that one client's batch does not hold up the others.
const INLINE_BYTES: usize = 64 * 1024;

/// Decodes, validates, routes and stores one request. Resolves when its events are durable, or refused and nothing stored.
pub async fn receive(gateway: &Gateway, policy: &Policy, incoming: Incoming<'_>) -> Result<Receipt, Rejection> {
    let phase = *gateway.phase.borrow();
    if phase != Phase::Ready {
        return Err(refused(Code::Draining, "the gateway is not taking events now"));
    }
    let snapshot = gateway.snapshots.current();
    let bytes = incoming.body.len();
    let accept = || accept::accept(incoming, &snapshot, policy, Micros::now(), &mut Ids::default());
    let Accepted { entries, batch, trace } = off_the_async_threads_if_large(bytes, accept)?;
    let matched = entries.iter().map(|entry| !entry.record.decision.is_empty()).collect();
    if entries.is_empty() {
        return Ok(Receipt { stored: Vec::new(), matched, batch });
    }
    let events = entries.len();
    match gateway.log.append(entries).await {
        Ok(stored) => Ok(Receipt { stored, matched, batch }),
        Err(error) => Err(Rejection { trace_id: trace.trace_id_hex(), events, ..not_stored(&error) }),
    }
}

fn not_stored(error: &AppendError) -> Rejection {
    let code = match error {
        AppendError::Overloaded => Code::Overloaded,
        AppendError::Full { .. } => Code::LogFull,
        AppendError::Closed => Code::LogBroken,
    };
    refused(code, &error.to_string())
}

fn refused(code: Code, detail: &str) -> Rejection {
    Rejection {
        code,
        detail: detail.to_owned(),
        errors: Vec::new(),
        trace_id: Ids::default().root().trace_id_hex(),
        events: 0,
    }
}

fn off_the_async_threads_if_large<T>(bytes: usize, accept: impl FnOnce() -> T) -> T {
    let can_move = Handle::try_current().is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread);
    if bytes > INLINE_BYTES && can_move { tokio::task::block_in_place(accept) } else { accept() }
}
