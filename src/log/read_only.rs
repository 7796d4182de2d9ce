//! A log read from outside, by a process that does not hold the lock of the data directory: beside the gateway that writes
//! to it, or while none runs. Nothing is written and no file is made in it.
//!
//! A sealed segment never changes and is read as it is. One that has a write-ahead log is read through SQLite's own index
//! over it (`-shm`), opened for reading only. Where that index is missing, as in a copy of some files, it would have to be
//! made, and is made beside a copy in another folder.

use super::reader::{self, Bounds, Reader};
use super::record::Entry;
use super::segment::{self, FORMAT, Segment, Stage, Times, side_file};
use super::shared::Damage;
use super::{OpenError, recovery, seal, walk};
use crate::units::Micros;
use rusqlite::Connection;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// What one read brings at most.
const BOUNDS: Bounds = Bounds { limit: 256, bytes: 4 << 20 };
/// A segment may be sealed between the look at its files and the moment they are opened.
const TRIES: usize = 3;

/// The log of a data directory as it was when it was opened; what is appended later is not seen.
pub struct ReadOnlyLog {
    /// Segments by their first position, in order.
    segments: Vec<(u64, PathBuf)>,
    last: u64,
    open: Option<Opened>,
    damage: Damage,
}

/// The segment that was read last.
struct Opened {
    reader: Reader,
    last: Option<u64>,
    /// Opened as a file that nobody writes to.
    alone: bool,
    /// Where the copy is that is read in its place.
    _copy: Option<TempDir>,
}

/// What one read brought.
#[derive(Debug, Default)]
pub struct Batch {
    /// Entries in order.
    pub entries: Vec<Arc<Entry>>,
    /// Where to go on; `None` at the end.
    pub next: Option<u64>,
}

impl ReadOnlyLog {
    /// Opens the log in `dir` (`data/log`). `None`: there is none.
    pub fn open(dir: &Path) -> Result<Option<ReadOnlyLog>, OpenError> {
        let segments = match recovery::named(dir) {
            Ok(segments) => segments,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
            Err(source) => return Err(OpenError::Io { path: dir.to_owned(), source }),
        };
        if segments.is_empty() {
            return Ok(None);
        }
        let mut log = ReadOnlyLog { last: 0, segments, open: None, damage: Damage::default() };
        for at in (0..log.segments.len()).rev() {
            if let Some(last) = log.opened(at)?.and_then(|opened| opened.last) {
                log.last = last;
                break;
            }
        }
        Ok(Some(log))
    }

    /// The lowest position it may hold.
    pub fn first(&self) -> u64 {
        self.segments.first().map_or(1, |(first, _)| *first)
    }

    /// The highest position it holds; 0 when it is empty.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Records that were left out because they are not what was written.
    pub fn damaged(&self) -> usize {
        self.damage.count()
    }

    /// The next entries at or above `from`. Entries received before `since` may be left out. A call may bring nothing and
    /// still get on.
    pub fn read(&mut self, from: u64, since: Micros) -> Result<Batch, OpenError> {
        let at = self.segments.partition_point(|(first, _)| *first <= from).saturating_sub(1);
        let end = self.segments.get(at + 1).map_or(u64::MAX, |(next, _)| *next);
        let next = |position: u64, last: u64| Some(position).filter(|position| *position <= last);
        let last = self.last;
        if from > last {
            return Ok(Batch::default());
        }
        let (path, damage) = (self.path(at), std::mem::take(&mut self.damage));
        let read = || {
            // Retention may have removed it.
            let Some(opened) = self.opened(at)? else { return Ok(Vec::new()) };
            let upto = opened.last.unwrap_or(0).min(last);
            if upto < from || opened.reader.segment.times().newest < since {
                return Ok(Vec::new());
            }
            reader::some_of(&mut opened.reader, &damage, from..=upto, BOUNDS)
                .map_err(|source| OpenError::Segment { path, source })
        };
        let entries = read();
        self.damage = damage;
        let entries = entries?;
        let next = entries.last().map_or(next(end, last), |entry| next(entry.position + 1, last));
        Ok(Batch { entries, next })
    }

    fn path(&self, at: usize) -> PathBuf {
        self.segments.get(at).map(|(_, path)| path.clone()).unwrap_or_default()
    }

    /// A segment, opened; `None` when it is gone.
    fn opened(&mut self, at: usize) -> Result<Option<&mut Opened>, OpenError> {
        let Some((first, path)) = self.segments.get(at) else { return Ok(None) };
        if self.open.as_ref().is_none_or(|open| !open.is_current(*first)) {
            self.open = None;
            self.open = open(*first, path)?;
        }
        Ok(self.open.as_mut())
    }
}

impl Opened {
    fn is_current(&self, first: u64) -> bool {
        let segment = &self.reader.segment;
        // A gateway has begun to write to what nobody wrote to.
        let begun = self.alone && segment.stage() != Stage::Sealed && side_file(&segment.path, "-shm").exists();
        segment.first == first && !begun
    }
}

fn open(first: u64, path: &Path) -> Result<Option<Opened>, OpenError> {
    let mut tries = TRIES;
    loop {
        tries -= 1;
        match try_open(first, path) {
            Ok(opened) => return Ok(Some(opened)),
            Err(_) if !path.exists() => return Ok(None),
            Err(error) if tries == 0 => return Err(error),
            Err(_) => {}
        }
    }
}

fn try_open(first: u64, path: &Path) -> Result<Opened, OpenError> {
    let fail = |source| OpenError::Segment { path: path.to_owned(), source };
    let (alone, copy, connection) = connect(path)?;
    let (format, meta) = segment::read_meta(&connection).map_err(fail)?;
    if format != FORMAT || meta.first != first {
        let detail = format!("it has format {format} and begins at {}", meta.first);
        let source = std::io::Error::new(ErrorKind::InvalidData, detail);
        return Err(OpenError::Io { path: path.to_owned(), source });
    }
    let seal = seal::read(&connection).map_err(fail)?;
    let last = walk::last_position(&connection).map_err(fail)?;
    let (stage, times) = match seal {
        Some((_, times)) => (Stage::Sealed, times),
        None => (Stage::Open, Times::UNKNOWN),
    };
    let segment = Arc::new(Segment::new(path.to_owned(), &meta, stage, times, 0));
    Ok(Opened { reader: Reader::new(&segment, connection), last, alone, _copy: copy })
}

/// True when nobody writes to the file, the copy that is read in its place, and the connection.
fn connect(path: &Path) -> Result<(bool, Option<TempDir>, Connection), OpenError> {
    let fail = |source| OpenError::Segment { path: path.to_owned(), source };
    if side_file(path, "-shm").exists() {
        return Ok((false, None, segment::open_beside(path).map_err(fail)?));
    }
    if segment::file_bytes(&side_file(path, "-wal")) == 0 {
        return Ok((true, None, segment::open_sealed(path).map_err(fail)?));
    }
    let copied = || {
        let folder = tempfile::tempdir()?;
        let copy = folder.path().join("copy.db");
        std::fs::copy(path, &copy)?;
        std::fs::copy(side_file(path, "-wal"), side_file(&copy, "-wal"))?;
        Ok((folder, copy))
    };
    let (folder, copy) = copied().map_err(|source| OpenError::Io { path: path.to_owned(), source })?;
    Ok((true, Some(folder), segment::open_reader(&copy).map_err(fail)?))
}
