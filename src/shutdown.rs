//! The end of the process: signals, and the phases under one deadline.

use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};

/// Why the process is asked to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// SIGTERM or SIGINT.
    Signal,
    /// A task the process cannot do without has failed.
    Failure,
}

/// Waits for SIGTERM or SIGINT. A second one during the shutdown ends the process at once, which is safe at any moment:
/// whatever was acknowledged is on disk.
pub async fn signalled() -> std::io::Result<()> {
    let mut term = signal(SignalKind::terminate())?;
    let mut int = signal(SignalKind::interrupt())?;
    // Both are cancel-safe: a signal that is not awaited stays pending.
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    Ok(())
}

/// How much of the deadline is left for the phases to come.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    end: Instant,
}

impl Deadline {
    /// Starts counting.
    pub fn after(span: Duration) -> Deadline {
        Deadline { end: Instant::now() + span }
    }

    /// What is left; zero when it has passed.
    pub fn left(self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    /// This part of what is left: one phase must not use up the time of those behind it.
    pub fn share(self, numerator: u32, denominator: u32) -> Duration {
        self.left() * numerator / denominator
    }
}
