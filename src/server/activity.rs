//! What one connection is doing and since when: what its timers go by. Written by the socket wrapper and the request
//! wrapper, read by the connection's supervisor; times are milliseconds since the connection was opened.

use futures::task::AtomicWaker;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::task::Waker;
use std::time::Duration;
use tokio::time::Instant;

/// How long the connections of one listener may do nothing.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// From connecting, or from the first byte of a later request, to the end of that request's head.
    pub header: Duration,
    /// From the end of one answer to the first byte of the next request.
    pub idle: Duration,
}

/// A peer that reads nothing of its answer for this long is cut.
const WRITE_STALL: Duration = Duration::from_secs(30);
/// How long the rest of a request that was answered early is read and thrown away, so that the peer sees the answer and
/// not a reset.
const LINGER: Duration = Duration::from_secs(1);
/// While draining: how long a connection without a request may still begin one, so that a request on its way is
/// answered and not reset.
const DRAIN_IDLE: Duration = Duration::from_millis(300);
/// While draining: how long a head that has begun may take.
const DRAIN_HEAD: Duration = Duration::from_secs(2);

const HTTP2: u8 = 1;
const TOUCHED: u8 = 2;
const UNREAD: u8 = 4;

const ORDER_DRAIN: u8 = 1;
const ORDER_CUT: u8 = 2;

/// When the supervisor must act, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Nothing can run out while a request is in work: the handler has its own deadline.
    Never,
    /// Close politely at this time: `GOAWAY`, or close when no request is on its way.
    WindDown(u64),
    /// Close without ceremony at this time.
    Cut(u64),
}

/// What the listener asked of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Nothing.
    Serve,
    /// Finish what is in work, then close.
    Drain,
    /// Close now.
    Cut,
}

/// The state of one connection.
#[derive(Debug)]
pub struct Activity {
    opened: Instant,
    in_flight: AtomicU32,
    /// Milliseconds shifted left by one; the low bit is set while a head is expected or under way.
    since: AtomicU64,
    /// When the socket stopped taking bytes, plus one; 0 while it takes them.
    blocked: AtomicU64,
    /// When lingering ends, plus one; 0 while not lingering.
    linger: AtomicU64,
    flags: AtomicU8,
    order: AtomicU8,
    ordered: AtomicU64,
    waker: AtomicWaker,
}

impl Activity {
    /// A connection that was accepted now and owes us a head.
    pub fn begun() -> Activity {
        Activity {
            opened: Instant::now(),
            in_flight: AtomicU32::new(0),
            since: AtomicU64::new(1),
            blocked: AtomicU64::new(0),
            linger: AtomicU64::new(0),
            flags: AtomicU8::new(0),
            order: AtomicU8::new(0),
            ordered: AtomicU64::new(0),
            waker: AtomicWaker::new(),
        }
    }

    /// When it was accepted.
    pub fn opened(&self) -> Instant {
        self.opened
    }

    /// The clock of this connection.
    pub fn now(&self) -> u64 {
        millis(self.opened.elapsed())
    }

    /// Bytes came in. The first ones after an answer begin a head. HTTP/2 frames between requests (pings, window
    /// updates) begin none.
    pub fn bytes_read(&self) {
        let flags = self.flags.load(Ordering::Relaxed);
        if flags & TOUCHED == 0 {
            self.flags.fetch_or(TOUCHED, Ordering::Relaxed);
        }
        let idle = self.since.load(Ordering::Relaxed) & 1 == 0;
        if idle && flags & HTTP2 == 0 && self.in_flight.load(Ordering::Relaxed) == 0 {
            self.since.store(self.now() << 1 | 1, Ordering::Relaxed);
        }
    }

    /// The socket took no more bytes.
    pub fn write_blocked(&self) {
        if self.blocked.load(Ordering::Relaxed) == 0 {
            self.blocked.store(self.now() + 1, Ordering::Relaxed);
        }
    }

    /// The socket took bytes.
    pub fn write_moved(&self) {
        if self.blocked.load(Ordering::Relaxed) != 0 {
            self.blocked.store(0, Ordering::Relaxed);
        }
    }

    /// A head is complete: a request is in work from now on. Returns when its head began.
    pub fn begin(&self, http2: bool) -> Instant {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        if http2 {
            if self.flags.load(Ordering::Relaxed) & HTTP2 == 0 {
                self.flags.fetch_or(HTTP2, Ordering::Relaxed);
            }
            return Instant::now();
        }
        self.opened + Duration::from_millis(self.since.load(Ordering::Relaxed) >> 1)
    }

    /// A request was answered, body included.
    pub fn end(&self) {
        if self.in_flight.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.since.store(self.now() << 1, Ordering::Relaxed);
        }
    }

    /// A request is answered although its body was not read to the end.
    pub fn leave_unread(&self) {
        self.flags.fetch_or(UNREAD, Ordering::Relaxed);
    }

    /// Called when our side of the socket is shut. True when the peer may still be sending and must not be reset before
    /// it has read the answer: then the socket wrapper reads on until [`Due`] cuts it.
    pub fn begin_linger(&self) -> bool {
        let head = self.since.load(Ordering::Relaxed) & 1 == 1 && self.in_flight.load(Ordering::Relaxed) == 0;
        let flags = self.flags.load(Ordering::Relaxed);
        let needed = flags & UNREAD != 0 || head && flags & TOUCHED != 0;
        if needed {
            self.linger.store(self.now() + millis(LINGER) + 1, Ordering::Relaxed);
        }
        needed
    }

    /// True while the listener drains: answers then say `Connection: close`.
    pub fn draining(&self) -> bool {
        self.order.load(Ordering::Relaxed) != 0
    }

    /// What the listener asked for. `waker` is woken when that changes.
    pub fn order(&self, waker: &Waker) -> Order {
        self.waker.register(waker);
        match self.order.load(Ordering::Acquire) {
            0 => Order::Serve,
            ORDER_DRAIN => Order::Drain,
            _ => Order::Cut,
        }
    }

    /// Asks the connection to finish what is in work and to close.
    pub fn drain(&self) {
        self.ordered.store(self.now(), Ordering::Relaxed);
        self.order.fetch_max(ORDER_DRAIN, Ordering::Release);
        self.waker.wake();
    }

    /// Asks the connection to close now.
    pub fn cut(&self) {
        self.order.store(ORDER_CUT, Ordering::Release);
        self.waker.wake();
    }

    /// True while a request is in work.
    pub fn busy(&self) -> bool {
        self.in_flight.load(Ordering::Relaxed) > 0
    }

    /// True once an HTTP/2 request was seen.
    pub fn is_http2(&self) -> bool {
        self.flags.load(Ordering::Relaxed) & HTTP2 != 0
    }

    /// What runs out next.
    pub fn due(&self, times: &Times) -> Due {
        let linger = self.linger.load(Ordering::Relaxed);
        if linger != 0 {
            return Due::Cut(linger - 1);
        }
        let blocked = self.blocked.load(Ordering::Relaxed);
        if blocked != 0 {
            return Due::Cut(blocked - 1 + millis(WRITE_STALL));
        }
        if self.busy() {
            return Due::Never;
        }
        let since = self.since.load(Ordering::Relaxed);
        let touched = self.flags.load(Ordering::Relaxed) & TOUCHED != 0;
        let (head, since) = (since & 1 == 1, since >> 1);
        let drain = self.draining().then(|| self.ordered.load(Ordering::Relaxed));
        match (head, drain) {
            (true, None) => Due::Cut(since + millis(times.header)),
            (true, Some(drain)) if touched => Due::Cut((since + millis(times.header)).min(drain + millis(DRAIN_HEAD))),
            (false, None) => Due::WindDown(since + millis(times.idle)),
            (_, Some(drain)) => Due::WindDown(since.max(drain) + millis(DRAIN_IDLE)),
        }
    }
}

/// A duration in whole milliseconds.
pub fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX >> 2)
}

#[cfg(test)]
mod tests {
    use super::{Activity, Due, Times};
    use std::time::Duration;

    const TIMES: Times = Times { header: Duration::from_secs(10), idle: Duration::from_mins(1) };

    #[test]
    fn a_connection_owes_a_head_from_the_moment_it_is_accepted() {
        let activity = Activity::begun();
        assert_eq!(activity.due(&TIMES), Due::Cut(10_000));
        activity.bytes_read();
        assert_eq!(activity.due(&TIMES), Due::Cut(10_000), "the first byte does not start the clock anew");
    }

    #[test]
    fn a_request_in_work_is_the_handlers_business_and_an_idle_connection_lives_longer() {
        let activity = Activity::begun();
        activity.begin(false);
        assert_eq!(activity.due(&TIMES), Due::Never);
        activity.end();
        assert!(matches!(activity.due(&TIMES), Due::WindDown(at) if at >= 60_000));
        activity.bytes_read();
        assert!(matches!(activity.due(&TIMES), Due::Cut(at) if at < 60_000), "the next head has begun");
    }

    #[test]
    fn frames_between_http2_requests_begin_no_head() {
        let activity = Activity::begun();
        activity.begin(true);
        activity.end();
        activity.bytes_read();
        assert!(matches!(activity.due(&TIMES), Due::WindDown(_)));
    }

    #[test]
    fn a_peer_that_does_not_read_is_cut_even_while_its_request_is_in_work() {
        let activity = Activity::begun();
        activity.begin(false);
        activity.write_blocked();
        assert!(matches!(activity.due(&TIMES), Due::Cut(_)));
        activity.write_moved();
        assert_eq!(activity.due(&TIMES), Due::Never);
    }

    #[test]
    fn draining_shortens_everything_but_a_request_in_work() {
        let activity = Activity::begun();
        activity.drain();
        assert!(matches!(activity.due(&TIMES), Due::WindDown(at) if at < 1_000), "nothing came yet");
        activity.bytes_read();
        assert!(matches!(activity.due(&TIMES), Due::Cut(at) if at < 5_000), "stuck in the head");
        activity.begin(false);
        assert_eq!(activity.due(&TIMES), Due::Never);
        activity.end();
        assert!(matches!(activity.due(&TIMES), Due::WindDown(at) if at < 1_000));
    }

    #[test]
    fn only_an_unread_request_makes_the_socket_linger() {
        let activity = Activity::begun();
        assert!(!activity.begin_linger(), "nothing came");
        activity.begin(false);
        activity.end();
        assert!(!activity.begin_linger(), "read and answered");
        activity.leave_unread();
        assert!(activity.begin_linger());
        assert!(matches!(activity.due(&TIMES), Due::Cut(at) if at < 5_000));
    }
}
