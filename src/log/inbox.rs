//! The bounded queue in front of a writer thread. A push costs no system call while the writer is busy.

use super::locked;
use std::sync::{Condvar, Mutex};

/// Items wait here until the one taker swaps them all out.
pub(super) struct Inbox<T> {
    waiting: Mutex<Waiting<T>>,
    bell: Condvar,
    capacity: usize,
    capacity_bytes: usize,
}

struct Waiting<T> {
    items: Vec<T>,
    bytes: usize,
    /// The taker sleeps: the next push must ring.
    asleep: bool,
    /// Something other than an item wants the taker's attention.
    called: bool,
    closed: bool,
}

/// Why an item was not taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// As many items or bytes wait as may.
    Full,
    /// Nothing is taken in any more.
    Closed,
}

/// Why [`Inbox::take`] came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// Items were taken, or the taker was called.
    Some,
    /// The inbox is closed and empty.
    End,
}

impl<T> Inbox<T> {
    /// Room for `capacity` items of `capacity_bytes` together; a single item may be larger when nothing else waits.
    pub fn new(capacity: usize, capacity_bytes: usize) -> Inbox<T> {
        let waiting = Waiting { items: Vec::new(), bytes: 0, asleep: false, called: false, closed: false };
        Inbox { waiting: Mutex::new(waiting), bell: Condvar::new(), capacity, capacity_bytes }
    }

    /// True when an item pushed now would be refused: saves preparing it.
    pub fn is_full(&self) -> bool {
        let waiting = locked(&self.waiting);
        waiting.items.len() >= self.capacity || waiting.bytes >= self.capacity_bytes
    }

    /// Queues an item that holds `bytes` bytes.
    pub fn push(&self, item: T, bytes: usize) -> Result<(), Refused> {
        let mut waiting = locked(&self.waiting);
        if waiting.closed {
            return Err(Refused::Closed);
        }
        let too_many = waiting.items.len() >= self.capacity;
        let too_large = !waiting.items.is_empty() && waiting.bytes + bytes > self.capacity_bytes;
        if too_many || too_large {
            return Err(Refused::Full);
        }
        waiting.items.push(item);
        waiting.bytes += bytes;
        let ring = std::mem::take(&mut waiting.asleep);
        drop(waiting);
        if ring {
            self.bell.notify_one();
        }
        Ok(())
    }

    /// Moves everything that waits into `items`, which must be empty; sleeps until there is something.
    pub fn take(&self, items: &mut Vec<T>) -> Taken {
        let mut waiting = locked(&self.waiting);
        loop {
            if !waiting.items.is_empty() || waiting.called {
                std::mem::swap(&mut waiting.items, items);
                waiting.bytes = 0;
                waiting.called = false;
                return Taken::Some;
            }
            if waiting.closed {
                return Taken::End;
            }
            waiting.asleep = true;
            waiting = self.bell.wait(waiting).unwrap_or_else(std::sync::PoisonError::into_inner);
            waiting.asleep = false;
        }
    }

    /// Makes [`Inbox::take`] come back although nothing waits.
    pub fn call(&self) {
        locked(&self.waiting).called = true;
        self.bell.notify_one();
    }

    /// Takes nothing in any more; what waits is still handed out.
    pub fn close(&self) {
        locked(&self.waiting).closed = true;
        self.bell.notify_one();
    }

    /// Takes nothing in any more and drops what waits.
    pub fn abandon(&self) {
        let dropped = {
            let mut waiting = locked(&self.waiting);
            waiting.closed = true;
            std::mem::take(&mut waiting.items)
        };
        drop(dropped);
        self.bell.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::{Inbox, Refused, Taken};

    #[test]
    fn an_inbox_is_bounded_by_items_and_by_bytes() {
        let inbox = Inbox::new(2, 100);
        assert_eq!(inbox.push('a', 500), Ok(()), "one item always fits");
        assert_eq!(inbox.push('b', 1), Err(Refused::Full));
        let mut items = Vec::new();
        assert_eq!(inbox.take(&mut items), Taken::Some);
        assert_eq!(items, ['a']);
        assert_eq!(inbox.push('b', 50), Ok(()));
        assert_eq!(inbox.push('c', 50), Ok(()));
        assert_eq!(inbox.push('d', 0), Err(Refused::Full));
    }

    #[test]
    fn a_closed_inbox_hands_out_what_waits_and_then_ends() {
        let inbox = Inbox::new(8, 100);
        inbox.push(1, 1).unwrap();
        inbox.close();
        assert_eq!(inbox.push(2, 1), Err(Refused::Closed));
        let mut items = Vec::new();
        assert_eq!(inbox.take(&mut items), Taken::Some);
        assert_eq!(items, [1]);
        items.clear();
        assert_eq!(inbox.take(&mut items), Taken::End);
    }

    #[test]
    fn a_call_wakes_the_taker_without_an_item() {
        let inbox: Inbox<u8> = Inbox::new(8, 100);
        inbox.call();
        let mut items = Vec::new();
        assert_eq!(inbox.take(&mut items), Taken::Some);
        assert!(items.is_empty());
    }
}
