//! cloudevents-sdk talks to the gateway with its own bindings, and understands what we send.

use crate::support::gateway::Gateway;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use cloudevents::binding::reqwest::{RequestBuilderExt as _, RequestSerializer};
use cloudevents::event::ExtensionValue;
use cloudevents::message::StructuredDeserializer as _;
use cloudevents::{AttributesReader as _, Data, Event, EventBuilder as _, EventBuilderV10};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

fn made(id: &str) -> Event {
    let built = EventBuilderV10::new()
        .id(id)
        .source("/sdk/rust")
        .ty("com.example.order.created")
        .time("2026-01-01T10:00:00Z")
        .extension("region", "eu")
        .extension("count", 7)
        .data("application/json", json!({"total": 1}));
    built.build().expect("an event")
}

/// The event as the gateway's library reads what the gateway took.
async fn taken(gateway: &Gateway, position: u64) -> Event {
    let shown = gateway.get(&format!("/api/v1/events/{position}")).await["event"].clone();
    let mut shown = shown.as_object().expect("an event").clone();
    shown.remove("traceparent").expect("it was filled in");
    serde_json::from_value(Value::Object(shown)).expect("the SDK reads our JSON")
}

#[tokio::test]
async fn what_its_client_sends_in_any_mode_is_taken() {
    let gateway = Gateway::start(&[]).await;
    let client = reqwest_0_12::Client::new();
    let url = gateway.ingress("/events");
    let binary = client.post(&url).event(made("binary")).expect("a request");
    let structured =
        made("structured").deserialize_structured(RequestSerializer::new(client.post(&url))).expect("a request");
    let batch = client.post(&url).events(vec![made("first"), made("second")]).expect("a request");
    for (request, position) in [(binary, "1"), (structured, "2"), (batch, "3-4")] {
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 202);
        assert_eq!(answer.headers()["signalbox-position"], position);
    }
    // A header tells no type: the number of the binary one has become a text.
    let binary = taken(&gateway, 1).await;
    assert_eq!(binary.extension("count"), Some(&ExtensionValue::String("7".to_owned())));
    assert_eq!(binary.data(), made("binary").data());
    for (position, id) in [(2, "structured"), (3, "first"), (4, "second")] {
        assert_eq!(taken(&gateway, position).await, made(id));
    }
}

/// A receiver with the SDK's extractor.
async fn receiver() -> (String, mpsc::Receiver<Event>, JoinSet<()>) {
    let (sender, received) = mpsc::channel(10);
    let take = |State(sender): State<mpsc::Sender<Event>>, event: Event| async move {
        sender.send(event).await.expect("the test waits");
        StatusCode::ACCEPTED
    };
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/", socket.local_addr().expect("an address"));
    let app = Router::new().route("/", post(take)).with_state(sender);
    let mut server = JoinSet::new();
    server.spawn(async move { axum::serve(socket, app).await.expect("it serves") });
    (url, received, server)
}

#[tokio::test]
async fn its_extractor_understands_what_the_gateway_delivers() {
    let (url, mut received, _server) = receiver().await;
    for mode in ["binary", "structured"] {
        let routes = format!(
            "destinations: [{{name: sdk, http: {{url: \"{url}\"}}}}]\n\
             routes: [{{name: all, deliver: [{{destination: sdk, mode: {mode}}}]}}]\n"
        );
        let gateway = Gateway::start(&[("routes/all.yaml", &routes)]).await;
        gateway.accept(&serde_json::to_value(made(mode)).expect("JSON")).await;
        let mut event = received.recv().await.expect("an event");
        assert!(event.extension("traceparent").is_some(), "it was filled in");
        event.remove_extension("traceparent");
        if mode == "structured" {
            assert_eq!(event, made(mode));
            continue;
        }
        // A header tells no type, and the SDK takes the body of its binary mode for bytes whatever the media type says.
        assert_eq!((event.id(), event.source().as_str(), event.time()), (mode, "/sdk/rust", made(mode).time()));
        assert_eq!(event.extension("count"), Some(&ExtensionValue::String("7".to_owned())));
        assert_eq!(event.data(), Some(&Data::Binary(br#"{"total":1}"#.to_vec())));
    }
}
