//! What becomes of an event after an attempt: settled, parked, or put back. Work is settled here and nowhere else.

use super::Worker;
use crate::deliver::attempt::{Finished, Outcome};
use crate::deliver::context::Work;
use crate::deliver::counters::Counters;
use crate::deliver::entry::{DeliverEntry, RetryPolicy};
use crate::deliver::retry::{self, Pause};
use crate::observability::trace::TraceContext;
use crate::state::{Attempt, Change, Failure, Reason};
use crate::units::Micros;
use futures::{FutureExt, StreamExt};
use std::time::Duration;

/// Outcomes that are settled together.
const SETTLE_AT_ONCE: usize = 64;

/// What becomes of an event after an attempt.
enum Verdict {
    Settle,
    Park(Micros),
    PutBack(Option<Work>),
}

impl Worker {
    /// Settles an outcome and those that are there already. Changes are queued before the desk is changed.
    pub(super) async fn settle(&mut self, first: Finished) {
        let mut verdicts = Vec::new();
        let mut next = Some(first);
        while let Some(finished) = next {
            let (position, span) = (finished.position, finished.span);
            let (verdict, change) = self.judge(finished);
            self.remember(position, span, &verdict);
            if let Some(change) = change {
                self.context.state.record(change).await;
            }
            verdicts.push((position, verdict));
            next = if verdicts.len() < SETTLE_AT_ONCE { self.flights.next().now_or_never().flatten() } else { None };
        }
        let mut desk = self.lane.desk();
        for (position, verdict) in verdicts {
            match verdict {
                Verdict::Settle => desk.window.settle(position),
                Verdict::Park(due) => desk.window.park(position, due),
                Verdict::PutBack(work) => desk.window.put_back(position, work),
            }
        }
    }

    /// The next attempt over an event is linked to this one.
    fn remember(&mut self, position: u64, span: Option<TraceContext>, verdict: &Verdict) {
        match (verdict, span) {
            (Verdict::Park(_) | Verdict::PutBack(_), Some(span)) => drop(self.previous.insert(position, span)),
            (Verdict::Settle, _) if !self.previous.is_empty() => drop(self.previous.remove(&position)),
            _ => {}
        }
    }

    /// What becomes of the event, and what is recorded of it.
    fn judge(&mut self, mut finished: Finished) -> (Verdict, Option<Change>) {
        self.reading_again -= usize::from(finished.read);
        self.note_pause(&finished);
        let deliver = finished.deliver.take();
        let policy = deliver.as_ref().map(|deliver| deliver.retry).unwrap_or_default();
        let Some(work) = finished.work.take() else {
            if matches!(finished.outcome, Outcome::Unreachable(_)) {
                return (Verdict::PutBack(None), None);
            }
            tracing::warn!(lane = %self.lane.name.display(), position = finished.position, "the log no longer has an event");
            return (Verdict::Settle, None);
        };
        match std::mem::replace(&mut finished.outcome, Outcome::Gone) {
            Outcome::Delivered(receipt) => {
                self.counters(deliver.as_deref()).delivered.increment(1);
                (Verdict::Settle, Some(delivered(finished, &work, receipt)))
            }
            Outcome::Later(failure, hint) => {
                if policy.max_attempts.is_some_and(|most| finished.number >= most) {
                    let detail = format!("{} attempts made; the last one: {}", finished.number, failure.detail);
                    return self.dead(finished, &work, Reason::Attempts, detail, failure, deliver.as_deref());
                }
                self.counters(deliver.as_deref()).retried.increment(1);
                let due = due(&policy, &finished, hint);
                let key = self.context.key_text(&work.entry, deliver.as_deref());
                (Verdict::Park(due), Some(parked(finished, &work, failure, due, key)))
            }
            Outcome::Refused(reason, failure) | Outcome::Dead(reason, failure) => {
                let detail = failure.detail.clone();
                self.dead(finished, &work, reason, detail, failure, deliver.as_deref())
            }
            Outcome::Unreachable(_) => (Verdict::PutBack(Some(work)), None),
            Outcome::Gone => (Verdict::Settle, None),
        }
    }

    /// Begins, prolongs or ends the lane's pause.
    fn note_pause(&mut self, finished: &Finished) {
        let now = finished.ended;
        let probe = self.pause.as_ref().is_some_and(|pause| pause.is_probe(finished.position));
        match (&finished.outcome, &mut self.pause) {
            (Outcome::Unreachable(failure), None) => {
                tracing::warn!(lane = %self.lane.name.display(), detail = failure.detail, "the lane waits for its destination");
                self.pause = Some(Pause::new(now, failure.detail.clone()));
                self.lane.desk().pause(false);
            }
            (Outcome::Unreachable(failure), Some(pause)) if probe => {
                pause.detail.clone_from(&failure.detail);
                // The first failed try may be a short break; after the second one the lane gives its memory back.
                let stays = pause.fail(now) > 1;
                self.lane.desk().pause(stays);
            }
            (Outcome::Dead(..) | Outcome::Gone, Some(pause)) if probe => pause.skip(),
            (Outcome::Delivered(_) | Outcome::Later(..) | Outcome::Refused(..), Some(_)) if probe => {
                tracing::info!(lane = %self.lane.name.display(), "the lane goes on");
                self.pause = None;
                self.lane.desk().unpause();
            }
            _ => {}
        }
    }

    fn dead(
        &mut self,
        finished: Finished,
        work: &Work,
        reason: Reason,
        detail: String,
        failure: Failure,
        deliver: Option<&DeliverEntry>,
    ) -> (Verdict, Option<Change>) {
        self.counters(deliver).dead.increment(1);
        // The last failure of the destination says more than that the time is over.
        let detail = match &self.pause {
            Some(pause) if reason == Reason::Deadline => format!("{detail}: {}", pause.detail),
            _ => detail,
        };
        let change = Change::Dead {
            lane: work.lane.clone(),
            position: finished.position,
            reason,
            detail,
            at: finished.ended,
            record: self.context.source.encode(&work.entry.record),
            attempts: vec![attempt_of(&finished, Some(failure))],
            target: finished.target,
            key: finished.key,
        };
        (Verdict::Settle, Some(change))
    }

    fn counters(&mut self, deliver: Option<&DeliverEntry>) -> &Counters {
        let destination = deliver.map_or(&*self.lane.name.destination, |deliver| &*deliver.lane.destination);
        Counters::of(&mut self.counters, &self.lane.name.route, destination)
    }
}

/// When the next attempt is made: never after the deadline, so that the dead letter is not late.
fn due(policy: &RetryPolicy, finished: &Finished, hint: Option<Duration>) -> Micros {
    let wait = retry::backoff(policy, finished.number, hint);
    finished.ended.plus(wait).min(finished.received.plus(policy.deadline)).max(finished.ended)
}

fn attempt_of(finished: &Finished, failure: Option<Failure>) -> Attempt {
    Attempt { number: finished.number, started: finished.started, ended: finished.ended, failure }
}

fn delivered(finished: Finished, work: &Work, receipt: Option<String>) -> Change {
    Change::Delivered {
        lane: work.lane.clone(),
        position: finished.position,
        attempts: vec![attempt_of(&finished, None)],
        target: finished.target.unwrap_or_default(),
        key: finished.key,
        receipt,
    }
}

fn parked(finished: Finished, work: &Work, failure: Failure, next_attempt: Micros, key: Option<String>) -> Change {
    Change::Parked {
        lane: work.lane.clone(),
        position: finished.position,
        received: finished.received,
        next_attempt,
        key,
        attempts: vec![attempt_of(&finished, Some(failure))],
        target: finished.target.unwrap_or_default(),
    }
}
