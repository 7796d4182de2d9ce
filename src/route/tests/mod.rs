//! Decisions: order, sharing, bounds, reasons.

mod choosing;
mod filter;
mod index;
mod naive;

use super::filter::Filter;
use super::table::FEW;
use super::{Route, RouteTable};
use crate::cloudevents::{Attributes, Data, Event};
use crate::lane_name::{Decision, LaneName};
use std::sync::Arc;

fn event(ty: &str) -> Event {
    Event { id: "1".into(), source: "/s".into(), ty: ty.into(), attributes: Attributes::default(), data: Data::Absent }
}

fn lane(route: &str, name: &str) -> Arc<LaneName> {
    Arc::new(LaneName { route: route.into(), name: name.into(), destination: "log".into(), stream: None })
}

fn route(name: &str, filters: Vec<Filter>, lanes: &[&str]) -> Route {
    let lanes = lanes.iter().map(|entry| lane(name, entry)).collect();
    Route { name: name.into(), filters, lanes, ..Route::default() }
}

fn exact_type(value: &str) -> Vec<Filter> {
    vec![Filter::Exact(vec![("type".into(), value.into())])]
}

fn names(decision: &Decision) -> Vec<String> {
    decision.iter().map(|lane| lane.display()).collect()
}

fn table() -> RouteTable {
    RouteTable::new(vec![
        route("orders", exact_type("order"), &["kafka", "log"]),
        route("all", Vec::new(), &["archive"]),
        route("mails", exact_type("mail"), &["smtp"]),
    ])
}

#[test]
fn lanes_come_in_order_of_the_routes() {
    assert_eq!(names(&table().decide(&event("order"))), ["orders/kafka", "orders/log", "all/archive"]);
    assert_eq!(names(&table().decide(&event("mail"))), ["all/archive", "mails/smtp"]);
    assert_eq!(names(&table().decide(&event("other"))), ["all/archive"]);
    assert!(RouteTable::default().decide(&event("order")).is_empty());
}

#[test]
fn equal_decisions_share_one_allocation() {
    let table = table();
    for ty in ["order", "other"] {
        assert!(Arc::ptr_eq(&table.decide(&event(ty)), &table.decide(&event(ty))), "{ty}");
    }
    let strict = RouteTable::new(vec![route("orders", exact_type("order"), &["log"])]);
    assert!(Arc::ptr_eq(&strict.decide(&event("x")), &strict.decide(&event("y"))), "no route");
}

#[test]
fn more_routes_than_fit_on_the_stack_are_all_taken() {
    for count in [FEW - 1, FEW, FEW + 1, 3 * FEW] {
        let routes = (0..count).map(|number| route(&format!("r{number}"), Vec::new(), &["log"])).collect();
        let decision = RouteTable::new(routes).decide(&event("order"));
        let expected: Vec<String> = (0..count).map(|number| format!("r{number}/log")).collect();
        assert_eq!(names(&decision), expected);
    }
}

#[test]
fn every_route_says_why_not() {
    let verdicts = table().explain(&event("order"));
    let shown: Vec<_> = verdicts.iter().map(|v| (v.route.as_str(), v.matched, v.reason.as_deref())).collect();
    assert_eq!(
        shown,
        [("orders", true, None), ("all", true, None), ("mails", false, Some("exact type: wanted `mail`, saw `order`")),]
    );
}
