//! Raw sockets against the public listener: what is slow, broken, huge or idle harms only its sender, and nothing that
//! was refused is stored (reliability.md §2.4 F, K).

use super::support::gateway::Gateway;
use futures::future::join_all;
use serde_json::json;
use std::io::Write as _;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const CONFIG: &str = "listeners: [{name: public, address: \"127.0.0.1:0\"}]
admin: {address: \"127.0.0.1:0\"}
limits: {header_timeout: 1s, request_timeout: 1s, body_bytes: 1MiB, headers: 50, header_bytes: 16KiB}
";
const BINARY: &str = "ce-specversion: 1.0\r\nce-id: raw\r\nce-source: /raw\r\nce-type: com.example.raw\r\n";

async fn gateway() -> Gateway {
    Gateway::start(&[("signalbox.yaml", CONFIG)]).await
}

async fn connect(gateway: &Gateway) -> TcpStream {
    let url = gateway.ingress("");
    TcpStream::connect(url.trim_start_matches("http://")).await.expect("the listener accepts")
}

/// Sends and reads until the server closes; a reset counts as a close.
async fn exchange(gateway: &Gateway, request: &[u8]) -> String {
    let mut socket = connect(gateway).await;
    // The server may have answered and closed before all is sent.
    drop(socket.write_all(request).await);
    rest(&mut socket).await
}

async fn rest(socket: &mut TcpStream) -> String {
    let mut all = Vec::new();
    let mut chunk = [0; 4096];
    let reading = async {
        while let Ok(read @ 1..) = socket.read(&mut chunk).await {
            all.extend_from_slice(&chunk[..read]);
        }
    };
    tokio::time::timeout(Duration::from_secs(20), reading).await.expect("the connection is never closed");
    String::from_utf8(all).expect("an answer of text")
}

fn post(headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let mut request = format!("POST / HTTP/1.1\r\nhost: x\r\n{headers}content-length: {length}\r\n\r\n").into_bytes();
    request.extend_from_slice(body);
    request
}

async fn still_serves(gateway: &Gateway, id: &str) {
    gateway.accept(&json!({"specversion": "1.0", "id": id, "source": "/after", "type": "com.example.after"})).await;
}

#[tokio::test]
async fn what_is_broken_is_refused_closed_and_never_stored() {
    let gateway = gateway().await;
    let many = (0..60).fold(String::new(), |many, n| many + &format!("x-{n}: 1\r\n"));
    let huge = format!("x: {}\r\n", "a".repeat(20_000));
    let cases: [(&str, String, &str); 14] = [
        ("two lengths", format!("POST / HTTP/1.1\r\n{BINARY}content-length: 1\r\ncontent-length: 2\r\n\r\nab"), "400"),
        ("a negative length", format!("POST / HTTP/1.1\r\n{BINARY}content-length: -1\r\n\r\n"), "400"),
        (
            "an unknown transfer coding",
            format!("POST / HTTP/1.1\r\n{BINARY}transfer-encoding: xchunked\r\n\r\n0\r\n\r\n"),
            "400",
        ),
        (
            "chunked is not the last coding",
            format!("POST / HTTP/1.1\r\n{BINARY}transfer-encoding: chunked, gzip\r\n\r\n"),
            "400",
        ),
        ("a folded field", format!("POST / HTTP/1.1\r\n{BINARY}x: a\r\n b\r\ncontent-length: 0\r\n\r\n"), "400"),
        ("a blank before the colon", format!("POST / HTTP/1.1\r\n{BINARY}content-length : 0\r\n\r\n"), "400"),
        ("a NUL in a value", format!("POST / HTTP/1.1\r\n{BINARY}x: a\0b\r\ncontent-length: 0\r\n\r\n"), "400"),
        ("no HTTP", "SSH-2.0-OpenSSH_9.9\r\n\r\n".to_owned(), "400"),
        (
            "a chunk size beyond 64 bits",
            format!("POST / HTTP/1.1\r\n{BINARY}transfer-encoding: chunked\r\n\r\n10000000000000001\r\nab"),
            "400",
        ),
        (
            "a chunk without its end",
            format!("POST / HTTP/1.1\r\n{BINARY}transfer-encoding: chunked\r\n\r\n2\r\nabXX0\r\n\r\n"),
            "400",
        ),
        ("too many fields", format!("POST / HTTP/1.1\r\n{BINARY}{many}\r\n"), "431"),
        ("a huge field", format!("POST / HTTP/1.1\r\n{BINARY}{huge}\r\n"), "431"),
        ("a length over the cap", format!("POST / HTTP/1.1\r\n{BINARY}content-length: 9999999999\r\n\r\n"), "413"),
        (
            "GET with a body",
            format!("GET / HTTP/1.1\r\n{BINARY}content-length: 5\r\nconnection: close\r\n\r\nhello"),
            "405",
        ),
    ];
    for (what, request, status) in cases {
        let answer = exchange(&gateway, request.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{what}: {answer:?}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{what}: {answer:?}");
    }
    still_serves(&gateway, "after").await;
    let stored = gateway.get("/api/v1/events").await;
    assert_eq!(stored["events"].as_array().map(Vec::len), Some(1), "{stored}");
}

#[tokio::test]
async fn a_length_beside_chunks_smuggles_nothing() {
    let gateway = gateway().await;
    let request = format!(
        "POST / HTTP/1.1\r\nhost: x\r\n{BINARY}content-length: 40\r\ntransfer-encoding: chunked\r\n\r\n\
         2\r\nab\r\n0\r\n\r\nPOST / HTTP/1.1\r\nhost: x\r\nce-specversion: 1.0\r\nce-id: smuggled\r\nce-source: /x\r\n\
         ce-type: t\r\ncontent-length: 0\r\n\r\n"
    );
    let answer = exchange(&gateway, request.as_bytes()).await;
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer:?}");
    let stored = gateway.get("/api/v1/events?id=smuggled").await;
    assert_eq!(stored["events"], json!([]));
}

#[tokio::test]
async fn bare_line_feeds_are_one_request() {
    let gateway = gateway().await;
    let request = format!("POST / HTTP/1.1\r\nhost: x\r\n{BINARY}content-length: 2\r\nconnection: close\r\n\r\nab")
        .replace("\r\n", "\n");
    let answer = exchange(&gateway, request.as_bytes()).await;
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer:?}");
}

#[tokio::test]
async fn slow_senders_are_cut_by_their_own_timer_and_hold_nobody_up() {
    let gateway = gateway().await;
    let begun = Instant::now();
    let slow_heads = join_all((0..50).map(|_| exchange(&gateway, b"POST / HTTP/1.1\r\nhost: x\r\nce-id: ")));
    let silent = join_all((0..50).map(|_| exchange(&gateway, b"")));
    let slow_bodies = join_all((0..50).map(|n| {
        let request = format!(
            "POST / HTTP/1.1\r\nhost: x\r\n{}content-length: 10\r\n\r\nabc",
            BINARY.replace("raw", &n.to_string())
        );
        let gateway = &gateway;
        async move { exchange(gateway, request.as_bytes()).await }
    }));
    let others = async {
        for n in 0..20 {
            let since = Instant::now();
            still_serves(&gateway, &n.to_string()).await;
            assert!(since.elapsed() < Duration::from_secs(4), "held up for {:?}", since.elapsed());
        }
    };
    let (slow_heads, silent, slow_bodies, ()) = tokio::join!(slow_heads, silent, slow_bodies, others);
    assert!(begun.elapsed() >= Duration::from_millis(900) && begun.elapsed() < Duration::from_secs(25));
    assert!(slow_heads.iter().chain(&silent).all(String::is_empty), "a head that never ends is not answered");
    for answer in slow_bodies {
        assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("SB-1013"), "{answer:?}");
    }
    let stored = gateway.get("/api/v1/events?source=/raw").await;
    assert_eq!(stored["events"], json!([]));
}

#[tokio::test]
async fn a_body_that_ends_early_or_is_cut_stores_nothing() {
    let gateway = gateway().await;
    for request in [
        format!("POST / HTTP/1.1\r\nhost: x\r\n{BINARY}content-length: 100\r\n\r\nabc"),
        format!("POST / HTTP/1.1\r\nhost: x\r\n{BINARY}transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n"),
    ] {
        let mut socket = connect(&gateway).await;
        socket.write_all(request.as_bytes()).await.expect("a write");
        socket.shutdown().await.expect("a half close");
        assert!(rest(&mut socket).await.starts_with("HTTP/1.1 400 "));
        let mut socket = connect(&gateway).await;
        socket.write_all(request.as_bytes()).await.expect("a write");
        drop(socket);
    }
    still_serves(&gateway, "after").await;
    let stored = gateway.get("/api/v1/events?source=/raw").await;
    assert_eq!(stored["events"], json!([]));
}

#[tokio::test]
async fn a_compressed_bomb_stops_at_the_cap() {
    let gateway = gateway().await;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let zeros = vec![0; 1 << 20];
    for _ in 0..100 {
        encoder.write_all(&zeros).expect("a write");
    }
    let bomb = encoder.finish().expect("gzip");
    let request = post(&format!("{BINARY}content-encoding: gzip\r\nconnection: close\r\n"), &bomb);
    let since = Instant::now();
    for answer in join_all((0..8).map(|_| exchange(&gateway, &request))).await {
        assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("SB-1010"), "{answer:?}");
    }
    assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());
}

#[tokio::test]
async fn idle_connections_beyond_the_cap_are_closed_at_once_and_the_others_are_served() {
    let config = CONFIG
        .replace("headers: 50", "headers: 50, connections: 300")
        .replace("header_timeout: 1s", "header_timeout: 20s");
    let gateway = Gateway::start(&[("signalbox.yaml", &config)]).await;
    let mut kept = connect(&gateway).await;
    let event = post(&format!("{BINARY}content-type: text/plain\r\n"), b"one");
    let mut answer = [0; 12];
    kept.write_all(&event).await.expect("a write");
    kept.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 202");

    let mut crowd = join_all((0..400).map(|_| connect(&gateway))).await;
    let closed = join_all(
        crowd
            .iter_mut()
            .map(async |socket| tokio::time::timeout(Duration::from_secs(3), socket.read(&mut [0; 1])).await.is_ok()),
    );
    let closed = closed.await.into_iter().filter(|closed| *closed).count();
    assert_eq!(closed, 101, "400 came, 299 were free");
    kept.write_all(&post(&format!("{BINARY}connection: close\r\n"), b"two")).await.expect("a write");
    assert!(rest(&mut kept).await.contains("HTTP/1.1 202"), "the old connection works");
    drop(crowd);
    super::support::wait_for("room", Duration::from_secs(5), async || {
        let answer = exchange(&gateway, &post(&format!("{BINARY}connection: close\r\n"), b"three")).await;
        answer.starts_with("HTTP/1.1 202").then_some(())
    })
    .await;
}
