//! The task of one lane: takes in, starts attempts, settles what they became.

mod settle;

use crate::deliver::Destination;
use crate::deliver::attempt::{self, Finished, Job};
use crate::deliver::context::{Context, Phase};
use crate::deliver::counters::Counters;
use crate::deliver::entry::DeliverEntry;
use crate::deliver::lane::Lane;
use crate::deliver::lane::desk::{Desk, ToRead};
use crate::deliver::retry::Pause;
use crate::log::ReadError;
use crate::log::record::Entry;
use crate::observability::trace::TraceContext;
use crate::units::Micros;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Entries a lane that is behind reads at once.
const READ_ENTRIES: usize = 256;
/// Bytes it reads at once.
const READ_BYTES: usize = 1 << 20;
/// Events that are read again one by one, at the same time.
const READ_AGAIN: usize = 16;
/// A failed read of the log is repeated after this long.
const READ_RETRY: Duration = Duration::from_secs(1);
/// Sleeps are cut into pieces, so that a wall clock that was set does not delay a retry for long.
const SLEEP_MAX: Duration = Duration::from_secs(30);

/// Works a lane until it has been idle for long, or the gateway stops.
pub async fn run(lane: Arc<Lane>, context: Arc<Context>) {
    let mut stopped = Stopped { lane: lane.clone(), context: context.clone(), ended: false };
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
        previous: HashMap::new(),
    };
    let ended = worker.work().await;
    drop(worker);
    stopped.ended = ended;
}

/// Leaves the desk in order when the task ends, also by a panic: the upkeep then starts it again.
struct Stopped {
    lane: Arc<Lane>,
    context: Arc<Context>,
    /// The desk already knows, and may belong to the next task.
    ended: bool,
}

impl Drop for Stopped {
    fn drop(&mut self) {
        if !self.ended {
            self.lane.desk().stopped();
        }
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
    /// Spans of the last attempts over events that are not settled, for the links of the next ones. Empty without export.
    previous: HashMap<u64, TraceContext>,
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

/// What the task does next.
enum Next {
    /// There is more to take in.
    Again,
    /// Waits for an outcome, a wake, or this long.
    Wait(Option<Duration>),
    /// The lane has nothing to do any more.
    End,
}

impl Worker {
    /// Returns true when the lane was idle and the desk knows that its task ends.
    async fn work(&mut self) -> bool {
        loop {
            // A destination that is always ready must not keep the thread for itself.
            tokio::task::coop::consume_budget().await;
            let next = match self.context.phase() {
                Phase::Running => self.step(),
                Phase::Draining if !self.flights.is_empty() => Next::Wait(None),
                Phase::Draining | Phase::Abandoned => return false,
            };
            let timer = match next {
                Next::End => return true,
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
        let again = lane.take_inbox(&context, view.deliver.as_deref());
        let mut desk = lane.desk();
        desk.window.wake(now);
        let full = self.start_ready(&mut desk, &view, now);
        if self.read.is_none() && now >= self.read_after {
            self.read = desk.to_read(&context, lane.held_bytes()).map(|to_read| self.begin_read(to_read));
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
                previous: self.previous.get(&position).copied(),
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
