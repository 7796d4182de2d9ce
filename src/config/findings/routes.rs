//! Routes that another one leaves nothing to.

use super::Written;
use crate::codes::Code;
use crate::config::part::Part;
use crate::config::problem::Problems;
use crate::config::yaml::Value;
use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Routes with one first filter that a later route is compared with: what a group of many thousands costs stays in proportion.
const COMPARED: usize = 100;

/// The routes of a group so far, by a digest of their first filter; those without filters by none.
type Before<'r, 'a, 'n> = HashMap<Option<u64>, Vec<&'r Written<'a, 'n>>>;

/// Looks at the routes of all files, in their order.
pub(super) fn look(routes: &[Written<'_, '_>], problems: &mut Problems) {
    let live: Vec<&Written<'_, '_>> = routes.iter().filter(|route| !is_shadow(route)).collect();
    unreachable(&live, problems);
    shadowed(&live, problems);
}

/// Of a `first_match` group: a route behind one that takes everything it would take.
fn unreachable(routes: &[&Written<'_, '_>], problems: &mut Problems) {
    let mut groups: BTreeMap<&str, Before<'_, '_, '_>> = BTreeMap::new();
    for route in routes {
        let Some(group) = route.part.get("first_match").and_then(Part::text) else { continue };
        let before = groups.entry(group).or_default();
        // A route whose filters all stand in this one has its first one there, too.
        let digests = std::iter::once(None).chain(route.filters().iter().map(|filter| Some(digest(filter))));
        let near = digests.filter_map(|digest| before.get(&digest)).flat_map(|routes| routes.iter().take(COMPARED));
        if let Some(winner) = near.into_iter().find(|earlier| takes_all_of(earlier, route)) {
            let message = format!(
                "route `{}` is never reached: route `{}` of group `{group}` takes everything it would take",
                route.name(),
                winner.name()
            );
            let hint = format!("`{}` stands at {}; put the narrower route first", winner.name(), winner.place());
            problems.warning(route.source, route.place_of("first_match"), Code::UnreachableRoute, message, Some(hint));
        }
        before.entry(route.filters().first().map(digest)).or_default().push(route);
    }
}

/// Every filter of the earlier route stands in the later one, too.
fn takes_all_of(earlier: &Written<'_, '_>, later: &Written<'_, '_>) -> bool {
    earlier.filters().iter().all(|filter| later.filters().iter().any(|other| same(filter, other)))
}

/// A default beside a route that takes every event.
fn shadowed(routes: &[&Written<'_, '_>], problems: &mut Problems) {
    let is_default = |route: &Written<'_, '_>| is_true(route, "default");
    let Some(taker) = routes.iter().find(|route| !is_default(route) && route.filters().is_empty()) else { return };
    for route in routes.iter().filter(|route| is_default(route)) {
        let message = format!(
            "the default route `{}` is never taken: route `{}` has no filters and takes every event",
            route.name(),
            taker.name()
        );
        let hint = format!("`{}` stands at {}", taker.name(), taker.place());
        problems.warning(route.source, route.place_of("default"), Code::ShadowedDefault, message, Some(hint));
    }
}

fn is_shadow(route: &Written<'_, '_>) -> bool {
    is_true(route, "shadow") || route.part.get("shadow").is_some_and(|shadow| shadow.get("of").is_some())
}

fn is_true(route: &Written<'_, '_>, key: &str) -> bool {
    route.part.get(key).is_some_and(|part| matches!(part.node().value, Value::Boolean(true)))
}

/// The same for parts that are the [`same`], and hardly for others.
fn digest(part: &Part<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    match &part.node().value {
        Value::List(_) => part.items().iter().for_each(|item| digest(item).hash(&mut hasher)),
        // Keys in any order.
        Value::Map(_) => part
            .pairs()
            .fold(0, |sum: u64, (key, _, value)| {
                let mut pair = DefaultHasher::new();
                (key, digest(value)).hash(&mut pair);
                sum.wrapping_add(pair.finish())
            })
            .hash(&mut hasher),
        Value::Boolean(value) => value.hash(&mut hasher),
        Value::Integer(value) => value.hash(&mut hasher),
        Value::Text(text) => text.text.hash(&mut hasher),
        _ => {}
    }
    hasher.finish()
}

/// Equal in what they say, wherever they stand.
fn same(one: &Part<'_>, other: &Part<'_>) -> bool {
    match (&one.node().value, &other.node().value) {
        (Value::List(_), Value::List(_)) => {
            one.items().len() == other.items().len() && one.items().iter().zip(other.items()).all(|(a, b)| same(a, b))
        }
        (Value::Map(_), Value::Map(_)) => {
            one.pairs().count() == other.pairs().count()
                && one.pairs().all(|(key, _, value)| other.get(key).is_some_and(|twin| same(value, twin)))
        }
        (Value::Null, Value::Null) => true,
        (Value::Boolean(a), Value::Boolean(b)) => a == b,
        (Value::Integer(a), Value::Integer(b)) => a == b,
        (Value::Text(a), Value::Text(b)) => a.text == b.text,
        _ => false,
    }
}
