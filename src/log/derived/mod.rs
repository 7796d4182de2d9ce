//! Changed events that lanes store beside the originals: one sibling file a segment, made when first needed and removed
//! with the segment. Written by a thread of its own, in groups, each on disk before it is answered.

pub(super) mod writer;

use super::inbox::Inbox;
use super::record::{self, Entry, Record};
use super::segment::{self, Segment, from_sql, to_sql};
use super::shared::Damage;
use super::{AppendError, locked};
use crate::lane_name::LaneName;
use bytes::Bytes;
use bytestring::ByteString;
use rusqlite::Connection;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tokio::sync::oneshot;

/// A row's key is its position and, in these lowest bits, its lane.
const LANE_BITS: u32 = 20;
/// Connections kept for readers.
const IDLE_READERS: usize = 4;
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
        let lanes = match lanes(&connection) {
            Err(error) if segment::is_corrupt(&error) => Lanes::new(),
            lanes => lanes?,
        };
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

type Lanes = HashMap<u64, (LaneKey, ByteString)>;

/// The lanes of a file, by number.
fn lanes(connection: &Connection) -> Result<Lanes, rusqlite::Error> {
    let mut all = connection.prepare_cached("SELECT id, route, name, stream FROM lanes")?;
    let rows = all.query_map([], |row| {
        let text = |at| row.get::<_, String>(at).map(ByteString::from);
        Ok((from_sql(row.get(0)?), ((text(1)?, text(2)?), text(3)?)))
    })?;
    rows.collect()
}

fn page(
    connection: &Connection,
    path: &Path,
    damage: &Damage,
    positions: Range<u64>,
    stream: &str,
    lanes: &Lanes,
) -> Result<Page, rusqlite::Error> {
    let mut page = Page::default();
    let mut bad = |position| damage.note(path, position);
    each_row(connection, positions, &mut bad, &mut |id, record| {
        let position = id >> LANE_BITS;
        let Some((lane, to)) = lanes.get(&(id & ((1 << LANE_BITS) - 1))) else { return };
        page.stored.insert((position, lane.clone()));
        if *to != *stream {
            return;
        }
        match record.map(|bytes| record::decode(Bytes::copy_from_slice(bytes))) {
            Some(Ok(record)) => page.entries.push(Arc::new(Entry { position, record: Arc::new(record) })),
            _ => damage.note(path, position),
        }
    })?;
    Ok(page)
}

/// Goes over the rows between two positions; a record that is not what was written is `None`. Behind a page that cannot
/// be read it goes on with the next position that can.
fn each_row(
    connection: &Connection,
    positions: Range<u64>,
    bad: &mut dyn FnMut(u64),
    row_found: &mut dyn FnMut(u64, Option<&[u8]>),
) -> Result<(), rusqlite::Error> {
    let mut find =
        connection.prepare_cached("SELECT id, sum, record FROM derived WHERE id >= ?1 AND id < ?2 ORDER BY id")?;
    let (mut at, end) = (positions.start << LANE_BITS, positions.end << LANE_BITS);
    while at < end {
        let mut rows = find.query((to_sql(at), to_sql(end)))?;
        loop {
            match rows.next() {
                Ok(Some(row)) => {
                    let id = from_sql(row.get(0)?);
                    at = id + 1;
                    let record = row.get_ref(2)?.as_blob().ok();
                    let stored = row.get_ref(1)?.as_i64().ok();
                    row_found(id, record.filter(|bytes| stored == Some(sum(id, bytes))));
                }
                Ok(None) => return Ok(()),
                Err(error) if segment::is_corrupt(&error) => break,
                Err(error) => return Err(error),
            }
        }
        bad(at >> LANE_BITS);
        at = ((at >> LANE_BITS) + 1) << LANE_BITS;
    }
    Ok(())
}

fn sum(id: u64, record: &[u8]) -> i64 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&id.to_le_bytes());
    hasher.update(record);
    i64::from(hasher.finalize())
}
