//! The server absent, killed, paused and restarted while deliveries are under way: nothing lost, nothing doubled.

use crate::nats_destination::{SOON, deliver, ensuring, outgoing};
use crate::support::nats::NatsServer;
use crate::support::{Broker as _, wait_for};
use futures::StreamExt as _;
use signalbox::codes::Code;
use signalbox::deliver::Destination as _;
use signalbox::deliver::error::Advice;
use signalbox::deliver::nats::config::NatsConfig;
use signalbox::deliver::nats::destination::NatsDestination;
use signalbox::tasks::Tasks;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

fn start(config: &NatsConfig) -> NatsDestination {
    NatsDestination::start("edge", config, &Tasks::default())
}

/// Each message of the stream by its id: how many copies.
async fn copies(server: &NatsServer) -> BTreeMap<String, usize> {
    let mut copies = BTreeMap::new();
    for message in server.messages("ORDERS").await {
        let id = message.headers.get("Nats-Msg-Id").expect("every message has its id").to_string();
        *copies.entry(id).or_default() += 1;
    }
    copies
}

#[tokio::test]
async fn a_server_absent_at_start_is_found_when_it_comes() {
    let mut server = NatsServer::absent();
    let destination = start(&ensuring(server.url(), &["orders.>"]));
    let begun = Instant::now();
    let failed = destination.deliver(outgoing("orders.a", "1", b"1")).await.expect_err("nobody there");
    assert_eq!((failed.code, failed.advice), (Code::Unreachable, Advice::Unreachable));
    assert!(begun.elapsed() < Duration::from_secs(4), "nothing is queued, nobody waits");
    assert!(!destination.health().healthy);
    server.restart();
    let receipt = deliver(&destination, &outgoing("orders.a", "1", b"1")).await;
    assert_eq!(receipt, Ok(Some("stream=ORDERS seq=1".to_owned())));
    assert!(destination.health().healthy);
}

#[tokio::test]
async fn killed_again_and_again_under_load_nothing_is_lost_and_nothing_doubled() {
    const EVENTS: usize = 3000;
    let mut server = NatsServer::start();
    let destination = start(&ensuring(server.url(), &["orders.>"]));
    let delivered = AtomicUsize::new(0);
    let in_doubt = AtomicUsize::new(0);
    let load = futures::stream::iter(0..EVENTS).for_each_concurrent(64, |number| {
        let message = outgoing("orders.a", "", b"{}");
        let message = signalbox::deliver::Outgoing { message_id: format!("id-{number}"), ..message };
        let (destination, delivered, in_doubt) = (&destination, &delivered, &in_doubt);
        async move {
            wait_for("a delivery", SOON, || async {
                match destination.deliver(message.clone()).await {
                    Ok(receipt) => Some(receipt),
                    Err(error) => {
                        in_doubt.fetch_add(usize::from(error.code == Code::NoAck), Ordering::Relaxed);
                        assert!(!matches!(error.advice, Advice::Never(_)), "{error}");
                        None
                    }
                }
            })
            .await;
            delivered.fetch_add(1, Ordering::Relaxed);
        }
    });
    let faults = async {
        for round in 1..=3 {
            let enough = EVENTS * round / 5;
            wait_for("some deliveries", SOON, || async { (delivered.load(Ordering::Relaxed) >= enough).then_some(()) })
                .await;
            server.kill();
            server.restart();
        }
    };
    tokio::join!(load, faults);
    assert_eq!(delivered.load(Ordering::Relaxed), EVENTS);
    assert!(in_doubt.load(Ordering::Relaxed) > 0, "the kills hit nothing in flight: this test shows nothing");
    let copies = copies(&server).await;
    assert_eq!(copies.len(), EVENTS, "lost");
    assert_eq!(copies.values().max(), Some(&1), "doubled");
}

#[tokio::test]
async fn a_paused_server_leaves_a_delivery_in_doubt_and_the_retry_makes_no_copy() {
    let server = NatsServer::start();
    let destination = start(&ensuring(server.url(), &["orders.>"]));
    deliver(&destination, &outgoing("orders.a", "first", b"1")).await.expect("delivered");
    server.pause();
    let begun = Instant::now();
    let failed = destination.deliver(outgoing("orders.a", "second", b"1")).await.expect_err("nobody answers");
    assert_eq!((failed.code, failed.advice), (Code::NoAck, Advice::Unreachable));
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    server.unpause();
    deliver(&destination, &outgoing("orders.a", "second", b"1")).await.expect("delivered");
    assert_eq!(copies(&server).await, BTreeMap::from([("first".to_owned(), 1), ("second".to_owned(), 1)]));
}

#[tokio::test]
async fn a_lost_connection_is_noticed_before_the_timeout() {
    let mut server = NatsServer::start();
    let destination = start(&ensuring(server.url(), &["orders.>"]));
    deliver(&destination, &outgoing("orders.a", "first", b"1")).await.expect("delivered");
    server.pause();
    let waiting = destination.deliver(outgoing("orders.a", "second", b"1"));
    let killing = async {
        server.kill();
        Instant::now()
    };
    let (outcome, killed) = tokio::join!(waiting, killing);
    assert_eq!(outcome.map_err(|error| error.code), Err(Code::NoAck));
    assert!(killed.elapsed() < Duration::from_secs(4), "{:?}", killed.elapsed());
}

#[tokio::test]
async fn a_server_paused_for_long_counts_as_lost_and_nothing_piles_up() {
    let server = NatsServer::start();
    let destination = start(&ensuring(server.url(), &["orders.>"]));
    deliver(&destination, &outgoing("orders.a", "first", b"1")).await.expect("delivered");
    server.pause();
    wait_for("the silence to be noticed", SOON, || async { (!destination.health().healthy).then_some(()) }).await;
    let begun = Instant::now();
    let failed = destination.deliver(outgoing("orders.a", "second", b"1")).await.expect_err("nobody answers");
    assert_eq!((failed.code, failed.advice), (Code::Unreachable, Advice::Unreachable));
    assert!(begun.elapsed() < Duration::from_secs(4), "refused at once, not after the timeout");
    server.unpause();
    deliver(&destination, &outgoing("orders.a", "second", b"1")).await.expect("delivered");
    assert_eq!(copies(&server).await.len(), 2);
}

#[tokio::test]
async fn closing_waits_for_what_is_in_flight_and_takes_nothing_new() {
    let server = NatsServer::start();
    let tasks = Tasks::default();
    let destination = NatsDestination::start("edge", &ensuring(server.url(), &["orders.>"]), &tasks);
    deliver(&destination, &outgoing("orders.a", "0", b"1")).await.expect("delivered");
    server.pause();
    let under_way = destination.deliver(outgoing("orders.a", "1", b"1"));
    let closing = async {
        server.unpause();
        destination.close(SOON).await;
    };
    let (outcome, ()) = tokio::join!(under_way, closing);
    assert_eq!(outcome, Ok(Some("stream=ORDERS seq=2".to_owned())));
    let refused = destination.deliver(outgoing("orders.a", "2", b"1")).await.expect_err("it is closed");
    assert_eq!(refused.advice, Advice::Unreachable);
    tokio::time::timeout(SOON, tasks.wait()).await.expect("its tasks end");
}
