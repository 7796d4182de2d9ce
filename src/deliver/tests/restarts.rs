//! What is kept over restarts and crashes.

use super::doubles::{Answer, Scripted};
use super::one_lane;
use super::support::{LIMITS, Rig, Setup, lane, until};
use crate::deliver::Outgoing;
use crate::deliver::dispatcher::{LaneLimits, OpenStatus};
use crate::deliver::entry::RetryPolicy;
use crate::deliver::error::Advice;
use crate::state::{Reason, RecordedStatus};
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn a_clean_restart_repeats_nothing_and_loses_nothing() {
    let destination = Scripted::with_max(3, |_| Answer::TakeAfter(Duration::from_millis(fastrand::u64(0..4))));
    let mut rig = Rig::new(LaneLimits { events: 5, ..LIMITS }, one_lane(&destination));
    let mut positions = Vec::new();
    for round in 0..15 {
        for number in 0..40 {
            positions.push(rig.append(&["a"], (number % 3 != 0).then_some(["x", "y"][number % 2])));
        }
        tokio::time::sleep(Duration::from_millis(round * 3)).await;
        (rig, _) = rig.restart().await;
    }
    rig.settled().await;
    let mut taken = destination.positions();
    taken.sort_unstable();
    assert_eq!(taken, positions);
    assert!(destination.by_key().values().all(|positions| positions.is_sorted()));
}

#[tokio::test(start_paused = true)]
async fn what_was_open_comes_before_everything_newer() {
    let destination = Scripted::new(|_| Answer::Hang);
    let rig = Rig::new(LIMITS, one_lane(&destination));
    let mut positions: Vec<u64> = (0..40).map(|number| rig.append(&["a"], Some(["x", "y"][number % 2]))).collect();
    until("both keys are in flight", || destination.in_flight.load(Ordering::Relaxed) == 2).await;
    rig.delivery.stop(Duration::ZERO).await;
    let (rig, _) = rig.restart().await;
    destination.answers(|_| Answer::Take);
    for _ in 0..100 {
        positions.push(rig.append(&["a"], Some("x")));
        tokio::task::yield_now().await;
    }
    rig.settled().await;
    assert!(destination.by_key().values().all(|positions| positions.is_sorted()));
    assert_eq!(destination.count(), positions.len());
}

#[tokio::test(start_paused = true)]
async fn parked_retries_come_back_with_their_time_and_block_their_key() {
    let destination = Scripted::new(|_| Answer::Fail(Advice::Later(Some(Duration::from_secs(100)))));
    let rig = Rig::new(LIMITS, one_lane(&destination));
    let positions: Vec<u64> = (0..5).map(|_| rig.append(&["a"], Some("k"))).collect();
    let status = |rig: &Rig, at: usize| rig.delivery.open_status(&lane("a"), positions[at]);
    until("the first is parked", || status(&rig, 0) == Some(OpenStatus::Retrying)).await;
    let (rig, kept) = rig.restart().await;
    assert_eq!(kept, 5);
    assert_eq!(status(&rig, 0), Some(OpenStatus::Retrying));
    destination.answers(|_| Answer::Take);
    tokio::time::sleep(Duration::from_secs(90)).await;
    assert_eq!((destination.count(), status(&rig, 1)), (0, Some(OpenStatus::Waiting)));
    rig.settled().await;
    assert_eq!(destination.positions(), positions);
    let record = rig.record(positions[0]).await;
    assert_eq!(record.attempts.iter().map(|attempt| attempt.number).collect::<Vec<_>>(), [1, 2]);
    assert!(record.attempts[1].started.since(record.attempts[0].ended) >= Duration::from_secs(100));
}

#[tokio::test(start_paused = true)]
async fn an_event_that_was_lost_with_the_log_does_not_stop_the_restart() {
    let destination = Scripted::with_max(1, |_| Answer::Hang);
    let rig = Rig::new(LIMITS, one_lane(&destination));
    let positions: Vec<u64> = (0..5).map(|_| rig.append(&["a"], None)).collect();
    until("one is in flight", || destination.in_flight.load(Ordering::Relaxed) == 1).await;
    destination.answers(|_| Answer::Take);
    rig.delivery.stop(Duration::ZERO).await;
    rig.lose(positions[0]);
    let (rig, _) = rig.restart().await;
    rig.settled().await;
    assert_eq!(destination.positions(), positions[1..]);
}

/// A destination of moods: mostly takes, sometimes fails or cannot be reached. What it refuses it refuses again: an event
/// that is taken after all when a crash has forgotten its dead letter would be out of order.
fn moody() -> impl FnMut(&Outgoing) -> Answer {
    let mut away = 0_u32;
    move |outgoing| {
        away = match away {
            0 => u32::from(fastrand::u8(0..60) == 0) * 4,
            more => more - 1,
        };
        match fastrand::u8(0..20) {
            _ if away > 0 => Answer::Fail(Advice::Unreachable),
            0..=2 => Answer::Fail(Advice::Later(None)),
            _ if outgoing.message_id.ends_with('7') => Answer::Fail(Advice::Never(Reason::Refused)),
            _ => Answer::TakeAfter(Duration::from_millis(fastrand::u64(0..8))),
        }
    }
}

async fn crash_round(seed: u64) {
    fastrand::seed(seed);
    let lanes = ["a", "b", "c"];
    let destinations: Vec<_> = lanes.iter().map(|_| Scripted::with_max(1 + fastrand::usize(0..9), moody())).collect();
    let setup = Setup::default();
    for (name, destination) in lanes.iter().zip(&destinations) {
        let retry = RetryPolicy { max: Duration::from_secs(2), ..RetryPolicy::default() };
        setup.add_with(name, true, retry, destination.clone());
    }
    let limits = LaneLimits { events: 1 + fastrand::usize(0..12), parked: 3 + fastrand::usize(0..50), ..LIMITS };
    let mut rig = Rig::new(limits, setup);
    let mut appended: Vec<(u64, Vec<usize>)> = Vec::new();
    for _ in 0..6 {
        for _ in 0..fastrand::usize(0..120) {
            let to: Vec<usize> = (0..3).filter(|_| fastrand::bool()).collect();
            let names: Vec<&str> = to.iter().map(|at| lanes[*at]).collect();
            let key = ["x", "y", "z"].get(fastrand::usize(0..4));
            appended.push((rig.append(&names, key.copied()), to));
            if fastrand::u8(0..10) == 0 {
                tokio::time::sleep(Duration::from_millis(fastrand::u64(0..40))).await;
            }
        }
        match fastrand::u8(0..3) {
            0 => drop(rig.state.sync().await.unwrap()),
            1 => tokio::time::sleep(Duration::from_secs(fastrand::u64(0..4))).await,
            _ => {}
        }
        rig = rig.crash().await;
    }
    rig.settled().await;
    let dead: BTreeSet<(u64, String)> =
        rig.dead().await.into_iter().map(|letter| (letter.position, letter.lane.name.to_string())).collect();
    let taken: Vec<BTreeSet<u64>> =
        destinations.iter().map(|destination| destination.positions().into_iter().collect()).collect();
    for (position, to) in &appended {
        for at in to {
            let done = taken[*at].contains(position) || dead.contains(&(*position, lanes[*at].to_owned()));
            assert!(done, "seed {seed}: lane {} never settled {position}", lanes[*at]);
        }
        let records = rig.state.deliveries(*position).await.unwrap();
        assert_eq!(records.len(), to.len(), "seed {seed}: {position}: {records:?}");
        assert!(records.iter().all(|record| record.status != RecordedStatus::Retrying));
    }
    for destination in &destinations {
        for (key, positions) in destination.by_key() {
            assert!(positions.is_sorted(), "seed {seed}: key {key}: {positions:?}");
        }
    }
    assert_eq!(rig.bytes(), 0, "seed {seed}");
    rig.delivery.stop(Duration::ZERO).await;
    rig.state.close().await;
}

#[tokio::test(start_paused = true)]
async fn crashes_lose_nothing_and_keep_the_order_of_keys() {
    for seed in 0..12 {
        crash_round(seed).await;
    }
}
