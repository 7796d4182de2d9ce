//! Who waits for which acknowledgement.
//!
//! async-nats has such a table of its own, but never forgets a request that is not answered: every lost connection and
//! every publish the server denies would leave entries behind for ever. This one forgets when the waiting ends, and knows
//! at once when the connection is lost instead of after the timeout.

use async_nats::{Message, Subject};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// What came back for a publish. A closed channel = the connection was lost.
#[derive(Debug)]
pub enum Answer {
    /// The server's reply.
    Reply(Message),
    /// The server does not permit publishing there.
    Denied,
}

/// Everybody who waits on one connection.
#[derive(Debug)]
pub struct Acks {
    prefix: String,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    last: u64,
    by_token: HashMap<u64, Waiter>,
}

#[derive(Debug)]
struct Waiter {
    subject: Subject,
    answer: oneshot::Sender<Answer>,
}

/// One wait; ends when dropped.
#[derive(Debug)]
pub struct Ticket<'a> {
    acks: &'a Acks,
    token: u64,
    /// Resolves with the answer.
    pub answer: oneshot::Receiver<Answer>,
}

impl Acks {
    /// Nobody waits yet. Replies come to subjects under `inbox`.
    pub fn new(inbox: &str) -> Acks {
        Acks { prefix: format!("{inbox}."), waiting: Mutex::default() }
    }

    /// What to subscribe to.
    pub fn pattern(&self) -> String {
        format!("{}*", self.prefix)
    }

    /// Starts waiting for the answer to a message published on `subject`.
    pub fn wait(&self, subject: Subject) -> Ticket<'_> {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.lock();
        waiting.last += 1;
        let token = waiting.last;
        waiting.by_token.insert(token, Waiter { subject, answer: sender });
        Ticket { acks: self, token, answer: receiver }
    }

    /// Hands a reply to whoever waits for it; one that comes too late is dropped.
    pub fn reply(&self, message: Message) {
        let token =
            message.subject.strip_prefix(self.prefix.as_str()).and_then(|text| u64::from_str_radix(text, 16).ok());
        let waiter = token.and_then(|token| self.lock().by_token.remove(&token));
        if let Some(waiter) = waiter {
            // Fails only when the waiting ended in this very moment.
            waiter.answer.send(Answer::Reply(message)).ok();
        }
    }

    /// Tells everybody who published on `subject` that it is not permitted.
    pub fn deny(&self, subject: &str) {
        let mut waiting = self.lock();
        let denied = waiting.by_token.extract_if(|_, waiter| waiter.subject.as_str() == subject);
        for (_, waiter) in denied {
            waiter.answer.send(Answer::Denied).ok();
        }
    }

    /// Tells everybody that no answer will come.
    pub fn fail_all(&self) {
        self.lock().by_token.clear();
    }

    /// How many wait.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.lock().by_token.len()
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket<'_> {
    /// Where the answer is to be sent.
    pub fn reply_subject(&self) -> String {
        format!("{}{:x}", self.acks.prefix, self.token)
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.acks.lock().by_token.remove(&self.token);
    }
}
