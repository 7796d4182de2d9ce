//! The broker absent, killed, paused and restarted while deliveries are under way, and answers of librdkafka's mock cluster
//! that no real broker can be made to give.

use crate::kafka_destination::{SOON, config, deliver, outgoing, start};
use crate::support::kafka::KafkaServer;
use crate::support::{Broker as _, wait_for};
use futures::StreamExt as _;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use signalbox::codes::Code;
use signalbox::deliver::error::Advice;
use signalbox::deliver::kafka::destination::KafkaDestination;
use signalbox::deliver::{Destination as _, Outgoing};
use signalbox::tasks::Tasks;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_broker_absent_at_start_is_found_when_it_comes() {
    let mut server = KafkaServer::absent();
    let destination = start(&config(server.address(), &[]));
    let begun = Instant::now();
    let failed = destination.deliver(outgoing("orders", None, b"1")).await.expect_err("nobody there");
    assert_eq!((failed.code, failed.advice), (Code::Unreachable, Advice::Unreachable));
    assert!(failed.detail.contains("refused"), "{}", failed.detail);
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    let begun = Instant::now();
    destination.deliver(outgoing("orders", None, b"1")).await.expect_err("nobody there");
    assert!(begun.elapsed() < Duration::from_secs(1), "nothing is queued, nobody waits");
    assert!(!destination.health().healthy);
    server.restart();
    server.create_topic("orders", 1, &[]).await;
    wait_for("the topic", SOON, || async { deliver(&destination, &outgoing("orders", None, b"1")).await.ok() }).await;
    assert!(destination.health().healthy);
    assert_eq!(server.count("orders"), 1);
}

/// What a lane does for one key: one message after the other, each until it is delivered.
async fn keep_order(destination: &KafkaDestination, key: usize, count: usize, delivered: &AtomicUsize) {
    for number in 0..count {
        let message = Outgoing {
            key: Some(format!("key-{key}")),
            body: Some(number.to_string().into()),
            ..outgoing("orders", None, b"")
        };
        wait_for("a delivery", Duration::from_mins(2), || async {
            match destination.deliver(message.clone()).await {
                Ok(receipt) => Some(receipt),
                Err(error) => {
                    assert!(!matches!(error.advice, Advice::Never(_)), "{error}");
                    None
                }
            }
        })
        .await;
        delivered.fetch_add(1, Ordering::Relaxed);
    }
}

/// The numbers of each key in the order in which they stand in the topic.
fn by_key(server: &KafkaServer) -> BTreeMap<String, Vec<usize>> {
    let mut found: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for record in server.read("orders") {
        let value = String::from_utf8(record.value.expect("a value")).expect("UTF-8");
        found.entry(record.key.expect("a key")).or_default().push(value.parse().expect("a number"));
    }
    found
}

#[tokio::test]
async fn killed_and_paused_under_load_nothing_is_lost_nothing_doubled_and_keys_keep_their_order() {
    const KEYS: usize = 64;
    const EACH: usize = 60;
    let mut server = KafkaServer::start();
    server.create_topic("orders", 3, &[]).await;
    let destination = start(&config(server.address(), &[]));
    let delivered = AtomicUsize::new(0);
    let load =
        futures::stream::iter(0..KEYS).for_each_concurrent(KEYS, |key| keep_order(&destination, key, EACH, &delivered));
    let faults = async {
        for round in 1..=2 {
            let enough = KEYS * EACH * round / 4;
            wait_for("some deliveries", SOON, || async { (delivered.load(Ordering::Relaxed) >= enough).then_some(()) })
                .await;
            server.kill();
            server.restart();
        }
        wait_for("more deliveries", SOON, || async {
            (delivered.load(Ordering::Relaxed) >= KEYS * EACH * 3 / 4).then_some(())
        })
        .await;
        server.pause();
        let before = delivered.load(Ordering::Relaxed);
        wait_for("the silence to be noticed", SOON, || async { (!destination.health().healthy).then_some(()) }).await;
        assert!(delivered.load(Ordering::Relaxed) <= before + KEYS);
        server.unpause();
    };
    tokio::join!(load, faults);
    let found = by_key(&server);
    assert_eq!(found.len(), KEYS);
    for (key, numbers) in found {
        assert_eq!(numbers, (0..EACH).collect::<Vec<_>>(), "{key}");
    }
}

#[tokio::test]
async fn a_killed_broker_is_noticed_at_once_and_what_was_in_flight_is_acknowledged_once_it_is_back() {
    let mut server = KafkaServer::start();
    server.create_topic("orders", 1, &[]).await;
    let destination = start(&config(server.address(), &[]));
    deliver(&destination, &outgoing("orders", None, b"first")).await.expect("delivered");
    server.pause();
    let waiting = destination.deliver(outgoing("orders", None, b"second"));
    let killing = async {
        server.kill();
        let killed = Instant::now();
        wait_for("the loss to be noticed", SOON, || async { (!destination.health().healthy).then_some(()) }).await;
        let failed = destination.deliver(outgoing("orders", None, b"third")).await.expect_err("nobody there");
        assert_eq!((failed.code, failed.advice), (Code::Unreachable, Advice::Unreachable));
        assert!(killed.elapsed() < Duration::from_secs(5), "{:?}", killed.elapsed());
        server.restart();
    };
    let (outcome, ()) = tokio::join!(waiting, killing);
    assert_eq!(outcome, Ok(Some("partition=0 offset=1".to_owned())));
    assert_eq!(server.count("orders"), 2);
}

#[tokio::test]
async fn a_silent_broker_counts_as_unreachable_and_nothing_piles_up() {
    let server = KafkaServer::start();
    server.create_topic("orders", 1, &[]).await;
    let destination = start(&config(server.address(), &[]));
    deliver(&destination, &outgoing("orders", None, b"first")).await.expect("delivered");
    server.pause();
    let waiting = destination.deliver(outgoing("orders", None, b"second"));
    let others = async {
        wait_for("the silence to be noticed", SOON, || async { (!destination.health().healthy).then_some(()) }).await;
        let refused = AtomicUsize::new(0);
        wait_for("refusals", SOON, || async {
            // Now and then one is let through to see; it would wait for the broker.
            let sent = destination.deliver(outgoing("orders", None, b"third"));
            let failed = tokio::time::timeout(Duration::from_millis(100), sent).await.ok()?.err()?;
            assert_eq!((failed.code, failed.advice), (Code::Unreachable, Advice::Unreachable));
            (refused.fetch_add(1, Ordering::Relaxed) >= 20).then_some(())
        })
        .await;
        server.unpause();
    };
    let (outcome, ()) = tokio::join!(waiting, others);
    assert_eq!(outcome, Ok(Some("partition=0 offset=1".to_owned())));
    wait_for("good health", SOON, || async { destination.health().healthy.then_some(()) }).await;
    assert!(server.count("orders") < 10, "{}", server.count("orders"));
}

#[tokio::test]
async fn when_the_time_is_over_the_fate_is_unknown_and_the_message_is_sent_again() {
    let server = KafkaServer::start();
    server.create_topic("orders", 1, &[]).await;
    let timeout = Duration::from_secs(2);
    let config = config(server.address(), &[]);
    let destination = KafkaDestination::start_with("orders-kafka", &config, &Tasks::default(), timeout);
    deliver(&destination, &outgoing("orders", None, b"first")).await.expect("delivered");
    server.pause();
    let failed = destination.deliver(outgoing("orders", None, b"second")).await.expect_err("nobody answers");
    assert_eq!((failed.code, failed.advice), (Code::NoAck, Advice::Unreachable));
    server.unpause();
    deliver(&destination, &outgoing("orders", None, b"second")).await.expect("delivered");
    let landed = server.read("orders");
    assert!(landed.iter().any(|record| record.value.as_deref() == Some(b"second")), "{landed:?}");
}

/// A cluster that gives the answers it is told to, with the topics `orders` and `other`.
fn mock() -> MockCluster<'static, DefaultProducerContext> {
    let cluster = MockCluster::new(1).expect("a mock cluster");
    for topic in ["orders", "other"] {
        cluster.create_topic(topic, 1, 1).expect("a new topic");
    }
    cluster
}

#[tokio::test]
async fn too_few_replicas_are_waited_for() {
    let cluster = mock();
    let destination = start(&config(cluster.bootstrap_servers(), &[("retry.backoff.ms", "20")]));
    deliver(&destination, &outgoing("orders", None, b"0")).await.expect("delivered");
    let few = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS; 5];
    cluster.request_errors(RDKafkaApiKey::Produce, &few);
    let receipt = deliver(&destination, &outgoing("orders", None, b"1")).await;
    assert_eq!(receipt, Ok(Some("partition=0 offset=1".to_owned())), "stored once, after the replicas came back");
}

#[tokio::test]
async fn a_topic_whose_broker_is_silent_holds_no_other_up() {
    let cluster: MockCluster<'_, DefaultProducerContext> = MockCluster::new(2).expect("a mock cluster");
    for (topic, broker) in [("stuck", 1), ("other", 2)] {
        cluster.create_topic(topic, 1, 1).expect("a new topic");
        cluster.partition_leader(topic, 0, Some(broker)).expect("the topic is there");
    }
    let config = config(cluster.bootstrap_servers(), &[]);
    let timeout = Duration::from_secs(8);
    let destination = KafkaDestination::start_with("orders-kafka", &config, &Tasks::default(), timeout);
    for topic in ["stuck", "other"] {
        deliver(&destination, &outgoing(topic, None, b"0")).await.expect("delivered");
    }
    cluster.broker_round_trip_time(1, Duration::from_mins(1)).expect("the broker is there");
    let message = outgoing("stuck", None, b"1");
    let lane = futures::future::join_all((0..300).map(|_| destination.deliver(message.clone())));
    let done = AtomicUsize::new(0);
    let neighbour = wait_for("the stuck ones to end", SOON, || async {
        let begun = Instant::now();
        destination.deliver(outgoing("other", None, b"1")).await.expect("delivered");
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
        assert!(destination.health().healthy, "the destination is not to blame");
        (done.load(Ordering::Relaxed) > 0).then_some(())
    });
    let lane = async {
        let outcomes = lane.await;
        done.store(1, Ordering::Relaxed);
        outcomes
    };
    let (outcomes, ()) = tokio::join!(lane, neighbour);
    for outcome in outcomes {
        let error = outcome.expect_err("its broker does not answer");
        assert_eq!(error.advice, Advice::Later(None), "{error}");
    }
}

#[tokio::test]
async fn a_login_that_may_not_write_is_tried_again_and_holds_nobody_up() {
    let cluster = mock();
    let destination = start(&config(cluster.bootstrap_servers(), &[]));
    deliver(&destination, &outgoing("orders", None, b"0")).await.expect("delivered");
    cluster.request_errors(RDKafkaApiKey::Produce, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED]);
    let failed = deliver(&destination, &outgoing("orders", None, b"1")).await.expect_err("denied");
    assert_eq!((failed.code, failed.advice), (Code::DestinationFailed, Advice::Later(None)), "{failed}");
    assert!(failed.detail.contains("orders"), "{}", failed.detail);
    deliver(&destination, &outgoing("other", None, b"1")).await.expect("permitted");
    wait_for("the permission to be seen", SOON, || async {
        destination.deliver(outgoing("orders", None, b"1")).await.ok()
    })
    .await;
}
