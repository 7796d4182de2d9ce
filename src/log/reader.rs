//! Reading segment files: cached connections, checksums, and the way around damaged pages.

use super::decisions::Known;
use super::group::row_sum;
use super::record::{self, Entry};
use super::segment::{self, Segment, Stage, from_sql, to_sql};
use super::shared::{Damage, Shared};
use super::{ReadError, locked};
use bytes::Bytes;
use rusqlite::{Connection, Row};
use std::sync::{Arc, Mutex};

/// Connections kept open between reads.
const IDLE: usize = 16;

/// A connection to one segment, with the decisions it has met.
pub(super) struct Reader {
    pub connection: Connection,
    pub segment: Arc<Segment>,
    pub known: Known,
    /// It was opened without locks, which only a sealed segment allows.
    sealed: bool,
}

impl Reader {
    /// A reader of its own, outside of the pool.
    pub fn new(segment: &Arc<Segment>, connection: Connection) -> Reader {
        Reader { connection, segment: segment.clone(), known: Known::default(), sealed: false }
    }

    fn open(segment: &Arc<Segment>) -> Result<Reader, rusqlite::Error> {
        let sealed = segment.stage() == Stage::Sealed;
        let connection =
            if sealed { segment::open_sealed(&segment.path)? } else { segment::open_reader(&segment.path)? };
        Ok(Reader { sealed, ..Reader::new(segment, connection) })
    }

    fn is_current(&self) -> bool {
        self.sealed == (self.segment.stage() == Stage::Sealed) && !self.segment.removed()
    }
}

/// Connections that wait for the next read, the most recently used last.
#[derive(Default)]
pub(super) struct Pool(Mutex<Vec<Reader>>);

impl Pool {
    /// Runs `read` on a connection to a segment; `None` when retention has removed the segment meanwhile.
    pub fn with<T>(
        &self,
        segment: &Arc<Segment>,
        read: impl FnOnce(&mut Reader) -> Result<T, rusqlite::Error>,
    ) -> Result<Option<T>, ReadError> {
        let outcome = self.take(segment).map_or_else(|| Reader::open(segment), Ok).and_then(|mut reader| {
            let value = read(&mut reader)?;
            self.put(reader);
            Ok(value)
        });
        match outcome {
            Ok(value) => Ok(Some(value)),
            Err(_) if segment.removed() => Ok(None),
            Err(source) => Err(ReadError::Segment { segment: segment.path.clone(), source }),
        }
    }

    /// Closes what is open to a segment that was sealed or removed.
    pub fn forget(&self, segment: &Segment) {
        let closed: Vec<Reader> =
            locked(&self.0).extract_if(.., |reader| reader.segment.first == segment.first).collect();
        drop(closed);
    }

    fn take(&self, segment: &Arc<Segment>) -> Option<Reader> {
        let mut idle = locked(&self.0);
        let at = idle.iter().rposition(|reader| reader.segment.first == segment.first && reader.is_current())?;
        Some(idle.remove(at))
    }

    fn put(&self, reader: Reader) {
        if !reader.is_current() {
            return;
        }
        let mut idle = locked(&self.0);
        idle.push(reader);
        let oldest = if idle.len() > IDLE { Some(idle.remove(0)) } else { None };
        drop(idle);
        drop(oldest);
    }
}

/// How much one read may bring.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Entries.
    pub limit: usize,
    /// Bytes of entries, about; at least one entry is read.
    pub bytes: usize,
}

/// Entries at or above `from`, in order, from the segment files.
pub(super) fn read_from(shared: &Shared, from: u64, bounds: Bounds) -> Result<Vec<Arc<Entry>>, ReadError> {
    let mut batch = Batch { entries: Vec::new(), bytes: 0, bounds };
    let head = shared.head();
    let mut at = from.max(shared.segments.first());
    while at <= head && !batch.is_full() {
        let Some((segment, last)) = shared.segments.holding(at) else {
            // Retention has moved on.
            at = shared.segments.first().max(at + 1);
            continue;
        };
        let upto = last.unwrap_or(head).min(head);
        shared.pool.with(&segment, |reader| read_range(reader, &shared.damage, at, upto, &mut batch))?;
        at = upto + 1;
    }
    Ok(batch.entries)
}

/// The entry at a position; `None` when there is none, or it is damaged.
pub(super) fn get(shared: &Shared, position: u64) -> Result<Option<Arc<Entry>>, ReadError> {
    match shared.segments.holding(position) {
        Some((segment, _)) => Ok(shared.pool.with(&segment, |reader| at(reader, &shared.damage, position))?.flatten()),
        None => Ok(None),
    }
}

/// The entry at a position of one segment.
pub(super) fn at(reader: &mut Reader, damage: &Damage, position: u64) -> Result<Option<Arc<Entry>>, rusqlite::Error> {
    let mut batch = Batch { entries: Vec::new(), bytes: 0, bounds: Bounds { limit: 1, bytes: 0 } };
    read_range(reader, damage, position, position, &mut batch)?;
    Ok(batch.entries.pop())
}

/// Entries between two positions of one segment, in order.
pub(super) fn some_of(
    reader: &mut Reader,
    damage: &Damage,
    positions: std::ops::RangeInclusive<u64>,
    bounds: Bounds,
) -> Result<Vec<Arc<Entry>>, rusqlite::Error> {
    let mut batch = Batch { entries: Vec::new(), bytes: 0, bounds };
    read_range(reader, damage, *positions.start(), *positions.end(), &mut batch)?;
    Ok(batch.entries)
}

/// Entries being gathered.
struct Batch {
    entries: Vec<Arc<Entry>>,
    bytes: usize,
    bounds: Bounds,
}

impl Batch {
    fn is_full(&self) -> bool {
        self.entries.len() >= self.bounds.limit || (!self.entries.is_empty() && self.bytes >= self.bounds.bytes)
    }

    fn push(&mut self, entry: Entry) {
        self.bytes += entry.record.size();
        self.entries.push(Arc::new(entry));
    }
}

/// Reads good records between two positions. Behind a page that cannot be read it goes on with the next position that can.
fn read_range(
    reader: &mut Reader,
    damage: &Damage,
    from: u64,
    upto: u64,
    batch: &mut Batch,
) -> Result<(), rusqlite::Error> {
    let mut at = from;
    while at <= upto && !batch.is_full() {
        match read_rows(reader, damage, &mut at, upto, batch) {
            Ok(()) => return Ok(()),
            Err(error) if segment::is_corrupt(&error) => {
                damage.note(&reader.segment.path, at);
                at += 1;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Moves `at` behind every row it has dealt with.
fn read_rows(
    reader: &mut Reader,
    damage: &Damage,
    at: &mut u64,
    upto: u64,
    batch: &mut Batch,
) -> Result<(), rusqlite::Error> {
    let Reader { connection, known, segment, .. } = reader;
    let mut find = connection.prepare_cached(
        "SELECT position, decision, sum, record FROM events WHERE position >= ?1 AND position <= ?2 ORDER BY position",
    )?;
    let mut rows = find.query((to_sql(*at), to_sql(upto)))?;
    while !batch.is_full() {
        let Some(row) = rows.next()? else { return Ok(()) };
        let position = from_sql(row.get(0)?);
        match entry(connection, known, position, row)? {
            Some(entry) => batch.push(entry),
            None => damage.note(&segment.path, position),
        }
        *at = position + 1;
    }
    Ok(())
}

/// The record in a row; `None` when it is not what was written.
fn entry(
    connection: &Connection,
    known: &mut Known,
    position: u64,
    row: &Row<'_>,
) -> Result<Option<Entry>, rusqlite::Error> {
    let (Ok(number), Ok(sum), Ok(blob)) =
        (row.get_ref(1)?.as_i64(), row.get_ref(2)?.as_i64(), row.get_ref(3)?.as_blob())
    else {
        return Ok(None);
    };
    let Ok(number) = u32::try_from(number) else { return Ok(None) };
    if row_sum(position, number, crc32fast::hash(blob)) != sum {
        return Ok(None);
    }
    let Some(decision) = known.get(connection, number)? else { return Ok(None) };
    let read = record::decode_undecided(&Bytes::copy_from_slice(blob), decision);
    Ok(read.ok().map(|record| Entry { position, record: Arc::new(record) }))
}
