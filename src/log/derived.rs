//! Changed events that lanes store beside the originals: one sibling file a segment, made when first needed and removed
//! with the segment. Written by a thread of its own, in groups, each on disk before it is answered.

use super::inbox::{Inbox, Taken};
use super::record::{self, Entry, Record};
use super::segment::{self, Segment, from_sql, to_sql};
use super::shared::{Damage, Shared};
use super::{AppendError, locked};
use crate::lane_name::LaneName;
use bytes::Bytes;
use bytestring::ByteString;
use rusqlite::{Connection, OpenFlags};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::sync::{Arc, Mutex};
use tokio::sync::oneshot;

/// A row's key is its position and, in these lowest bits, its lane.
const LANE_BITS: u32 = 20;
/// Files the thread keeps open.
const OPEN_FILES: usize = 4;
/// Connections kept for readers.
const IDLE_READERS: usize = 4;
/// What a row costs beside its record.
const ROW_BYTES: u64 = 24;

const SCHEMA: &str = "
PRAGMA page_size=8192;
PRAGMA journal_mode=WAL;
CREATE TABLE IF NOT EXISTS lanes (
  id INTEGER PRIMARY KEY, route TEXT NOT NULL, name TEXT NOT NULL, stream TEXT NOT NULL, UNIQUE (route, name, stream));
CREATE TABLE IF NOT EXISTS derived (id INTEGER PRIMARY KEY, sum INTEGER NOT NULL, record BLOB NOT NULL);
";

/// A lane as derived events know it: route and name.
pub(super) type LaneKey = (ByteString, ByteString);

/// The queue of the thread, and what is known about lanes that store derived events.
pub(super) struct Derived {
    inbox: Inbox<Request>,
    /// The stream each such lane stored to last.
    streams: Mutex<HashMap<LaneKey, ByteString>>,
    readers: Mutex<Vec<(u64, Connection)>>,
}

struct Request {
    position: u64,
    lane: Arc<LaneName>,
    stream: ByteString,
    record: Vec<u8>,
    answer: oneshot::Sender<Result<(), AppendError>>,
}

/// Derived events between two positions.
#[derive(Default)]
pub(super) struct Page {
    /// Those of the wanted stream, in order of position.
    pub entries: Vec<Arc<Entry>>,
    /// Everything that is stored, whatever its stream.
    pub stored: HashSet<(u64, LaneKey)>,
}

impl Derived {
    /// Room for as many requests as the log has for appends.
    pub fn new(requests: usize, bytes: usize) -> Derived {
        Derived { inbox: Inbox::new(requests, bytes), streams: Mutex::default(), readers: Mutex::default() }
    }

    /// Queues a changed event; the receiver resolves when it is on disk.
    pub fn store(
        &self,
        position: u64,
        lane: Arc<LaneName>,
        stream: &str,
        record: &Record,
    ) -> Result<oneshot::Receiver<Result<(), AppendError>>, AppendError> {
        let (answer, stored) = oneshot::channel();
        let record = record::encode(record);
        let bytes = record.len();
        let request = Request { position, lane, stream: stream.into(), record, answer };
        self.inbox.push(request, bytes)?;
        Ok(stored)
    }

    /// Takes nothing in any more; what waits is stored.
    pub fn close(&self) {
        self.inbox.close();
    }

    /// Takes nothing in any more and drops what waits.
    pub fn abandon(&self) {
        self.inbox.abandon();
    }

    /// The stream a lane stores to, as far as known.
    pub fn stream_of(&self, lane: &LaneKey) -> Option<ByteString> {
        locked(&self.streams).get(lane).cloned()
    }

    /// Derived events of one segment between two positions.
    pub fn read(
        &self,
        segment: &Segment,
        damage: &Damage,
        positions: Range<u64>,
        stream: &str,
    ) -> Result<Page, rusqlite::Error> {
        let path = segment::streams_path(&segment.path);
        if !path.exists() {
            return Ok(Page::default());
        }
        let idle = {
            let mut readers = locked(&self.readers);
            readers.iter().rposition(|(first, _)| *first == segment.first).map(|at| readers.remove(at).1)
        };
        let connection = idle.map_or_else(|| segment::open_reader(&path), Ok)?;
        let lanes = lanes(&connection)?;
        locked(&self.streams).extend(lanes.values().cloned());
        let page = page(&connection, &path, damage, positions, stream, &lanes)?;
        let mut readers = locked(&self.readers);
        readers.push((segment.first, connection));
        let oldest = if readers.len() > IDLE_READERS { Some(readers.remove(0)) } else { None };
        drop(readers);
        drop(oldest);
        Ok(page)
    }

    /// Closes what is open to a segment that was removed.
    pub fn forget(&self, segment: &Segment) {
        locked(&self.readers).retain(|(first, _)| *first != segment.first);
    }
}

fn lanes(connection: &Connection) -> Result<HashMap<u64, (LaneKey, ByteString)>, rusqlite::Error> {
    let mut all = connection.prepare_cached("SELECT id, route, name, stream FROM lanes")?;
    let rows = all.query_map([], |row| {
        let text = |at| row.get::<_, String>(at).map(ByteString::from);
        Ok((from_sql(row.get(0)?), ((text(1)?, text(2)?), text(3)?)))
    })?;
    rows.collect()
}

fn page(
    connection: &Connection,
    path: &std::path::Path,
    damage: &Damage,
    positions: Range<u64>,
    stream: &str,
    lanes: &HashMap<u64, (LaneKey, ByteString)>,
) -> Result<Page, rusqlite::Error> {
    let mut find =
        connection.prepare_cached("SELECT id, sum, record FROM derived WHERE id >= ?1 AND id < ?2 ORDER BY id")?;
    let mut rows = find.query((to_sql(positions.start << LANE_BITS), to_sql(positions.end << LANE_BITS)))?;
    let mut page = Page::default();
    while let Some(row) = rows.next()? {
        let id = from_sql(row.get(0)?);
        let position = id >> LANE_BITS;
        let Some((lane, to)) = lanes.get(&(id & ((1 << LANE_BITS) - 1))) else { continue };
        page.stored.insert((position, lane.clone()));
        if *to != *stream {
            continue;
        }
        let good = match (row.get_ref(1)?.as_i64(), row.get_ref(2)?.as_blob()) {
            (Ok(stored), Ok(bytes)) if sum(id, bytes) == stored => record::decode(Bytes::copy_from_slice(bytes)).ok(),
            _ => None,
        };
        match good {
            Some(record) => page.entries.push(Arc::new(Entry { position, record: Arc::new(record) })),
            None => damage.note(path, position),
        }
    }
    Ok(page)
}

fn sum(id: u64, record: &[u8]) -> i64 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&id.to_le_bytes());
    hasher.update(record);
    i64::from(hasher.finalize())
}

/// Runs until the inbox is closed and empty, or a write fails.
pub(super) fn run(shared: &Shared) {
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
    let written = file(files, segment).and_then(|file| file.write(&group));
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
        if let Err(error) = super::seal::fold(&self.connection) {
            tracing::debug!(%error, "derived events stay in their write-ahead log");
        }
    }
}
