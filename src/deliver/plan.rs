//! What lanes ask of the layers above them, as plain functions, so that `deliver` knows neither snapshot nor pipeline.

use super::entry::DeliverEntry;
use super::{Destination, Outgoing};
use crate::lane_name::LaneName;
use crate::log::record::Entry;
use crate::observability::spans::Spans;
use crate::observability::trace::hop::Hop;
use crate::state::Reason;
use std::sync::Arc;

/// The deliver entry of a lane in the current snapshot.
pub type EntryOf = Arc<dyn Fn(&LaneName) -> Option<Arc<DeliverEntry>> + Send + Sync>;
/// The deliver entry of a lane in the snapshot of a version that was replaced only just now.
pub type EarlierEntryOf = Arc<dyn Fn(&LaneName, &str) -> Option<Arc<DeliverEntry>> + Send + Sync>;
/// The running destination of a name.
pub type DestinationOf = Arc<dyn Fn(&str) -> Option<Arc<dyn Destination>> + Send + Sync>;

/// A lane's view of the current snapshot. Asked anew for every attempt: transform and target are those of the snapshot at
/// the attempt (design.md §2 "Reload").
#[derive(Clone)]
pub struct Plan {
    /// The deliver entry of a lane in the current snapshot; `None` = removed: dead letter `route_removed`.
    pub entry: EntryOf,
    /// The deliver entry of a lane in a snapshot that was current a moment ago. A sender that waits is not refused because a
    /// reload came between the decision and the first attempt.
    pub earlier_entry: EarlierEntryOf,
    /// The running destination of a name.
    pub destination: DestinationOf,
    /// Transforms and encodes; pure. `hop` is the span of the attempt, which the message names.
    pub prepare: fn(&Entry, &DeliverEntry, hop: &Hop) -> Result<Outgoing, Undeliverable>,
    /// The key of an event in an entry (for order), without the rest of the work.
    pub key: fn(&Entry, &DeliverEntry) -> Option<String>,
    /// Where the spans of attempts go.
    pub spans: Spans,
}

/// Why an event cannot be turned into a message: a dead letter at the first attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undeliverable {
    /// The dead letter's reason.
    pub reason: Reason,
    /// Stable code of the attempt.
    pub code: crate::codes::Code,
    /// For people.
    pub detail: String,
    /// The filled-in target, if it got that far.
    pub target: Option<String>,
}
