//! `kill -9` at random moments: this test binary runs itself as a child that appends, and looks at what it left.

use super::support::{Bench, all_from, once, options, record};
use crate::log::{AppendError, Log, Options};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

const CHILD_DIR: &str = "SIGNALBOX_LOG_CRASH_DIR";
const CHILD_FIRST: &str = "SIGNALBOX_LOG_CRASH_FIRST";
const ROUNDS: u64 = 24;
/// Events the child leaves unsettled.
const UNSETTLED: u64 = 300;

fn crash_options(dir: &Path) -> Options {
    Options {
        segment_bytes: 40_000,
        max_bytes: 400_000,
        tail_bytes: 10_000,
        on_broken: Arc::new(|detail| say(&format!("broken {detail}"))),
        ..options(dir)
    }
}

fn child(test: &str, dir: &Path, first: u64) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(CHILD_DIR, dir)
        .env(CHILD_FIRST, first.to_string())
        .stdout(Stdio::piped());
    command
}

/// A line of its own on stdout, in one write, so that a kill never leaves half of one in the middle.
fn say(line: &str) {
    std::io::stdout().lock().write_all(format!("\n{line}\n").as_bytes()).unwrap();
}

/// The child: appends numbered events, several at a time, until it is killed.
#[test]
fn crash_child() {
    let Ok(dir) = std::env::var(CHILD_DIR) else { return };
    let mut next: u64 = std::env::var(CHILD_FIRST).unwrap().parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let log = Log::open(crash_options(Path::new(&dir))).unwrap();
        loop {
            let requests = (0..5).map(|request| {
                let numbers = next..next + 1 + request % 3;
                next = numbers.end;
                append(&log, numbers)
            });
            let requests: Vec<_> = requests.collect();
            futures::future::join_all(requests).await;
            let settled = log.head().saturating_sub(UNSETTLED);
            say(&format!("settled {settled}"));
            log.settled_below(settled, None);
        }
    });
}

async fn append(log: &Log, numbers: std::ops::Range<u64>) {
    numbers.clone().for_each(|number| say(&format!("sent {number}")));
    let entries = numbers.clone().map(|number| once(record(number), u128::from(number))).collect();
    match log.append(entries).await {
        Ok(stored) => {
            for (number, stored) in numbers.zip(stored) {
                say(&format!("acked {number} {}", stored.position));
            }
        }
        Err(_) => numbers.for_each(|number| say(&format!("refused {number}"))),
    }
}

/// What the children said.
#[derive(Default)]
struct Ledger {
    /// Sent and not refused.
    sent: BTreeSet<u64>,
    acked: BTreeMap<u64, u64>,
    settled: u64,
    refused: usize,
    broken: usize,
}

impl Ledger {
    fn note(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |at: usize| words[at].parse::<u64>().unwrap();
        match words[0] {
            "sent" => drop(self.sent.insert(number(1))),
            "acked" => drop(self.acked.insert(number(1), number(2))),
            "settled" => self.settled = number(1),
            "refused" => {
                self.sent.remove(&number(1));
                self.refused += 1;
            }
            "broken" => self.broken += 1,
            _ => {}
        }
    }

    async fn check(&self, log: &Log) {
        let stored = all_from(log, 1).await;
        assert!(stored.windows(2).all(|pair| pair[0].position < pair[1].position));
        let mut found = BTreeMap::new();
        for entry in &stored {
            let number = entry.record.event.id.trim_start_matches("id-").parse::<u64>().unwrap();
            let known = self.sent.contains(&number) || self.acked.contains_key(&number);
            assert!(known, "{number} was refused or never sent");
            assert_eq!(*entry.record, record(number), "altered");
            assert_eq!(found.insert(number, entry.position), None, "{number} is stored twice");
        }
        for (number, position) in &self.acked {
            if *position >= self.settled {
                assert_eq!(found.get(number), Some(position), "acked event {number} is lost");
            }
        }
        for (number, position) in &found {
            assert_eq!(self.acked.get(number).unwrap_or(position), position);
        }
    }
}

/// Reads what the child says; kills it after a while. The rest of its words still counts.
fn let_live(child: &mut Child, ledger: &mut Ledger, life: Duration) {
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    while !lines.by_ref().next().unwrap().is_ok_and(|line| {
        ledger.note(&line);
        line.starts_with("acked")
    }) {}
    let id = child.id();
    let killer = std::thread::spawn(move || {
        std::thread::sleep(life);
        let killed = Command::new("kill").args(["-9", &id.to_string()]).status().unwrap();
        assert!(killed.success());
    });
    lines.map_while(Result::ok).for_each(|line| ledger.note(&line));
    killer.join().unwrap();
    child.wait().unwrap();
}

#[tokio::test]
async fn kill_9_at_random_moments_loses_and_alters_nothing() {
    let bench = Bench::new();
    let dir = bench.options.dir.clone();
    let mut ledger = Ledger::default();
    let mut random = fastrand::Rng::with_seed(5);
    for round in 0..ROUNDS {
        let mut first = ledger.sent.last().map_or(0, |last| last + 1);
        if round % 2 == 0 {
            // What was sent last is sent again, as a sender without an answer would.
            first = first.saturating_sub(20);
        }
        let mut child = child("log::tests::crash::crash_child", &dir, first).spawn().unwrap();
        let_live(&mut child, &mut ledger, Duration::from_millis(random.u64(1..120)));
        if round % 3 != 1 {
            let log = Log::open(crash_options(&dir)).unwrap();
            ledger.check(&log).await;
            log.close().await;
        }
    }
    assert!(ledger.acked.len() > 1_000, "{} events were acked", ledger.acked.len());
    assert_eq!(ledger.broken, 0);
}

/// The child of the next test: appends until the log breaks, and then once more.
#[test]
fn broken_child() {
    let Ok(dir) = std::env::var(CHILD_DIR) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let unlimited = Options { max_bytes: 1 << 30, segment_bytes: 1 << 30, ..crash_options(Path::new(&dir)) };
        let log = Log::open(unlimited).unwrap();
        for number in 0.. {
            let before = log.append(vec![once(record(number), u128::from(number))]).await;
            match before {
                Ok(stored) => say(&format!("acked {number} {}", stored[0].position)),
                Err(AppendError::Closed) => {
                    say(&format!("refused {number}"));
                    break;
                }
                Err(other) => panic!("{other}"),
            }
        }
        append(&log, 0..1).await;
        log.close().await;
    });
}

#[tokio::test]
async fn a_failed_write_breaks_the_log_once_and_acknowledges_nothing() {
    let bench = Bench::new();
    let dir = bench.options.dir.clone();
    let plain = child("log::tests::crash::broken_child", &dir, 0);
    // No file may grow beyond 600 KiB: the write that tries fails with an error that is not "disk full".
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 1200; exec \"$@\"", "sh"]).arg(plain.get_program());
    limited.args(plain.get_args()).envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = limited.output().unwrap();
    let mut ledger = Ledger::default();
    String::from_utf8(output.stdout).unwrap().lines().for_each(|line| ledger.note(line));
    assert!(ledger.acked.len() > 10, "{}", ledger.acked.len());
    assert_eq!((ledger.broken, ledger.refused), (1, 2), "said once; that append and the next one got no receipt");
    ledger.sent = (0..=ledger.acked.len() as u64).collect();
    let log = Log::open(Options { max_bytes: 1 << 30, ..crash_options(&dir) }).unwrap();
    ledger.check(&log).await;
    log.close().await;
}
