//! The real binary, started in a folder of its own and driven from outside (design.md §5).

use super::{note_process, signal, tail};
use serde_json::Value;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

const READY: Duration = Duration::from_secs(30);

/// Both listeners on free ports of the loopback, everything else as it comes.
pub const PLAIN: &str = "listeners: [{name: public, address: \"127.0.0.1:0\"}]\nadmin: {address: \"127.0.0.1:0\"}\n";

/// A gateway in its folder, running or stopped. Ends when dropped.
pub struct Gateway {
    dir: tempfile::TempDir,
    /// More of its command line.
    arguments: Vec<String>,
    /// More of its environment.
    environment: Vec<(String, String)>,
    running: Option<Running>,
    http: reqwest::Client,
}

struct Running {
    child: Child,
    ready: Value,
}

impl Gateway {
    /// Starts it with these files, named relative to its folder: `signalbox.yaml` ([`PLAIN`] when absent),
    /// `routes/orders.yaml`, …
    pub async fn start(files: &[(&str, &str)]) -> Gateway {
        Gateway::start_with(files, &[], &[]).await
    }

    /// Starts it with these files, more arguments, and variables of the environment.
    pub async fn start_with(files: &[(&str, &str)], arguments: &[&str], environment: &[(&str, &str)]) -> Gateway {
        let dir = tempfile::tempdir().expect("a temporary folder");
        for folder in ["routes", "schemas"] {
            std::fs::create_dir(dir.path().join(folder)).expect("a new folder");
        }
        let http = reqwest::Client::builder().timeout(Duration::from_secs(30)).build().expect("a client");
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let environment = environment.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        let mut gateway = Gateway { dir, arguments, environment, running: None, http };
        gateway.write("signalbox.yaml", PLAIN);
        for (name, text) in files {
            gateway.write(name, text);
        }
        gateway.restart().await;
        gateway
    }

    /// Writes one of its files, whole.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.dir.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a new folder");
        // Written beside and moved: a watcher must never see half a file.
        let fresh = self.dir.path().join(".fresh");
        std::fs::write(&fresh, text).expect("the folder can be written");
        std::fs::rename(fresh, path).expect("the file can be moved");
    }

    /// Starts it again on the same folder.
    pub async fn restart(&mut self) {
        self.restart_with(&[]).await;
    }

    /// Starts it again on the same folder with more arguments.
    pub async fn restart_with(&mut self, arguments: &[&str]) {
        assert!(self.running.is_none(), "it still runs");
        let log = File::options().create(true).append(true).open(self.log()).expect("the folder can be written");
        let mut child = Command::new(env!("CARGO_BIN_EXE_signalbox"))
            .args(["serve", "--output", "json", "--config", "signalbox.yaml"])
            .args(&self.arguments)
            .args(arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect("the binary can be run");
        note_process(child.id().expect("it has not ended"));
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let line = match tokio::time::timeout(READY, lines.next_line()).await {
            Ok(Ok(Some(line))) => line,
            other => panic!("the gateway does not get ready: {other:?}\n{}", tail(&self.log())),
        };
        let ready: Value = serde_json::from_str(&line).expect("the ready line is JSON");
        assert_eq!(ready["ready"], true, "{line}");
        self.running = Some(Running { child, ready });
    }

    /// `kill -9`, and waits until it is gone.
    pub async fn kill(&mut self) {
        let mut running = self.running.take().expect("it runs");
        running.child.kill().await.expect("it can be killed");
    }

    /// SIGTERM, and waits until it has ended by itself.
    pub async fn stop(&mut self) -> ExitStatus {
        let mut running = self.running.take().expect("it runs");
        signal(running.child.id().expect("it runs"), "TERM");
        let Ok(status) = tokio::time::timeout(Duration::from_mins(1), running.child.wait()).await else {
            panic!("it does not stop\n{}", tail(&self.log()));
        };
        status.expect("a child can be waited for")
    }

    /// What it wrote to standard error so far.
    pub fn log(&self) -> PathBuf {
        self.dir.path().join("stderr.log")
    }

    /// URL of the listener `public`, with a path.
    pub fn ingress(&self, path: &str) -> String {
        self.listener("public", path)
    }

    /// URL of a listener, with a path.
    pub fn listener(&self, name: &str, path: &str) -> String {
        url(&self.ready()["listeners"][name], path)
    }

    /// URL of the admin listener, with a path.
    pub fn admin(&self, path: &str) -> String {
        url(&self.ready()["admin"], path)
    }

    /// Posts an event in structured mode.
    pub async fn post(&self, event: &Value) -> reqwest::Result<reqwest::Response> {
        let request = self.http.post(self.ingress("/")).header("content-type", "application/cloudevents+json");
        request.body(event.to_string()).send().await
    }

    /// Posts an event that must be accepted; its position.
    pub async fn accept(&self, event: &Value) -> u64 {
        let answer = self.post(event).await.expect("an answer");
        assert_eq!(answer.status(), 202, "{event}");
        let position = answer.headers().get("signalbox-position").expect("a position");
        position.to_str().expect("a text").parse().expect("a number")
    }

    /// A JSON document of the admin API.
    pub async fn get(&self, path: &str) -> Value {
        let answer = self.http.get(self.admin(path)).send().await.expect("an answer");
        assert!(answer.status().is_success(), "GET {path}: {}", answer.status());
        let text = answer.text().await.expect("a body");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("GET {path} is not JSON ({error}): {text}"))
    }

    /// Waits until every delivery of every event has come to its end.
    pub async fn settled(&self) {
        let no_work = || async {
            let page = self.get("/api/v1/events?status=pending&limit=1").await;
            page["events"].as_array().expect("a list").is_empty().then_some(())
        };
        super::wait_for("all deliveries", Duration::from_mins(2), no_work).await;
    }

    /// Its folder.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.running.as_ref().and_then(|running| running.child.id()).expect("it runs")
    }

    /// The client behind its requests.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Ids of everything in its log, in order of position, read page by page.
    pub async fn event_ids(&self) -> Vec<String> {
        let mut ids = Vec::new();
        let mut path = "/api/v1/events?limit=1000".to_owned();
        loop {
            let page = self.get(&path).await;
            let events = page["events"].as_array().expect("a list");
            ids.extend(events.iter().map(|entry| entry["event"]["id"].as_str().expect("an id").to_owned()));
            match &page["next"] {
                Value::Null => break,
                next => path = format!("/api/v1/events?limit=1000&after={}", next.to_string().trim_matches('"')),
            }
        }
        ids.reverse();
        ids
    }

    fn ready(&self) -> &Value {
        &self.running.as_ref().expect("it runs").ready
    }
}

fn url(base: &Value, path: &str) -> String {
    format!("{}{path}", base.as_str().expect("the ready line names its address").trim_end_matches('/'))
}
