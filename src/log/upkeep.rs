//! The thread beside the writer: makes the next segment in advance, checkpoints the open one, seals full
//! ones and removes settled ones. One of these at a time, so that it never has more than one flush under way.

use super::segment::{self, Meta, Segment, Stage, Times};
use super::shared::Shared;
use super::{locked, retention, seal};
use crate::units::Micros;
use rusqlite::Connection;
use std::sync::{Arc, Condvar, Mutex, PoisonError, mpsc};
use std::time::Duration;

/// How long the thread rests between the small steps of a seal, so that the writer gets the processor and the disk.
const REST: Duration = Duration::from_millis(2);
/// Retention by age is looked at this often, or more often when `max_age` is short.
const LONGEST_TICK: Duration = Duration::from_secs(30);
const SHORTEST_TICK: Duration = Duration::from_millis(50);

/// A segment that was made, with its writing connection.
pub(super) type Made = Result<(Arc<Segment>, Connection), rusqlite::Error>;

/// What the upkeep thread is asked to do.
#[derive(Default)]
pub(super) struct Desk {
    state: Mutex<State>,
    bell: Condvar,
}

#[derive(Default)]
struct State {
    order: Option<(Meta, mpsc::SyncSender<Made>)>,
    rung: bool,
    rotate: bool,
    stopped: bool,
}

impl Desk {
    /// Orders a new segment.
    pub fn order(&self, meta: Meta, answer: mpsc::SyncSender<Made>) {
        let mut state = locked(&self.state);
        if !state.stopped {
            state.order = Some((meta, answer));
        }
        drop(state);
        self.bell.notify_one();
    }

    /// Says that there may be something to do.
    pub fn ring(&self) {
        locked(&self.state).rung = true;
        self.bell.notify_one();
    }

    /// Ends the thread after the step under way.
    pub fn stop(&self) {
        let mut state = locked(&self.state);
        state.stopped = true;
        state.order = None;
        drop(state);
        self.bell.notify_one();
    }

    /// True once when the writer should go on in a new segment because the open one is old.
    pub fn take_rotation(&self) -> bool {
        std::mem::take(&mut locked(&self.state).rotate)
    }

    fn want_rotation(&self) {
        locked(&self.state).rotate = true;
    }

    fn take_order(&self) -> Option<(Meta, mpsc::SyncSender<Made>)> {
        locked(&self.state).order.take()
    }

    fn is_stopped(&self) -> bool {
        locked(&self.state).stopped
    }

    fn wait(&self, longest: Duration) {
        let nothing = |state: &mut State| state.order.is_none() && !state.rung && !state.stopped;
        let state = locked(&self.state);
        let (mut state, _) =
            self.bell.wait_timeout_while(state, longest, nothing).unwrap_or_else(PoisonError::into_inner);
        state.rung = false;
    }
}

/// Runs until the desk is stopped.
pub(super) fn run(shared: &Shared) {
    let tick = (shared.options.max_age / 8).clamp(SHORTEST_TICK, LONGEST_TICK);
    let mut checkpointer = Checkpointer::default();
    while !shared.desk.is_stopped() {
        make_ordered(shared);
        checkpointer.step(shared);
        seal_full(shared, &mut checkpointer);
        retention::run(shared);
        rotate_old(shared);
        shared.desk.wait(tick);
    }
    if !shared.is_broken() {
        checkpointer.finish(shared);
    }
}

fn make_ordered(shared: &Shared) {
    if let Some((meta, answer)) = shared.desk.take_order() {
        // The writer waits for the answer, or has ended.
        answer.send(make(shared, &meta)).ok();
    }
}

/// Makes a segment and writes to it once, so that its files exist and the first group pays for nothing.
pub(super) fn make(shared: &Shared, meta: &Meta) -> Made {
    let dir = &shared.options.dir;
    let made = segment::create(dir, meta).and_then(|path| {
        let connection = segment::open_writer(&path)?;
        connection.execute("UPDATE meta SET opened = ?1", [meta.opened.0])?;
        Ok((path, connection))
    });
    match made {
        Ok((path, connection)) => {
            let segment = Segment::new(path, meta, Stage::Open, Times::UNKNOWN, 0);
            Ok((Arc::new(segment), connection))
        }
        Err(error) => {
            // Half a segment is of no use; the next start would delete it too.
            segment::remove_with_side_files(&segment::path(dir, meta.first)).ok();
            Err(error)
        }
    }
}

fn seal_full(shared: &Shared, checkpointer: &mut Checkpointer) {
    let waits = |segment: &Arc<Segment>| segment.stage() == Stage::Full && !segment.damaged();
    for segment in shared.segments.all().into_iter().filter(waits) {
        let mut go_on = || {
            make_ordered(shared);
            checkpointer.step(shared);
            std::thread::sleep(REST);
            !shared.desk.is_stopped()
        };
        match seal::seal(shared, &segment, &mut go_on) {
            Ok(_) => {}
            Err(_) if segment.removed() => {}
            Err(error) if segment::is_full(&error) => {
                tracing::warn!(segment = %segment.path.display(), "no room to seal a segment; it is tried again");
                return;
            }
            Err(error) if segment::is_corrupt(&error) => {
                tracing::error!(segment = %segment.path.display(), %error, "cannot seal a segment: it is damaged");
                segment.give_up();
            }
            Err(error) => {
                tracing::error!(segment = %segment.path.display(), %error, "cannot seal a segment; it is tried again");
                return;
            }
        }
    }
}

fn rotate_old(shared: &Shared) {
    let Some(open) = shared.segments.all().pop() else { return };
    let old = Micros::now().since(open.opened) > shared.options.max_age / 4;
    if old && open.bytes() > 0 && shared.head() >= open.first {
        shared.desk.want_rotation();
        shared.inbox.call();
    }
}

/// Copies the write-ahead log of the open segment when the writer asks for it.
#[derive(Default)]
struct Checkpointer(Option<(Arc<Segment>, Connection)>);

impl Checkpointer {
    fn step(&mut self, shared: &Shared) {
        let Some(open) = shared.segments.all().pop().filter(|open| open.take_checkpoint_wanted()) else { return };
        match self.checkpoint(&open) {
            Ok(()) => {}
            // The write-ahead log itself still holds everything.
            Err(error) if segment::is_full(&error) => {
                tracing::warn!(segment = %open.path.display(), "no room to checkpoint the open segment");
            }
            Err(error) => shared.break_log(format!("cannot checkpoint `{}`: {error}", open.path.display())),
        }
        open.checkpoint_done();
    }

    fn checkpoint(&mut self, open: &Arc<Segment>) -> Result<(), rusqlite::Error> {
        let connection = match self.0.take() {
            Some((segment, connection)) if segment.first == open.first => connection,
            _ => segment::open_sealer(&open.path)?,
        };
        let done = segment::checkpoint(&connection);
        self.0 = Some((open.clone(), connection));
        done
    }

    /// Leaves the open segment without a write-ahead log when the process ends well: the next start has less to read.
    fn finish(self, shared: &Shared) {
        drop(self.0);
        let Some(open) = shared.segments.all().pop() else { return };
        let folded = segment::open_sealer(&open.path).and_then(|connection| seal::fold(&connection));
        if let Err(error) = folded {
            tracing::warn!(segment = %open.path.display(), %error, "cannot checkpoint the open segment");
        }
    }
}
