//! The index may only leave out what cannot match, and leaves out nearly all that cannot.

use super::naive::{event_of, filters};
use crate::cloudevents::{Data, Event};
use crate::route::filter::{Filter, Subject};
use crate::route::index::Index;
use crate::route::index::need::Need;
use proptest::prelude::*;

fn event(ty: &str, source: &str) -> Event {
    Event { id: "1".into(), source: source.into(), ty: ty.into(), attributes: Vec::new(), data: Data::Absent }
}

fn exact(attribute: &str, value: &str) -> Filter {
    Filter::Exact(vec![(attribute.into(), value.into())])
}

fn prefix(attribute: &str, value: &str) -> Filter {
    Filter::Prefix(vec![(attribute.into(), value.into())])
}

fn suffix(attribute: &str, value: &str) -> Filter {
    Filter::Suffix(vec![(attribute.into(), value.into())])
}

fn index(routes: &[Vec<Filter>]) -> Index {
    let needs: Vec<_> = (0..).zip(routes.iter().map(|filters| Need::of_all(filters))).collect();
    Index::new(&needs)
}

fn candidates(index: &Index, event: &Event) -> Vec<u32> {
    let mut found = Vec::new();
    index.candidates(event, |number| found.push(number));
    found
}

#[test]
fn routes_are_found_by_what_they_ask_for() {
    let routes = [
        vec![exact("type", "a")],
        vec![exact("source", "s"), prefix("subject", "x")],
        vec![],
        vec![Filter::Any(vec![exact("type", "a"), exact("type", "b"), exact("type", "a")])],
        vec![Filter::All(vec![exact("subject", "x"), exact("type", "b")])],
        vec![Filter::Any(vec![exact("type", "a"), exact("subject", "b")])],
        vec![Filter::Not(Box::new(exact("type", "a")))],
    ];
    let index = index(&routes);
    assert_eq!(candidates(&index, &event("a", "s")), [0, 1, 2, 3, 5, 6]);
    assert_eq!(candidates(&index, &event("b", "t")), [2, 3, 6]);
    assert_eq!(candidates(&index, &event("c", "t")), [2, 6]);
}

/// Ten thousand routes of each shape: an event finds its own and hardly any other.
#[test]
fn an_event_finds_few_of_ten_thousand_routes() {
    type Shape = fn(u32) -> Vec<Filter>;
    let shapes: [(&str, Shape); 9] = [
        ("a type", |n| vec![exact("type", &format!("t{n}"))]),
        ("a prefix of the type", |n| vec![prefix("type", &format!("t{n}"))]),
        ("a suffix of the type", |n| vec![suffix("type", &format!("t{n}"))]),
        ("a prefix of the source", |n| vec![prefix("source", &format!("/t{n}"))]),
        ("one type for all, and a source", |n| vec![exact("type", "t7"), suffix("source", &format!("/t{n}"))]),
        ("a negation for all, and a type", |n| {
            vec![Filter::Not(Box::new(exact("region", "eu"))), prefix("type", &format!("t{n}"))]
        }),
        ("any of two types", |n| {
            vec![Filter::Any(vec![exact("type", &format!("t{n}")), suffix("type", &format!("-{n}"))])]
        }),
        ("any of alls", |n| {
            let both = |n: u32| Filter::All(vec![prefix("source", "/"), exact("type", &format!("t{n}"))]);
            vec![Filter::Any(vec![both(n), both(n + 20_000)]), prefix("source", "/")]
        }),
        ("an attribute of its own", |n| vec![prefix(&format!("a{n}"), "x")]),
    ];
    for (name, shape) in shapes {
        let routes: Vec<Vec<Filter>> = (0..10_000).map(shape).collect();
        let index = index(&routes);
        for number in [7_u32, 77, 7_777] {
            let mut event = event(&format!("t{number}"), &format!("/t{number}"));
            if name.starts_with("one type") {
                event.ty = "t7".into();
            }
            if name.ends_with("its own") {
                event = event_of(&[("type", "t"), ("source", "/"), (&format!("a{number}"), "xyz")]);
            }
            let found = candidates(&index, &event);
            assert!(found.contains(&number) && found.len() < 5, "{name}: {found:?}");
        }
    }
}

proptest! {
    #[test]
    fn no_route_that_matches_is_left_out(
        routes in prop::collection::vec(filters(), 0..12),
        event in super::naive::event(),
    ) {
        let found = candidates(&index(&routes), &event);
        prop_assert!(found.windows(2).all(|pair| pair[0] < pair[1]), "in order, each once: {found:?}");
        for (number, filters) in (0_u32..).zip(&routes) {
            let matches = filters.iter().all(|filter| filter.matches(&Subject::new(&event)));
            prop_assert!(!matches || found.contains(&number), "route {number} of {routes:?}");
        }
    }
}
