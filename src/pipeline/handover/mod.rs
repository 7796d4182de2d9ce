//! The request half with `ack: destinations`: accepted events are handed over, and the answer says what became of them.
//! Nothing is kept: no position, no dead letter.
//!
//! A batch is answered as a whole. Of a lenient one each event is handed over as a request of its own, in order, and judged by
//! itself.

mod detached;
pub mod duplicates;
pub mod live;

use super::accept::Accepted;
use super::outcome::{DeliveryOutcome, Lenient, Receipt, Refused, Rejection};
use crate::codes::Code;
use crate::deliver::direct::{Direct, Handover, Told};
use crate::log::record::{Entry, Record};
use crate::log::{NewEntry, Stored};
use crate::observability::trace::TraceContext;
use crate::state::Failure;
use crate::tasks::Tasks;
use detached::Detached;
use duplicates::{Claim, Duplicates};
use futures::FutureExt;
use futures::future::join_all;
use live::Live;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

/// What listeners with `ack: destinations` share.
pub struct Handovers {
    direct: Direct,
    duplicates: Duplicates,
    live: Live,
    tasks: Tasks,
}

/// What became of one event.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Every matched deliver entry has taken it.
    Taken,
    /// Not every one has.
    Not(Arc<NotTaken>),
}

/// Why an event was not taken.
#[derive(Debug)]
pub struct NotTaken {
    /// [`Code::NotTaken`]: it may have been handed over; any other: it was not.
    code: Code,
    /// One sentence for people.
    detail: String,
    /// What each deliver entry did; empty when nothing was handed over.
    told: Vec<Told>,
}

impl Answer {
    /// Nothing was handed over.
    pub fn nothing(code: Code, detail: impl Into<String>) -> Answer {
        Answer::Not(Arc::new(NotTaken { code, detail: detail.into(), told: Vec::new() }))
    }
}

impl Handovers {
    /// Without events.
    pub fn new(direct: Direct, duplicates: Duplicates, tasks: Tasks) -> Handovers {
        Handovers { direct, duplicates, live: Live::default(), tasks }
    }

    /// The lanes.
    pub fn direct(&self) -> &Direct {
        &self.direct
    }

    /// The live tail.
    pub fn live(&self) -> &Live {
        &self.live
    }

    /// Hands the events of a request over and waits for at most `time`. When whoever waits for this goes away, it is
    /// finished all the same.
    pub fn take(
        self: &Arc<Self>,
        accepted: Accepted,
        time: Duration,
        trace: TraceContext,
    ) -> impl Future<Output = Result<Receipt, Rejection>> + Send + use<> {
        let work = Arc::clone(self).run(accepted, time, trace);
        Detached::new(work.boxed(), self.tasks.clone())
    }

    async fn run(
        self: Arc<Self>,
        accepted: Accepted,
        time: Duration,
        trace: TraceContext,
    ) -> Result<Receipt, Rejection> {
        let Accepted { entries, batch, refused } = accepted;
        let judged = match &refused {
            None => vec![self.hand_over(&entries, time).await],
            // Each is a request of its own. They line up in order: nothing is waited for before that.
            Some(_) => join_all(entries.chunks(1).map(|one| self.hand_over(one, time))).await,
        };
        let judged: Vec<Judged> = judged.into_iter().flatten().collect();
        let is_good = |index: &usize| refused.iter().flatten().all(|one| one.index != *index);
        let indexes: Vec<usize> = (0..).filter(is_good).take(entries.len()).collect();
        let none_taken = judged.iter().all(|one| matches!(one.answer, Answer::Not(_))) && !judged.is_empty();
        let any_not = judged.iter().any(|one| matches!(one.answer, Answer::Not(_)));
        if none_taken || (any_not && refused.is_none()) {
            let rejection = rejection(&entries, &judged, &indexes, batch);
            // Of a lenient batch the elements that hold no good event are told as well.
            let bad = refused.unwrap_or_default();
            let errors = bad.iter().flat_map(Refused::pointed).collect();
            let rejection = Rejection { trace_id: trace.trace_id_hex(), errors, ..rejection };
            return Err(rejection.of_events(entries.len() + bad.len(), bad.iter().map(|one| one.code)));
        }
        let (mut stored, mut matched, mut not_taken) = (Vec::new(), Vec::new(), Vec::new());
        for ((entry, one), index) in entries.iter().zip(&judged).zip(indexes) {
            match &one.answer {
                Answer::Taken => {
                    stored.push(Stored { position: 0, duplicate: one.owner != Owner::New });
                    matched.push(!entry.record.decision.is_empty());
                }
                Answer::Not(not) => {
                    let (code, detail) = (not.code, not.detail.clone());
                    not_taken.push(Refused { index, code, detail, errors: Vec::new() });
                }
            }
        }
        let lenient = refused.map(|mut refused| {
            refused.extend(not_taken);
            refused.sort_unstable_by_key(|one| one.index);
            Lenient { refused, trace_id: trace.trace_id_hex() }
        });
        Ok(Receipt { stored, matched, batch, lenient })
    }

    /// Hands events over as one request: an id enters the duplicate window only when all of them are taken.
    async fn hand_over(&self, entries: &[NewEntry], time: Duration) -> Vec<Judged> {
        let end = Instant::now() + time;
        let (mut claims, owners) = self.duplicates.claim(entries.iter().map(|entry| entry.fingerprint));
        let is_new = |claim: &Claim| matches!(claim, Claim::New);
        let new = || entries.iter().zip(&owners).filter(|(_, claim)| is_new(claim)).map(|(entry, _)| entry);
        let unplaced = |entry: &NewEntry| Arc::new(Entry { position: 0, record: entry.record.clone() });
        let ours: Vec<Arc<Entry>> = new().map(unplaced).collect();
        let handover = if ours.is_empty() { Handover::Taken } else { self.direct.hand_over(&ours, time).await };
        let enters = handover == Handover::Taken;
        let answers = answers(handover, &ours);
        let settled = new().map(|entry| entry.fingerprint).zip(answers.iter().cloned());
        let entered = claims.settle(settled, enters);

        let mut answers = answers.into_iter();
        let mut judged = Vec::with_capacity(entries.len());
        for owner in owners {
            judged.push(match owner {
                Claim::Known => Judged { owner: Owner::Known, answer: Answer::Taken },
                Claim::New => Judged { owner: Owner::New, answer: answers.next().unwrap_or(Answer::Taken) },
                Claim::Copy(first) => Judged { owner: Owner::Copy, answer: answer_of(first, end).await },
            });
        }
        if judged.iter().any(|one| matches!(one.answer, Answer::Not(_))) {
            claims.forget(&entered);
        } else {
            self.live.show(ours.iter().map(|entry| &entry.record));
        }
        judged
    }
}

/// An event, whose it is, and what became of it.
struct Judged {
    owner: Owner,
    answer: Answer,
}

/// Whose an event was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// This request handed it over.
    New,
    /// An equal one had been taken.
    Known,
    /// An equal one was under way.
    Copy,
}

/// The answer to the first of equal events.
async fn answer_of(first: oneshot::Receiver<Answer>, end: Instant) -> Answer {
    match timeout_at(end, first).await {
        Ok(Ok(answer)) => answer,
        // The first one's request has ended without a word, or takes longer than this one may.
        Ok(Err(_)) | Err(_) => Answer::Not(Arc::new(NotTaken {
            code: Code::NotTaken,
            detail: "an equal event is under way, and it is not known what becomes of it".to_owned(),
            told: Vec::new(),
        })),
    }
}

/// What became of each event that was handed over.
fn answers(handover: Handover, entries: &[Arc<Entry>]) -> Vec<Answer> {
    match handover {
        Handover::Taken => vec![Answer::Taken; entries.len()],
        Handover::Nothing(failure) => {
            let code = match failure.code {
                code @ (Code::Overloaded | Code::LogFull) => code,
                _ => Code::NothingReached,
            };
            vec![Answer::nothing(code, failure.detail); entries.len()]
        }
        Handover::Partly(told) => {
            let mut by_event: Vec<Vec<Told>> = vec![Vec::new(); entries.len()];
            for one in told {
                if let Some(event) = by_event.get_mut(one.event) {
                    event.push(one);
                }
            }
            by_event.into_iter().map(of_event).collect()
        }
    }
}

fn of_event(told: Vec<Told>) -> Answer {
    let failed = told.iter().filter(|one| one.failure.is_some()).count();
    if failed == 0 {
        return Answer::Taken;
    }
    let detail = match told.iter().find_map(|one| one.failure.as_ref().map(|failure| (&one.lane, failure))) {
        Some((lane, Failure { detail, .. })) if failed == 1 => format!("{}: {detail}", lane.display()),
        _ => format!("{failed} of {} deliver entries have not taken the event", told.len()),
    };
    Answer::Not(Arc::new(NotTaken { code: Code::NotTaken, detail, told }))
}

/// The one answer to a request of which not everything was taken. `indexes`: those of its events.
fn rejection(entries: &[NewEntry], judged: &[Judged], indexes: &[usize], batch: bool) -> Rejection {
    let not = |one: &Judged| match &one.answer {
        Answer::Taken => None,
        Answer::Not(not) => Some(not.clone()),
    };
    let failed: Vec<Arc<NotTaken>> = judged.iter().filter_map(not).collect();
    let mut deliveries = Vec::new();
    for ((entry, one), index) in entries.iter().zip(judged).zip(indexes) {
        let index = batch.then_some(*index);
        match &one.answer {
            // Taken by an earlier request.
            Answer::Taken if one.owner == Owner::Known => {}
            Answer::Taken => deliveries.extend(taken(index, &entry.record)),
            Answer::Not(not) => deliveries.extend(not.told.iter().map(|told| DeliveryOutcome {
                index,
                lane: told.lane.clone(),
                failure: told.failure.clone(),
            })),
        }
    }
    // A definite refusal only where no event of the request was handed over to anybody.
    let handed = failed.iter().any(|not| not.code == Code::NotTaken) || !deliveries.is_empty();
    let code = match failed.first() {
        Some(first) if !handed => first.code,
        _ => Code::NotTaken,
    };
    let detail = match failed.as_slice() {
        [first, ..] if !batch || !handed => first.detail.clone(),
        [only] => only.detail.clone(),
        _ => format!("{} of {} events were not taken by every deliver entry", failed.len(), judged.len()),
    };
    Rejection { deliveries, ..Rejection::of(code, detail, Vec::new(), String::new()) }
}

/// The deliver entries of an event that all have taken it.
fn taken(index: Option<usize>, record: &Record) -> impl Iterator<Item = DeliveryOutcome> {
    record.decision.iter().map(move |lane| DeliveryOutcome { index, lane: lane.clone(), failure: None })
}
