//! One segment: its file, its schema, its connections, and what is known about it.

use super::locked;
use crate::units::Micros;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Bytes of a page: measured between 4 and 32 KiB at groups of 1 to 256 events; larger ones are rewritten too often by
/// small groups, smaller ones cost more calls for large groups.
const PAGE_BYTES: u32 = 8192;
/// Bytes of a frame of the write-ahead log beside its page.
const FRAME_BYTES: u64 = 24;
/// Version of the tables below, kept in each file. A file of another version is refused, not guessed at.
pub(super) const FORMAT: i64 = 1;

/// A segment has this name until it is whole.
pub(super) const MAKING: &str = "making.db";

const SCHEMA: &str = "
CREATE TABLE meta (format INTEGER NOT NULL, first INTEGER NOT NULL, previous INTEGER NOT NULL, opened INTEGER NOT NULL);
CREATE TABLE events (position INTEGER PRIMARY KEY, decision INTEGER NOT NULL, sum INTEGER NOT NULL, record BLOB NOT NULL);
CREATE TABLE commits (first INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE decisions (id INTEGER PRIMARY KEY, sum INTEGER NOT NULL, lanes BLOB NOT NULL);
CREATE TABLE postings (id INTEGER PRIMARY KEY, low INTEGER NOT NULL, high INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE seal (last INTEGER NOT NULL, oldest INTEGER NOT NULL, newest INTEGER NOT NULL, committed INTEGER NOT NULL);
";

/// Where a segment is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The writer appends to it.
    Open,
    /// Nothing is appended any more; it waits to be sealed.
    Full,
    /// Checkpointed and indexed; its file never changes again.
    Sealed,
}

/// The times of a segment's events; the widest possible while it is not sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Times {
    /// The earliest `received`.
    pub oldest: Micros,
    /// The latest `received`.
    pub newest: Micros,
    /// When its last event was committed.
    pub committed: Micros,
}

impl Times {
    /// Nothing is known yet.
    pub const UNKNOWN: Times =
        Times { oldest: Micros(i64::MIN), newest: Micros(i64::MAX), committed: Micros(i64::MAX) };
}

/// A segment every part of the log shares.
#[derive(Debug)]
pub(super) struct Segment {
    /// The lowest position it may hold; its name.
    pub first: u64,
    /// Its file.
    pub path: PathBuf,
    /// When it was opened for the first time.
    pub opened: Micros,
    state: Mutex<(Stage, Times)>,
    bytes: AtomicU64,
    checkpoint_wanted: AtomicBool,
    checkpoint_done: AtomicBool,
    derived_bytes: AtomicU64,
    removed: AtomicBool,
    damaged: AtomicBool,
}

impl Segment {
    /// A segment as recovery or the writer found it.
    pub fn new(path: PathBuf, meta: &Meta, stage: Stage, times: Times, bytes: u64) -> Segment {
        let derived_bytes = file_bytes(&streams_path(&path));
        Segment {
            first: meta.first,
            path,
            opened: meta.opened,
            state: Mutex::new((stage, times)),
            bytes: AtomicU64::new(bytes),
            checkpoint_wanted: AtomicBool::new(false),
            checkpoint_done: AtomicBool::new(false),
            derived_bytes: AtomicU64::new(derived_bytes),
            removed: AtomicBool::new(false),
            damaged: AtomicBool::new(false),
        }
    }

    /// Where it is in its life.
    pub fn stage(&self) -> Stage {
        locked(&self.state).0
    }

    /// The times of its events.
    pub fn times(&self) -> Times {
        locked(&self.state).1
    }

    /// The next step of its life.
    pub fn enter(&self, stage: Stage, times: Times) {
        *locked(&self.state) = (stage, times);
    }

    /// Bytes of its events; once sealed, of its file.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Bytes of it and of its derived events.
    pub fn all_bytes(&self) -> u64 {
        self.bytes() + self.derived_bytes.load(Ordering::Relaxed)
    }

    /// Counts bytes that were appended.
    pub fn grow(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts bytes of derived events.
    pub fn grow_derived(&self, bytes: u64) {
        self.derived_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Replaces the estimate by the size of the file.
    pub fn measure(&self) {
        self.bytes.store(file_bytes(&self.path), Ordering::Relaxed);
    }

    /// The writer wants its write-ahead log copied into the file.
    pub fn want_checkpoint(&self) {
        self.checkpoint_wanted.store(true, Ordering::Release);
    }

    /// True once for each [`Segment::want_checkpoint`].
    pub fn take_checkpoint_wanted(&self) -> bool {
        self.checkpoint_wanted.swap(false, Ordering::AcqRel)
    }

    /// Almost everything was copied.
    pub fn checkpoint_done(&self) {
        self.checkpoint_done.store(true, Ordering::Release);
    }

    /// True once for each [`Segment::checkpoint_done`].
    pub fn take_checkpoint_done(&self) -> bool {
        self.checkpoint_done.swap(false, Ordering::AcqRel)
    }

    /// True once retention has removed its files.
    pub fn removed(&self) -> bool {
        self.removed.load(Ordering::Acquire)
    }

    /// Its file is damaged: nothing is written to it any more, what can be read is.
    pub fn give_up(&self) {
        self.damaged.store(true, Ordering::Release);
    }

    /// True after [`Segment::give_up`].
    pub fn damaged(&self) -> bool {
        self.damaged.load(Ordering::Acquire)
    }

    /// Unlinks its files. The data file goes first: whatever a crash leaves of the others belongs to nothing and is
    /// deleted by the next start.
    pub fn remove(&self) -> std::io::Result<()> {
        self.removed.store(true, Ordering::Release);
        remove_with_side_files(&self.path)?;
        remove_with_side_files(&streams_path(&self.path))?;
        remove_with_side_files(&damaged_streams_path(&self.path))
    }
}

/// The first row of every segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Meta {
    /// The lowest position it may hold.
    pub first: u64,
    /// First position of the segment before it; 0 for the first one of a log.
    pub previous: u64,
    /// When it was made.
    pub opened: Micros,
}

/// `<first position, 20 digits>.db`.
pub(super) fn path(dir: &Path, first: u64) -> PathBuf {
    dir.join(format!("{first:020}.db"))
}

/// Reads the first position from a segment's file name.
pub(super) fn first_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".db")?;
    if digits.len() == 20 { digits.parse().ok() } else { None }
}

/// The sibling file that holds derived events.
pub(super) fn streams_path(segment: &Path) -> PathBuf {
    segment.with_extension("streams.db")
}

/// Where that file goes when it is damaged.
pub(super) fn damaged_streams_path(segment: &Path) -> PathBuf {
    segment.with_extension("streams.db.damaged")
}

/// A file of SQLite beside a database: `-wal`, `-shm`.
pub(super) fn side_file(database: &Path, suffix: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Unlinks a database and what SQLite keeps beside it.
pub(super) fn remove_with_side_files(database: &Path) -> std::io::Result<()> {
    for path in [database.to_path_buf(), side_file(database, "-wal"), side_file(database, "-shm")] {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Length of a file; 0 when there is none.
pub(super) fn file_bytes(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |meta| meta.len())
}

/// Makes the file of a new segment under another name and moves it into place, so that a segment's name never stands for
/// half a file.
pub(super) fn create(dir: &Path, meta: &Meta) -> Result<PathBuf, rusqlite::Error> {
    let making = dir.join(MAKING);
    remove_with_side_files(&making).map_err(io_error)?;
    let connection = Connection::open(&making)?;
    connection.execute_batch(&format!("PRAGMA page_size={PAGE_BYTES}; PRAGMA synchronous=OFF; BEGIN; {SCHEMA}"))?;
    connection.execute(
        "INSERT INTO meta VALUES (?1, ?2, ?3, ?4)",
        (FORMAT, to_sql(meta.first), to_sql(meta.previous), meta.opened.0),
    )?;
    connection.execute_batch("COMMIT; PRAGMA journal_mode=WAL;")?;
    connection.close().map_err(|(_, error)| error)?;
    let path = path(dir, meta.first);
    sync_file(&making)
        .and_then(|()| std::fs::rename(&making, &path))
        .and_then(|()| sync_file(dir))
        .map_err(io_error)?;
    Ok(path)
}

/// Opens a segment or a file of derived events for writing. Every commit is on disk when it returns.
pub(super) fn open_writer(path: &Path) -> Result<Connection, rusqlite::Error> {
    let connection = connect(path)?;
    connection.execute_batch("PRAGMA synchronous=FULL; PRAGMA cache_size=-1024;")?;
    Ok(connection)
}

/// Opens a segment for sealing and checkpoints. Its own commits are on disk with the next checkpoint.
pub(super) fn open_sealer(path: &Path) -> Result<Connection, rusqlite::Error> {
    let connection = connect(path)?;
    connection.execute_batch("PRAGMA synchronous=NORMAL; PRAGMA cache_size=-512;")?;
    // Better to try again later than to keep the upkeep thread from making the next segment.
    connection.busy_timeout(Duration::from_millis(50))?;
    Ok(connection)
}

/// Opens a file that is still written to, for reading.
pub(super) fn open_reader(path: &Path) -> Result<Connection, rusqlite::Error> {
    let connection = connect(path)?;
    connection.execute_batch("PRAGMA query_only=ON; PRAGMA cache_size=-512;")?;
    Ok(connection)
}

/// Opens a sealed segment for reading: nobody writes to it, so nothing is locked.
pub(super) fn open_sealed(path: &Path) -> Result<Connection, rusqlite::Error> {
    open_uri(path, "immutable=1")
}

/// Opens a file another process may be writing to, for reading: nothing is written and no file is made. The write-ahead log
/// and its index must be there.
pub(super) fn open_beside(path: &Path) -> Result<Connection, rusqlite::Error> {
    let connection = open_uri(path, "mode=ro&readonly_shm=1")?;
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    Ok(connection)
}

fn open_uri(path: &Path, parameters: &str) -> Result<Connection, rusqlite::Error> {
    let encoded = percent_encoding::percent_encode(path.as_os_str().as_encoded_bytes(), URI_PATH);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(format!("file:{encoded}?{parameters}"), flags)?;
    connection.execute_batch("PRAGMA cache_size=-512;")?;
    Ok(connection)
}

const URI_PATH: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_').remove(b'~');

fn connect(path: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    // Closing one connection must never checkpoint: after a failed fsync nothing may be written again.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.execute_batch("PRAGMA wal_autocheckpoint=0;")?;
    Ok(connection)
}

/// Bytes a group of `bytes` takes in the write-ahead log, about: its pages are full, but for the last ones of two tables.
pub(super) fn wal_bytes(bytes: u64) -> u64 {
    let page = u64::from(PAGE_BYTES) + FRAME_BYTES;
    (bytes / u64::from(PAGE_BYTES) + 3) * page
}

/// Copies what the write-ahead log holds into the file, as far as nobody is in the way. Appends go on meanwhile.
pub(super) fn checkpoint(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")?.query_row([], |_| Ok(()))
}

/// Reads the first row.
pub(super) fn read_meta(connection: &Connection) -> Result<(i64, Meta), rusqlite::Error> {
    connection.query_row("SELECT format, first, previous, opened FROM meta", [], |row| {
        let meta = Meta { first: from_sql(row.get(1)?), previous: from_sql(row.get(2)?), opened: Micros(row.get(3)?) };
        Ok((row.get(0)?, meta))
    })
}

/// A position as SQLite keeps it.
pub(super) fn to_sql(position: u64) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX)
}

/// A position from SQLite.
pub(super) fn from_sql(position: i64) -> u64 {
    u64::try_from(position).unwrap_or(0)
}

/// Flushes a file or a folder's list of names.
pub(super) fn sync_file(path: &Path) -> std::io::Result<()> {
    std::fs::File::open(path)?.sync_all()
}

/// Flushes the name of a file or folder.
pub(super) fn sync_parent(path: &Path) -> std::io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_file(parent),
        _ => sync_file(Path::new(".")),
    }
}

/// An error of the file system where SQLite's are returned.
pub(super) fn io_error(error: std::io::Error) -> rusqlite::Error {
    let full = matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded);
    let code = if full { rusqlite::ffi::SQLITE_FULL } else { rusqlite::ffi::SQLITE_IOERR };
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), Some(error.to_string()))
}

/// True when the error says the disk has no room left.
pub(super) fn is_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull)
}

/// True when the error says that the bytes of the file are wrong, rather than that it could not be read.
pub(super) fn is_corrupt(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(error.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
}
