//! The listener against raw sockets.

use super::{Abort, Exchange, Handler, Options, Running};
use crate::tasks::Tasks;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

#[derive(Clone, Default)]
struct Echo {
    go_on: Arc<Notify>,
}

impl Handler for Echo {
    type Body = Full<Bytes>;

    async fn handle(self, request: Request<Incoming>, exchange: Exchange) -> Result<Response<Full<Bytes>>, Abort> {
        match request.uri().path() {
            "/panic" => panic!("asked to"),
            "/abort" => Err(Abort),
            "/wait" => {
                self.go_on.notified().await;
                Ok(Response::new("waited".into()))
            }
            "/early" => {
                exchange.leave_unread();
                Ok(Response::builder().header("connection", "close").body("early".into()).unwrap())
            }
            _ => match request.into_body().collect().await {
                Ok(body) => Ok(Response::new(format!("{} bytes", body.to_bytes().len()).into())),
                Err(_) => Ok(Response::builder().status(400).body("cut short".into()).unwrap()),
            },
        }
    }
}

fn options() -> Options {
    Options {
        name: "test".to_owned(),
        connections: 100,
        headers: 20,
        header_bytes: 8192,
        header_timeout: Duration::from_millis(300),
        idle_timeout: Duration::from_millis(900),
        half_close: true,
    }
}

async fn listening(options: Options, handler: Echo) -> (Running, Tasks) {
    let tasks = Tasks::default();
    let socket = super::bind("127.0.0.1:0").await.unwrap();
    (super::start(socket, options, handler, CancellationToken::new(), &tasks), tasks)
}

async fn connect(listening: &Running) -> TcpStream {
    TcpStream::connect(listening.address()).await.unwrap()
}

/// Sends and reads until the peer closes.
async fn exchange(listening: &Running, request: &[u8]) -> String {
    let mut socket = connect(listening).await;
    socket.write_all(request).await.unwrap();
    rest(&mut socket).await
}

/// Everything up to the close; a reset counts as one.
async fn rest(socket: &mut TcpStream) -> String {
    let mut all = Vec::new();
    let mut chunk = [0; 4096];
    let reading = async {
        while let Ok(read @ 1..) = socket.read(&mut chunk).await {
            all.extend_from_slice(&chunk[..read]);
        }
    };
    tokio::time::timeout(Duration::from_secs(10), reading).await.expect("the connection is never closed");
    String::from_utf8(all).unwrap()
}

async fn answer(socket: &mut TcpStream, end: &str) -> String {
    let mut all = String::new();
    let mut chunk = [0; 4096];
    while !all.ends_with(end) {
        let read = tokio::time::timeout(Duration::from_secs(5), socket.read(&mut chunk)).await.unwrap().unwrap();
        assert!(read > 0, "closed after {all:?}");
        all.push_str(std::str::from_utf8(&chunk[..read]).unwrap());
    }
    all
}

#[tokio::test]
async fn several_requests_share_a_connection() {
    let (listening, _tasks) = listening(options(), Echo::default()).await;
    let mut socket = connect(&listening).await;
    for _ in 0..3 {
        socket.write_all(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello").await.unwrap();
        assert!(answer(&mut socket, "5 bytes").await.starts_with("HTTP/1.1 200"));
    }
}

#[tokio::test]
async fn a_peer_that_half_closes_still_gets_its_answer() {
    let (listening, _tasks) = listening(options(), Echo::default()).await;
    let mut socket = connect(&listening).await;
    socket.write_all(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello").await.unwrap();
    socket.shutdown().await.unwrap();
    assert!(rest(&mut socket).await.ends_with("5 bytes"));
}

#[tokio::test]
async fn a_connection_without_a_head_is_closed_by_its_timer() {
    let (listening, _tasks) = listening(options(), Echo::default()).await;
    for begun in [&b""[..], b"P", b"PRI * HTTP/2.0\r\n", b"POST / HTTP/1.1\r\nhost: x\r\n"] {
        let since = Instant::now();
        assert_eq!(exchange(&listening, begun).await, "", "{begun:?}");
        let took = since.elapsed();
        assert!(took >= Duration::from_millis(250) && took < Duration::from_secs(3), "{begun:?}: {took:?}");
    }
}

#[tokio::test]
async fn a_head_sent_byte_by_byte_is_cut_at_the_same_time() {
    let (listening, _tasks) = listening(options(), Echo::default()).await;
    let mut socket = connect(&listening).await;
    let since = Instant::now();
    let mut pace = tokio::time::interval(Duration::from_millis(50));
    while socket.write_all(b"a").await.is_ok() {
        pace.tick().await;
        assert!(since.elapsed() < Duration::from_secs(5), "never cut");
    }
}

#[tokio::test]
async fn a_later_head_has_its_own_timer_and_an_idle_connection_lives_longer() {
    let options = Options { idle_timeout: Duration::from_secs(3), ..options() };
    let (listening, _tasks) = listening(options, Echo::default()).await;
    let request = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n";

    let mut idle = connect(&listening).await;
    idle.write_all(request).await.unwrap();
    answer(&mut idle, "0 bytes").await;
    let since = Instant::now();
    assert_eq!(rest(&mut idle).await, "");
    assert!(since.elapsed() >= Duration::from_millis(2900), "{:?}", since.elapsed());

    let mut slow = connect(&listening).await;
    slow.write_all(request).await.unwrap();
    answer(&mut slow, "0 bytes").await;
    slow.write_all(b"POST / HT").await.unwrap();
    let since = Instant::now();
    assert_eq!(rest(&mut slow).await, "");
    assert!(since.elapsed() < Duration::from_millis(2900), "{:?}", since.elapsed());
}

#[tokio::test]
async fn a_request_in_work_outlives_the_timers() {
    let echo = Echo::default();
    let (listening, _tasks) = listening(options(), echo.clone()).await;
    let mut socket = connect(&listening).await;
    socket.write_all(b"GET /wait HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let closed = tokio::time::timeout(Duration::from_millis(1500), socket.read_u8()).await;
    assert!(closed.is_err(), "closed while in work");
    echo.go_on.notify_one();
    answer(&mut socket, "waited").await;
}

#[tokio::test]
async fn one_connection_too_many_is_closed_at_once_and_the_others_live() {
    let (listening, _tasks) = listening(
        Options {
            connections: 2,
            header_timeout: Duration::from_secs(8),
            idle_timeout: Duration::from_secs(8),
            ..options()
        },
        Echo::default(),
    )
    .await;
    let mut first = connect(&listening).await;
    first.write_all(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    answer(&mut first, "0 bytes").await;
    let mut second = connect(&listening).await;
    let mut third = connect(&listening).await;
    let since = Instant::now();
    assert_eq!(rest(&mut third).await, "");
    assert!(since.elapsed() < Duration::from_secs(4), "{:?}", since.elapsed());
    second.write_all(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    answer(&mut second, "0 bytes").await;
    drop((first, second));
    listening.connections.gone().await;
    let mut fourth = connect(&listening).await;
    fourth.write_all(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    answer(&mut fourth, "0 bytes").await;
}

#[tokio::test]
async fn a_panic_answers_500_and_an_abort_answers_nothing() {
    let (listening, _tasks) = listening(options(), Echo::default()).await;
    let panicked = exchange(&listening, b"GET /panic HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(panicked.starts_with("HTTP/1.1 500") && panicked.contains("SB-1033"), "{panicked}");
    assert_eq!(exchange(&listening, b"GET /abort HTTP/1.1\r\nhost: x\r\n\r\n").await, "");
}

#[tokio::test]
async fn an_early_answer_reaches_a_peer_that_is_still_sending() {
    let (listening, _tasks) = listening(options(), Echo::default()).await;
    let mut socket = connect(&listening).await;
    let mut request = b"POST /early HTTP/1.1\r\nhost: x\r\ncontent-length: 900000\r\n\r\n".to_vec();
    request.resize(request.len() + 900_000, b'x');
    socket.write_all(&request).await.unwrap();
    assert!(rest(&mut socket).await.ends_with("early"));
}

#[tokio::test]
async fn broken_http_is_refused_and_the_connection_closed() {
    let (listening, _tasks) = listening(options(), Echo::default()).await;
    let many = (0..30).fold(String::new(), |many, n| many + &format!("x-{n}: 1\r\n"));
    let cases = [
        ("HELLO\r\n\r\n".to_owned(), "400"),
        ("POST / HTTP/1.1\r\nhost : x\r\n\r\n".to_owned(), "400"),
        ("POST / HTTP/1.1\r\nhost: x\r\n folded\r\n\r\n".to_owned(), "400"),
        ("POST / HTTP/1.1\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd".to_owned(), "400"),
        ("POST / HTTP/1.1\r\ncontent-length: 3, 4\r\n\r\nabcd".to_owned(), "400"),
        ("POST / HTTP/1.1\r\ncontent-length: +3\r\n\r\nabc".to_owned(), "400"),
        ("POST / HTTP/1.1\r\ncontent-length: 99999999999999999999\r\n\r\n".to_owned(), "400"),
        ("POST / HTTP/1.1\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n".to_owned(), "400"),
        ("POST / HTTP/1.1\r\ntransfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n".to_owned(), "400"),
        ("POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(), "400"),
        ("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n".to_owned(), "400"),
        ("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n".to_owned(), "400"),
        (format!("POST / HTTP/1.1\r\n{many}\r\n"), "431"),
        (format!("POST / HTTP/1.1\r\nx: {}\r\n\r\n", "a".repeat(20_000)), "431"),
        (format!("POST /{} HTTP/1.1\r\n\r\n", "a".repeat(20_000)), "431"),
    ];
    for (request, status) in cases {
        let answer = exchange(&listening, request.as_bytes()).await;
        let shown = &request[..request.len().min(80)];
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{shown:?} was answered {answer:?}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{shown:?}");
    }
}

#[tokio::test]
async fn both_lengths_are_read_as_chunked_and_close_the_connection() {
    let (listening, _tasks) = listening(options(), Echo::default()).await;
    let request = "POST / HTTP/1.1\r\ncontent-length: 30\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n\
                   GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n";
    let answer = exchange(&listening, request.as_bytes()).await;
    assert!(answer.ends_with("3 bytes"), "{answer}");
    assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
}

#[tokio::test]
async fn a_drain_answers_what_is_in_work_and_is_not_held_up_by_others() {
    let echo = Echo::default();
    let (listening, _tasks) =
        listening(Options { header_timeout: Duration::from_mins(1), ..options() }, echo.clone()).await;
    let mut working = connect(&listening).await;
    working.write_all(b"GET /wait HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut idle = connect(&listening).await;
    idle.write_all(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    answer(&mut idle, "0 bytes").await;
    let mut stuck = connect(&listening).await;
    stuck.write_all(b"POST / HT").await.unwrap();
    let silent = connect(&listening).await;
    while listening.connections.len() < 4 {
        tokio::task::yield_now().await;
    }

    let since = Instant::now();
    let (clean, answered) = tokio::join!(listening.drain(Duration::from_secs(20)), async {
        // On its way when the drain began: still answered, and told to close.
        idle.write_all(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        let late = rest(&mut idle).await;
        echo.go_on.notify_one();
        (late, rest(&mut working).await)
    });
    assert!(clean);
    assert!(answered.0.contains("connection: close"), "{}", answered.0);
    assert!(answered.1.ends_with("waited"), "{}", answered.1);
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
    assert!(TcpStream::connect(listening.address()).await.is_err(), "nothing is accepted any more");
    drop((stuck, silent));
}

#[tokio::test]
async fn a_drain_ends_at_its_deadline() {
    let (listening, _tasks) = listening(options(), Echo::default()).await;
    let mut working = connect(&listening).await;
    working.write_all(b"GET /wait HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    while listening.connections.len() < 1 {
        tokio::task::yield_now().await;
    }
    assert!(!listening.drain(Duration::from_millis(500)).await);
    assert_eq!(rest(&mut working).await, "");
}
