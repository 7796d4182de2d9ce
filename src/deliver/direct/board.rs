//! How far the deliveries of one request are.

use super::lane::Lane;
use super::{Handover, Told};
use crate::codes::Code;
use crate::deliver::attempt::failure;
use crate::lane_name::LaneName;
use crate::state::Failure;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// One seat per event and deliver entry.
pub struct Board {
    seats: Vec<Seat>,
    /// Seats with anything handed over.
    handed: AtomicUsize,
}

struct Seat {
    event: usize,
    lane: Arc<Lane>,
    name: Arc<LaneName>,
    /// Something was or may have been handed to the destination.
    handed: AtomicBool,
    delivered: AtomicBool,
    last: Mutex<Option<Failure>>,
}

impl Board {
    /// Nothing was handed over yet.
    pub fn new(seats: impl Iterator<Item = (usize, Arc<Lane>, Arc<LaneName>)>) -> Board {
        let seat = |(event, lane, name)| Seat {
            event,
            lane,
            name,
            handed: AtomicBool::new(false),
            delivered: AtomicBool::new(false),
            last: Mutex::default(),
        };
        Board { seats: seats.map(seat).collect(), handed: AtomicUsize::new(0) }
    }

    /// A message is about to be handed over. Returns true when one was before.
    pub fn begin(&self, at: usize) -> bool {
        let before = self.seats.get(at).is_some_and(|seat| seat.handed.swap(true, Ordering::AcqRel));
        self.handed.fetch_add(usize::from(!before), Ordering::AcqRel);
        before
    }

    /// Nothing was handed over after all.
    pub fn take_back(&self, at: usize) {
        if self.seats.get(at).is_some_and(|seat| seat.handed.swap(false, Ordering::AcqRel)) {
            self.handed.fetch_sub(1, Ordering::AcqRel);
        }
    }

    /// True while no event of the request can appear anywhere.
    pub fn is_untouched(&self) -> bool {
        self.handed.load(Ordering::Acquire) == 0
    }

    /// The deliver entry has taken the event.
    pub fn deliver(&self, at: usize) {
        if let Some(seat) = self.seats.get(at) {
            seat.delivered.store(true, Ordering::Release);
        }
    }

    /// Why the event is not taken yet, or not at all.
    pub fn note(&self, at: usize, failure: Failure) {
        if let Some(seat) = self.seats.get(at) {
            *seat.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
        }
    }

    /// Why something that waits for its destination was not handed over.
    pub fn waits_for(&self) -> Option<(Arc<LaneName>, Failure)> {
        self.seats.iter().find_map(|seat| {
            let last = seat.last.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
            crate::deliver::error::nothing_sent(last.code).then(|| (seat.name.clone(), last))
        })
    }

    /// What became of everything; `open` says why the others are not taken.
    pub fn tell(&self, open: &str) -> Handover {
        let tell = |seat: &Seat| {
            if seat.delivered.load(Ordering::Acquire) {
                return Told { event: seat.event, lane: seat.name.clone(), failure: None };
            }
            seat.lane.count(&seat.name.destination, |counters| counters.failed.increment(1));
            let last = seat.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let failure = last.unwrap_or_else(|| failure(Code::NoAck, open.to_owned()));
            Told { event: seat.event, lane: seat.name.clone(), failure: Some(failure) }
        };
        Handover::Partly(self.seats.iter().map(tell).collect())
    }
}
