//! Sees that files have changed, waits until they are whole, and reloads.
//!
//! Notifications only wake the watcher up; what has changed is decided by reading. A poll each second stands behind them,
//! for file systems that send none and for folders that are replaced whole. Files count as whole when two reads
//! `SETTLE` apart find the same and nobody holds one open that was just written to: editors' renames, copies in place,
//! half-written files, symlink swaps and storms of writes come down to one reload of a complete state.

use super::Snapshots;
use super::writers::{self, Writers};
use crate::config::sources::{Sources, stamp};
use crate::observability::metrics;
use crate::tasks::{Kind, Tasks};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

/// Time between two looks at the folders without a notification.
const POLL: Duration = Duration::from_secs(1);
/// Files must be the same for this long.
const SETTLE: Duration = Duration::from_millis(200);
/// Files that keep changing for this long are worth a warning, again after each such time.
const RESTLESS: Duration = Duration::from_secs(10);

/// Watches the folders the snapshots came from until the tasks are stopped; SIGHUP has them read at once. Must be called
/// inside the runtime.
pub fn start(snapshots: &Arc<Snapshots>, tasks: &Tasks) {
    for outcome in ["ok", "failed"] {
        metrics::reloads(outcome).increment(0);
    }
    metrics::reload_ok().set(f64::from(u8::from(snapshots.last_reload().ok)));
    // From here on SIGHUP ends nothing: who was told that the gateway is ready may send one at once.
    let hangup = signal(SignalKind::hangup())
        .inspect_err(|error| tracing::warn!(%error, "SIGHUP cannot be awaited; files are still watched"))
        .ok();
    tasks.spawn(Kind::Reload, run(snapshots.clone(), hangup, tasks.stopping()));
}

async fn run(snapshots: Arc<Snapshots>, mut hangup: Option<Signal>, stopping: CancellationToken) {
    let (routes_dir, schemas_dir) = snapshots.folders();
    let woken = Arc::new(Notify::new());
    let writers = Arc::<Writers>::default();
    let mut eyes = Eyes::new(&routes_dir, &schemas_dir, &woken, &writers);
    let mut seen = None;
    let mut poll = interval(POLL);
    poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        // All five are cancel-safe: a `Notify` keeps its permit, a signal stays pending, a tick that is not taken comes again.
        let (look, again) = tokio::select! {
            () = stopping.cancelled() => return,
            () = woken.notified() => (true, false),
            () = snapshots.asked.notified() => (true, true),
            () = hung_up(&mut hangup) => (true, true),
            _ = poll.tick() => (false, false),
        };
        let folders = (routes_dir.clone(), schemas_dir.clone());
        let Some((opened, now)) = off_thread(move || (eyes.refreshed(), stamp(&folders.0, &folders.1))).await else {
            return;
        };
        eyes = opened;
        if !look && seen == Some(now) {
            continue;
        }
        let Some(sources) = settled(&snapshots, &writers, &stopping).await else { return };
        let shared = snapshots.clone();
        let Some(_) = off_thread(move || shared.take(sources, again)).await else { return };
        seen = Some(now);
    }
}

/// Waits for SIGHUP: for ever where it cannot be awaited.
async fn hung_up(hangup: &mut Option<Signal>) {
    let received = match hangup {
        Some(hangup) => hangup.recv().await,
        None => None,
    };
    if received.is_none() {
        std::future::pending::<()>().await;
    }
}

/// Reads until two reads find the same and no writer is in the middle. `None`: the gateway is stopping.
async fn settled(snapshots: &Arc<Snapshots>, writers: &Writers, stopping: &CancellationToken) -> Option<Sources> {
    let mut warned = Instant::now();
    let mut since = Instant::now();
    let mut before = None;
    loop {
        let shared = snapshots.clone();
        let sources = off_thread(move || shared.read()).await?;
        let identity = sources.identity();
        if before != Some(identity) {
            since = Instant::now();
        } else if !writers.are_busy() || since.elapsed() >= writers::PATIENCE {
            return Some(sources);
        }
        if warned.elapsed() > RESTLESS {
            warned = Instant::now();
            tracing::warn!("files in routes or schemas keep changing; waiting until they rest");
        }
        before = Some(identity);
        tokio::select! {
            () = stopping.cancelled() => return None,
            () = sleep(SETTLE) => {}
        }
    }
}

/// Runs work that waits for files. `None`: the runtime is shutting down. A panic goes on to the caller, whose policy it is
/// to end the process.
async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Some(done),
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => None,
    }
}

/// The notifications of the operating system. Without them (no watches left, no such folder) the poll does the work.
struct Eyes {
    watcher: Option<RecommendedWatcher>,
    folders: [(PathBuf, RecursiveMode, Option<FolderId>); 2],
}

/// What a folder's path leads to; changes when the folder, or a symlink on the way to it, is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FolderId {
    device: u64,
    inode: u64,
    created: Option<SystemTime>,
}

impl FolderId {
    fn of(path: &Path) -> Option<FolderId> {
        let metadata = path.metadata().ok()?;
        #[cfg(unix)]
        let (device, inode) = {
            use std::os::unix::fs::MetadataExt;
            (metadata.dev(), metadata.ino())
        };
        #[cfg(not(unix))]
        let (device, inode) = (0, 0);
        Some(FolderId { device, inode, created: metadata.created().ok() })
    }
}

impl Eyes {
    fn new(routes_dir: &Path, schemas_dir: &Path, woken: &Arc<Notify>, writers: &Arc<Writers>) -> Eyes {
        let (woken, writers) = (woken.clone(), writers.clone());
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Reading a file is an event, too: our own reads must not wake us up.
            let changed = |event: &notify::Event| {
                matches!(event.kind, EventKind::Create(_) | EventKind::Modify(_) | EventKind::Remove(_))
            };
            if let Ok(event) = &event {
                writers.note(event);
            }
            if event.map_or(true, |event| changed(&event) || event.need_rescan()) {
                woken.notify_one();
            }
        });
        if let Err(error) = &watcher {
            tracing::warn!(%error, "no file notifications; the folders are looked at each second");
        }
        let folders = [
            (routes_dir.to_owned(), RecursiveMode::NonRecursive, None),
            (schemas_dir.to_owned(), RecursiveMode::Recursive, None),
        ];
        Eyes { watcher: watcher.ok(), folders }
    }

    /// Watches folders that have appeared or were replaced.
    fn refreshed(mut self) -> Eyes {
        let Some(watcher) = &mut self.watcher else { return self };
        for (path, mode, watched) in &mut self.folders {
            let found = FolderId::of(path);
            if found == *watched {
                continue;
            }
            if watched.is_some() {
                // Fails when the folder took its watch with it, which is what is wanted.
                drop(watcher.unwatch(path));
            }
            *watched = found.filter(|_| watcher.watch(path, *mode).is_ok());
        }
        self
    }
}
