//! Searching the log, newest first: sealed segments by their index, the others by their commit rows.

use super::decisions;
use super::reader::{self, Reader};
use super::record::Entry;
use super::seal;
use super::segment::{self, Segment, Stage};
use super::shared::Shared;
use super::terms::{self, Kind};
use super::walk;
use super::{Query, ReadError};
use crate::observability::trace::TraceContext;
use crate::units::Micros;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// An extra test the caller brings.
pub(super) type Keep = Arc<dyn Fn(&Entry) -> bool + Send + Sync>;

/// More decisions than this with the wanted route: the commit rows are walked instead of the index.
const MOST_LISTS: usize = 64;

/// Positions looked at together at first: a caller that takes whatever comes finds enough there.
const FIRST_STEP: u64 = 128;

/// A search under way.
pub(super) struct Search<'s> {
    pub shared: &'s Shared,
    pub query: Query,
    pub keep: Keep,
    pub limit: usize,
    /// Nobody waits for the result any more.
    pub given_up: Arc<AtomicBool>,
}

/// What a segment is narrowed down by.
struct Narrow {
    terms: Vec<u32>,
    /// Numbers of the decisions with the wanted route.
    decisions: Option<Vec<u32>>,
    received: Range<Micros>,
}

impl Search<'_> {
    /// Newest first, at most `limit`.
    pub fn run(&self) -> Result<Vec<Arc<Entry>>, ReadError> {
        let mut found = Vec::new();
        if self.query.trace.as_deref().is_some_and(|trace| trace_id(trace).is_none()) {
            return Ok(found);
        }
        let below = self.query.below.unwrap_or(u64::MAX).min(self.shared.head() + 1);
        let mut end = below;
        for segment in self.shared.segments.all().iter().rev() {
            if self.is_done(&found) {
                break;
            }
            let positions = segment.first..end.max(segment.first);
            end = end.min(segment.first);
            if !positions.is_empty() && self.may_hold(segment) {
                self.shared.pool.with(segment, |reader| self.segment(reader, positions, &mut found))?;
            }
        }
        Ok(found)
    }

    fn is_done(&self, found: &[Arc<Entry>]) -> bool {
        found.len() >= self.limit || self.given_up.load(Ordering::Relaxed)
    }

    fn received(&self) -> Range<Micros> {
        self.query.since.unwrap_or(Micros(i64::MIN))..self.query.until.unwrap_or(Micros(i64::MAX))
    }

    fn may_hold(&self, segment: &Segment) -> bool {
        let (times, received) = (segment.times(), self.received());
        times.newest >= received.start && times.oldest < received.end
    }

    fn segment(
        &self,
        reader: &mut Reader,
        positions: Range<u64>,
        found: &mut Vec<Arc<Entry>>,
    ) -> Result<(), rusqlite::Error> {
        let decisions = match &self.query.route {
            Some(route) => Some(decisions::numbers_where(&reader.connection, |decision| {
                decision.iter().any(|lane| lane.route == **route)
            })?),
            None => None,
        };
        if decisions.as_ref().is_some_and(Vec::is_empty) {
            return Ok(());
        }
        let narrow = Narrow { terms: terms_of(&self.query), decisions, received: self.received() };
        let candidates = match reader.segment.stage() {
            Stage::Sealed => match indexed(reader, &narrow) {
                Err(error) if segment::is_corrupt(&error) => None,
                indexed => indexed?,
            },
            Stage::Open | Stage::Full => None,
        };
        if let Some(candidates) = candidates {
            let candidates = candidates.into_iter().rev().filter(|position| positions.contains(position));
            return self.take(reader, candidates, found);
        }
        self.walk_back(reader, positions, &narrow, found)
    }

    /// Goes over the commit rows from the newest to the oldest.
    fn walk_back(
        &self,
        reader: &mut Reader,
        positions: Range<u64>,
        narrow: &Narrow,
        found: &mut Vec<Arc<Entry>>,
    ) -> Result<(), rusqlite::Error> {
        let mut end = positions.end;
        let mut step = FIRST_STEP;
        while end > positions.start && !self.is_done(found) {
            let start = end.saturating_sub(step).max(positions.start);
            // Where little fits, longer stretches are looked at together.
            step = (2 * step).min(seal::POSITIONS_A_STEP);
            let summaries = walk::summaries(reader, &self.shared.damage, start, end - 1, Some(&narrow.received))?;
            let fits = summaries.into_iter().rev().filter(|summary| {
                let routed = narrow.decisions.as_ref().is_none_or(|wanted| wanted.contains(&summary.decision));
                routed && summary.terms.has_all(&narrow.terms)
            });
            self.take(reader, fits.map(|summary| summary.position), found)?;
            end = start;
        }
        Ok(())
    }

    /// Reads candidates and keeps those that really fit.
    fn take(
        &self,
        reader: &mut Reader,
        candidates: impl Iterator<Item = u64>,
        found: &mut Vec<Arc<Entry>>,
    ) -> Result<(), rusqlite::Error> {
        for position in candidates {
            if self.is_done(found) {
                break;
            }
            if let Some(entry) = reader::at(reader, &self.shared.damage, position)?
                && fits(&self.query, &entry)
                && (self.keep)(&entry)
            {
                found.push(entry);
            }
        }
        Ok(())
    }
}

/// Positions that have every term, rising, from a sealed segment's index; `None` when the index does not help.
fn indexed(reader: &Reader, narrow: &Narrow) -> Result<Option<Vec<u64>>, rusqlite::Error> {
    let mut lists = Vec::new();
    for term in &narrow.terms {
        lists.push(postings(reader, *term)?);
    }
    match &narrow.decisions {
        Some(numbers) if numbers.len() <= MOST_LISTS => {
            let mut routed = Some(Vec::new());
            for number in numbers {
                let list = postings(reader, terms::term(Kind::Decision, &number.to_le_bytes()))?;
                routed = routed.zip(list).map(|(mut all, more)| {
                    all.extend(more);
                    all
                });
            }
            lists.push(routed.map(|mut all| {
                all.sort_unstable();
                all
            }));
        }
        // Too many lists: if there are terms, they narrow it down, and the record tells the rest.
        _ => {}
    }
    let Some(mut lists) = lists.into_iter().collect::<Option<Vec<_>>>() else { return Ok(None) };
    lists.sort_unstable_by_key(Vec::len);
    let mut lists = lists.into_iter();
    let Some(mut common) = lists.next() else { return Ok(None) };
    for list in lists {
        common.retain(|distance| list.binary_search(distance).is_ok());
    }
    Ok(Some(common.into_iter().map(|distance| reader.segment.first + u64::from(distance)).collect()))
}

/// The distances that have a term, rising; `None` when a block of the index is damaged.
fn postings(reader: &Reader, term: u32) -> Result<Option<Vec<u32>>, rusqlite::Error> {
    let mut find =
        reader.connection.prepare_cached("SELECT body FROM postings WHERE low <= ?1 AND high >= ?1 ORDER BY id")?;
    let mut rows = find.query([term])?;
    let mut distances = Vec::new();
    while let Some(row) = rows.next()? {
        let Some(block) = row.get_ref(0)?.as_blob().ok().and_then(checked) else { return Ok(None) };
        let number = |bytes: &[u8]| bytes.first_chunk::<4>().map_or(0, |four| u32::from_le_bytes(*four));
        let pairs = block.chunks_exact(seal::PAIR_BYTES).map(|pair| (number(pair), number(&pair[4..])));
        distances.extend(pairs.filter(|pair| pair.0 == term).map(|pair| pair.1));
    }
    Ok(Some(distances))
}

fn checked(body: &[u8]) -> Option<&[u8]> {
    let (block, sum) = body.split_last_chunk::<4>()?;
    (crc32fast::hash(block) == u32::from_le_bytes(*sum)).then_some(block)
}

fn terms_of(query: &Query) -> Vec<u32> {
    let texts = [
        (Kind::Type, &query.ty),
        (Kind::Source, &query.source),
        (Kind::Subject, &query.subject),
        (Kind::Id, &query.id),
        (Kind::Correlation, &query.correlation),
    ];
    let texts = texts.into_iter().filter_map(|(kind, text)| Some(terms::term(kind, text.as_ref()?.as_bytes())));
    let trace = query.trace.as_deref().and_then(trace_id).map(|id| terms::term(Kind::Trace, &id));
    texts.chain(trace).collect()
}

fn trace_id(hex: &str) -> Option<[u8; 16]> {
    TraceContext::parse(&format!("00-{hex}-0000000000000001-00")).map(|context| context.trace_id)
}

/// The whole test: hashes may lie, records do not.
fn fits(query: &Query, entry: &Entry) -> bool {
    let record = &entry.record;
    let event = &record.event;
    let same =
        |wanted: &Option<String>, found: Option<&str>| wanted.as_deref().is_none_or(|wanted| found == Some(wanted));
    let traced = query.trace.as_deref().is_none_or(|wanted| {
        let creation = event.attribute("traceparent").and_then(TraceContext::parse);
        trace_id(wanted)
            .is_some_and(|id| record.process.trace_id == id || creation.is_some_and(|creation| creation.trace_id == id))
    });
    same(&query.ty, Some(&event.ty))
        && same(&query.source, Some(&event.source))
        && same(&query.id, Some(&event.id))
        && same(&query.subject, event.attribute("subject"))
        && same(&query.correlation, event.attribute("correlationid"))
        && traced
        && query.since.is_none_or(|since| record.received >= since)
        && query.until.is_none_or(|until| record.received < until)
        && query.route.as_deref().is_none_or(|route| record.decision.iter().any(|lane| lane.route == *route))
        && query.below.is_none_or(|below| entry.position < below)
}
