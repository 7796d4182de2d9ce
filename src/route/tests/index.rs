//! The index may only leave out what cannot match.

use crate::cloudevents::{Data, Event};
use crate::route::filter::Filter;
use crate::route::index::Index;
use proptest::prelude::*;

fn event(ty: &str, source: &str) -> Event {
    Event { id: "1".into(), source: source.into(), ty: ty.into(), attributes: Vec::new(), data: Data::Absent }
}

fn exact(attribute: &str, value: &str) -> Filter {
    Filter::Exact(vec![(attribute.into(), value.into())])
}

fn candidates(routes: &[Vec<Filter>], event: &Event) -> Vec<u32> {
    let mut found = Vec::new();
    Index::new(routes.iter().map(Vec::as_slice)).candidates(event, |number| found.push(number));
    found
}

#[test]
fn routes_that_ask_for_a_type_or_source_are_found_by_it() {
    let routes = [
        vec![exact("type", "a")],
        vec![exact("source", "s"), Filter::Prefix(vec![("subject".into(), "x".into())])],
        vec![],
        vec![Filter::Any(vec![exact("type", "a"), exact("type", "b"), exact("type", "a")])],
        vec![Filter::All(vec![exact("subject", "x"), exact("type", "b")])],
        vec![Filter::Any(vec![exact("type", "a"), exact("subject", "b")])],
        vec![Filter::Not(Box::new(exact("type", "a")))],
    ];
    assert_eq!(candidates(&routes, &event("a", "s")), [0, 1, 2, 3, 5, 6]);
    assert_eq!(candidates(&routes, &event("b", "t")), [2, 3, 4, 5, 6]);
    assert_eq!(candidates(&routes, &event("c", "t")), [2, 5, 6]);
}

fn filter() -> impl Strategy<Value = Filter> {
    let pair = || {
        prop::collection::vec(
            (prop::sample::select(vec!["type", "source", "subject"]), prop::sample::select(vec!["a", "b", "ab"])),
            1..3,
        )
        .prop_map(|pairs| pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect::<Vec<_>>())
    };
    let leaf =
        prop_oneof![pair().prop_map(Filter::Exact), pair().prop_map(Filter::Prefix), pair().prop_map(Filter::Suffix)];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Filter::All),
            prop::collection::vec(inner.clone(), 1..4).prop_map(Filter::Any),
            inner.prop_map(|filter| Filter::Not(Box::new(filter))),
        ]
    })
}

proptest! {
    #[test]
    fn no_route_that_matches_is_left_out(
        routes in prop::collection::vec(prop::collection::vec(filter(), 0..3), 0..12),
        ty in prop::sample::select(vec!["a", "b", "ab", "c"]),
        source in prop::sample::select(vec!["a", "b", "ab", "c"]),
    ) {
        let event = event(ty, source);
        let found = candidates(&routes, &event);
        prop_assert!(found.windows(2).all(|pair| pair[0] < pair[1]), "in order, each once: {found:?}");
        for (number, filters) in (0_u32..).zip(&routes) {
            let matches = filters.iter().all(|filter| filter.matches(&event));
            prop_assert!(!matches || found.contains(&number), "route {number} of {routes:?}");
        }
    }
}
