//! Random routes and events, and a matcher that evaluates every route as the contract puts it (routing.md §1).

use crate::cloudevents::{Attribute, Data, Event, Kind, Value};
use crate::lane_name::LaneName;
use crate::route::filter::{Filter, Subject};
use crate::route::split::{Branch, Split};
use crate::route::{Route, RouteTable, Shadow};
use proptest::prelude::*;
use std::collections::HashSet;
use std::sync::Arc;

const NAMES: [&str; 5] = ["type", "source", "subject", "region", "x1"];
const VALUES: [&str; 6] = ["a", "b", "ab", "ba", "aba", "c"];

/// An event with these attributes.
pub fn event_of(attributes: &[(&str, &str)]) -> Event {
    let text = |name: &str| attributes.iter().find(|(other, _)| *other == name).map_or("", |(_, value)| *value);
    let required = ["id", "source", "type"];
    let others = attributes.iter().filter(|(name, _)| !required.contains(name));
    let attribute = |(name, value): &(&str, &str)| Attribute {
        name: (*name).into(),
        value: Value { kind: Kind::String, text: (*value).into() },
    };
    Event {
        id: "1".into(),
        source: text("source").into(),
        ty: text("type").into(),
        attributes: others.map(attribute).collect(),
        data: Data::Absent,
    }
}

/// A random event.
pub fn event() -> impl Strategy<Value = Event> {
    let others = prop::collection::vec(prop::option::of(prop::sample::select(&VALUES[..])), 3);
    (prop::sample::select(&VALUES[..]), prop::sample::select(&VALUES[..]), others, "[a-z]{1,3}").prop_map(
        |(ty, source, others, id)| {
            let mut attributes = vec![("type", ty), ("source", source)];
            attributes.extend(NAMES[2..].iter().zip(others).filter_map(|(name, value)| Some((*name, value?))));
            Event { id: id.into(), ..event_of(&attributes) }
        },
    )
}

fn filter() -> impl Strategy<Value = Filter> {
    let pair = (prop::sample::select(&NAMES[..]), prop::sample::select(&VALUES[..]));
    let pairs = move || {
        prop::collection::vec(pair.clone(), 1..3)
            .prop_map(|pairs| pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect::<Vec<_>>())
    };
    let leaf = prop_oneof![
        pairs().prop_map(Filter::Exact),
        pairs().prop_map(Filter::Prefix),
        pairs().prop_map(Filter::Suffix)
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Filter::All),
            prop::collection::vec(inner.clone(), 1..4).prop_map(Filter::Any),
            inner.prop_map(|filter| Filter::Not(Box::new(filter))),
        ]
    })
}

/// The filters of a random route.
pub fn filters() -> impl Strategy<Value = Vec<Filter>> {
    prop::collection::vec(filter(), 0..3)
}

fn split() -> impl Strategy<Value = Split> {
    prop::collection::vec((1..4_u32, 1..3_usize), 1..4).prop_map(|branches| {
        let mut end = 0;
        let branches = branches.into_iter().map(|(weight, lanes)| {
            end += lanes;
            Branch { weight, lanes: end - lanes..end }
        });
        let branches = branches.collect();
        Split { key: Arc::new(|event: &Event| event.attribute("subject").map(str::to_owned)), branches }
    })
}

prop_compose! {
    fn route()(
        filters in filters(),
        group in prop::option::weighted(0.3, prop::sample::select(vec!["g", "h"])),
        default in prop::bool::weighted(0.2),
        shadow in prop::option::weighted(0.15, prop::option::weighted(0.5, 0..6_u32)),
        split in prop::option::weighted(0.3, split()),
    ) -> Route {
        let of = |number: u32| format!("r{number}").into();
        let shadow = shadow.map(|number: Option<u32>| Shadow { of: number.map(of) });
        Route { filters, group: group.map(Into::into), default, shadow, split, ..Route::default() }
    }
}

/// Random routes with names and lanes.
pub fn routes() -> impl Strategy<Value = Vec<Route>> {
    prop::collection::vec(route(), 0..12).prop_map(|mut routes| {
        for (number, route) in routes.iter_mut().enumerate() {
            route.name = format!("r{number}").into();
            let count = route.split.as_ref().map_or(2, |split| split.branches.last().unwrap().lanes.end);
            let lane = |n: usize| LaneName {
                route: route.name.clone(),
                name: format!("l{n}").into(),
                destination: "log".into(),
                stream: None,
            };
            route.lanes = (0..count).map(|n| Arc::new(lane(n))).collect();
        }
        routes
    })
}

fn holds(route: &Route, event: &Event) -> bool {
    route.filters.iter().all(|filter| filter.matches(&Subject::new(event)))
}

/// Names of the live routes that take an event.
pub fn taken<'r>(routes: &'r [Route], event: &Event) -> Vec<&'r Route> {
    for default in [false, true] {
        let mut groups = HashSet::new();
        let mut taken = Vec::new();
        for route in routes.iter().filter(|route| route.shadow.is_none() && route.default == default) {
            if holds(route, event) && route.group.as_ref().is_none_or(|group| groups.insert(group)) {
                taken.push(route);
            }
        }
        if !taken.is_empty() {
            return taken;
        }
    }
    Vec::new()
}

/// Would a shadow route take the event if it stood in the place of the route it is `of`.
fn would_take(routes: &[Route], shadow: &Route, event: &Event) -> bool {
    let of = shadow.shadow.as_ref().and_then(|shadow| shadow.of.as_ref());
    let live = |route: &&Route| (route.shadow.is_none() && Some(&route.name) != of) || route.name == shadow.name;
    let as_live = |route: &Route| Route { shadow: None, ..route.clone() };
    let routes: Vec<Route> = routes.iter().filter(live).map(as_live).collect();
    taken(&routes, event).iter().any(|route| route.name == shadow.name)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]
    #[test]
    fn decisions_are_those_of_evaluating_every_route(routes in routes(), events in prop::collection::vec(event(), 1..4)) {
        let table = RouteTable::new(routes.clone());
        for event in &events {
            let expected: Vec<String> = taken(&routes, event)
                .iter()
                .flat_map(|route| route.lanes_of(route.branch(event)).iter().map(|lane| lane.display()))
                .collect();
            let decision = table.decide(event);
            prop_assert_eq!(&super::names(&decision), &expected);
            let shadows: Vec<_> = table.shadows(event, &decision).into_iter().map(|route| route.name.clone()).collect();
            let all = routes.iter().filter(|route| route.shadow.is_some());
            let expected_shadows: Vec<_> =
                all.filter(|route| would_take(&routes, route, event)).map(|route| route.name.clone()).collect();
            prop_assert_eq!(&shadows, &expected_shadows);
            for (verdict, route) in table.explain(event).iter().zip(&routes) {
                let matched = match &route.shadow {
                    Some(_) => shadows.contains(&route.name),
                    None => decision.iter().any(|lane| lane.route == route.name),
                };
                prop_assert_eq!((&*verdict.route, verdict.matched), (&*route.name, matched));
                prop_assert_eq!(verdict.reason.as_ref().is_some_and(|reason| !reason.is_empty()), !matched);
            }
        }
    }
}
