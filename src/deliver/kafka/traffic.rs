//! Which topics answer: how a broker that keeps its connections but is silent is noticed, without one silent topic counting
//! against the others.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A topic that owes answers and has given none for this long is silent.
pub const SILENCE: Duration = Duration::from_secs(5);
/// To a silent topic one message is let through this often: another partition of it may answer.
const TRICKLE: Duration = Duration::from_secs(1);

/// Messages that may wait for the answers of one topic, a tenth of what librdkafka queues at most
/// (`queue.buffering.max.messages`): lanes that write to other topics always find room.
pub const MOST: usize = 10_000;

/// Every topic that owes an answer.
#[derive(Debug, Default)]
pub struct Traffic {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    topics: HashMap<String, Topic>,
    /// The last answer, from whatever topic.
    answered: Option<Instant>,
}

#[derive(Debug)]
struct Topic {
    in_flight: usize,
    /// The last answer, or the first message that waits for one.
    since: Instant,
    /// When a message was last let through.
    let_through: Instant,
}

/// Why nothing more is sent to a topic for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// It gives no answers.
    Silent,
    /// It owes too many.
    Full,
}

/// One message that waits for its answer; ends when dropped.
#[derive(Debug)]
pub struct Flight<'a> {
    traffic: &'a Traffic,
    topic: &'a str,
    begun: Instant,
}

impl Traffic {
    /// A message is about to be sent.
    pub fn begin<'a>(&'a self, topic: &'a str, now: Instant) -> Result<Flight<'a>, Held> {
        let mut inner = self.lock();
        if let Some(known) = inner.topics.get_mut(topic) {
            if is_over(known.since, SILENCE, now) && !is_over(known.let_through, TRICKLE, now) {
                return Err(Held::Silent);
            }
            if known.in_flight >= MOST {
                return Err(Held::Full);
            }
            known.in_flight += 1;
            known.let_through = now;
        } else {
            inner.topics.insert(topic.to_owned(), Topic { in_flight: 1, since: now, let_through: now });
        }
        drop(inner);
        Ok(Flight { traffic: self, topic, begun: now })
    }

    /// True when topics owe answers and nothing has answered for long.
    pub fn is_silent(&self, now: Instant) -> bool {
        let inner = self.lock();
        let quiet = inner.answered.is_none_or(|answered| is_over(answered, SILENCE, now));
        quiet && inner.topics.values().any(|topic| is_over(topic.since, SILENCE, now))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flight<'_> {
    /// The answer has come, a good or a bad one.
    pub fn answered(&self, now: Instant) {
        let mut inner = self.traffic.lock();
        inner.answered = Some(now);
        if let Some(topic) = inner.topics.get_mut(self.topic) {
            topic.since = now;
        }
    }

    /// True when anything was answered since this message was sent: then the destination lives, and only this one is stuck.
    pub fn others_answered(&self) -> bool {
        self.traffic.lock().answered.is_some_and(|answered| answered > self.begun)
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let mut inner = self.traffic.lock();
        if let Some(topic) = inner.topics.get_mut(self.topic) {
            topic.in_flight -= 1;
            if topic.in_flight == 0 {
                inner.topics.remove(self.topic);
            }
        }
    }
}

fn is_over(since: Instant, span: Duration, now: Instant) -> bool {
    now.saturating_duration_since(since) >= span
}
