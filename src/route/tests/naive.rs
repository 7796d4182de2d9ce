//! Random routes and events, and a matcher that evaluates every route as the contract puts it (routing.md §1).

use crate::cloudevents::{Attribute, Data, Event, Kind, Value};
use crate::lane_name::LaneName;
use crate::route::cesql::Expression;
use crate::route::filter::{Filter, Subject};
use crate::route::split::{Branch, Split};
use crate::route::{Route, RouteTable, Shadow};
use proptest::prelude::*;
use std::collections::HashSet;
use std::sync::Arc;

const NAMES: [&str; 5] = ["type", "source", "subject", "region", "x1"];
const VALUES: [&str; 6] = ["a", "b", "ab", "ba", "aba", "c"];
/// Values whose type and spelling matter when they are cast.
const TYPED: [(Kind, &str); 12] = [
    (Kind::Integer, "1"),
    (Kind::Integer, "0"),
    (Kind::Integer, "-0"),
    (Kind::Integer, "10"),
    (Kind::Boolean, "true"),
    (Kind::Boolean, "false"),
    (Kind::String, "1"),
    (Kind::String, "01"),
    (Kind::String, "+1"),
    (Kind::String, "TRUE"),
    (Kind::String, "0"),
    (Kind::String, ""),
];

/// An event with these attributes.
pub fn event_of(attributes: &[(&str, &str)]) -> Event {
    let text = |name: &str| attributes.iter().find(|(other, _)| *other == name).map_or("", |(_, value)| *value);
    let required = ["id", "source", "type"];
    let others = attributes.iter().filter(|(name, _)| !required.contains(name));
    Event {
        id: "1".into(),
        source: text("source").into(),
        ty: text("type").into(),
        attributes: others.map(|(name, text)| Attribute::string(name, text)).collect(),
        data: Data::Absent,
    }
}

/// A random event.
pub fn event() -> impl Strategy<Value = Event> {
    let text = || prop::sample::select(&VALUES[..]);
    let typed = prop_oneof![text().prop_map(|text| (Kind::String, text)), prop::sample::select(&TYPED[..])];
    let extensions = prop::collection::vec(prop::option::of(typed), 2);
    (text(), text(), prop::option::of(text()), extensions, "[a-z]{1,3}").prop_map(
        |(ty, source, subject, extensions, id)| {
            let mut event = Event { id: id.into(), ..event_of(&[("type", ty), ("source", source)]) };
            let subject = subject.map(|subject| ("subject", (Kind::String, subject)));
            let extensions = NAMES[3..].iter().zip(extensions).filter_map(|(name, value)| Some((*name, value?)));
            event.attributes = subject
                .into_iter()
                .chain(extensions)
                .map(|(name, (kind, text))| Attribute { name, value: Value { kind, text } })
                .collect();
            event
        },
    )
}

/// A random expression.
fn sql() -> impl Strategy<Value = String> {
    let name = || prop::sample::select(&NAMES[..]);
    let literal = || {
        let texts = [&VALUES[..], &["1", "01", "0", "TRUE", "true", ""]].concat();
        let text = prop::sample::select(texts).prop_map(|text| format!("'{text}'"));
        prop_oneof![3 => text, 1 => prop::sample::select(vec!["1", "0", "10", "TRUE", "FALSE"]).prop_map(str::to_owned)]
    };
    let pattern = prop::sample::select(vec!["a%", "%a", "ab", "a_", "_b", "%b%", "0%", "%0", "%", "1%", "a%a", r"\%%"]);
    let leaf = prop_oneof![
        4 => (name(), literal()).prop_map(|(name, value)| format!("{name} = {value}")),
        1 => (name(), literal()).prop_map(|(name, value)| format!("{value} = {name}")),
        1 => (name(), literal()).prop_map(|(name, value)| format!("{name} != {value}")),
        1 => (name(), name()).prop_map(|(one, other)| format!("{one} = {other}")),
        1 => (name(), prop::collection::vec(literal(), 1..4), any::<bool>())
            .prop_map(|(name, set, not)| format!("{name} {}IN ({})", if not { "NOT " } else { "" }, set.join(", "))),
        3 => (name(), pattern, prop::bool::weighted(0.2))
            .prop_map(|(name, like, not)| format!("{name} {}LIKE '{like}'", if not { "NOT " } else { "" })),
        1 => name().prop_map(|name| format!("EXISTS {name}")),
        1 => name().prop_map(str::to_owned),
        1 => Just("type < 5".to_owned()),
    ];
    leaf.prop_recursive(3, 10, 4, |inner| {
        let operator = || prop::sample::select(vec!["AND", "OR", "XOR"]);
        prop_oneof![
            (prop::collection::vec((operator(), inner.clone()), 1..3), inner.clone()).prop_map(|(links, last)| {
                let links = links.into_iter().map(|(operator, side)| format!("{side} {operator}"));
                links.chain([last]).collect::<Vec<_>>().join(" ")
            }),
            (inner.clone(), operator(), inner.clone()).prop_map(|(a, operator, b)| format!("({a}) {operator} ({b})")),
            inner.prop_map(|side| format!("NOT ({side})")),
        ]
    })
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
        pairs().prop_map(Filter::Suffix),
        sql().prop_map(|text| Filter::Sql(Expression::compile(&text).unwrap()))
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
    #![proptest_config(ProptestConfig::with_cases(4096))]
    #[test]
    fn what_is_said_to_be_never_true_never_is(text in sql(), events in prop::collection::vec(event(), 1..8)) {
        let expression = Expression::compile(&text).unwrap();
        let never = expression.findings().iter().any(|finding| finding.kind.never_holds());
        for event in &events {
            prop_assert!(!(never && expression.matches(event)), "{text}: {:?}, {event:?}", expression.findings());
        }
    }
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
