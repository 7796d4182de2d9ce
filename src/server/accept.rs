//! The accept loop: a cap on connections, no spinning when the process is out of file descriptors, and an end that
//! answers what was on its way.

use super::activity::{Activity, Times};
use super::connection::{self, Streams};
use super::{Handler, Options};
use crate::observability::metrics;
use crate::tasks::{Kind, Tasks};
use ::metrics::{Counter, Gauge};
use futures::FutureExt;
use hyper_util::server::conn::auto::Builder;
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// A failed accept waits this long, doubled up to the second value: out of file descriptors is not cured by trying.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// The open connections of a listener.
pub struct Connections {
    open: Mutex<Open>,
    changed: Notify,
    gauge: Gauge,
    refused: Counter,
}

#[derive(Default)]
struct Open {
    next: u64,
    draining: bool,
    activities: HashMap<u64, Arc<Activity>>,
}

impl Connections {
    /// None yet.
    pub fn new(listener: &str) -> Connections {
        Connections {
            open: Mutex::default(),
            changed: Notify::new(),
            gauge: metrics::connections(listener),
            refused: metrics::connections_refused(listener),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a connection in; `None` when there are `cap` already.
    fn enter(self: &Arc<Self>, cap: usize) -> Option<Entry> {
        let mut open = self.lock();
        if open.activities.len() >= cap {
            drop(open);
            self.refused.increment(1);
            return None;
        }
        let activity = Arc::new(Activity::begun());
        let number = open.next;
        open.next += 1;
        open.activities.insert(number, Arc::clone(&activity));
        if open.draining {
            activity.drain();
        }
        drop(open);
        self.gauge.increment(1.0);
        Some(Entry { connections: Arc::clone(self), number, activity })
    }

    /// How many are open.
    pub fn len(&self) -> usize {
        self.lock().activities.len()
    }

    /// Asks all of them, and all that come, to finish.
    pub fn drain(&self) {
        let mut open = self.lock();
        open.draining = true;
        open.activities.values().for_each(|activity| activity.drain());
    }

    /// Closes all of them; how many there were.
    pub fn cut(&self) -> usize {
        let open = self.lock();
        open.activities.values().for_each(|activity| activity.cut());
        open.activities.len()
    }

    /// Resolves when none is left.
    pub async fn gone(&self) {
        loop {
            let changed = self.changed.notified();
            if self.len() == 0 {
                return;
            }
            changed.await;
        }
    }
}

/// One connection in the count; out when dropped.
struct Entry {
    connections: Arc<Connections>,
    number: u64,
    activity: Arc<Activity>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.connections.lock().activities.remove(&self.number);
        self.connections.gauge.decrement(1.0);
        self.connections.changed.notify_waiters();
    }
}

/// Everything the accept loop needs.
pub struct Acceptor<H> {
    /// Where connections come in.
    pub listener: TcpListener,
    /// The caps.
    pub options: Options,
    /// Answers requests.
    pub handler: H,
    /// Owns the connections' tasks.
    pub tasks: Tasks,
    /// The open connections.
    pub connections: Arc<Connections>,
    /// Fires when nothing more is to be accepted.
    pub stop: CancellationToken,
    /// Fired by us when the socket is closed.
    pub stopped: CancellationToken,
}

impl<H: Handler> Acceptor<H> {
    /// Accepts until told to stop. What the kernel had accepted by then is still served.
    pub async fn run(self) {
        let _closed = self.stopped.clone().drop_guard();
        let builder = Arc::new(connection::builder(self.options.heads(), self.tasks.clone()));
        let stopping = self.tasks.stopping();
        let mut backoff = BACKOFF.0;
        loop {
            // Cancel safe: `accept` loses no connection when dropped.
            let accepted = tokio::select! {
                biased;
                () = self.stop.cancelled() => break,
                () = stopping.cancelled() => break,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((socket, _)) => {
                    backoff = BACKOFF.0;
                    self.admit(socket, &builder);
                }
                Err(error) if is_the_peers_doing(&error) => {}
                Err(error) => {
                    tracing::warn!(listener = %self.options.name, %error, "cannot accept connections; trying again");
                    if tokio::time::timeout(backoff, self.stop.cancelled()).await.is_ok() {
                        break;
                    }
                    backoff = (backoff * 2).min(BACKOFF.1);
                }
            }
        }
        while let Some(Ok((socket, _))) = self.listener.accept().now_or_never() {
            self.admit(socket, &builder);
        }
        if stopping.is_cancelled() {
            self.connections.cut();
        }
    }

    fn admit(&self, socket: TcpStream, builder: &Arc<Builder<Streams>>) {
        let Some(entry) = self.connections.enter(self.options.connections) else {
            return;
        };
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        let times = Times { header: self.options.header_timeout, idle: self.options.idle_timeout };
        let (builder, handler, fields) = (Arc::clone(builder), self.handler.clone(), self.options.headers);
        drop(self.tasks.spawn(Kind::Connection, async move {
            let activity = Arc::clone(&entry.activity);
            connection::serve(&builder, times, fields, socket, activity, handler).await;
            drop(entry);
        }));
    }
}

/// Faults of one connection that was gone before we took it.
fn is_the_peers_doing(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
