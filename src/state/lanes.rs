//! Lane names as numbers, so that a row does not repeat them.

use crate::lane_name::LaneName;
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::HashMap;
use std::sync::Arc;

/// The table of this file.
pub const SCHEMA: &str = "
    CREATE TABLE lanes (
        id INTEGER PRIMARY KEY,
        route TEXT NOT NULL,
        name TEXT NOT NULL,
        destination TEXT NOT NULL,
        stream TEXT
    );
    CREATE INDEX lanes_by_name ON lanes (route, name);
";

/// The number of every lane the writer has met.
#[derive(Debug, Default)]
pub struct Lanes {
    known: HashMap<Arc<LaneName>, i64>,
}

impl Lanes {
    /// The number of a lane; a new one gets its row.
    pub fn id(&mut self, db: &Connection, lane: &Arc<LaneName>) -> rusqlite::Result<i64> {
        if let Some(id) = self.known.get(lane) {
            return Ok(*id);
        }
        let id = match find(db, lane)? {
            Some(id) => id,
            None => insert(db, lane)?,
        };
        self.known.insert(lane.clone(), id);
        Ok(id)
    }

    /// Forgets every number: a rolled back transaction may have taken rows with it.
    pub fn clear(&mut self) {
        self.known.clear();
    }
}

/// The lane of a row that selects `route, name, destination, stream` from column `at` on.
pub fn from_row(row: &Row<'_>, at: usize) -> rusqlite::Result<Arc<LaneName>> {
    Ok(Arc::new(LaneName {
        route: row.get::<_, String>(at)?.into(),
        name: row.get::<_, String>(at + 1)?.into(),
        destination: row.get::<_, String>(at + 2)?.into(),
        stream: row.get::<_, Option<String>>(at + 3)?.map(Into::into),
    }))
}

fn find(db: &Connection, lane: &LaneName) -> rusqlite::Result<Option<i64>> {
    db.prepare_cached("SELECT id FROM lanes WHERE route = ?1 AND name = ?2 AND destination = ?3 AND stream IS ?4")?
        .query_row(params![&*lane.route, &*lane.name, &*lane.destination, lane.stream.as_deref()], |row| row.get(0))
        .optional()
}

fn insert(db: &Connection, lane: &LaneName) -> rusqlite::Result<i64> {
    db.prepare_cached("INSERT INTO lanes (route, name, destination, stream) VALUES (?1, ?2, ?3, ?4)")?.insert(params![
        &*lane.route,
        &*lane.name,
        &*lane.destination,
        lane.stream.as_deref()
    ])
}
