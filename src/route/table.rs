//! All routes of a snapshot: which of them take an event, in which branch, and why the others do not.
//!
//! [`RouteTable::decide`] and [`RouteTable::explain`] ask the same [`RouteTable::taken`], so an explanation never says
//! another thing than what happened.

use super::decisions::Decisions;
use super::few::Few;
use super::filter::{Filter, Subject};
use super::groups::{Groups, Settled};
use super::index::Index;
use super::index::need::Need;
use super::{Explained, Route, RouteVerdict};
use crate::cloudevents::Event;
use crate::lane_name::Decision;
use bytestring::ByteString;
use std::collections::HashMap;

/// Routes that take one event without an allocation; more are rare.
pub(super) const FEW: usize = 16;

/// All routes, in order of file name and place.
#[derive(Debug, Default)]
pub struct RouteTable {
    routes: Vec<Route>,
    numbers: HashMap<ByteString, u32>,
    groups: Groups,
    /// Over the routes that are asked first.
    live: Index,
    /// Over those that are asked when none of them takes the event.
    defaults: Index,
    /// Over shadow routes.
    shadows: Index,
    /// Shadow routes by the live route they are compared with.
    compared: HashMap<ByteString, Vec<u32>>,
    /// The decision for an event that no route takes.
    none: Decision,
    /// The decision of each branch of each route alone.
    alone: Vec<Decision>,
    /// Where the branches of each route begin in `alone`.
    branches: Vec<u32>,
    several: Decisions,
    /// A filter runs a program over the data.
    runs_programs: bool,
}

/// The numbers of the routes that take an event, in order.
type Taken = Few<u32, FEW>;

impl RouteTable {
    /// Builds the table.
    pub fn new(routes: Vec<Route>) -> RouteTable {
        let over = |kind: &dyn Fn(&Route) -> bool| {
            let chosen = (0_u32..).zip(&routes).filter(|(_, route)| kind(route));
            let needs: Vec<_> = chosen.map(|(number, route)| (number, Need::of_all(&route.filters))).collect();
            Index::new(&needs)
        };
        let live = over(&|route| route.shadow.is_none() && !route.default);
        let defaults = over(&|route| route.shadow.is_none() && route.default);
        let shadows = over(&|route| route.shadow.is_some());
        let mut compared: HashMap<ByteString, Vec<u32>> = HashMap::new();
        for (number, route) in (0..).zip(&routes) {
            if let Some(of) = route.shadow.as_ref().and_then(|shadow| shadow.of.as_ref()) {
                compared.entry(of.clone()).or_default().push(number);
            }
        }
        let (mut alone, mut branches) = (Vec::with_capacity(routes.len()), Vec::with_capacity(routes.len()));
        for route in &routes {
            branches.push(u32::try_from(alone.len()).unwrap_or(u32::MAX));
            alone.extend(
                (0..route.branches()).map(|branch| route.lanes_of(branch).iter().cloned().collect::<Decision>()),
            );
        }
        RouteTable {
            numbers: (0..).zip(&routes).map(|(number, route)| (route.name.clone(), number)).collect(),
            groups: Groups::new(&routes),
            runs_programs: routes.iter().flat_map(|route| &route.filters).any(Filter::runs_program),
            routes,
            live,
            defaults,
            shadows,
            compared,
            none: Decision::default(),
            alone,
            branches,
            several: Decisions::default(),
        }
    }

    /// The routes in order.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// True when choosing routes may run programs over the data, which takes longer than to look at attributes.
    pub fn runs_programs(&self) -> bool {
        self.runs_programs
    }

    /// True when an event has to be shown to shadow routes.
    pub fn has_shadows(&self) -> bool {
        !self.shadows.is_empty()
    }

    /// The deliver entries an event goes to; equal decisions share one allocation.
    pub fn decide(&self, event: &Event) -> Decision {
        let taken = self.taken(&Subject::new(event));
        match taken.as_slice() {
            [] => self.none.clone(),
            [only] => self.alone(self.choice(*only, event)),
            several => {
                let mut choices: Few<u32, FEW> = Few::default();
                for number in several {
                    choices.push(self.choice(*number, event));
                }
                let choices = choices.as_slice();
                self.several.get(choices, || choices.iter().flat_map(|choice| self.alone(*choice).to_vec()).collect())
            }
        }
    }

    /// Every route's verdict with its reason, in order.
    pub fn explain(&self, event: &Event) -> Vec<RouteVerdict> {
        let subject = Subject::new(event);
        let taken = self.taken(&subject);
        (0_u32..)
            .zip(&self.routes)
            .map(|(number, route)| self.verdict(number, route, &subject, taken.as_slice()))
            .collect()
    }

    /// As [`RouteTable::explain`], each verdict with all filters of its route, also those that choosing leaves out.
    pub fn examine(&self, event: &Event) -> Vec<(RouteVerdict, Vec<Explained>)> {
        let subject = Subject::new(event);
        let taken = self.taken(&subject);
        let judged = (0_u32..).zip(&self.routes).map(|(number, route)| {
            let verdict = self.verdict(number, route, &subject, taken.as_slice());
            (verdict, route.filters.iter().map(|filter| filter.explain(&subject)).collect())
        });
        judged.collect()
    }

    /// Why a route does not take an event; `None` when it does, or when there is no such route.
    pub fn why_not(&self, name: &str, event: &Event) -> Option<String> {
        let number = *self.numbers.get(name)?;
        let subject = Subject::new(event);
        self.verdict(number, self.route(number)?, &subject, self.taken(&subject).as_slice()).reason
    }

    /// A route by its name.
    pub fn named(&self, name: &str) -> Option<&Route> {
        self.route(*self.numbers.get(name)?)
    }

    /// The shadow routes that are compared with a live route.
    pub fn shadows_of(&self, live: &str) -> impl Iterator<Item = &Route> {
        let numbers = self.compared.get(live).map_or(&[][..], Vec::as_slice);
        numbers.iter().filter_map(|number| self.route(*number))
    }

    /// The shadow routes that would take an event which was decided by this table, in order.
    pub fn shadows(&self, event: &Event, decision: &Decision) -> Vec<&Route> {
        let taken: Vec<u32> = decision.iter().filter_map(|lane| self.numbers.get(&lane.route).copied()).collect();
        let mut found = Vec::new();
        let subject = Subject::new(event);
        self.shadows.candidates(event, |number| {
            if let Some(route) = self.route(number)
                && self.shadow_reason(number, route, &subject, &taken).is_none()
            {
                found.push(route);
            }
        });
        found
    }

    /// The live routes that take an event.
    fn taken(&self, event: &Subject<'_>) -> Taken {
        let mut taken = Taken::default();
        let mut settled = Settled::default();
        for index in [&self.live, &self.defaults] {
            if !taken.is_empty() {
                break;
            }
            index.candidates(event, |number| {
                let group = self.groups.of(number);
                if group.is_some_and(|group| settled.has(group)) {
                    return;
                }
                if self.route(number).is_some_and(|route| route.matches(event)) {
                    taken.push(number);
                    if let Some(group) = group {
                        settled.add(group);
                    }
                }
            });
        }
        taken
    }

    fn verdict(&self, number: u32, route: &Route, event: &Subject<'_>, taken: &[u32]) -> RouteVerdict {
        let reason = match &route.shadow {
            Some(_) => self.shadow_reason(number, route, event, taken),
            None if taken.contains(&number) => None,
            None => Some(self.reason(number, route, event, taken)),
        };
        RouteVerdict {
            route: route.name.to_string(),
            matched: reason.is_none(),
            shadow: route.shadow.is_some(),
            reason,
        }
    }

    /// Why a live route did not take an event.
    fn reason(&self, number: u32, route: &Route, event: &Subject<'_>, taken: &[u32]) -> String {
        let group = self.groups.of(number);
        let winner = taken.iter().find(|other| group.is_some() && **other < number && self.groups.of(**other) == group);
        if let (Some(winner), Some(group)) = (winner.and_then(|winner| self.route(*winner)), &route.group) {
            return taken_by(group, &winner.name);
        }
        let own = route.filters.iter().find_map(|filter| filter.why_not(event));
        own.unwrap_or_else(|| {
            // Its filters hold, so a route that is asked before all defaults must have taken the event.
            let live = taken.first().and_then(|number| self.route(*number));
            live.map_or_else(String::new, |live| not_default(&live.name))
        })
    }

    /// Why a shadow route would not take an event if it were live, in the place of the route it is `of` or beside all.
    fn shadow_reason(&self, number: u32, route: &Route, event: &Subject<'_>, taken: &[u32]) -> Option<String> {
        let of = route.shadow.as_ref().and_then(|shadow| shadow.of.as_ref());
        let beside = |other: &Route| other.shadow.is_none() && Some(&other.name) != of;
        if route.default {
            let live = taken.iter().filter_map(|number| self.route(*number));
            let mut live = live.chain(self.held_back(of, taken)).filter(|other| !other.default && beside(other));
            if let Some(live) = live.find(|other| other.matches(event)) {
                return Some(not_default(&live.name));
            }
        }
        if let Some(group) = &route.group {
            let members = self.groups.of(number).map_or(&[][..], |group| self.groups.members(group));
            let mut earlier =
                members.iter().take_while(|other| **other < number).filter_map(|other| self.route(*other));
            let winner = earlier.find(|other| other.default == route.default && beside(other) && other.matches(event));
            if let Some(winner) = winner {
                return Some(taken_by(group, &winner.name));
            }
        }
        route.filters.iter().find_map(|filter| filter.why_not(event))
    }

    /// Routes that do not take an event because this one of their group does.
    fn held_back(&self, of: Option<&ByteString>, taken: &[u32]) -> impl Iterator<Item = &Route> {
        let winner = of.and_then(|of| self.numbers.get(of)).filter(|number| taken.contains(number));
        let members =
            winner.and_then(|number| self.groups.of(*number)).map_or(&[][..], |group| self.groups.members(group));
        members.iter().filter_map(|number| self.route(*number))
    }

    fn route(&self, number: u32) -> Option<&Route> {
        self.routes.get(number as usize)
    }

    /// The number of the branch an event takes in a route, among those of all routes.
    fn choice(&self, number: u32, event: &Event) -> u32 {
        let first = self.branches.get(number as usize).copied().unwrap_or(u32::MAX);
        let branch = self.route(number).map_or(0, |route| route.branch(event));
        first.saturating_add(u32::try_from(branch).unwrap_or(u32::MAX))
    }

    fn alone(&self, choice: u32) -> Decision {
        self.alone.get(choice as usize).unwrap_or(&self.none).clone()
    }
}

fn taken_by(group: &str, winner: &str) -> String {
    format!("first_match `{group}`: route `{winner}` comes first and took the event")
}

fn not_default(live: &str) -> String {
    format!("default: route `{live}` took the event")
}
