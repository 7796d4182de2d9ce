use super::{Attempt, Change, Failure, LaneProgress, Progress, Reason, RecordedStatus, Resume, State, StateError};
use crate::codes::Code;
use crate::lane_name::LaneName;
use crate::units::Micros;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

fn lane(name: &str) -> Arc<LaneName> {
    Arc::new(LaneName { route: "orders".into(), name: name.into(), destination: "nats".into(), stream: None })
}

fn good(number: u32) -> Attempt {
    Attempt { number, started: Micros(1000), ended: Micros(1500), failure: None }
}

fn bad(number: u32) -> Attempt {
    let failure = Some(Failure { code: Code::NoAck, detail: format!("attempt {number}") });
    Attempt { number, started: Micros(i64::from(number)), ended: Micros(i64::from(number) + 1), failure }
}

fn delivered(lane: &Arc<LaneName>, position: u64, attempts: Vec<Attempt>) -> Change {
    Change::Delivered {
        lane: lane.clone(),
        position,
        target: "orders.eu".to_owned(),
        key: Some("k".to_owned()),
        receipt: Some(format!("seq={position}")),
        attempts,
    }
}

fn parked(lane: &Arc<LaneName>, position: u64, attempts: Vec<Attempt>) -> Change {
    Change::Parked {
        lane: lane.clone(),
        position,
        received: Micros(5),
        next_attempt: Micros(77),
        key: Some("k".to_owned()),
        target: "orders.eu".to_owned(),
        attempts,
    }
}

fn dead(lane: &Arc<LaneName>, position: u64, attempts: Vec<Attempt>) -> Change {
    Change::Dead {
        lane: lane.clone(),
        position,
        reason: Reason::Attempts,
        detail: "all used".to_owned(),
        at: Micros(99),
        target: None,
        key: None,
        attempts,
        record: vec![1, 2, 3].into(),
    }
}

fn open(path: &Path) -> (State, Resume) {
    State::open(path).unwrap()
}

fn file() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    (dir, path)
}

#[tokio::test]
async fn what_was_recorded_is_read_back_at_once_and_after_a_restart() {
    let (_dir, path) = file();
    let (state, resume) = open(&path);
    assert_eq!(resume.progress, Progress::default());
    let (a, b) = (lane("a"), lane("b"));
    for position in 1..=5000 {
        state.record(delivered(&a, position, vec![good(1)])).await;
    }
    state.record(delivered(&b, 17, vec![bad(1), good(2)])).await;
    let check = async |state: &State| {
        let mut found = state.deliveries(17).await.unwrap();
        found.sort_by(|one, other| one.lane.cmp(&other.lane));
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].status, &found[0].lane), (RecordedStatus::Delivered, &a));
        assert_eq!(found[0].attempts, [good(1)]);
        assert_eq!(found[0].receipt.as_deref(), Some("seq=17"));
        assert_eq!(found[1].attempts, [bad(1), good(2)]);
        let last = state.deliveries(5000).await.unwrap();
        assert_eq!((last[0].target.as_deref(), last[0].key.as_deref()), (Some("orders.eu"), Some("k")));
        assert!(state.deliveries(5001).await.unwrap().is_empty());
    };
    check(&state).await;
    state.close().await;
    check(&open(&path).0).await;
}

#[tokio::test]
async fn a_parked_retry_keeps_its_attempts_until_it_is_settled() {
    let (_dir, path) = file();
    let (state, _) = open(&path);
    let a = lane("a");
    for number in 1..=30 {
        state.record(parked(&a, 3, vec![bad(number)])).await;
    }
    state.record(parked(&a, 4, vec![bad(1)])).await;
    let found = state.deliveries(3).await.unwrap();
    assert_eq!((found[0].status, found[0].next_attempt), (RecordedStatus::Retrying, Some(Micros(77))));
    assert_eq!(
        found[0].attempts.iter().map(|attempt| attempt.number).collect::<Vec<_>>(),
        (11..=30).collect::<Vec<_>>()
    );
    state.close().await;

    let (state, resume) = open(&path);
    let waiting = &resume.parked[0];
    assert_eq!((waiting.position, waiting.attempts, waiting.key.as_deref()), (3, 30, Some("k")));
    assert_eq!((waiting.received, waiting.next_attempt), (Micros(5), Micros(77)));
    state.record(delivered(&a, 3, vec![good(31)])).await;
    state.record(dead(&a, 4, vec![bad(2)])).await;
    let found = state.deliveries(3).await.unwrap();
    assert_eq!((found.len(), found[0].status), (1, RecordedStatus::Delivered));
    assert_eq!((found[0].attempts.len(), found[0].attempts[19].number), (20, 31));
    let found = state.deliveries(4).await.unwrap();
    assert_eq!((found.len(), found[0].status, found[0].attempts.len()), (1, RecordedStatus::Dead, 2));
    state.close().await;
    assert!(open(&path).1.parked.is_empty());
}

#[tokio::test]
async fn dead_letters_are_listed_newest_first_and_page() {
    let (_dir, path) = file();
    let (state, _) = open(&path);
    let other = Arc::new(LaneName { route: "other".into(), ..(*lane("x")).clone() });
    for position in 1..=5 {
        state.record(dead(&lane("a"), position, vec![bad(1)])).await;
    }
    state.record(dead(&other, 2, vec![bad(1)])).await;
    // The same again, as after a crash, is not a second dead letter.
    state.record(dead(&other, 2, vec![bad(1)])).await;
    let all = state.dead_letters(None, None, 100).await.unwrap();
    assert_eq!(all.iter().map(|letter| letter.position).collect::<Vec<_>>(), [2, 5, 4, 3, 2, 1]);
    assert_eq!((all[0].lane.clone(), all[0].attempts, all[0].record.to_vec()), (other, 1, vec![1, 2, 3]));
    let page = state.dead_letters(Some("orders".to_owned()), Some(all[2].sequence), 2).await.unwrap();
    assert_eq!(page.iter().map(|letter| letter.position).collect::<Vec<_>>(), [3, 2]);
    assert_eq!(state.dead_among(vec![9, 2, 1]).await.unwrap(), [2, 1]);
}

#[tokio::test]
async fn forgetting_keeps_dead_letters() {
    let (_dir, path) = file();
    let (state, _) = open(&path);
    let a = lane("a");
    state.record(delivered(&a, 1, vec![good(1)])).await;
    state.record(delivered(&a, 2, vec![bad(1), good(2)])).await;
    state.record(dead(&a, 3, vec![bad(1)])).await;
    state.record(delivered(&a, 9000, vec![good(1)])).await;
    state.forget_below(9000).await.unwrap();
    for (position, records) in [(1, 0), (2, 0), (3, 1), (9000, 1)] {
        assert_eq!(state.deliveries(position).await.unwrap().len(), records, "{position}");
    }
}

#[tokio::test]
async fn progress_is_what_the_source_said_before_the_changes_were_taken() {
    let (_dir, path) = file();
    let (state, _) = open(&path);
    let progress = Arc::new(Mutex::new(Progress::default()));
    let source = progress.clone();
    state.start(Arc::new(move || source.lock().unwrap().clone()));
    let one = LaneProgress { lane: lane("a"), open: vec![3, 9, 1_000_000], next: 1_000_001, left: 4 };
    let two = LaneProgress { lane: lane("b"), open: vec![], next: 5, left: 0 };
    for lanes in [vec![one.clone(), two.clone()], vec![LaneProgress { next: 7, ..two.clone() }], vec![one, two], vec![]]
    {
        let now = Progress { head: 12, lanes };
        *progress.lock().unwrap() = now.clone();
        assert_eq!(state.sync().await.unwrap(), now);
        // A copy of the files is what a crash leaves behind.
        let copy = tempfile::tempdir().unwrap();
        for part in ["state.db", "state.db-wal"] {
            std::fs::copy(path.with_file_name(part), copy.path().join(part)).unwrap();
        }
        assert_eq!(open(&copy.path().join("state.db")).1.progress, now);
    }
}

#[tokio::test]
async fn a_damaged_file_is_moved_aside() {
    for damage in [b"this is no database, whatever its name says".to_vec(), {
        let (_dir, path) = file();
        let (state, _) = open(&path);
        state.close().await;
        let mut bytes = std::fs::read(&path).unwrap();
        // The first page keeps its header; the rest of the file is noise.
        bytes[100..].fill(0x5a);
        bytes
    }] {
        let (dir, path) = file();
        std::fs::write(&path, damage).unwrap();
        let (state, resume) = open(&path);
        assert_eq!(resume.progress, Progress::default());
        state.record(delivered(&lane("a"), 1, vec![good(1)])).await;
        assert_eq!(state.deliveries(1).await.unwrap().len(), 1);
        let aside = std::fs::read_dir(dir.path()).unwrap();
        let names: Vec<String> = aside.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        assert!(names.iter().any(|name| name.starts_with("state.db.damaged-")), "{names:?}");
    }
}

#[tokio::test]
async fn a_newer_file_is_refused_and_left_alone() {
    let (_dir, path) = file();
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let before = std::fs::read(&path).unwrap();
    let error = State::open(&path).err().unwrap();
    assert!(matches!(error, StateError::Version { found: 99, .. }), "{error}");
    assert!(!path.with_file_name("state.db.damaged").exists());
    assert!(before == std::fs::read(&path).unwrap());
}

#[tokio::test]
async fn a_full_queue_waits_and_loses_nothing() {
    let (_dir, path) = file();
    let (state, _) = open(&path);
    let a = lane("a");
    let large = |position| match dead(&a, position, vec![]) {
        Change::Dead { lane, position, reason, detail, at, target, key, attempts, .. } => {
            let record = vec![0; 3 << 20].into();
            Change::Dead { lane, position, reason, detail, at, target, key, attempts, record }
        }
        other => other,
    };
    for position in 1..=12 {
        state.record(large(position)).await;
    }
    assert_eq!(state.dead_letters(None, None, 100).await.unwrap().len(), 12);
}

#[tokio::test]
async fn a_closed_state_refuses_and_frees_those_who_wait() {
    let (_dir, path) = file();
    let (state, _) = open(&path);
    state.close().await;
    state.record(delivered(&lane("a"), 1, vec![good(1)])).await;
    assert!(state.sync().await.is_err());
    assert!(state.deliveries(1).await.unwrap().is_empty());
}
