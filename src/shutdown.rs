//! The end of the process: signals, and the phases under one deadline.

use std::time::{Duration, Instant};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Why the process is asked to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// SIGTERM or SIGINT.
    Signal,
    /// A task the process cannot do without has failed.
    Failure,
}

/// SIGTERM and SIGINT, which end nothing by themselves as soon as this is made.
#[derive(Debug)]
pub struct Signals {
    term: Signal,
    int: Signal,
}

impl Signals {
    /// From now on the process ends when it wants to. Must be called inside the runtime.
    pub fn listen() -> std::io::Result<Signals> {
        Ok(Signals { term: signal(SignalKind::terminate())?, int: signal(SignalKind::interrupt())? })
    }

    /// Waits for either of them. A second one during the shutdown ends the process at once, which is safe at any moment:
    /// whatever was acknowledged is on disk.
    pub async fn next(&mut self) {
        // Both are cancel-safe: a signal that is not awaited stays pending.
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
        }
    }
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
