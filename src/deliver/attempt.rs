//! One attempt: read the event again if need be, check the deadline, prepare the message, send it.

use super::context::{Context, Work};
use super::entry::DeliverEntry;
use super::error::Advice;
use super::lane::Lane;
use super::plan::{Plan, Undeliverable};
use super::span;
use super::{Destination, Outgoing, Receipt};
use crate::codes::Code;
use crate::lane_name::LaneName;
use crate::log::record::Entry;
use crate::observability::metrics;
use crate::observability::trace::TraceContext;
use crate::observability::trace::hop::Hop;
use crate::state::{Failure, Reason};
use crate::tasks::Kind;
use crate::units::Micros;
use futures::FutureExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Handle, RuntimeFlavor};

/// Larger events are prepared on a blocking thread.
const LARGE_BYTES: usize = 64 << 10;
/// After this many panics over the same event it is given up.
const PANICS: u32 = 3;
/// Details of failures are cut to about this many bytes.
const DETAIL_BYTES: usize = 2000;

/// An attempt to make.
pub struct Job {
    /// What lanes share.
    pub context: Arc<Context>,
    /// The lane.
    pub lane: Arc<Lane>,
    /// The deliver entry of the moment; `None` = removed.
    pub deliver: Option<Arc<DeliverEntry>>,
    /// Its destination; `None` = not running.
    pub destination: Option<Arc<dyn Destination>>,
    /// Which event.
    pub position: u64,
    /// When the event was received.
    pub received: Micros,
    /// Which attempt, from 1.
    pub number: u32,
    /// The event; `None` = read it again.
    pub work: Option<Work>,
    /// The span of the attempt before, where it is known.
    pub previous: Option<TraceContext>,
}

/// An attempt that was made.
#[derive(Debug)]
pub struct Finished {
    /// Which event.
    pub position: u64,
    /// When the event was received.
    pub received: Micros,
    /// Which attempt.
    pub number: u32,
    /// The deliver entry it was made for.
    pub deliver: Option<Arc<DeliverEntry>>,
    /// The event, unless it could not be read.
    pub work: Option<Work>,
    /// True when it had to be read again.
    pub read: bool,
    /// When the attempt began.
    pub started: Micros,
    /// When its outcome was known.
    pub ended: Micros,
    /// The filled-in target, if it got that far.
    pub target: Option<String>,
    /// The key, if it got that far and there is one.
    pub key: Option<String>,
    /// What became of it.
    pub outcome: Outcome,
    /// Its span, if it has one.
    pub span: Option<TraceContext>,
}

/// What became of an attempt.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The destination has it.
    Delivered(Receipt),
    /// Another attempt may help.
    Later(Failure, Option<Duration>),
    /// The destination was asked, and no other attempt will help.
    Refused(Reason, Failure),
    /// It was not sent and never will be.
    Dead(Reason, Failure),
    /// The destination cannot be reached; the attempt does not count.
    Unreachable(Failure),
    /// The log no longer has the event.
    Gone,
}

/// Makes the attempt.
pub async fn run(mut job: Job) -> Finished {
    let read = job.work.is_none();
    let mut finished = Finished {
        position: job.position,
        received: job.received,
        number: job.number,
        deliver: job.deliver.clone(),
        work: None,
        read,
        started: job.context.now(),
        ended: Micros(0),
        target: None,
        key: None,
        outcome: Outcome::Gone,
        span: None,
    };
    finished.work = match job.work.take() {
        Some(work) => Some(work),
        None => match read_again(&job).await {
            Ok(work) => work,
            Err(outcome) => {
                finished.outcome = outcome;
                None
            }
        },
    };
    let Some(work) = &finished.work else {
        finished.ended = job.context.now();
        return finished;
    };
    let hop = span::hop(&work.entry, job.deliver.as_deref(), finished.started);
    finished.outcome = match ready(&job, work, &hop).await {
        Err(not_sent) => {
            finished.target = not_sent.target;
            not_sent.outcome
        }
        Ok(outgoing) => {
            finished.target = shown_target(&job, &outgoing);
            finished.key.clone_from(&outgoing.key);
            send(&job, outgoing).await
        }
    };
    finished.ended = job.context.now();
    finished.span = record_span(&job, work, &finished, &hop);
    finished
}

fn record_span(job: &Job, work: &Work, finished: &Finished, hop: &Hop) -> Option<TraceContext> {
    let ended = span::Ended {
        entry: &work.entry,
        deliver: job.deliver.as_deref()?,
        hop,
        previous: job.previous,
        number: finished.number,
        time: (finished.started, finished.ended),
        target: finished.target.as_deref(),
        key: finished.key.as_deref(),
        outcome: &finished.outcome,
    };
    span::record(&job.context.plan.spans, &ended)
}

async fn read_again(job: &Job) -> Result<Option<Work>, Outcome> {
    match job.context.source.get(job.position).await {
        Ok(Some(entry)) => {
            let bytes = entry.record.size();
            let name = job.lane.name_in(&entry);
            Ok(name.map(|name| job.lane.work(&job.context, entry, name, bytes)))
        }
        Ok(None) => Ok(None),
        // The event is safe in the log, only not readable now: the lane waits as for a destination.
        Err(error) => Err(Outcome::Unreachable(failure(Code::Unreachable, format!("the log: {error}")))),
    }
}

/// An attempt that ended before anything was sent.
pub struct NotSent {
    /// What became of it.
    pub outcome: Outcome,
    /// The filled-in target, if it got that far.
    pub target: Option<String>,
}

impl From<Outcome> for NotSent {
    fn from(outcome: Outcome) -> NotSent {
        NotSent { outcome, target: None }
    }
}

async fn ready(job: &Job, work: &Work, hop: &Hop) -> Result<Outgoing, NotSent> {
    let Some(deliver) = &job.deliver else { return Err(removed(&job.lane.name).into()) };
    if time_left(job, deliver).is_zero() {
        return Err(deadline(deliver).into());
    }
    prepare(&job.context.plan, &work.entry, deliver, hop, job.number).await
}

/// The deliver entry is gone.
pub fn removed(lane: &LaneName) -> Outcome {
    let detail = format!("deliver entry `{}` no longer exists", lane.display());
    Outcome::Dead(Reason::RouteRemoved, failure(Code::RouteRemoved, detail))
}

async fn prepare(
    plan: &Plan,
    entry: &Arc<Entry>,
    deliver: &Arc<DeliverEntry>,
    hop: &Hop,
    number: u32,
) -> Result<Outgoing, NotSent> {
    if entry.record.event.data.len() <= LARGE_BYTES {
        return prepare_now(plan, entry, deliver, hop, number);
    }
    let prepare = plan.prepare;
    let (large, by, of) = (entry.clone(), deliver.clone(), hop.clone());
    let prepared = tokio::task::spawn_blocking(move || prepare(&large, &by, &of)).await.ok();
    prepared_or_not(prepared, entry, deliver, number)
}

/// Makes the message of an attempt without waiting: transforms, fills in, encodes. A large one is made aside of the other
/// tasks of the thread.
pub fn prepare_now(
    plan: &Plan,
    entry: &Entry,
    deliver: &DeliverEntry,
    hop: &Hop,
    number: u32,
) -> Result<Outgoing, NotSent> {
    let make = || catch_unwind(AssertUnwindSafe(|| (plan.prepare)(entry, deliver, hop))).ok();
    let can_move = || Handle::try_current().is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread);
    let is_large = entry.record.event.data.len() > LARGE_BYTES;
    let prepared = if is_large && can_move() { tokio::task::block_in_place(make) } else { make() };
    prepared_or_not(prepared, entry, deliver, number)
}

/// `None`: preparing it panicked.
fn prepared_or_not(
    prepared: Option<Result<Outgoing, Undeliverable>>,
    entry: &Entry,
    deliver: &DeliverEntry,
    number: u32,
) -> Result<Outgoing, NotSent> {
    match prepared {
        Some(Ok(outgoing)) => Ok(outgoing),
        Some(Err(Undeliverable { reason, code, detail, target })) => {
            Err(NotSent { outcome: Outcome::Dead(reason, failure(code, detail)), target })
        }
        None => {
            metrics::panics(Kind::Lane.name()).increment(1);
            tracing::error!(lane = %deliver.lane.display(), position = entry.position, "preparing an event panicked");
            let failure = failure(Code::TransformFailed, "the transform of this event panicked".to_owned());
            Err(NotSent::from(match number {
                PANICS.. => Outcome::Dead(Reason::Transform, failure),
                _ => Outcome::Later(failure, None),
            }))
        }
    }
}

async fn send(job: &Job, outgoing: Outgoing) -> Outcome {
    let (Some(destination), Some(deliver)) = (&job.destination, &job.deliver) else {
        return Outcome::Unreachable(failure(Code::Unreachable, "the destination is not running".to_owned()));
    };
    // A destination that never answers must not keep the event beyond its deadline.
    let sending = hand_over(&**destination, outgoing, &job.lane.name);
    tokio::time::timeout(time_left(job, deliver), sending).await.unwrap_or_else(|_elapsed| deadline(deliver))
}

/// Hands a message to its destination and waits for what becomes of it.
pub async fn hand_over(destination: &dyn Destination, outgoing: Outgoing, lane: &LaneName) -> Outcome {
    match AssertUnwindSafe(async { destination.deliver(outgoing).await }).catch_unwind().await {
        Ok(Ok(receipt)) => Outcome::Delivered(receipt),
        Ok(Err(error)) => {
            let failure = failure(error.code, error.detail);
            match error.advice {
                Advice::Unreachable => Outcome::Unreachable(failure),
                Advice::Later(hint) => Outcome::Later(failure, hint),
                Advice::Never(reason) => Outcome::Refused(reason, failure),
            }
        }
        Err(_panic) => {
            metrics::panics(Kind::Lane.name()).increment(1);
            tracing::error!(lane = %lane.display(), "delivering an event panicked");
            Outcome::Later(failure(Code::DestinationFailed, "the destination panicked".to_owned()), None)
        }
    }
}

/// The target as it is recorded and shown.
fn shown_target(job: &Job, outgoing: &Outgoing) -> Option<String> {
    Some(job.deliver.as_ref()?.target.shown(&outgoing.target))
}

fn time_left(job: &Job, deliver: &DeliverEntry) -> Duration {
    job.received.plus(deliver.retry.deadline).since(job.context.now())
}

fn deadline(deliver: &DeliverEntry) -> Outcome {
    let detail = format!("not delivered within {}", crate::units::Span(deliver.retry.deadline));
    Outcome::Dead(Reason::Deadline, failure(Code::DeadlinePassed, detail))
}

/// A failure whose detail is cut to what one may hold.
pub fn failure(code: Code, mut detail: String) -> Failure {
    if detail.len() > DETAIL_BYTES {
        let cut = (0..=DETAIL_BYTES).rev().find(|cut| detail.is_char_boundary(*cut)).unwrap_or(0);
        detail.truncate(cut);
        detail.push('…');
    }
    Failure { code, detail }
}
