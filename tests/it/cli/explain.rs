//! `explain` on the files at hand: filters, steps, messages, verdict, exit codes.

use super::{Ended, command, ended};
use serde_json::{Value, json};
use std::fs;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;

const ROUTES: &str = r#"
destinations:
  - {name: k, kafka: {brokers: ["localhost:1"]}}
  - {name: n, nats: {servers: ["nats://localhost:1"]}}
  - {name: crm, http: {url: "https://crm.example/in"}}
  - {name: nowhere, discard: {}}
conversions:
  - {name: order-xml, root: order}
routes:
  - name: orders
    filters:
      - exact: {type: order}
      - any: [{prefix: {source: /shop/eu}}, {sql: "EXISTS region AND region = 'eu'"}]
      - jq: ".total > 0"
    transform:
      - set: {region: "{region:-none}"}
      - jq: "{sum: .total}"
    deliver:
      - {destination: k, topic: "orders.{region}", key: "{id}"}
      - {destination: n, subject: "orders.{type}"}
      - {destination: crm, mode: structured, format: protobuf}
      - {destination: crm, name: broken, url: "/{missing}"}
      - {destination: log, stream: all}
  - name: xml
    filters: [{exact: {type: order}}]
    transform: [{convert: {to: application/xml, rules: order-xml}}, {set: {note: "{missing}"}}]
    deliver: [{destination: nowhere}]
  - name: sums
    filters: [{sql: "count + 1 = 3"}, {sql: "1 / nothing = 1"}]
    deliver: [{destination: nowhere}]
  - {name: trial, shadow: true, deliver: [{destination: nowhere, mode: structured, format: xml}]}
  - {name: rest, default: true, deliver: [{destination: nowhere}]}
  - name: canary
    filters: [{exact: {type: other}}]
    split: [{weight: 0, deliver: [{destination: nowhere}]}, {weight: 3, deliver: [{destination: log, stream: canary}]}]
"#;

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("schemas/order")).unwrap();
    fs::create_dir(folder.path().join("routes")).unwrap();
    fs::write(folder.path().join("routes/a.yaml"), ROUTES).unwrap();
    let schema = r#"{"type": "object", "properties": {"total": {"type": "number", "minimum": 0}}}"#;
    fs::write(folder.path().join("schemas/order/1.json"), schema).unwrap();
    folder
}

async fn explain(arguments: &[&str], input: &str) -> Ended {
    let folder = folder();
    let mut child = command(&[&["explain"], arguments].concat())
        .current_dir(folder.path())
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).await.unwrap();
    ended(child).await
}

fn event(more: &Value) -> String {
    let mut event = json!({"specversion": "1.0", "id": "7", "source": "/shop/eu/1", "type": "order"});
    event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    event.to_string()
}

/// A route of the document.
fn route<'d>(document: &'d Value, name: &str) -> &'d Value {
    document["routes"].as_array().unwrap().iter().find(|route| route["route"] == name).unwrap()
}

#[tokio::test]
async fn every_filter_is_told_with_what_it_saw() {
    let told = explain(&["-", "-o", "json"], &event(&json!({"count": 2, "data": {"total": 5}}))).await;
    assert_eq!((told.code, told.stderr.as_str()), (0, ""));
    let document = told.json();
    assert_eq!(document["verdict"], json!({"schema": "order/1", "valid": true, "code": null, "errors": []}));
    let filters = &route(&document, "orders")["filters"];
    assert_eq!(
        filters[0],
        json!({"dialect": "exact", "filter": {"type": "order"}, "matched": true, "saw": {"type": "order"}, "reason": null})
    );
    assert_eq!(
        filters[1]["filter"],
        json!([{"prefix": {"source": "/shop/eu"}}, {"sql": "EXISTS region AND region = 'eu'"}])
    );
    let within: Vec<&Value> = filters[1]["filters"].as_array().unwrap().iter().map(|one| &one["matched"]).collect();
    assert_eq!(within, [true, false]);
    assert_eq!((&filters[2]["dialect"], &filters[2]["saw"]), (&json!("jq"), &json!(true)));
    // All filters are evaluated, whatever the first says; an error has its kind.
    let sums = route(&document, "sums");
    assert_eq!(
        (&sums["matched"], &sums["filters"][0]["value"], &sums["filters"][0]["error"]),
        (&json!(false), &json!(true), &json!(null))
    );
    assert_eq!(sums["filters"][1]["error"], "missingAttribute");
    assert!(sums["reason"].as_str().unwrap().contains("1 / nothing"), "{sums}");
    assert_eq!(route(&document, "rest")["reason"], "default: route `orders` took the event");
    assert_eq!(route(&document, "rest")["deliveries"], json!([]));
    let trial = route(&document, "trial");
    assert_eq!((&trial["shadow"], &trial["matched"]), (&json!(true), &json!(true)));
    assert!(trial["deliveries"][0]["data"].as_str().unwrap().contains("<ce:id>7</ce:id>"));
}

#[tokio::test]
async fn steps_and_messages_are_told() {
    let told = explain(&["-", "-o", "json"], &event(&json!({"data": {"total": 5}}))).await;
    let text = told.stdout.clone();
    let document = told.json();
    let orders = route(&document, "orders");
    let steps = orders["transform"].as_array().unwrap();
    assert_eq!(steps.iter().map(|step| &step["step"]).collect::<Vec<_>>(), ["set", "jq"]);
    assert_eq!((&steps[0]["before"]["region"], &steps[0]["after"]["region"]), (&json!(null), &json!("none")));
    assert_eq!((&steps[1]["before"]["data"], &steps[1]["after"]["data"]), (&json!({"total": 5}), &json!({"sum": 5})));
    let deliveries = &orders["deliveries"];
    let kafka = &deliveries[0];
    assert_eq!(
        (&kafka["name"], &kafka["target"], &kafka["key"], &kafka["partition"], &kafka["mode"], &kafka["data"]),
        (&json!("k"), &json!("orders.none"), &json!("7"), &json!(null), &json!("binary"), &json!({"sum": 5}))
    );
    assert_eq!(kafka["headers"]["ce_region"], "none");
    assert!(kafka["headers"].get("traceparent").is_none() && kafka["headers"].get("ce_traceparent").is_some());
    assert_eq!((&deliveries[1]["mode"], &deliveries[1]["data"]["data"]), (&json!("structured"), &json!({"sum": 5})));
    assert!(deliveries[2]["data_base64"].is_string() && deliveries[2].get("data").is_none(), "{text}");
    assert_eq!((&deliveries[3]["reason"], &deliveries[3]["target"]), (&json!("template"), &json!(null)));
    assert!(deliveries[3]["error"].as_str().unwrap().contains("`missing`"));
    assert_eq!((&deliveries[4]["target"], &deliveries[4]["mode"]), (&json!("all"), &json!(null)));
    let xml = route(&document, "xml");
    assert_eq!(xml["transform"][0]["after"]["data"], "<order><total>5</total></order>");
    assert_eq!(xml["transform"][1]["after"], json!(null));
    assert!(xml["transform"][1]["error"].as_str().unwrap().contains("needs attribute `missing`"));
    assert_eq!(xml["deliveries"][0]["reason"], "template");
}

#[tokio::test]
async fn an_event_that_its_schema_refuses_is_explained_and_what_is_no_event_is_not() {
    let told = explain(&["-", "-o", "json"], &event(&json!({"data": {"total": -1}}))).await;
    let verdict = &told.json()["verdict"];
    assert_eq!((told.code, &verdict["valid"], &verdict["code"]), (0, &json!(false), &json!("SB-1020")));
    assert_eq!((&verdict["schema"], &verdict["errors"][0]["pointer"]), (&json!("order/1"), &json!("/data/total")));
    for input in ["{}", "[]", "", "[1]"] {
        let refused = explain(&["-"], input).await;
        assert_eq!((refused.code, refused.stdout.as_str()), (65, ""), "{input}");
        assert!(refused.stderr.contains("SB-100"), "{}", refused.stderr);
    }
    assert_eq!(explain(&["nothing-here.json"], "").await.code, 65);
}

#[tokio::test]
async fn people_read_it_in_lines() {
    let told = explain(&["-"], &event(&json!({"data": {"total": 5}}))).await;
    for line in [
        "event  order from /shop/eu/1, id 7",
        "schema order/1: valid",
        "routes taken by orders, xml",
        "route orders: takes it",
        "    false sql `EXISTS region AND region = 'eu'`: the value is FALSE",
        "    + region: \"none\"",
        "  deliver to k `orders.none`, key `7`, binary",
        "    dead letter template: url `https://crm.example/in/{missing}` needs attribute `missing`, which the event does not have",
        "shadow route trial: would take it",
        "route rest: does not take it: default: route `orders` took the event",
    ] {
        assert!(told.stdout.lines().any(|found| found == line), "{line}\n{}", told.stdout);
    }
    let one = explain(&["--type", "more", "--data", "{}", "--route", "rest"], "").await;
    assert!(one.stdout.contains("route rest: takes it") && !one.stdout.contains("orders"), "{}", one.stdout);
    let split = explain(&["--type", "other", "--route", "canary"], "").await;
    assert!(
        split.stdout.contains("  split, by its key branch 2 (weight 3)\n  deliver to log `canary`"),
        "{}",
        split.stdout
    );
    let unknown = explain(&["--type", "other", "--route", "rset"], "").await;
    assert!(unknown.code == 65 && unknown.stderr.contains("did you mean `rest`?"), "{}", unknown.stderr);
}

#[tokio::test]
async fn what_was_filled_in_is_never_shown() {
    let folder = folder();
    let routes = r#"
destinations:
  - {name: crm, http: {url: "https://crm.example/${env:CANARY}/in"}}
routes:
  - name: secrets
    filters:
      - exact: {token: "${env:CANARY}"}
      - any: [{sql: "token = '${env:CANARY}'"}, {jq: '.x == "${env:CANARY}"'}]
      - not: {prefix: {token: "${env:CANARY}"}}
    deliver: [{destination: crm}]
  - {name: taken, deliver: [{destination: crm}]}
"#;
    fs::write(folder.path().join("routes/a.yaml"), routes).unwrap();
    for arguments in [&["explain", "--type", "t"][..], &["explain", "--type", "t", "-o", "json"]] {
        let child = command(arguments).env("CANARY", "canary").current_dir(folder.path()).spawn().unwrap();
        let told = ended(child).await;
        assert_eq!((told.code, told.stderr.as_str()), (0, ""));
        assert!(told.stdout.contains("was filled in and is not shown"), "{}", told.stdout);
        assert!(!told.stdout.contains("canary"), "{}", told.stdout);
    }
    let matching = command(&["explain", "--type", "t", "--extension", "token=canary", "-o", "json"])
        .env("CANARY", "canary")
        .current_dir(folder.path())
        .spawn()
        .unwrap();
    let document = ended(matching).await.json();
    let filters = &route(&document, "secrets")["filters"];
    assert_eq!((&filters[0]["matched"], &filters[0]["filter"]), (&json!(true), &json!("…")));
    assert_eq!((&filters[1]["matched"], &filters[1]["filters"][0]["value"]), (&json!(true), &json!(true)));
}

#[tokio::test]
async fn a_folder_that_was_named_and_is_not_there_is_told() {
    for arguments in [&["explain", "--type", "t"][..], &["test"]] {
        let told = ended(command(&[arguments, &["--routes-dir", "nope"]].concat()).spawn().unwrap()).await;
        assert_eq!(told.code, 78, "{arguments:?}");
        assert!(format!("{}{}", told.stdout, told.stderr).contains("there is no such folder"), "{arguments:?}");
    }
}

#[tokio::test]
async fn what_nobody_takes_and_what_a_shadow_is_compared_with_are_told() {
    let folder = folder();
    let routes = r"
routes:
  - {name: live, filters: [{exact: {type: order}}], deliver: [{destination: log, stream: live}]}
  - {name: next, shadow: {of: live}, deliver: [{destination: log, stream: next}]}
";
    fs::write(folder.path().join("routes/a.yaml"), routes).unwrap();
    let run = async |arguments: &[&str]| {
        let arguments = [&["explain", "--type", "mail"], arguments].concat();
        ended(command(&arguments).current_dir(folder.path()).spawn().unwrap()).await
    };
    let document = run(&["-o", "json"]).await.json();
    assert_eq!((&document["unmatched"], &route(&document, "next")["of"]), (&json!("accept"), &json!("live")));
    assert!(route(&document, "live").get("of").is_none());
    let config = "listeners: [{name: public, address: \"127.0.0.1:0\", unmatched: reject}]\n";
    fs::write(folder.path().join("signalbox.yaml"), config).unwrap();
    assert_eq!(run(&["-o", "json"]).await.json()["unmatched"], "reject");
    let told = run(&[]).await.stdout;
    for line in [
        "routes none takes it, so it would be refused (SB-1024): unmatched: reject",
        "shadow route next of live: would take it",
    ] {
        assert!(told.lines().any(|told| told == line), "{line} in\n{told}");
    }
    let nope = run(&["--route", "nxt"]).await;
    assert_eq!((nope.code, nope.stdout.as_str()), (65, ""));
    assert!(nope.stderr.starts_with("error[SB-4041]") && nope.stderr.contains("`next`?"), "{}", nope.stderr);
}
