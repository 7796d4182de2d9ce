//! The admin API of a running gateway: the shapes of design.md §4, paging, the stream, and who may ask.

use super::support::gateway::Gateway;
use super::support::wait_for;
use serde_json::{Value, json};
use std::time::Duration;

const ROUTES: &str = "destinations:
  - {name: nowhere, discard: {}}
routes:
  - name: orders
    filters: [{exact: {type: com.example.order}}]
    deliver: [{destination: log, stream: orders}, {destination: nowhere}]
  - name: mails
    filters: [{exact: {type: com.example.mail}}]
    deliver: [{destination: log, stream: mails}]
";
const SCHEMA: &str = r#"{"$id": "https://example.com/order/1", "type": "object", "required": ["total"]}"#;

async fn gateway() -> Gateway {
    Gateway::start(&[("routes/all.yaml", ROUTES), ("schemas/com.example.order/1.json", SCHEMA)]).await
}

fn event(id: &str, ty: &str) -> Value {
    json!({"specversion": "1.0", "id": id, "source": "/shop", "type": ty, "data": {"total": 1.50}})
}

async fn ask(gateway: &Gateway, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let client = reqwest::Client::new();
    let request =
        headers.iter().fold(client.get(gateway.admin(path)), |request, (name, value)| request.header(*name, *value));
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("a body"))
}

fn ids(page: &Value) -> Vec<&str> {
    let events = page["events"].as_array().expect("a list");
    events.iter().map(|event| event["event"]["id"].as_str().expect("an id")).collect()
}

#[tokio::test]
async fn one_event_is_told_whole() {
    let gateway = gateway().await;
    let position = gateway.accept(&event("1", "com.example.order")).await;
    let path = format!("/api/v1/events/{position}");
    let told = wait_for("the delivery", Duration::from_secs(10), async || {
        let told = gateway.get(&path).await;
        (told["status"] == "delivered").then_some(told)
    })
    .await;
    assert_eq!(told["position"], position);
    assert_eq!(told["listener"], "public");
    assert_eq!(told["producer"], Value::Null);
    assert_eq!(told["event"]["data"], json!({"total": 1.50}));
    assert_eq!(told["verdict"], json!({"schema": "com.example.order/1", "valid": true}));
    let routes = told["routes"].as_array().expect("a list");
    assert_eq!(routes[0], json!({"route": "orders", "matched": true, "reason": null}));
    assert_eq!((&routes[1]["route"], &routes[1]["matched"]), (&json!("mails"), &json!(false)));
    assert!(routes[1]["reason"].as_str().is_some_and(|reason| reason.contains("com.example.order")), "{routes:?}");
    let deliveries = told["deliveries"].as_array().expect("a list");
    assert_eq!(deliveries.len(), 2);
    let told = [(&deliveries[0], "log", json!("orders")), (&deliveries[1], "nowhere", Value::Null)];
    for (delivery, destination, target) in told {
        assert_eq!(delivery["destination"], destination);
        assert_eq!(delivery["target"], target, "{delivery}");
        assert_eq!(delivery["status"], "delivered");
        let attempt = &delivery["attempts"][0];
        assert_eq!(
            (&attempt["number"], &attempt["outcome"], &attempt["code"]),
            (&json!(1), &json!("delivered"), &Value::Null)
        );
        assert!(attempt["started"].as_str() <= attempt["ended"].as_str(), "{attempt}");
    }
    let (status, body) = ask(&gateway, "/api/v1/events/999", &[]).await;
    assert!(status == 404 && body.contains("SB-1015"), "{body}");
    assert_eq!(ask(&gateway, "/api/v1/events/x", &[]).await.0, 404);
}

#[tokio::test]
async fn the_log_is_searched_and_paged() {
    let gateway = gateway().await;
    for n in 0..7 {
        let ty = if n % 2 == 0 { "com.example.order" } else { "com.example.other" };
        gateway.accept(&event(&n.to_string(), ty)).await;
    }
    let all = gateway.get("/api/v1/events").await;
    assert_eq!(ids(&all), ["6", "5", "4", "3", "2", "1", "0"]);
    assert_eq!(all["next"], Value::Null);
    assert!(all["events"][0]["event"].get("data").is_none(), "the list leaves data out");
    let whole = gateway.get("/api/v1/events?data=true&limit=1").await;
    assert_eq!(whole["events"][0]["event"]["data"], event("6", "com.example.order")["data"]);

    let client = reqwest::Client::new();
    let (mut found, mut url) = (Vec::new(), gateway.admin("/api/v1/events?source=%2Fshop&limit=3"));
    loop {
        let answer = client.get(&url).send().await.expect("an answer");
        let link = answer.headers().get("link").map(|link| link.to_str().expect("a text").to_owned());
        let page: Value = serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON");
        found.extend(ids(&page).into_iter().map(str::to_owned));
        assert_eq!(link.is_some(), page["next"] != Value::Null);
        let Some(link) = link else { break };
        url = gateway.admin(link.split(['<', '>']).nth(1).expect("a link"));
    }
    assert_eq!(found, ["6", "5", "4", "3", "2", "1", "0"]);

    assert_eq!(ids(&gateway.get("/api/v1/events?type=com.example.order&limit=2").await), ["6", "4"]);
    assert_eq!(ids(&gateway.get("/api/v1/events?route=orders&id=2").await), ["2"]);
    assert_eq!(ids(&gateway.get("/api/v1/events?status=unmatched").await), ["5", "3", "1"]);
    assert_eq!(ids(&gateway.get("/api/v1/events?status=dead").await), [""; 0]);
    wait_for("the deliveries", Duration::from_secs(10), async || {
        (ids(&gateway.get("/api/v1/events?status=delivered").await) == ["6", "4", "2", "0"]).then_some(())
    })
    .await;
    for bad in [
        "data=yes",
        "limit=0",
        "limit=1001",
        "status=lost",
        "since=then",
        "after=x",
        "trace=1",
        "filter=a==1",
        "colour=red",
    ] {
        let (status, body) = ask(&gateway, &format!("/api/v1/events?{bad}"), &[]).await;
        assert!(status == 400 && body.contains("SB-1035"), "{bad}: {body}");
    }
}

#[tokio::test]
async fn the_stream_begins_where_it_is_asked_to_and_goes_on_live() {
    let gateway = gateway().await;
    gateway.accept(&event("1", "com.example.order")).await;
    gateway.accept(&event("2", "com.example.mail")).await;
    let client = reqwest::Client::new();
    let open = async |path: &str, last: Option<&str>| {
        let request = client.get(gateway.admin(path));
        let request = last.into_iter().fold(request, |request, last| request.header("last-event-id", last));
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        answer
    };
    let mut whole = open("/api/v1/events/stream", Some("0")).await;
    let mut live = open("/api/v1/events/stream", None).await;
    let mut mails = open("/api/v1/events/stream?stream=mails", Some("0")).await;
    let third = gateway
        .accept(&json!({"specversion": "1.0", "id": "3", "source": "/s", "type": "com.example.mail", "data": {"a": 1}}))
        .await;

    let whole = read_events(&mut whole, 3).await;
    assert_eq!(
        whole.iter().map(|(_, event)| event["id"].as_str().expect("an id")).collect::<Vec<_>>(),
        ["1", "2", "3"]
    );
    assert_eq!(whole[2].0, third);
    assert_eq!(read_events(&mut live, 1).await[0].0, third);
    let mails = read_events(&mut mails, 2).await;
    assert!(mails.iter().all(|(_, event)| event["type"] == "com.example.mail"));
    assert_eq!(ask(&gateway, "/api/v1/events/stream", &[("last-event-id", "x")]).await.0, 400);
}

async fn read_events(answer: &mut reqwest::Response, wanted: usize) -> Vec<(u64, Value)> {
    let mut text = String::new();
    while text.matches("\ndata: ").count() < wanted || !text.ends_with("\n\n") {
        let chunk = tokio::time::timeout(Duration::from_secs(10), answer.chunk()).await.expect("more of the stream");
        text.push_str(std::str::from_utf8(&chunk.expect("no fault").expect("no end")).expect("text"));
    }
    let message = |text: &str| {
        let line = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
        assert_eq!(line("event: ").as_deref(), Some("event"), "{text}");
        let id = line("id: ").expect("an id").parse().expect("a position");
        (id, serde_json::from_str(&line("data: ").expect("data")).expect("JSON"))
    };
    text.split("\n\n").filter(|text| text.contains("data: ")).map(message).collect()
}

#[tokio::test]
async fn what_is_loaded_and_what_was_refused() {
    let gateway = gateway().await;
    let refused = gateway
        .post(&json!({"specversion": "1.0", "id": "bad", "source": "/s", "type": "com.example.order", "data": {}}))
        .await;
    assert_eq!(refused.expect("an answer").status(), 422);
    let rejections = gateway.get("/api/v1/rejections").await;
    let first = &rejections["rejections"][0];
    assert_eq!(
        (&first["status"], &first["code"], &first["listener"]),
        (&json!(422), &json!("SB-1020"), &json!("public"))
    );
    assert_eq!(first["problems"][0]["pointer"], "/data/total");

    let routes = gateway.get("/api/v1/routes").await;
    assert_eq!(routes["last_reload"]["outcome"], "ok");
    assert_eq!(routes["last_reload"]["problems"], json!([]));
    assert!(routes["version"].as_str().is_some_and(|version| !version.is_empty()));
    assert_eq!(routes["routes"][0]["name"], "orders");
    assert_eq!(routes["routes"][0]["lanes"][1]["destination"], "nowhere");
    assert!(routes["routes"][0]["file"].as_str().is_some_and(|file| file.ends_with("routes/all.yaml")), "{routes}");

    let schemas = gateway.get("/api/v1/schemas").await;
    let expected = json!([{"type": "com.example.order", "version": "1", "kind": "json_schema", "id": "https://example.com/order/1"}]);
    assert_eq!(schemas["schemas"], expected);
    let destinations = gateway.get("/api/v1/destinations").await;
    let mut kinds: Vec<_> = destinations["destinations"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| (one["name"].as_str(), one["kind"].as_str()))
        .collect();
    kinds.sort_unstable();
    assert_eq!(kinds, [(Some("log"), Some("log")), (Some("nowhere"), Some("discard"))]);
    assert_eq!(gateway.get("/api/v1/dead-letters").await, json!({"dead_letters": [], "next": null}));
    assert_eq!(gateway.get("/openapi.json").await["openapi"], "3.1.0");
}

#[tokio::test]
async fn a_removed_entry_leaves_dead_letters_that_are_listed_with_their_event() {
    // A server that is not there keeps the events waiting until their entry is gone.
    let routes = "destinations:
  - {name: far, nats: {servers: [\"nats://127.0.0.1:1\"]}}
routes:
  - name: r
    deliver: [{destination: far, subject: a.b}]
";
    let gateway = Gateway::start(&[("routes/all.yaml", routes)]).await;
    let position = gateway.accept(&event("1", "com.example.any")).await;
    assert_eq!(ids(&gateway.get("/api/v1/events?status=pending").await), ["1"]);
    let waiting = gateway.get(&format!("/api/v1/events/{position}")).await;
    assert_eq!(waiting["deliveries"][0]["target"], "a.b", "{waiting}");
    gateway.write("routes/all.yaml", "destinations: []\nroutes: []\n");
    let dead = wait_for("the dead letter", Duration::from_secs(20), async || {
        let list = gateway.get("/api/v1/dead-letters?route=r").await;
        list["dead_letters"].get(0).cloned()
    })
    .await;
    assert_eq!(
        (&dead["position"], &dead["reason"], &dead["name"]),
        (&json!(position), &json!("route_removed"), &json!("far"))
    );
    assert_eq!(dead["event"]["data"], json!({"total": 1.50}));
    assert_eq!(gateway.get("/api/v1/dead-letters?route=other").await["dead_letters"], json!([]));
    assert_eq!(ids(&gateway.get("/api/v1/events?status=dead").await), ["1"]);
    let told = gateway.get(&format!("/api/v1/events/{position}")).await;
    assert_eq!((&told["status"], &told["deliveries"][0]["status"]), (&json!("dead"), &json!("dead")));
}

#[tokio::test]
async fn only_requests_that_name_the_admin_listener_are_answered_but_probes_answer_all() {
    let gateway = gateway().await;
    let foreign = [("host", "evil.example")];
    for path in ["/api/v1/events", "/openapi.json", "/", "/nothing"] {
        let (status, body) = ask(&gateway, path, &foreign).await;
        assert!(status == 403 && body.contains("SB-1034"), "{path}: {status} {body}");
    }
    let (status, _) = ask(&gateway, "/api/v1/events", &[("origin", "http://evil.example")]).await;
    assert_eq!(status, 403);
    for path in ["/healthz", "/readyz", "/readyz?verbose", "/metrics"] {
        assert_eq!(ask(&gateway, path, &foreign).await.0, 200, "{path}");
    }
    let (_, verbose) = ask(&gateway, "/readyz?verbose", &[]).await;
    assert!(verbose.contains("destination nowhere"), "{verbose}");
    let (_, metrics) = ask(&gateway, "/metrics", &[]).await;
    assert!(metrics.contains("signalbox_build_info"), "{metrics}");

    assert_eq!(ask(&gateway, "/", &[]).await.0, 404);
    let answer = reqwest::Client::new().post(gateway.admin("/api/v1/events")).send().await.expect("an answer");
    assert_eq!((answer.status().as_u16(), answer.headers()["allow"].to_str().ok()), (405, Some("GET,HEAD")));
}
