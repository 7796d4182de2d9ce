//! The index may only leave out what cannot match, and leaves out nearly all that cannot.

use super::naive::{event_of, filters};
use crate::cloudevents::{Attributes, Data, Event};
use crate::route::cesql::Expression;
use crate::route::filter::{Filter, Subject};
use crate::route::index::Index;
use crate::route::index::need::Need;
use proptest::prelude::*;

fn event(ty: &str, source: &str) -> Event {
    Event {
        id: "1".into(),
        source: source.into(),
        ty: ty.into(),
        attributes: Attributes::default(),
        data: Data::Absent,
    }
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

fn sql(text: &str) -> Filter {
    Filter::Sql(Expression::compile(text).unwrap())
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

type Shape = fn(u32) -> Vec<Filter>;

/// Ten thousand routes of each shape: an event finds its own and hardly any other.
fn finds_few(shapes: &[(&str, Shape)]) {
    for (name, shape) in shapes {
        let routes: Vec<Vec<Filter>> = (0..10_000).map(shape).collect();
        let index = index(&routes);
        for number in [7_u32, 77, 7_777] {
            let own = format!("a{number}");
            let (ty, source, region) = (format!("t{number}"), format!("/t{number}"), format!("r{number}"));
            let ty = if name.starts_with("one type") { "t7" } else { &ty };
            let event = event_of(&[
                ("type", ty),
                ("source", &source),
                ("region", &region),
                ("n", &number.to_string()),
                (&own, "xyz"),
            ]);
            let found = candidates(&index, &event);
            assert!(found.contains(&number) && found.len() < 7, "{name}: {found:?}");
            assert!(routes[number as usize].iter().all(|filter| filter.matches(&Subject::new(&event))), "{name}");
        }
    }
}

#[test]
fn an_event_finds_few_of_ten_thousand_routes() {
    finds_few(&[
        ("a type", |n| vec![exact("type", &format!("t{n}"))]),
        ("an extension", |n| vec![exact("region", &format!("r{n}"))]),
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
    ]);
}

#[test]
fn an_event_finds_few_of_ten_thousand_expressions() {
    finds_few(&[
        ("a type", |n| vec![sql(&format!("type = 't{n}'"))]),
        ("a source, the other way round", |n| vec![sql(&format!("'/t{n}' = source"))]),
        ("an extension", |n| vec![sql(&format!("region = 'r{n}'"))]),
        ("a number", |n| vec![sql(&format!("n = {n}"))]),
        ("a number as text", |n| vec![sql(&format!("n = '{n}'"))]),
        ("a list", |n| vec![sql(&format!("region IN ('x{n}', 'r{n}', 'y')"))]),
        ("a beginning", |n| vec![sql(&format!("region LIKE 'r{n}%'"))]),
        ("an end", |n| vec![sql(&format!("type LIKE '%t{n}'"))]),
        ("a whole pattern", |n| vec![sql(&format!("type LIKE 't{n}'"))]),
        ("both ends", |n| vec![sql(&format!("source LIKE '/%t{n}'"))]),
        ("one type for all, and an extension", |n| vec![sql(&format!("type = 't7' AND EXISTS n AND region = 'r{n}'"))]),
        ("one of two", |n| vec![sql(&format!("region = 'x{n}' OR (type = 't{n}' AND n < 100000)"))]),
        ("mixed", |n| vec![sql(&format!("type = 'x{n}' OR region = 'r{n}' AND EXISTS n"))]),
        ("any of an expression and a prefix", |n| {
            vec![Filter::Any(vec![sql(&format!("region = 'r{n}'")), prefix("type", &format!("x{n}"))])]
        }),
        ("an expression that tells nothing, and a type", |n| {
            vec![sql("NOT (n = 100000)"), sql(&format!("type = 't{n}'"))]
        }),
        ("an attribute of its own", |n| vec![sql(&format!("EXISTS a{n}"))]),
    ]);
}

/// A chain is one level of the tree, however long it is.
#[test]
fn long_chains_are_no_deep_trees() {
    for operators in [["OR", "OR"], ["AND", "AND"], ["OR", "AND"], ["XOR", "OR"]] {
        let sides = (0..20_000).map(|number| format!("{} type = 'a{number}'", operators[number % 2]));
        let text = format!("type = 'a' {}", sides.collect::<Vec<_>>().join(" "));
        let index = index(&[vec![sql(&text)]]);
        assert!(candidates(&index, &event("a7", "s")).len() <= 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]
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
