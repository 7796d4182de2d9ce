//! HTTP listeners: sockets, timers and caps, shared by the public listeners and the admin listener. Knows requests and
//! answers, but no events.
//!
//! `axum::serve` has no timer and no cap on connections (reliability.md §2.2), so the accept loop is ours:
//! - from accept to the end of the first head, and from the first byte of a later head to its end: `header_timeout`,
//!   then the connection is closed without an answer;
//! - between requests: `idle_timeout`, longer than that, because an idle keep-alive connection costs little;
//! - a request in work has no timer here: its handler has a deadline of its own;
//! - a peer that reads nothing of its answer for 30 s is cut;
//! - one connection more than `connections` is accepted and closed at once, so that its peer learns it; a quarter of
//!   the process's file descriptors is never used for connections.

pub mod activity;
pub mod body;
pub mod problem;

mod accept;
mod connection;
mod descriptors;
mod socket;

#[cfg(test)]
mod tests;

use crate::tasks::{Kind, Tasks};
use accept::{Acceptor, Connections};
use activity::Activity;
use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Incoming;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Connections the kernel holds for us until we accept them.
const BACKLOG: u32 = 4096;

/// A clock cannot be set for any time an operator may write; nothing waits longer than this.
pub const LONGEST: Duration = Duration::from_hours(24 * 365);

/// Caps and times of one listener.
#[derive(Debug, Clone)]
pub struct Options {
    /// Its name in metrics and log lines.
    pub name: String,
    /// Open connections; one more is closed at once.
    pub connections: usize,
    /// Header fields of a request; more is 431.
    pub headers: usize,
    /// Bytes of a request's head (not below 8 KiB); more is 431.
    pub header_bytes: usize,
    /// From accept, or from the first byte of a later request, to the end of its head.
    pub header_timeout: Duration,
    /// From the end of an answer to the first byte of the next request.
    pub idle_timeout: Duration,
    /// A peer that has closed its sending side still gets its answer; else it ends the connection.
    pub half_close: bool,
}

impl Options {
    fn heads(&self) -> connection::Heads {
        connection::Heads { fields: self.headers, bytes: self.header_bytes, half_close: self.half_close }
    }
}

/// The connection is to be closed without an answer: what became of the request must stay unknown to its sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection is closed without an answer")]
pub struct Abort;

/// The connection side of one request.
#[derive(Debug, Clone)]
pub struct Exchange {
    activity: Arc<Activity>,
    started: Instant,
    http2: bool,
}

impl Exchange {
    /// When the first byte of the request's head came (HTTP/2: when its head was complete).
    pub fn started(&self) -> Instant {
        self.started
    }

    /// The request came by HTTP/2, which knows no `Connection` header.
    pub fn is_http2(&self) -> bool {
        self.http2
    }

    /// Says that the request is answered although its body was not read to the end: the connection is closed after the
    /// answer, and what still comes is thrown away for a moment so that the peer sees the answer.
    pub fn leave_unread(&self) {
        self.activity.leave_unread();
    }
}

/// Answers requests. Cheap to clone; shared by all connections of a listener.
pub trait Handler: Clone + Send + Sync + 'static {
    /// Bodies of its answers.
    type Body: http_body::Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>
        + From<Bytes>
        + Unpin
        + Send
        + 'static;

    /// Answers one request. A panic becomes a 500 and ends nothing else.
    fn handle(
        self,
        request: Request<Incoming>,
        exchange: Exchange,
    ) -> impl Future<Output = Result<Response<Self::Body>, Abort>> + Send + 'static;
}

/// A listener at work.
pub struct Running {
    name: String,
    address: SocketAddr,
    connections: Arc<Connections>,
    draining: CancellationToken,
    stopped: CancellationToken,
}

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
pub struct BindError {
    /// As configured.
    pub address: String,
    /// Why.
    #[source]
    pub source: io::Error,
}

/// A bound socket.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    address: SocketAddr,
}

impl Bound {
    /// The address, with the real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Binds a listening socket. Takes names as well as addresses; the first address that works counts.
pub async fn bind(address: &str) -> Result<Bound, BindError> {
    let fail = |source| BindError { address: address.to_owned(), source };
    let mut failure = io::Error::new(io::ErrorKind::AddrNotAvailable, "the name has no address");
    for candidate in tokio::net::lookup_host(address).await.map_err(fail)? {
        match listen(candidate) {
            Ok(bound) => return Ok(bound),
            Err(error) => failure = error,
        }
    }
    Err(fail(failure))
}

fn listen(address: SocketAddr) -> io::Result<Bound> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    let listener = socket.listen(BACKLOG)?;
    let address = listener.local_addr()?;
    Ok(Bound { listener, address })
}

/// Serves a bound socket. `draining` fires when [`Running::drain`] is called, for answers that would never end by
/// themselves.
pub fn start<H: Handler>(
    bound: Bound,
    options: Options,
    handler: H,
    draining: CancellationToken,
    tasks: &Tasks,
) -> Running {
    let Bound { listener, address } = bound;
    let connections = descriptors::affordable(options.connections, &options.name);
    let header_timeout = options.header_timeout.min(LONGEST);
    let options = Options { connections, header_timeout, idle_timeout: options.idle_timeout.min(LONGEST), ..options };
    let connections = Arc::new(Connections::new(&options.name));
    let stopped = CancellationToken::new();
    let running = Running {
        name: options.name.clone(),
        address,
        connections: Arc::clone(&connections),
        draining: draining.clone(),
        stopped: stopped.clone(),
    };
    let acceptor = Acceptor { listener, options, handler, tasks: tasks.clone(), connections, stop: draining, stopped };
    drop(tasks.spawn(Kind::Acceptor, acceptor.run()));
    running
}

impl Running {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The address it listens on, with the real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts nothing more, lets requests in work finish, tells keep-alive peers to go, and cuts what is left at the
    /// deadline. True when nothing had to be cut.
    pub async fn drain(&self, deadline: Duration) -> bool {
        self.draining.cancel();
        let finished = async {
            self.stopped.cancelled().await;
            self.connections.drain();
            self.connections.gone().await;
        };
        match tokio::time::timeout(deadline, finished).await {
            Ok(()) => true,
            Err(_) => self.connections.cut() == 0,
        }
    }
}
