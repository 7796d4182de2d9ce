//! `GET events/stream`: the log as server-sent events, live or from a position on.
//!
//! A reader is served at its own pace: it holds one piece in memory and reads the next one from the log when the socket
//! has taken the last. A reader that takes nothing at all is cut by the listener's timer.

use super::Admin;
use super::answer::{self, Outcome, Refusal};
use super::query::{self, Query};
use crate::cloudevents::json;
use crate::codes::Code;
use crate::log::record::Entry;
use crate::log::{Log, ReadError};
use axum::body::Body;
use axum::extract::{RawQuery, State};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, watch};
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
    let log = admin.durable()?.log.clone();
    let head = log.head();
    let from = match headers.get("last-event-id") {
        None => head + 1,
        // A position this log has not reached was given by another one: nothing would ever come.
        Some(value) => last_event_id(value.as_bytes())?.min(head) + 1,
    };
    let permit = Arc::clone(&admin.streams)
        .try_acquire_owned()
        .map_err(|_| Refusal::new(Code::Overloaded, "too many streams are open"))?;
    let reader = Reader {
        head: log.watch_head(),
        log,
        stream: query.text("stream"),
        from,
        spoke: Instant::now(),
        greeted: false,
        admin,
        _permit: permit,
    };
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
    log: Log,
    stream: Option<String>,
    from: u64,
    head: watch::Receiver<u64>,
    spoke: Instant,
    greeted: bool,
    _permit: OwnedSemaphorePermit,
}

impl Reader {
    /// The next piece; `None` ends the stream.
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Reader)> {
        if !self.greeted {
            self.greeted = true;
            return Some((Ok(Bytes::from_static(b": connected\n\n")), self));
        }
        loop {
            self.head.mark_unchanged();
            let entries = match self.read().await {
                Ok(entries) => entries,
                Err(error) => {
                    tracing::warn!(%error, "a reader's stream ends");
                    return None;
                }
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
                changed = self.head.changed() => changed.ok()?,
                () = tokio::time::sleep(poll) => {}
                () = tokio::time::sleep_until(self.spoke + KEEP_ALIVE) => {
                    self.spoke = Instant::now();
                    return Some((Ok(Bytes::from_static(b": still here\n\n")), self));
                }
            }
        }
    }

    async fn read(&mut self) -> Result<Vec<Arc<Entry>>, ReadError> {
        let log = &self.log;
        let Some(stream) = &self.stream else {
            let entries = log.read_from(self.from, PIECE_EVENTS, PIECE_BYTES).await?;
            self.from = entries.last().map_or(self.from, |last| last.position + 1);
            return Ok(entries);
        };
        let (entries, from) = log.read_stream(stream, self.from, PIECE_EVENTS).await?;
        self.from = from;
        Ok(entries)
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
