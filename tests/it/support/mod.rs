//! The harness: real processes, driven from outside, and waiting for conditions instead of sleeping.

pub mod gateway;
#[cfg(feature = "kafka")]
pub mod kafka;
pub mod ledger;
#[cfg(feature = "nats")]
pub mod nats;
pub mod otlp;
pub mod receiver;

use std::future::Future;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Polls until `condition` gives something. Fails the test with `what` when that takes longer than `deadline`.
pub async fn wait_for<T, F>(what: &str, deadline: Duration, mut condition: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let end = Instant::now() + deadline;
    loop {
        if let Some(found) = condition().await {
            return found;
        }
        assert!(Instant::now() < end, "waited {deadline:?} for {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A broker that a test can take away.
#[cfg(any(feature = "kafka", feature = "nats"))]
pub trait Broker {
    /// Starts it again, on the same port and store.
    fn restart(&mut self);
    /// `kill -9`, and waits until it is gone.
    fn kill(&mut self);
    /// Stops it in its tracks: it keeps its connections and answers nothing.
    fn pause(&self);
    /// Lets it go on.
    fn unpause(&self);
}

/// Sends a signal by name: `KILL STOP CONT TERM`. Through the shell, whose `kill` is everywhere.
pub fn signal(pid: u32, name: &str) {
    let script = format!("kill -{name} {pid}");
    let status = Command::new("sh").args(["-c", &script]).stderr(Stdio::null()).status().expect("sh runs");
    assert!(status.success(), "`{script}` failed: is the process still there?");
}

/// Notes a started process, so that `tests/run` can end it should this test be killed.
pub fn note_process(pid: u32) {
    if let Some(dir) = std::env::var_os("SIGNALBOX_TEST_PIDS") {
        std::fs::write(PathBuf::from(dir).join(pid.to_string()), "").expect("the folder of tests/run is there");
    }
}

/// The end of a log file, for messages of failed tests.
pub fn tail(path: &std::path::Path) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}
