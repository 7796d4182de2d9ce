//! Snapshots that ran before, compiled: why a route did not take an event is told by the snapshot that decided it.

use super::snapshot::Snapshot;
use super::{Snapshots, lock};
use crate::config::compile;
use crate::deliver::entry::DeliverEntry;
use crate::lane_name::LaneName;
use bytestring::ByteString;
use std::collections::VecDeque;
use std::sync::Arc;

/// How many are kept compiled; others are compiled again when they are asked for. A snapshot of ten thousand routes takes
/// some ten megabytes.
const COMPILED: usize = 2;

/// The ones that were used last.
#[derive(Default)]
pub struct Old(VecDeque<Compiled>);

/// An earlier snapshot.
struct Compiled {
    version: ByteString,
    /// `None`: it cannot be compiled any more.
    snapshot: Option<Arc<Snapshot>>,
}

impl Old {
    /// Keeps the one that was replaced.
    pub fn keep(&mut self, snapshot: Arc<Snapshot>) {
        self.note(snapshot.version.clone(), Some(snapshot));
    }

    fn note(&mut self, version: ByteString, snapshot: Option<Arc<Snapshot>>) {
        self.0.retain(|known| known.version != version);
        self.0.push_front(Compiled { version, snapshot });
        self.0.truncate(COMPILED);
    }

    fn get(&self, version: &str) -> Option<&Compiled> {
        self.0.iter().find(|known| known.version == version)
    }
}

impl Snapshots {
    /// A deliver entry as the snapshot of a version had it, while that is at hand: for events that were decided by it when it
    /// was replaced. Never compiles anything.
    pub fn earlier_entry(&self, lane: &LaneName, version: &str) -> Option<Arc<DeliverEntry>> {
        lock(&self.old).get(version)?.snapshot.as_ref()?.entry(lane)
    }

    /// The snapshot of a version, while the history has it and it can still be compiled. May take as long as a reload.
    pub fn of_version(&self, version: &str) -> Option<Arc<Snapshot>> {
        let current = self.current();
        if current.version == version {
            return Some(current);
        }
        let known = lock(&self.old).get(version).map(|known| known.snapshot.clone());
        known.unwrap_or_else(|| {
            let (routes_dir, schemas_dir) = self.folders();
            let sources = lock(&self.history).sources(version, &routes_dir, &schemas_dir);
            let compiled = sources.and_then(|sources| compile::compile(&sources).ok());
            let snapshot = compiled.map(|compiled| Arc::new(Snapshot::from(compiled)));
            lock(&self.old).note(version.into(), snapshot.clone());
            snapshot
        })
    }
}
