//! The live tail of events that stand in no log.

use crate::log::record::Record;
use std::sync::Arc;
use tokio::sync::broadcast;

/// Events a reader may be behind; it is told how many it missed beyond.
const BEHIND: usize = 1024;

/// Whoever looks on. Costs nothing while nobody does.
#[derive(Clone)]
pub struct Live(broadcast::Sender<Arc<Record>>);

impl Default for Live {
    fn default() -> Self {
        Live(broadcast::Sender::new(BEHIND))
    }
}

impl Live {
    /// Shows the events of a request that was taken.
    pub fn show<'r>(&self, records: impl Iterator<Item = &'r Arc<Record>>) {
        if self.0.receiver_count() > 0 {
            for record in records {
                // Fails when the last reader has gone in this very moment.
                self.0.send(Arc::clone(record)).ok();
            }
        }
    }

    /// Everything that is taken from now on.
    pub fn watch(&self) -> broadcast::Receiver<Arc<Record>> {
        self.0.subscribe()
    }
}
