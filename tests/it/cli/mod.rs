//! Each command's output and exit code: the real binary against a gateway played by the test.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod broken;
mod check;
mod convert;
mod convert_formats;
mod diff;
mod explain;
mod follow;
mod follow_formats;
mod lists;
#[cfg(all(feature = "kafka", feature = "nats"))]
mod online;
mod schema;
mod send;
mod tests_of_routes;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, Response};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

const PATIENCE: Duration = Duration::from_secs(30);

/// How a command ended.
struct Ended {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Ended {
    /// The one document on stdout.
    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap()
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_signalbox"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SIGNALBOX_") {
            command.env_remove(&name);
        }
    }
    command.args(arguments).env_remove("NO_COLOR").env("HTTP_PROXY", "http://127.0.0.1:1").kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

async fn ended(child: Child) -> Ended {
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap();
    Ended {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

async fn signalbox(arguments: &[&str]) -> Ended {
    ended(command(arguments).spawn().unwrap()).await
}

async fn signalbox_reading(arguments: &[&str], input: &str) -> Ended {
    let mut child = command(arguments).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).await.unwrap();
    ended(child).await
}

/// A request the played gateway got.
#[derive(Clone)]
struct Seen {
    line: String,
    headers: HeaderMap,
    body: String,
}

impl Seen {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// A gateway played by the test on a free port.
struct Gateway {
    url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Gateway {
    /// Plays with `answer`, which gets each request and how many came before it.
    #[expect(clippy::disallowed_methods, reason = "the server ends with the test's runtime")]
    async fn play<F>(answer: F) -> Gateway
    where
        F: Fn(&Seen, usize) -> Response<Body> + Clone + Send + Sync + 'static,
    {
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let kept = Arc::clone(&seen);
        let handler = move |request: Request<Body>| {
            let (kept, answer) = (Arc::clone(&kept), answer.clone());
            async move {
                let (head, body) = request.into_parts();
                let body = String::from_utf8(to_bytes(body, 1 << 20).await.unwrap().to_vec()).unwrap();
                let request = Seen { line: format!("{} {}", head.method, head.uri), headers: head.headers, body };
                let mut kept = kept.lock().unwrap();
                let response = answer(&request, kept.len());
                kept.push(request);
                response
            }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = axum::serve(listener, Router::new().fallback(handler));
        tokio::spawn(async move { server.await.unwrap() });
        Gateway { url, seen }
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

fn answer(status: u16, headers: &[(&str, &str)], body: impl Into<Body>) -> Response<Body> {
    let builder = Response::builder().status(status);
    headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value)).body(body.into()).unwrap()
}

fn problem(status: u16, code: &str) -> Response<Body> {
    let body = format!(
        r#"{{"type":"urn:signalbox:{code}","title":"refused","status":{status},"detail":"two \u001b[31mreasons",
            "code":"{code}","errors":[{{"pointer":"/id","detail":"missing"}}],"trace_id":"00"}}"#
    );
    answer(status, &[("content-type", "application/problem+json")], body)
}

#[tokio::test]
async fn a_wrong_command_line_is_64_and_help_is_data() {
    for arguments in [&["nonsense"][..], &["tail", "--nonsense"], &["send"], &["completions"]] {
        let wrong = signalbox(arguments).await;
        assert_eq!((wrong.code, wrong.stdout.as_str()), (64, ""), "{arguments:?}");
        assert!(wrong.stderr.starts_with("error: "), "{}", wrong.stderr);
    }
    let wrong = signalbox(&["tail", "--nonsense", "--output", "json"]).await;
    let told: serde_json::Value = serde_json::from_str(&wrong.stderr).unwrap();
    assert_eq!((wrong.code, &told["type"]), (64, &"about:blank".into()));
    let help = signalbox(&["--help"]).await;
    assert_eq!((help.code, help.stderr.as_str()), (0, ""));
    for name in [
        "serve",
        "check",
        "send",
        "listen",
        "tail",
        "events",
        "explain-code",
        "dead-letters",
        "convert",
        "diff",
        "completions",
        "health",
    ] {
        assert!(help.stdout.contains(&format!("\n  {name} ")), "{name}");
    }
    let version = signalbox(&["--version"]).await;
    assert_eq!((version.code, version.stdout), (0, format!("signalbox {}\n", env!("CARGO_PKG_VERSION"))));
}

#[tokio::test]
async fn codes_are_explained() {
    let known = signalbox(&["explain-code", "sb-1003", "--output", "json"]).await;
    assert_eq!(known.code, 0);
    assert_eq!(known.json()["code"], "SB-1003");
    assert_eq!(known.json()["title"], "the event is not valid");
    assert!(known.json()["help"].is_string());
    assert!(signalbox(&["explain-code", "1003"]).await.stdout.starts_with("SB-1003: the event is not valid\n"));
    let unknown = signalbox(&["explain-code", "SB-9999"]).await;
    assert_eq!((unknown.code, unknown.stdout.as_str()), (65, ""));
    assert!(unknown.stderr.contains("`SB-9999`"), "{}", unknown.stderr);
}

#[tokio::test]
async fn completions_are_printed_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = signalbox(&["completions", shell]).await;
        assert_eq!((script.code, script.stderr.as_str()), (0, ""));
        assert!(script.stdout.contains("dead-letters"), "{shell}");
    }
}

#[tokio::test]
async fn a_gateway_that_is_not_there_is_69() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{free}");
    for arguments in [
        &["tail", "--admin-url", &url][..],
        &["events", "--admin-url", &url],
        &["dead-letters", "list", "--admin-url", &url],
        &["send", "--type", "t", "--to", &url],
    ] {
        let ended = signalbox(arguments).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (69, ""), "{arguments:?}");
        assert!(ended.stderr.starts_with("error[SB-4004]: "), "{}", ended.stderr);
        assert!(ended.stderr.contains("connection refused") && ended.stderr.contains("hint: "), "{}", ended.stderr);
    }
}

/// Runs the binary on a pseudo-terminal made by python3, which a machine for these tests has.
async fn on_a_terminal(no_color: Option<&str>) -> String {
    let mut command = Command::new("python3");
    let script = "import pty, sys; pty.spawn(sys.argv[1:])";
    command.args(["-c", script, env!("CARGO_BIN_EXE_signalbox"), "explain-code", "1003"]);
    command.env("TERM", "xterm").env_remove("NO_COLOR").stdin(Stdio::null());
    if let Some(value) = no_color {
        command.env("NO_COLOR", value);
    }
    let output = tokio::time::timeout(PATIENCE, command.output()).await.unwrap().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn colours_are_for_terminals_without_no_color() {
    assert!(on_a_terminal(None).await.contains("\x1b[1m"));
    let plain = on_a_terminal(Some("1")).await;
    assert!(plain.contains("SB-1003") && !plain.contains('\x1b'), "{plain}");
    assert!(!signalbox(&["explain-code", "1003"]).await.stdout.contains('\x1b'));
}
