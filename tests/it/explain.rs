//! `POST explain` of a running gateway: what would happen is what happens, and nothing does.

use crate::support::gateway::Gateway;
use serde_json::{Value, json};

fn event(id: &str) -> Value {
    json!({"specversion": "1.0", "id": id, "source": "/s", "type": "order", "partitionkey": "customer-4711", "data": {"n": 1}})
}

async fn explain(gateway: &Gateway, media_type: &str, body: String) -> (u16, Value) {
    let request = gateway.http().post(gateway.admin("/api/v1/explain")).header("content-type", media_type);
    let answer = request.body(body).send().await.unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap())
}

#[cfg(feature = "kafka")]
#[tokio::test]
async fn the_partition_is_told_once_the_brokers_told_it() {
    use crate::support::kafka::KafkaServer;
    let (server, topic) = (KafkaServer::shared(), crate::kafka_destination::fresh_topic());
    server.create_topic(&topic, 10, &[]).await;
    let routes = format!(
        "destinations: [{{name: k, kafka: {{brokers: [\"{}\"]}}}}]\nroutes:\n  - {{name: r, deliver: [{{destination: k, topic: \"{topic}\"}}]}}\n",
        server.address()
    );
    let gateway = Gateway::start(&[("routes/a.yaml", &routes)]).await;
    let delivery =
        crate::support::wait_for("the partitions to be known", std::time::Duration::from_mins(1), || async {
            let (_, told) = explain(&gateway, "application/cloudevents+json", event("1").to_string()).await;
            let delivery = told["routes"][0]["deliveries"][0].clone();
            delivery["partition"].is_number().then_some(delivery)
        })
        .await;
    gateway.accept(&event("1")).await;
    crate::support::wait_for("the event to land", std::time::Duration::from_mins(1), || async {
        (server.count(&topic) == 1).then_some(())
    })
    .await;
    let record = server.read(&topic).remove(0);
    assert_eq!(delivery["partition"], record.partition);
    assert_eq!(delivery["key"].as_str(), record.key.as_deref());
    for (name, value) in delivery["headers"].as_object().unwrap().iter().filter(|(name, _)| *name != "ce_traceparent") {
        assert_eq!(record.header(name), value.as_str(), "{name}");
    }
    assert_eq!(delivery["data"].to_string().as_bytes(), record.value.as_deref().unwrap());
}

#[tokio::test]
async fn requests_are_read_as_events_are_and_nothing_is_stored() {
    let routes =
        "routes:\n  - {name: r, filters: [{exact: {type: order}}], deliver: [{destination: log, stream: s}]}\n";
    let schema = r#"{"type": "object", "properties": {"n": {"type": "integer"}}}"#;
    let gateway = Gateway::start(&[("routes/a.yaml", routes), ("schemas/order/1.json", schema)]).await;
    let (status, told) = explain(&gateway, "application/cloudevents+json", event("1").to_string()).await;
    assert_eq!((status, &told["verdict"]["valid"]), (200, &json!(true)));
    assert_eq!(told["routes"][0]["deliveries"][0]["target"], "s");
    let binary = gateway.http().post(gateway.admin("/api/v1/explain")).header("ce-id", "1").header("ce-source", "/s");
    let binary =
        binary.header("ce-type", "order").header("ce-specversion", "1.0").header("content-type", "application/json");
    let answer = binary.body(r#"{"n": "x"}"#).send().await.unwrap().bytes().await.unwrap();
    let told: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(
        (&told["verdict"]["valid"], &told["verdict"]["errors"][0]["pointer"]),
        (&json!(false), &json!("/data/n"))
    );
    for (media_type, body, status, code) in [
        ("application/cloudevents+json", "{", 400, "SB-1002"),
        ("application/cloudevents+json", "{}", 400, "SB-1003"),
        ("application/cloudevents-batch+json", "[]", 400, "SB-1001"),
        ("text/plain", "x", 400, "SB-1001"),
        ("application/cloudevents+csv", "x", 415, "SB-1004"),
    ] {
        let (found, problem) = explain(&gateway, media_type, body.to_owned()).await;
        assert_eq!((found, problem["code"].as_str()), (status, Some(code)), "{media_type} {body}");
    }
    let (_, broken) = explain(&gateway, "application/cloudevents+json", "{".to_owned()).await;
    assert_eq!(broken["trace_id"].as_str().map(str::len), Some(32));
    let (_, invalid) = explain(&gateway, "application/cloudevents+json", "{}".to_owned()).await;
    assert!(invalid["errors"].as_array().unwrap().iter().any(|error| error["pointer"] == "/specversion"), "{invalid}");
    let large =
        format!(r#"{{"specversion":"1.0","id":"1","source":"/s","type":"t","data":"{}"}}"#, "x".repeat(600 << 10));
    assert_eq!(explain(&gateway, "application/cloudevents+json", large).await.0, 413);
    let unread = gateway.http().post(gateway.admin("/api/v1/explain")).header("content-encoding", "gzip").body("x");
    let problem: Value = serde_json::from_slice(&unread.send().await.unwrap().bytes().await.unwrap()).unwrap();
    assert_eq!((&problem["code"], problem["trace_id"].as_str().map(str::len)), (&json!("SB-1006"), Some(32)));
    assert_eq!(gateway.get("/api/v1/events").await["events"], json!([]));
    assert_eq!(gateway.get("/api/v1/rejections").await["rejections"], json!([]));
}
