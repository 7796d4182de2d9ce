//! Settled deliveries. One that went well at the first attempt is an entry in a batch: one row for each commit, lane and
//! range of positions. One that needed more attempts has a row of its own.

use super::codec::{Damaged, Reader, Writer, decode_attempts, encode_attempts};
use super::{Attempt, DeliveryRecord, RecordedStatus, dead_letters, lanes, parked, store};
use crate::units::Micros;
use rusqlite::{Connection, params};
use std::collections::HashMap;

/// The tables of this file.
pub const SCHEMA: &str = "
    CREATE TABLE batches (
        id INTEGER PRIMARY KEY,
        bucket INTEGER NOT NULL,
        first INTEGER NOT NULL,
        last INTEGER NOT NULL,
        lane INTEGER NOT NULL,
        data BLOB NOT NULL
    );
    CREATE INDEX batches_by_bucket ON batches (bucket);
    CREATE TABLE retried (
        position INTEGER NOT NULL,
        lane INTEGER NOT NULL,
        target TEXT NOT NULL,
        key TEXT,
        receipt TEXT,
        attempts BLOB NOT NULL,
        PRIMARY KEY (position, lane)
    ) WITHOUT ROWID;
";

/// A batch covers positions of one bucket only, so that one event is looked up among few batches.
const BUCKET_POSITIONS: u64 = 4096;

/// A delivery that went well at its first attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled<'a> {
    /// Which event.
    pub position: u64,
    /// When the attempt began.
    pub started: Micros,
    /// When it was acknowledged.
    pub ended: Micros,
    /// The filled-in target.
    pub target: &'a str,
    /// The key.
    pub key: Option<&'a str>,
    /// What the destination said.
    pub receipt: Option<&'a str>,
}

/// The batches of one commit.
#[derive(Debug, Default)]
pub struct Batches<'a> {
    entries: HashMap<(i64, u64), Vec<Settled<'a>>>,
}

impl<'a> Batches<'a> {
    /// Adds a delivery of a lane.
    pub fn push(&mut self, lane: i64, settled: Settled<'a>) {
        self.entries.entry((lane, settled.position / BUCKET_POSITIONS)).or_default().push(settled);
    }

    /// Writes one row for each lane and bucket.
    pub fn save(mut self, db: &Connection) -> rusqlite::Result<()> {
        let mut insert =
            db.prepare_cached("INSERT INTO batches (bucket, first, last, lane, data) VALUES (?1, ?2, ?3, ?4, ?5)")?;
        for ((lane, bucket), entries) in &mut self.entries {
            entries.sort_unstable_by_key(|entry| entry.position);
            let (Some(first), Some(last)) = (entries.first(), entries.last()) else { continue };
            insert.execute(params![
                bucket.cast_signed(),
                first.position.cast_signed(),
                last.position.cast_signed(),
                *lane,
                encode(entries)
            ])?;
        }
        Ok(())
    }
}

/// Texts repeat or count up within a batch, so each is written as what differs from the one before.
fn encode(entries: &[Settled<'_>]) -> Vec<u8> {
    let mut out = Writer::new();
    let (mut position, mut started) = (0, 0_i64);
    let (mut target, mut key, mut receipt) = ("", "", "");
    for entry in entries {
        out.number(entry.position.wrapping_sub(position));
        out.signed(entry.started.0.wrapping_sub(started));
        out.signed(entry.ended.0.wrapping_sub(entry.started.0));
        out.text_after(target, entry.target);
        out.optional_after(key, entry.key);
        out.optional_after(receipt, entry.receipt);
        (position, started, target) = (entry.position, entry.started.0, entry.target);
        (key, receipt) = (entry.key.unwrap_or(key), entry.receipt.unwrap_or(receipt));
    }
    out.finish()
}

/// One entry of a batch, read back.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    position: u64,
    started: Micros,
    ended: Micros,
    target: String,
    key: Option<String>,
    receipt: Option<String>,
}

fn decode(blob: &[u8]) -> Result<Vec<Entry>, Damaged> {
    let mut reader = Reader::new(blob)?;
    let mut entries = Vec::new();
    let (mut position, mut started) = (0_u64, 0_i64);
    let (mut target, mut key, mut receipt) = (String::new(), String::new(), String::new());
    while !reader.is_empty() {
        position = position.wrapping_add(reader.number()?);
        started = started.wrapping_add(reader.signed()?);
        let ended = started.wrapping_add(reader.signed()?);
        let entry = Entry {
            position,
            started: Micros(started),
            ended: Micros(ended),
            target: reader.text_after(&target)?,
            key: reader.optional_after(&key)?,
            receipt: reader.optional_after(&receipt)?,
        };
        target.clone_from(&entry.target);
        key = entry.key.clone().unwrap_or(key);
        receipt = entry.receipt.clone().unwrap_or(receipt);
        entries.push(entry);
    }
    Ok(entries)
}

/// A delivery that needed more than one attempt.
#[derive(Debug)]
pub struct Retried<'a> {
    /// Which lane.
    pub lane: i64,
    /// Which event.
    pub position: u64,
    /// The filled-in target.
    pub target: &'a str,
    /// The key.
    pub key: Option<&'a str>,
    /// What the destination said.
    pub receipt: Option<&'a str>,
    /// The new attempts.
    pub attempts: &'a [Attempt],
}

impl Retried<'_> {
    /// Writes the row with the attempts of the parked one, which goes.
    pub fn save(&self, db: &Connection) -> rusqlite::Result<()> {
        let attempts = parked::with_earlier(db, self.lane, self.position, self.attempts)?;
        parked::remove(db, self.lane, self.position)?;
        db.prepare_cached(
            "INSERT OR REPLACE INTO retried (position, lane, target, key, receipt, attempts)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            self.position.cast_signed(),
            self.lane,
            self.target,
            self.key,
            self.receipt,
            encode_attempts(&attempts)
        ])?;
        Ok(())
    }
}

/// Everything recorded of one event, one record for each lane. After a crash a lane may have been recorded twice: then
/// the later kind counts, in the order of this function.
pub fn read(db: &Connection, position: u64) -> rusqlite::Result<Vec<DeliveryRecord>> {
    let mut records: Vec<DeliveryRecord> = Vec::new();
    let all = [read_batches(db, position)?, read_retried(db, position)?]
        .into_iter()
        .chain([parked::read(db, position)?, dead_letters::read(db, position)?]);
    for record in all.flatten() {
        match records.iter_mut().find(|known| known.lane == record.lane) {
            Some(known) => *known = record,
            None => records.push(record),
        }
    }
    Ok(records)
}

fn read_batches(db: &Connection, position: u64) -> rusqlite::Result<Vec<DeliveryRecord>> {
    let mut statement = db.prepare_cached(
        "SELECT route, name, destination, stream, data FROM batches JOIN lanes ON lanes.id = batches.lane
         WHERE bucket = ?1 AND first <= ?2 AND last >= ?2 ORDER BY batches.id",
    )?;
    let mut rows = statement.query([(position / BUCKET_POSITIONS).cast_signed(), position.cast_signed()])?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        let data: Vec<u8> = row.get(4)?;
        let entries = decode(&data).map_err(store::damaged)?;
        if let Some(entry) = entries.into_iter().find(|entry| entry.position == position) {
            records.push(DeliveryRecord {
                lane: lanes::from_row(row, 0)?,
                status: RecordedStatus::Delivered,
                target: Some(entry.target),
                key: entry.key,
                next_attempt: None,
                receipt: entry.receipt,
                attempts: vec![Attempt { number: 1, started: entry.started, ended: entry.ended, failure: None }],
            });
        }
    }
    Ok(records)
}

fn read_retried(db: &Connection, position: u64) -> rusqlite::Result<Vec<DeliveryRecord>> {
    let mut statement = db.prepare_cached(
        "SELECT route, name, destination, stream, target, key, receipt, attempts
         FROM retried JOIN lanes ON lanes.id = retried.lane WHERE position = ?1",
    )?;
    let rows = statement.query_map([position.cast_signed()], |row| {
        let attempts: Vec<u8> = row.get(7)?;
        Ok(DeliveryRecord {
            lane: lanes::from_row(row, 0)?,
            status: RecordedStatus::Delivered,
            target: Some(row.get(4)?),
            key: row.get(5)?,
            next_attempt: None,
            receipt: row.get(6)?,
            attempts: decode_attempts(&attempts).map_err(store::damaged)?,
        })
    })?;
    rows.collect()
}

/// Forgets deliveries of events that are no longer kept; whole buckets only.
pub fn forget_below(db: &Connection, position: u64) -> rusqlite::Result<()> {
    db.execute("DELETE FROM batches WHERE bucket < ?1", [(position / BUCKET_POSITIONS).cast_signed()])?;
    db.execute("DELETE FROM retried WHERE position < ?1", [position.cast_signed()])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Entry, Settled, decode, encode};
    use crate::units::Micros;
    use proptest::prelude::{Strategy, any, proptest};

    fn entry() -> impl Strategy<Value = Entry> {
        let optional = || proptest::option::of("[a-c√]{0,4}");
        (any::<u64>(), any::<i64>(), any::<i64>(), "[a-c√]{0,4}", optional(), optional()).prop_map(
            |(position, started, ended, target, key, receipt)| Entry {
                position,
                started: Micros(started),
                ended: Micros(ended),
                target,
                key,
                receipt,
            },
        )
    }

    proptest! {
        #[test]
        fn a_batch_survives_the_round_trip(mut entries in proptest::collection::vec(entry(), 0..20)) {
            entries.sort_by_key(|entry| entry.position);
            let settled: Vec<Settled<'_>> = entries.iter().map(|entry| Settled {
                position: entry.position,
                started: entry.started,
                ended: entry.ended,
                target: &entry.target,
                key: entry.key.as_deref(),
                receipt: entry.receipt.as_deref(),
            }).collect();
            assert_eq!(decode(&encode(&settled)).unwrap(), entries);
        }

        #[test]
        fn a_damaged_batch_is_refused_without_panic(blob in proptest::collection::vec(any::<u8>(), 0..60)) {
            let entries = decode(&blob).map_or(0, |entries| entries.len());
            assert!(entries <= blob.len());
        }
    }

    #[test]
    fn a_typical_delivery_costs_few_bytes() {
        let receipts: Vec<String> = (0..1000).map(|n| format!("stream=ORDERS seq={n}")).collect();
        let settled: Vec<Settled<'_>> = receipts
            .iter()
            .zip(0_i64..)
            .map(|(receipt, n)| Settled {
                position: n.cast_unsigned(),
                started: Micros(1_700_000_000_000_000 + n * 50),
                ended: Micros(1_700_000_000_000_900 + n * 50),
                target: "orders.com.example.order.created",
                key: None,
                receipt: Some(receipt),
            })
            .collect();
        assert!(encode(&settled).len() < 16 * settled.len(), "{}", encode(&settled).len());
    }
}
