//! The duplicate window of listeners with `ack: destinations`, in memory: which events were taken lately, and which are
//! under way (design.md §3: an id enters with its 202, and a copy that comes before gets the first one's answer).

use super::Answer;
use crate::log::duplicates::Window;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Shared by all requests.
pub struct Duplicates {
    inner: Mutex<Inner>,
    begun: Instant,
}

struct Inner {
    taken: Window,
    /// Who waits for the answer to an event that is under way. As many as there are requests.
    under_way: HashMap<u128, Vec<oneshot::Sender<Answer>>>,
}

/// Whose an event is.
pub enum Claim {
    /// It was not seen lately: this request hands it over.
    New,
    /// An equal one was taken.
    Known,
    /// An equal one is under way. A closed channel: nobody knows what became of it.
    Copy(oneshot::Receiver<Answer>),
}

/// The claims of one request. Events that are not answered when it is dropped are new again.
pub struct Claims<'d> {
    duplicates: &'d Duplicates,
    open: Vec<u128>,
}

impl Duplicates {
    /// Remembers for `length`, at most `capacity` events.
    pub fn new(length: Duration, capacity: usize) -> Duplicates {
        let inner = Inner { taken: Window::new(length, capacity, 0), under_way: HashMap::new() };
        Duplicates { inner: Mutex::new(inner), begun: Instant::now() }
    }

    /// Whose the events of a request are, in order.
    pub fn claim(&self, fingerprints: impl Iterator<Item = Option<u128>>) -> (Claims<'_>, Vec<Claim>) {
        let now = self.now();
        let mut claims = Claims { duplicates: self, open: Vec::new() };
        let mut inner = self.lock();
        let all = fingerprints.map(|fingerprint| {
            let Some(fingerprint) = fingerprint else { return Claim::New };
            if inner.taken.find(fingerprint, now).is_some() {
                return Claim::Known;
            }
            if let Some(waiting) = inner.under_way.get_mut(&fingerprint) {
                let (sender, answer) = oneshot::channel();
                waiting.push(sender);
                return Claim::Copy(answer);
            }
            inner.under_way.insert(fingerprint, Vec::new());
            claims.open.push(fingerprint);
            Claim::New
        });
        let all = all.collect();
        (claims, all)
    }

    fn now(&self) -> i64 {
        i64::try_from(self.begun.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claims<'_> {
    /// Answers everybody who waits for these events. One enters the window with a 202: this request's (`enters`), or that
    /// of somebody who waits. Returns those that entered only for this request.
    pub fn settle(&mut self, answers: impl Iterator<Item = (Option<u128>, Answer)>, enters: bool) -> Vec<u128> {
        let now = self.duplicates.now();
        let mut only_ours = Vec::new();
        let mut inner = self.duplicates.lock();
        for (fingerprint, answer) in answers {
            let Some(fingerprint) = fingerprint else { continue };
            self.open.retain(|open| *open != fingerprint);
            let waiting = inner.under_way.remove(&fingerprint).unwrap_or_default();
            if matches!(answer, Answer::Taken) && (enters || !waiting.is_empty()) {
                inner.taken.insert(fingerprint, 0, now);
                if waiting.is_empty() {
                    only_ours.push(fingerprint);
                }
            }
            for sender in waiting {
                // Fails when its client has gone.
                sender.send(answer.clone()).ok();
            }
        }
        only_ours
    }

    /// These were not answered with 202 after all.
    pub fn forget(&self, fingerprints: &[u128]) {
        let mut inner = self.duplicates.lock();
        for fingerprint in fingerprints {
            inner.taken.forget(*fingerprint);
        }
    }
}

impl Drop for Claims<'_> {
    fn drop(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let mut inner = self.duplicates.lock();
        for fingerprint in &self.open {
            inner.under_way.remove(fingerprint);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Claim, Duplicates};
    use crate::pipeline::handover::Answer;
    use std::time::Duration;

    fn claim_one(duplicates: &Duplicates) -> (super::Claims<'_>, Claim) {
        let (claims, mut all) = duplicates.claim([Some(7)].into_iter());
        (claims, all.remove(0))
    }

    fn failed() -> Answer {
        Answer::nothing(crate::codes::Code::NothingReached, "down")
    }

    #[test]
    fn an_event_is_known_after_its_202_and_not_after_a_failure() {
        let duplicates = Duplicates::new(Duration::from_mins(1), 100);
        let (mut claims, first) = claim_one(&duplicates);
        assert!(matches!(first, Claim::New));
        claims.settle([(Some(7), failed())].into_iter(), false);
        drop(claims);
        let (mut claims, again) = claim_one(&duplicates);
        assert!(matches!(again, Claim::New), "a failed one is new again");
        claims.settle([(Some(7), Answer::Taken)].into_iter(), true);
        drop(claims);
        assert!(matches!(claim_one(&duplicates).1, Claim::Known));
    }

    #[test]
    fn copies_get_the_first_ones_answer() {
        let duplicates = Duplicates::new(Duration::from_mins(1), 100);
        let (mut claims, _) = claim_one(&duplicates);
        let (_, copy) = claim_one(&duplicates);
        let Claim::Copy(mut answer) = copy else { panic!("it is under way") };
        assert!(answer.try_recv().is_err(), "not answered yet");
        // The request itself fails for another reason; whoever waited got a 202, so the event is known.
        let only_ours = claims.settle([(Some(7), Answer::Taken)].into_iter(), false);
        assert!(only_ours.is_empty());
        assert!(matches!(answer.try_recv(), Ok(Answer::Taken)));
        assert!(matches!(claim_one(&duplicates).1, Claim::Known));
    }

    #[test]
    fn what_is_dropped_unanswered_is_new_and_its_copies_learn_it() {
        let duplicates = Duplicates::new(Duration::from_mins(1), 100);
        let (claims, _) = claim_one(&duplicates);
        let Claim::Copy(mut answer) = claim_one(&duplicates).1 else { panic!("it is under way") };
        drop(claims);
        assert_eq!(answer.try_recv().err(), Some(tokio::sync::oneshot::error::TryRecvError::Closed));
        assert!(matches!(claim_one(&duplicates).1, Claim::New));
    }

    #[test]
    fn an_answer_taken_back_is_forgotten() {
        let duplicates = Duplicates::new(Duration::from_mins(1), 100);
        let (mut claims, _) = claim_one(&duplicates);
        let only_ours = claims.settle([(Some(7), Answer::Taken)].into_iter(), true);
        assert_eq!(only_ours, [7]);
        claims.forget(&only_ours);
        drop(claims);
        assert!(matches!(claim_one(&duplicates).1, Claim::New));
    }
}
