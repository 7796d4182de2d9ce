//! What a listener may be told: web-hook senders it knows (`OPTIONS`), and leniencies for senders that are not exact.

use crate::support::gateway::Gateway;
use reqwest::Method;

const LISTENERS: &str = r#"
listeners:
  - name: public
    address: "127.0.0.1:0"
    webhook: {allowed_origins: [eventemitter.example.com], allowed_rate: 120}
    lenient: [uppercase_names, invalid_names, dataschema_fragment]
  - {name: strict, address: "127.0.0.1:0"}
admin: {address: "127.0.0.1:0"}
"#;

#[tokio::test]
async fn the_handshake_is_in_the_headers_and_the_status_says_nothing() {
    let gateway = Gateway::start(&[("signalbox.yaml", LISTENERS)]).await;
    let ask = async |headers: &[(&str, &str)]| {
        let mut request = gateway.http().request(Method::OPTIONS, gateway.ingress("/events"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.expect("an answer");
        assert_eq!((answer.status().as_u16(), answer.headers()["allow"].as_bytes()), (200, &b"POST"[..]));
        let header = |name| answer.headers().get(name).map(|value| value.to_str().expect("text").to_owned());
        (header("webhook-allowed-origin"), header("webhook-allowed-rate"))
    };
    let (known, rate) = ("EventEmitter.example.com", "WebHook-Request-Rate");
    assert_eq!(
        ask(&[("WebHook-Request-Origin", known), (rate, "500")]).await,
        (Some(known.into()), Some("120".into()))
    );
    assert_eq!(ask(&[("WebHook-Request-Origin", known), (rate, "7")]).await, (Some(known.into()), Some("7".into())));
    for asked in [
        &[("WebHook-Request-Origin", "eventemitter.example.com.attacker.tld")][..],
        &[("Origin", known), ("WebHook-Request-Callback", "http://127.0.0.1:1/")],
        &[],
    ] {
        assert_eq!(ask(asked).await, (None, None), "{asked:?}");
    }
}

#[tokio::test]
async fn leniencies_are_those_of_one_listener() {
    let gateway = Gateway::start(&[("signalbox.yaml", LISTENERS)]).await;
    let body = r##"{"specversion":"1.0","id":"1","source":"/a","Type":"t","My-Ext":1,"MyExt":"x","dataschema":"#"}"##;
    let post = async |url: String| {
        let request = gateway.http().post(url).header("content-type", "application/cloudevents+json");
        request.body(body).send().await.expect("an answer")
    };
    assert_eq!(post(gateway.listener("strict", "/")).await.status(), 400);
    assert_eq!(post(gateway.ingress("/")).await.status(), 202);
    let event = gateway.get("/api/v1/events/1").await["event"].clone();
    assert_eq!((&event["type"], &event["myext"], &event["dataschema"]), (&"t".into(), &"x".into(), &"#".into()));
    assert!(event.get("MyExt").is_none() && event.get("My-Ext").is_none(), "{event}");
}
