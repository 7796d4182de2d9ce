//! The embedded durable log: what was accepted, never changed after the 202.
//!
//! One SQLite file a segment, one writer thread, one flush a group (design.md §7). The way of an event: encoded on the
//! caller's task (`group`), queued (`inbox`), committed with everything else that waits (`writer`), readable in memory
//! (`tail`) and from its segment (`reader`, `stream`, `query`). Beside the writer, `upkeep` makes the next segment,
//! seals full ones (`seal`) and removes settled ones (`retention`). `recovery` opens what a crash left.

pub mod codec;
mod commit;
mod data_dir;
mod decisions;
mod derived;
pub mod duplicates;
mod group;
mod inbox;
mod query;
pub mod read_only;
mod reader;
pub mod record;
mod recovery;
mod retention;
mod seal;
mod segment;
mod segments;
mod shared;
mod stream;
mod tail;
mod terms;
mod threads;
mod upkeep;
mod walk;
mod writer;

#[cfg(test)]
mod tests;

use crate::lane_name::LaneName;
use crate::units::Micros;
use record::{Entry, Record};
use shared::Shared;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// What the operator may set (signalbox.yaml `log:` and `limits:`).
#[derive(Clone)]
pub struct Options {
    /// `data/log`; created when absent.
    pub dir: PathBuf,
    /// A segment is sealed once it holds this many bytes of records.
    pub segment_bytes: u64,
    /// Settled segments older than this are removed.
    pub max_age: Duration,
    /// Settled segments are removed when all segments together are larger than this; then appends are refused.
    pub max_bytes: u64,
    /// How long a fingerprint is remembered.
    pub duplicate_window: Duration,
    /// How many fingerprints are remembered at most.
    pub duplicate_events: usize,
    /// Appends that may wait for the writer; one more is refused as overloaded.
    pub queue_requests: usize,
    /// Bytes of recent entries kept in memory for the dispatcher and live readers.
    pub tail_bytes: usize,
    /// Called once, from the writer's thread and before any append resolves, when a write or fsync has failed.
    pub on_broken: Arc<dyn Fn(String) + Send + Sync>,
}

/// One event to append.
#[derive(Debug, Clone)]
pub struct NewEntry {
    /// What is stored.
    pub record: Arc<Record>,
    /// Fingerprint for the duplicate window; `None` skips the window (equal events inside one batch are kept:
    /// only the first occurrence of a fingerprint in a request carries it).
    pub fingerprint: Option<u128>,
}

/// What became of one appended event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// Its position, or the position of the first one when it is a duplicate; 0 where there is no log.
    pub position: u64,
    /// True when an equal event was stored before, inside the window.
    pub duplicate: bool,
}

/// Why nothing was appended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// More appends are waiting than `queue_requests`.
    #[error("too many requests wait for the log")]
    Overloaded,
    /// The log is at `max_bytes` and only unsettled events are left.
    #[error("the log is full; lane `{holder}` holds its oldest event")]
    Full {
        /// `route/name` of the lane with the oldest unsettled event.
        holder: String,
    },
    /// The writer has failed or the log was closed. It is not known whether the events are stored.
    #[error("the log is closed")]
    Closed,
}

/// Why a read failed.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// SQLite or the file system failed.
    #[error("segment {segment} cannot be read")]
    Segment {
        /// The file.
        segment: PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// The log was closed.
    #[error("the log is closed")]
    Closed,
}

/// What a search asks for. All conditions must hold; results are newest first.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Exactly this `type`.
    pub ty: Option<String>,
    /// Exactly this `source`.
    pub source: Option<String>,
    /// Exactly this `subject`.
    pub subject: Option<String>,
    /// Exactly this `id`.
    pub id: Option<String>,
    /// Trace id in lower-case hex: of the creation context or the process context.
    pub trace: Option<String>,
    /// Exactly this `correlationid`.
    pub correlation: Option<String>,
    /// Received at or after.
    pub since: Option<Micros>,
    /// Received before.
    pub until: Option<Micros>,
    /// Routed to this route.
    pub route: Option<String>,
    /// Only positions below this one (paging).
    pub below: Option<u64>,
}

/// The handle every part of the gateway shares; cheap to clone. Its threads end with [`Log::close`], or when the last
/// handle is dropped.
#[derive(Clone)]
pub struct Log(Arc<Handle>);

struct Handle(Arc<Shared>);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.inbox.close();
        self.0.derived.close();
    }
}

impl Log {
    /// Opens or creates the log, recovers what a crash left, and starts the writer thread.
    pub fn open(options: Options) -> Result<Log, OpenError> {
        threads::start(options).map(|shared| Log(Arc::new(Handle(shared))))
    }

    /// Stores the events of one request together and resolves after the fsync. Order of results = order of `entries`.
    pub async fn append(&self, entries: Vec<NewEntry>) -> Result<Vec<Stored>, AppendError> {
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        if self.shared().inbox.is_full() {
            return Err(AppendError::Overloaded);
        }
        let events: Vec<_> = entries.into_iter().map(group::Prepared::new).collect();
        let bytes = events.iter().map(group::Prepared::size).sum();
        let (answer, stored) = oneshot::channel();
        self.shared().inbox.push(group::Request { events, answer }, bytes)?;
        stored.await.unwrap_or(Err(AppendError::Closed))
    }

    /// The highest position that is durable; 0 for an empty log.
    pub fn head(&self) -> u64 {
        self.shared().head()
    }

    /// The lowest position still kept (head + 1 for an empty log).
    pub fn first(&self) -> u64 {
        self.shared().segments.first().min(self.head() + 1)
    }

    /// Watches [`Log::head`]. Marked as changed with the same value when a reader of a stream may go on: derived events
    /// were stored, or settled.
    pub fn watch_head(&self) -> tokio::sync::watch::Receiver<u64> {
        self.shared().head.subscribe()
    }

    /// Durable entries at or above `from`, in order, up to `limit` entries or about `bytes` bytes (at least one).
    /// Served from memory for recent positions, else from the segments on a blocking thread.
    /// Records whose checksum is wrong are skipped, counted and logged.
    pub async fn read_from(&self, from: u64, limit: usize, bytes: usize) -> Result<Vec<Arc<Entry>>, ReadError> {
        let from = from.max(self.first());
        if from > self.head() || limit == 0 {
            return Ok(Vec::new());
        }
        if let Some(entries) = self.shared().tail.read(from, limit, bytes) {
            return Ok(entries);
        }
        self.on_files(move |shared| reader::read_from(shared, from, reader::Bounds { limit, bytes })).await
    }

    /// The entry at a position, `None` when there is none.
    pub async fn get(&self, position: u64) -> Result<Option<Arc<Entry>>, ReadError> {
        if position < self.first() || position > self.head() {
            return Ok(None);
        }
        if let Some(entries) = self.shared().tail.read(position, 1, 0) {
            return Ok(entries.into_iter().next().filter(|entry| entry.position == position));
        }
        self.on_files(move |shared| reader::get(shared, position)).await
    }

    /// Newest first, at most `limit` entries that fit `query` and `keep` (an extra test the caller brings).
    pub async fn query(
        &self,
        query: Query,
        limit: usize,
        keep: Arc<dyn Fn(&Entry) -> bool + Send + Sync>,
    ) -> Result<Vec<Arc<Entry>>, ReadError> {
        let waits = GiveUp(Arc::default());
        let given_up = waits.0.clone();
        self.on_files(move |shared| query::Search { shared, query, keep, limit, given_up }.run()).await
    }

    /// Durably stores the changed event of a `log` entry with transforms beside the original, under the same position.
    /// Storing the same lane and position again replaces it.
    pub async fn store_derived(
        &self,
        position: u64,
        lane: Arc<LaneName>,
        stream: &str,
        record: Arc<Record>,
    ) -> Result<(), AppendError> {
        let stored = self.shared().derived.store(position, lane, stream, &record)?;
        stored.await.unwrap_or(Err(AppendError::Closed))
    }

    /// Entries of a named stream at or above `from`, in order of position, about `limit`: events whose decision has an
    /// entry with that stream, and derived events stored for it. The second value is the position to go on from; it
    /// stops before an event whose change is still to be stored (see [`Log::watch_head`]). One call looks at a bounded
    /// number of positions, so it may find nothing and still get on.
    pub async fn read_stream(
        &self,
        stream: &str,
        from: u64,
        limit: usize,
    ) -> Result<(Vec<Arc<Entry>>, u64), ReadError> {
        let from = from.max(self.first());
        if from > self.head() || limit == 0 {
            return Ok((Vec::new(), from));
        }
        if let Some(found) = stream::from_tail(self.shared(), stream, from, limit) {
            return Ok(found);
        }
        let stream = stream.to_owned();
        self.on_files(move |shared| stream::from_files(shared, &stream, from, limit)).await
    }

    /// Tells the log that everything below `position` is settled and recorded; `holder` names the lane that holds it there.
    /// Settled segments may be removed.
    pub fn settled_below(&self, position: u64, holder: Option<Arc<LaneName>>) {
        self.shared().settle(position, holder);
    }

    /// Stops the writer after everything that waits is committed.
    pub async fn close(&self) {
        let shared = self.shared().clone();
        // Only a panic of the closing itself could be lost here, and it is logged by the panic hook.
        tokio::task::spawn_blocking(move || threads::stop(&shared)).await.ok();
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.0.0
    }

    /// Runs a read of files on a blocking thread, a bounded number at a time.
    async fn on_files<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Shared) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let shared = self.shared().clone();
        let _turn = shared.readers.acquire().await.map_err(|_| ReadError::Closed)?;
        let runs = shared.clone();
        tokio::task::spawn_blocking(move || read(&runs)).await.unwrap_or(Err(ReadError::Closed))
    }
}

/// Tells a search that nobody waits for it any more.
struct GiveUp(Arc<AtomicBool>);

impl Drop for GiveUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl From<inbox::Refused> for AppendError {
    fn from(refused: inbox::Refused) -> AppendError {
        match refused {
            inbox::Refused::Full => AppendError::Overloaded,
            inbox::Refused::Closed => AppendError::Closed,
        }
    }
}

/// A lock whose data stays usable after a panic: every change under it is a single step.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why the log cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file or folder cannot be made, read or written.
    #[error("cannot open {path}")]
    Io {
        /// Which one.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A segment is not readable.
    #[error("segment {path} is damaged")]
    Segment {
        /// Which one.
        path: PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
}

/// The data directory, locked by this process until dropped.
#[derive(Debug)]
pub struct DataDir {
    root: PathBuf,
    _lock: std::fs::File,
}

/// Why the data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error("the data directory {path} is in use by process {pid}")]
    InUse {
        /// The folder.
        path: PathBuf,
        /// The owner's process id, or `unknown`.
        pid: String,
    },
    /// It cannot be made or written.
    #[error("cannot use the data directory {path}")]
    Io {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}
