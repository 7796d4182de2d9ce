//! `GET events/stream`: the log as server-sent events, live or from a position on; and, live and without `id:`, what listeners
//! with `ack: destinations` take.
//!
//! A reader is served at its own pace: it holds one piece in memory and reads the next one from the log when the socket
//! has taken the last. A reader that takes nothing at all is cut by the listener's timer.

use super::Admin;
use super::answer::{self, Outcome, Refusal};
use super::query::{self, Query};
use crate::cloudevents::json;
use crate::codes::Code;
use crate::log::record::{Entry, Record};
use crate::log::{Log, ReadError};
use axum::body::Body;
use axum::extract::{RawQuery, State};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, broadcast, watch};
use tokio::time::Instant;

/// Events and bytes of one piece.
const PIECE_EVENTS: usize = 64;
const PIECE_BYTES: usize = 256 << 10;
/// Silence after which a comment tells that the connection lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// A named stream also gets events that a lane stores beside older ones, which no new head announces.
const NAMED_STREAM_POLL: Duration = Duration::from_millis(250);

/// The stream.
pub async fn follow(State(admin): State<Arc<Admin>>, RawQuery(raw): RawQuery, headers: HeaderMap) -> Outcome {
    let query = Query::parse(raw.as_deref(), &["stream"])?;
    let stream = query.text("stream");
    let last = headers.get("last-event-id").map(|value| last_event_id(value.as_bytes())).transpose()?;
    let log = match &admin.gateway.durable {
        // Named streams and older events are those of the log.
        None if stream.is_some() || last.is_some() => Some(LogPart::from(&admin.durable()?.log, last)),
        durable => durable.as_ref().map(|durable| LogPart::from(&durable.log, last)),
    };
    let live = admin.gateway.handovers.as_ref().filter(|_| stream.is_none()).map(|handovers| handovers.live().watch());
    let permit = Arc::clone(&admin.streams)
        .try_acquire_owned()
        .map_err(|_| Refusal::new(Code::Overloaded, "too many streams are open"))?;
    let reader = Reader { log, live, stream, spoke: Instant::now(), greeted: false, admin, _permit: permit };
    let body = Body::from_stream(futures::stream::unfold(reader, Reader::next));
    Ok(answer::with_type(StatusCode::OK, "text/event-stream", body))
}

fn last_event_id(value: &[u8]) -> Result<u64, Refusal> {
    let text = std::str::from_utf8(value).unwrap_or_default().trim();
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or_else(|| query::bad("`Last-Event-ID` is a position, a whole number"))
}

struct Reader {
    admin: Arc<Admin>,
    /// Events with positions.
    log: Option<LogPart>,
    /// Events without (`ack: destinations`).
    live: Option<broadcast::Receiver<Arc<Record>>>,
    stream: Option<String>,
    spoke: Instant,
    greeted: bool,
    _permit: OwnedSemaphorePermit,
}

/// How far a reader is in the log.
struct LogPart {
    log: Log,
    from: u64,
    head: watch::Receiver<u64>,
}

impl LogPart {
    fn from(log: &Log, last: Option<u64>) -> LogPart {
        let head = log.head();
        // A position this log has not reached was given by another one: nothing would ever come.
        let from = last.map_or(head, |last| last.min(head)) + 1;
        LogPart { log: log.clone(), from, head: log.watch_head() }
    }

    async fn read(&mut self, stream: Option<&str>) -> Result<Vec<Arc<Entry>>, ReadError> {
        self.head.mark_unchanged();
        let Some(stream) = stream else {
            let entries = self.log.read_from(self.from, PIECE_EVENTS, PIECE_BYTES).await?;
            self.from = entries.last().map_or(self.from, |last| last.position + 1);
            return Ok(entries);
        };
        let (entries, from) = self.log.read_stream(stream, self.from, PIECE_EVENTS).await?;
        self.from = from;
        Ok(entries)
    }
}

impl Reader {
    /// The next piece; `None` ends the stream.
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Reader)> {
        if !self.greeted {
            self.greeted = true;
            return Some((Ok(Bytes::from_static(b": connected\n\n")), self));
        }
        loop {
            let entries = match &mut self.log {
                None => Vec::new(),
                Some(log) => match log.read(self.stream.as_deref()).await {
                    Ok(entries) => entries,
                    Err(error) => {
                        tracing::warn!(%error, "a reader's stream ends");
                        return None;
                    }
                },
            };
            if !entries.is_empty() {
                self.spoke = Instant::now();
                let piece = entries.iter().fold(Vec::new(), push_event);
                return Some((Ok(piece.into()), self));
            }
            let poll = if self.stream.is_some() { NAMED_STREAM_POLL } else { KEEP_ALIVE };
            // All of these may be dropped and begun anew.
            tokio::select! {
                () = self.admin.draining.cancelled() => return None,
                changed = changed(&mut self.log) => changed.ok()?,
                shown = shown(&mut self.live) => {
                    self.spoke = Instant::now();
                    let piece = self.live_piece(shown?);
                    return Some((Ok(piece.into()), self));
                }
                () = tokio::time::sleep(poll) => {}
                () = tokio::time::sleep_until(self.spoke + KEEP_ALIVE) => {
                    self.spoke = Instant::now();
                    return Some((Ok(Bytes::from_static(b": still here\n\n")), self));
                }
            }
        }
    }

    /// What has just been taken, and what followed it, as far as one piece may hold.
    fn live_piece(&mut self, first: Shown) -> Vec<u8> {
        let mut piece = Vec::new();
        push_shown(&mut piece, first);
        while piece.len() < PIECE_BYTES {
            let next = self.live.as_mut().map(broadcast::Receiver::try_recv);
            match next {
                Some(Ok(record)) => push_shown(&mut piece, Shown::Event(record)),
                Some(Err(broadcast::error::TryRecvError::Lagged(missed))) => {
                    push_shown(&mut piece, Shown::Missed(missed));
                }
                Some(Err(_)) | None => break,
            }
        }
        piece
    }
}

/// What the live tail of events without positions shows.
enum Shown {
    Event(Arc<Record>),
    /// The reader was too slow for so many.
    Missed(u64),
}

/// Resolves when the log has grown; never where there is none.
async fn changed(log: &mut Option<LogPart>) -> Result<(), watch::error::RecvError> {
    match log {
        Some(log) => log.head.changed().await,
        None => std::future::pending().await,
    }
}

/// The next event of the live tail; never where there is none, nothing when it has ended.
async fn shown(live: &mut Option<broadcast::Receiver<Arc<Record>>>) -> Option<Shown> {
    let Some(live) = live else { return std::future::pending().await };
    match live.recv().await {
        Ok(record) => Some(Shown::Event(record)),
        Err(broadcast::error::RecvError::Lagged(missed)) => Some(Shown::Missed(missed)),
        Err(broadcast::error::RecvError::Closed) => None,
    }
}

fn push_shown(out: &mut Vec<u8>, shown: Shown) {
    match shown {
        Shown::Event(record) => {
            out.extend_from_slice(b"event: event\ndata: ");
            out.extend_from_slice(&json::write_line(&record.event));
            out.extend_from_slice(b"\n\n");
        }
        Shown::Missed(missed) => out.extend_from_slice(format!(": {missed} events were left out\n\n").as_bytes()),
    }
}

/// `id`, `event` and `data` lines; the document has no line break of its own.
fn push_event(mut out: Vec<u8>, entry: &Arc<Entry>) -> Vec<u8> {
    out.extend_from_slice(format!("id: {}\nevent: event\ndata: ", entry.position).as_bytes());
    out.extend_from_slice(&json::write_line(&entry.record.event));
    out.extend_from_slice(b"\n\n");
    out
}

#[cfg(test)]
mod tests {
    use super::last_event_id;

    #[test]
    fn last_event_id_is_a_position() {
        assert_eq!(last_event_id(b"0").unwrap(), 0);
        assert_eq!(last_event_id(b" 17 ").unwrap(), 17);
        for bad in [&b""[..], b"-1", b"+1", b"x", b"\xff", b"99999999999999999999999"] {
            assert!(last_event_id(bad).is_err());
        }
    }
}
