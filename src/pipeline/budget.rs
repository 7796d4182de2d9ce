//! The bound on memory that requests hold before they are answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of request bodies held at once, over all connections of all listeners.
#[derive(Debug)]
pub struct Budget {
    most: usize,
    held: AtomicUsize,
}

/// A part of the budget; given back when dropped.
#[derive(Debug)]
pub struct Share {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Budget {
    /// At most this many bytes.
    pub fn new(most: usize) -> Budget {
        Budget { most, held: AtomicUsize::new(0) }
    }

    /// A share without bytes.
    pub fn share(self: &Arc<Self>) -> Share {
        Share { budget: Arc::clone(self), bytes: 0 }
    }
}

impl Share {
    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes more bytes; false when there are not so many left.
    pub fn grow(&mut self, bytes: usize) -> bool {
        let before = self.budget.held.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > self.budget.most {
            self.budget.held.fetch_sub(bytes, Ordering::Relaxed);
            return false;
        }
        self.bytes += bytes;
        true
    }

    /// Gives back all above this many bytes.
    pub fn shrink_to(&mut self, bytes: usize) {
        let back = self.bytes.saturating_sub(bytes);
        self.budget.held.fetch_sub(back, Ordering::Relaxed);
        self.bytes -= back;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::Budget;
    use std::sync::Arc;

    #[test]
    fn what_is_taken_is_given_back() {
        let budget = Arc::new(Budget::new(100));
        let (mut first, mut second) = (budget.share(), budget.share());
        assert!(first.grow(60) && first.grow(40));
        assert!(!second.grow(1), "full");
        first.shrink_to(30);
        assert!(second.grow(70) && !second.grow(1));
        drop(second);
        assert!(first.grow(70) && !first.grow(usize::MAX));
    }
}
