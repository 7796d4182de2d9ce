//! Where does it go: the routes of a snapshot, decided by filters (routing.md §1).

pub mod cesql;
mod decisions;
mod explain;
pub mod few;
pub mod filter;
mod groups;
pub mod index;
pub mod split;
pub mod table;

use crate::cloudevents::Event;
use crate::lane_name::LaneName;
use bytestring::ByteString;
pub use explain::Explained;
use filter::{Filter, Subject};
use split::Split;
use std::sync::Arc;
pub use table::RouteTable;

#[cfg(test)]
mod tests;

/// One compiled route: its filters and the deliver entries it hands events to.
#[derive(Debug, Clone, Default)]
pub struct Route {
    /// Its name.
    pub name: ByteString,
    /// All of them have to hold, evaluated in written order; empty = every event.
    pub filters: Vec<Filter>,
    /// Of the routes of a `first_match` group only the first that matches takes an event.
    pub group: Option<ByteString>,
    /// It is asked only for events that no other live route takes.
    pub default: bool,
    /// It only shows what it would do.
    pub shadow: Option<Shadow>,
    /// Its deliver entries, of all branches of a split.
    pub lanes: Vec<Arc<LaneName>>,
    /// Which of them an event takes; `None` = all.
    pub split: Option<Split>,
}

/// `shadow:` of a route.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shadow {
    /// The live route it is compared with.
    pub of: Option<ByteString>,
}

impl Route {
    /// Do all of its filters hold. Groups and defaults are for the [`RouteTable`] to see.
    pub fn matches(&self, event: &Subject<'_>) -> bool {
        self.filters.iter().all(|filter| filter.matches(event))
    }

    /// The number of the branch an event takes; 0 where there is no split.
    pub fn branch(&self, event: &Event) -> usize {
        self.split.as_ref().map_or(0, |split| split.branch(event))
    }

    /// How many branches there are, at least 1.
    pub fn branches(&self) -> usize {
        self.split.as_ref().map_or(1, |split| split.branches.len())
    }

    /// The deliver entries of a branch.
    pub fn lanes_of(&self, branch: usize) -> &[Arc<LaneName>] {
        match &self.split {
            None => &self.lanes,
            Some(split) => {
                split.branches.get(branch).and_then(|branch| self.lanes.get(branch.lanes.clone())).unwrap_or_default()
            }
        }
    }
}

/// How a route judged an event, for `GET events/{position}`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RouteVerdict {
    /// Name of the route.
    pub route: String,
    /// Did it take the event; would it, for a shadow route.
    pub matched: bool,
    /// True for a shadow route, which never takes an event.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub shadow: bool,
    /// Why not: the first filter that was false with the value it saw, or the route that came first; `None` when matched.
    pub reason: Option<String>,
}
