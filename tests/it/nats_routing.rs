//! Filters, transforms, groups, splits and defaults together, into a real JetStream: what lands is what a plain reading of
//! the route file says, for every event.

use crate::support::gateway::Gateway;
use crate::support::nats::NatsServer;
use crate::support::wait_for;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const SOON: Duration = Duration::from_mins(1);
const EVENTS: usize = 120;

fn routes(server: &str) -> String {
    format!(
        r#"
destinations:
  - name: edge
    nats: {{servers: ["{server}"], ensure_stream: {{name: ALL, subjects: ["t.>"]}}}}
routes:
  - name: big
    first_match: orders
    filters:
      - sql: "type LIKE 'shop.order.%' AND EXISTS region"
      - jq: ".total >= 50 and ($event.region | startswith(\"e\"))"
    transform:
      - set: {{area: {{jq: .address.city}}, total: {{jq: .total}}}}
      - rename: {{region: market}}
      - jq: "{{sum: .total, from: $event.source}}"
    identity: derive
    deliver:
      - {{destination: edge, subject: "t.big.{{market}}.{{area:-nowhere}}", key: "{{market}}"}}
  - name: orders
    first_match: orders
    filters: [{{any: [{{prefix: {{type: shop.order.}}}}, {{all: [{{suffix: {{type: .refund}}}}, {{not: {{exact: {{region: us}}}}}}]}}]}}]
    key: "{{source}}"
    split:
      - {{weight: 3, deliver: [{{destination: edge, name: stable, subject: "t.stable.{{type}}", mode: binary}}]}}
      - {{weight: 1, deliver: [{{destination: edge, name: canary, subject: "t.canary.{{type}}"}}]}}
  - name: audit
    filters: [{{sql: "region IN ('us', 'eu') OR type = 'shop.mail'"}}]
    transform: [{{remove: [region]}}, {{set: {{audited: true, count: 5}}}}]
    deliver: [{{destination: edge, subject: "t.audit"}}]
  - name: rest
    default: true
    filters: [{{not: {{exact: {{type: shop.spam}}}}}}]
    deliver: [{{destination: edge, subject: "t.rest.{{subject:-none}}"}}]
"#
    )
}

/// The events in all mixtures.
fn event(number: usize) -> Value {
    let types = ["shop.order.created", "shop.order.paid", "pay.refund", "shop.mail", "shop.spam", "other"];
    let ty = types[number % types.len()];
    let city = ["Bonn", "Köln"][number % 2];
    let mut event = json!({
        "specversion": "1.0", "id": format!("e{number}"), "source": format!("/shop/{}", number % 7),
        "type": ty, "datacontenttype": "application/json",
        "data": {"total": number, "address": {"city": city}},
    });
    if let Some(region) = [Some("eu"), Some("us"), None][number / types.len() % 3] {
        event["region"] = region.into();
    }
    event
}

/// What the routes say of an event: the subjects it lands on, those of the split by their beginning.
fn subjects(event: &Value) -> BTreeSet<String> {
    let (ty, region) = (event["type"].as_str().unwrap(), event["region"].as_str());
    let total = event["data"]["total"].as_u64().unwrap();
    let mut subjects = BTreeSet::new();
    let mut matched = false;
    if ty.starts_with("shop.order.") && region.is_some_and(|region| region.starts_with('e')) && total >= 50 {
        let city = if event["data"]["address"]["city"] == "Bonn" { "Bonn" } else { "K%C3%B6ln" };
        subjects.insert(format!("t.big.{}.{city}", region.unwrap()));
        matched = true;
    } else if ty.starts_with("shop.order.") || ty.ends_with(".refund") && region != Some("us") {
        subjects.insert(format!("t.split.{ty}"));
        matched = true;
    }
    if matches!(region, Some("us" | "eu")) || ty == "shop.mail" && region.is_some() {
        subjects.insert("t.audit".to_owned());
        matched = true;
    }
    if !matched && ty != "shop.spam" {
        subjects.insert("t.rest.none".to_owned());
    }
    subjects
}

/// A message: its subject, with one word for both branches of the split, headers, and the payload where it is JSON.
struct Landed {
    subject: String,
    branch: Option<String>,
    /// The attributes, however they came.
    attributes: BTreeMap<String, Value>,
    data: Value,
}

fn landed(message: &async_nats::jetstream::message::StreamMessage) -> Landed {
    let subject = message.subject.to_string();
    let payload: Value = serde_json::from_slice(&message.payload).expect("JSON");
    let branch = ["stable", "canary"].into_iter().find(|name| subject.starts_with(&format!("t.{name}.")));
    let (attributes, data) = if branch == Some("stable") {
        let headers = message.headers.iter();
        let named = headers.filter_map(|(name, values)| {
            let name = name.to_string().to_ascii_lowercase();
            Some((name.strip_prefix("ce-")?.to_owned(), values.first()?.as_str().into()))
        });
        (named.collect(), payload)
    } else {
        let mut members = payload.as_object().expect("an object").clone();
        let data = members.remove("data").unwrap_or_default();
        (members.into_iter().collect(), data)
    };
    let subject = branch.map_or(subject.clone(), |name| subject.replace(name, "split"));
    Landed { subject, branch: branch.map(str::to_owned), attributes, data }
}

#[tokio::test]
async fn what_lands_is_what_the_routes_say() {
    let server = NatsServer::start();
    let gateway = Gateway::start(&[("routes/all.yaml", &routes(&server.url()))]).await;
    let events: Vec<Value> = (0..EVENTS).map(event).collect();
    for event in &events {
        gateway.accept(event).await;
    }
    let wanted: BTreeMap<String, BTreeSet<String>> =
        events.iter().map(|event| (event["id"].as_str().unwrap().to_owned(), subjects(event))).collect();
    let count: usize = wanted.values().map(BTreeSet::len).sum();
    wait_for("everything to land", SOON, || async {
        (server.count("ALL").await == u64::try_from(count).ok()).then_some(())
    })
    .await;
    let mut found: BTreeMap<String, BTreeSet<String>> = wanted.keys().map(|id| (id.clone(), BTreeSet::new())).collect();
    let mut branches: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for message in server.messages("ALL").await {
        let landed = landed(&message);
        let text = |name: &str| landed.attributes.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let derived = landed.subject.starts_with("t.big.");
        let id = if derived { text("causationid") } else { text("id") };
        let sent = &events[id[1..].parse::<usize>().unwrap()];
        assert!(found.get_mut(&id).unwrap().insert(landed.subject.clone()), "{id} landed twice on {}", landed.subject);
        if derived {
            assert_eq!((text("source"), text("market")), ("urn:signalbox:big".to_owned(), text("market")));
            assert_eq!(landed.attributes["total"], sent["data"]["total"]);
            assert!(!landed.attributes.contains_key("region") && text("market") == sent["region"]);
            assert_eq!(landed.data, json!({"sum": sent["data"]["total"], "from": sent["source"]}));
        } else {
            assert_eq!(landed.data, sent["data"], "data nobody changed");
        }
        if landed.subject == "t.audit" {
            assert!(!landed.attributes.contains_key("region"));
            assert_eq!((&landed.attributes["audited"], &landed.attributes["count"]), (&json!(true), &json!(5)));
        }
        if let Some(branch) = landed.branch {
            branches.entry(text("source")).or_default().insert(branch);
        }
    }
    assert_eq!(found, wanted);
    assert!(branches.values().all(|branches| branches.len() == 1), "one key, one branch: {branches:?}");
    let spam = gateway.get("/api/v1/events?type=shop.spam&status=unmatched&limit=1000").await;
    assert!(!spam["events"].as_array().unwrap().is_empty(), "{spam}");
}
