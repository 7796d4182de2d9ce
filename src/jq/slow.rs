//! One warning a minute for each program, however many runs are slow.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const PAUSE: Duration = Duration::from_mins(1);

/// When the last warning was given, in seconds.
#[derive(Debug, Default)]
pub struct Slow(AtomicU64);

impl Slow {
    /// Is it time for another warning?
    pub fn may_warn(&self) -> bool {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let last = self.0.load(Ordering::Relaxed);
        let due = now >= last + PAUSE.as_secs();
        due && self.0.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}
