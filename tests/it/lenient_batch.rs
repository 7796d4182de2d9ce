//! `Prefer: handling=lenient` through the real binary: the good elements are stored, and each other one is told why not.

use crate::support::gateway::Gateway;
use serde_json::{Value, json};

const ROUTES: &str = "routes: [{name: all, deliver: [{destination: log, stream: all}]}]\n";
const BATCH: &str = "application/cloudevents-batch+json";
const SCHEMA: &str = r#"{"type":"object","required":["total"],"properties":{"total":{"type":"number"}}}"#;

async fn post(
    gateway: &Gateway,
    content_type: &str,
    prefer: Option<&str>,
    body: impl Into<reqwest::Body>,
) -> (reqwest::header::HeaderMap, u16, Value) {
    let mut request = gateway.http().post(gateway.ingress("/")).header("content-type", content_type).body(body);
    if let Some(prefer) = prefer {
        request = request.header("prefer", prefer);
    }
    let answer = request.send().await.expect("an answer");
    let (headers, status) = (answer.headers().clone(), answer.status().as_u16());
    let text = answer.text().await.expect("a body");
    (headers, status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

fn event(id: &str, total: &Value) -> Value {
    json!({"specversion": "1.0", "id": id, "source": "/s", "type": "order.created", "data": {"total": total}})
}

#[tokio::test]
async fn the_good_are_stored_and_each_other_one_is_told_why_not() {
    let files = [("routes/all.yaml", ROUTES), ("schemas/order.created/1.json", SCHEMA)];
    let gateway = Gateway::start(&files).await;
    gateway.accept(&event("known", &json!(1))).await;
    let large =
        json!({"specversion": "1.0", "id": "large", "source": "/s", "type": "t", "data": "x".repeat(600 << 10)});
    let batch = json!([
        event("a", &json!(1)),
        event("", &json!(1)),
        event("b", &json!("x")),
        event("known", &json!(1)),
        large,
        event("c", &json!(2)),
    ]);
    let (headers, status, list) =
        post(&gateway, BATCH, Some("respond-async, handling=lenient"), batch.to_string()).await;
    assert_eq!(
        (status, &headers["preference-applied"]),
        (202, &"handling=lenient".parse().expect("a value")),
        "{list}"
    );
    assert_eq!(
        (&headers["signalbox-position"], &headers["signalbox-duplicate"]),
        (&"2-3".parse().expect("a value"), &"3".parse().expect("a value"))
    );
    assert_eq!(list.as_array().map(Vec::len), Some(6), "{list}");
    assert_eq!((&list[0], &list[5]), (&json!({"index": 0, "position": 2}), &json!({"index": 5, "position": 3})));
    assert_eq!(list[3], json!({"index": 3, "position": 1, "duplicate": true}));
    for (index, status, code, pointer) in
        [(1, 400, "SB-1003", "/id"), (2, 422, "SB-1020", "/data/total"), (4, 413, "SB-1011", "")]
    {
        let problem = &list[index]["problem"];
        assert_eq!((&problem["status"], &problem["code"]), (&json!(status), &json!(code)), "{list}");
        assert_eq!(problem["errors"][0]["pointer"].as_str().unwrap_or_default(), pointer, "{list}");
    }
    assert_eq!(gateway.event_ids().await, ["known", "a", "c"]);
    let noted = gateway.get("/api/v1/rejections").await["rejections"][0].clone();
    assert_eq!((&noted["code"], &noted["status"]), (&json!("SB-1003"), &json!(400)), "{noted}");
    let (_, status, problem) = post(&gateway, BATCH, None, batch.to_string()).await;
    assert_eq!((status, &problem["code"]), (400, &json!("SB-1003")));
}

#[tokio::test]
async fn what_is_no_lenient_batch_is_answered_as_ever() {
    let gateway = Gateway::start(&[("routes/all.yaml", ROUTES)]).await;
    let lenient = Some("handling=lenient");
    let bad = json!({"specversion": "1.0", "id": "1"});
    for (content_type, body, status) in [
        (BATCH, json!([bad, bad]).to_string(), 400),
        (BATCH, "[{},".to_owned(), 400),
        ("application/cloudevents-batch+xml", "<batch/>".to_owned(), 400),
        ("application/cloudevents-batch+cbor", "[]".to_owned(), 415),
        ("application/cloudevents+json", bad.to_string(), 400),
        (BATCH, format!("[{}]", vec!["7"; 1001].join(",")), 413),
    ] {
        let (headers, found, problem) = post(&gateway, content_type, lenient, body).await;
        assert_eq!((found, &problem["status"]), (status, &json!(status)), "{content_type}: {problem}");
        assert!(!headers.contains_key("preference-applied"));
    }
    let (headers, status, list) = post(&gateway, BATCH, lenient, "[]".to_owned()).await;
    assert_eq!((status, list, headers.contains_key("signalbox-position")), (202, json!([]), false));
    let single = json!({"specversion": "1.0", "id": "1", "source": "/s", "type": "t"});
    let (headers, status, body) = post(&gateway, "application/cloudevents+json", lenient, single.to_string()).await;
    assert_eq!((status, body, headers.contains_key("preference-applied")), (202, Value::Null, false));
    let xml = |ty: &str| format!("<e:event specversion=\"1.0\"><e:id>x</e:id><e:source>/s</e:source>{ty}</e:event>");
    let batch = format!(
        "<e:batch xmlns:e=\"http://cloudevents.io/xmlformat/V1\">{}{}</e:batch>",
        xml(""),
        xml("<e:type>t</e:type>")
    );
    let (_, status, list) = post(&gateway, "application/cloudevents-batch+xml", lenient, batch).await;
    assert_eq!(
        (status, &list[0]["problem"]["errors"][0]["pointer"], &list[1]["position"]),
        (202, &json!("/type"), &json!(2))
    );
}

/// A field of a Protobuf message that holds bytes.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut length = content.len();
    let mut out = vec![number << 3 | 2];
    while length >= 0x80 {
        out.push(u8::try_from(length & 0x7f).expect("seven bits") | 0x80);
        length >>= 7;
    }
    out.push(u8::try_from(length).expect("seven bits"));
    out.extend_from_slice(content);
    out
}

/// An element of a Protobuf batch; its data as JSON text.
fn message(id: &str, ty: &str, data: &str) -> Vec<u8> {
    let media_type = [field(1, b"datacontenttype"), field(2, &field(3, b"application/json"))].concat();
    let parts = [(1, id.as_bytes()), (2, b"/s"), (3, b"1.0"), (4, ty.as_bytes()), (5, &media_type)];
    let parts =
        parts.iter().filter(|(_, content)| !content.is_empty()).map(|(number, content)| field(*number, content));
    field(1, &[parts.collect::<Vec<_>>().concat(), field(7, data.as_bytes())].concat())
}

#[tokio::test]
async fn a_protobuf_batch_is_judged_element_by_element() {
    const BATCH: &str = "application/cloudevents-batch+protobuf";
    let files = [("routes/all.yaml", ROUTES), ("schemas/order.created/1.json", SCHEMA)];
    let gateway = Gateway::start(&files).await;
    gateway.accept(&event("known", &json!(1))).await;
    let elements = [
        message("a", "order.created", r#"{"total":1}"#),
        message("", "order.created", r#"{"total":1}"#),
        message("b", "order.created", r#"{"total":"x"}"#),
        message("known", "order.created", r#"{"total":1}"#),
        message("large", "t", &"9".repeat(600 << 10)),
        // A message that ends inside of a field, and one whose text is not UTF-8.
        field(1, b"\x0a\x05x"),
        field(1, &field(1, b"\xff")),
        message("c", "order.created", r#"{"total":2}"#),
        // Not an element: an unknown field of the batch.
        field(9, b"x"),
    ];
    let (headers, status, list) = post(&gateway, BATCH, Some("handling=lenient"), elements.concat()).await;
    assert_eq!((status, headers.get("preference-applied").is_some()), (202, true), "{list}");
    assert_eq!(
        (&headers["signalbox-position"], &headers["signalbox-duplicate"]),
        (&"2-3".parse().expect("a value"), &"3".parse().expect("a value"))
    );
    assert_eq!(list.as_array().map(Vec::len), Some(8), "{list}");
    assert_eq!((&list[0], &list[7]), (&json!({"index": 0, "position": 2}), &json!({"index": 7, "position": 3})));
    assert_eq!(list[3], json!({"index": 3, "position": 1, "duplicate": true}));
    for (index, status, code, pointer) in [
        (1, 400, "SB-1003", "/id"),
        (2, 422, "SB-1020", "/data/total"),
        (4, 413, "SB-1011", ""),
        (5, 400, "SB-1002", ""),
        (6, 400, "SB-1002", ""),
    ] {
        let problem = &list[index]["problem"];
        assert_eq!((&problem["status"], &problem["code"]), (&json!(status), &json!(code)), "{list}");
        assert_eq!(problem["errors"][0]["pointer"].as_str().unwrap_or_default(), pointer, "{list}");
    }
    assert_eq!(gateway.event_ids().await, ["known", "a", "c"]);
    // The same without the preference: nothing is taken, and every bad element is named.
    let (_, status, problem) = post(&gateway, BATCH, None, elements.concat()).await;
    let indexes: Vec<_> =
        problem["errors"].as_array().expect("a list").iter().map(|one| one["index"].clone()).collect();
    assert_eq!((status, indexes), (400, vec![json!(1), json!(4), json!(5), json!(6)]), "{problem}");
    assert_eq!(gateway.event_ids().await.len(), 3);
    // A batch that cannot be split, and one of nothing.
    for (body, wanted) in [(&b"\x0a\x7fx"[..], 400), (b"\x08\x01", 400), (b"", 202)] {
        let (headers, status, _) = post(&gateway, BATCH, Some("handling=lenient"), body).await;
        assert_eq!((status, headers.contains_key("signalbox-position")), (wanted, false), "{body:?}");
    }
}

/// `events_received_total` of the listener by outcome, those that are not 0.
async fn counted(gateway: &Gateway) -> Vec<(String, u64)> {
    let page = gateway.http().get(gateway.admin("/metrics")).send().await.expect("an answer");
    let page = page.text().await.expect("a page");
    let read = |line: &str| {
        let rest = line.strip_prefix("signalbox_events_received_total{listener=\"public\",outcome=\"")?;
        let (outcome, count) = rest.split_once("\"} ")?;
        Some((outcome.to_owned(), count.parse().ok()?))
    };
    let mut counted: Vec<_> = page.lines().filter_map(read).filter(|(_, count)| *count > 0).collect();
    counted.sort();
    counted
}

#[tokio::test]
async fn each_event_of_a_refused_batch_counts_as_what_it_is() {
    let config =
        "listeners: [{name: public, address: \"127.0.0.1:0\", unmatched: reject}]\nadmin: {address: \"127.0.0.1:0\"}\n";
    let routes =
        "routes: [{name: some, filters: [{exact: {type: order.created}}], deliver: [{destination: log, stream: s}]}]\n";
    let files = [("signalbox.yaml", config), ("routes/a.yaml", routes), ("schemas/order.created/1.json", SCHEMA)];
    let gateway = Gateway::start(&files).await;
    let of = |outcomes: &[(&str, u64)]| -> Vec<(String, u64)> {
        outcomes.iter().map(|(outcome, count)| ((*outcome).to_owned(), *count)).collect()
    };
    let unwanted = || json!({"specversion": "1.0", "id": "u", "source": "/s", "type": "other"});
    // The first one decides the answer, and how the good ones count.
    let batch = json!([event("1", &json!("x")), unwanted(), event("2", &json!("y")), event("3", &json!(1))]);
    let (_, status, problem) = post(&gateway, BATCH, None, batch.to_string()).await;
    assert_eq!((status, &problem["code"]), (422, &json!("SB-1020")), "{problem}");
    assert_eq!(counted(&gateway).await, of(&[("invalid", 3), ("rejected", 1)]));
    let batch = json!([unwanted(), event("1", &json!("x")), event("2", &json!(1))]);
    let (_, status, problem) = post(&gateway, BATCH, None, batch.to_string()).await;
    assert_eq!((status, &problem["code"]), (422, &json!("SB-1024")), "{problem}");
    assert_eq!(counted(&gateway).await, of(&[("invalid", 4), ("rejected", 3)]));
    // One that is no event: the others were not looked at.
    let batch = json!([event("", &json!(1)), unwanted(), event("2", &json!(1))]);
    assert_eq!(post(&gateway, BATCH, None, batch.to_string()).await.1, 400);
    assert_eq!(counted(&gateway).await, of(&[("invalid", 7), ("rejected", 3)]));
    let batch = json!([event("", &json!(1)), unwanted()]);
    assert_eq!(post(&gateway, BATCH, Some("handling=lenient"), batch.to_string()).await.1, 400);
    assert_eq!(counted(&gateway).await, of(&[("invalid", 8), ("rejected", 4)]));
    assert_eq!(post(&gateway, BATCH, None, "[").await.1, 400);
    assert_eq!(counted(&gateway).await, of(&[("invalid", 9), ("rejected", 4)]));
}
