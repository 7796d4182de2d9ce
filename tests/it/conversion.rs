//! Payload conversion through a running gateway: the `convert` step, its dead letters, XML data checked by a schema.

use crate::support::gateway::Gateway;
use crate::support::wait_for;
use serde_json::{Value, json};
use std::time::Duration;

const ROUTES: &str = "conversions:
  - name: order-xml
    root: order
    namespace: \"urn:example:order\"
    attributes: [/id, /items/*/sku]
    lists: {/items: item, /tags: null}
routes:
  - name: analysis
    filters: [{exact: {type: com.example.order}}]
    transform:
      - convert: {to: application/xml, rules: order-xml}
      - set: {format: xml}
    deliver: [{destination: log, stream: analysis}]
  - name: plain
    filters: [{exact: {type: com.example.xml}}]
    transform: [{convert: {to: application/json, rules: order-xml}}]
    deliver: [{destination: log, stream: plain}]
";
const SCHEMA: &str = r#"{"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}, "total": {"type": "number", "minimum": 1}}}"#;

async fn gateway() -> Gateway {
    let files = [
        ("routes/all.yaml", ROUTES),
        ("schemas/com.example.xml/1.json", SCHEMA),
        ("schemas/com.example.xml/conversion", "order-xml\n"),
    ];
    Gateway::start(&files).await
}

fn event(id: &str, ty: &str, data: &Value) -> Value {
    json!({"specversion": "1.0", "id": id, "source": "/shop", "type": ty,
        "dataschema": "https://example.com/com.example.xml/1", "data": data})
}

async fn settled(gateway: &Gateway, position: u64) -> Value {
    wait_for("the delivery", Duration::from_secs(10), async || {
        let told = gateway.get(&format!("/api/v1/events/{position}")).await;
        (told["status"] != "pending").then_some(told)
    })
    .await
}

/// The first event of a stream of the log.
async fn first_of(gateway: &Gateway, stream: &str) -> Value {
    let request = reqwest::Client::new().get(gateway.admin(&format!("/api/v1/events/stream?stream={stream}")));
    let mut answer = request.header("last-event-id", "0").send().await.expect("an answer");
    let mut text = String::new();
    while !text.contains("\n\n") || !text.contains("data: ") {
        let chunk = tokio::time::timeout(Duration::from_secs(10), answer.chunk()).await.expect("more of the stream");
        text.push_str(std::str::from_utf8(&chunk.expect("no fault").expect("no end")).expect("text"));
    }
    let data = text.lines().find_map(|line| line.strip_prefix("data: ")).expect("data");
    serde_json::from_str(data).expect("JSON")
}

#[tokio::test]
async fn a_stream_gets_xml_and_the_accepted_event_stays_json() {
    let gateway = gateway().await;
    let data = json!({"id": 7, "items": [{"sku": "lamp", "note": "a < b"}], "tags": ["x", "y"], "gone": null});
    let position = gateway.accept(&event("1", "com.example.order", &data)).await;
    let told = settled(&gateway, position).await;
    assert_eq!(told["status"], "delivered");
    assert_eq!(told["event"]["data"], data);
    let stored = first_of(&gateway, "analysis").await;
    let xml = "<order xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xmlns=\"urn:example:order\" id=\"7\">\
        <items><item sku=\"lamp\"><note>a &lt; b</note></item></items><tags>x</tags><tags>y</tags>\
        <gone xsi:nil=\"true\"/></order>";
    assert_eq!((&stored["data"], &stored["datacontenttype"]), (&json!(xml), &json!("application/xml")));
    assert_eq!((&stored["dataschema"], &stored["format"]), (&Value::Null, &json!("xml")));
}

#[tokio::test]
async fn data_that_does_not_fit_is_a_dead_letter_with_its_place() {
    let gateway = gateway().await;
    let data = json!({"items": [{"sku": {"no": "scalar"}}]});
    let position = gateway.accept(&event("1", "com.example.order", &data)).await;
    assert_eq!(settled(&gateway, position).await["status"], "dead");
    let letters = gateway.get("/api/v1/dead-letters").await;
    let letter = &letters["dead_letters"][0];
    assert_eq!((&letter["reason"], &letter["route"]), (&json!("conversion"), &json!("analysis")));
    let detail = letter["detail"].as_str().expect("a detail");
    assert!(detail.contains("`/items/0/sku`: `attributes` names it, but it is an object"), "{detail}");
}

#[tokio::test]
async fn xml_data_of_a_governed_type_is_checked_in_its_json_form() {
    let gateway = gateway().await;
    let post = async |id: &str, data: &str| {
        let request = reqwest::Client::new().post(gateway.ingress("/")).body(data.to_owned());
        let attributes = [("specversion", "1.0"), ("id", id), ("source", "/s"), ("type", "com.example.xml")];
        let request = attributes
            .iter()
            .fold(request, |request, (name, value)| request.header(format!("ce-{name}"), *value))
            .header("content-type", "application/xml");
        let answer = request.send().await.expect("an answer");
        let status = answer.status().as_u16();
        if let Some(position) = answer.headers().get("signalbox-position") {
            let position = position.to_str().expect("a text").parse().expect("a number");
            assert_eq!(settled(&gateway, position).await["status"], "delivered");
        }
        (status, serde_json::from_str(&answer.text().await.expect("a body")).unwrap_or(Value::Null))
    };
    let (status, _) = post("1", "<o:order xmlns:o='urn:example:order' id='7'><o:total>1.50</o:total></o:order>").await;
    assert_eq!(status, 202);
    let stored = first_of(&gateway, "plain").await;
    assert_eq!(stored["data"].to_string(), r#"{"id":7,"total":1.5}"#);
    assert_eq!(stored["datacontenttype"], "application/json");

    let (status, problem) = post("2", "<order xmlns='urn:example:order' id='x'><total>0</total></order>").await;
    let mut pointers: Vec<&str> =
        problem["errors"].as_array().expect("errors").iter().filter_map(|error| error["pointer"].as_str()).collect();
    pointers.sort_unstable();
    assert_eq!((status, pointers), (422, vec!["/data/id", "/data/total"]), "{problem}");
    for refused in ["<order id='7'/>", "<!DOCTYPE order><order xmlns='urn:example:order' id='7'/>", "<order", "{}"] {
        let (status, problem) = post("3", refused).await;
        assert_eq!((status, &problem["code"]), (422, &json!("SB-1023")), "{refused}: {problem}");
    }
}
