//! Retries that wait for their next attempt: one row each, gone when the event is delivered or dead.

use super::codec::{decode_attempts, encode_attempts};
use super::{ATTEMPTS_KEPT, Attempt, DeliveryRecord, ParkedRetry, RecordedStatus, lanes, store};
use crate::units::Micros;
use rusqlite::{Connection, OptionalExtension, params};

/// The table of this file.
pub const SCHEMA: &str = "
    CREATE TABLE parked (
        position INTEGER NOT NULL,
        lane INTEGER NOT NULL,
        received INTEGER NOT NULL,
        next_attempt INTEGER NOT NULL,
        key TEXT,
        target TEXT NOT NULL,
        made INTEGER NOT NULL,
        attempts BLOB NOT NULL,
        PRIMARY KEY (position, lane)
    ) WITHOUT ROWID;
";

/// A row to write.
#[derive(Debug)]
pub struct Parked<'a> {
    /// Which lane.
    pub lane: i64,
    /// Which event.
    pub position: u64,
    /// When it was received.
    pub received: Micros,
    /// When it is tried again.
    pub next_attempt: Micros,
    /// The key it blocks.
    pub key: Option<&'a str>,
    /// The filled-in target.
    pub target: &'a str,
    /// The new attempts.
    pub attempts: &'a [Attempt],
}

impl Parked<'_> {
    /// Writes the row, with the attempts it had before.
    pub fn save(&self, db: &Connection) -> rusqlite::Result<()> {
        let attempts = with_earlier(db, self.lane, self.position, self.attempts)?;
        db.prepare_cached(
            "INSERT OR REPLACE INTO parked (position, lane, received, next_attempt, key, target, made, attempts)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            self.position.cast_signed(),
            self.lane,
            self.received.0,
            self.next_attempt.0,
            self.key,
            self.target,
            attempts.last().map_or(0, |attempt| attempt.number),
            encode_attempts(&attempts)
        ])?;
        Ok(())
    }
}

/// The attempts stored for a parked event followed by new ones, the last [`ATTEMPTS_KEPT`].
pub fn with_earlier(db: &Connection, lane: i64, position: u64, new: &[Attempt]) -> rusqlite::Result<Vec<Attempt>> {
    let stored: Option<Vec<u8>> = db
        .prepare_cached("SELECT attempts FROM parked WHERE position = ?1 AND lane = ?2")?
        .query_row(params![position.cast_signed(), lane], |row| row.get(0))
        .optional()?;
    let mut all = match stored {
        Some(blob) => decode_attempts(&blob).map_err(store::damaged)?,
        None => Vec::new(),
    };
    all.extend_from_slice(new);
    let surplus = all.len().saturating_sub(ATTEMPTS_KEPT);
    all.drain(..surplus);
    Ok(all)
}

/// The event no longer waits.
pub fn remove(db: &Connection, lane: i64, position: u64) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM parked WHERE position = ?1 AND lane = ?2")?
        .execute(params![position.cast_signed(), lane])?;
    Ok(())
}

/// Every retry that waits, by position.
pub fn load(db: &Connection) -> rusqlite::Result<Vec<ParkedRetry>> {
    let mut statement = db.prepare(
        "SELECT route, name, destination, stream, position, received, next_attempt, key, made
         FROM parked JOIN lanes ON lanes.id = parked.lane ORDER BY position",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(ParkedRetry {
            lane: lanes::from_row(row, 0)?,
            position: row.get::<_, i64>(4)?.cast_unsigned(),
            received: Micros(row.get(5)?),
            next_attempt: Micros(row.get(6)?),
            key: row.get(7)?,
            attempts: row.get(8)?,
        })
    })?;
    rows.collect()
}

/// The retries of one event that wait.
pub fn read(db: &Connection, position: u64) -> rusqlite::Result<Vec<DeliveryRecord>> {
    let mut statement = db.prepare_cached(
        "SELECT route, name, destination, stream, next_attempt, key, target, attempts
         FROM parked JOIN lanes ON lanes.id = parked.lane WHERE position = ?1",
    )?;
    let rows = statement.query_map([position.cast_signed()], |row| {
        let attempts: Vec<u8> = row.get(7)?;
        Ok(DeliveryRecord {
            lane: lanes::from_row(row, 0)?,
            status: RecordedStatus::Retrying,
            next_attempt: Some(Micros(row.get(4)?)),
            key: row.get(5)?,
            target: Some(row.get(6)?),
            receipt: None,
            attempts: decode_attempts(&attempts).map_err(store::damaged)?,
        })
    })?;
    rows.collect()
}

/// Forgets retries whose event is no longer kept.
pub fn forget_below(db: &Connection, position: u64) -> rusqlite::Result<()> {
    db.execute("DELETE FROM parked WHERE position < ?1", [position.cast_signed()])?;
    Ok(())
}
