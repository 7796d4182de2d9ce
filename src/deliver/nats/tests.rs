use super::acks::{Acks, Answer};
use super::config::{EnsureStream, Login, NatsConfig, Server};
use super::destination::NatsDestination;
use super::{error, headers};
use crate::codes::Code;
use crate::deliver::error::Advice;
use crate::deliver::{Destination, Outgoing};
use crate::encode::HeaderEncoding;
use crate::secret::Secret;
use crate::state::Reason;
use crate::tasks::Tasks;
use async_nats::{Message, Subject};
use bytes::Bytes;
use std::time::Duration;

fn config(servers: &[&str]) -> NatsConfig {
    NatsConfig {
        servers: servers.iter().map(|&text| text.to_owned()).collect(),
        jetstream: true,
        at_most_once: false,
        ensure_stream: None,
        header_encoding: HeaderEncoding::Percent,
    }
}

fn pointers(config: &NatsConfig) -> Vec<String> {
    config.faults().into_iter().map(|fault| fault.pointer).collect()
}

fn message(subject: &str) -> Message {
    Message {
        subject: Subject::from(subject),
        reply: None,
        payload: Bytes::from_static(b"{}"),
        headers: None,
        status: None,
        description: None,
        length: 2,
    }
}

fn header(name: &str, value: &str) -> Vec<(String, String)> {
    vec![(name.to_owned(), value.to_owned())]
}

#[test]
fn servers_are_taken_apart() {
    let parse = |text: &str| Server::parse(text).map(|server| (server.address, server.login));
    assert_eq!(parse("nats://localhost:4222"), Ok(("nats://localhost:4222".to_owned(), None)));
    assert_eq!(parse("localhost"), Ok(("nats://localhost:4222".to_owned(), None)));
    assert_eq!(parse("tls://[::1]:7/"), Ok(("tls://[::1]:7".to_owned(), None)));
    let login = Login::Password { user: "ann".to_owned(), password: Secret::new("p@ss:word") };
    assert_eq!(parse("nats://ann:p%40ss:word@host"), Ok(("nats://host:4222".to_owned(), Some(login))));
    let login = Login::Token(Secret::new("s3cret"));
    assert_eq!(parse("nats://s3cret@host:1"), Ok(("nats://host:1".to_owned(), Some(login))));
}

#[test]
fn unreadable_servers_are_refused_without_repeating_them() {
    for text in [
        "",
        "nats://",
        "http://host",
        "ws://host",
        "nats://host:99999",
        "nats://host:port",
        "nats://canary:can ary@host",
        "nats://canary#x@host",
        "nats://host/path",
        "nats://host?x=canary",
        "nats://%ff%fe:canary@host",
    ] {
        let message = Server::parse(text).expect_err(text);
        assert!(!message.contains("canary"), "{text}: {message}");
    }
}

#[test]
fn every_fault_of_the_options_is_named() {
    assert!(pointers(&config(&["nats://a", "nats://b:1"])).is_empty());
    assert_eq!(pointers(&config(&[])), ["/servers"]);
    assert_eq!(pointers(&config(&["http://a", "nats://b", "x y"])), ["/servers/0", "/servers/2"]);
    assert_eq!(pointers(&config(&["nats://u:p@a", "nats://b"])), ["/servers"]);
    let core = NatsConfig { jetstream: false, ..config(&["a"]) };
    assert_eq!(pointers(&core), ["/jetstream"]);
    assert!(pointers(&NatsConfig { at_most_once: true, ..core.clone() }).is_empty());
    assert_eq!(pointers(&NatsConfig { at_most_once: true, ..config(&["a"]) }), ["/at_most_once"]);
    let stream = EnsureStream { name: "a.b".to_owned(), subjects: vec!["ok.>".to_owned(), "a..b".to_owned()] };
    let bad = NatsConfig { at_most_once: true, ensure_stream: Some(stream), ..core };
    assert_eq!(pointers(&bad), ["/ensure_stream", "/ensure_stream/name", "/ensure_stream/subjects/1"]);
}

#[test]
fn debug_shows_addresses_and_no_login() {
    let shown = format!("{:?}", config(&["nats://canary:canary@host:1", "nats://can ary@x", "nats://canary@y"]));
    assert!(!shown.contains("canary"), "{shown}");
    assert!(shown.contains("nats://host:1") && shown.contains("nats://y:4222"), "{shown}");
}

#[test]
fn a_changed_password_is_another_fingerprint() {
    let config = |password: &str| config(&[&format!("nats://ann:{password}@host")]);
    assert_eq!(config("a").fingerprint(), config("a").fingerprint());
    assert_ne!(config("a").fingerprint(), config("b").fingerprint());
    let core = NatsConfig { jetstream: false, ..config("a") };
    assert_ne!(core.fingerprint(), config("a").fingerprint());
}

#[test]
fn headers_leave_as_they_are_with_the_message_id() {
    let map = headers::build(
        vec![("ce-id".to_owned(), "a%20b".to_owned()), ("Content-Type".to_owned(), "x".to_owned())],
        "0123",
    );
    let map = map.expect("good headers");
    assert_eq!(map.get("ce-id").map(async_nats::HeaderValue::as_str), Some("a%20b"));
    assert_eq!(map.get("Nats-Msg-Id").map(async_nats::HeaderValue::as_str), Some("0123"));
    assert_eq!(map.len(), 3);
}

#[test]
fn headers_that_cannot_or_must_not_leave_are_refused() {
    for (name, value) in [
        ("ce-x", "a\r\nNats-Rollup: all"),
        ("ce-x", "a\nb"),
        ("ce-x:", "a"),
        ("ce x", "a"),
        ("", "a"),
        ("ce-\u{e9}", "a"),
        ("Nats-Rollup", "all"),
        ("nats-trace-only", "true"),
        ("NATS-MSG-ID", "x"),
        ("Nats-Expected-Stream", "x"),
    ] {
        let refused = headers::build(header(name, value), "1").expect_err(name);
        assert_eq!(refused.advice, Advice::Never(Reason::Refused), "{name}");
    }
    assert!(headers::build(Vec::new(), "a\r\nb").is_err());
    assert!(headers::build(header("é", "a"), "1").is_err());
}

#[test]
fn errors_of_jetstream_say_whether_another_attempt_helps() {
    let api = |err_code| {
        let text = format!(r#"{{"code":503,"err_code":{err_code},"description":"maximum messages exceeded"}}"#);
        error::from_api(&serde_json::from_str(&text).expect("an error"))
    };
    for (err_code, advice) in [
        (10077, Advice::Later(None)),
        (10023, Advice::Later(None)),
        (10047, Advice::Later(None)),
        (10008, Advice::Later(None)),
        (10109, Advice::Later(None)),
        (10054, Advice::Never(Reason::TooLarge)),
        (10097, Advice::Never(Reason::TooLarge)),
    ] {
        assert_eq!(api(err_code).advice, advice, "{err_code}");
    }
    assert_eq!(api(10077).code, Code::DestinationFailed);
    assert_eq!(api(10077).detail, "maximum messages exceeded (JetStream error 10077)");
}

#[tokio::test]
async fn answers_find_who_waits_and_nobody_is_remembered() {
    let acks = Acks::new("_INBOX.x");
    assert_eq!(acks.pattern(), "_INBOX.x.*");
    let mut first = acks.wait(Subject::from("orders.a"));
    let mut second = acks.wait(Subject::from("orders.b"));
    acks.reply(message(&second.reply_subject()));
    assert!(matches!((&mut second.answer).await, Ok(Answer::Reply(_))));
    assert!(first.answer.try_recv().is_err());
    acks.deny("orders.b");
    acks.deny("orders.a");
    assert!(matches!((&mut first.answer).await, Ok(Answer::Denied)));
    let late = first.reply_subject();
    drop((first, second));
    for strange in [late.as_str(), "_INBOX.x.zz", "_INBOX.x.", "other.1", "_INBOX.x.ffffffffffffffffff"] {
        acks.reply(message(strange));
    }
    assert_eq!(acks.len(), 0);
}

#[tokio::test]
async fn a_lost_connection_ends_every_wait_at_once() {
    let acks = Acks::new("_INBOX.x");
    let mut tickets: Vec<_> = (0..3).map(|_| acks.wait(Subject::from("orders"))).collect();
    acks.fail_all();
    for ticket in &mut tickets {
        assert!((&mut ticket.answer).await.is_err());
    }
    assert_eq!(acks.len(), 0);
}

#[tokio::test]
async fn without_a_server_deliveries_are_refused_at_once_and_closing_ends_the_tasks() {
    let tasks = Tasks::default();
    // Port 1 of the loopback: nobody listens there.
    let destination = NatsDestination::start("edge", &config(&["nats://canary:canary@127.0.0.1:1"]), &tasks);
    let outgoing = Outgoing {
        target: "orders.a".to_owned(),
        key: None,
        headers: Vec::new(),
        body: None,
        message_id: "1".to_owned(),
        stored: None,
    };
    let failed = destination.deliver(outgoing.clone()).await.expect_err("no server");
    assert_eq!((failed.code, failed.advice), (Code::Unreachable, Advice::Unreachable));
    let bad =
        destination.deliver(Outgoing { target: "orders.*".to_owned(), ..outgoing }).await.expect_err("a wildcard");
    assert_eq!((bad.code, bad.advice), (Code::BadTarget, Advice::Never(Reason::Topic)));
    let health = destination.health();
    let detail = health.detail.unwrap_or_default();
    assert!(!health.healthy && detail.contains("nats://127.0.0.1:1") && !detail.contains("canary"), "{detail}");
    destination.close(Duration::from_millis(200)).await;
    tokio::time::timeout(Duration::from_secs(5), tasks.wait()).await.expect("its tasks end");
}

#[tokio::test]
async fn faulty_options_make_a_destination_that_says_so() {
    let tasks = Tasks::default();
    let destination = NatsDestination::start("edge", &config(&[]), &tasks);
    tokio::time::timeout(Duration::from_secs(5), tasks.wait()).await.expect("nothing to keep");
    let detail = destination.health().detail.unwrap_or_default();
    assert!(detail.contains("at least one server is needed"), "{detail}");
}
