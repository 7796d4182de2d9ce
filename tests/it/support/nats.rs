//! A real nats-server of one test's own: JetStream, own store, restart on the same port, kill, pause.

use super::{Broker, note_process, signal, tail};
use async_nats::jetstream::message::StreamMessage;
use futures::StreamExt as _;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

const READY: Duration = Duration::from_secs(30);

/// A running nats-server, or one that was killed and can be started again. Ends when dropped.
pub struct NatsServer {
    dir: tempfile::TempDir,
    name: String,
    port: u16,
    config: String,
    child: Option<Child>,
}

impl NatsServer {
    /// Starts one without login.
    pub fn start() -> NatsServer {
        NatsServer::start_with("")
    }

    /// Starts one with more lines of server configuration.
    pub fn start_with(config: &str) -> NatsServer {
        let mut server = NatsServer::absent();
        config.clone_into(&mut server.config);
        for _ in 0..20 {
            server.port = free_port();
            if server.try_run() {
                return server;
            }
        }
        panic!("nats-server does not start:\n{}", tail(&server.dir.path().join("log")));
    }

    /// One that is not running yet, but has its port.
    pub fn absent() -> NatsServer {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let name = format!("test-{}-{}", std::process::id(), fastrand::u64(..));
        NatsServer { dir, name, port: free_port(), config: String::new(), child: None }
    }

    /// Its address without login.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Its address with a login.
    pub fn url_with(&self, login: &str) -> String {
        format!("nats://{login}@127.0.0.1:{}", self.port)
    }

    /// A client of the test's own.
    pub async fn client(&self) -> async_nats::Client {
        async_nats::connect(self.url()).await.expect("the server answers")
    }

    /// Creates a stream.
    pub async fn add_stream(&self, config: async_nats::jetstream::stream::Config) {
        let context = async_nats::jetstream::new(self.client().await);
        context.create_stream(config).await.expect("the stream can be created");
    }

    /// How many messages a stream holds; `None` = there is no such stream.
    pub async fn count(&self, stream: &str) -> Option<u64> {
        let context = async_nats::jetstream::new(self.client().await);
        Some(context.get_stream(stream).await.ok()?.cached_info().state.messages)
    }

    /// Every message of a stream, oldest first.
    pub async fn messages(&self, stream: &str) -> Vec<StreamMessage> {
        let context = async_nats::jetstream::new(self.client().await);
        let stream = context.get_stream(stream).await.expect("the stream is there");
        let state = &stream.cached_info().state;
        let fetch = |sequence| {
            let stream = &stream;
            async move { stream.get_raw_message(sequence).await.expect("no message is missing") }
        };
        futures::stream::iter(state.first_sequence..=state.last_sequence).map(fetch).buffered(64).collect().await
    }

    fn try_run(&mut self) -> bool {
        let dir = self.dir.path();
        let path = dir.join("server.conf");
        let store = dir.join("store");
        let config = format!(
            "server_name: {:?}\nlisten: \"127.0.0.1:{}\"\njetstream: {{store_dir: \"{}\"}}\n{}\n",
            self.name,
            self.port,
            store.display(),
            self.config
        );
        std::fs::write(&path, config).expect("the folder can be written");
        let log = File::options().create(true).append(true).open(dir.join("log")).expect("the folder can be written");
        let mut child = Command::new(binary())
            .arg("-c")
            .arg(&path)
            .stdout(log.try_clone().expect("one more handle"))
            .stderr(log)
            .stdin(Stdio::null())
            .spawn()
            .expect("nats-server can be run");
        note_process(child.id());
        let ready = wait_until_ready(&mut child, self.port, &self.name);
        if ready {
            self.child = Some(child);
        } else {
            child.kill().ok();
            child.wait().ok();
        }
        ready
    }
}

impl Broker for NatsServer {
    fn restart(&mut self) {
        assert!(self.child.is_none(), "it still runs");
        assert!(self.try_run(), "nats-server does not come back:\n{}", tail(&self.dir.path().join("log")));
    }

    fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
    }

    fn pause(&self) {
        signal(self.child.as_ref().expect("it runs").id(), "STOP");
    }

    fn unpause(&self) {
        signal(self.child.as_ref().expect("it runs").id(), "CONT");
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// Ready = it greets, and it is this one and not another that has the port.
fn wait_until_ready(child: &mut Child, port: u16, name: &str) -> bool {
    let end = Instant::now() + READY;
    while Instant::now() < end {
        if child.try_wait().expect("a child can be asked").is_some() {
            return false;
        }
        if let Some(greeting) = greeting(port) {
            return greeting.contains(name);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}

fn greeting(port: u16) -> Option<String> {
    let stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).ok()?;
    line.starts_with("INFO ").then_some(line)
}

/// Below the range that outgoing connections take their ports from: a restart must find it free.
fn free_port() -> u16 {
    for _ in 0..1000 {
        let port = fastrand::u16(15_000..32_000);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no free port between 15000 and 32000");
}

/// The binary, installed by `tests/servers/nats` when it is not there yet.
fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/nats");
        let output = Command::new(&script).arg("install").output().expect("tests/servers/nats can be run");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "this test needs a real nats-server, and there is none:\n{said}");
        PathBuf::from(String::from_utf8_lossy(&output.stdout).trim())
    })
}
