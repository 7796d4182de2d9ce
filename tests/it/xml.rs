//! Events in the XML format through a running gateway.

use crate::support::gateway::{Gateway, PLAIN};
use reqwest::{Client, Response};
use serde_json::{Value, json};

const NAMESPACES: &str = concat!(
    r#"xmlns="http://cloudevents.io/xmlformat/V1" xmlns:xs="http://www.w3.org/2001/XMLSchema" "#,
    r#"xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance""#
);

fn event(id: &str, elements: &str) -> String {
    format!(
        r#"<event {NAMESPACES} specversion="1.0"><id>{id}</id><source>/s</source><type>com.example.xml</type>{elements}</event>"#
    )
}

async fn post(gateway: &Gateway, media_type: &str, body: impl Into<Vec<u8>>) -> Response {
    let request = Client::new().post(gateway.ingress("/events")).header("content-type", media_type);
    request.body(body.into()).send().await.expect("an answer")
}

async fn post_event(gateway: &Gateway, body: impl Into<Vec<u8>>) -> Response {
    post(gateway, "application/cloudevents+xml", body).await
}

/// Status, code and pointers of a refusal.
async fn refusal(answer: Response) -> (u16, String, Vec<String>) {
    let status = answer.status().as_u16();
    let problem: Value = serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON");
    let pointers = problem["errors"].as_array().expect("errors").iter();
    let pointers = pointers.map(|error| error["pointer"].as_str().expect("a pointer").to_owned()).collect();
    (status, problem["code"].as_str().expect("a code").to_owned(), pointers)
}

#[tokio::test]
async fn an_event_and_a_batch_are_stored_as_they_came() {
    let gateway = Gateway::start(&[]).await;
    // Larger than what is parsed on an async thread.
    let data = format!("<o:order xmlns:o=\"urn:o\">\r\n <o:item>{}</o:item></o:order>", "x".repeat(20_000));
    let elements = format!(r#"<n xsi:type="ce:integer">7</n><data xsi:type="xs:any">{data}</data>"#);
    let answer = post_event(&gateway, event("1", &elements)).await;
    assert_eq!(answer.status(), 202);
    let stored = gateway.get("/api/v1/events/1").await;
    assert_eq!(stored["event"]["n"], 7);
    assert_eq!(stored["event"]["datacontenttype"], "application/xml");
    let kept = stored["event"]["data"].as_str().expect("a text");
    assert!(kept.starts_with("<o:order xmlns=\"http://cloudevents.io/xmlformat/V1\" xmlns:o=\"urn:o\">\r\n <o:item>"));

    let batch = format!("<batch {NAMESPACES}>{}{}</batch>", event("2", ""), event("3", ""));
    let answer = post(&gateway, "application/cloudevents-batch+xml", batch).await;
    assert_eq!(answer.status(), 202);
    assert_eq!(answer.headers()["signalbox-position"], "2-3");
    let empty = post(&gateway, "application/cloudevents-batch+xml", format!("<batch {NAMESPACES}/>")).await;
    assert_eq!((empty.status().as_u16(), empty.headers().get("signalbox-position")), (202, None));

    // The same event in another mode is the same event.
    let again = json!({"specversion": "1.0", "id": "2", "source": "/s", "type": "com.example.xml"});
    let answer = gateway.post(&again).await.expect("an answer");
    assert_eq!(answer.headers()["signalbox-position"], "2");
}

#[tokio::test]
async fn what_is_refused_says_where() {
    let limits = format!("{PLAIN}limits: {{xml_depth: 5, xml_attributes: 4, xml_namespaces: 6}}\n");
    let gateway = Gateway::start(&[("signalbox.yaml", &limits)]).await;
    let any = |data: &str| event("1", &format!(r#"<data xsi:type="xs:any">{data}</data>"#));
    assert_eq!(post_event(&gateway, any("<a><b><c/></b></a>")).await.status(), 202);
    for (body, status, code, pointers) in [
        (event("1", "<ext>x</ext>"), 400, "SB-1003", &["/ext"][..]),
        (event("", "<time>noon</time>"), 400, "SB-1003", &["/id", "/time"]),
        (event("1", "<id>2</id>"), 400, "SB-1002", &["/id"]),
        (format!("<!DOCTYPE event>{}", event("1", "")), 400, "SB-1002", &[]),
        (format!("<?xml version='1.0' encoding='latin1'?>{}", event("1", "")), 415, "SB-1004", &[]),
        (any("<a><b><c><d/></c></b></a>"), 400, "SB-1002", &[]),
        (any("<a b='' c='' d='' e='' f=''/>"), 400, "SB-1002", &[]),
        (any("<a xmlns:b='u' xmlns:c='u'><d xmlns:e='u' xmlns:f='u'/></a>"), 400, "SB-1002", &[]),
        ("x".repeat(600_000), 413, "SB-1011", &[]),
    ] {
        let (found, found_code, found_pointers) = refusal(post_event(&gateway, body.clone()).await).await;
        let shown = body.get(..300).unwrap_or(&body);
        assert_eq!((found, &*found_code), (status, code), "{shown}");
        assert_eq!(found_pointers, pointers, "{shown}");
    }
    let batch = format!("<batch {NAMESPACES}>{}{}</batch>", event("2", ""), event("3", "<ext>x</ext>"));
    let refused = refusal(post(&gateway, "application/cloudevents-batch+xml", batch).await).await;
    assert_eq!(refused, (400, "SB-1003".to_owned(), vec!["/1/ext".to_owned()]));
    let utf16 = post(&gateway, "application/cloudevents+xml; charset=utf-16", event("1", "")).await;
    assert_eq!(utf16.status(), 415);
}
