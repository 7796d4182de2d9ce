//! From written to running: files become an immutable snapshot that is swapped whole, or the old one stays.

pub mod history;
pub mod last_good;
mod old;
mod rollback;
pub mod snapshot;
#[cfg(test)]
mod tests;
pub mod watch;
mod writers;

use crate::config::gateway::GatewayConfig;
use crate::config::problem::{Problem, Severity};
use crate::config::sources::{Found, Sources};
use crate::config::{Loaded, compile, report};
use crate::jq;
use crate::observability::metrics;
use crate::units::Micros;
use arc_swap::ArcSwap;
use history::History;
use old::Old;
pub use rollback::RollbackError;
use snapshot::Snapshot;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use tokio::sync::Notify;

/// How the last reload went (`last_reload` of `GET /api/v1/routes`).
#[derive(Debug, Clone, Default)]
pub struct ReloadReport {
    /// When.
    pub at: Micros,
    /// True = the files of that moment are what runs.
    pub ok: bool,
    /// Errors when it failed; warnings when it went well.
    pub problems: Vec<Problem>,
}

/// The current snapshot and how it came about; shared by everything that runs.
pub struct Snapshots {
    current: ArcSwap<Snapshot>,
    last: Mutex<Arc<ReloadReport>>,
    /// Held through every change of the current snapshot, so that changes come one after the other.
    files: Mutex<Files>,
    history: Mutex<History>,
    old: Mutex<Old>,
    followers: OnceLock<Followers>,
    asked: Notify,
}

/// Called around each swap, on the thread that makes it.
pub struct Followers {
    /// With the snapshot that is about to be current: what it needs starts here, and nothing ends yet.
    pub before: Follower,
    /// With the snapshot that is now current: what it does not need ends here.
    pub after: Follower,
}

/// Called with a snapshot.
pub type Follower = Box<dyn Fn(&Snapshot) + Send + Sync>;

/// Where snapshots come from, and what was seen there.
#[derive(Default)]
struct Files {
    routes_dir: PathBuf,
    schemas_dir: PathBuf,
    /// The gateway has an embedded log.
    keeps_log: bool,
    /// Identity of the files that were looked at last, good or bad.
    examined: u64,
    /// Identity of the files that run; `None` when what runs is an earlier snapshot.
    running: Option<u64>,
    /// The folders that existed when they were read.
    found: Found,
    /// Caps of jq programs.
    jq: jq::Limits,
    /// Findings about the files that run.
    warnings: Vec<Problem>,
}

/// What came of looking at the files.
#[derive(Debug)]
pub enum Reloaded {
    /// They are as they were when they were looked at last.
    Unchanged,
    /// They are what runs already: an edit was taken back.
    Same,
    /// This snapshot is the current one now.
    Swapped(Arc<Snapshot>),
    /// They have problems (see [`Snapshots::last_reload`]); the snapshot before stays.
    Failed,
}

impl Snapshots {
    /// Starts with a first snapshot that comes from no files.
    pub fn new(first: Snapshot, report: ReloadReport) -> Snapshots {
        Snapshots {
            current: ArcSwap::from_pointee(first),
            last: Mutex::new(Arc::new(report)),
            files: Mutex::default(),
            history: Mutex::default(),
            old: Mutex::default(),
            followers: OnceLock::new(),
            asked: Notify::new(),
        }
    }

    /// Starts with what was loaded; later reloads read the same folders again. Returns the static part beside it.
    pub fn from_loaded(loaded: Loaded) -> (GatewayConfig, Snapshots) {
        let Loaded { gateway, sources, mut compiled, failed } = loaded;
        let warnings = std::mem::take(&mut compiled.warnings);
        let report = ReloadReport {
            at: Micros::now(),
            ok: failed.is_none(),
            problems: failed.as_ref().map_or_else(|| warnings.clone(), |failed| failed.problems.clone()),
        };
        let snapshots = Snapshots::new(compiled.into(), report);
        let identity = sources.identity();
        *lock(&snapshots.files) = Files {
            routes_dir: gateway.routes_dir.clone(),
            schemas_dir: gateway.schemas_dir.clone(),
            keeps_log: gateway.keeps_log(),
            examined: failed.as_ref().map_or(identity, |failed| failed.identity),
            running: failed.is_none().then_some(identity),
            found: sources.found,
            jq: gateway.limits.jq(),
            warnings,
        };
        lock(&snapshots.history).jq = gateway.limits.jq();
        lock(&snapshots.history).loaded(Arc::new(sources), Micros::now());
        (gateway, snapshots)
    }

    /// Keeps the history in a data directory, and continues the one that is there. Blocks on file access.
    pub fn keep_history(&self, data_dir: &Path) {
        let _one_at_a_time = lock(&self.files);
        lock(&self.history).continued_from(History::open(data_dir));
        self.save_history();
    }

    /// Sets what is called around each swap; once, before files are watched.
    pub fn follow(&self, followers: Followers) {
        // Set at one place only.
        drop(self.followers.set(followers));
    }

    /// The snapshot of the moment.
    pub fn current(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// The last reload.
    pub fn last_reload(&self) -> Arc<ReloadReport> {
        lock(&self.last).clone()
    }

    /// Asks the watcher to read the files again even if they look the same (SIGHUP: a file named by `${file:…}` may have
    /// changed). Returns at once.
    pub fn trigger(&self) {
        self.asked.notify_one();
    }

    /// Reads the files and makes them the current snapshot if they are good. Blocks on file access; the watcher does this
    /// by itself.
    pub fn reload_now(&self) -> Reloaded {
        self.take(self.read(), true)
    }

    /// The files as they are now.
    fn read(&self) -> Sources {
        let (routes_dir, schemas_dir) = self.folders();
        let jq = lock(&self.files).jq;
        Sources::read(&routes_dir, &schemas_dir).with_jq(jq)
    }

    fn folders(&self) -> (PathBuf, PathBuf) {
        let files = lock(&self.files);
        (files.routes_dir.clone(), files.schemas_dir.clone())
    }

    /// Compiles files and swaps, or keeps what runs and says why. Files that were looked at before are skipped, unless
    /// `again` is set.
    fn take(&self, sources: Sources, again: bool) -> Reloaded {
        let mut files = lock(&self.files);
        let identity = sources.identity();
        if !again && identity == files.examined {
            return Reloaded::Unchanged;
        }
        files.examined = identity;
        let vanished = sources.vanished_since(files.found);
        if !vanished.is_empty() {
            return self.failed(vanished);
        }
        if !again && files.running == Some(identity) {
            self.succeeded(files.warnings.clone());
            return Reloaded::Same;
        }
        match compile::compile_for(&sources, files.keeps_log) {
            Err(problems) => self.failed(problems),
            Ok(mut compiled) => {
                (files.running, files.found) = (Some(identity), sources.found);
                files.warnings = std::mem::take(&mut compiled.warnings);
                lock(&self.history).loaded(Arc::new(sources), Micros::now());
                let snapshot = Arc::new(Snapshot::from(compiled));
                self.swap(&snapshot);
                self.succeeded(files.warnings.clone());
                self.save_history();
                Reloaded::Swapped(snapshot)
            }
        }
    }

    /// Makes a snapshot the current one. Only with `files` locked.
    fn swap(&self, snapshot: &Arc<Snapshot>) {
        if let Some(followers) = self.followers.get() {
            (followers.before)(snapshot);
        }
        // First, so that it can always be asked for by somebody who has read it as the current one.
        lock(&self.old).keep(self.current());
        self.current.store(snapshot.clone());
        if let Some(followers) = self.followers.get() {
            (followers.after)(snapshot);
        }
    }

    /// Writes what is new in the history. What cannot be written stays in memory: no snapshot is refused for it. Only with
    /// `files` locked.
    fn save_history(&self) {
        let Some(unsaved) = lock(&self.history).unsaved() else { return };
        match unsaved.write() {
            Ok(versions) => lock(&self.history).saved(&versions),
            Err(error) => tracing::warn!(%error, "the history of snapshots cannot be written; it stays in memory"),
        }
    }

    fn succeeded(&self, warnings: Vec<Problem>) {
        let current = self.current();
        tracing::info!(
            version = &*current.version,
            routes = current.table.routes().len(),
            destinations = current.destinations.len(),
            "reloaded: routes and schemas are as their files say"
        );
        metrics::reloads("ok").increment(1);
        metrics::reload_ok().set(1.0);
        self.report(true, warnings);
    }

    fn failed(&self, problems: Vec<Problem>) -> Reloaded {
        tracing::error!(
            problems = problems.len(),
            version = &*self.current().version,
            "reload failed: the files have problems, the snapshot before stays in use"
        );
        metrics::reloads("failed").increment(1);
        metrics::reload_ok().set(0.0);
        self.report(false, problems);
        Reloaded::Failed
    }

    fn report(&self, ok: bool, problems: Vec<Problem>) {
        for problem in &problems {
            match problem.severity {
                Severity::Error => tracing::error!("{}", report::line(problem)),
                Severity::Warning => tracing::warn!("{}", report::line(problem)),
            }
        }
        *lock(&self.last) = Arc::new(ReloadReport { at: Micros::now(), ok, problems });
    }
}

/// A panic while a value was held leaves it as it was: every holder replaces whole values.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
