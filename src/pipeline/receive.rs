//! The request half, whole: accept, append, wait for the fsync.

use super::accept::{self, Accepted, Policy};
use super::outcome::{Receipt, Rejection};
use super::{Gateway, Incoming, Phase};
use crate::cloudevents::media_type::MediaType;
use crate::codes::Code;
use crate::log::AppendError;
use crate::observability::trace::Ids;
use crate::units::Micros;
use tokio::runtime::{Handle, RuntimeFlavor};

/// Larger bodies are parsed and validated off the async threads, so that one client's batch does not hold up the others.
const INLINE_BYTES: usize = 64 * 1024;
/// The same for XML, which takes longer to parse.
const INLINE_XML_BYTES: usize = 4 * 1024;

/// Decodes, validates, routes and stores one request. Resolves when its events are durable, or refused and nothing stored.
pub async fn receive(gateway: &Gateway, policy: &Policy, incoming: Incoming<'_>) -> Result<Receipt, Rejection> {
    let phase = *gateway.phase.borrow();
    if phase != Phase::Ready {
        return Err(refused(Code::Draining, "the gateway is not taking events now"));
    }
    let snapshot = gateway.snapshots.current();
    let inline = incoming.body.len() <= if is_xml(&incoming) { INLINE_XML_BYTES } else { INLINE_BYTES };
    let accept = || accept::accept(incoming, &snapshot, policy, Micros::now(), &mut Ids::default());
    let Accepted { entries, batch, trace } = if inline { accept() } else { off_the_async_threads(accept) }?;
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

fn is_xml(incoming: &Incoming<'_>) -> bool {
    let content_type = incoming.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let media_type = content_type.and_then(|(_, value)| str::from_utf8(value).ok()).and_then(MediaType::parse);
    let event_media = media_type.and_then(|media_type| media_type.event_media());
    event_media.is_some_and(|media| media.format.eq_ignore_ascii_case("xml"))
}

fn off_the_async_threads<T>(accept: impl FnOnce() -> T) -> T {
    let can_move = Handle::try_current().is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread);
    if can_move { tokio::task::block_in_place(accept) } else { accept() }
}
