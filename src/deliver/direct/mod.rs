//! Delivery of events that stand in no log (`ack: destinations`, design.md §1 and §7): their sender waits until every matched
//! deliver entry has taken them.
//!
//! The engine is that of the lanes: [`super::attempt`] makes and sends messages, [`super::window`] keeps the order of keys,
//! [`super::retry`] says when to try again. What a lane's task does for events of the log, the task of the request does
//! here, so that nothing changes threads between the request and the destination.
//!
//! # Order
//! All deliveries of a request line up before any of them is handed over, in the order of its events. An event has its turn
//! when every earlier one of its key is done with: taken, given up, or out of time. Then whatever was handed over for the
//! earlier one stands before it in the queue of the same client (one connection, one partition), so that it cannot come
//! later, even where nobody waits for it any more. An event that is given up before its turn is never sent.
//!
//! # What an answer says
//! [`Handover::Nothing`]: no message was given to any client library; the events appear nowhere. [`Handover::Partly`]: one
//! was, or may have been. The first deliver entry that can never take its event ends the request: what has not begun is not
//! begun any more, and nobody waits for what is under way.

mod board;
mod lane;
mod part;
mod room;
mod run;

use super::Reach;
use super::attempt::{self, Outcome, failure};
use super::dispatcher::{LaneReport, Named};
use super::entry::DeliverEntry;
use super::plan::Plan;
use super::span;
use crate::codes::Code;
use crate::lane_name::LaneName;
use crate::log::record::Entry;
use crate::state::Failure;
use crate::tasks::{Kind, Tasks};
use crate::units::{Micros, Span};
use board::Board;
use part::{Part, tell_apart};
pub use room::Bounds;
use room::Room;
use run::Ending;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Why a message was not even tried.
const NOT_SENT: &str = "not sent, because another deliver entry cannot take its event";
/// Gauges are brought up to date this often.
const TICK: Duration = Duration::from_secs(1);

/// The direct way; cheap to clone.
#[derive(Clone)]
pub struct Direct {
    room: Arc<Room>,
}

/// What became of the events of one request.
#[derive(Debug, PartialEq, Eq)]
pub enum Handover {
    /// Every deliver entry has taken every event.
    Taken,
    /// Nothing was handed over: the events appear nowhere.
    Nothing(Failure),
    /// One per event and deliver entry.
    Partly(Vec<Told>),
}

/// What became of one event in one deliver entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Which event of the request.
    pub event: usize,
    /// The deliver entry.
    pub lane: Arc<LaneName>,
    /// Why it has not taken the event; `None` = it has.
    pub failure: Option<Failure>,
}

impl Direct {
    /// A direct way without events. `gauges`: the gauges of its lanes are kept here; where lanes of the log run too, they
    /// keep them.
    pub fn start(plan: Plan, bounds: Bounds, gauges: bool, tasks: &Tasks) -> Direct {
        let room = Arc::new(Room::new(plan, bounds));
        if gauges {
            let (kept, stopping) = (room.clone(), tasks.stopping());
            tasks.spawn(Kind::Upkeep, async move {
                while tokio::time::timeout(TICK, stopping.cancelled()).await.is_err() {
                    kept.all().iter().for_each(|lane| lane.publish(Micros::now()));
                }
            });
        }
        Direct { room }
    }

    /// Hands the events of one request to all deliver entries of their decisions and waits until all have taken them, one
    /// does not, or `time` is over.
    pub async fn hand_over(&self, entries: &[Arc<Entry>], time: Duration) -> Handover {
        let begun = Instant::now();
        let mut parts = match self.parts(entries) {
            Ok(parts) => parts,
            Err(other) => return other,
        };
        if parts.is_empty() {
            return Handover::Taken;
        }
        let board = Board::new(parts.iter().map(|part| (part.event, part.place.lane.clone(), part.name.clone())));
        // What cannot become a message is known before anything is handed over.
        for (at, part) in parts.iter_mut().enumerate() {
            match attempt::prepare_now(&self.room.plan, &part.entry, &part.deliver, &part.hop, 1) {
                Ok(outgoing) => part.outgoing = Some(outgoing),
                Err(not_sent) => {
                    board.note(at, said(not_sent.outcome));
                    return board.tell(NOT_SENT);
                }
            }
        }
        if entries.len() > 1 {
            tell_apart(&mut parts);
        }
        let patience = parts.iter().map(|part| part.deliver.retry.deadline).min().unwrap_or(time);
        let end = begun + time.min(patience);
        let turns: Vec<_> = parts.into_iter().map(|part| (part.line_up(), part)).collect();
        match timeout_at(end, self.deliver_all(turns, &board, end)).await {
            Ok(Ending::Delivered) => Handover::Taken,
            Ok(Ending::Unreachable(failure)) if board.is_untouched() => Handover::Nothing(failure),
            Ok(Ending::Unreachable(_) | Ending::Failed) => {
                board.tell("given up, because another deliver entry does not take its event")
            }
            Err(_elapsed) => match board.waits_for() {
                Some((_, failure)) if board.is_untouched() => Handover::Nothing(failure),
                _ => board.tell(&format!("not taken within {}", Span(time))),
            },
        }
    }

    /// Wakes nothing, for requests look at the snapshot themselves; lanes whose deliver entry is gone are forgotten.
    pub fn snapshot_changed(&self) {
        let room = &self.room;
        for lane in room.all().into_iter().filter(|lane| (room.plan.entry)(&lane.name).is_none()) {
            lane.publish(Micros::now());
            let mut lanes = room.lanes();
            // A request needs the map first: what nobody else holds while the map is locked is idle.
            if Arc::strong_count(&lane) == 2 {
                lanes.remove(&Named(lane.name.clone()));
            }
        }
    }

    /// Every lane that had an event since the start.
    pub fn lanes(&self) -> Vec<LaneReport> {
        self.room.all().iter().map(|lane| lane.report()).collect()
    }

    /// Resolves when nothing is under way any more; false when that takes longer than the deadline.
    pub async fn finish(&self, deadline: Duration) -> bool {
        let all = async {
            loop {
                let mut ended = std::pin::pin!(self.room.ended.notified());
                ended.as_mut().enable();
                if self.room.places.load(Ordering::Acquire) == 0 {
                    return;
                }
                ended.await;
            }
        };
        tokio::time::timeout(deadline, all).await.is_ok()
    }

    /// Where everything goes, with a place for each. Nothing is handed over where a destination is known to be unreachable,
    /// so that the others do not get what would have to be sent again.
    fn parts(&self, entries: &[Arc<Entry>]) -> Result<Vec<Part>, Handover> {
        let mut parts = Vec::with_capacity(entries.iter().map(|entry| entry.record.decision.len()).sum());
        for (event, entry) in entries.iter().enumerate() {
            for name in entry.record.decision.iter() {
                let plan = &self.room.plan;
                let earlier = || (plan.earlier_entry)(name, &entry.record.snapshot);
                let Some(deliver) = (plan.entry)(name).or_else(earlier) else {
                    return Err(none_sent(entries, (event, name)));
                };
                let destination = (plan.destination)(&deliver.lane.destination);
                let destination = destination.filter(|destination| destination.reach() != Reach::Down);
                let Some(destination) = destination else {
                    return Err(Handover::Nothing(self.unreachable(name, &deliver)));
                };
                let place = self.room.place(name).ok_or_else(|| {
                    let detail = format!("too many events wait for `{}`", name.display());
                    Handover::Nothing(failure(Code::Overloaded, detail))
                })?;
                let hop = span::hop(entry, Some(&deliver), Micros::now());
                let (entry, name, previous) = (entry.clone(), name.clone(), None);
                let (copies, outgoing) = (0, None);
                parts.push(Part { event, entry, name, deliver, destination, place, copies, outgoing, hop, previous });
            }
        }
        Ok(parts)
    }

    fn unreachable(&self, name: &LaneName, deliver: &DeliverEntry) -> Failure {
        let destination = (self.room.plan.destination)(&deliver.lane.destination);
        let why = destination.map_or_else(|| Some("it is not running".to_owned()), |one| one.health().detail);
        let why = why.unwrap_or_else(|| "it cannot be reached".to_owned());
        failure(Code::Unreachable, format!("destination `{}` of `{}`: {why}", deliver.lane.destination, name.display()))
    }
}

/// A deliver entry is gone before anything was sent.
fn none_sent(entries: &[Arc<Entry>], gone: (usize, &Arc<LaneName>)) -> Handover {
    let tell = |event: usize, lane: &Arc<LaneName>| {
        let why = if (event, lane) == gone {
            said(attempt::removed(lane))
        } else {
            failure(Code::RouteRemoved, NOT_SENT.to_owned())
        };
        Told { event, lane: lane.clone(), failure: Some(why) }
    };
    let decisions = entries.iter().enumerate();
    let told = decisions.flat_map(|(event, entry)| entry.record.decision.iter().map(move |lane| tell(event, lane)));
    Handover::Partly(told.collect())
}

/// What an attempt that failed has said.
fn said(outcome: Outcome) -> Failure {
    match outcome {
        Outcome::Later(failure, _)
        | Outcome::Refused(_, failure)
        | Outcome::Dead(_, failure)
        | Outcome::Unreachable(failure) => failure,
        Outcome::Delivered(_) | Outcome::Gone => failure(Code::Internal, "no outcome".to_owned()),
    }
}
