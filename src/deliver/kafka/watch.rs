//! What librdkafka says about a connection: its log, held back to a bearable rate, and its errors.

use super::link::Link;
use crate::secret::Secret;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

/// Between two lines of one kind.
const QUIET: Duration = Duration::from_secs(10);
/// Kinds of lines that are told apart.
const KINDS: usize = 64;

/// Listens to one client of librdkafka. Called on its threads.
pub struct Watch {
    /// Who is told.
    pub link: Weak<Link>,
    /// The session the client belongs to.
    pub session: u64,
    /// False for a client whose connections say nothing about the destination.
    pub main: bool,
}

impl ClientContext for Watch {
    fn log(&self, level: RDKafkaLogLevel, kind: &str, text: &str) {
        let Some(link) = self.link.upgrade() else { return };
        // A broker that hangs up on who speaks no TLS is no error to librdkafka, but what people have to know.
        if self.main
            && let Some(reason) = failed_to_connect(kind, text)
        {
            link.on_fault(self.session, reason);
        }
        link.log(level, kind, text);
    }

    fn stats_raw(&self, _statistics: &[u8]) {}

    fn error(&self, error: KafkaError, reason: &str) {
        let Some(link) = self.link.upgrade() else { return };
        if self.main && error.rdkafka_error_code() == Some(RDKafkaErrorCode::AllBrokersDown) {
            link.on_all_down(self.session);
        } else if self.main {
            link.on_fault(self.session, reason);
        }
        // It may have been a fatal one.
        link.look_again();
    }
}

/// What a line of librdkafka's log says about a connection that did not come about. One that was up and is gone is none.
pub fn failed_to_connect<'a>(kind: &str, text: &'a str) -> Option<&'a str> {
    let is_one = kind == "FAIL" && !text.contains("in state UP");
    // `[thrd:NAME]: ` stands before the rest.
    is_one.then(|| text.split_once("]: ").map_or(text, |(_thread, reason)| reason))
}

/// Lets one line of a kind through every ten seconds and counts the others.
#[derive(Debug, Default)]
pub struct Limiter {
    kinds: Mutex<HashMap<String, Kind>>,
}

#[derive(Debug)]
struct Kind {
    last: Instant,
    suppressed: u64,
}

impl Limiter {
    /// May a line of this kind be written now; `Some` = yes, and how many were held back since the last one.
    pub fn pass(&self, kind: &str, now: Instant) -> Option<u64> {
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        let kind = if kinds.len() < KINDS || kinds.contains_key(kind) { kind } else { "" };
        match kinds.get_mut(kind) {
            Some(known) if now.saturating_duration_since(known.last) < QUIET => {
                known.suppressed += 1;
                None
            }
            Some(known) => {
                known.last = now;
                Some(std::mem::take(&mut known.suppressed))
            }
            None => {
                kinds.insert(kind.to_owned(), Kind { last: now, suppressed: 0 });
                Some(0)
            }
        }
    }
}

/// A text without the secrets it may repeat.
pub fn scrub(text: &str, secrets: &[Secret]) -> String {
    secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.reveal(), "…"))
}

#[cfg(test)]
mod tests {
    use super::failed_to_connect;

    #[test]
    fn a_connection_that_never_came_about_has_a_reason() {
        let failed =
            "[thrd:a:1/bootstrap]: a:1/bootstrap: Disconnected while requesting ApiVersion (in state APIVERSION_QUERY)";
        let reason = "a:1/bootstrap: Disconnected while requesting ApiVersion (in state APIVERSION_QUERY)";
        assert_eq!(failed_to_connect("FAIL", failed), Some(reason));
        assert_eq!(failed_to_connect("FAIL", "it failed"), Some("it failed"));
        assert_eq!(failed_to_connect("ERROR", failed), None);
        assert_eq!(failed_to_connect("FAIL", "[thrd:a]: a: Disconnected (after 600000ms in state UP)"), None);
    }
}
