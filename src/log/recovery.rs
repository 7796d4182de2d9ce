//! Opening the log: what files there are, which one goes on, and what a crash left behind.

use super::commit;
use super::decisions::Numbers;
use super::duplicates::Window;
use super::reader::Reader;
use super::segment::{self, FORMAT, Meta, Segment, Stage, Times, from_sql, to_sql};
use super::segments::Segments;
use super::shared::{Found, Shared};
use super::writer::{Active, Clock};
use super::{OpenError, Options, ReadError, seal, upkeep, walk};
use crate::units::Micros;
use rusqlite::Connection;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What one file says about itself.
struct File {
    path: PathBuf,
    meta: Meta,
    /// The highest position in it.
    last: Option<u64>,
    /// It has its index and no write-ahead log.
    sealed: bool,
    times: Times,
    bytes: u64,
}

/// What the files say: the segments and the highest position.
pub(super) fn recover(options: &Options) -> Result<Found, OpenError> {
    let dir = &options.dir;
    let fail = |source| OpenError::Io { path: dir.clone(), source };
    std::fs::create_dir_all(dir).and_then(|()| segment::sync_parent(dir)).map_err(fail)?;
    segment::remove_with_side_files(&dir.join(segment::MAKING)).map_err(fail)?;
    let mut files = Vec::new();
    for (first, path) in named(dir).map_err(fail)? {
        files.push(inspect(first, path)?);
    }
    let files = without_unused(files)?;
    check_chain(dir, &files)?;
    remove_orphans(dir, &files).map_err(fail)?;
    let head = files.last().map_or(0, |last| last.last.unwrap_or(last.meta.first - 1));
    let open = files.len().saturating_sub(1);
    let segments = files.into_iter().enumerate().map(|(at, file)| {
        let stage = match (file.sealed, at == open) {
            (true, _) => Stage::Sealed,
            (false, true) => Stage::Open,
            (false, false) => Stage::Full,
        };
        Arc::new(Segment::new(file.path, &file.meta, stage, file.times, file.bytes))
    });
    Ok(Found { segments: Segments::new(segments.collect()), head })
}

/// Segment files by name, in order.
pub(super) fn named(dir: &Path) -> std::io::Result<Vec<(u64, PathBuf)>> {
    let mut files = Vec::new();
    for file in std::fs::read_dir(dir)? {
        let file = file?;
        if let Some(first) = file.file_name().to_str().and_then(segment::first_of) {
            files.push((first, file.path()));
        }
    }
    files.sort_unstable();
    Ok(files)
}

fn inspect(first: u64, path: PathBuf) -> Result<File, OpenError> {
    let fail = |source| OpenError::Segment { path: path.clone(), source };
    let folded = segment::file_bytes(&segment::side_file(&path, "-wal")) == 0;
    let connection = if folded { segment::open_sealed(&path) } else { segment::open_reader(&path) }.map_err(fail)?;
    let (format, meta) = segment::read_meta(&connection).map_err(fail)?;
    if format != FORMAT || meta.first != first {
        let detail = if format == FORMAT {
            format!("it began as the segment of position {}; was it renamed?", meta.first)
        } else {
            format!("it has format {format}, this version reads format {FORMAT}")
        };
        return Err(OpenError::Io { path, source: std::io::Error::new(std::io::ErrorKind::InvalidData, detail) });
    }
    let seal = seal::read(&connection).map_err(fail)?;
    let last = walk::last_position(&connection).map_err(fail)?;
    let pages = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
    let bytes = connection.query_row(pages, [], |row| row.get(0)).map(from_sql).map_err(fail)?;
    let sealed = folded && seal.is_some();
    let times = seal.map_or(Times::UNKNOWN, |(_, times)| times);
    drop(connection);
    Ok(File { path, meta, last, sealed, times, bytes })
}

/// Deletes segments that were made in advance and never used. The last one stays when the one before it takes no more
/// events, or when it alone knows which positions were given.
fn without_unused(files: Vec<File>) -> Result<Vec<File>, OpenError> {
    let previous_of_next: Vec<Option<u64>> =
        files.iter().skip(1).map(|next| Some(next.meta.previous)).chain([None]).collect();
    let mut kept: Vec<File> = Vec::new();
    for (file, previous_of_next) in files.into_iter().zip(previous_of_next) {
        let keep = match previous_of_next {
            _ if file.last.is_some() || file.sealed => true,
            None => kept.last().is_none_or(|before| before.sealed),
            Some(previous) => previous == file.meta.first,
        };
        if keep && file.last.is_none() && previous_of_next.is_some() {
            tracing::warn!(segment = %file.path.display(), position = file.meta.first,
                "a segment holds no events although later ones do: they were lost");
        }
        if keep {
            kept.push(file);
        } else {
            segment::remove_with_side_files(&file.path)
                .map_err(|source| OpenError::Io { path: file.path.clone(), source })?;
        }
    }
    Ok(kept)
}

/// Every segment knows the one before it: only the oldest ones may be gone.
fn check_chain(dir: &Path, files: &[File]) -> Result<(), OpenError> {
    for pair in files.windows(2) {
        let (before, after) = (&pair[0].meta, &pair[1].meta);
        if after.previous != before.first {
            let detail = format!("the segment is missing although `{}` follows it", pair[1].path.display());
            let source = std::io::Error::new(std::io::ErrorKind::NotFound, detail);
            return Err(OpenError::Io { path: segment::path(dir, after.previous), source });
        }
    }
    Ok(())
}

/// Deletes what retention left when it was killed between two files of one segment.
fn remove_orphans(dir: &Path, files: &[File]) -> std::io::Result<()> {
    for file in std::fs::read_dir(dir)? {
        let path = file?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let beside = |first: &str| ["-wal", "-shm"].iter().any(|end| name == format!("{first}.db{end}"));
        let first = name.split('.').next().unwrap_or_default();
        let ours = first.len() == 20 && (beside(first) || name.starts_with(&format!("{first}.streams.db")));
        let known = first.parse().is_ok_and(|first: u64| files.iter().any(|file| file.meta.first == first));
        if ours && !known {
            std::fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// The segment the writer goes on in: the last one, or a new one when there is none or the last one is sealed.
pub(super) fn activate(shared: &Shared) -> Result<Active, OpenError> {
    let last = shared.segments.all().pop();
    if let Some(segment) = last.as_ref().filter(|segment| segment.stage() == Stage::Open) {
        return go_on(shared, segment).map_err(|source| OpenError::Segment { path: segment.path.clone(), source });
    }
    let previous = last.map_or(0, |segment| segment.first);
    let meta = Meta { first: shared.head() + 1, previous, opened: Micros::now() };
    let path = segment::path(&shared.options.dir, meta.first);
    let fail = |error: rusqlite::Error| OpenError::Io { path, source: std::io::Error::other(error) };
    let (segment, connection) = upkeep::make(shared, &meta).map_err(fail)?;
    shared.segments.push(segment.clone());
    Ok(Active::new(segment, connection, Numbers::default()))
}

fn go_on(shared: &Shared, segment: &Arc<Segment>) -> Result<Active, rusqlite::Error> {
    let connection = segment::open_writer(&segment.path)?;
    let last = connection.query_row("SELECT coalesce(max(id), 0) FROM decisions", [], |row| row.get(0))?;
    let frames = connection.query_row("PRAGMA wal_checkpoint(NOOP)", [], |row| row.get::<_, i64>(1))?;
    let page = connection.query_row("PRAGMA page_size", [], |row| row.get::<_, i64>(0))?;
    let wal = segment::side_file(&segment.path, "-wal");
    if is_torn(&wal, from_sql(frames.max(0)), from_sql(page)).map_err(segment::io_error)? {
        tracing::warn!(file = %wal.display(), position = shared.head(),
            "the log ends in a commit that was not finished; what follows this position was dropped");
    }
    Ok(Active::new(segment.clone(), connection, Numbers::after(last)))
}

/// True when a write-ahead log of which SQLite took `frames` goes on with a frame of the same round.
fn is_torn(wal: &Path, frames: u64, page: u64) -> std::io::Result<bool> {
    let end = WAL_HEAD + frames * (FRAME_HEAD + page);
    let length = segment::file_bytes(wal);
    if length <= end {
        return Ok(false);
    }
    let mut file = std::fs::File::open(wal)?;
    let mut salts = [[0; 8]; 2];
    for (salt, at) in salts.iter_mut().zip([16, end + 8]) {
        file.seek(SeekFrom::Start(at))?;
        if file.read(salt)? < salt.len() {
            return Ok(true);
        }
    }
    Ok(salts[0] == salts[1])
}

/// Lengths from SQLite's description of the WAL format.
const WAL_HEAD: u64 = 32;
const FRAME_HEAD: u64 = 24;

/// Fills the duplicate window from the commit rows that are younger than it is long.
pub(super) fn window(shared: &Shared, clock: Clock) -> Result<Window, ReadError> {
    let options = &shared.options;
    let (now, wall) = (clock.now(), Micros::now());
    let mut window = Window::new(options.duplicate_window, options.duplicate_events, now);
    let mut search = Young { wall, options, events: 0, done: false };
    let mut young = Vec::new();
    for segment in shared.segments.all().into_iter().rev() {
        if !search.done {
            let first = shared.pool.with(&segment, |reader| search.first_of(&reader.connection))?;
            young.push((segment, first.flatten()));
        }
    }
    for (segment, first) in young.into_iter().rev() {
        let Some(first) = first else { continue };
        let mut remember = |fingerprint, position, at| {
            let age = i64::try_from(wall.since(at).as_millis()).unwrap_or(i64::MAX);
            window.insert(fingerprint, position, now.saturating_sub(age));
        };
        shared.pool.with(&segment, |reader| fingerprints(reader, first, &mut remember))?;
    }
    Ok(window)
}

/// Looks backwards for the first commit that is young enough.
struct Young<'o> {
    wall: Micros,
    options: &'o Options,
    events: usize,
    done: bool,
}

impl Young<'_> {
    fn first_of(&mut self, connection: &Connection) -> Result<Option<u64>, rusqlite::Error> {
        let mut find = connection.prepare("SELECT first, body FROM commits ORDER BY first DESC")?;
        let mut rows = find.query([])?;
        let mut found = None;
        while !self.done {
            let row = match rows.next() {
                Ok(Some(row)) => row,
                Ok(None) => break,
                Err(error) if segment::is_corrupt(&error) => break,
                Err(error) => return Err(error),
            };
            let first = from_sql(row.get(0)?);
            let Some(head) = row.get_ref(1)?.as_blob().ok().and_then(|body| commit::head(first, body)) else {
                continue;
            };
            self.done = self.wall.since(head.at) >= self.options.duplicate_window
                || self.events >= self.options.duplicate_events;
            if !self.done {
                self.events += usize::try_from(head.events).unwrap_or(usize::MAX);
                found = Some(first);
            }
        }
        Ok(found)
    }
}

fn fingerprints(
    reader: &mut Reader,
    from: u64,
    remember: &mut dyn FnMut(u128, u64, Micros),
) -> Result<(), rusqlite::Error> {
    let mut find = reader.connection.prepare("SELECT first, body FROM commits WHERE first >= ?1 ORDER BY first")?;
    let mut rows = find.query([to_sql(from)])?;
    let mut summaries = Vec::new();
    loop {
        let row = match rows.next() {
            Ok(Some(row)) => row,
            Ok(None) => return Ok(()),
            Err(error) if segment::is_corrupt(&error) => return Ok(()),
            Err(error) => return Err(error),
        };
        let first = from_sql(row.get(0)?);
        let Ok(body) = row.get_ref(1)?.as_blob() else { continue };
        let Some(head) = commit::head(first, body) else { continue };
        summaries.clear();
        if commit::summaries(first, body, &mut summaries).is_some() {
            for summary in &summaries {
                if let Some(fingerprint) = summary.fingerprint {
                    remember(fingerprint, summary.position, head.at);
                }
            }
        }
    }
}
