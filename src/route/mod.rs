//! Where does it go: the routes of a snapshot, decided by filters (routing.md §1).

pub mod filter;

use crate::cloudevents::Event;
use crate::lane_name::{Decision, LaneName};
use bytestring::ByteString;
use filter::Filter;
use std::sync::Arc;

/// One compiled route: its filters and the deliver entries it hands events to.
#[derive(Debug)]
pub struct Route {
    /// Its name.
    pub name: ByteString,
    /// ANDed, evaluated in written order; empty = every event.
    pub filters: Vec<Filter>,
    /// Its deliver entries.
    pub lanes: Vec<Arc<LaneName>>,
}

/// All routes, in order of file name and place.
#[derive(Debug, Default)]
pub struct RouteTable;

/// How a route judged an event, for `GET events/{position}`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RouteVerdict {
    /// Name of the route.
    pub route: String,
    /// Did it take the event.
    pub matched: bool,
    /// The first filter that was false with the value it saw; `None` when matched.
    pub reason: Option<String>,
}

impl RouteTable {
    /// Builds the table.
    pub fn new(_routes: Vec<Route>) -> RouteTable {
        todo!()
    }

    /// The deliver entries an event goes to; equal decisions share one allocation.
    pub fn decide(&self, _event: &Event) -> Decision {
        todo!()
    }

    /// Every route's verdict with its reason.
    pub fn explain(&self, _event: &Event) -> Vec<RouteVerdict> {
        todo!()
    }

    /// The routes in order.
    pub fn routes(&self) -> &[Route] {
        todo!()
    }
}
