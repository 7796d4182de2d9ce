//! What lands on a real nats-server, and what the destination says when it does not.

use crate::support::nats::NatsServer;
use crate::support::wait_for;
use async_nats::jetstream::stream::{Config, DiscardPolicy};
use bytes::Bytes;
use signalbox::codes::Code;
use signalbox::deliver::error::{Advice, DeliveryError};
use signalbox::deliver::nats::config::{EnsureStream, NatsConfig};
use signalbox::deliver::nats::destination::NatsDestination;
use signalbox::deliver::{Destination, Outgoing, Receipt};
use signalbox::encode::HeaderEncoding;
use signalbox::state::Reason;
use signalbox::tasks::Tasks;
use std::time::Duration;

pub const SOON: Duration = Duration::from_secs(30);

pub fn config(url: String) -> NatsConfig {
    let header_encoding = HeaderEncoding::Percent;
    NatsConfig { servers: vec![url], jetstream: true, at_most_once: false, ensure_stream: None, header_encoding }
}

pub fn ensuring(url: String, subjects: &[&str]) -> NatsConfig {
    let subjects = subjects.iter().map(|&text| text.to_owned()).collect();
    NatsConfig { ensure_stream: Some(EnsureStream { name: "ORDERS".to_owned(), subjects }), ..config(url) }
}

pub fn outgoing(target: &str, message_id: &str, body: &'static [u8]) -> Outgoing {
    Outgoing {
        target: target.to_owned(),
        key: None,
        headers: vec![("Content-Type".to_owned(), "application/cloudevents+json".to_owned())],
        body: Some(Bytes::from_static(body)),
        message_id: message_id.to_owned(),
        stored: None,
    }
}

/// Delivers as a lane does: waits while the destination is unreachable.
pub async fn deliver(destination: &NatsDestination, outgoing: &Outgoing) -> Result<Receipt, DeliveryError> {
    wait_for("the destination to be reachable", SOON, || async {
        match destination.deliver(outgoing.clone()).await {
            Err(error) if error.advice == Advice::Unreachable => None,
            outcome => Some(outcome),
        }
    })
    .await
}

fn start(config: &NatsConfig) -> NatsDestination {
    NatsDestination::start("edge", config, &Tasks::default())
}

fn orders(extra: Config) -> Config {
    Config { name: "ORDERS".to_owned(), subjects: vec!["orders.>".to_owned()], ..extra }
}

#[tokio::test]
async fn headers_and_bytes_land_as_they_were_handed_over() {
    let server = NatsServer::start();
    let destination = start(&ensuring(server.url(), &["orders.>"]));
    let headers = [("ce-id", "a%20b%0D%0A"), ("ce-datacontenttype", "text/plain"), ("traceparent", "00-1-2-01")];
    let message = Outgoing {
        headers: headers.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect(),
        ..outgoing("orders.com.example.%2E", "0123456789abcdef0123456789abcdef", b"\x00\xff{ \"a\" :1.0}\r\n")
    };
    let empty = Outgoing { body: None, headers: Vec::new(), ..outgoing("orders.empty", "2", b"") };
    assert_eq!(deliver(&destination, &message).await, Ok(Some("stream=ORDERS seq=1".to_owned())));
    assert_eq!(deliver(&destination, &empty).await, Ok(Some("stream=ORDERS seq=2".to_owned())));
    let landed = server.messages("ORDERS").await;
    assert_eq!(landed[0].subject.as_str(), "orders.com.example.%2E");
    assert_eq!(&landed[0].payload[..], b"\x00\xff{ \"a\" :1.0}\r\n");
    let mut found: Vec<_> = landed[0]
        .headers
        .iter()
        .map(|(name, values)| (name.to_string(), values.len(), values[0].to_string()))
        .collect();
    found.sort();
    let expected = [
        ("Nats-Msg-Id", "0123456789abcdef0123456789abcdef"),
        ("ce-datacontenttype", "text/plain"),
        ("ce-id", "a%20b%0D%0A"),
        ("traceparent", "00-1-2-01"),
    ];
    assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), 1, value.to_owned())));
    assert_eq!(&landed[1].payload[..], b"");
    assert!(destination.health().healthy);
}

#[tokio::test]
async fn a_second_attempt_is_delivered_and_stored_once() {
    let server = NatsServer::start();
    let destination = start(&ensuring(server.url(), &["orders.>"]));
    for _ in 0..3 {
        let receipt = deliver(&destination, &outgoing("orders.a", "same", b"1")).await;
        assert_eq!(receipt, Ok(Some("stream=ORDERS seq=1".to_owned())));
    }
    deliver(&destination, &outgoing("orders.a", "other", b"1")).await.expect("it is another event");
    assert_eq!(server.count("ORDERS").await, Some(2));
}

#[tokio::test]
async fn without_a_stream_it_is_tried_again_and_found_once_there_is_one() {
    let server = NatsServer::start();
    let destination = start(&config(server.url()));
    let failed = deliver(&destination, &outgoing("orders.a", "1", b"1")).await.expect_err("no stream");
    assert_eq!((failed.code, failed.advice), (Code::NoStream, Advice::Later(None)));
    assert!(failed.detail.contains("orders.a"), "{}", failed.detail);
    server.add_stream(orders(Config::default())).await;
    assert!(deliver(&destination, &outgoing("orders.a", "1", b"1")).await.is_ok());
}

#[tokio::test]
async fn the_wanted_stream_is_created_once_and_never_altered() {
    let server = NatsServer::start();
    let mine = Config { subjects: vec!["orders.eu.>".to_owned()], max_messages: 7, ..Config::default() };
    server.add_stream(Config { name: "ORDERS".to_owned(), ..mine }).await;
    let destination = start(&ensuring(server.url(), &["orders.>"]));
    assert!(deliver(&destination, &outgoing("orders.eu.1", "1", b"1")).await.is_ok());
    let outside = deliver(&destination, &outgoing("orders.us.1", "2", b"1")).await.expect_err("not its subject");
    assert_eq!(outside.code, Code::NoStream);
    let context = async_nats::jetstream::new(server.client().await);
    let stream = context.get_stream("ORDERS").await.expect("it is there");
    assert_eq!(stream.cached_info().config.subjects, ["orders.eu.>"]);
    assert_eq!(stream.cached_info().config.max_messages, 7);
}

#[tokio::test]
async fn a_wanted_stream_that_somebody_deletes_comes_back() {
    let server = NatsServer::start();
    let destination = start(&ensuring(server.url(), &["orders.>"]));
    deliver(&destination, &outgoing("orders.a", "1", b"1")).await.expect("delivered");
    let context = async_nats::jetstream::new(server.client().await);
    context.delete_stream("ORDERS").await.expect("deleted");
    wait_for("the stream to come back", SOON, || async {
        deliver(&destination, &outgoing("orders.a", "2", b"1")).await.ok()
    })
    .await;
    assert_eq!(server.count("ORDERS").await, Some(1));
}

#[tokio::test]
async fn a_stream_that_cannot_be_created_is_named_in_the_failure() {
    let server = NatsServer::start();
    server
        .add_stream(Config { name: "OTHER".to_owned(), subjects: vec!["orders.taken".to_owned()], ..Config::default() })
        .await;
    let destination = start(&ensuring(server.url(), &["orders.>"]));
    let failed = deliver(&destination, &outgoing("orders.a", "1", b"1")).await.expect_err("no stream");
    assert_eq!((failed.code, failed.advice), (Code::NoStream, Advice::Later(None)));
    assert!(failed.detail.contains("overlap"), "{}", failed.detail);
    let health = destination.health();
    assert!(!health.healthy && health.detail.is_some_and(|detail| detail.contains("overlap")));
    let context = async_nats::jetstream::new(server.client().await);
    context.delete_stream("OTHER").await.expect("deleted");
    wait_for("the stream to be created in the background", SOON, || async { server.count("ORDERS").await }).await;
    wait_for("good health", SOON, || async { destination.health().healthy.then_some(()) }).await;
}

#[tokio::test]
async fn what_is_too_large_for_the_server_or_the_stream_is_never_tried_again() {
    let server = NatsServer::start_with("max_payload: 4096");
    server.add_stream(orders(Config { max_message_size: 1000, ..Config::default() })).await;
    let destination = start(&config(server.url()));
    for size in [1100, 4097, 100_000] {
        let body = Some(Bytes::from(vec![b'x'; size]));
        let large = Outgoing { body, ..outgoing("orders.a", "1", b"") };
        let failed = deliver(&destination, &large).await.expect_err("too large");
        assert_eq!(failed.code, Code::TooLargeForDestination, "{size}: {failed}");
        assert_eq!(failed.advice, Advice::Never(Reason::TooLarge), "{size}");
    }
    // The connection is the same as before: nothing the server would hang up over was sent.
    assert!(deliver(&destination, &outgoing("orders.a", "2", b"small")).await.is_ok());
    assert_eq!(server.count("ORDERS").await, Some(1));
}

#[tokio::test]
async fn a_full_stream_is_tried_again() {
    let server = NatsServer::start();
    server.add_stream(orders(Config { max_messages: 1, discard: DiscardPolicy::New, ..Config::default() })).await;
    let destination = start(&config(server.url()));
    assert!(deliver(&destination, &outgoing("orders.a", "1", b"1")).await.is_ok());
    let failed = deliver(&destination, &outgoing("orders.a", "2", b"1")).await.expect_err("full");
    assert_eq!((failed.code, failed.advice), (Code::DestinationFailed, Advice::Later(None)));
    assert!(failed.detail.contains("maximum messages exceeded"), "{}", failed.detail);
}

#[tokio::test]
async fn subjects_and_headers_that_would_be_commands_never_leave() {
    let server = NatsServer::start();
    let destination = start(&ensuring(server.url(), &["orders.>"]));
    deliver(&destination, &outgoing("orders.a", "1", b"1")).await.expect("delivered");
    for target in
        ["$JS.API.STREAM.DELETE.ORDERS", "orders.*", "orders.>", "orders.a b", "orders.\r\nPUB x", "orders..a"]
    {
        let failed = deliver(&destination, &outgoing(target, "2", b"")).await.expect_err(target);
        assert_eq!((failed.code, failed.advice), (Code::BadTarget, Advice::Never(Reason::Topic)), "{target}");
    }
    let long = "a".repeat(5000);
    let failed = deliver(&destination, &outgoing(&format!("orders.{long}"), "2", b"")).await.expect_err("too long");
    assert_eq!(failed.advice, Advice::Never(Reason::Topic));
    for (name, value) in [("Nats-Rollup", "all"), ("ce-x", "a\r\nNats-Rollup: all")] {
        let headers = vec![(name.to_owned(), value.to_owned())];
        let failed = deliver(&destination, &Outgoing { headers, ..outgoing("orders.a", "3", b"") }).await;
        assert_eq!(failed.expect_err(name).advice, Advice::Never(Reason::Refused));
    }
    assert_eq!(server.count("ORDERS").await, Some(1));
}

#[tokio::test]
async fn the_longest_subject_is_one_the_server_takes() {
    let server = NatsServer::start();
    let destination = start(&ensuring(server.url(), &["orders.>"]));
    let longest = format!("orders.{}", "a".repeat(signalbox::deliver::nats::subject::MAX_BYTES - "orders.".len()));
    let receipt = deliver(&destination, &outgoing(&longest, "1", b"1")).await;
    assert_eq!(receipt, Ok(Some("stream=ORDERS seq=1".to_owned())));
}

#[tokio::test]
async fn logins_work_and_are_never_shown() {
    let server = NatsServer::start_with("authorization: {user: ann, password: \"can@ry:1\"}");
    let good = start(&ensuring(server.url_with("ann:can%40ry%3A1"), &["orders.>"]));
    assert!(deliver(&good, &outgoing("orders.a", "1", b"1")).await.is_ok());
    let bad = start(&config(server.url_with("ann:wrong-canary")));
    let detail = wait_for("the refusal to be noticed", SOON, || async {
        bad.health().detail.filter(|detail| detail.contains("authorization violation"))
    })
    .await;
    assert!(!bad.health().healthy && !detail.contains("canary") && !detail.contains("ann"), "{detail}");
    let failed = bad.deliver(outgoing("orders.a", "2", b"1")).await.expect_err("no login");
    assert_eq!((failed.code, failed.advice), (Code::Unreachable, Advice::Unreachable));
    assert!(!failed.detail.contains("canary"), "{}", failed.detail);
}

#[tokio::test]
async fn tokens_work_too() {
    let server = NatsServer::start_with("authorization: {token: \"canary\"}");
    let destination = start(&ensuring(server.url_with("canary"), &["orders.>"]));
    assert!(deliver(&destination, &outgoing("orders.a", "1", b"1")).await.is_ok());
}

#[tokio::test]
async fn what_the_server_does_not_permit_is_tried_again_and_holds_nobody_up() {
    let server = NatsServer::start_with(
        "authorization: {users: [{user: ann, password: x, permissions: {publish: {deny: \"orders.secret\"}}}]}",
    );
    let destination = start(&ensuring(server.url_with("ann:x"), &["orders.>"]));
    deliver(&destination, &outgoing("orders.a", "1", b"1")).await.expect("permitted");
    let denied = outgoing("orders.secret", "2", b"1");
    let permitted = outgoing("orders.b", "3", b"1");
    let (denied, permitted) = tokio::join!(deliver(&destination, &denied), deliver(&destination, &permitted));
    let failed = denied.expect_err("denied");
    assert_eq!((failed.code, failed.advice), (Code::DestinationFailed, Advice::Later(None)), "{failed}");
    assert!(permitted.is_ok());
    assert!(destination.health().healthy);
}

#[tokio::test]
async fn core_nats_publishes_without_an_acknowledgement() {
    use futures::StreamExt as _;
    let server = NatsServer::start();
    let client = server.client().await;
    let mut subscriber = client.subscribe("orders.>").await.expect("subscribed");
    client.flush().await.expect("flushed");
    let core = NatsConfig { jetstream: false, at_most_once: true, ..config(server.url()) };
    let destination = start(&core);
    assert_eq!(deliver(&destination, &outgoing("orders.a", "1", b"hello")).await, Ok(None));
    let landed = tokio::time::timeout(SOON, subscriber.next()).await.expect("in time").expect("a message");
    assert_eq!(&landed.payload[..], b"hello");
    assert_eq!(landed.reply, None);
}
