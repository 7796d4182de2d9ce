//! `first_match`, default, split and shadow, case by case; `naive` compares them at random.

use super::naive::event_of;
use super::{event, exact_type, names, route};
use crate::cloudevents::{Attributes, Event};
use crate::route::split::{Branch, Split};
use crate::route::{Route, RouteTable, Shadow};
use std::sync::Arc;

fn reasons(table: &RouteTable, event: &Event) -> Vec<(String, bool, Option<String>)> {
    table.explain(event).into_iter().map(|verdict| (verdict.route, verdict.matched, verdict.reason)).collect()
}

fn grouped(route: Route, group: &str) -> Route {
    Route { group: Some(group.into()), ..route }
}

fn default(route: Route) -> Route {
    Route { default: true, ..route }
}

#[test]
fn of_a_group_only_the_first_that_matches_takes_an_event() {
    let table = RouteTable::new(vec![
        grouped(route("a", exact_type("x"), &["l"]), "g"),
        route("beside", Vec::new(), &["l"]),
        grouped(route("b", Vec::new(), &["l"]), "g"),
        grouped(route("c", Vec::new(), &["l"]), "g"),
        grouped(route("other", Vec::new(), &["l"]), "h"),
    ]);
    assert_eq!(names(&table.decide(&event("x"))), ["a/l", "beside/l", "other/l"]);
    assert_eq!(names(&table.decide(&event("y"))), ["beside/l", "b/l", "other/l"]);
    let told = reasons(&table, &event("y"));
    assert_eq!(told[0].2.as_deref(), Some("exact type: wanted `x`, saw `y`"));
    assert_eq!(told[3], ("c".into(), false, Some("first_match `g`: route `b` comes first and took the event".into())));
}

#[test]
fn defaults_take_what_no_other_route_takes() {
    let table = RouteTable::new(vec![
        default(route("rest", Vec::new(), &["l"])),
        route("orders", exact_type("order"), &["l"]),
        default(route("mails", exact_type("mail"), &["l"])),
    ]);
    assert_eq!(names(&table.decide(&event("order"))), ["orders/l"]);
    assert_eq!(names(&table.decide(&event("mail"))), ["rest/l", "mails/l"]);
    assert_eq!(names(&table.decide(&event("other"))), ["rest/l"]);
    let told = reasons(&table, &event("order"));
    assert_eq!(told[0].2.as_deref(), Some("default: route `orders` took the event"));
    assert_eq!(told[2].2.as_deref(), Some("exact type: wanted `mail`, saw `order`"));
}

#[test]
fn shadow_routes_count_for_nothing_and_take_nothing() {
    let shadow = |route: Route, of: Option<&str>| Route { shadow: Some(Shadow { of: of.map(Into::into) }), ..route };
    let table = RouteTable::new(vec![
        shadow(route("dark", exact_type("x"), &["l"]), None),
        grouped(shadow(route("first", Vec::new(), &["l"]), None), "g"),
        grouped(route("live", exact_type("x"), &["l"]), "g"),
        grouped(shadow(route("next", Vec::new(), &["l"]), Some("live")), "g"),
        grouped(shadow(route("late", Vec::new(), &["l"]), None), "g"),
        default(route("rest", Vec::new(), &["l"])),
    ]);
    let would = |ty: &str| -> Vec<String> {
        let event = event(ty);
        table.shadows(&event, &table.decide(&event)).iter().map(|route| route.name.to_string()).collect()
    };
    assert_eq!(names(&table.decide(&event("x"))), ["live/l"]);
    assert_eq!(names(&table.decide(&event("y"))), ["rest/l"]);
    assert_eq!(would("x"), ["dark", "first", "next"]);
    assert_eq!(would("y"), ["first", "next", "late"]);
    let told = table.explain(&event("x"));
    assert!(told[0].shadow && told[0].matched && !told[2].shadow);
    assert_eq!(
        serde_json::to_value(&told[4]).unwrap(),
        serde_json::json!({"route": "late", "matched": false, "shadow": true,
            "reason": "first_match `g`: route `live` comes first and took the event"})
    );
    assert!(!serde_json::to_string(&told[2]).unwrap().contains("shadow"));
}

fn split(weights: &[u32]) -> Route {
    let lanes: Vec<String> = (0..weights.len()).map(|number| format!("b{number}")).collect();
    let branches = (0..).zip(weights).map(|(at, weight)| Branch { weight: *weight, lanes: at..at + 1 }).collect();
    let key = Arc::new(|event: &Event| event.attribute("partitionkey").map(str::to_owned));
    let route = route("r", Vec::new(), &lanes.iter().map(String::as_str).collect::<Vec<_>>());
    Route { split: Some(Split { key, branches }), ..route }
}

fn branch(table: &RouteTable, key: &str, id: &str) -> String {
    let mut event = event_of(&[("type", "t"), ("source", "/s"), ("partitionkey", key)]);
    event.id = id.into();
    if key.is_empty() {
        event.attributes = Attributes::default();
    }
    names(&table.decide(&event)).join(" ")
}

#[test]
fn a_split_goes_by_the_key_and_keeps_to_its_weights() {
    let table = RouteTable::new(vec![split(&[95, 5, 0])]);
    let mut counts = [0_u32; 3];
    for number in 0..20_000 {
        let taken = branch(&table, &format!("customer-{number}"), "1");
        assert_eq!(taken, branch(&table, &format!("customer-{number}"), "2"), "the id does not count");
        counts[taken.strip_prefix("r/b").unwrap().parse::<usize>().unwrap()] += 1;
    }
    assert!((800..1200).contains(&counts[1]) && counts[2] == 0, "{counts:?}");
    let ids: std::collections::HashSet<String> = (0..200).map(|id| branch(&table, "", &id.to_string())).collect();
    assert_eq!(ids.len(), 2, "without a key by source and id");
}

#[test]
fn the_branch_of_a_key_never_changes() {
    let table = RouteTable::new(vec![split(&[1, 1, 1, 1])]);
    let taken: Vec<String> = ["a", "b", "c", "customer-17", "ü"].iter().map(|key| branch(&table, key, "1")).collect();
    // The hash of these keys is a contract between replicas and versions of the gateway.
    assert_eq!(taken, ["r/b1", "r/b2", "r/b3", "r/b0", "r/b1"]);
    let wider = RouteTable::new(vec![split(&[90, 10])]);
    let narrow = RouteTable::new(vec![split(&[95, 5])]);
    for number in 0..2_000 {
        let key = number.to_string();
        let stays = branch(&narrow, &key, "1") == "r/b0" || branch(&wider, &key, "1") == "r/b1";
        assert!(stays, "a canary that grows keeps the keys it had: {key}");
    }
}
