//! The only place that spawns: every task has a kind, and every kind a policy for panics and for shutdown.

use crate::observability::metrics;
use futures::FutureExt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What a task is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Accepts connections of one listener. Without it the gateway is deaf: a panic stops the process.
    Acceptor,
    /// Serves one connection. A panic closes that connection only.
    Connection,
    /// Hands positions to lanes. Without it nothing is delivered: a panic stops the process.
    Dispatcher,
    /// Works one lane. The dispatcher starts it again from its progress.
    Lane,
    /// Watches files and reloads. A panic stops the process, so that no edit is silently ignored.
    Reload,
    /// Retention and other upkeep. A panic stops the process.
    Upkeep,
    /// Keeps a connection to a destination.
    Destination,
    /// Evaluates shadow routes. After a panic they are not counted any more.
    Shadow,
    /// Finishes what a client that has gone away had asked for. A panic ends nothing else.
    Abandoned,
}

impl Kind {
    /// Its name in logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Acceptor => "acceptor",
            Kind::Connection => "connection",
            Kind::Dispatcher => "dispatcher",
            Kind::Lane => "lane",
            Kind::Reload => "reload",
            Kind::Upkeep => "upkeep",
            Kind::Destination => "destination",
            Kind::Shadow => "shadow",
            Kind::Abandoned => "abandoned",
        }
    }

    fn panic_stops_the_process(self) -> bool {
        matches!(self, Kind::Acceptor | Kind::Dispatcher | Kind::Reload | Kind::Upkeep)
    }
}

/// Owner of tasks; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
    fatal: CancellationToken,
}

impl Tasks {
    /// Spawns a task. It should end soon after [`Tasks::stopping`] fires; whatever still runs at the shutdown deadline
    /// is aborted with the runtime.
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    pub fn spawn<F>(&self, kind: Kind, future: F) -> JoinHandle<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let fatal = self.fatal.clone();
        let guarded = AssertUnwindSafe(future).catch_unwind().map(move |outcome| {
            if outcome.is_err() {
                metrics::panics(kind.name()).increment(1);
                tracing::error!(task = kind.name(), "a task panicked");
                if kind.panic_stops_the_process() {
                    fatal.cancel();
                }
            }
        });
        tokio::spawn(self.tracker.track_future(guarded))
    }

    /// Fires when tasks are asked to end.
    pub fn stopping(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Fires when a task the process cannot do without has panicked, or [`Tasks::fail`] was called.
    pub fn failed(&self) -> CancellationToken {
        self.fatal.clone()
    }

    /// Asks every task to end.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Asks the process to stop because something it cannot do without is broken.
    pub fn fail(&self) {
        self.fatal.cancel();
    }

    /// Waits until every task has ended.
    pub async fn wait(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }
}
