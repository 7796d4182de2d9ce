//! The listener over raw sockets in front of a pipeline of the test's own.

mod answers;

use crate::cloudevents::Violation;
use crate::codes::Code;
use crate::config::gateway::{Limits, Webhook};
use crate::ingress::counters::Counters;
use crate::ingress::handle::{Ingress, Receive, Shared};
use crate::log::Stored;
use crate::observability::spans::Spans;
use crate::observability::spans::request::RequestTrace;
use crate::observability::trace::TraceTrust;
use crate::pipeline::Incoming;
use crate::pipeline::budget::Budget;
use crate::pipeline::outcome::{Receipt, Rejection};
use crate::pipeline::rejections::Rejections;
use crate::server::{self, Options, Running};
use crate::tasks::Tasks;
use crate::units::Span;
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

/// Stores bodies in memory; a body that begins with `!` asks for the rejection it names.
#[derive(Default)]
struct Pipeline {
    position: AtomicU64,
    bodies: Mutex<Vec<Vec<u8>>>,
}

impl Receive for Arc<Pipeline> {
    async fn receive(&self, incoming: Incoming<'_>, _trace: &mut RequestTrace) -> Result<Receipt, Rejection> {
        let code = match &*incoming.body {
            b"!panic" => panic!("asked to"),
            b"!broken" => Some(Code::LogBroken),
            b"!full" => Some(Code::LogFull),
            b"!invalid" => Some(Code::InvalidEvent),
            _ => None,
        };
        if let Some(code) = code {
            let errors = vec![(Some(2), Violation::new("/type", "is missing"))];
            let rejection = Rejection::of(code, "no".into(), errors, "ab".into());
            return Err(rejection.of_events(3, std::iter::empty()));
        }
        self.bodies.lock().unwrap().push(incoming.body.to_vec());
        let position = self.position.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(Receipt {
            stored: vec![Stored { position, duplicate: false }],
            matched: vec![true],
            batch: false,
            lenient: None,
        })
    }
}

struct Server {
    listening: Running,
    pipeline: Arc<Pipeline>,
    rejections: Arc<Rejections>,
    _tasks: Tasks,
}

fn limits() -> Limits {
    Limits {
        body_bytes: crate::units::Size(200_000),
        inflight_bytes: crate::units::Size(1_000_000),
        request_timeout: Span(Duration::from_millis(500)),
        header_timeout: Span(Duration::from_millis(500)),
        header_bytes: crate::units::Size(8192),
        ..Limits::default()
    }
}

async fn server(limits: Limits) -> Server {
    let (tasks, pipeline, rejections) =
        (Tasks::default(), Arc::new(Pipeline::default()), Arc::new(Rejections::new(100)));
    let ingress = Ingress {
        receiver: Arc::clone(&pipeline),
        listener: "public".into(),
        body_bytes: crate::ingress::bytes(limits.body_bytes),
        request_timeout: limits.request_timeout.0,
        budget: Arc::new(Budget::new(crate::ingress::bytes(limits.inflight_bytes))),
        counters: Counters::new("public"),
        rejections: Arc::clone(&rejections),
        webhook: Webhook { allowed_origins: vec!["a.example".to_owned()], allowed_rate: Some(120) },
        trace: TraceTrust::default(),
        spans: Spans::default(),
    };
    let socket = server::bind("127.0.0.1:0").await.unwrap();
    let options: Options = crate::ingress::options("public", &limits);
    let handler = Shared(Arc::new(ingress));
    let listening = server::start(socket, options, handler, CancellationToken::new(), &tasks);
    Server { listening, pipeline, rejections, _tasks: tasks }
}

impl Server {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.listening.address()).await.unwrap()
    }

    /// Sends and reads until the server closes.
    async fn exchange(&self, request: impl AsRef<[u8]>) -> String {
        let mut socket = self.connect().await;
        // The server may answer and close before it has read all.
        drop(socket.write_all(request.as_ref()).await);
        rest(&mut socket).await
    }

    fn stored(&self) -> usize {
        self.pipeline.bodies.lock().unwrap().len()
    }
}

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

fn post(headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let mut request =
        format!("POST /events HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n{headers}\r\n").into_bytes();
    request.extend_from_slice(body);
    request
}

fn problem(answer: &str) -> serde_json::Value {
    assert!(answer.contains("content-type: application/problem+json\r\n"), "{answer}");
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

const CLOSE: &str = "connection: close\r\n";

#[tokio::test]
async fn an_accepted_event_is_answered_with_its_position_and_no_body() {
    let server = server(limits()).await;
    let answer = server.exchange([post("", b"one"), post(CLOSE, b"two")].concat()).await;
    let mut answers = answer.split("HTTP/1.1 ").skip(1);
    for position in ["1", "2"] {
        let answer = answers.next().unwrap();
        assert!(answer.starts_with("202 Accepted\r\n"), "{answer}");
        assert!(answer.contains(&format!("signalbox-position: {position}\r\n")), "{answer}");
        assert!(answer.contains("content-length: 0\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
        assert!(!answer.contains("host:") && !answer.contains("duplicate"), "{answer}");
    }
    assert_eq!(*server.pipeline.bodies.lock().unwrap(), [b"one", b"two"]);
}

#[tokio::test]
async fn a_body_in_many_pieces_is_put_together() {
    let server = server(limits()).await;
    let big: Vec<u8> = (0..150_000u32).map(|n| b'a' + (n % 26) as u8).collect();
    assert!(server.exchange(post(CLOSE, &big)).await.starts_with("HTTP/1.1 202"));
    let mut chunked = b"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for part in big.chunks(40_000) {
        write!(chunked, "{:x}\r\n", part.len()).unwrap();
        chunked.extend_from_slice(part);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    assert!(server.exchange(chunked).await.starts_with("HTTP/1.1 202"));
    assert!(server.pipeline.bodies.lock().unwrap().iter().all(|body| *body == big));
    assert_eq!(server.stored(), 2);
}

#[tokio::test]
async fn methods_and_paths() {
    let server = server(limits()).await;
    let ask = |line: &str| format!("{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    for (line, status, allow) in [
        ("GET /", "405", "allow: POST, OPTIONS\r\n"),
        ("PUT /events", "405", "allow: POST, OPTIONS\r\n"),
        ("HEAD /events", "405", "allow: POST, OPTIONS\r\n"),
        ("BREW /", "405", "allow: POST, OPTIONS\r\n"),
        ("CONNECT x:1", "404", ""),
        ("POST /other", "404", ""),
        ("POST /events/", "404", ""),
        ("OPTIONS /events", "200", "allow: POST\r\n"),
        ("OPTIONS /", "200", "allow: POST\r\n"),
        ("POST /events?from=query", "202", ""),
        ("POST http://elsewhere/events", "202", ""),
    ] {
        let answer = server.exchange(ask(line)).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{line}: {answer}");
        assert!(answer.contains(allow), "{line}: {answer}");
        assert!(!answer.to_ascii_lowercase().contains("webhook"), "{line}: {answer}");
    }
    let answer = server.exchange(ask("GET /")).await;
    assert_eq!(problem(&answer)["code"], "SB-1014");
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_before_it_is_read() {
    let server = server(limits()).await;
    let mut socket = server.connect().await;
    socket.write_all(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999\r\n\r\n").await.unwrap();
    let answer = rest(&mut socket).await;
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("connection: close"), "{answer}");
    assert_eq!(problem(&answer)["code"], "SB-1010");

    let expecting = b"POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 9999999\r\n\r\n";
    assert!(server.exchange(expecting).await.starts_with("HTTP/1.1 413"), "no 100 Continue");

    let endless = async {
        let mut socket = server.connect().await;
        socket.write_all(b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n").await.unwrap();
        let chunk = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
        let mut sent = 0usize;
        while socket.write_all(chunk.as_bytes()).await.is_ok() && sent < 100 << 20 {
            sent += 0x4000;
        }
        sent
    };
    let sent = tokio::time::timeout(Duration::from_secs(10), endless).await.unwrap();
    assert!(sent < 16 << 20, "read on for {sent} bytes");
    assert_eq!(server.stored(), 0);
}

#[tokio::test]
async fn a_slow_body_is_408_and_a_short_one_stores_nothing() {
    let server = server(limits()).await;
    let since = Instant::now();
    let answer = server.exchange("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc").await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("connection: close"), "{answer}");
    assert_eq!(problem(&answer)["code"], "SB-1013");
    assert!(since.elapsed() >= Duration::from_millis(450) && since.elapsed() < Duration::from_secs(4));

    for cut in [
        "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc",
        "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabc",
    ] {
        let mut socket = server.connect().await;
        socket.write_all(cut.as_bytes()).await.unwrap();
        socket.shutdown().await.unwrap();
        let answer = rest(&mut socket).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        assert_eq!(problem(&answer)["code"], "SB-1007");
    }
    assert_eq!(server.stored(), 0);
}

#[tokio::test]
async fn contradicting_lengths_store_nothing_and_extra_bytes_are_another_request() {
    let server = server(limits()).await;
    for (request, stored) in [
        ("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd", 0),
        ("POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1ffffffffffffffff\r\nabc", 0),
        ("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabcGARBAGE\r\n\r\n", 1),
    ] {
        let before = server.stored();
        let answer = server.exchange(request).await;
        assert!(answer.contains("HTTP/1.1 400"), "{request:?}: {answer}");
        assert_eq!(server.stored() - before, stored, "{request:?}");
    }
}

#[tokio::test]
async fn compressed_bodies_are_read_under_the_cap() {
    let server = server(limits()).await;
    let gzip = |data: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    };
    let headers = |name: &str| format!("{CLOSE}content-encoding: {name}\r\n");
    assert!(server.exchange(post(&headers("gzip"), &gzip(b"hello"))).await.starts_with("HTTP/1.1 202"));
    assert_eq!(*server.pipeline.bodies.lock().unwrap(), [b"hello"]);
    let well_packed = gzip(&vec![b'a'; 150_000]);
    assert!(server.exchange(post(&headers("gzip"), &well_packed)).await.starts_with("HTTP/1.1 202"));
    assert_eq!(server.pipeline.bodies.lock().unwrap().pop(), Some(vec![b'a'; 150_000]));

    let bomb = gzip(&vec![0; 50 << 20]);
    assert!(bomb.len() < 60_000);
    for (headers, body, status, code) in [
        (headers("gzip"), bomb, 413, "SB-1010"),
        (headers("gzip"), b"not gzip".to_vec(), 400, "SB-1006"),
        (headers("gzip"), gzip(b"hello")[..8].to_vec(), 400, "SB-1006"),
        (headers("br"), b"x".to_vec(), 415, "SB-1005"),
        (headers("gzip, gzip"), b"x".to_vec(), 415, "SB-1005"),
    ] {
        let answer = server.exchange(post(&headers, &body)).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert_eq!(problem(&answer)["code"], code, "{answer}");
    }
    assert_eq!(server.stored(), 1);
}

#[tokio::test]
async fn bodies_beyond_the_budget_are_shed() {
    let server = server(Limits { inflight_bytes: crate::units::Size(100_000), ..limits() }).await;
    let mut holder = server.connect().await;
    holder.write_all(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 90000\r\n\r\n").await.unwrap();
    holder.write_all(&vec![b'x'; 80_000]).await.unwrap();
    let shed = async {
        loop {
            let answer = server.exchange(post(CLOSE, &vec![b'y'; 30_000])).await;
            if !answer.starts_with("HTTP/1.1 202") {
                return answer;
            }
        }
    };
    let answer = tokio::time::timeout(Duration::from_secs(5), shed).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("retry-after: "), "{answer}");
    assert_eq!(problem(&answer)["code"], "SB-1030");
    holder.write_all(&vec![b'x'; 10_000]).await.unwrap();
    let answer = server.exchange(post(CLOSE, b"small")).await;
    assert!(answer.starts_with("HTTP/1.1 202"), "given back: {answer}");
}

#[tokio::test]
async fn a_rejection_is_answered_noted_and_its_batch_pointers_begin_with_the_index() {
    let server = server(limits()).await;
    let answer = server.exchange(post(CLOSE, b"!invalid")).await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert_eq!(
        problem(&answer),
        serde_json::json!({
            "type": "urn:signalbox:SB-1003", "title": "the event is not valid", "status": 400, "detail": "no",
            "code": "SB-1003", "errors": [{"pointer": "/2/type", "detail": "is missing", "index": 2}], "trace_id": "ab",
        })
    );
    let answer = server.exchange(post(CLOSE, b"!full")).await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("retry-after: 5\r\n"), "{answer}");
    let noted = server.rejections.newest(10);
    assert_eq!(
        noted.iter().map(|one| (one.status, one.code)).collect::<Vec<_>>(),
        [(503, Code::LogFull), (400, Code::InvalidEvent),]
    );
}

#[tokio::test]
async fn a_broken_log_is_answered_by_a_closed_connection_and_a_panic_by_500() {
    let server = server(limits()).await;
    assert_eq!(server.exchange(post("", b"!broken")).await, "");
    assert!(server.exchange(post(CLOSE, b"!panic")).await.starts_with("HTTP/1.1 500"));
    assert!(server.exchange(post(CLOSE, b"fine")).await.starts_with("HTTP/1.1 202"));
}

#[tokio::test]
async fn the_callers_trace_id_stands_in_the_answer() {
    let server = server(limits()).await;
    let trace = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n";
    let answer = server.exchange(format!("GET / HTTP/1.1\r\nhost: x\r\n{CLOSE}{trace}\r\n")).await;
    assert_eq!(problem(&answer)["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    let answer = server.exchange(format!("GET / HTTP/1.1\r\nhost: x\r\n{CLOSE}\r\n")).await;
    assert_eq!(problem(&answer)["trace_id"].as_str().unwrap().len(), 32);
}

#[tokio::test]
async fn an_upgrade_that_nobody_wants_is_ignored() {
    let server = server(limits()).await;
    let upgrade = "connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n";
    let answer = server.exchange([post(upgrade, b"one"), post(CLOSE, b"two")].concat()).await;
    assert_eq!(answer.matches("HTTP/1.1 202").count(), 2, "{answer}");
}

#[tokio::test]
async fn http2_with_prior_knowledge() {
    let server = server(limits()).await;
    let client = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let url = format!("http://{}/events", server.listening.address());
    let sends = (0..20).map(|_| client.post(&url).body("hello").send());
    for answer in futures::future::join_all(sends).await {
        let answer = answer.unwrap();
        assert_eq!((answer.status().as_u16(), answer.version()), (202, http::Version::HTTP_2));
    }
    let answer = client.post(&url).body(vec![0; 300_000]).send().await.unwrap();
    assert_eq!(answer.status(), 413);
    assert_eq!(client.get(&url).send().await.unwrap().status(), 405);
    let many = (0..150).fold(client.post(&url), |post, n| post.header(format!("x-{n}"), "1"));
    assert_eq!(many.send().await.unwrap().status(), 431);
    assert!(client.post(&url).body("!broken").send().await.is_err(), "the stream is reset");
    assert_eq!(client.post(&url).body("still there").send().await.unwrap().status(), 202);
    assert!(server.listening.drain(Duration::from_secs(10)).await);
}
