//! The embedded durable log: what was accepted, never changed after the 202.

pub mod record;

use crate::lane_name::LaneName;
use crate::units::Micros;
use record::{Entry, Record};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// What the operator may set (signalbox.yaml `log:` and `limits:`).
#[derive(Debug, Clone)]
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
    /// Its position, or the position of the first one when it is a duplicate.
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

/// What a search asks for. All conditions are ANDed; results are newest first.
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

/// The handle every part of the gateway shares; cheap to clone.
#[derive(Clone)]
pub struct Log;

impl Log {
    /// Opens or creates the log, recovers what a crash left, and starts the writer thread.
    pub fn open(_options: Options) -> Result<Log, OpenError> {
        todo!()
    }

    /// Stores the events of one request together and resolves after the fsync. Order of results = order of `entries`.
    pub async fn append(&self, _entries: Vec<NewEntry>) -> Result<Vec<Stored>, AppendError> {
        todo!()
    }

    /// The highest position that is durable; 0 for an empty log.
    pub fn head(&self) -> u64 {
        todo!()
    }

    /// The lowest position still kept (head + 1 for an empty log).
    pub fn first(&self) -> u64 {
        todo!()
    }

    /// Watches [`Log::head`].
    pub fn watch_head(&self) -> tokio::sync::watch::Receiver<u64> {
        todo!()
    }

    /// Durable entries at or above `from`, in order, up to `limit` entries or about `bytes` bytes (at least one).
    /// Served from memory for recent positions, else from the segments on a blocking thread.
    /// Records whose checksum is wrong are skipped, counted and logged.
    pub async fn read_from(&self, _from: u64, _limit: usize, _bytes: usize) -> Result<Vec<Arc<Entry>>, ReadError> {
        todo!()
    }

    /// The entry at a position, `None` when there is none.
    pub async fn get(&self, _position: u64) -> Result<Option<Arc<Entry>>, ReadError> {
        todo!()
    }

    /// Newest first, at most `limit` entries that fit `query` and `keep` (an extra test the caller brings).
    pub async fn query(
        &self,
        _query: Query,
        _limit: usize,
        _keep: Arc<dyn Fn(&Entry) -> bool + Send + Sync>,
    ) -> Result<Vec<Arc<Entry>>, ReadError> {
        todo!()
    }

    /// Durably stores the changed event of a `log` entry with transforms beside the original, under the same position.
    /// Storing the same lane and position again replaces it.
    pub async fn store_derived(
        &self,
        _position: u64,
        _lane: Arc<LaneName>,
        _stream: &str,
        _record: Arc<Record>,
    ) -> Result<(), AppendError> {
        todo!()
    }

    /// Entries of a named stream at or above `from`, in order of position, at most `limit`: events whose decision has
    /// an entry with that stream, and derived events stored for it. The second value is the position to go on from.
    pub async fn read_stream(
        &self,
        _stream: &str,
        _from: u64,
        _limit: usize,
    ) -> Result<(Vec<Arc<Entry>>, u64), ReadError> {
        todo!()
    }

    /// Tells the log that everything below `position` is settled and recorded; `holder` names the lane that holds it there.
    /// Settled segments may be removed.
    pub fn settled_below(&self, _position: u64, _holder: Option<Arc<LaneName>>) {
        todo!()
    }

    /// Stops the writer after everything that waits is committed.
    pub async fn close(&self) {
        todo!()
    }
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
}

impl DataDir {
    /// Creates the folder when absent and takes its lock.
    pub fn lock(_root: &Path) -> Result<DataDir, LockError> {
        todo!()
    }

    /// Its path.
    pub fn root(&self) -> &Path {
        &self.root
    }
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
