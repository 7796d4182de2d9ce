//! Decisions as small numbers: each segment keeps every decision once.

use super::codec::Cursor;
use super::record::{put_decision, read_decision};
use crate::lane_name::Decision;
use bytes::Bytes;
use rusqlite::Connection;
use std::collections::HashMap;
use std::sync::Arc;

/// The number of the empty decision. It has no row.
pub(super) const UNMATCHED: u32 = 0;
/// Decisions the writer knows by number. When there are more, it begins anew: a decision may then stand in the file twice.
const NUMBERED: usize = 16_384;
/// Decisions known by address, which is cheaper than by content.
const ADDRESSED: usize = 1_024;
/// Decisions one reader keeps.
const READ: usize = 4_096;

/// Gives numbers to the decisions of the open segment.
#[derive(Default)]
pub(super) struct Numbers {
    last: u32,
    /// The decision is kept beside its address, so that no other one can get that address.
    by_address: HashMap<usize, (Decision, u32)>,
    by_content: HashMap<Decision, u32>,
}

impl Numbers {
    /// Goes on after the numbers a segment already holds.
    pub fn after(last: u32) -> Numbers {
        Numbers { last, ..Numbers::default() }
    }

    /// The number of a decision, and true when it is new and must be stored.
    pub fn number(&mut self, decision: &Decision) -> (u32, bool) {
        if decision.is_empty() {
            return (UNMATCHED, false);
        }
        if let Some((_, number)) = self.by_address.get(&decision.as_ptr().addr()) {
            return (*number, false);
        }
        let known = self.by_content.get(decision).copied();
        let number = known.unwrap_or_else(|| {
            if self.by_content.len() >= NUMBERED {
                self.by_content.clear();
                self.by_address.clear();
            }
            self.last += 1;
            self.by_content.insert(decision.clone(), self.last);
            self.last
        });
        if self.by_address.len() >= ADDRESSED {
            self.by_address.clear();
        }
        self.by_address.insert(decision.as_ptr().addr(), (decision.clone(), number));
        (number, known.is_none())
    }

    /// Forgets what was given: the transaction that was to store it was rolled back. Numbers are not given again.
    pub fn forget(&mut self) {
        self.by_address.clear();
        self.by_content.clear();
    }
}

/// A row of the table: bytes and their checksum.
pub(super) fn row(number: u32, decision: &Decision) -> (i64, Vec<u8>) {
    let mut lanes = Vec::with_capacity(64 * decision.len());
    put_decision(&mut lanes, decision);
    (sum(number, &lanes), lanes)
}

/// Decisions of one segment as its readers meet them.
#[derive(Default)]
pub(super) struct Known(HashMap<u32, Option<Decision>>);

impl Known {
    /// The decision with a number; `None` when its row is missing or damaged.
    pub fn get(&mut self, connection: &Connection, number: u32) -> Result<Option<Decision>, rusqlite::Error> {
        if number == UNMATCHED {
            return Ok(Some(Arc::new([])));
        }
        if let Some(known) = self.0.get(&number) {
            return Ok(known.clone());
        }
        let mut find = connection.prepare_cached("SELECT sum, lanes FROM decisions WHERE id = ?1")?;
        let mut rows = find.query([number])?;
        let decision = match rows.next()? {
            Some(row) => parse(number, row.get_ref(0)?.as_i64().ok(), row.get_ref(1)?.as_blob().ok()),
            // A decision is committed with its first event: a later look may find it.
            None => return Ok(None),
        };
        if self.0.len() >= READ {
            self.0.clear();
        }
        self.0.insert(number, decision.clone());
        Ok(decision)
    }
}

/// The numbers of all decisions of a segment that `wanted` says yes to.
pub(super) fn numbers_where(
    connection: &Connection,
    wanted: impl Fn(&Decision) -> bool,
) -> Result<Vec<u32>, rusqlite::Error> {
    let mut all = connection.prepare_cached("SELECT id, sum, lanes FROM decisions")?;
    let mut rows = all.query([])?;
    let mut numbers = Vec::new();
    while let Some(row) = rows.next()? {
        let Ok(number) = u32::try_from(row.get::<_, i64>(0)?) else { continue };
        let decision = parse(number, row.get_ref(1)?.as_i64().ok(), row.get_ref(2)?.as_blob().ok());
        if decision.is_some_and(|decision| wanted(&decision)) {
            numbers.push(number);
        }
    }
    Ok(numbers)
}

fn parse(number: u32, stored: Option<i64>, lanes: Option<&[u8]>) -> Option<Decision> {
    let lanes = lanes.filter(|lanes| stored == Some(sum(number, lanes)))?;
    let bytes = Bytes::copy_from_slice(lanes);
    read_decision(&mut Cursor::new(&bytes)).ok()
}

fn sum(number: u32, lanes: &[u8]) -> i64 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&number.to_le_bytes());
    hasher.update(lanes);
    i64::from(hasher.finalize())
}
