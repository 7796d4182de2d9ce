//! How far the lanes are: the dispatcher's head and each lane with open work.

use super::lanes::{self, Lanes};
use super::{LaneProgress, Progress, codec};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::HashMap;

/// The tables of this file.
pub const SCHEMA: &str = "
    CREATE TABLE head (id INTEGER PRIMARY KEY CHECK (id = 1), next INTEGER NOT NULL, commits INTEGER NOT NULL);
    CREATE TABLE progress (
        lane INTEGER PRIMARY KEY,
        next INTEGER NOT NULL,
        left_over INTEGER NOT NULL,
        open BLOB NOT NULL
    );
";

/// What is stored, so that a commit writes only what has moved.
#[derive(Debug, Default)]
pub struct Stored {
    lanes: HashMap<i64, LaneProgress>,
}

impl Stored {
    /// Writes the difference between `progress` and what is stored. What is stored from then on is returned; the caller
    /// keeps it once the transaction is committed.
    pub fn save(&self, db: &Connection, names: &mut Lanes, progress: &Progress) -> rusqlite::Result<Stored> {
        // The counter makes every commit write something, so that a commit that must reach the disk really does.
        db.prepare_cached(
            "INSERT INTO head (id, next, commits) VALUES (1, ?1, 1)
             ON CONFLICT (id) DO UPDATE SET next = excluded.next, commits = commits + 1",
        )?
        .execute([progress.head.cast_signed()])?;
        let mut lanes = HashMap::with_capacity(progress.lanes.len());
        for lane in &progress.lanes {
            let id = names.id(db, &lane.lane)?;
            if self.lanes.get(&id) != Some(lane) {
                db.prepare_cached(
                    "INSERT OR REPLACE INTO progress (lane, next, left_over, open) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![
                    id,
                    lane.next.cast_signed(),
                    lane.left.cast_signed(),
                    codec::encode_positions(&lane.open)
                ])?;
            }
            lanes.insert(id, lane.clone());
        }
        for gone in self.lanes.keys().filter(|id| !lanes.contains_key(id)) {
            db.prepare_cached("DELETE FROM progress WHERE lane = ?1")?.execute([gone])?;
        }
        Ok(Stored { lanes })
    }
}

/// What was stored last.
pub fn load(db: &Connection, names: &mut Lanes) -> rusqlite::Result<(Progress, Stored)> {
    let head = db.query_row("SELECT next FROM head WHERE id = 1", [], |row| row.get::<_, i64>(0)).optional()?;
    let mut statement = db.prepare(
        "SELECT route, name, destination, stream, next, left_over, open
         FROM progress JOIN lanes ON lanes.id = progress.lane ORDER BY lane",
    )?;
    let lanes = statement.query_map([], |row| {
        let open: Vec<u8> = row.get(6)?;
        Ok(LaneProgress {
            lane: lanes::from_row(row, 0)?,
            next: row.get::<_, i64>(4)?.cast_unsigned(),
            left: row.get::<_, i64>(5)?.cast_unsigned(),
            open: codec::decode_positions(&open).map_err(super::store::damaged)?,
        })
    })?;
    let lanes: Vec<LaneProgress> = lanes.collect::<Result<_, _>>()?;
    let mut stored = Stored::default();
    for lane in &lanes {
        stored.lanes.insert(names.id(db, &lane.lane)?, lane.clone());
    }
    Ok((Progress { head: head.unwrap_or(0).cast_unsigned(), lanes }, stored))
}
