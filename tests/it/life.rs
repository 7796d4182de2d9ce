//! How the process begins and ends: what stops it from starting, and what a shutdown leaves behind.

use crate::support::gateway::{Gateway, PLAIN};
use crate::support::ledger::{self, Ledger};
use crate::support::{signal, wait_for};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

fn serve(dir: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_signalbox"));
    command.args(["serve", "--output", "json"]).args(arguments).current_dir(dir).env("NO_COLOR", "1");
    command.output().expect("the binary can be run")
}

/// The one JSON problem a failed start leaves on standard error, after its log lines.
fn problem(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stderr);
    let line = text.lines().last().unwrap_or_else(|| panic!("nothing on standard error"));
    serde_json::from_str(line).unwrap_or_else(|error| panic!("not JSON ({error}): {text}"))
}

#[tokio::test]
async fn a_second_process_on_the_same_data_ends_with_75_and_the_first_goes_on() {
    let gateway = Gateway::start(&[]).await;
    let second = serve(gateway.dir(), &[]);
    assert_eq!(second.status.code(), Some(75));
    let problem = problem(&second);
    assert_eq!(problem["code"], "SB-4002");
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("in use by process")), "{problem}");
    assert!(second.stdout.is_empty());
    gateway.accept(&json!({"specversion": "1.0", "id": "1", "source": "/s", "type": "t"})).await;
}

#[tokio::test]
async fn an_address_in_use_ends_with_69() {
    let gateway = Gateway::start(&[]).await;
    let elsewhere = tempfile::tempdir().expect("a folder");
    let address = gateway.ingress("").trim_start_matches("http://").to_owned();
    let second = serve(elsewhere.path(), &["--listen", &address, "--admin", "127.0.0.1:0"]);
    assert_eq!(second.status.code(), Some(69));
    assert_eq!(problem(&second)["code"], "SB-4003");
}

#[test]
fn bad_and_missing_files_end_with_78_and_every_problem() {
    let dir = tempfile::tempdir().expect("a folder");
    let missing = serve(dir.path(), &["--config", "nowhere.yaml"]);
    assert_eq!(missing.status.code(), Some(78));
    std::fs::create_dir(dir.path().join("routes")).expect("a new folder");
    std::fs::write(dir.path().join("routes/a.yaml"), "routes: [{nmae: x}]\n").expect("a new file");
    std::fs::write(dir.path().join("signalbox.yaml"), "limts: {}\n").expect("a new file");
    let bad = serve(dir.path(), &[]);
    assert_eq!(bad.status.code(), Some(78));
    let text = String::from_utf8_lossy(&bad.stderr).into_owned();
    assert!(text.contains("limts") && text.contains("nmae"), "{text}");
    assert!(bad.stdout.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_under_load_ends_with_0_and_keeps_every_acknowledged_event() {
    let schema = format!("schemas/{}/1.json", ledger::TYPE);
    let routes = "routes: [{name: all, deliver: [{destination: log, stream: all}]}]\n";
    let mut gateway = Gateway::start(&[("routes/all.yaml", routes), (&schema, ledger::SCHEMA)]).await;
    let producers = Ledger::start(8, gateway.ingress("/"));
    for _ in 0..3 {
        producers.wait_for_acks(100).await;
        assert_eq!(gateway.stop().await.code(), Some(0));
        gateway.restart().await;
        producers.move_to(gateway.ingress("/"));
    }
    producers.wait_for_acks(20).await;
    let book = producers.finish().await;
    ledger::check(&book, "log", &gateway.event_ids().await, 0);
}

#[tokio::test]
async fn signals_that_come_as_soon_as_it_is_ready_end_it_in_order() {
    let mut gateway = Gateway::start(&[]).await;
    for _ in 0..10 {
        signal(gateway.pid(), "HUP");
        assert_eq!(gateway.stop().await.code(), Some(0));
        gateway.restart().await;
    }
}

#[tokio::test]
async fn a_shutdown_waits_for_no_client_that_says_nothing_and_for_no_stream() {
    let config = format!("{PLAIN}limits: {{shutdown_timeout: 20s}}\n");
    let mut gateway = Gateway::start(&[("signalbox.yaml", &config)]).await;
    let silent = tokio::net::TcpStream::connect(gateway.ingress("").trim_start_matches("http://")).await.expect("open");
    let mut half =
        tokio::net::TcpStream::connect(gateway.ingress("").trim_start_matches("http://")).await.expect("open");
    tokio::io::AsyncWriteExt::write_all(&mut half, b"POST / HTTP/1.1\r\nhos").await.expect("sent");
    let stream = gateway.http().get(gateway.admin("/api/v1/events/stream")).send().await.expect("a stream");
    let begun = std::time::Instant::now();
    assert_eq!(gateway.stop().await.code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(18), "{:?}", begun.elapsed());
    drop((silent, half, stream));
}

#[tokio::test]
async fn readiness_tells_that_the_gateway_takes_events() {
    let gateway = Gateway::start(&[]).await;
    let ready = || async {
        let answer = gateway.http().get(gateway.admin("/readyz")).send().await.ok()?;
        answer.status().is_success().then_some(())
    };
    wait_for("readiness", Duration::from_secs(5), ready).await;
    assert_eq!(gateway.http().get(gateway.admin("/healthz")).send().await.expect("an answer").status(), 200);
}
