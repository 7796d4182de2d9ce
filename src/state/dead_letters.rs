//! Dead letters: events nobody tries again, with their record, so that they outlive the segment they came from.

use super::codec::{decode_attempts, encode_attempts};
use super::{Attempt, DeadLetter, DeliveryRecord, Reason, RecordedStatus, lanes, parked, store};
use crate::observability::metrics;
use crate::units::Micros;
use rusqlite::{Connection, params};
use std::collections::HashMap;

/// The table of this file.
pub const SCHEMA: &str = "
    CREATE TABLE dead_letters (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        position INTEGER NOT NULL,
        lane INTEGER NOT NULL,
        route TEXT NOT NULL,
        reason TEXT NOT NULL,
        detail TEXT NOT NULL,
        at INTEGER NOT NULL,
        target TEXT,
        key TEXT,
        made INTEGER NOT NULL,
        attempts BLOB NOT NULL,
        record BLOB NOT NULL
    );
    CREATE UNIQUE INDEX dead_letters_by_position ON dead_letters (position, lane);
    CREATE INDEX dead_letters_by_route ON dead_letters (route);
";

const REASONS: [Reason; 9] = [
    Reason::Template,
    Reason::Transform,
    Reason::Conversion,
    Reason::Topic,
    Reason::TooLarge,
    Reason::Refused,
    Reason::Deadline,
    Reason::Attempts,
    Reason::RouteRemoved,
];

/// A row to write.
#[derive(Debug)]
pub struct Dead<'a> {
    /// Which lane.
    pub lane: i64,
    /// Its route.
    pub route: &'a str,
    /// Which event.
    pub position: u64,
    /// Why.
    pub reason: Reason,
    /// For people.
    pub detail: &'a str,
    /// When.
    pub at: Micros,
    /// The filled-in target.
    pub target: Option<&'a str>,
    /// The key.
    pub key: Option<&'a str>,
    /// The new attempts.
    pub attempts: &'a [Attempt],
    /// The record, encoded.
    pub record: &'a [u8],
}

impl Dead<'_> {
    /// Writes the row with the attempts of the parked one, which goes. The same event in the same lane again (a crash came
    /// between) changes nothing. Returns true for a new row.
    pub fn save(&self, db: &Connection) -> rusqlite::Result<bool> {
        let attempts = parked::with_earlier(db, self.lane, self.position, self.attempts)?;
        parked::remove(db, self.lane, self.position)?;
        let rows = db
            .prepare_cached(
                "INSERT INTO dead_letters (position, lane, route, reason, detail, at, target, key, made,
                     attempts, record)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT (position, lane) DO NOTHING",
            )?
            .execute(params![
                self.position.cast_signed(),
                self.lane,
                self.route,
                text_of(self.reason),
                self.detail,
                self.at.0,
                self.target,
                self.key,
                attempts.last().map_or(0, |attempt| attempt.number),
                encode_attempts(&attempts),
                self.record
            ])?;
        Ok(rows == 1)
    }
}

/// How many dead letters each route has, with its gauge.
#[derive(Default)]
pub struct Counts {
    routes: HashMap<String, (i64, ::metrics::Gauge)>,
}

impl Counts {
    /// Counts what is stored.
    pub fn load(db: &Connection) -> rusqlite::Result<Counts> {
        let mut counts = Counts::default();
        let mut statement = db.prepare("SELECT route, count(*) FROM dead_letters GROUP BY route")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            counts.add(&row.get::<_, String>(0)?, row.get(1)?);
        }
        Ok(counts)
    }

    /// Adds committed dead letters of a route.
    pub fn add(&mut self, route: &str, more: i64) {
        if !self.routes.contains_key(route) {
            self.routes.insert(route.to_owned(), (0, metrics::dead_letters(route)));
        }
        if let Some((count, gauge)) = self.routes.get_mut(route) {
            *count += more;
            gauge.set(*count as f64);
        }
    }
}

/// Newest first, below a sequence, of one route if given.
pub fn list(
    db: &Connection,
    route: Option<&str>,
    below: Option<u64>,
    limit: usize,
) -> rusqlite::Result<Vec<DeadLetter>> {
    let below = below.and_then(|below| i64::try_from(below).ok()).unwrap_or(i64::MAX);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let columns = "SELECT lanes.route, name, destination, stream, sequence, position, reason, detail, at, made, record
                   FROM dead_letters JOIN lanes ON lanes.id = dead_letters.lane WHERE sequence < ?1";
    let rest = "ORDER BY sequence DESC LIMIT ?2";
    match route {
        None => rows(db, &format!("{columns} {rest}"), params![below, limit]),
        Some(route) => rows(db, &format!("{columns} AND dead_letters.route = ?3 {rest}"), params![below, limit, route]),
    }
}

fn rows(db: &Connection, sql: &str, with: impl rusqlite::Params) -> rusqlite::Result<Vec<DeadLetter>> {
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map(with, |row| {
        Ok(DeadLetter {
            lane: lanes::from_row(row, 0)?,
            sequence: row.get::<_, i64>(4)?.cast_unsigned(),
            position: row.get::<_, i64>(5)?.cast_unsigned(),
            reason: reason_of(&row.get::<_, String>(6)?)?,
            detail: row.get(7)?,
            at: Micros(row.get(8)?),
            attempts: row.get(9)?,
            record: row.get::<_, Vec<u8>>(10)?.into(),
        })
    })?;
    rows.collect()
}

/// Those of the positions that have a dead letter.
pub fn among(db: &Connection, positions: &[u64]) -> rusqlite::Result<Vec<u64>> {
    let mut statement = db.prepare_cached("SELECT 1 FROM dead_letters WHERE position = ?1 LIMIT 1")?;
    let mut dead = Vec::new();
    for position in positions {
        if statement.exists([position.cast_signed()])? {
            dead.push(*position);
        }
    }
    Ok(dead)
}

/// The dead letters of one event, as deliveries.
pub fn read(db: &Connection, position: u64) -> rusqlite::Result<Vec<DeliveryRecord>> {
    let mut statement = db.prepare_cached(
        "SELECT lanes.route, name, destination, stream, target, key, attempts
         FROM dead_letters JOIN lanes ON lanes.id = dead_letters.lane WHERE position = ?1",
    )?;
    let rows = statement.query_map([position.cast_signed()], |row| {
        let attempts: Vec<u8> = row.get(6)?;
        Ok(DeliveryRecord {
            lane: lanes::from_row(row, 0)?,
            status: RecordedStatus::Dead,
            target: row.get(4)?,
            key: row.get(5)?,
            next_attempt: None,
            receipt: None,
            attempts: decode_attempts(&attempts).map_err(store::damaged)?,
        })
    })?;
    rows.collect()
}

fn text_of(reason: Reason) -> &'static str {
    match reason {
        Reason::Template => "template",
        Reason::Transform => "transform",
        Reason::Conversion => "conversion",
        Reason::Topic => "topic",
        Reason::TooLarge => "too_large",
        Reason::Refused => "refused",
        Reason::Deadline => "deadline",
        Reason::Attempts => "attempts",
        Reason::RouteRemoved => "route_removed",
    }
}

fn reason_of(text: &str) -> rusqlite::Result<Reason> {
    let found = REASONS.iter().find(|reason| text_of(**reason) == text);
    found.copied().ok_or_else(|| store::damaged(super::codec::Damaged))
}

#[cfg(test)]
mod tests {
    use super::{REASONS, reason_of, text_of};

    #[test]
    fn reasons_are_stored_under_the_names_the_api_shows() {
        for reason in REASONS {
            assert_eq!(serde_json::to_value(reason).unwrap(), text_of(reason));
            assert_eq!(reason_of(text_of(reason)).unwrap(), reason);
        }
    }
}
