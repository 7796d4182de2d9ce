//! The same lanes on the real log, in real time.

use super::doubles::{Answer, Scripted};
use super::support::{LIMITS, Setup, lane, record, until};
use crate::deliver::dispatcher::{Delivery, LaneLimits};
use crate::deliver::entry::RetryPolicy;
use crate::deliver::error::Advice;
use crate::deliver::log::LogDestination;
use crate::deliver::{Destination, Outgoing, StoredEvent};
use crate::log::{Log, NewEntry, Options, record as stored_record};
use crate::state::{Reason, State};
use crate::tasks::Tasks;
use crate::units::Micros;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

fn open_log(dir: &Path) -> Log {
    let options = Options {
        dir: dir.join("log"),
        segment_bytes: 32 << 10,
        max_age: Duration::from_hours(1),
        max_bytes: 1 << 30,
        duplicate_window: Duration::from_mins(1),
        duplicate_events: 1000,
        queue_requests: 1000,
        tail_bytes: 8 << 10,
        on_broken: Arc::new(|detail| panic!("{detail}")),
    };
    Log::open(options).unwrap()
}

async fn append(log: &Log, number: u64, lanes: &[&str], key: &str) -> u64 {
    let record = Arc::new(record(Micros::now(), "t", number, lanes, Some(key)));
    log.append(vec![NewEntry { record, fingerprint: None }]).await.unwrap()[0].position
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lanes_on_the_real_log_survive_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let lanes = ["a", "b"];
    let refuses = |outgoing: &Outgoing| outgoing.message_id.ends_with("13");
    let destinations = lanes.map(|_| {
        Scripted::with_max(8, move |outgoing| match fastrand::u8(0..12) {
            _ if refuses(outgoing) => Answer::Fail(Advice::Never(Reason::Refused)),
            0 => Answer::Fail(Advice::Later(None)),
            1 => Answer::Fail(Advice::Unreachable),
            _ => Answer::Take,
        })
    });
    let setup = Setup::default();
    let retry = RetryPolicy {
        initial: Duration::from_millis(2),
        max: Duration::from_millis(20),
        deadline: Duration::from_hours(1),
        max_attempts: None,
    };
    for (name, destination) in lanes.iter().zip(&destinations) {
        setup.add_with(name, true, retry, destination.clone());
    }
    let setup = Arc::new(setup);
    let mut positions = Vec::new();
    for round in 0..4_u64 {
        let log = open_log(dir.path());
        let (state, resume) = State::open(&dir.path().join("state.db")).unwrap();
        let limits = LaneLimits { events: 10, ..LIMITS };
        let tasks = Tasks::default();
        let delivery = Delivery::start(log.clone(), state.clone(), setup.plan(), resume, limits, &tasks);
        for number in 0..100 {
            positions.push(append(&log, number, &lanes, ["x", "y", "z"][usize::try_from(number % 3).unwrap()]).await);
        }
        if round == 3 {
            let end = log.head() + 1;
            until("everything is settled", || delivery.shared.floor() == (end, None)).await;
            let dead = state.dead_letters(Some("route".to_owned()), None, 1000).await.unwrap();
            assert!(dead.len() >= 2 && dead.iter().all(|letter| letter.position % 100 == 13));
            let kept = stored_record::decode(dead[0].record.clone()).unwrap();
            let entry = log.get(dead[0].position).await.unwrap().unwrap();
            assert_eq!(kept.event, entry.record.event);
        }
        delivery.stop(Duration::from_secs(5)).await;
        log.close().await;
        state.close().await;
    }
    for destination in destinations {
        let mut taken = destination.positions();
        assert!(destination.by_key().values().all(|positions| positions.is_sorted()));
        taken.sort_unstable();
        taken.dedup();
        let expected: Vec<u64> = positions.iter().copied().filter(|position| position % 100 != 13).collect();
        assert_eq!(taken, expected);
    }
}

#[tokio::test]
async fn a_changed_event_is_stored_beside_the_original() {
    let dir = tempfile::tempdir().unwrap();
    let log = open_log(dir.path());
    let position = append(&log, 1, &["log"], "k").await;
    let changed = Arc::new(record(Micros::now(), "changed", 1, &["log"], None));
    let destination = LogDestination::new(log.clone());
    let outgoing = Outgoing {
        target: "orders".to_owned(),
        key: None,
        headers: Vec::new(),
        body: None,
        message_id: "0".repeat(32),
        stored: Some(StoredEvent { position, lane: lane("log"), record: changed.clone() }),
    };
    destination.deliver(outgoing).await.unwrap();
    let (entries, _) = log.read_stream("orders", 0, 10).await.unwrap();
    assert_eq!((entries[0].position, &entries[0].record.event), (position, &changed.event));
    log.close().await;
}
