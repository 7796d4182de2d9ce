//! One connection from accept to close: HTTP/1.1 or HTTP/2 by its first bytes, under the timers of [`Activity`].

use super::activity::{Activity, Due, Order, Times, millis};
use super::problem::{self, Problem};
use super::socket::Socket;
use super::{Abort, Exchange, Handler};
use crate::codes::Code;
use crate::observability::metrics;
use crate::tasks::{Kind, Tasks};
use bytes::Bytes;
use futures::FutureExt;
use http::header::{CONNECTION, CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode, Version};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulConnection;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Sleep, sleep_until};

/// Streams of one HTTP/2 connection that may be open at once.
const HTTP2_STREAMS: u32 = 100;
const HTTP2_STREAM_WINDOW: u32 = 64 << 10;
const HTTP2_CONNECTION_WINDOW: u32 = 1 << 20;
const HTTP2_SEND_BUFFER: usize = 256 << 10;
const HTTP2_PING: Duration = Duration::from_secs(20);
/// Streams a peer opened and reset before we took them; more ends the connection (rapid reset).
const HTTP2_PENDING_RESETS: usize = 20;
/// Streams we reset for a peer's faults; more ends the connection.
const HTTP2_LOCAL_RESETS: usize = 256;
/// hyper keeps this many header fields on the stack; another number costs an allocation per request.
const HYPER_HEADERS: usize = 100;
/// hyper takes no smaller read buffer.
const HYPER_BUFFER: usize = 8192;
/// After `GOAWAY` or the last answer, a connection without requests may take this long to close.
const WIND_DOWN: Duration = Duration::from_secs(2);

/// Caps on heads.
#[derive(Debug, Clone, Copy)]
pub struct Heads {
    /// Header fields; more is 431.
    pub fields: usize,
    /// Bytes of a head; more is 431.
    pub bytes: usize,
    /// A peer may close its sending side and still gets its answer. Without it the end of its side ends the connection
    /// and every answer that is under way.
    pub half_close: bool,
}

/// What runs HTTP/2 streams.
#[derive(Clone)]
pub struct Streams(pub Tasks);

impl<F: Future<Output = ()> + Send + 'static> hyper::rt::Executor<F> for Streams {
    fn execute(&self, stream: F) {
        drop(self.0.spawn(Kind::Connection, stream));
    }
}

/// The HTTP machinery of a listener. hyper's own head timer stays off: it allocates a timer for every request, and it
/// does not cover the bytes that tell the version.
pub fn builder(heads: Heads, tasks: Tasks) -> Builder<Streams> {
    let mut builder = Builder::new(Streams(tasks));
    let mut http1 = builder.http1();
    http1.half_close(heads.half_close).header_read_timeout(None).max_buf_size(heads.bytes.max(HYPER_BUFFER));
    // A field has four bytes at least: hyper is not asked to make room for more than a head can hold.
    let fields = heads.fields.min(heads.bytes / 4);
    if fields != HYPER_HEADERS {
        http1.max_headers(fields);
    }
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(HTTP2_STREAMS)
        .initial_stream_window_size(HTTP2_STREAM_WINDOW)
        .initial_connection_window_size(HTTP2_CONNECTION_WINDOW)
        .max_header_list_size(u32::try_from(heads.bytes).unwrap_or(u32::MAX))
        .max_send_buf_size(HTTP2_SEND_BUFFER)
        .max_pending_accept_reset_streams(HTTP2_PENDING_RESETS)
        .max_local_error_reset_streams(HTTP2_LOCAL_RESETS)
        .keep_alive_interval(HTTP2_PING)
        .keep_alive_timeout(HTTP2_PING);
    builder
}

/// Serves one connection until it ends or its time runs out.
pub async fn serve<T, H>(
    builder: &Builder<Streams>,
    times: Times,
    fields: usize,
    socket: T,
    activity: Arc<Activity>,
    handler: H,
) where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Handler,
{
    let io = TokioIo::new(Socket::new(socket, Arc::clone(&activity)));
    let watched = Arc::clone(&activity);
    let service = service_fn(move |request| answer(handler.clone(), Arc::clone(&activity), fields, request));
    let connection = builder.serve_connection(io, service);
    supervise(pin!(connection), &watched, times).await;
}

/// Drives a connection beside its timer. The timer is lazy: requests move only atomics, and the timer looks at them
/// when it fires; it is set anew only when something runs out earlier than it would fire.
async fn supervise<C: GracefulConnection>(mut connection: Pin<&mut C>, activity: &Activity, times: Times) {
    let first = millis(times.header);
    let mut alarm = pin!(sleep_until(activity.opened() + times.header));
    let mut armed = first;
    let mut told: Option<u64> = None;
    std::future::poll_fn(|cx| {
        loop {
            if connection.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            match activity.order(cx.waker()) {
                // An HTTP/2 peer is told at once; its requests on the way are still answered.
                Order::Drain if told.is_none() && (activity.busy() || activity.is_http2()) => {
                    told = Some(activity.now());
                    connection.as_mut().graceful_shutdown();
                    continue;
                }
                Order::Cut => return Poll::Ready(()),
                Order::Serve | Order::Drain => {}
            }
            let due = match (activity.due(&times), told) {
                (Due::WindDown(at), Some(told)) => Due::Cut(at.max(told) + millis(WIND_DOWN)),
                (due, _) => due,
            };
            if let Due::WindDown(at) | Due::Cut(at) = due
                && at < armed
            {
                armed = at;
                alarm.as_mut().reset(activity.opened() + Duration::from_millis(at));
            }
            if !fired(alarm.as_mut(), cx) {
                return Poll::Pending;
            }
            let now = activity.now();
            match due {
                Due::Cut(at) if at <= now => return Poll::Ready(()),
                Due::WindDown(at) if at <= now => {
                    told = Some(now);
                    connection.as_mut().graceful_shutdown();
                }
                Due::Cut(at) | Due::WindDown(at) => armed = at,
                Due::Never => armed = now + first.max(1),
            }
            alarm.as_mut().reset(activity.opened() + Duration::from_millis(armed));
        }
    })
    .await;
}

fn fired(alarm: Pin<&mut Sleep>, cx: &mut Context<'_>) -> bool {
    alarm.poll(cx).is_ready()
}

/// One request: keeps the connection busy until its answer is written, and answers for a handler that panics.
async fn answer<H: Handler>(
    handler: H,
    activity: Arc<Activity>,
    fields: usize,
    request: Request<Incoming>,
) -> Result<Response<Answer<H::Body>>, Abort> {
    let http2 = request.version() == Version::HTTP_2;
    let started = activity.begin(http2);
    let busy = Busy(activity);
    let activity = &busy.0;
    let mut response = if request.headers().len() > fields {
        // Only HTTP/2 gets here: hyper counts the fields of HTTP/1.
        let mut response = Response::new(H::Body::from(Bytes::new()));
        *response.status_mut() = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        response
    } else {
        let exchange = Exchange { activity: Arc::clone(activity), started, http2 };
        match AssertUnwindSafe(handler.handle(request, exchange)).catch_unwind().await {
            Ok(outcome) => outcome?,
            Err(_) => panicked(),
        }
    };
    if !http2 && activity.draining() {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response.map(|body| Answer { body, _busy: busy }))
}

fn panicked<B: From<Bytes>>() -> Response<B> {
    metrics::panics(Kind::Connection.name()).increment(1);
    tracing::error!("the handler of a request panicked");
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    let detail = "the request could not be handled; it is not known whether its events were stored";
    let problem = Problem {
        status: status.as_u16(),
        code: Code::Internal,
        detail,
        errors: Vec::new(),
        delivered: None,
        trace_id: "",
    };
    let mut response = Response::new(B::from(problem.to_json()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(problem::CONTENT_TYPE));
    response
}

/// Keeps the connection busy while it lives.
struct Busy(Arc<Activity>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// An answer's body; the request it answers is in work until it is written.
pub struct Answer<B> {
    body: B,
    _busy: Busy,
}

impl<B: Body + Unpin> Body for Answer<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
