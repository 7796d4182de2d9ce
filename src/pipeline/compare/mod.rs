//! What another snapshot would make of a recorded event (routing.md §5, "diff"): a function of the event and both snapshots.
//! Nothing is stored and nothing is sent.
//!
//! Shadow routes deliver nothing, so that what they would do is no change. Deliver entries are the same if their names are:
//! another name is another lane. What differs in every attempt (headers of the hop, message ids) is left out; what is
//! derived from the position is the same on both sides.

pub mod message;
mod told;

#[cfg(test)]
mod tests;

use super::accept;
use super::dispatch;
use crate::config::compile::DestinationSpec;
use crate::deliver::entry::DeliverEntry;
use crate::lane_name::LaneName;
use crate::log::record::Entry;
use crate::reload::snapshot::Snapshot;
use bytestring::ByteString;
use serde::Serialize;
use std::sync::Arc;

/// What changes. What comes first says most: a shadow route is told by its first one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// Which schema governs the event, or whether the event keeps it.
    Verdict,
    /// Whether a live route takes the event.
    Route,
    /// Which deliver entries get it, and the topic, subject, URL or stream it goes to.
    Target,
    /// The key of a message.
    Key,
    /// Headers, body, mode or format of a message, or whether there is one.
    Bytes,
}

/// One change of one event in one route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// What changes.
    pub change: Change,
    /// In which route; `None` for the verdict.
    pub route: Option<ByteString>,
    /// The places, at least one.
    pub details: Vec<Detail>,
}

/// What stood in one place, and what stands there now, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail {
    /// Where: a deliver entry, and a header of its message; empty where the change says it all.
    pub place: String,
    /// What it was.
    pub before: String,
    /// What it is.
    pub after: String,
}

/// Two snapshots.
#[derive(Debug, Clone, Copy)]
pub struct Sides<'s> {
    /// The one before.
    pub old: &'s Snapshot,
    /// The one after.
    pub new: &'s Snapshot,
    /// Types without a schema are refused (`validation.unknown_type: reject`).
    pub strict: bool,
}

impl Sides<'_> {
    /// Everything that changes for an event; each change of each route once. Routes are compared also where a schema refuses
    /// the event: the verdict says so.
    pub fn compare(&self, entry: &Entry) -> Vec<Changed> {
        let event = &entry.record.event;
        let mut found = Found::default();
        let (before, after) = (self.verdict(self.old, entry), self.verdict(self.new, entry));
        if (&before.schema, before.refused.is_none()) != (&after.schema, after.refused.is_none()) {
            found.add(Change::Verdict, None, Detail::new("", before.to_string(), after.to_string()));
        }
        let (before, after) = (self.old.table.decide(event), self.new.table.decide(event));
        for (route, lanes) in routes(&before) {
            if let Some((_, others)) = routes(&after).find(|(other, _)| *other == route) {
                self.entries(entry, [lanes, others], &mut found);
            } else {
                let detail = Detail::new("", "takes it".to_owned(), told::why_not(self.new, route, event));
                found.add(Change::Route, Some(route), detail);
            }
        }
        for (route, _) in routes(&after).filter(|(route, _)| routes(&before).all(|(other, _)| other != *route)) {
            let detail = Detail::new("", told::why_not(self.old, route, event), "takes it".to_owned());
            found.add(Change::Route, Some(route), detail);
        }
        found.0
    }

    fn verdict(&self, side: &Snapshot, entry: &Entry) -> told::Verdict {
        let event = &entry.record.event;
        match side.schemas.check(event, self.strict) {
            Ok(schema) => told::Verdict { schema, refused: None },
            Err(refusal) => told::Verdict {
                schema: side.schemas.governing(event),
                refused: Some(accept::breaks_schema(0, refusal)),
            },
        }
    }

    /// The deliver entries of a route that takes the event on both sides.
    fn entries(&self, entry: &Entry, [old, new]: [&[Arc<LaneName>]; 2], found: &mut Found) {
        for lane in old {
            let Some(before) = self.old.entry(lane) else { continue };
            let twin = new.iter().find(|other| other.name == lane.name).and_then(|other| self.new.entry(other));
            if let Some(after) = twin {
                self.messages(entry, &before, &after, found);
            } else {
                let detail = Detail::new(&lane.name, told::target(entry, &before), "gets nothing".to_owned());
                found.add(Change::Target, Some(&lane.route), detail);
            }
        }
        for lane in new.iter().filter(|lane| old.iter().all(|other| other.name != lane.name)) {
            let Some(after) = self.new.entry(lane) else { continue };
            let detail = Detail::new(&lane.name, "gets nothing".to_owned(), told::target(entry, &after));
            found.add(Change::Target, Some(&lane.route), detail);
        }
    }

    /// What two deliver entries of one name send.
    fn messages(&self, entry: &Entry, old: &DeliverEntry, new: &DeliverEntry, found: &mut Found) {
        let (before, after) = (dispatch::image(entry, old), dispatch::image(entry, new));
        let mut changes: Vec<Change> = message::changes(&before, &after).collect();
        let moved =
            old.lane.destination != new.lane.destination || elsewhere(address(self.old, old), address(self.new, new));
        if moved && !changes.contains(&Change::Target) {
            changes.insert(0, Change::Target);
        }
        // A destination that drops its messages is told what they would be.
        let rewritten = before.is_ok() && after.is_ok() && told::manner(old) != told::manner(new);
        if rewritten && !changes.contains(&Change::Bytes) {
            changes.push(Change::Bytes);
        }
        for change in changes {
            for detail in told::message(change, (old, &before), (new, &after)) {
                found.add(change, Some(&old.lane.route), detail);
            }
        }
    }
}

impl Detail {
    fn new(place: &str, before: String, after: String) -> Detail {
        Detail { place: place.to_owned(), before, after }
    }
}

/// The changes of one event.
#[derive(Default)]
struct Found(Vec<Changed>);

impl Found {
    fn add(&mut self, change: Change, route: Option<&ByteString>, detail: Detail) {
        let known = self.0.iter_mut().find(|known| known.change == change && known.route.as_ref() == route);
        match known {
            Some(known) => known.details.push(detail),
            None => self.0.push(Changed { change, route: route.cloned(), details: vec![detail] }),
        }
    }
}

/// The routes of a decision, each with its entries, which stand together.
fn routes(decision: &[Arc<LaneName>]) -> impl Iterator<Item = (&ByteString, &[Arc<LaneName>])> {
    let chunks = decision.chunk_by(|one, other| one.route == other.route);
    chunks.filter_map(|lanes| Some((&lanes.first()?.route, lanes)))
}

/// Where an entry's destination stands, if its target does not say so.
fn address<'s>(side: &'s Snapshot, entry: &DeliverEntry) -> Option<&'s [String]> {
    match side.destinations.get(&*entry.lane.destination)? {
        DestinationSpec::Kafka(kafka) => Some(&kafka.brokers),
        DestinationSpec::Nats(nats) => Some(&nats.servers),
        DestinationSpec::Log | DestinationSpec::Discard | DestinationSpec::Http(_) => None,
    }
}

/// Servers of one list are those of one cluster, and need not all be named.
fn elsewhere(before: Option<&[String]>, after: Option<&[String]>) -> bool {
    match (before, after) {
        (Some(before), Some(after)) => before.iter().all(|server| !after.contains(server)),
        (before, after) => before.is_some() != after.is_some(),
    }
}
