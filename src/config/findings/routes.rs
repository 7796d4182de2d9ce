//! Routes that another one leaves nothing to.

use super::Written;
use crate::codes::Code;
use crate::config::part::Part;
use crate::config::problem::Problems;
use crate::config::yaml::Value;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Routes with one first condition that a later route is compared with: what a group of many thousands costs stays in
/// proportion.
const COMPARED: usize = 100;

/// A route of a group with what it asks for.
#[derive(Clone, Copy)]
struct Member<'r, 'a, 'n> {
    route: &'r Written<'a, 'n>,
    conditions: &'r Conditions,
}

/// Everything that must hold for a route, each in a form that is the same for the same filter: what is under `all` one by
/// one, of `exact`, `prefix` and `suffix` each attribute. What always holds is left out.
type Conditions = BTreeSet<String>;

/// The routes of a group so far, by their first condition; those without one by none.
type Before<'r, 'a, 'n> = HashMap<Option<&'r str>, Vec<Member<'r, 'a, 'n>>>;

/// Looks at the routes of all files, in their order.
pub(super) fn look(routes: &[Written<'_, '_>], problems: &mut Problems) {
    let live: Vec<&Written<'_, '_>> = routes.iter().filter(|route| !is_shadow(route)).collect();
    let conditions: Vec<Conditions> = live.iter().map(|route| conditions(route)).collect();
    let members = live.iter().zip(&conditions).map(|(route, conditions)| Member { route, conditions });
    let members: Vec<Member<'_, '_, '_>> = members.collect();
    unreachable(&members, problems);
    shadowed(&members, problems);
}

/// Of a `first_match` group: a route behind one that takes everything it would take. Defaults are asked after all others,
/// so that none of them stands before a route that is none.
fn unreachable(members: &[Member<'_, '_, '_>], problems: &mut Problems) {
    let mut groups: BTreeMap<(&str, bool), Before<'_, '_, '_>> = BTreeMap::new();
    for member in members {
        let Member { route, conditions } = member;
        let Some(group) = route.part.get("first_match").and_then(Part::text) else { continue };
        let before = groups.entry((group, is_default(route))).or_default();
        // A route whose conditions all stand in this one has its first one there, too.
        let keys = std::iter::once(None).chain(conditions.iter().map(|condition| Some(condition.as_str())));
        let near = keys.filter_map(|key| before.get(&key)).flat_map(|routes| routes.iter().take(COMPARED));
        if let Some(winner) = near.into_iter().find(|earlier| earlier.conditions.is_subset(conditions)) {
            let (winner, name) = (winner.route, winner.route.name());
            let message = format!(
                "route `{}` is never reached: route `{name}` of group `{group}` takes everything it would take",
                route.name()
            );
            let hint = format!("`{name}` stands at {}; put the narrower route first", winner.place());
            problems.warning(route.source, route.place_of("first_match"), Code::UnreachableRoute, message, Some(hint));
        }
        before.entry(conditions.first().map(String::as_str)).or_default().push(*member);
    }
}

/// A default beside a route that takes every event.
fn shadowed(members: &[Member<'_, '_, '_>], problems: &mut Problems) {
    let takes_all = |member: &&Member<'_, '_, '_>| !is_default(member.route) && member.conditions.is_empty();
    let Some(taker) = members.iter().find(takes_all).map(|member| member.route) else { return };
    for Member { route, .. } in members.iter().filter(|member| is_default(member.route)) {
        let message = format!(
            "the default route `{}` is never taken: route `{}` has no filters and takes every event",
            route.name(),
            taker.name()
        );
        let hint = format!("`{}` stands at {}", taker.name(), taker.place());
        problems.warning(route.source, route.place_of("default"), Code::ShadowedDefault, message, Some(hint));
    }
}

fn conditions(route: &Written<'_, '_>) -> Conditions {
    let mut conditions = Conditions::new();
    route.filters().iter().for_each(|filter| collect(filter, &mut conditions));
    conditions
}

fn collect(filter: &Part<'_>, conditions: &mut Conditions) {
    let Some((dialect, _, content)) = filter.pairs().next() else { return };
    match dialect {
        "all" => content.items().iter().for_each(|one| collect(one, conditions)),
        "exact" | "prefix" | "suffix" => conditions.extend(content.pairs().map(|(name, _, value)| {
            let mut text = format!("{dialect} {name} ");
            write(value, &mut text);
            text
        })),
        "sql" if super::always_holds(content) => {}
        _ => {
            let mut text = String::new();
            write(filter, &mut text);
            conditions.insert(text);
        }
    }
}

/// The same text for parts that say the same, wherever they stand and in whatever order their keys.
fn write(part: &Part<'_>, text: &mut String) {
    match &part.node().value {
        Value::List(_) => {
            text.push('[');
            for item in part.items() {
                write(item, text);
                text.push(',');
            }
            text.push(']');
        }
        Value::Map(_) => {
            let mut pairs: Vec<(&str, &Part<'_>)> = part.pairs().map(|(key, _, value)| (key, value)).collect();
            pairs.sort_unstable_by_key(|(key, _)| *key);
            text.push('{');
            for (key, value) in pairs {
                text.push_str(&Json::from(key).to_string());
                text.push(':');
                write(value, text);
                text.push(',');
            }
            text.push('}');
        }
        Value::Text(own) => text.push_str(&Json::from(&*own.text).to_string()),
        Value::Null => text.push('~'),
        Value::Boolean(value) => text.push_str(if *value { "true" } else { "false" }),
        Value::Integer(value) => text.push_str(&value.to_string()),
        Value::Float(value, ..) => text.push_str(&value.to_string()),
        Value::Broken => text.push('!'),
    }
}

fn is_default(route: &Written<'_, '_>) -> bool {
    is_true(route, "default")
}

fn is_shadow(route: &Written<'_, '_>) -> bool {
    is_true(route, "shadow") || route.part.get("shadow").is_some_and(|shadow| shadow.get("of").is_some())
}

fn is_true(route: &Written<'_, '_>, key: &str) -> bool {
    route.part.get(key).is_some_and(|part| matches!(part.node().value, Value::Boolean(true)))
}
