//! Reading a named stream: originals whose decision has an entry of that stream, and derived events stored for it, in
//! order of position.
//!
//! A derived event is stored some time after its original. A reader must not pass a position whose derived event is
//! still to come, else it would never see it: it is held there until the event is stored, or until everything up to there
//! is settled without it (it became a dead letter).

use super::derived::{LaneKey, Page};
use super::reader::{self, Reader};
use super::record::Entry;
use super::seal::POSITIONS_A_STEP;
use super::segment::Segment;
use super::shared::Shared;
use super::{ReadError, walk};
use crate::lane_name::Decision;
use std::collections::HashMap;
use std::sync::Arc;

/// Name of the destination that stores to streams (design.md §2: it always exists).
const LOG_DESTINATION: &str = "log";

/// Steps of [`POSITIONS_A_STEP`] one call makes at most.
const STEPS: usize = 64;

/// What a decision means for one stream.
#[derive(Clone, Default)]
struct Part {
    /// The event itself is in the stream.
    original: bool,
    /// Lanes that store a changed event, perhaps to this stream.
    derived: Arc<[LaneKey]>,
}

impl Part {
    fn of(decision: &Decision, stream: &str) -> Part {
        let to_log = decision.iter().filter(|lane| lane.destination == LOG_DESTINATION && lane.stream.is_none());
        Part {
            original: decision.iter().any(|lane| lane.stream.as_deref() == Some(stream)),
            derived: to_log.map(|lane| (lane.route.clone(), lane.name.clone())).collect(),
        }
    }
}

/// Reads from memory; `None` when the files are needed.
pub(super) fn from_tail(shared: &Shared, stream: &str, from: u64, limit: usize) -> Option<(Vec<Arc<Entry>>, u64)> {
    let most = usize::try_from(POSITIONS_A_STEP).unwrap_or(usize::MAX);
    let entries = shared.tail.read(from, most, usize::MAX)?;
    let mut found = Vec::new();
    let mut next = from;
    for entry in entries {
        let part = Part::of(&entry.record.decision, stream);
        if !part.derived.is_empty() {
            return None;
        }
        next = entry.position + 1;
        if part.original {
            found.push(entry);
            if found.len() >= limit {
                break;
            }
        }
    }
    Some((found, next))
}

/// Reads from the files. The second value is the position to go on from.
pub(super) fn from_files(
    shared: &Shared,
    stream: &str,
    from: u64,
    limit: usize,
) -> Result<(Vec<Arc<Entry>>, u64), ReadError> {
    let head = shared.head();
    let mut at = from.max(shared.segments.first());
    for _ in 0..STEPS {
        let Some((segment, last)) = shared.segments.holding(at).filter(|_| at <= head) else { break };
        let segment_end = last.unwrap_or(head).min(head);
        let upto = segment_end.min(at + POSITIONS_A_STEP - 1);
        let step = Step { shared, stream, segment: &segment, limit };
        let read = shared.pool.with(&segment, |reader| step.read(reader, at, upto))?;
        let (found, next) = read.unwrap_or_else(|| (Vec::new(), upto + 1));
        let stopped = next <= upto;
        at = next;
        if stopped || !found.is_empty() {
            return Ok((found, at));
        }
    }
    Ok((Vec::new(), at))
}

struct Step<'s> {
    shared: &'s Shared,
    stream: &'s str,
    segment: &'s Segment,
    limit: usize,
}

impl Step<'_> {
    fn read(&self, reader: &mut Reader, from: u64, upto: u64) -> Result<(Vec<Arc<Entry>>, u64), rusqlite::Error> {
        self.shared.await_settled();
        let settled = self.shared.settled().below;
        let page = self.shared.derived.read(self.segment, &self.shared.damage, from..upto + 1, self.stream)?;
        let mut changed = page.entries.iter().peekable();
        let mut parts: HashMap<u32, Part> = HashMap::new();
        let mut found = Vec::new();
        for summary in walk::summaries(reader, &self.shared.damage, from, upto, None)? {
            let part = if let Some(part) = parts.get(&summary.decision) {
                part.clone()
            } else {
                let decision = reader.known.get(&reader.connection, summary.decision)?.unwrap_or_default();
                let part = Part::of(&decision, self.stream);
                parts.insert(summary.decision, part.clone());
                part
            };
            let position = summary.position;
            if found.len() >= self.limit || position >= settled && self.is_awaited(&part, &page, position) {
                return Ok((found, position));
            }
            if part.original {
                found.extend(reader::at(reader, &self.shared.damage, position)?);
            }
            while let Some(entry) = changed.next_if(|entry| entry.position <= position) {
                found.push(entry.clone());
            }
        }
        Ok((found, upto + 1))
    }

    /// True while a lane may still store a changed event of this position to this stream.
    fn is_awaited(&self, part: &Part, page: &Page, position: u64) -> bool {
        part.derived.iter().any(|lane| {
            let elsewhere = self.shared.derived.stream_of(lane).is_some_and(|known| known != self.stream);
            !elsewhere && !page.stored.contains(&(position, lane.clone()))
        })
    }
}
