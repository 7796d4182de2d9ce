//! What lands on a real Kafka, and what the destination says when it does not.

use crate::support::kafka::secured::Security;
use crate::support::kafka::{KafkaServer, Landed};
use crate::support::wait_for;
use bytes::Bytes;
use signalbox::codes::Code;
use signalbox::deliver::error::{Advice, DeliveryError};
use signalbox::deliver::kafka::config::{KafkaConfig, Property};
use signalbox::deliver::kafka::destination::KafkaDestination;
use signalbox::deliver::{Destination, Outgoing, Receipt};
use signalbox::state::Reason;
use signalbox::tasks::Tasks;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

pub const SOON: Duration = Duration::from_secs(30);

pub fn config(broker: String, properties: &[(&str, &str)]) -> KafkaConfig {
    let property = |&(name, value): &(&str, &str)| (name.to_owned(), Property::Text(value.to_owned()));
    let brokers = broker.split(',').map(str::to_owned).collect();
    KafkaConfig { brokers, properties: properties.iter().map(property).collect() }
}

pub fn start(config: &KafkaConfig) -> KafkaDestination {
    assert_eq!(config.faults(), []);
    KafkaDestination::start("orders-kafka", config, &Tasks::default())
}

pub fn outgoing(topic: &str, key: Option<&str>, body: &'static [u8]) -> Outgoing {
    Outgoing {
        target: topic.to_owned(),
        key: key.map(str::to_owned),
        headers: vec![("content-type".to_owned(), "application/cloudevents+json".to_owned())],
        body: Some(Bytes::from_static(body)),
        message_id: String::new(),
        stored: None,
    }
}

/// Delivers as a lane does: waits while the destination is unreachable.
pub async fn deliver(destination: &KafkaDestination, outgoing: &Outgoing) -> Result<Receipt, DeliveryError> {
    wait_for("the destination to be reachable", SOON, || async {
        match destination.deliver(outgoing.clone()).await {
            Err(error) if error.advice == Advice::Unreachable => None,
            outcome => Some(outcome),
        }
    })
    .await
}

/// A name of a topic that no other test uses.
pub fn fresh_topic() -> String {
    format!("orders-{:x}", fastrand::u64(..))
}

/// A topic of the shared broker that no other test uses.
async fn topic(partitions: i32, settings: &[(&str, &str)]) -> String {
    let name = fresh_topic();
    KafkaServer::shared().create_topic(&name, partitions, settings).await;
    name
}

fn shared() -> KafkaDestination {
    start(&config(KafkaServer::shared().address(), &[]))
}

#[tokio::test]
async fn key_headers_and_bytes_land_as_they_were_handed_over() {
    let (server, topic, destination) = (KafkaServer::shared(), topic(1, &[]).await, shared());
    let headers =
        [("ce_id", "a b%20é\"\r\n"), ("content-type", "text/plain"), ("ce_empty", ""), ("traceparent", "00-1")];
    let headers: Vec<_> = headers.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    let body = b"\x00\xff{ \"a\" :1.0}\r\n";
    let first = Outgoing { headers: headers.clone(), ..outgoing(&topic, Some("key é"), body) };
    let tombstone = Outgoing { headers: Vec::new(), body: None, ..outgoing(&topic, Some("gone"), b"") };
    let empty = outgoing(&topic, None, b"");
    assert_eq!(deliver(&destination, &first).await, Ok(Some("partition=0 offset=0".to_owned())));
    assert_eq!(deliver(&destination, &tombstone).await, Ok(Some("partition=0 offset=1".to_owned())));
    assert_eq!(deliver(&destination, &empty).await, Ok(Some("partition=0 offset=2".to_owned())));
    let landed = server.read(&topic);
    assert_eq!((landed[0].key.as_deref(), landed[0].value.as_deref()), (Some("key é"), Some(&body[..])));
    let expected: Vec<_> = headers.into_iter().map(|(name, value)| (name, Some(value))).collect();
    assert_eq!(landed[0].headers, expected);
    assert_eq!((landed[1].key.as_deref(), landed[1].value.as_deref()), (Some("gone"), None), "null, not empty");
    assert_eq!((landed[2].key.as_deref(), landed[2].value.as_deref()), (None, Some(&b""[..])), "empty, not null");
    assert!(destination.health().healthy);
}

#[tokio::test]
async fn a_key_goes_to_the_partition_javas_murmur2_gives_it() {
    let (topic, destination) = (topic(10, &[]).await, shared());
    // As org.apache.kafka.common.utils.Utils.murmur2 and toPositive give them, modulo 10.
    let keys = [
        ("", 1),
        ("a", 4),
        ("key", 1),
        ("partitionkey", 2),
        ("customer-4711", 6),
        ("größe", 4),
        ("21", 0),
        ("foobar", 6),
    ];
    for (key, partition) in keys {
        deliver(&destination, &outgoing(&topic, Some(key), b"1")).await.expect(key);
        let landed: Vec<Landed> = KafkaServer::shared().read(&topic);
        let found = landed.iter().find(|record| record.key.as_deref() == Some(key)).expect("it landed");
        assert_eq!(found.partition, partition, "{key}");
    }
}

#[tokio::test]
async fn records_without_a_key_are_spread() {
    let (topic, destination) = (topic(4, &[]).await, shared());
    let mut partitions = BTreeSet::new();
    let end = Instant::now() + SOON;
    while partitions.len() < 2 {
        assert!(Instant::now() < end, "they all go to {partitions:?}");
        let receipt =
            deliver(&destination, &outgoing(&topic, None, b"1")).await.expect("delivered").expect("a receipt");
        partitions.insert(receipt.split(' ').next().expect("the partition").to_owned());
    }
}

#[tokio::test]
async fn a_missing_topic_is_tried_again_is_not_created_and_starves_nobody() {
    let (server, there, destination) = (KafkaServer::shared(), topic(1, &[]).await, shared());
    let missing = fresh_topic();
    deliver(&destination, &outgoing(&there, None, b"first")).await.expect("delivered");
    let missing_message = outgoing(&missing, Some("k"), b"1");
    let lane = futures::future::join_all((0..500).map(|_| deliver(&destination, &missing_message)));
    let begun = Instant::now();
    let other = async {
        for _ in 0..100 {
            deliver(&destination, &outgoing(&there, None, b"1")).await.expect("delivered");
        }
        begun.elapsed()
    };
    let (failed, took) = tokio::join!(lane, other);
    assert!(took < Duration::from_secs(10), "{took:?}");
    for outcome in failed {
        let error = outcome.expect_err("there is no such topic");
        assert_eq!((error.code, error.advice), (Code::NoTopic, Advice::Later(None)));
        assert!(error.detail.contains(&missing), "{}", error.detail);
    }
    assert!(!server.topics().contains(&missing), "it was created");
    assert!(destination.health().healthy);
    server.create_topic(&missing, 1, &[]).await;
    wait_for("the new topic to be seen", SOON, || async {
        destination.deliver(outgoing(&missing, None, b"1")).await.ok()
    })
    .await;
}

#[tokio::test]
async fn a_deleted_topic_is_noticed() {
    let (server, topic, destination) = (KafkaServer::shared(), topic(1, &[]).await, shared());
    deliver(&destination, &outgoing(&topic, None, b"1")).await.expect("delivered");
    server.delete_topic(&topic).await;
    wait_for("the topic to be missed", SOON, || async {
        let error = destination.deliver(outgoing(&topic, None, b"1")).await.err()?;
        assert!(!matches!(error.advice, Advice::Never(_)), "{error}");
        (error.code == Code::NoTopic).then_some(())
    })
    .await;
    assert!(!server.topics().contains(&topic), "it was created again");
}

#[tokio::test]
async fn what_is_too_large_for_the_client_or_the_topic_is_never_tried_again() {
    let (server, topic) = (KafkaServer::shared(), topic(1, &[("max.message.bytes", "2000")]).await);
    let destination = start(&config(server.address(), &[("message.max.bytes", "10000")]));
    for size in [3000, 20_000] {
        let large = Outgoing { body: Some(Bytes::from(vec![b'x'; size])), ..outgoing(&topic, Some("k"), b"") };
        let failed = deliver(&destination, &large).await.expect_err("too large");
        assert_eq!(failed.code, Code::TooLargeForDestination, "{size}: {failed}");
        assert_eq!(failed.advice, Advice::Never(Reason::TooLarge), "{size}");
    }
    assert!(deliver(&destination, &outgoing(&topic, Some("k"), b"small")).await.is_ok());
    assert_eq!(server.count(&topic), 1);
}

#[tokio::test]
async fn small_records_are_taken_though_a_batch_of_them_is_too_large() {
    let (server, topic) = (KafkaServer::shared(), topic(1, &[("max.message.bytes", "2000")]).await);
    let destination = start(&config(server.address(), &[("linger.ms", "200")]));
    let small = Outgoing { body: Some(Bytes::from(vec![b'x'; 500])), ..outgoing(&topic, None, b"") };
    let large = Outgoing { body: Some(Bytes::from(vec![b'x'; 3000])), ..outgoing(&topic, None, b"") };
    let messages: Vec<Outgoing> =
        (0..60).map(|number| if number == 30 { large.clone() } else { small.clone() }).collect();
    let outcomes = futures::future::join_all(messages.iter().map(|message| deliver(&destination, message))).await;
    for (number, outcome) in outcomes.into_iter().enumerate() {
        match number {
            30 => assert_eq!(outcome.expect_err("too large").advice, Advice::Never(Reason::TooLarge)),
            _ => assert!(outcome.is_ok(), "{number}: {outcome:?}"),
        }
    }
    assert_eq!(server.count(&topic), 59);
}

#[tokio::test]
async fn a_record_the_broker_refuses_takes_no_other_with_it() {
    // A compacted topic takes no record without a key, and refuses the whole batch over it.
    let (server, topic) = (KafkaServer::shared(), topic(1, &[("cleanup.policy", "compact")]).await);
    let destination = start(&config(server.address(), &[("linger.ms", "200")]));
    let keys = ["a", "b", "", "c"];
    let messages: Vec<Outgoing> =
        keys.iter().map(|key| outgoing(&topic, Some(*key).filter(|key| !key.is_empty()), b"1")).collect();
    let outcomes = futures::future::join_all(messages.iter().map(|message| deliver(&destination, message))).await;
    for (key, outcome) in keys.iter().zip(outcomes) {
        match *key {
            "" => {
                let error = outcome.expect_err("no key");
                assert_eq!((error.code, error.advice), (Code::RefusedByDestination, Advice::Never(Reason::Refused)));
            }
            _ => assert!(outcome.is_ok(), "{key}: {outcome:?}"),
        }
    }
    assert_eq!(server.count(&topic), 3);
}

#[tokio::test]
async fn topics_kafka_keeps_for_itself_or_does_not_take_never_leave() {
    let destination = shared();
    for topic in ["__consumer_offsets", "../a", "a/b", "", "..", "a b", &"a".repeat(250)] {
        let failed = destination.deliver(outgoing(topic, None, b"1")).await.expect_err(topic);
        assert_eq!((failed.code, failed.advice), (Code::BadTarget, Advice::Never(Reason::Topic)), "{topic}");
    }
}

#[tokio::test]
async fn a_full_queue_waits_like_an_unreachable_destination() {
    let (server, topic) = (KafkaServer::shared(), topic(1, &[]).await);
    let tight = config(server.address(), &[("queue.buffering.max.messages", "1"), ("linger.ms", "50")]);
    let destination = start(&tight);
    deliver(&destination, &outgoing(&topic, None, b"0")).await.expect("delivered");
    let message = outgoing(&topic, None, b"1");
    let outcomes = futures::future::join_all((0..10).map(|_| destination.deliver(message.clone()))).await;
    let failed: Vec<_> = outcomes.into_iter().filter_map(Result::err).collect();
    assert!(!failed.is_empty());
    assert!(
        failed.iter().all(|error| error.advice == Advice::Unreachable && error.detail.contains("queue")),
        "{failed:?}"
    );
    deliver(&destination, &message).await.expect("there is room again");
}

#[tokio::test]
async fn logins_work_and_are_never_shown() {
    let server = KafkaServer::start_secured(&Security::login("ann", "canary-secret"));
    server.create_topic("orders", 1, &[]).await;
    let with = |password| {
        let login = [("security.protocol", "SASL_PLAINTEXT"), ("sasl.mechanism", "PLAIN"), ("sasl.username", "ann")];
        config(server.address(), &[&login[..], &[("sasl.password", password)]].concat())
    };
    let good = start(&with("canary-secret"));
    assert!(deliver(&good, &outgoing("orders", None, b"1")).await.is_ok());
    let bad = start(&with("canary-wrong"));
    let detail = wait_for("the refusal to be noticed", SOON, || async {
        bad.health().detail.filter(|detail| detail.contains("uthentication failed"))
    })
    .await;
    assert!(!bad.health().healthy && !detail.contains("canary"), "{detail}");
    let failed = bad.deliver(outgoing("orders", None, b"1")).await.expect_err("no login");
    assert_eq!((failed.code, failed.advice), (Code::Unreachable, Advice::Unreachable));
    assert!(!failed.detail.contains("canary"), "{}", failed.detail);
}

#[tokio::test]
async fn closing_waits_for_what_is_in_flight_and_takes_nothing_new() {
    let (server, topic) = (KafkaServer::shared(), topic(1, &[]).await);
    let tasks = Tasks::default();
    let slow = config(server.address(), &[("linger.ms", "300")]);
    let destination = KafkaDestination::start("orders-kafka", &slow, &tasks);
    deliver(&destination, &outgoing(&topic, None, b"0")).await.expect("delivered");
    let under_way = destination.deliver(outgoing(&topic, None, b"1"));
    let (outcome, ()) = tokio::join!(under_way, destination.close(SOON));
    assert_eq!(outcome, Ok(Some("partition=0 offset=1".to_owned())));
    let refused = destination.deliver(outgoing(&topic, None, b"2")).await.expect_err("it is closed");
    assert_eq!(refused.advice, Advice::Unreachable);
    tokio::time::timeout(SOON, tasks.wait()).await.expect("its task ends");
    assert_eq!(server.count(&topic), 2);
}

#[test]
fn every_setting_an_operator_may_need_is_taken() {
    let properties = [
        ("compression.type", Property::Text("zstd".to_owned())),
        ("linger.ms", Property::Number(0.5)),
        ("message.max.bytes", Property::Integer(5_000_000)),
        ("security.protocol", Property::Text("SASL_SSL".to_owned())),
        ("sasl.mechanism", Property::Text("SCRAM-SHA-512".to_owned())),
        ("sasl.username", Property::Text("ann".to_owned())),
        ("sasl.password", Property::Text("secret".to_owned())),
        ("enable.ssl.certificate.verification", Property::Boolean(true)),
        ("reconnect.backoff.ms", Property::Integer(5000)),
    ];
    let properties: BTreeMap<_, _> = properties.map(|(name, value)| (name.to_owned(), value)).into();
    let config = KafkaConfig { brokers: vec!["localhost".to_owned()], properties };
    assert_eq!(config.faults(), []);
}
