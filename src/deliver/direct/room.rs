//! The lanes, and who has room in them.

use super::lane::Lane;
use crate::deliver::dispatcher::Named;
use crate::deliver::plan::Plan;
use crate::lane_name::LaneName;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// No lane may have more than this part of all places, so that one that is stuck leaves room for the others.
const SHARE: usize = 4;
/// Places a lane may always have, however many the others have.
const OWN_PLACES: usize = 16;

/// How much may be under way.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Deliveries (one per event and deliver entry) that may be waiting or under way at once.
    pub places: usize,
    /// Events of the largest batch: an idle gateway always takes one.
    pub batch: usize,
}

/// All lanes of the direct way.
pub(super) struct Room {
    pub(super) plan: Plan,
    bounds: Bounds,
    lanes: Mutex<HashMap<Named, Arc<Lane>>>,
    /// Places taken.
    pub(super) places: AtomicUsize,
    /// Told when the last place is given back.
    pub(super) ended: Notify,
}

/// Room for one event in one lane.
pub(super) struct Place {
    room: Arc<Room>,
    /// Which one.
    pub(super) lane: Arc<Lane>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.lane.places.fetch_sub(1, Ordering::AcqRel);
        if self.room.places.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.room.ended.notify_waiters();
        }
    }
}

impl Room {
    /// Without lanes.
    pub(super) fn new(plan: Plan, bounds: Bounds) -> Room {
        let (lanes, places) = (Mutex::default(), AtomicUsize::new(0));
        Room { plan, bounds, lanes, places, ended: Notify::new() }
    }

    pub(super) fn lanes(&self) -> MutexGuard<'_, HashMap<Named, Arc<Lane>>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn all(&self) -> Vec<Arc<Lane>> {
        self.lanes().values().cloned().collect()
    }

    fn lane(&self, name: &Arc<LaneName>) -> Arc<Lane> {
        let mut lanes = self.lanes();
        let lane = lanes.entry(Named(name.clone())).or_insert_with(|| Arc::new(Lane::new(name.clone())));
        lane.clone()
    }

    /// A place in a lane; `None` when there is none left.
    pub(super) fn place(self: &Arc<Room>, name: &Arc<LaneName>) -> Option<Place> {
        let lane = self.lane(name);
        let own = lane.places.fetch_add(1, Ordering::AcqRel);
        let all = self.places.fetch_add(1, Ordering::AcqRel);
        let place = Place { room: self.clone(), lane };
        let Bounds { places, batch } = self.bounds;
        let most = (places / SHARE).max(batch);
        let fits = own < OWN_PLACES || (own < most && all < places.max(most));
        fits.then_some(place)
    }
}
