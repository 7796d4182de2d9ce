//! The newest durable entries in memory, for the dispatcher and live readers.

use super::locked;
use super::record::Entry;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

/// A ring bounded by bytes.
pub(super) struct Tail {
    ring: Mutex<Ring>,
    capacity: usize,
}

struct Ring {
    entries: VecDeque<Arc<Entry>>,
    bytes: usize,
    /// Every durable position from here on is in the ring.
    covers: u64,
}

impl Tail {
    /// An empty ring that covers what comes after `head`.
    pub fn new(head: u64, capacity: usize) -> Tail {
        let ring = Ring { entries: VecDeque::new(), bytes: 0, covers: head + 1 };
        Tail { ring: Mutex::new(ring), capacity }
    }

    /// Adds entries that have become durable, in order; the oldest make room.
    pub fn extend(&self, entries: impl Iterator<Item = Arc<Entry>>) {
        let mut dropped = Vec::new();
        let mut ring = locked(&self.ring);
        for entry in entries {
            ring.bytes += entry.record.size();
            ring.entries.push_back(entry);
        }
        while ring.bytes > self.capacity {
            let Some(oldest) = ring.entries.pop_front() else { break };
            ring.bytes -= oldest.record.size();
            ring.covers = oldest.position + 1;
            dropped.push(oldest);
        }
        // Freeing them takes longer than moving them out: not while readers wait.
        drop(ring);
        drop(dropped);
    }

    /// Entries at or above `from`, up to `limit` or about `bytes` (at least one); `None` when older ones are asked for.
    pub fn read(&self, from: u64, limit: usize, bytes: usize) -> Option<Vec<Arc<Entry>>> {
        let ring = locked(&self.ring);
        if from < ring.covers {
            return None;
        }
        let start = ring.entries.partition_point(|entry| entry.position < from);
        let mut taken = 0;
        let fits = |entry: &&Arc<Entry>| {
            let first = taken == 0;
            taken += entry.record.size();
            first || taken <= bytes
        };
        Some(ring.entries.range(start..).take(limit).take_while(fits).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::Tail;
    use crate::log::tests::support::entry;

    #[test]
    fn the_ring_drops_the_oldest_and_says_what_it_no_longer_covers() {
        let size = entry(11).record.size();
        let tail = Tail::new(10, size * 3);
        assert_eq!(tail.read(11, 10, usize::MAX), Some(Vec::new()));
        assert_eq!(tail.read(10, 10, usize::MAX), None);
        // Position 15 is a gap.
        tail.extend([11, 12, 13, 14, 16].into_iter().map(entry));
        assert_eq!(tail.read(12, 10, usize::MAX), None);
        let positions = |from, limit, bytes| -> Vec<u64> {
            tail.read(from, limit, bytes).unwrap().iter().map(|entry| entry.position).collect()
        };
        assert_eq!(positions(13, 10, usize::MAX), [13, 14, 16]);
        assert_eq!(positions(15, 10, usize::MAX), [16]);
        assert_eq!(positions(13, 2, usize::MAX), [13, 14]);
        assert_eq!(positions(13, 10, 0), [13]);
        assert_eq!(positions(13, 10, 2 * size), [13, 14]);
        assert!(positions(17, 10, usize::MAX).is_empty());
    }
}
