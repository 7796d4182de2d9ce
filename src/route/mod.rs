//! Where does it go: the routes of a snapshot, decided by filters (routing.md §1).

pub mod filter;
pub mod index;

use crate::cloudevents::Event;
use crate::lane_name::{Decision, LaneName};
use bytestring::ByteString;
use filter::Filter;
use index::Index;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

#[cfg(test)]
mod tests;

/// Matched routes that fit on the stack; events that match more are rare and cost an allocation.
const FEW: usize = 16;

/// Route numbers and lanes that remembered decisions may hold together.
const REMEMBERED: usize = 1 << 18;

/// One compiled route: its filters and the deliver entries it hands events to.
#[derive(Debug)]
pub struct Route {
    /// Its name.
    pub name: ByteString,
    /// All of them have to hold, evaluated in written order; empty = every event.
    pub filters: Vec<Filter>,
    /// Its deliver entries.
    pub lanes: Vec<Arc<LaneName>>,
}

impl Route {
    fn matches(&self, event: &Event) -> bool {
        self.filters.iter().all(|filter| filter.matches(event))
    }
}

/// All routes, in order of file name and place.
#[derive(Debug, Default)]
pub struct RouteTable {
    routes: Vec<Route>,
    index: Index,
    /// The decision for an event that no route takes.
    none: Decision,
    /// The decision of each route alone, by its number.
    alone: Vec<Decision>,
    several: RwLock<Remembered>,
}

/// Decisions over several routes, by their numbers.
#[derive(Debug, Default)]
struct Remembered {
    decisions: HashMap<Box<[u32]>, Decision>,
    /// Route numbers and lanes in `decisions`.
    weight: usize,
}

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
    pub fn new(routes: Vec<Route>) -> RouteTable {
        RouteTable {
            index: Index::new(routes.iter().map(|route| route.filters.as_slice())),
            alone: routes.iter().map(|route| route.lanes.iter().cloned().collect()).collect(),
            routes,
            none: Decision::default(),
            several: RwLock::default(),
        }
    }

    /// The deliver entries an event goes to; equal decisions share one allocation.
    pub fn decide(&self, event: &Event) -> Decision {
        let mut matched = Matched::default();
        self.index.candidates(event, |number| {
            if self.routes.get(number as usize).is_some_and(|route| route.matches(event)) {
                matched.push(number);
            }
        });
        match matched.numbers() {
            [] => self.none.clone(),
            [only] => self.alone.get(*only as usize).unwrap_or(&self.none).clone(),
            several => self.shared(several),
        }
    }

    /// Every route's verdict with its reason.
    pub fn explain(&self, event: &Event) -> Vec<RouteVerdict> {
        let verdict = |route: &Route| {
            let reason = route.filters.iter().find_map(|filter| filter.why_not(event));
            RouteVerdict { route: route.name.to_string(), matched: reason.is_none(), reason }
        };
        self.routes.iter().map(verdict).collect()
    }

    /// The routes in order.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// The decision for several routes: the one made before, or a new one that is remembered.
    fn shared(&self, numbers: &[u32]) -> Decision {
        let known = self.several.read().unwrap_or_else(PoisonError::into_inner).decisions.get(numbers).cloned();
        known.unwrap_or_else(|| {
            let lanes = numbers.iter().filter_map(|number| self.alone.get(*number as usize));
            let decision: Decision = lanes.flat_map(|lanes| lanes.iter().cloned()).collect();
            self.several.write().unwrap_or_else(PoisonError::into_inner).remember(numbers, decision)
        })
    }
}

impl Remembered {
    /// Keeps a decision, unless another thread was faster; when there are too many it begins anew.
    fn remember(&mut self, numbers: &[u32], decision: Decision) -> Decision {
        if let Some(known) = self.decisions.get(numbers) {
            return known.clone();
        }
        let weight = numbers.len() + decision.len();
        if self.weight + weight > REMEMBERED {
            self.decisions.clear();
            self.weight = 0;
        }
        if weight <= REMEMBERED {
            self.weight += weight;
            self.decisions.insert(numbers.into(), decision.clone());
        }
        decision
    }
}

/// Numbers of matched routes: on the stack as long as they are few.
#[derive(Default)]
struct Matched {
    few: [u32; FEW],
    count: usize,
    /// All of them, once there are more than [`FEW`].
    many: Vec<u32>,
}

impl Matched {
    fn push(&mut self, number: u32) {
        if let Some(slot) = self.few.get_mut(self.count) {
            *slot = number;
            self.count += 1;
        } else {
            if self.many.is_empty() {
                self.many.extend_from_slice(&self.few);
            }
            self.many.push(number);
        }
    }

    fn numbers(&self) -> &[u32] {
        if self.many.is_empty() { &self.few[..self.count] } else { &self.many }
    }
}
