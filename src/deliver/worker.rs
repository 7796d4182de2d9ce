//! The task of one lane: takes in, starts attempts, settles what they became. Everything a lane decides about an event
//! after an attempt is decided in `judge`.

use super::Destination;
use super::attempt::{self, Finished, Job, Outcome};
use super::context::{Context, Phase, Work};
use super::entry::{DeliverEntry, RetryPolicy};
use super::lane::{Desk, Lane, ToRead};
use super::retry::{self, Pause};
use crate::log::ReadError;
use crate::log::record::Entry;
use crate::observability::metrics;
use crate::state::{Attempt, Change, Failure, Reason};
use crate::units::Micros;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Entries a lane that is behind reads at once.
const READ_ENTRIES: usize = 256;
/// Bytes it reads at once.
const READ_BYTES: usize = 1 << 20;
/// Events that are read again one by one, at the same time.
const READ_AGAIN: usize = 16;
/// Outcomes that are settled together.
const SETTLE_AT_ONCE: usize = 64;
/// A failed read of the log is repeated after this long.
const READ_RETRY: Duration = Duration::from_secs(1);
/// Sleeps are cut into pieces, so that a wall clock that was set does not delay a retry for long.
const SLEEP_MAX: Duration = Duration::from_secs(30);

/// Works a lane until it has been idle for long, or the gateway stops.
pub async fn run(lane: Arc<Lane>, context: Arc<Context>) {
    let _stopped = Stopped { lane: lane.clone(), context: context.clone() };
    let mut worker = Worker {
        lane,
        context,
        flights: FuturesUnordered::new(),
        read: None,
        read_after: Micros(0),
        reading_again: 0,
        pause: None,
        counters: None,
        idle_since: None,
    };
    worker.work().await;
}

/// Leaves the desk in order when the task ends, also by a panic: the upkeep then starts it again.
struct Stopped {
    lane: Arc<Lane>,
    context: Arc<Context>,
}

impl Drop for Stopped {
    fn drop(&mut self) {
        self.lane.desk().stopped();
        self.context.running.fetch_sub(1, Ordering::AcqRel);
        self.context.ended.notify_waiters();
    }
}

struct Worker {
    lane: Arc<Lane>,
    context: Arc<Context>,
    flights: FuturesUnordered<BoxFuture<'static, Finished>>,
    read: Option<BoxFuture<'static, Read>>,
    read_after: Micros,
    reading_again: usize,
    pause: Option<Pause>,
    counters: Option<Counters>,
    idle_since: Option<Micros>,
}

/// What came of reading the log.
enum Read {
    Chunk(Result<Vec<Arc<Entry>>, ReadError>),
    Positions(Vec<(u64, Option<Arc<Entry>>)>, Option<ReadError>),
}

/// The deliver entry and destination of the moment.
struct View {
    deliver: Option<Arc<DeliverEntry>>,
    destination: Option<Arc<dyn Destination>>,
}

/// Handles of `deliveries_total` for the destination the lane goes to.
struct Counters {
    destination: String,
    delivered: ::metrics::Counter,
    retried: ::metrics::Counter,
    dead: ::metrics::Counter,
}

/// What the task does next.
enum Next {
    /// There is more to take in.
    Again,
    /// Waits for an outcome, a wake, or this long.
    Wait(Option<Duration>),
    /// The lane has nothing to do any more.
    End,
}

/// What becomes of an event after an attempt.
enum Verdict {
    Settle,
    Park(Micros),
    PutBack(Option<Work>),
}

impl Worker {
    async fn work(&mut self) {
        loop {
            // A destination that is always ready must not keep the thread for itself.
            tokio::task::coop::consume_budget().await;
            let next = match self.context.phase() {
                Phase::Running => self.step(),
                Phase::Draining if !self.flights.is_empty() => Next::Wait(None),
                Phase::Draining | Phase::Abandoned => Next::End,
            };
            let timer = match next {
                Next::End => return,
                Next::Again => continue,
                Next::Wait(timer) => timer,
            };
            // Every branch is cancel-safe: the futures are kept outside, and a wake that is not taken stays stored.
            tokio::select! {
                biased;
                Some(finished) = self.flights.next(), if !self.flights.is_empty() => self.settle(finished).await,
                read = wait_for(&mut self.read), if self.read.is_some() => self.take(read),
                () = self.lane.wake.notified() => {}
                () = sleep(timer), if timer.is_some() => {}
            }
        }
    }

    /// Takes in, wakes what is due, starts what may start, begins to read.
    fn step(&mut self) -> Next {
        let view = self.view();
        let now = self.context.now();
        let (lane, context) = (self.lane.clone(), self.context.clone());
        if lane.hurry.load(Ordering::Relaxed) && lane.hurry.swap(false, Ordering::AcqRel) {
            self.pause.iter_mut().for_each(|pause| pause.hurry(now));
        }
        let mut desk = lane.desk();
        let again = lane.take_inbox(&context, &mut desk, view.deliver.as_deref());
        desk.window.wake(now);
        let full = self.start_ready(&mut desk, &view, now);
        if self.read.is_none() && now >= self.read_after {
            self.read = desk.to_read(&context, &lane).map(|to_read| self.begin_read(to_read));
        }
        if again {
            return Next::Again;
        }
        self.next(&mut desk, &view, now, full)
    }

    /// Starts what may start. Returns true when more could start if fewer were in flight.
    fn start_ready(&mut self, desk: &mut Desk, view: &View, now: Micros) -> bool {
        let most = view.destination.as_ref().map_or(1, |destination| destination.max_in_flight().max(1));
        while let Some((position, received, held)) = desk.window.next_ready() {
            if self.flights.len() >= most || !(held || self.reading_again < READ_AGAIN) {
                return true;
            }
            if !self.may_start(view, now, position, received) {
                return false;
            }
            let Some(started) = desk.window.start() else { return false };
            self.reading_again += usize::from(started.payload.is_none());
            let job = Job {
                context: self.context.clone(),
                lane: self.lane.clone(),
                deliver: view.deliver.clone(),
                destination: view.destination.clone(),
                position,
                received,
                number: started.attempts.saturating_add(1),
                work: started.payload,
            };
            self.flights.push(attempt::run(job).boxed());
        }
        false
    }

    /// What to wait for besides outcomes and new events. `full`: only an outcome helps what is ready.
    fn next(&mut self, desk: &mut Desk, view: &View, now: Micros, full: bool) -> Next {
        if self.flights.is_empty() && !desk.has_work() {
            let end = self.idle_since.get_or_insert(now).plus(self.context.limits.idle);
            let ended = now >= end && desk.try_end();
            return if ended { Next::End } else { Next::Wait(Some(end.since(now))) };
        }
        self.idle_since = None;
        let read = (self.read_after > now).then_some(self.read_after);
        let mut times = [desk.window.next_due(), read, None, None];
        if let (Some(pause), Some((_, received, _)), false) = (&self.pause, desk.window.next_ready(), full) {
            times[2] = pause.until();
            times[3] = view.deliver.as_ref().map(|deliver| received.plus(deliver.retry.deadline));
        }
        let first = times.into_iter().flatten().min();
        Next::Wait(first.map(|time| time.since(now).min(SLEEP_MAX)))
    }

    /// In a pause only one event is tried; one past its deadline may always start, to become a dead letter.
    fn may_start(&mut self, view: &View, now: Micros, position: u64, received: Micros) -> bool {
        let Some(pause) = &mut self.pause else { return true };
        if pause.may_probe(now) {
            pause.begin(position);
            return true;
        }
        view.deliver.as_ref().is_none_or(|deliver| now >= received.plus(deliver.retry.deadline))
    }

    fn view(&self) -> View {
        let deliver = (self.context.plan.entry)(&self.lane.name);
        let destination =
            deliver.as_ref().and_then(|deliver| (self.context.plan.destination)(&deliver.lane.destination));
        View { deliver, destination }
    }

    fn begin_read(&self, to_read: ToRead) -> BoxFuture<'static, Read> {
        let source = self.context.source.clone();
        match to_read {
            ToRead::From(from) => source.read_from(from, READ_ENTRIES, READ_BYTES).map(Read::Chunk).boxed(),
            ToRead::Positions(positions) => async move {
                let mut found = Vec::with_capacity(positions.len());
                for position in positions {
                    match source.get(position).await {
                        Ok(entry) => found.push((position, entry)),
                        Err(error) => return Read::Positions(found, Some(error)),
                    }
                }
                Read::Positions(found, None)
            }
            .boxed(),
        }
    }

    fn take(&mut self, read: Read) {
        self.read = None;
        let deliver = self.view().deliver;
        let error = match read {
            Read::Chunk(Ok(entries)) => {
                self.lane.take_read(&self.context, entries, deliver.as_deref());
                None
            }
            Read::Chunk(Err(error)) => Some(error),
            Read::Positions(found, error) => {
                self.lane.take_reopened(&self.context, found, deliver.as_deref());
                error
            }
        };
        if let Some(error) = error {
            tracing::error!(lane = %self.lane.name.display(), %error, "the lane cannot read the log, trying again");
            self.read_after = self.context.now().plus(READ_RETRY);
        }
    }

    /// Settles an outcome and those that are there already. Changes are queued before the desk is changed.
    async fn settle(&mut self, first: Finished) {
        let mut verdicts = Vec::new();
        let mut next = Some(first);
        while let Some(finished) = next {
            let position = finished.position;
            let (verdict, change) = self.judge(finished);
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
        let known = self.counters.take().filter(|counters| counters.destination == destination);
        let of = |outcome| metrics::deliveries(&self.lane.name.route, destination, outcome);
        self.counters.insert(known.unwrap_or_else(|| Counters {
            destination: destination.to_owned(),
            delivered: of("delivered"),
            retried: of("retried"),
            dead: of("dead"),
        }))
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

async fn wait_for(read: &mut Option<BoxFuture<'static, Read>>) -> Read {
    match read {
        Some(read) => read.await,
        None => std::future::pending().await,
    }
}

async fn sleep(timer: Option<Duration>) {
    match timer {
        Some(timer) => tokio::time::sleep(timer).await,
        None => std::future::pending().await,
    }
}
