//! Sealing a full segment: index it, checkpoint it, never write to it again.
//!
//! The index is a sorted list of (search term, position) pairs in blocks: a tenth of what SQL indexes over the same
//! attributes take, and cheap to make because nothing but the commit rows is read.

use super::reader::Reader;
use super::segment::{self, Segment, Stage, Times};
use super::shared::Shared;
use super::terms::{self, Kind};
use super::walk;
use crate::units::Micros;
use rusqlite::Connection;
use std::sync::Arc;

/// Pairs sorted in memory at once (8 MiB); a segment with more of them is gone over several times.
const PAIRS: u64 = 1 << 20;
/// Pairs of one row of the table.
pub(super) const BLOCK: usize = 2_048;
/// Bytes of one pair: the term, and the distance of the position from the segment's first one, both little-endian.
pub(super) const PAIR_BYTES: usize = 8;
/// Rows of one transaction.
const BLOCKS_A_STEP: usize = 16;
/// Positions summarised between two looks at the clock.
pub(super) const POSITIONS_A_STEP: u64 = 4_096;

/// Seals a segment in small steps; `go_on` is called between them and says whether to go on. `false`: not sealed.
pub(super) fn seal(
    shared: &Shared,
    segment: &Arc<Segment>,
    go_on: &mut dyn FnMut() -> bool,
) -> Result<bool, rusqlite::Error> {
    let mut reader = Reader::new(segment, segment::open_sealer(&segment.path)?);
    if let Some((_, times)) = read(&reader.connection)? {
        return finish(shared, segment, reader.connection, times);
    }
    let last = walk::last_position(&reader.connection)?.unwrap_or(segment.first);
    let times = walk::times(&reader.connection)?;
    // What a crash left of an earlier try is of no use.
    reader.connection.execute_batch("DELETE FROM postings")?;
    let most_pairs = (last - segment.first + 1).saturating_mul(terms::MOST as u64 + 1);
    let passes = u32::try_from(most_pairs / PAIRS + 1).unwrap_or(u32::MAX);
    for pass in 0..passes {
        let range = slice(pass, passes);
        let Some(mut pairs) = collect(shared, &mut reader, last, range, go_on)? else { return Ok(false) };
        pairs.sort_unstable();
        if !write(&mut reader.connection, &pairs, go_on)? {
            return Ok(false);
        }
    }
    reader.connection.execute(
        "INSERT INTO seal (last, oldest, newest, committed) VALUES (?1, ?2, ?3, ?4)",
        (segment::to_sql(last), times.oldest.0, times.newest.0, times.committed.0),
    )?;
    finish(shared, segment, reader.connection, times)
}

/// All pairs whose term lies in `range`: (term, distance).
fn collect(
    shared: &Shared,
    reader: &mut Reader,
    last: u64,
    range: std::ops::RangeInclusive<u32>,
    go_on: &mut dyn FnMut() -> bool,
) -> Result<Option<Vec<(u32, u32)>>, rusqlite::Error> {
    let mut pairs = Vec::new();
    let first = reader.segment.first;
    let mut at = first;
    while at <= last {
        let upto = (at + POSITIONS_A_STEP - 1).min(last);
        for summary in walk::summaries(reader, &shared.damage, at, upto, None)? {
            let Ok(distance) = u32::try_from(summary.position - first) else { continue };
            let decision = terms::term(Kind::Decision, &summary.decision.to_le_bytes());
            let all = summary.terms.as_slice().iter().copied().chain([decision]);
            pairs.extend(all.filter(|term| range.contains(term)).map(|term| (term, distance)));
        }
        at = upto + 1;
        if !go_on() {
            return Ok(None);
        }
    }
    Ok(Some(pairs))
}

/// The part of all terms that one pass takes.
fn slice(pass: u32, passes: u32) -> std::ops::RangeInclusive<u32> {
    let edge = |pass: u32| (u64::from(pass) << 32) / u64::from(passes);
    let low = u32::try_from(edge(pass)).unwrap_or(u32::MAX);
    let high = u32::try_from(edge(pass + 1) - 1).unwrap_or(u32::MAX);
    low..=high
}

fn write(
    connection: &mut Connection,
    pairs: &[(u32, u32)],
    go_on: &mut dyn FnMut() -> bool,
) -> Result<bool, rusqlite::Error> {
    for step in pairs.chunks(BLOCK * BLOCKS_A_STEP) {
        let transaction = connection.transaction()?;
        for block in step.chunks(BLOCK) {
            let (Some(low), Some(high)) = (block.first(), block.last()) else { continue };
            let mut body = Vec::with_capacity(block.len() * PAIR_BYTES + 4);
            for (term, distance) in block {
                body.extend_from_slice(&term.to_le_bytes());
                body.extend_from_slice(&distance.to_le_bytes());
            }
            let sum = crc32fast::hash(&body);
            body.extend_from_slice(&sum.to_le_bytes());
            transaction
                .prepare_cached("INSERT INTO postings (low, high, body) VALUES (?1, ?2, ?3)")?
                .execute((low.0, high.0, body))?;
        }
        transaction.commit()?;
        if !go_on() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Moves everything into the segment's file and removes the write-ahead log. From then on the file never changes.
fn finish(
    shared: &Shared,
    segment: &Arc<Segment>,
    connection: Connection,
    times: Times,
) -> Result<bool, rusqlite::Error> {
    if !fold(&connection)? {
        return Ok(false);
    }
    drop(connection);
    segment.measure();
    segment.enter(Stage::Sealed, times);
    shared.pool.forget(segment);
    for suffix in ["-wal", "-shm"] {
        // An empty write-ahead log says nothing; it may stay.
        std::fs::remove_file(segment::side_file(&segment.path, suffix)).ok();
    }
    tracing::debug!(segment = %segment.path.display(), "sealed a segment");
    Ok(true)
}

/// Checkpoints everything and empties the write-ahead log; false when a reader is in the way.
pub(super) fn fold(connection: &Connection) -> Result<bool, rusqlite::Error> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| Ok(row.get::<_, i64>(0)? == 0))
}

/// The seal of a segment, if it has one: the last position and the times.
pub(super) fn read(connection: &Connection) -> Result<Option<(u64, Times)>, rusqlite::Error> {
    let mut find = connection.prepare("SELECT last, oldest, newest, committed FROM seal")?;
    let mut rows = find.query([])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let times = Times { oldest: Micros(row.get(1)?), newest: Micros(row.get(2)?), committed: Micros(row.get(3)?) };
    Ok(Some((segment::from_sql(row.get(0)?), times)))
}
