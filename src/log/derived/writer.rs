//! The thread that stores derived events, and the files it writes.

use super::{LANE_BITS, LaneKey, Request, each_row, lanes, sum};
use crate::lane_name::LaneName;
use crate::log::inbox::Taken;
use crate::log::segment::{self, Segment, to_sql};
use crate::log::shared::Shared;
use crate::log::{AppendError, locked, seal};
use bytestring::ByteString;
use rusqlite::{Connection, OpenFlags};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Files the thread keeps open.
const OPEN_FILES: usize = 4;
/// What a row costs beside its record.
const ROW_BYTES: u64 = 24;

const SCHEMA: &str = "
PRAGMA page_size=8192;
PRAGMA journal_mode=WAL;
CREATE TABLE IF NOT EXISTS lanes (
  id INTEGER PRIMARY KEY, route TEXT NOT NULL, name TEXT NOT NULL, stream TEXT NOT NULL, UNIQUE (route, name, stream));
CREATE TABLE IF NOT EXISTS derived (id INTEGER PRIMARY KEY, sum INTEGER NOT NULL, record BLOB NOT NULL);
";

/// Runs until the inbox is closed and empty, or a write fails.
pub fn run(shared: &Shared) {
    let mut files: Vec<File> = Vec::new();
    let mut waiting = Vec::new();
    while shared.derived.inbox.take(&mut waiting) == Taken::Some {
        files.retain(|file| !file.segment.removed());
        let mut groups: BTreeMap<u64, (Arc<Segment>, Vec<Request>)> = BTreeMap::new();
        for request in waiting.drain(..) {
            match shared.segments.holding(request.position) {
                Some((segment, _)) => {
                    groups.entry(segment.first).or_insert_with(|| (segment, Vec::new())).1.push(request);
                }
                // Its segment was removed: everybody has settled the event, nobody will read a change of it.
                None => drop(request.answer.send(Ok(()))),
            }
        }
        for (segment, group) in groups.into_values() {
            if let Err(error) = store(shared, &mut files, &segment, group) {
                let path = segment::streams_path(&segment.path);
                shared.break_log(format!("cannot write `{}`: {error}", path.display()));
                return;
            }
        }
        // Readers of streams wait for it.
        shared.head.send_modify(|_| {});
    }
    files.into_iter().for_each(File::close);
}

fn store(
    shared: &Shared,
    files: &mut Vec<File>,
    segment: &Arc<Segment>,
    group: Vec<Request>,
) -> Result<(), rusqlite::Error> {
    let mut written = file(files, segment).and_then(|file| file.write(&group));
    if written.as_ref().is_err_and(segment::is_corrupt) {
        files.retain(|file| file.segment.first != segment.first);
        shared.derived.forget(segment);
        salvage(shared, segment)?;
        written = file(files, segment).and_then(|file| file.write(&group));
    }
    let outcome = match written {
        Ok(bytes) => {
            segment.grow_derived(bytes);
            let named = group.iter().map(|request| (key(&request.lane), request.stream.clone()));
            locked(&shared.derived.streams).extend(named);
            Ok(())
        }
        Err(error) if segment::is_full(&error) && files.last().is_none_or(File::rolled_back) => {
            Err(AppendError::Full { holder: shared.holder() })
        }
        Err(error) => return Err(error),
    };
    for request in group {
        // A caller that went away does not want the answer.
        request.answer.send(outcome.clone()).ok();
    }
    Ok(())
}

/// A damaged file is put aside, and what can be read of it begins a new one.
fn salvage(shared: &Shared, segment: &Arc<Segment>) -> Result<(), rusqlite::Error> {
    let path = segment::streams_path(&segment.path);
    let aside = segment::damaged_streams_path(&segment.path);
    tracing::error!(file = %path.display(), aside = %aside.display(), "changed events are damaged; saving what can be read");
    for end in ["", "-wal"] {
        let from = segment::side_file(&path, end);
        if from.exists() {
            std::fs::rename(from, segment::side_file(&aside, end)).map_err(segment::io_error)?;
        }
    }
    segment::remove_with_side_files(&path).map_err(segment::io_error)?;
    let damaged = segment::open_reader(&aside)?;
    let Ok(lanes) = lanes(&damaged) else { return Ok(()) };
    let fresh = File::open(segment)?;
    fresh.connection.execute_batch("BEGIN")?;
    for (id, ((route, name), stream)) in &lanes {
        let lane = (to_sql(*id), &**route, &**name, &**stream);
        fresh.connection.execute("INSERT INTO lanes (id, route, name, stream) VALUES (?1, ?2, ?3, ?4)", lane)?;
    }
    let mut failed = None;
    let positions = segment.first..shared.head() + 1;
    let mut bad = |position| shared.damage.note(&path, position);
    each_row(&damaged, positions, &mut bad, &mut |id, record| {
        let row = record.map(|record| (to_sql(id), sum(id, record), record));
        let copied = row.map(|row| fresh.connection.execute("INSERT INTO derived VALUES (?1, ?2, ?3)", row));
        if let Some(Err(error)) = copied {
            failed = Some(error);
        }
    })?;
    failed.map_or(Ok(()), Err)?;
    fresh.connection.execute_batch("COMMIT")
}

fn key(lane: &LaneName) -> LaneKey {
    (lane.route.clone(), lane.name.clone())
}

/// A file of derived events, open for writing.
struct File {
    segment: Arc<Segment>,
    connection: Connection,
    lanes: HashMap<(LaneKey, ByteString), u64>,
}

/// The file of a segment, at the end of the list of open ones.
fn file<'f>(files: &'f mut Vec<File>, segment: &Arc<Segment>) -> Result<&'f mut File, rusqlite::Error> {
    if let Some(at) = files.iter().position(|file| file.segment.first == segment.first) {
        let file = files.remove(at);
        files.push(file);
    } else {
        files.push(File::open(segment)?);
        if files.len() > OPEN_FILES {
            files.remove(0).close();
        }
    }
    files.last_mut().ok_or(rusqlite::Error::InvalidQuery)
}

impl File {
    fn open(segment: &Arc<Segment>) -> Result<File, rusqlite::Error> {
        let path = segment::streams_path(&segment.path);
        if !path.exists() {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
            Connection::open_with_flags(&path, flags)?.close().map_err(|(_, error)| error)?;
        }
        let connection = segment::open_writer(&path)?;
        connection.execute_batch(SCHEMA)?;
        connection.execute_batch("PRAGMA wal_autocheckpoint=1000;")?;
        let lanes = lanes(&connection)?.into_iter().map(|(id, lane)| (lane, id)).collect();
        Ok(File { segment: segment.clone(), connection, lanes })
    }

    /// Stores a group. When this returns, it is on disk. Returns its bytes.
    fn write(&mut self, group: &[Request]) -> Result<u64, rusqlite::Error> {
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        let mut bytes = 0;
        for request in group {
            let lane = self.lane(request)?;
            let id = request.position << LANE_BITS | lane;
            self.connection
                .prepare_cached("INSERT OR REPLACE INTO derived (id, sum, record) VALUES (?1, ?2, ?3)")?
                .execute((to_sql(id), sum(id, &request.record), &request.record))?;
            self.drop_from_other_streams(request, lane)?;
            bytes += request.record.len() as u64 + ROW_BYTES;
        }
        self.connection.execute_batch("COMMIT")?;
        Ok(bytes)
    }

    fn lane(&mut self, request: &Request) -> Result<u64, rusqlite::Error> {
        let lane = (key(&request.lane), request.stream.clone());
        if let Some(id) = self.lanes.get(&lane) {
            return Ok(*id);
        }
        let id = self.lanes.values().max().map_or(1, |highest| highest + 1);
        if id >= 1 << LANE_BITS {
            return Err(segment::io_error(std::io::ErrorKind::QuotaExceeded.into()));
        }
        self.connection
            .prepare_cached("INSERT INTO lanes (id, route, name, stream) VALUES (?1, ?2, ?3, ?4)")?
            .execute((to_sql(id), &*request.lane.route, &*request.lane.name, &*request.stream))?;
        self.lanes.insert(lane, id);
        Ok(id)
    }

    /// The lane stored the same event to another stream before its route was edited: the new one replaces it.
    fn drop_from_other_streams(&self, request: &Request, lane: u64) -> Result<(), rusqlite::Error> {
        let same = key(&request.lane);
        for ((other, _), id) in &self.lanes {
            if *id != lane && *other == same {
                self.connection
                    .prepare_cached("DELETE FROM derived WHERE id = ?1")?
                    .execute([to_sql(request.position << LANE_BITS | id)])?;
            }
        }
        Ok(())
    }

    fn rolled_back(&self) -> bool {
        let connection = &self.connection;
        connection.is_autocommit() || connection.execute_batch("ROLLBACK").is_ok() && connection.is_autocommit()
    }

    fn close(self) {
        // Only tidies up: the write-ahead log would be read at the next opening just as well.
        if let Err(error) = seal::fold(&self.connection) {
            tracing::debug!(%error, "derived events stay in their write-ahead log");
        }
    }
}
