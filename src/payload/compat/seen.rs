//! Pairs that were looked at, and the way back to what had been seen before an attempt.

use std::collections::HashSet;
use std::hash::Hash;

/// A set that remembers in which order it grew.
#[derive(Debug)]
pub struct Seen<T> {
    set: HashSet<T>,
    order: Vec<T>,
}

impl<T: Eq + Hash + Clone> Seen<T> {
    /// Nothing yet.
    pub fn new() -> Seen<T> {
        Seen { set: HashSet::new(), order: Vec::new() }
    }

    /// True if it is new.
    pub fn insert(&mut self, pair: T) -> bool {
        let new = self.set.insert(pair.clone());
        if new {
            self.order.push(pair);
        }
        new
    }

    /// Was it seen?
    pub fn contains(&self, pair: &T) -> bool {
        self.set.contains(pair)
    }

    /// A point to come back to.
    pub fn mark(&self) -> usize {
        self.order.len()
    }

    /// Forgets what was seen since a mark. Copies of the whole set would make attempts cost the square of their number.
    pub fn back_to(&mut self, mark: usize) {
        for pair in self.order.drain(mark..) {
            self.set.remove(&pair);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Seen;

    #[test]
    fn what_came_after_a_mark_is_forgotten() {
        let mut seen = Seen::new();
        assert!(seen.insert(1));
        let mark = seen.mark();
        assert!(seen.insert(2) && !seen.insert(1));
        seen.back_to(mark);
        assert!(!seen.insert(1) && seen.insert(2));
    }
}
