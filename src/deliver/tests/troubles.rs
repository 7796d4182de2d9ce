//! Destinations, transforms and logs that fail.

use super::doubles::{Answer, Scripted};
use super::support::{LIMITS, Rig, Setup, lane, until};
use super::{HOUR, one_lane, unreachable_answer};
use crate::codes::Code;
use crate::deliver::dispatcher::{LaneLimits, OpenStatus};
use crate::deliver::entry::RetryPolicy;
use crate::deliver::error::Advice;
use crate::state::{Reason, RecordedStatus};
use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn failed_attempts_are_repeated_and_the_key_waits() {
    let mut failures: HashMap<String, u32> = HashMap::new();
    let destination = Scripted::new(move |outgoing| {
        let made = failures.entry(outgoing.message_id.clone()).or_default();
        *made += 1;
        if *made <= 3 { Answer::Fail(Advice::Later(None)) } else { Answer::Take }
    });
    let rig = Rig::new(LIMITS, one_lane(&destination));
    let positions: Vec<u64> = (0..60).map(|number| rig.append(&["a"], Some(["x", "y"][number % 2]))).collect();
    rig.settled().await;
    let by_key = destination.by_key();
    assert!(by_key["x"].is_sorted() && by_key["y"].is_sorted() && by_key["x"].len() == 30);
    for position in positions {
        let record = rig.record(position).await;
        assert_eq!((record.status, record.attempts.len()), (RecordedStatus::Delivered, 4));
        assert_eq!(record.receipt, Some(format!("for {position}")));
        assert_eq!(record.attempts[0].failure.as_ref().unwrap().code, Code::NoAck);
        assert!(record.attempts[3].failure.is_none());
        assert!(record.attempts.windows(2).all(|pair| pair[0].ended <= pair[1].started));
    }
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_asks_for_time_gets_it() {
    let mut first = true;
    let destination = Scripted::new(move |_| {
        if std::mem::take(&mut first) {
            return Answer::Fail(Advice::Later(Some(Duration::from_secs(90))));
        }
        Answer::Take
    });
    let rig = Rig::new(LIMITS, one_lane(&destination));
    let position = rig.append(&["a"], None);
    rig.settled().await;
    let attempts = rig.record(position).await.attempts;
    assert!(attempts[1].started.since(attempts[0].ended) >= Duration::from_secs(90));
}

#[tokio::test(start_paused = true)]
async fn an_unreachable_destination_uses_no_attempts_and_is_tried_by_one_event_at_a_time() {
    let destination = Scripted::with_max(16, |_| unreachable_answer());
    let rig = Rig::new(LIMITS, one_lane(&destination));
    let positions: Vec<u64> = (0..300).map(|number| rig.append(&["a"], Some(["x", "y"][number % 2]))).collect();
    until("the lane waits", || rig.delivery.lanes().first().is_some_and(|lane| lane.paused)).await;
    tokio::time::sleep(Duration::from_mins(10)).await;
    let asked = destination.asked.load(Ordering::Relaxed);
    assert!((100..2000).contains(&asked), "{asked}");
    assert!(rig.bytes() < 600, "a lane that waits holds the event it tries and no others");
    assert_eq!(rig.lag(), 300);
    destination.answers(|_| Answer::Take);
    rig.settled().await;
    assert_eq!(destination.count(), 300);
    assert!(destination.by_key().values().all(|positions| positions.is_sorted()), "everything resumes in order");
    assert_eq!(rig.record(positions[0]).await.attempts.len(), 1);
    assert!(!rig.delivery.lanes()[0].paused);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_holds_for_failing_hanging_and_unreachable_destinations() {
    let answers: [fn() -> Answer; 3] =
        [|| Answer::Fail(Advice::Later(Some(Duration::from_secs(7)))), || Answer::Hang, unreachable_answer];
    for answer in answers {
        let destination = Scripted::with_max(4, move |_| answer());
        let setup = Setup::default();
        let retry = RetryPolicy { deadline: Duration::from_mins(1), ..RetryPolicy::default() };
        setup.add_with("a", true, retry, destination.clone());
        let rig = Rig::new(LIMITS, setup);
        for number in 0..20 {
            rig.append(&["a"], Some(["x", "y"][number % 2]));
        }
        rig.settled().await;
        let dead = rig.dead().await;
        assert_eq!(dead.len(), 20);
        for letter in dead {
            let record = rig.record(letter.position).await;
            assert_eq!((letter.reason, record.status), (Reason::Deadline, RecordedStatus::Dead));
            assert!(!record.attempts.is_empty());
            let late = letter.at.since(record.attempts[0].started);
            assert!(late <= Duration::from_secs(62), "{answer:?}: {late:?}");
            assert_eq!(letter.record, letter.position.to_string());
        }
        assert!(destination.count() == 0 && rig.bytes() == 0);
    }
}

#[tokio::test(start_paused = true)]
async fn attempts_end_where_the_route_says_so() {
    let destination = Scripted::new(|_| Answer::Fail(Advice::Later(None)));
    let setup = Setup::default();
    let retry = RetryPolicy { max_attempts: Some(25), ..RetryPolicy::default() };
    setup.add_with("a", false, retry, destination.clone());
    let rig = Rig::new(LIMITS, setup);
    let position = rig.append(&["a"], None);
    rig.settled().await;
    let dead = rig.dead().await;
    assert_eq!((dead[0].reason, dead[0].attempts), (Reason::Attempts, 25));
    let kept = rig.record(position).await.attempts;
    assert_eq!((kept.len(), kept[0].number, kept[19].number), (20, 6, 25));
    assert_eq!(destination.asked.load(Ordering::Relaxed), 25);
}

#[tokio::test(start_paused = true)]
async fn a_refused_event_is_dead_at_once_and_the_next_of_its_key_goes_on() {
    let destination = Scripted::new(|outgoing| match outgoing.message_id.parse::<u64>() {
        Ok(position) if position <= 4 => Answer::Fail(Advice::Never(Reason::TooLarge)),
        _ => Answer::Take,
    });
    let rig = Rig::new(LIMITS, one_lane(&destination));
    let positions: Vec<u64> = (0..10).map(|_| rig.append(&["a"], Some("k"))).collect();
    rig.settled().await;
    let dead: Vec<(u64, Reason)> =
        rig.dead().await.into_iter().map(|letter| (letter.position, letter.reason)).collect();
    let refused = positions.iter().filter(|position| **position <= 4);
    assert_eq!(dead, refused.map(|position| (*position, Reason::TooLarge)).collect::<Vec<_>>());
    assert_eq!(destination.positions(), positions[dead.len()..]);
}

#[tokio::test(start_paused = true)]
async fn events_of_a_removed_entry_become_dead_letters() {
    let destination = Scripted::new(|_| unreachable_answer());
    let rig = Rig::new(LIMITS, one_lane(&destination));
    let positions: Vec<u64> = (0..150).map(|_| rig.append(&["a"], Some("k"))).collect();
    until("the lane waits", || rig.delivery.lanes().first().is_some_and(|lane| lane.paused)).await;
    rig.setup.entries.lock().unwrap().clear();
    rig.delivery.snapshot_changed();
    rig.settled().await;
    let dead = rig.dead().await;
    assert_eq!(dead.iter().map(|letter| letter.position).collect::<Vec<_>>(), positions);
    assert!(dead.iter().all(|letter| letter.reason == Reason::RouteRemoved && letter.attempts == 1));
    // A lane that is gone for good is forgotten.
    until("its task has ended", || {
        rig.delivery.snapshot_changed();
        rig.delivery.lanes().is_empty()
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_prepared_is_dead_and_a_panic_kills_one_event_only() {
    let destination = Scripted::new(|_| Answer::Take);
    let rig = Rig::new(LIMITS, one_lane(&destination));
    let unfillable = rig.append_type("unfillable", &["a"], Some("k"));
    let poison = rig.append_type("poison", &["a"], Some("k"));
    let good = rig.append(&["a"], Some("k"));
    rig.settled().await;
    let dead = rig.dead().await;
    let seen: Vec<(u64, Reason, u32)> =
        dead.iter().map(|letter| (letter.position, letter.reason, letter.attempts)).collect();
    assert_eq!(seen, [(unfillable, Reason::Template, 1), (poison, Reason::Transform, 3)]);
    assert_eq!(destination.positions(), [good]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_a_destination_or_of_the_lane_itself_loses_nothing() {
    let mut calls = 0;
    let destination = Scripted::new(move |_| {
        calls += 1;
        if calls % 3 == 1 { Answer::Panic } else { Answer::Take }
    });
    let rig = Rig::new(LIMITS, one_lane(&destination));
    let first: Vec<u64> = (0..20).map(|_| rig.append(&["a"], Some("k"))).collect();
    rig.settled().await;
    rig.setup.panics.store(5, Ordering::Relaxed);
    let second: Vec<u64> = (0..20).map(|_| rig.append(&["a"], Some("k"))).collect();
    rig.settled().await;
    assert_eq!(rig.setup.panics.load(Ordering::Relaxed), 0);
    assert_eq!(destination.positions(), [first, second].concat());
    assert!(!rig.tasks.failed().is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn a_lane_whose_destination_is_not_running_waits_for_it() {
    let destination = Scripted::new(|_| Answer::Take);
    let rig = Rig::new(LIMITS, one_lane(&destination));
    rig.setup.destinations.lock().unwrap().clear();
    let position = rig.append(&["a"], None);
    until("the lane waits", || rig.delivery.lanes().first().is_some_and(|lane| lane.paused)).await;
    tokio::time::sleep(HOUR).await;
    rig.setup.destinations.lock().unwrap().insert("a".to_owned(), destination.clone());
    rig.delivery.snapshot_changed();
    rig.settled().await;
    assert_eq!(destination.positions(), [position]);
}

#[tokio::test(start_paused = true)]
async fn a_lane_full_of_retries_takes_nothing_more_until_they_are_settled() {
    let destination = Scripted::with_max(2, |_| Answer::Fail(Advice::Later(Some(HOUR))));
    let setup = Setup::default();
    setup.add_with("a", false, RetryPolicy::default(), destination.clone());
    let limits = LaneLimits { parked: 10, events: 4, ..LIMITS };
    let rig = Rig::new(limits, setup);
    let positions: Vec<u64> = (0..100).map(|_| rig.append(&["a"], None)).collect();
    tokio::time::sleep(Duration::from_mins(1)).await;
    let report = rig.delivery.lanes().remove(0);
    assert!((10..=16).contains(&report.parked), "{report:?}");
    assert_eq!(report.lag, 100);
    assert!(rig.delivery.open_status(&lane("a"), positions[99]) == Some(OpenStatus::Waiting));
    destination.answers(|_| Answer::Take);
    rig.settled().await;
    assert_eq!(destination.count(), 100);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_waits_holds_neither_memory_nor_other_keys() {
    let destination = Scripted::new(|outgoing| match outgoing.key.as_deref() {
        Some("stuck") => Answer::Fail(Advice::Later(Some(HOUR))),
        _ => Answer::Take,
    });
    let rig = Rig::new(LaneLimits { events: 10, ..LIMITS }, one_lane(&destination));
    for _ in 0..500 {
        rig.append(&["a"], Some("stuck"));
        rig.append(&["a"], Some("free"));
    }
    until("the other key is through", || destination.count() == 500).await;
    let report = rig.delivery.lanes().remove(0);
    assert_eq!((report.lag, report.parked, rig.bytes()), (500, 1, 0));
    destination.answers(|_| Answer::Take);
    rig.settled().await;
    assert!(destination.by_key()["stuck"].is_sorted());
}

#[tokio::test(start_paused = true)]
async fn an_event_the_log_has_lost_is_passed_over() {
    let destination = Scripted::new(|_| Answer::Fail(Advice::Later(Some(HOUR))));
    let rig = Rig::new(LIMITS, one_lane(&destination));
    let (lost, kept) = (rig.append(&["a"], Some("k")), rig.append(&["a"], Some("k")));
    until("it is parked", || rig.delivery.open_status(&lane("a"), lost) == Some(OpenStatus::Retrying)).await;
    rig.lose(lost);
    destination.answers(|_| Answer::Take);
    rig.settled().await;
    assert_eq!(destination.positions(), [kept]);
}

#[tokio::test(start_paused = true)]
async fn a_log_that_cannot_be_read_for_a_while_delays_only() {
    let destination = Scripted::new(|_| Answer::Take);
    let rig = Rig::new(LaneLimits { events: 2, ..LIMITS }, one_lane(&destination));
    let mut positions = Vec::new();
    for _ in 0..20 {
        rig.log.broken.store(fastrand::bool(), Ordering::Relaxed);
        positions.extend((0..10).map(|_| rig.append(&["a"], Some("k"))));
        tokio::time::sleep(Duration::from_millis(fastrand::u64(0..1500))).await;
    }
    rig.log.broken.store(false, Ordering::Relaxed);
    rig.settled().await;
    assert_eq!(destination.positions(), positions);
}
