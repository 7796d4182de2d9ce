//! The attempts of one request: every event to every deliver entry, until all are taken or one cannot be.

use super::board::Board;
use super::lane::Turn;
use super::part::{Part, distinguish};
use super::{Direct, said};
use crate::deliver::attempt::{self, Outcome};
use crate::deliver::error::nothing_sent;
use crate::deliver::{Outgoing, Reach, retry, span};
use crate::state::Failure;
use crate::units::Micros;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How often it is looked whether a destination that was only just started can be reached.
const LOOK: Duration = Duration::from_millis(10);

/// How the deliveries of a request ended.
pub(super) enum Ending {
    /// Every deliver entry has taken its event.
    Delivered,
    /// A deliver entry does not take its event.
    Failed,
    /// A destination cannot be reached, and nothing was handed over to any.
    Unreachable(Failure),
}

impl Direct {
    /// Waits until it is known of every destination whether it can be reached: nothing is handed to one when another is
    /// down.
    pub(super) async fn look(&self, turns: &[(Turn, Part)], board: &Board) -> Option<Failure> {
        for (at, (_, part)) in turns.iter().enumerate() {
            while part.destination.reach() == Reach::Unknown {
                board.note(at, self.unreachable(&part.name, &part.deliver));
                sleep(LOOK).await;
            }
        }
        let down = turns.iter().find(|(_, part)| part.destination.reach() == Reach::Down);
        down.map(|(_, part)| self.unreachable(&part.name, &part.deliver))
    }

    /// Makes all deliveries; ends with the first one that fails.
    pub(super) async fn deliver_all(&self, mut turns: Vec<(Turn, Part)>, board: &Board, end: Instant) -> Ending {
        if let Some(failure) = self.look(&turns, board).await {
            return Ending::Unreachable(failure);
        }
        if turns.len() == 1
            && let Some((turn, part)) = turns.pop()
        {
            return self.deliver(0, part, turn, board, end).await;
        }
        let turns = turns.into_iter().enumerate();
        let mut flights: FuturesUnordered<_> =
            turns.map(|(at, (turn, part))| self.deliver(at, part, turn, board, end)).collect();
        while let Some(ending) = flights.next().await {
            if !matches!(ending, Ending::Delivered) {
                // What has ended by now is told as it ended.
                while let Some(Some(_)) = flights.next().now_or_never() {}
                return ending;
            }
        }
        Ending::Delivered
    }

    /// One event to one deliver entry, tried again until it is taken, refused, or no time is left.
    async fn deliver(&self, at: usize, mut part: Part, mut turn: Turn, board: &Board, end: Instant) -> Ending {
        turn.begin().await;
        let mut tries = Tries::default();
        loop {
            let outcome = self.attempt(at, &mut part, board, tries.made + 1).await;
            let (failure, wait) = match outcome {
                Outcome::Delivered(_) => {
                    part.count(|counters| counters.delivered.increment(1));
                    board.deliver(at);
                    return Ending::Delivered;
                }
                Outcome::Unreachable(failure) => {
                    if board.is_untouched() {
                        return Ending::Unreachable(failure);
                    }
                    tries.unreachable += 1;
                    (failure, Some(retry::pause(tries.unreachable)))
                }
                Outcome::Later(failure, hint) => {
                    tries.made += 1;
                    let policy = part.deliver.retry;
                    let may = policy.max_attempts.is_none_or(|most| tries.made < most);
                    (failure, may.then(|| retry::backoff(&policy, tries.made, hint)))
                }
                other => (said(other), None),
            };
            board.note(at, failure);
            let left = end.saturating_duration_since(Instant::now());
            let Some(wait) = wait.and_then(|wait| tries.fit(wait, left)) else { return Ending::Failed };
            part.count(|counters| counters.retried.increment(1));
            sleep(wait).await;
        }
    }

    async fn attempt(&self, at: usize, part: &mut Part, board: &Board, number: u32) -> Outcome {
        let started = Micros::now();
        let outgoing = match part.outgoing.take() {
            Some(outgoing) => outgoing,
            None => match self.prepare_again(part, number) {
                Ok(outgoing) => outgoing,
                Err(outcome) => return outcome,
            },
        };
        let told = self.room.plan.spans.record(&part.hop.context);
        let shown = told.then(|| (part.deliver.target.shown(&outgoing.target), outgoing.key.clone()));
        loop {
            match part.destination.reach() {
                Reach::Up => break,
                Reach::Unknown => {
                    board.note(at, self.unreachable(&part.name, &part.deliver));
                    sleep(LOOK).await;
                }
                Reach::Down => return Outcome::Unreachable(self.unreachable(&part.name, &part.deliver)),
            }
        }
        let before = board.begin(at);
        let outcome = attempt::hand_over(&*part.destination, outgoing, &part.name).await;
        let code = match &outcome {
            Outcome::Later(failure, _) | Outcome::Unreachable(failure) => Some(failure.code),
            _ => None,
        };
        if !before && code.is_some_and(nothing_sent) {
            board.take_back(at);
        }
        if let Some((target, key)) = shown {
            part.previous = span::record(
                &self.room.plan.spans,
                &span::Ended {
                    entry: &part.entry,
                    deliver: &part.deliver,
                    hop: &part.hop,
                    previous: part.previous,
                    number,
                    time: (started, Micros::now()),
                    target: Some(&target),
                    key: key.as_deref(),
                    outcome: &outcome,
                },
            );
        }
        outcome
    }

    /// Another attempt is made as the snapshot of its moment says.
    fn prepare_again(&self, part: &mut Part, number: u32) -> Result<Outgoing, Outcome> {
        let plan = &self.room.plan;
        part.deliver = (plan.entry)(&part.name).ok_or_else(|| attempt::removed(&part.name))?;
        part.destination = (plan.destination)(&part.deliver.lane.destination)
            .ok_or_else(|| Outcome::Unreachable(self.unreachable(&part.name, &part.deliver)))?;
        part.hop = span::hop(&part.entry, Some(&part.deliver), Micros::now());
        let prepared = attempt::prepare_now(plan, &part.entry, &part.deliver, &part.hop, number);
        let mut outgoing = prepared.map_err(|not_sent| not_sent.outcome)?;
        distinguish(&mut outgoing, part.copies);
        Ok(outgoing)
    }
}

/// How often a delivery was tried.
#[derive(Default)]
struct Tries {
    /// Attempts that count.
    made: u32,
    /// Tries of a destination that could not be reached.
    unreachable: u32,
    last: bool,
}

impl Tries {
    /// The wait, if it ends in time. One that does not is cut once, so that what was left of the time is used.
    fn fit(&mut self, wait: Duration, left: Duration) -> Option<Duration> {
        if wait < left {
            return Some(wait);
        }
        let first = !std::mem::replace(&mut self.last, true);
        (first && !left.is_zero()).then_some(left / 2)
    }
}
