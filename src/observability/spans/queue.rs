//! Finished spans on their way to the exporting thread. Bounded: a span that finds no room is dropped and counted.

use crate::observability::metrics;
use ::metrics::Counter;
use opentelemetry_sdk::trace::SpanData;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The queue between those who finish spans and the thread that exports them.
pub struct Queue {
    inside: Mutex<Inside>,
    wake: Condvar,
    size: usize,
    batch: usize,
    dropped: Counter,
}

struct Inside {
    spans: VecDeque<SpanData>,
    closed: bool,
}

impl Queue {
    /// Room for `size` spans, handed out in batches of at most `batch`.
    pub fn new(size: usize, batch: usize) -> Queue {
        Queue {
            inside: Mutex::new(Inside { spans: VecDeque::new(), closed: false }),
            wake: Condvar::new(),
            size,
            batch: batch.clamp(1, size.max(1)),
            dropped: metrics::spans_dropped("queue_full"),
        }
    }

    /// Adds a span, or drops it when the queue is full or closed.
    pub fn push(&self, span: SpanData) {
        let mut inside = self.inside();
        if inside.closed || inside.spans.len() >= self.size {
            drop(inside);
            self.dropped.increment(1);
            return;
        }
        inside.spans.push_back(span);
        let full_batch = inside.spans.len() == self.batch;
        drop(inside);
        if full_batch {
            self.wake.notify_one();
        }
    }

    /// Waits until there is a full batch, or `delay` has passed, or the queue is closed. `None` = closed and empty.
    pub fn next(&self, delay: Duration) -> Option<Vec<SpanData>> {
        let end = Instant::now() + delay;
        let mut inside = self.inside();
        while inside.spans.len() < self.batch && !inside.closed {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            inside = self.wake.wait_timeout(inside, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        if inside.closed && inside.spans.is_empty() {
            return None;
        }
        let count = inside.spans.len().min(self.batch);
        Some(inside.spans.drain(..count).collect())
    }

    /// Takes no more spans; what is there can still be fetched.
    pub fn close(&self) {
        self.inside().closed = true;
        self.wake.notify_all();
    }

    /// True after [`Queue::close`].
    pub fn is_closed(&self) -> bool {
        self.inside().closed
    }

    /// Empties it.
    pub fn clear(&self) -> Vec<SpanData> {
        self.inside().spans.drain(..).collect()
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue").field("size", &self.size).field("batch", &self.batch).finish_non_exhaustive()
    }
}
