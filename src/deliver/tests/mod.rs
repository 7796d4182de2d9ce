//! Lanes at work: order, falling behind, isolation, what is told of them.

mod destinations;
mod direct;
mod doubles;
mod real_log;
mod restarts;
mod support;
mod troubles;

use super::dispatcher::{LaneLimits, OpenStatus};
use super::error::Advice;
use doubles::{Answer, Scripted};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use support::{LIMITS, Rig, Setup, lane, until};

const HOUR: Duration = Duration::from_hours(1);

fn one_lane(destination: &Arc<Scripted>) -> Setup {
    let setup = Setup::default();
    setup.add("a", destination.clone());
    setup
}

#[tokio::test(start_paused = true)]
async fn each_lane_gets_its_events_once_and_in_order_of_key() {
    let (a, b) = (Scripted::with_max(8, slow()), Scripted::new(slow()));
    let setup = one_lane(&a);
    setup.add("b", b.clone());
    let rig = Rig::new(LIMITS, setup);
    let mut expected = [Vec::new(), Vec::new()];
    for number in 0..600 {
        let key = (number % 4 != 0).then(|| format!("k{}", number % 7));
        let lanes: &[&str] = [&["a"][..], &["b"], &["a", "b"], &[]][number % 4];
        let position = rig.append(lanes, key.as_deref());
        for (lane, expected) in ["a", "b"].iter().zip(&mut expected) {
            if lanes.contains(lane) {
                expected.push(position);
            }
        }
        if fastrand::u8(0..20) == 0 {
            tokio::time::sleep(Duration::from_millis(fastrand::u64(0..30))).await;
        }
    }
    rig.settled().await;
    for (destination, expected) in [&a, &b].into_iter().zip(expected) {
        let mut taken = destination.positions();
        taken.sort_unstable();
        assert_eq!(taken, expected);
        for positions in destination.by_key().values() {
            assert!(positions.is_sorted(), "{positions:?}");
        }
    }
    assert_eq!(a.most_in_flight.load(Ordering::Relaxed), 8);
    assert_eq!((rig.lag(), rig.bytes()), (0, 0));
}

fn slow() -> impl FnMut(&super::Outgoing) -> Answer {
    |_| Answer::TakeAfter(Duration::from_millis(fastrand::u64(0..5)))
}

#[tokio::test(start_paused = true)]
async fn a_lane_that_falls_behind_reads_the_log_and_catches_up() {
    for round in 0..20 {
        fastrand::seed(round);
        let (slow, fast) = (Scripted::with_max(2, slow()), Scripted::new(|_| Answer::Take));
        let setup = one_lane(&slow);
        setup.add("b", fast.clone());
        let limits = LaneLimits { events: 1 + fastrand::usize(0..6), ..LIMITS };
        let rig = Rig::new(limits, setup);
        for _ in 0..200 {
            rig.append(if fastrand::bool() { &["a", "b"] } else { &["b"] }, Some("k"));
            if fastrand::u8(0..8) == 0 {
                tokio::time::sleep(Duration::from_millis(fastrand::u64(0..20))).await;
            }
        }
        rig.settled().await;
        for destination in [slow, fast] {
            let taken = destination.positions();
            assert!(taken.is_sorted_by(|one, next| one < next), "round {round}: {taken:?}");
        }
        assert_eq!((rig.lag(), rig.bytes()), (0, 0), "round {round}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lane_that_hangs_holds_nobody_up_and_little_memory() {
    let (dead, gone, healthy) =
        (Scripted::new(|_| Answer::Hang), Scripted::new(|_| unreachable_answer()), Scripted::new(|_| Answer::Take));
    let setup = one_lane(&dead);
    setup.add("b", gone.clone());
    setup.add("c", healthy.clone());
    let limits = LaneLimits { bytes: 64 << 10, ..LIMITS };
    let rig = Rig::new(limits, setup);
    for _ in 0..10_000 {
        rig.append(&["a", "b", "c"], None);
    }
    until("the healthy lane has all", || healthy.count() == 10_000).await;
    assert!(rig.bytes() <= limits.bytes, "{}", rig.bytes());
    until("the other two are known to wait", || {
        let lanes = rig.delivery.lanes();
        lanes.iter().map(|lane| lane.lag).collect::<Vec<_>>().iter().filter(|lag| **lag == 10_000).count() == 2
    })
    .await;
    let paused = rig.delivery.lanes().into_iter().find(|report| report.lane.name == "b").unwrap();
    assert!(paused.paused && paused.oldest.is_some() && paused.lag == 10_000);
    gone.answers(|_| Answer::Take);
    dead.answers(|_| Answer::Take);
    until("the paused lane has all, too", || gone.count() == 10_000).await;
    assert!(gone.positions().is_sorted());
}

fn unreachable_answer() -> Answer {
    Answer::Fail(Advice::Unreachable)
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_lanes_cost_nothing_while_they_are_silent() {
    let destination = Scripted::new(|_| Answer::Take);
    let setup = Setup::default();
    let names: Vec<String> = (0..10_000).map(|number| format!("lane{number}")).collect();
    for name in &names {
        setup.add(name, destination.clone());
    }
    let rig = Rig::new(LaneLimits { idle: Duration::from_secs(2), ..LIMITS }, setup);
    rig.append(&[], None);
    rig.settled().await;
    assert!(rig.delivery.lanes().is_empty());
    for name in &names {
        rig.append(&[name], Some("k"));
    }
    rig.settled().await;
    assert_eq!(destination.count(), 10_000);
    assert!(rig.state.sync().await.unwrap().lanes.is_empty());
    let running = &rig.delivery.shared.context.running;
    until("idle lanes have ended", || running.load(Ordering::Relaxed) == 0).await;
    // An event brings its lane back.
    rig.append(&["lane77"], None);
    rig.settled().await;
    assert_eq!(destination.count(), 10_001);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_lane_may_end_and_start_again_at_any_moment() {
    let destination =
        Scripted::new(|_| if fastrand::bool() { Answer::Take } else { Answer::TakeAfter(Duration::ZERO) });
    let limits = LaneLimits { idle: Duration::ZERO, events: 3, ..LIMITS };
    let rig = Rig::new(limits, one_lane(&destination));
    let mut positions = Vec::new();
    for round in 0..2000_u32 {
        positions.push(rig.append(&["a"], Some("k")));
        if round % 7 == 0 {
            tokio::task::yield_now().await;
        }
        if round % 40 == 0 {
            rig.settled().await;
        }
    }
    rig.settled().await;
    assert_eq!(destination.positions(), positions);
}

#[tokio::test(start_paused = true)]
async fn an_open_event_is_shown_as_it_stands() {
    let destination = Scripted::with_max(1, |_| Answer::Hang);
    let rig = Rig::new(LIMITS, one_lane(&destination));
    let positions: Vec<u64> = (0..3).map(|_| rig.append(&["a"], None)).collect();
    let status = |at: usize| rig.delivery.open_status(&lane("a"), positions[at]);
    until("the first is being delivered", || status(0) == Some(OpenStatus::Delivering)).await;
    assert_eq!(status(1), Some(OpenStatus::Waiting));
    let report = rig.delivery.lanes().remove(0);
    assert_eq!((report.lag, report.in_flight, report.parked, report.paused), (3, 1, 0, false));
    destination.answers(|_| Answer::Fail(Advice::Later(Some(HOUR))));
    rig.delivery.stop(Duration::ZERO).await;
    let (rig, kept) = rig.restart().await;
    assert_eq!(kept, 3);
    let status = |at: usize| rig.delivery.open_status(&lane("a"), positions[at]);
    until("all are parked", || (0..3).all(|at| status(at) == Some(OpenStatus::Retrying))).await;
    assert_eq!(rig.delivery.open_status(&lane("b"), positions[0]), None);
    assert_eq!(rig.delivery.open_status(&lane("a"), positions[2] + 1), Some(OpenStatus::Waiting));
}

#[tokio::test(start_paused = true)]
async fn the_log_is_told_what_is_settled_and_who_holds_the_rest() {
    let destination = Scripted::new(|outgoing| match outgoing.message_id.as_str() {
        "1" | "2" => Answer::Take,
        _ => Answer::Fail(Advice::Later(Some(HOUR))),
    });
    let rig = Rig::new(LIMITS, one_lane(&destination));
    let positions: Vec<u64> = (0..10).map(|_| rig.append(&["a"], None)).collect();
    let kept = *positions.iter().find(|position| **position > 2).unwrap();
    until("the parked event holds the log", || {
        let (below, holder) = rig.log.settled.lock().unwrap().clone();
        below == kept && holder.is_some_and(|holder| *holder == *lane("a"))
    })
    .await;
    destination.answers(|_| Answer::Take);
    tokio::time::sleep(2 * HOUR).await;
    let end = positions[9] + 1;
    until("nothing holds it", || rig.log.settled.lock().unwrap().clone() == (end, None)).await;
    // What the log removes is forgotten here, too.
    // Time that stands still may leap an hour while the state's thread works: one failed attempt, or more.
    assert!(rig.record(kept).await.attempts.len() >= 2);
    rig.log.first.store(end, Ordering::Relaxed);
    let real = std::time::Instant::now();
    while !rig.state.deliveries(kept).await.unwrap().is_empty() {
        assert!(real.elapsed() < Duration::from_secs(20), "still remembered");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn stopping_lets_attempts_in_flight_finish_and_starts_none() {
    let destination = Scripted::with_max(4, |_| Answer::TakeAfter(Duration::from_secs(2)));
    let rig = Rig::new(LIMITS, one_lane(&destination));
    for _ in 0..10 {
        rig.append(&["a"], None);
    }
    until("four are in flight", || destination.in_flight.load(Ordering::Relaxed) == 4).await;
    assert_eq!(rig.delivery.stop(Duration::from_secs(5)).await, 6);
    assert_eq!((destination.count(), destination.asked.load(Ordering::Relaxed)), (4, 4));
    let (rig, _) = rig.restart().await;
    rig.settled().await;
    assert!(destination.positions().is_sorted_by(|one, next| one < next), "nothing twice");
    assert_eq!(destination.count(), 10);
}
