//! One group commit: what the requests of a group become, and the transaction that makes it durable.

use super::commit;
use super::decisions::{self, Numbers};
use super::duplicates::Window;
use super::record::{self, Entry, Record};
use super::segment::to_sql;
use super::terms::{self, Terms};
use super::{AppendError, NewEntry, Stored};
use crate::units::Micros;
use rusqlite::Connection;
use std::sync::Arc;
use tokio::sync::oneshot;

/// What a row costs in its segment beside the record, near enough for accounting.
const ROW_BYTES: u64 = 24;

/// The events of one append, ready to be written.
pub(super) struct Request {
    pub events: Vec<Prepared>,
    pub answer: oneshot::Sender<Result<Vec<Stored>, AppendError>>,
}

/// One event with everything about it that needs neither its position nor the writer.
pub(super) struct Prepared {
    record: Arc<Record>,
    bytes: Vec<u8>,
    sum: u32,
    terms: Terms,
    fingerprint: Option<u128>,
}

impl Prepared {
    /// Encodes an event; runs on the caller's task, not on the writer.
    pub fn new(entry: NewEntry) -> Prepared {
        let bytes = record::encode_undecided(&entry.record);
        let sum = crc32fast::hash(&bytes);
        let terms = terms::of(&entry.record);
        Prepared { record: entry.record, bytes, sum, terms, fingerprint: entry.fingerprint }
    }

    /// Bytes it holds in memory while it waits.
    pub fn size(&self) -> usize {
        self.bytes.len() + self.record.size()
    }

    /// Bytes it will take in the segment.
    fn stored_bytes(&self) -> u64 {
        self.bytes.len() as u64 + ROW_BYTES
    }
}

/// The checksum of an event's row: over its position, its decision and the checksum of its bytes.
pub(super) fn row_sum(position: u64, decision: u32, record_sum: u32) -> i64 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&position.to_le_bytes());
    hasher.update(&decision.to_le_bytes());
    hasher.update(&record_sum.to_le_bytes());
    i64::from(hasher.finalize())
}

/// Requests that are committed together.
pub(super) struct Group {
    first: u64,
    requests: Vec<(Request, Vec<Stored>)>,
    commit: commit::Builder,
    /// Decision numbers of the new events, in order.
    numbers: Vec<u32>,
    decisions: Vec<(u32, i64, Vec<u8>)>,
    bytes: u64,
}

/// What the writer must know of a request before it takes it into a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Need {
    /// Events that are not duplicates.
    pub events: u64,
    /// Bytes they take in the segment.
    pub bytes: u64,
}

impl Group {
    /// An empty group whose first new event gets the position `first`.
    pub fn new(first: u64, at: Micros) -> Group {
        Group {
            first,
            requests: Vec::new(),
            commit: commit::Builder::new(first, at),
            numbers: Vec::new(),
            decisions: Vec::new(),
            bytes: 0,
        }
    }

    /// What a request would add.
    pub fn need(request: &Request, window: &Window, now: i64) -> Need {
        let known = |event: &&Prepared| event.fingerprint.and_then(|known| window.find(known, now)).is_none();
        request.events.iter().filter(known).fold(Need::default(), |need, event| Need {
            events: need.events + 1,
            bytes: need.bytes + event.stored_bytes(),
        })
    }

    /// Takes a request in: its new events get their positions and enter the window.
    pub fn push(&mut self, request: Request, window: &mut Window, numbers: &mut Numbers, now: i64) {
        let mut stored = Vec::with_capacity(request.events.len());
        for event in &request.events {
            if let Some(position) = event.fingerprint.and_then(|known| window.find(known, now)) {
                stored.push(Stored { position, duplicate: true });
                continue;
            }
            let position = self.next_position();
            let (number, new) = numbers.number(&event.record.decision);
            if new {
                let (sum, lanes) = decisions::row(number, &event.record.decision);
                self.bytes += lanes.len() as u64 + ROW_BYTES;
                self.decisions.push((number, sum, lanes));
            }
            if let Some(fingerprint) = event.fingerprint {
                window.insert(fingerprint, position, now);
            }
            self.commit.push(event.record.received, number, event.fingerprint, &event.terms);
            self.numbers.push(number);
            self.bytes += event.stored_bytes();
            stored.push(Stored { position, duplicate: false });
        }
        self.requests.push((request, stored));
    }

    /// The position the next new event gets.
    pub fn next_position(&self) -> u64 {
        self.first + u64::from(self.commit.events())
    }

    /// How many new events it has.
    pub fn events(&self) -> u32 {
        self.commit.events()
    }

    /// Bytes of its new events.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// True when no request was taken in.
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// Writes everything in one transaction. When this returns, it is on disk. Returns the bytes the segment grew by.
    pub fn write(&mut self, connection: &Connection) -> Result<u64, rusqlite::Error> {
        connection.prepare_cached("BEGIN IMMEDIATE")?.raw_execute()?;
        for (number, sum, lanes) in &self.decisions {
            connection
                .prepare_cached("INSERT INTO decisions (id, sum, lanes) VALUES (?1, ?2, ?3)")?
                .execute((number, sum, lanes))?;
        }
        self.insert_events(connection)?;
        let body = self.commit.finish();
        self.bytes += body.len() as u64 + ROW_BYTES;
        connection
            .prepare_cached("INSERT INTO commits (first, body) VALUES (?1, ?2)")?
            .execute((to_sql(self.first), body))?;
        connection.prepare_cached("COMMIT")?.raw_execute()?;
        Ok(self.bytes)
    }

    fn insert_events(&self, connection: &Connection) -> Result<(), rusqlite::Error> {
        let mut insert = connection
            .prepare_cached("INSERT INTO events (position, decision, sum, record) VALUES (?1, ?2, ?3, ?4)")?;
        for ((event, position), number) in self.new_events().zip(&self.numbers) {
            insert.raw_bind_parameter(1, to_sql(position))?;
            insert.raw_bind_parameter(2, *number)?;
            insert.raw_bind_parameter(3, row_sum(position, *number, event.sum))?;
            insert.raw_bind_parameter(4, event.bytes.as_slice())?;
            insert.raw_execute()?;
        }
        Ok(())
    }

    fn new_events(&self) -> impl Iterator<Item = (&Prepared, u64)> {
        self.requests
            .iter()
            .flat_map(|(request, stored)| request.events.iter().zip(stored))
            .filter(|(_, stored)| !stored.duplicate)
            .map(|(event, stored)| (event, stored.position))
    }

    /// The new events as readers see them.
    pub fn entries(&self) -> impl Iterator<Item = Arc<Entry>> {
        self.new_events().map(|(event, position)| Arc::new(Entry { position, record: event.record.clone() }))
    }

    /// Answers everybody: it is durable.
    pub fn answer(self) {
        for (request, stored) in self.requests {
            // A caller that went away does not want the answer.
            request.answer.send(Ok(stored)).ok();
        }
    }

    /// The transaction was rolled back: takes the new fingerprints back and answers everybody that nothing was stored.
    /// Requests that hold only duplicates of events stored before are not concerned.
    pub fn refuse(self, error: &AppendError, window: &mut Window) {
        for (event, _) in self.new_events() {
            if let Some(fingerprint) = event.fingerprint {
                window.forget(fingerprint);
            }
        }
        for (request, stored) in self.requests {
            let settled = stored.iter().all(|stored| stored.duplicate && stored.position < self.first);
            request.answer.send(if settled { Ok(stored) } else { Err(error.clone()) }).ok();
        }
    }
}
