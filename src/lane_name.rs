//! Which deliver entry of which route: the name a lane has in the log, the state, the metrics and the API.

use bytestring::ByteString;
use std::sync::Arc;

/// The stable name of one deliver entry. Two entries with the same `route` and `name` are the same lane,
/// whatever snapshot they come from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LaneName {
    /// Name of the route.
    pub route: ByteString,
    /// Name of the deliver entry, unique in its route.
    pub name: ByteString,
    /// Name of the destination when the routing decision was taken.
    pub destination: ByteString,
    /// The stream of a `log` entry without transforms. Such an entry is settled by the commit that stores the event
    /// (design.md §4: "a `log` deliver entry without transforms is the event itself"); no lane runs for it.
    pub stream: Option<ByteString>,
}

impl LaneName {
    /// True when storing the event already settles this entry, so no lane has work to do for it.
    pub fn settled_by_log(&self) -> bool {
        self.stream.is_some()
    }

    /// `route/name`, as shown to people.
    pub fn display(&self) -> String {
        format!("{}/{}", self.route, self.name)
    }
}

/// The deliver entries an accepted event goes to. Fixed when the event is accepted; shared by all events with the same
/// decision.
pub type Decision = Arc<[Arc<LaneName>]>;
