//! The thread that writes the state file: one transaction for everything that waits, progress taken before the changes.

use super::dead_letters::{Counts, Dead};
use super::deliveries::{Batches, Retried, Settled};
use super::lanes::Lanes;
use super::parked::Parked;
use super::progress::Stored;
use super::store::{self, Request, Shared};
use super::{Change, Progress, ProgressSource, Resume, StateError};
use super::{dead_letters, deliveries, lanes, parked, progress};
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};
use std::collections::HashMap;
use std::path::Path;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

/// A change waits at most this long for its commit.
const COMMIT_EVERY: Duration = Duration::from_millis(100);
/// After a failed commit the next one is tried this much later.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// So many bytes of changes are committed at once.
pub const MUCH_BYTES: usize = 2 << 20;
/// `PRAGMA user_version` of the files this version writes.
const FORMAT: i64 = 1;

/// The connection that writes, and what it knows of the file.
pub struct Writer {
    db: Connection,
    lanes: Lanes,
    stored: Stored,
    counts: Counts,
    /// The last committed progress, for a sync before any lane runs.
    progress: Progress,
}

/// What one commit takes.
struct Work {
    requests: Vec<Request>,
    source: Option<ProgressSource>,
    closing: bool,
}

impl Writer {
    /// Opens or creates the file.
    pub fn open(path: &Path) -> Result<(Writer, Resume), StateError> {
        let mut db = Connection::open(path)?;
        db.busy_timeout(Duration::from_secs(5))?;
        let found: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if found > FORMAT {
            return Err(StateError::Version { path: path.to_owned(), found, known: FORMAT });
        }
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "NORMAL")?;
        db.pragma_update(None, "journal_size_limit", 64 << 20)?;
        db.set_prepared_statement_cache_capacity(32);
        if found < FORMAT {
            create(&mut db)?;
        }
        let mut lanes = Lanes::default();
        let (progress, stored) = progress::load(&db, &mut lanes)?;
        let parked = parked::load(&db)?;
        let counts = Counts::load(&db)?;
        let resume = Resume { progress: progress.clone(), parked };
        Ok((Writer { db, lanes, stored, counts, progress }, resume))
    }

    /// Writes progress and changes in one transaction; `durable` makes it reach the disk before this returns.
    fn commit(&mut self, progress: Option<Progress>, changes: &[Change], durable: bool) -> rusqlite::Result<()> {
        self.db.pragma_update(None, "synchronous", if durable { "FULL" } else { "NORMAL" })?;
        let written = self.write(progress.unwrap_or_else(|| self.progress.clone()), changes);
        if written.is_err() {
            // Rows of new lanes were rolled back with the rest.
            self.lanes.clear();
        }
        let dead = written?;
        for (route, more) in dead {
            self.counts.add(&route, more);
        }
        Ok(())
    }

    fn write(&mut self, progress: Progress, changes: &[Change]) -> rusqlite::Result<HashMap<String, i64>> {
        let transaction = begin(&mut self.db)?;
        let mut dead = HashMap::new();
        let mut batches = Batches::default();
        for change in changes {
            let (Change::Delivered { lane, .. } | Change::Parked { lane, .. } | Change::Dead { lane, .. }) = change;
            let id = self.lanes.id(&transaction, lane)?;
            if let Some(settled) = first_try(change) {
                batches.push(id, settled);
            } else if write_exception(&transaction, id, change)? {
                *dead.entry(lane.route.to_string()).or_insert(0) += 1;
            }
        }
        batches.save(&transaction)?;
        let stored = self.stored.save(&transaction, &mut self.lanes, &progress)?;
        transaction.commit()?;
        (self.stored, self.progress) = (stored, progress);
        Ok(dead)
    }

    fn forget_below(&mut self, position: u64) -> rusqlite::Result<()> {
        let transaction = begin(&mut self.db)?;
        deliveries::forget_below(&transaction, position)?;
        parked::forget_below(&transaction, position)?;
        transaction.commit()
    }
}

/// Takes the write lock at once: a transaction that reads first may find that it cannot write any more.
fn begin(db: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    db.transaction_with_behavior(TransactionBehavior::Immediate)
}

fn create(db: &mut Connection) -> rusqlite::Result<()> {
    let transaction = begin(db)?;
    for schema in [lanes::SCHEMA, progress::SCHEMA, deliveries::SCHEMA, parked::SCHEMA, dead_letters::SCHEMA] {
        transaction.execute_batch(schema)?;
    }
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.commit()
}

/// The entry of a batch for a delivery that went well at once.
fn first_try(change: &Change) -> Option<Settled<'_>> {
    let Change::Delivered { position, target, key, receipt, attempts, .. } = change else { return None };
    match attempts.as_slice() {
        [attempt] if attempt.number == 1 => Some(Settled {
            position: *position,
            started: attempt.started,
            ended: attempt.ended,
            target,
            key: key.as_deref(),
            receipt: receipt.as_deref(),
        }),
        _ => None,
    }
}

/// Returns true for a new dead letter.
fn write_exception(db: &Connection, lane: i64, change: &Change) -> rusqlite::Result<bool> {
    match change {
        Change::Delivered { position, target, key, receipt, attempts, .. } => {
            let (key, receipt) = (key.as_deref(), receipt.as_deref());
            Retried { lane, position: *position, target, key, receipt, attempts }.save(db)?;
        }
        Change::Parked { position, received, next_attempt, key, target, attempts, .. } => {
            let (received, next_attempt, key) = (*received, *next_attempt, key.as_deref());
            Parked { lane, position: *position, received, next_attempt, key, target, attempts }.save(db)?;
        }
        Change::Dead { lane: name, position, reason, detail, at, target, key, attempts, record } => {
            let dead = Dead {
                lane,
                route: &name.route,
                position: *position,
                reason: *reason,
                detail,
                at: *at,
                target: target.as_deref(),
                key: key.as_deref(),
                attempts,
                record,
            };
            return dead.save(db);
        }
    }
    Ok(false)
}

/// Body of the thread.
pub fn run(shared: &Shared, mut writer: Writer) {
    let _ended = Ended(shared);
    let mut not_before = None;
    loop {
        let work = wait(shared, not_before.take());
        // The progress comes first: whatever it rests on was queued before, and is taken next.
        let progress = work.source.as_ref().map(|source| source());
        let changes = std::mem::take(&mut shared.queue().changes);
        let durable = work.closing || work.requests.iter().any(|request| matches!(request, Request::Sync(_)));
        if changes.is_empty() && !durable {
            answer(&mut writer, work.requests);
            continue;
        }
        match writer.commit(progress, &changes, durable) {
            Ok(()) => {
                shared.committed(changes.iter().map(store::size).sum());
                answer(&mut writer, work.requests);
            }
            Err(error) if cannot_be_retried(&error) => {
                tracing::error!(%error, "the state file cannot be written any more");
                shared.give_up(&error.to_string(), store::means_damage(&error));
                return;
            }
            Err(error) => {
                tracing::error!(%error, "the state could not be written, trying again");
                keep(shared, changes);
                refuse(work.requests, &error);
                not_before = Some(Instant::now() + RETRY_AFTER);
            }
        }
        if work.closing {
            return;
        }
    }
}

/// Sleeps until there is a request, or changes that have waited long enough or are many.
fn wait(shared: &Shared, not_before: Option<Instant>) -> Work {
    let mut queue = shared.queue();
    let mut due = not_before;
    loop {
        let waiting = !queue.changes.is_empty();
        let now = Instant::now();
        if waiting && due.is_none() {
            due = Some(now + COMMIT_EVERY);
        }
        let much = queue.bytes >= MUCH_BYTES && waiting && not_before.is_none_or(|time| now >= time);
        let timed = waiting && due.is_some_and(|due| now >= due);
        if queue.closing || !queue.requests.is_empty() || much || timed {
            let requests = std::mem::take(&mut queue.requests);
            return Work { requests, source: queue.source.clone(), closing: queue.closing };
        }
        queue = match due.filter(|_| waiting) {
            Some(due) => {
                let sleep = due.saturating_duration_since(now);
                shared.work.wait_timeout(queue, sleep).unwrap_or_else(PoisonError::into_inner).0
            }
            None => shared.work.wait(queue).unwrap_or_else(PoisonError::into_inner),
        };
    }
}

/// Puts changes back in front of those that were queued meanwhile.
fn keep(shared: &Shared, mut changes: Vec<Change>) {
    let mut queue = shared.queue();
    changes.append(&mut queue.changes);
    queue.changes = changes;
}

fn answer(writer: &mut Writer, requests: Vec<Request>) {
    for request in requests {
        // Whoever asked may have gone away; the work is done either way.
        match request {
            Request::Commit(reply) => reply.send(()).unwrap_or_default(),
            Request::Sync(reply) => drop(reply.send(Ok(writer.progress.clone()))),
            Request::Forget(position, reply) => {
                drop(reply.send(writer.forget_below(position).map_err(StateError::Sqlite)));
            }
        }
    }
}

fn refuse(requests: Vec<Request>, error: &rusqlite::Error) {
    let failed = || StateError::Failed { detail: error.to_string() };
    for request in requests {
        match request {
            Request::Commit(reply) => reply.send(()).unwrap_or_default(),
            Request::Sync(reply) => drop(reply.send(Err(failed()))),
            Request::Forget(_, reply) => drop(reply.send(Err(failed()))),
        }
    }
}

/// A full disk or a busy file passes. After a failed write or fsync nobody knows what reached the disk: another try could
/// look well with data gone.
fn cannot_be_retried(error: &rusqlite::Error) -> bool {
    let io = matches!(error, rusqlite::Error::SqliteFailure(failure, _) if failure.code == ErrorCode::SystemIoFailure);
    io || store::means_damage(error)
}

/// Frees everybody who waits when the thread ends, also by a panic.
struct Ended<'a>(&'a Shared);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.ended();
    }
}
