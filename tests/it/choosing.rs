//! split, `first_match`, default and shadow on a running gateway (routing.md §1).

use super::support::gateway::Gateway;
use super::support::wait_for;
use serde_json::{Value, json};
use std::time::Duration;

const ROUTES: &str = "destinations:
  - {name: nowhere, discard: {}}
routes:
  - name: paid
    first_match: orders
    filters: [{exact: {type: com.example.order}}, {exact: {subject: paid}}]
    deliver: [{destination: nowhere}]
  - name: orders
    first_match: orders
    filters: [{prefix: {type: com.example.order}}]
    split:
      - {weight: 1, deliver: [{destination: nowhere, name: stable}]}
      - {weight: 1, deliver: [{destination: nowhere, name: canary}, {destination: log, stream: canary}]}
  - name: rest
    default: true
    deliver: [{destination: nowhere}]
";
const SHADOWS: &str = "routes:
  - name: dark
    shadow: true
    filters: [{exact: {type: com.example.unknown}}]
    deliver: [{destination: nowhere, key: x}]
  - name: next
    shadow: {of: paid}
    filters: [{prefix: {type: com.example.order}}, {suffix: {subject: paid}}]
    transform: [{set: {region: \"{area:-none}\"}}]
    deliver: [{destination: nowhere}]
  - name: broken
    shadow: {of: rest}
    default: true
    transform: [{set: {region: \"{area}\"}}]
    deliver: [{destination: nowhere}]
";

fn event(id: &str, ty: &str, more: Value) -> Value {
    let mut event = json!({"specversion": "1.0", "id": id, "source": "/shop", "type": ty});
    let members = event.as_object_mut().expect("an object");
    members.extend(more.as_object().expect("an object").clone());
    event
}

async fn told(gateway: &Gateway, event: &Value) -> Value {
    let position = gateway.accept(event).await;
    gateway.get(&format!("/api/v1/events/{position}")).await
}

fn verdict(told: &Value, route: &str) -> Value {
    let routes = told["routes"].as_array().expect("a list");
    routes.iter().find(|verdict| verdict["route"] == route).unwrap_or_else(|| panic!("no {route}: {told}")).clone()
}

fn entries(told: &Value) -> Vec<String> {
    let deliveries = told["deliveries"].as_array().expect("a list");
    let name = |delivery: &Value| format!("{}/{}", delivery["route"], delivery["name"]).replace('"', "");
    deliveries.iter().map(name).collect()
}

#[tokio::test]
async fn an_event_takes_the_first_of_a_group_one_branch_or_the_default() {
    let mut gateway = Gateway::start(&[("routes/all.yaml", ROUTES)]).await;
    let paid = told(&gateway, &event("1", "com.example.order", json!({"subject": "paid"}))).await;
    assert_eq!(entries(&paid), ["paid/nowhere"]);
    let loser = verdict(&paid, "orders");
    assert_eq!(loser["matched"], false);
    assert!(loser["reason"].as_str().is_some_and(|reason| reason.contains("`paid`")), "{loser}");
    assert!(verdict(&paid, "rest")["reason"].as_str().is_some_and(|reason| reason.contains("default")), "{paid}");

    let rest = told(&gateway, &event("2", "com.example.mail", json!({}))).await;
    assert_eq!((entries(&rest), &rest["status"] == "unmatched"), (vec!["rest/nowhere".to_owned()], false));

    let order = |id: &str, key: usize| event(id, "com.example.order.new", json!({"partitionkey": key.to_string()}));
    let mut taken = Vec::new();
    for key in 0..20 {
        taken.push(entries(&told(&gateway, &order(&format!("a{key}"), key)).await));
    }
    for branch in [vec!["orders/stable"], vec!["orders/canary", "orders/log"]] {
        assert!(taken.iter().any(|entries| *entries == branch), "{branch:?} is never taken: {taken:?}");
    }
    assert!(taken.iter().all(|entries| entries.len() < 3), "{taken:?}");
    gateway.stop().await;
    gateway.restart().await;
    for (key, before) in taken.iter().enumerate() {
        assert_eq!(&entries(&told(&gateway, &order(&format!("b{key}"), key)).await), before, "after a restart");
    }
}

async fn counts(gateway: &Gateway, route: &str) -> Value {
    let routes = gateway.get("/api/v1/routes").await;
    let routes = routes["routes"].as_array().expect("a list").clone();
    let found = routes.into_iter().find(|view| view["name"] == route).expect("the route");
    assert_eq!(found["shadow"], true);
    found["shadow_counts"].clone()
}

#[tokio::test]
async fn shadow_routes_are_counted_and_compared_and_deliver_nothing() {
    let gateway = Gateway::start(&[("routes/all.yaml", ROUTES), ("routes/shadows.yaml", SHADOWS)]).await;
    let both = gateway.accept(&event("1", "com.example.order", json!({"subject": "paid"}))).await;
    let only_next = gateway.accept(&event("2", "com.example.order", json!({"subject": "unpaid"}))).await;
    let unknown = gateway.accept(&event("3", "com.example.unknown", json!({}))).await;
    let same = gateway.accept(&event("4", "com.example.order", json!({"subject": "paid", "region": "none"}))).await;

    let expected = json!({"matched": 3, "transformed": 3, "failed": 0, "differing": 2});
    wait_for("the counts", Duration::from_secs(10), async || {
        (counts(&gateway, "next").await == expected).then_some(())
    })
    .await;
    let failed = json!({"matched": 1, "transformed": 0, "failed": 1, "differing": 1});
    wait_for("the failure", Duration::from_secs(10), async || {
        (counts(&gateway, "broken").await == failed).then_some(())
    })
    .await;
    assert_eq!(counts(&gateway, "dark").await, json!({"matched": 1, "transformed": 1, "failed": 0, "differing": 0}));

    let shadow = gateway.get("/api/v1/routes/next/shadow").await;
    assert_eq!((&shadow["route"], &shadow["of"]), (&json!("next"), &json!("paid")));
    let differing = shadow["differing"].as_array().expect("a list");
    let kinds: Vec<_> = differing.iter().map(|one| (one["position"].as_u64(), one["kind"].as_str())).collect();
    assert_eq!(kinds, [(Some(only_next), Some("route")), (Some(both), Some("bytes"))], "{same} does not differ");

    let told = gateway.get(&format!("/api/v1/events/{unknown}")).await;
    assert_eq!(entries(&told), ["rest/nowhere"], "nothing goes to a shadow route");
    let dark = verdict(&told, "dark");
    assert_eq!((&dark["matched"], &dark["shadow"]), (&json!(true), &json!(true)));
    assert_eq!(verdict(&told, "next")["matched"], false);
    assert!(verdict(&told, "rest").get("shadow").is_none());
    let client = gateway.http();
    for name in ["paid", "nothing"] {
        let url = gateway.admin(&format!("/api/v1/routes/{name}/shadow"));
        assert_eq!(client.get(url).send().await.expect("an answer").status(), 404, "{name}");
    }
}
