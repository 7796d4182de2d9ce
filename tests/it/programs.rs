//! CESQL and jq in routes of the running gateway: filters choose, steps change, the log is searched.

use super::conformance_cesql::{cases, is_known_defect, needs_user_functions};
use super::support::gateway::Gateway;
use super::support::wait_for;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::time::Duration;

fn event(id: &str, data: &Value) -> Value {
    json!({"specversion": "1.0", "id": id, "source": "/shop", "type": "com.example.order", "data": data})
}

/// The routes that took an event.
async fn matched(gateway: &Gateway, position: u64) -> Vec<String> {
    let detail = gateway.get(&format!("/api/v1/events/{position}")).await;
    let routes = detail["routes"].as_array().expect("a list").iter().filter(|route| route["matched"] == true);
    routes.map(|route| route["route"].as_str().expect("a name").to_owned()).collect()
}

/// Events of a named stream as they were stored, read from the beginning until there are `count`.
async fn stream(gateway: &Gateway, name: &str, count: usize) -> Vec<Value> {
    let url = gateway.admin(&format!("/api/v1/events/stream?stream={name}"));
    let mut answer = gateway.http().get(url).header("last-event-id", "0").send().await.expect("an answer");
    let mut text = String::new();
    loop {
        let events: Vec<Value> = text
            .split_inclusive('\n')
            .filter(|line| line.ends_with('\n'))
            .filter_map(|line| line.strip_prefix("data: "))
            .map(|data| serde_json::from_str(data).expect("an event"))
            .collect();
        if events.len() >= count {
            return events;
        }
        let piece = answer.chunk().await.expect("the stream goes on").expect("the stream goes on");
        text.push_str(std::str::from_utf8(&piece).expect("text"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_takes_what_the_test_kit_calls_true() {
    let cases: Vec<_> = cases().into_iter().filter(|case| case.error.as_deref() != Some("parse")).collect();
    let mut routes = String::from("routes:\n");
    for (number, case) in cases.iter().enumerate() {
        let expression = serde_json::to_string(&case.expression).expect("text");
        writeln!(
            routes,
            "  - {{name: r{number}, filters: [{{sql: {expression}}}], deliver: [{{destination: log, stream: s}}]}}"
        )
        .expect("text");
    }
    let gateway = Gateway::start(&[("routes/kit.yaml", &routes)]).await;
    let mut differences = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let position = gateway.accept(&case.event).await;
        let taken = matched(&gateway, position).await.contains(&format!("r{number}"));
        // A filter holds only when the value is Boolean TRUE and there is no error.
        let wanted = case.result == Some(json!(true)) && case.error.is_none();
        let wanted = wanted && !is_known_defect(case) && !needs_user_functions(case);
        if taken != wanted {
            differences.push(format!("{} `{}`: {taken}", case.name, case.expression));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

const FILTERS: &str = r#"
routes:
  - name: total
    filters: [{jq: ".total > 10"}]
    deliver: [{destination: log, stream: total}]
  - name: vip
    filters: [{sql: "EXISTS level AND level = 'vip'"}, {not: {jq: ".items | length == 0"}}]
    deliver: [{destination: log, stream: vip}]
  - name: attributes
    filters: [{jq: "$event.level == \"vip\" and .total == 1"}]
    deliver: [{destination: log, stream: attributes}]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn filters_see_attributes_and_data() {
    let gateway = Gateway::start(&[("routes/filters.yaml", FILTERS)]).await;
    let mut vip = event("1", &json!({"total": 1, "items": [1]}));
    vip["level"] = json!("vip");
    for (event, routes) in [
        (event("2", &json!({"total": 11, "items": []})), &["total"][..]),
        (vip, &["vip", "attributes"]),
        (event("3", &json!({"total": "11"})), &["total"]),
        (event("4", &json!("no object")), &[]),
    ] {
        let position = gateway.accept(&event).await;
        assert_eq!(matched(&gateway, position).await, routes, "{event}");
    }
    let text = json!({"specversion": "1.0", "id": "5", "source": "/shop", "type": "t", "datacontenttype": "text/plain", "data": "12"});
    let position = gateway.accept(&text).await;
    let detail = gateway.get(&format!("/api/v1/events/{position}")).await;
    assert_eq!(detail["routes"][0]["reason"], "jq `.total > 10`: the data is not JSON but `text/plain`");
    assert_eq!(detail["status"], "unmatched", "{detail}");
}

const STEPS: &str = r#"
destinations: [{name: nowhere, discard: {}}]
routes:
  - name: EU orders
    identity: derive
    transform:
      - set: {region: {jq: .address.region}, priority: {jq: .priority}, express: true, note: "{type}"}
      - jq: "{id: .orderId, total, who: $event.note}"
      - rename: {level: tier, missing: x}
    deliver:
      - {destination: log, stream: changed, key: "{region}"}
      - {destination: nowhere, name: other, key: "{region}"}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn steps_make_an_event_of_the_gateways_own() {
    let gateway = Gateway::start(&[("routes/steps.yaml", STEPS)]).await;
    let mut order = event("o-1", &json!({"orderId": 7, "priority": 2, "address": {"region": "eu"}, "total": 1}));
    order["level"] = json!("gold");
    let body = order.to_string().replace("\"total\":1", "\"total\":1.10");
    let request = gateway.http().post(gateway.ingress("/")).header("content-type", "application/cloudevents+json");
    assert_eq!(request.body(body).send().await.expect("an answer").status(), 202);
    wait_for("the delivery", Duration::from_secs(30), || async {
        (gateway.get("/api/v1/events/1").await["status"] == "delivered").then_some(())
    })
    .await;
    let sent = stream(&gateway, "changed", 1).await.remove(0);
    assert_eq!(sent["data"].to_string(), r#"{"id":7,"total":1.1,"who":"com.example.order"}"#);
    assert_eq!((&sent["region"], &sent["priority"], &sent["express"]), (&json!("eu"), &json!(2), &json!(true)));
    assert_eq!((&sent["tier"], &sent["level"]), (&json!("gold"), &Value::Null));
    assert_eq!(sent["source"], "urn:signalbox:EU%20orders");
    assert_eq!((&sent["causationid"], &sent["correlationid"]), (&json!("o-1"), &json!("o-1")));
    assert_eq!(sent["id"].as_str().map(str::len), Some(32));
    let detail = gateway.get("/api/v1/events/1").await;
    let keys: Vec<&Value> = detail["deliveries"].as_array().expect("a list").iter().map(|one| &one["key"]).collect();
    assert_eq!(keys, [&json!("eu"), &json!("eu")], "{detail}");
    assert_eq!(detail["event"]["id"], "o-1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_fails_is_a_dead_letter_and_never_half_an_event() {
    let gateway = Gateway::start(&[("routes/steps.yaml", STEPS)]).await;
    gateway.accept(&event("1", &json!({"orderId": 7, "priority": 2.5, "address": {"region": "eu"}}))).await;
    let dead = wait_for("dead letters", Duration::from_secs(30), || async {
        let dead = gateway.get("/api/v1/dead-letters").await["dead_letters"].clone();
        (dead.as_array().map_or(0, Vec::len) == 2).then_some(dead)
    })
    .await;
    for letter in dead.as_array().expect("a list") {
        assert_eq!((&letter["reason"], &letter["attempts"]), (&json!("transform"), &json!(1)));
        let detail = "step 1: jq: `priority` must be text, true, false or a whole number of 32 bits, not 2.5";
        assert_eq!(letter["detail"], detail, "{letter}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_searched_by_an_expression() {
    let gateway = Gateway::start(&[]).await;
    for number in 0..250 {
        let mut event = event(&format!("e{number}"), &json!(null));
        event["number"] = json!(number);
        gateway.accept(&event).await;
    }
    let ids = |page: &Value| -> Vec<String> {
        let events = page["events"].as_array().expect("a list");
        events.iter().map(|entry| entry["event"]["id"].as_str().expect("an id").to_owned()).collect()
    };
    let page = gateway.get("/api/v1/events?filter=number%20%25%20100%20=%207").await;
    assert_eq!(
        (ids(&page), &page["next"]),
        (vec!["e207".to_owned(), "e107".to_owned(), "e7".to_owned()], &Value::Null)
    );
    let page = gateway.get("/api/v1/events?filter=number%20%25%20100%20=%207&limit=2").await;
    assert_eq!(ids(&page), ["e207", "e107"]);
    let next = format!("/api/v1/events?filter=number%20%25%20100%20=%207&limit=2&after={}", page["next"]);
    assert_eq!(ids(&gateway.get(&next).await), ["e7"]);
    let bad =
        gateway.http().get(gateway.admin("/api/v1/events?filter=type%20==%20'a'")).send().await.expect("an answer");
    assert_eq!(bad.status(), 400);
    let problem: Value = serde_json::from_str(&bad.text().await.expect("a body")).expect("a problem");
    assert!(problem["detail"].as_str().expect("text").contains("column 6"), "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_programs_are_counted() {
    let config = format!("{}limits: {{jq_time: 1ms}}\n", super::support::gateway::PLAIN);
    let slow = "routes: [{name: slow, filters: [{jq: '[range(50000)] | length == 50000'}], deliver: [{destination: log, stream: s}]}]\n";
    let gateway = Gateway::start(&[("signalbox.yaml", &config), ("routes/slow.yaml", slow)]).await;
    let position = gateway.accept(&event("1", &json!(1))).await;
    assert_eq!(matched(&gateway, position).await, ["slow"]);
    let metrics = gateway.http().get(gateway.admin("/metrics")).send().await.expect("an answer");
    let text = metrics.text().await.expect("a page");
    assert!(text.contains("signalbox_jq_slow_total{route=\"slow\"}"), "{text}");
}
