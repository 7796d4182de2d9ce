//! The list of segments, oldest first.

use super::segment::Segment;
use std::sync::{Arc, PoisonError, RwLock};

/// All segments; the last one is open.
#[derive(Debug)]
pub(super) struct Segments(RwLock<Vec<Arc<Segment>>>);

impl Segments {
    /// Segments in order of position.
    pub fn new(list: Vec<Arc<Segment>>) -> Segments {
        Segments(RwLock::new(list))
    }

    /// All of them, oldest first.
    pub fn all(&self) -> Vec<Arc<Segment>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The segment that may hold `position`, and the highest position it may hold (`None`: it is the last one).
    pub fn holding(&self, position: u64) -> Option<(Arc<Segment>, Option<u64>)> {
        let list = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let after = list.partition_point(|segment| segment.first <= position);
        let segment = list.get(after.checked_sub(1)?)?;
        Some((segment.clone(), list.get(after).map(|next| next.first - 1)))
    }

    /// The lowest position any of them may hold.
    pub fn first(&self) -> u64 {
        self.0.read().unwrap_or_else(PoisonError::into_inner).first().map_or(1, |segment| segment.first)
    }

    /// Bytes of all of them, derived events included.
    pub fn bytes(&self) -> u64 {
        self.0.read().unwrap_or_else(PoisonError::into_inner).iter().map(|segment| segment.all_bytes()).sum()
    }

    /// Adds the new open one.
    pub fn push(&self, segment: Arc<Segment>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).push(segment);
    }

    /// Takes the oldest one out if `may_go` says so of it and of the first position after it. The open one stays.
    pub fn pop_oldest(&self, may_go: impl FnOnce(&Segment, u64) -> bool) -> Option<Arc<Segment>> {
        let mut list = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let next = list.get(1)?.first;
        let oldest = list.first()?;
        may_go(oldest, next).then(|| list.remove(0))
    }
}
