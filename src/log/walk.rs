//! Walking a segment's commit rows: what is where, without reading the events themselves.

use super::commit::{self, Summary};
use super::reader::{self, Reader};
use super::segment::{self, Times, from_sql, to_sql};
use super::shared::Damage;
use super::terms;
use crate::units::Micros;
use rusqlite::Connection;
use std::ops::Range;

/// The highest position a segment holds; `None` when it holds nothing.
pub(super) fn last_position(connection: &Connection) -> Result<Option<u64>, rusqlite::Error> {
    // A commit row has a checksum over its first position and its count: it is believed more than the events' keys.
    match last_committed(connection) {
        Ok(Some(last)) => return Ok(Some(last)),
        Err(error) if !segment::is_corrupt(&error) => return Err(error),
        _ => {}
    }
    connection.query_row("SELECT max(position) FROM events", [], |row| Ok(row.get::<_, Option<i64>>(0)?.map(from_sql)))
}

fn last_committed(connection: &Connection) -> Result<Option<u64>, rusqlite::Error> {
    let mut find = connection.prepare("SELECT first, body FROM commits ORDER BY first DESC LIMIT 1")?;
    let mut rows = find.query([])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let first = from_sql(row.get(0)?);
    let head = row.get_ref(1)?.as_blob().ok().and_then(|body| commit::head(first, body));
    Ok(head.map(|head| first + u64::from(head.events) - 1))
}

/// The times of all events of a segment; unknown when a commit row is damaged.
pub(super) fn times(connection: &Connection) -> Result<Times, rusqlite::Error> {
    let mut all = connection.prepare("SELECT first, body FROM commits ORDER BY first")?;
    let mut rows = all.query([])?;
    let mut times = Times { oldest: Micros(i64::MAX), newest: Micros(i64::MIN), committed: Micros(i64::MIN) };
    while let Some(row) = rows.next()? {
        let first = from_sql(row.get(0)?);
        let Some(head) = row.get_ref(1)?.as_blob().ok().and_then(|body| commit::head(first, body)) else {
            return Ok(Times::UNKNOWN);
        };
        times.oldest = times.oldest.min(head.oldest);
        times.newest = times.newest.max(head.newest);
        times.committed = times.committed.max(head.at);
    }
    Ok(times)
}

/// What the commit rows say about the events between two positions, in order. Commits whose events were all received
/// outside of `received` may be left out. Where a commit row is damaged, the events themselves are read.
pub(super) fn summaries(
    reader: &mut Reader,
    damage: &Damage,
    from: u64,
    upto: u64,
    received: Option<&Range<Micros>>,
) -> Result<Vec<Summary>, rusqlite::Error> {
    let mut covered = Covered { summaries: Vec::new(), holes: Vec::new(), next: from };
    match covered.read(&reader.connection, upto, received) {
        Err(error) if !segment::is_corrupt(&error) => return Err(error),
        _ => covered.hole_before(upto + 1),
    }
    let Covered { mut summaries, holes, .. } = covered;
    summaries.retain(|summary| summary.position >= from && summary.position <= upto);
    for hole in holes {
        from_events(reader, damage, hole, &mut summaries)?;
    }
    summaries.sort_unstable_by_key(|summary| summary.position);
    Ok(summaries)
}

/// What a walk has met so far.
struct Covered {
    summaries: Vec<Summary>,
    /// Positions no good commit row speaks for.
    holes: Vec<Range<u64>>,
    next: u64,
}

impl Covered {
    fn read(
        &mut self,
        connection: &Connection,
        upto: u64,
        received: Option<&Range<Micros>>,
    ) -> Result<(), rusqlite::Error> {
        let mut find = connection.prepare_cached(
            "SELECT first, body FROM commits
             WHERE first >= coalesce((SELECT max(first) FROM commits WHERE first <= ?1), 0) AND first <= ?2
             ORDER BY first",
        )?;
        let mut rows = find.query((to_sql(self.next), to_sql(upto)))?;
        while let Some(row) = rows.next()? {
            let first = from_sql(row.get(0)?);
            let Ok(body) = row.get_ref(1)?.as_blob() else { continue };
            let Some(head) = commit::head(first, body) else { continue };
            let wanted = received.is_none_or(|times| head.newest >= times.start && head.oldest < times.end);
            if wanted && commit::summaries(first, body, &mut self.summaries).is_none() {
                continue;
            }
            self.hole_before(first);
            self.next = self.next.max(first + u64::from(head.events));
        }
        Ok(())
    }

    fn hole_before(&mut self, position: u64) {
        if position > self.next {
            self.holes.push(self.next..position);
        }
    }
}

fn from_events(
    reader: &mut Reader,
    damage: &Damage,
    hole: Range<u64>,
    out: &mut Vec<Summary>,
) -> Result<(), rusqlite::Error> {
    for (position, decision) in decisions_in(&reader.connection, &hole)? {
        if let Some(entry) = reader::at(reader, damage, position)? {
            out.push(Summary { position, decision, fingerprint: None, terms: terms::of(&entry.record) });
        }
    }
    Ok(())
}

/// Positions and decision numbers of the events in a hole, as far as their pages can be read.
fn decisions_in(connection: &Connection, hole: &Range<u64>) -> Result<Vec<(u64, u32)>, rusqlite::Error> {
    let mut find = connection.prepare_cached(
        "SELECT position, decision FROM events WHERE position >= ?1 AND position < ?2 ORDER BY position",
    )?;
    let mut found = Vec::new();
    let mut at = hole.start;
    while at < hole.end {
        let mut rows = find.query((to_sql(at), to_sql(hole.end)))?;
        loop {
            match rows.next() {
                Ok(Some(row)) => {
                    let (position, decision) = (from_sql(row.get(0)?), row.get_ref(1)?.as_i64().ok());
                    at = position + 1;
                    if let Some(decision) = decision.and_then(|number| u32::try_from(number).ok()) {
                        found.push((position, decision));
                    }
                }
                Ok(None) => return Ok(found),
                Err(error) if segment::is_corrupt(&error) => break,
                Err(error) => return Err(error),
            }
        }
        at += 1;
    }
    Ok(found)
}
