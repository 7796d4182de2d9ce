//! Events whose senders wait: what is answered, when, and what a destination is asked.

use super::doubles::{Answer, Scripted};
use super::support::{Setup, record};
use crate::codes::Code;
use crate::deliver::Reach;
use crate::deliver::direct::{Bounds, Direct, Handover, Told};
use crate::deliver::entry::RetryPolicy;
use crate::deliver::error::Advice;
use crate::log::record::Entry;
use crate::state::Reason;
use crate::tasks::Tasks;
use crate::units::Micros;
use futures::FutureExt;
use futures::future::join_all;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

const TIME: Duration = Duration::from_secs(10);
const BOUNDS: Bounds = Bounds { places: 1000, batch: 100 };

fn direct(destinations: &[(&str, &Arc<Scripted>)]) -> (Direct, Arc<Setup>) {
    let setup = Arc::new(Setup::default());
    for (name, destination) in destinations {
        setup.add(name, (*destination).clone());
    }
    (Direct::start(setup.plan(), BOUNDS, false, &Tasks::default()), setup)
}

/// An event by its number; the doubles tell messages apart by it.
fn event(number: u64, lanes: &[&str], key: Option<&str>) -> Arc<Entry> {
    typed("t", number, lanes, key)
}

fn typed(ty: &str, number: u64, lanes: &[&str], key: Option<&str>) -> Arc<Entry> {
    Arc::new(Entry { position: number, record: Arc::new(record(Micros(1), ty, number, lanes, key)) })
}

fn told(handover: Handover) -> Vec<(usize, String, Option<Code>)> {
    let Handover::Partly(all) = handover else { panic!("not partly: {handover:?}") };
    let tell = |told: Told| (told.event, told.lane.name.to_string(), told.failure.map(|failure| failure.code));
    all.into_iter().map(tell).collect()
}

fn refusal(handover: Handover) -> Code {
    let Handover::Nothing(failure) = handover else { panic!("something was handed over: {handover:?}") };
    failure.code
}

#[tokio::test(start_paused = true)]
async fn an_event_is_taken_when_every_deliver_entry_has_taken_it() {
    let (fast, slow) = (Scripted::new(|_| Answer::Take), Scripted::new(|_| Answer::TakeAfter(Duration::from_secs(3))));
    let (direct, _setup) = direct(&[("fast", &fast), ("slow", &slow)]);
    let begun = Instant::now();
    assert_eq!(direct.hand_over(&[event(1, &["fast", "slow"], None)], TIME).await, Handover::Taken);
    assert_eq!(begun.elapsed(), Duration::from_secs(3));
    assert_eq!((fast.positions(), slow.positions()), (vec![1], vec![1]));
    assert_eq!(direct.hand_over(&[event(2, &[], None)], TIME).await, Handover::Taken, "no route: nothing to wait for");
    assert!(direct.finish(Duration::ZERO).await);
}

#[tokio::test(start_paused = true)]
async fn where_a_destination_is_known_to_be_down_nothing_is_handed_to_any() {
    let (up, down) = (Scripted::new(|_| Answer::Take), Scripted::new(|_| Answer::Take));
    *down.reach.lock().unwrap() = Reach::Down;
    let (direct, _setup) = direct(&[("up", &up), ("down", &down)]);
    let begun = Instant::now();
    let handover = direct.hand_over(&[event(1, &["up"], None), event(2, &["up", "down"], None)], TIME).await;
    assert_eq!(refusal(handover), Code::Unreachable);
    assert_eq!((begun.elapsed(), up.count(), down.count()), (Duration::ZERO, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_was_only_just_started_is_waited_for() {
    let destination = Scripted::new(|_| Answer::Take);
    *destination.reach.lock().unwrap() = Reach::Unknown;
    let (direct, _setup) = direct(&[("a", &destination)]);
    let events = [event(1, &["a"], None)];
    let mut waiting = Box::pin(direct.hand_over(&events, TIME));
    assert!((&mut waiting).now_or_never().is_none());
    *destination.reach.lock().unwrap() = Reach::Up;
    assert_eq!(waiting.await, Handover::Taken);
    *destination.reach.lock().unwrap() = Reach::Unknown;
    assert_eq!(refusal(direct.hand_over(&events, TIME).await), Code::Unreachable);
    assert_eq!(destination.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_turns_out_to_be_unreachable_is_refused_unless_something_was_handed_over() {
    // The doubles say `NoAck`: the message may have arrived, so nothing definite can be said.
    let lost = Scripted::new(|_| Answer::Fail(Advice::Unreachable));
    let (alone, _setup) = direct(&[("lost", &lost)]);
    let begun = Instant::now();
    assert_eq!(
        told(alone.hand_over(&[event(1, &["lost"], None)], TIME).await),
        [(0, "lost".to_owned(), Some(Code::NoAck))]
    );
    assert!(lost.count() == 0 && begun.elapsed() <= TIME);
    assert!(lost.asked.load(std::sync::atomic::Ordering::Relaxed) > 2, "it was tried again");
    // Down from the second attempt on: still nothing definite.
    let falling = Scripted::new(|_| Answer::Fail(Advice::Unreachable));
    let (direct, _setup) = direct(&[("falling", &falling)]);
    let events = [event(1, &["falling"], None)];
    let mut waiting = Box::pin(direct.hand_over(&events, TIME));
    assert!((&mut waiting).now_or_never().is_none());
    *falling.reach.lock().unwrap() = Reach::Down;
    assert_eq!(told(waiting.await).len(), 1);
    assert_eq!(refusal(direct.hand_over(&events, TIME).await), Code::Unreachable);
}

#[tokio::test(start_paused = true)]
async fn the_first_refusal_for_good_ends_the_request_at_once() {
    let (good, slow) = (Scripted::new(|_| Answer::Take), Scripted::new(|_| Answer::TakeAfter(TIME)));
    let bad = Scripted::new(|_| Answer::Fail(Advice::Never(Reason::TooLarge)));
    let (direct, _setup) = direct(&[("good", &good), ("bad", &bad), ("slow", &slow)]);
    let begun = Instant::now();
    let outcome = told(direct.hand_over(&[event(1, &["good", "slow", "bad"], None)], TIME).await);
    assert_eq!(begun.elapsed(), Duration::ZERO);
    let names =
        |failed: bool| outcome.iter().filter(move |(_, _, code)| code.is_some() == failed).map(|(_, name, _)| &**name);
    assert_eq!(
        (names(false).collect::<Vec<_>>(), names(true).collect::<Vec<_>>()),
        (vec!["good"], vec!["slow", "bad"])
    );
    assert_eq!(slow.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_become_a_message_keeps_all_others_from_being_sent() {
    let destination = Scripted::new(|_| Answer::Take);
    let (direct, _setup) = direct(&[("a", &destination), ("b", &destination)]);
    for ty in ["unfillable", "poison"] {
        let events = [event(1, &["a", "b"], None), typed(ty, 2, &["b"], None)];
        let outcome = told(direct.hand_over(&events, TIME).await);
        assert_eq!(outcome.len(), 3);
        assert!(outcome.iter().all(|(_, _, code)| code.is_some()), "{outcome:?}");
    }
    assert_eq!(destination.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_may_pass_is_retried_inside_the_time() {
    let mut left = 3;
    let destination = Scripted::new(move |_| {
        left -= 1;
        if left >= 0 { Answer::Fail(Advice::Later(None)) } else { Answer::Take }
    });
    let (direct, setup) = direct(&[("a", &destination)]);
    assert_eq!(direct.hand_over(&[event(1, &["a"], None)], TIME).await, Handover::Taken);
    destination.answers(|_| Answer::Fail(Advice::Later(None)));
    let begun = Instant::now();
    told(direct.hand_over(&[event(2, &["a"], None)], TIME).await);
    assert!(begun.elapsed() > TIME / 20 && begun.elapsed() <= TIME, "{:?}", begun.elapsed());
    let few = RetryPolicy { max_attempts: Some(2), ..RetryPolicy::default() };
    setup.add_with("a", true, few, destination.clone());
    let before = destination.asked.load(std::sync::atomic::Ordering::Relaxed);
    told(direct.hand_over(&[event(3, &["a"], None)], TIME).await);
    assert_eq!(destination.asked.load(std::sync::atomic::Ordering::Relaxed) - before, 2);
    let hint = Some(TIME * 2);
    destination.answers(move |_| Answer::Fail(Advice::Later(hint)));
    let begun = Instant::now();
    told(direct.hand_over(&[event(4, &["a"], None)], TIME).await);
    assert!(begun.elapsed() <= TIME);
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_never_answers_costs_its_event_the_time_and_the_next_one_nothing() {
    let destination = Scripted::new(|_| Answer::Hang);
    let (direct, setup) = direct(&[("a", &destination)]);
    let begun = Instant::now();
    let outcome = told(direct.hand_over(&[event(1, &["a"], Some("k"))], TIME).await);
    assert_eq!((outcome.len(), begun.elapsed()), (1, TIME));
    destination.answers(|_| Answer::Take);
    assert_eq!(direct.hand_over(&[event(2, &["a"], Some("k"))], TIME).await, Handover::Taken);
    // The deadline of the entry counts, too.
    destination.answers(|_| Answer::Hang);
    let short = RetryPolicy { deadline: Duration::from_secs(2), ..RetryPolicy::default() };
    setup.add_with("a", true, short, destination.clone());
    let begun = Instant::now();
    told(direct.hand_over(&[event(3, &["a"], Some("k"))], TIME).await);
    assert_eq!(begun.elapsed(), Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn each_key_keeps_its_order_and_keys_do_not_wait_for_each_other() {
    let mut failures = 0;
    let destination = Scripted::new(move |_| {
        failures += 1;
        match failures % 7 {
            0 => Answer::Fail(Advice::Later(None)),
            _ => Answer::TakeAfter(Duration::from_millis(fastrand::u64(1..50))),
        }
    });
    let (direct, _setup) = direct(&[("a", &destination)]);
    let keys = ["x", "y", "z", "w"];
    // Requests of one to three events, all at once.
    let mut number = 0;
    let requests: Vec<Vec<Arc<Entry>>> = (0..60)
        .map(|_| {
            let mut next = || {
                number += 1;
                event(number, &["a"], Some(keys[fastrand::usize(0..4)]))
            };
            (0..fastrand::usize(1..=3)).map(|_| next()).collect()
        })
        .collect();
    let outcomes = join_all(requests.iter().map(|events| direct.hand_over(events, Duration::from_mins(10)))).await;
    assert!(outcomes.iter().all(|outcome| *outcome == Handover::Taken));
    for (key, positions) in destination.by_key() {
        assert!(positions.is_sorted(), "{key}: {positions:?}");
    }
    assert_eq!(destination.most_in_flight.load(std::sync::atomic::Ordering::Relaxed), 4, "one of each key at once");
    assert_eq!(direct.lanes()[0].lag, 0);
}

#[tokio::test(start_paused = true)]
async fn an_event_given_up_before_its_turn_is_never_sent() {
    let destination = Scripted::new(|_| Answer::Hang);
    let (direct, _setup) = direct(&[("a", &destination)]);
    let (first, second, third) =
        (event(1, &["a"], Some("k")), event(2, &["a"], Some("k")), event(3, &["a"], Some("k")));
    let (first, second, third) = ([first], [second], [third]);
    let mut one = Box::pin(direct.hand_over(&first, TIME * 3));
    let mut two = Box::pin(direct.hand_over(&second, TIME));
    let mut three = Box::pin(direct.hand_over(&third, TIME * 4));
    assert!((&mut one).now_or_never().is_none() && (&mut two).now_or_never().is_none());
    assert!((&mut three).now_or_never().is_none());
    assert_eq!(direct.lanes()[0].lag, 3);
    assert_eq!(told(two.await).len(), 1);
    destination.answers(|_| Answer::Take);
    // The client of the first one's request has gone.
    drop(one);
    assert_eq!(three.await, Handover::Taken);
    assert_eq!(destination.positions(), [3]);
    assert!(direct.finish(Duration::ZERO).await);
}

#[tokio::test(start_paused = true)]
async fn a_full_lane_refuses_before_anything_is_handed_over_and_leaves_room_for_others() {
    let (stuck, free) = (Scripted::new(|_| Answer::Hang), Scripted::new(|_| Answer::Take));
    let setup = Arc::new(Setup::default());
    setup.add("stuck", stuck.clone());
    setup.add("free", free.clone());
    let bounds = Bounds { places: 100, batch: 10 };
    let direct = Direct::start(setup.plan(), bounds, false, &Tasks::default());
    let events: Vec<[Arc<Entry>; 1]> = (1..=25).map(|number| [event(number, &["stuck"], None)]).collect();
    let mut waiting: Vec<_> = events.iter().map(|event| Box::pin(direct.hand_over(event, TIME))).collect();
    for one in &mut waiting {
        assert!(one.now_or_never().is_none());
    }
    let both = [event(99, &["free", "stuck"], None)];
    assert_eq!(refusal(direct.hand_over(&both, TIME).await), Code::Overloaded);
    assert_eq!(free.count(), 0);
    assert_eq!(direct.hand_over(&[event(100, &["free"], None)], TIME).await, Handover::Taken);
    drop(waiting);
    assert!(direct.finish(Duration::ZERO).await);
}

#[tokio::test(start_paused = true)]
async fn a_deliver_entry_that_is_gone_is_told() {
    let destination = Scripted::new(|_| Answer::Take);
    let (direct, setup) = direct(&[("a", &destination), ("b", &destination)]);
    setup.entries.lock().unwrap().remove("b");
    let outcome = told(direct.hand_over(&[event(1, &["a", "b"], None)], TIME).await);
    assert_eq!(outcome.len(), 2);
    assert!(outcome.iter().all(|(_, _, code)| *code == Some(Code::RouteRemoved)), "{outcome:?}");
    assert_eq!(destination.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_reload_between_decision_and_attempt_refuses_nobody() {
    let (old, new) = (Scripted::new(|_| Answer::Take), Scripted::new(|_| Answer::Take));
    let (direct, setup) = direct(&[("stays", &new), ("leaves", &old)]);
    let entry = setup.entries.lock().unwrap().remove("leaves").unwrap();
    setup.earlier.lock().unwrap().insert("leaves".to_owned(), entry);
    assert_eq!(direct.hand_over(&[event(1, &["stays", "leaves"], None)], TIME).await, Handover::Taken);
    assert_eq!((old.positions(), new.positions()), (vec![1], vec![1]));
}

#[tokio::test(start_paused = true)]
async fn equal_events_of_one_request_have_messages_of_their_own() {
    let destination = Scripted::new(|_| Answer::Take);
    let (direct, _setup) = direct(&[("a", &destination)]);
    let same = || event(7, &["a"], None);
    for _ in 0..2 {
        assert_eq!(direct.hand_over(&[same(), same(), same()], TIME).await, Handover::Taken);
    }
    let ids: Vec<String> =
        destination.taken.lock().unwrap().iter().map(|outgoing| outgoing.message_id.clone()).collect();
    assert_eq!(ids[..3], ids[3..], "the same when the request is sent again");
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
}
