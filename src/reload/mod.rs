//! From written to running: files become an immutable snapshot that is swapped whole, or the old one stays.

pub mod snapshot;

use crate::config::problem::Problem;
use crate::units::Micros;
use arc_swap::ArcSwap;
use snapshot::Snapshot;
use std::sync::{Arc, Mutex};

/// How the last reload went (`last_reload` of `GET /api/v1/routes`).
#[derive(Debug, Clone, Default)]
pub struct ReloadReport {
    /// When.
    pub at: Micros,
    /// True = the files of that moment are what runs.
    pub ok: bool,
    /// Errors when it failed; warnings when it went well.
    pub problems: Vec<Problem>,
}

/// The current snapshot and how it came about; shared by everything that runs.
pub struct Snapshots {
    current: ArcSwap<Snapshot>,
    last: Mutex<Arc<ReloadReport>>,
}

impl Snapshots {
    /// Starts with a first snapshot.
    pub fn new(first: Snapshot, report: ReloadReport) -> Snapshots {
        Snapshots { current: ArcSwap::from_pointee(first), last: Mutex::new(Arc::new(report)) }
    }

    /// The snapshot of the moment.
    pub fn current(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// The last reload.
    pub fn last_reload(&self) -> Arc<ReloadReport> {
        self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}
