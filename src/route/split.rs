//! Weighted branches: which of them an event takes, the same for equal keys, on every replica and after every restart
//! (routing.md §1).

use crate::cloudevents::Event;
use siphasher::sip::SipHasher13;
use std::fmt;
use std::hash::Hasher;
use std::ops::Range;
use std::sync::Arc;

/// Fills in a route's `key:`; `None` when the event lacks an attribute of it.
pub type KeyOf = Arc<dyn Fn(&Event) -> Option<String> + Send + Sync>;

/// `split:` of a route.
#[derive(Clone)]
pub struct Split {
    /// The route's `key:`.
    pub key: KeyOf,
    /// The branches in written order; their weights are not all 0.
    pub branches: Vec<Branch>,
}

/// One branch of a split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    /// Its part of the sum of all weights.
    pub weight: u32,
    /// Its deliver entries among those of the route.
    pub lanes: Range<usize>,
}

impl fmt::Debug for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Split").field("branches", &self.branches).finish_non_exhaustive()
    }
}

impl Split {
    /// The number of the branch an event takes: by its key, without one by its source and id.
    pub fn branch(&self, event: &Event) -> usize {
        let sum: u64 = self.branches.iter().map(|branch| u64::from(branch.weight)).sum();
        // The hash as a fraction of its range, stretched over the sum: a weight that grows at the end of the list only
        // moves keys into the branches behind it.
        let point = (u128::from(self.hash(event)) * u128::from(sum)) >> 64;
        let mut end = 0;
        let taken = self.branches.iter().position(|branch| {
            end += u128::from(branch.weight);
            point < end
        });
        taken.unwrap_or(0)
    }

    fn hash(&self, event: &Event) -> u64 {
        // Keys of zero and this order of bytes are a contract: another hash would move keys between branches.
        let mut hasher = SipHasher13::new_with_keys(0, 0);
        if let Some(key) = (self.key)(event).filter(|key| !key.is_empty()) {
            hasher.write(key.as_bytes());
        } else {
            hasher.write(event.source.as_bytes());
            hasher.write(&[0]);
            hasher.write(event.id.as_bytes());
        }
        hasher.finish()
    }
}
