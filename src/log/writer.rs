//! The one thread that appends. Everything that waits is committed together; answers leave after the fsync.

use super::decisions::Numbers;
use super::duplicates::Window;
use super::group::{Group, Need};
use super::inbox::Taken;
use super::segment::{self, Meta, Segment, Stage};
use super::shared::Shared;
use super::{AppendError, retention};
use crate::observability::metrics;
use crate::units::Micros;
use rusqlite::Connection;
use std::iter::Peekable;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

pub(super) use super::group::Request;

/// A group is not made larger than this, so that one transaction stays small beside the memory of the gateway.
const GROUP_BYTES: u64 = 8 << 20;
/// After a new segment could not be made, the old one is used on for this long before the next try.
const RETRY_SEGMENT: Duration = Duration::from_secs(1);

/// The segment that is appended to.
pub(super) struct Active {
    pub segment: Arc<Segment>,
    pub connection: Connection,
    pub numbers: Numbers,
    /// Events this process appended to it, and their bytes: tells their usual size.
    pub events: u64,
    pub bytes: u64,
    wal: WalCycle,
}

/// The write-ahead log is copied into the file and begun anew whenever it has grown to this size. It is then written over
/// in place, which costs half of what a growing file costs, and a start has little to read. Measured between 2 and 16 MiB.
const WAL_BYTES: u64 = 16 << 20;

/// Where the write-ahead log is between two beginnings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WalCycle {
    /// It holds so many bytes.
    Filling(u64),
    /// Upkeep copies it beside the appends.
    Copying,
}

/// The next segment, asked for in advance.
struct Coming {
    first: u64,
    answer: mpsc::Receiver<Result<(Arc<Segment>, Connection), rusqlite::Error>>,
}

/// State of the writer thread.
pub(super) struct Writer {
    shared: Arc<Shared>,
    active: Active,
    next: u64,
    window: Window,
    clock: Clock,
    coming: Option<Coming>,
    no_segment_before: Option<Instant>,
    disk_full: bool,
    commit_seconds: ::metrics::Histogram,
    commit_events: ::metrics::Histogram,
}

/// Milliseconds that never go back, counted from the opening of the log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock(Instant);

impl Clock {
    /// Starts at zero.
    pub fn start() -> Clock {
        Clock(Instant::now())
    }

    /// Milliseconds since the start.
    pub fn now(self) -> i64 {
        i64::try_from(self.0.elapsed().as_millis()).unwrap_or(i64::MAX)
    }
}

impl Writer {
    /// A writer that goes on in `active`, at the position after the head.
    pub fn new(shared: Arc<Shared>, active: Active, window: Window, clock: Clock) -> Writer {
        let next = (shared.head() + 1).max(active.segment.first);
        Writer {
            shared,
            active,
            next,
            window,
            clock,
            coming: None,
            no_segment_before: None,
            disk_full: false,
            commit_seconds: metrics::log_commit_seconds(),
            commit_events: metrics::log_commit_events(),
        }
    }

    /// Runs until the inbox is closed and empty, or a write fails.
    pub fn run(mut self) {
        let mut waiting = Vec::new();
        loop {
            // Where the callers share a core with this thread, what they are about to push joins this group: fewer, larger
            // flushes. It costs nothing when nobody else wants the core.
            std::thread::yield_now();
            if self.shared.inbox.take(&mut waiting) == Taken::End {
                break;
            }
            if let Err(error) = self.work_off(&mut waiting) {
                let file = self.active.segment.path.display();
                self.shared.break_log(format!("cannot write `{file}`: {error}"));
                return;
            }
            waiting.clear();
        }
    }

    fn work_off(&mut self, waiting: &mut Vec<Request>) -> Result<(), rusqlite::Error> {
        if self.shared.desk.take_rotation() && self.next > self.active.segment.first {
            self.rotate();
        }
        let mut requests = waiting.drain(..).peekable();
        while requests.peek().is_some() {
            let group = self.gather(&mut requests);
            self.commit(group)?;
        }
        Ok(())
    }

    /// Takes as many requests into a group as fit. Requests that cannot be stored now are answered at once.
    fn gather(&mut self, requests: &mut Peekable<impl Iterator<Item = Request>>) -> Group {
        let now = self.clock.now();
        let mut group = Group::new(self.next, Micros::now());
        let mut room = self.room();
        while let Some(request) = requests.peek() {
            let need = Group::need(request, &self.window, now);
            if need.events > 0 && self.must_rotate(&group, need) {
                if group.events() > 0 {
                    break;
                }
                // Duplicates of stored events do not depend on the segment.
                std::mem::replace(&mut group, Group::new(self.next, Micros::now())).answer();
                self.rotate();
                group = Group::new(self.next, Micros::now());
            }
            if !group.is_empty() && group.bytes() + need.bytes > GROUP_BYTES {
                break;
            }
            if group.bytes() + need.bytes > room && need.events > 0 && retention::run(&self.shared) {
                room = self.room();
            }
            let refused = need.events > 0 && group.bytes() + need.bytes > room;
            let Some(request) = requests.next() else { break };
            if refused {
                let error = AppendError::Full { holder: self.shared.holder() };
                request.answer.send(Err(error)).ok();
            } else {
                group.push(request, &mut self.window, &mut self.active.numbers, now);
            }
        }
        group
    }

    fn commit(&mut self, mut group: Group) -> Result<(), rusqlite::Error> {
        if group.events() == 0 {
            group.answer();
            return Ok(());
        }
        let started = Instant::now();
        match group.write(&self.active.connection) {
            Ok(bytes) => {
                self.active.segment.grow(bytes);
                self.active.bytes += bytes;
                if let WalCycle::Filling(held) = &mut self.active.wal {
                    *held += segment::wal_bytes(bytes);
                }
            }
            Err(error) if segment::is_full(&error) && self.rolled_back() => {
                if !std::mem::replace(&mut self.disk_full, true) {
                    tracing::error!(segment = %self.active.segment.path.display(), "the disk is full; nothing is stored");
                }
                self.active.numbers.forget();
                group.refuse(&AppendError::Full { holder: self.shared.holder() }, &mut self.window);
                return Ok(());
            }
            Err(error) if segment::is_corrupt(&error) && self.rolled_back() => {
                tracing::error!(segment = %self.active.segment.path.display(), %error, "the open segment is damaged");
                group.refuse(&AppendError::Overloaded, &mut self.window);
                self.rotate();
                return Ok(());
            }
            Err(error) => return Err(error),
        }
        if std::mem::take(&mut self.disk_full) {
            tracing::info!("the disk has room again");
        }
        self.commit_seconds.record(started.elapsed().as_secs_f64());
        self.commit_events.record(f64::from(group.events()));
        self.next = group.next_position();
        self.active.events += u64::from(group.events());
        self.shared.tail.extend(group.entries());
        self.shared.head.send_replace(self.next - 1);
        group.answer();
        self.look_ahead();
        self.turn_wal()
    }

    /// Has the write-ahead log copied when it is large. Upkeep does most of it while appends go on; when it is done, the
    /// few pages that came meanwhile are copied here, and the next group begins the log anew.
    fn turn_wal(&mut self) -> Result<(), rusqlite::Error> {
        let segment = &self.active.segment;
        match self.active.wal {
            WalCycle::Filling(held) if held >= WAL_BYTES => {
                self.active.wal = WalCycle::Copying;
                segment.want_checkpoint();
                self.shared.desk.ring();
            }
            WalCycle::Copying if segment.take_checkpoint_done() => {
                self.active.wal = WalCycle::Filling(0);
                match segment::checkpoint(&self.active.connection) {
                    // Without room for a copy the log itself still holds everything.
                    Err(error) if !segment::is_full(&error) => return Err(error),
                    _ => {}
                }
            }
            WalCycle::Filling(_) | WalCycle::Copying => {}
        }
        Ok(())
    }

    /// A transaction that ran out of disk before its end was never on disk: SQLite writes the mark that ends it last.
    fn rolled_back(&self) -> bool {
        let connection = &self.active.connection;
        connection.is_autocommit() || connection.execute_batch("ROLLBACK").is_ok() && connection.is_autocommit()
    }

    /// Bytes that may be appended before the log is full.
    fn room(&self) -> u64 {
        self.shared.options.max_bytes.saturating_sub(self.shared.segments.bytes())
    }

    /// True when a request must go into the next segment: this one is full, or the next one's positions begin.
    fn must_rotate(&self, group: &Group, need: Need) -> bool {
        if self.no_segment_before.is_some_and(|at| Instant::now() < at) {
            return false;
        }
        let reached = |coming: &Coming| group.next_position() + need.events > coming.first;
        let used = self.next > self.active.segment.first || group.events() > 0;
        let full = self.active.segment.bytes() + group.bytes() >= self.shared.segment_bytes();
        used && (full || self.coming.as_ref().is_some_and(reached))
    }

    /// Asks for the next segment when half of this one is used, under the position where this one will end if events stay
    /// as large as they were. Positions may have gaps: a guess too high leaves one, a guess too low ends this one early.
    fn look_ahead(&mut self) {
        let (limit, bytes) = (self.shared.segment_bytes(), self.active.segment.bytes());
        if self.coming.is_none() && bytes >= limit / 2 && self.no_segment_before.is_none() {
            let usual = (self.active.bytes / self.active.events.max(1)).max(1);
            let left = limit.saturating_sub(bytes) / usual;
            self.ask(self.next + left - left / 8);
        }
    }

    fn ask(&mut self, first: u64) {
        let (sender, answer) = mpsc::sync_channel(1);
        let meta = Meta { first, previous: self.active.segment.first, opened: Micros::now() };
        self.shared.desk.order(meta, sender);
        self.coming = Some(Coming { first, answer });
    }

    /// Goes on in the next segment. If it cannot be made, this one is used on.
    fn rotate(&mut self) {
        if self.coming.is_none() {
            self.ask(self.next);
        }
        let Some(coming) = self.coming.take() else { return };
        match coming.answer.recv() {
            Ok(Ok((segment, connection))) => {
                let full =
                    std::mem::replace(&mut self.active, Active::new(segment.clone(), connection, Numbers::default()));
                self.next = self.next.max(segment.first);
                self.shared.segments.push(segment);
                drop(full.connection);
                full.segment.enter(Stage::Full, full.segment.times());
                self.no_segment_before = None;
                self.shared.desk.ring();
            }
            Ok(Err(error)) => {
                tracing::error!(%error, "cannot make the next segment; the open one grows on");
                self.no_segment_before = Some(Instant::now() + RETRY_SEGMENT);
            }
            // Upkeep ends before the writer only when the log is broken or was closed.
            Err(mpsc::RecvError) => self.no_segment_before = Some(Instant::now() + RETRY_SEGMENT),
        }
    }
}

impl Active {
    /// A segment to which this process has appended nothing yet; decisions get their numbers from `numbers`.
    pub fn new(segment: Arc<Segment>, connection: Connection, numbers: Numbers) -> Active {
        Active { segment, connection, numbers, events: 0, bytes: 0, wal: WalCycle::Filling(0) }
    }
}
