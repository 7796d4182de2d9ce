//! A real Apache Kafka of one test's own, or one that simple tests share: own store, restart on the same port, kill, pause.

mod read;
pub mod secured;

pub use read::Landed;
use secured::Security;

use super::{Broker, note_process, signal, tail};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

const READY: Duration = Duration::from_mins(1);
const ANSWER: Duration = Duration::from_secs(30);

/// A running broker, or one that was killed and can be started again. Ends when dropped, and when the test process ends.
pub struct KafkaServer {
    dir: tempfile::TempDir,
    port: u16,
    running: Option<Running>,
    /// A listener without login beside one with; tests look behind the scenes through it.
    inside: Option<u16>,
}

/// The shell that watches over the broker, and the broker. The shell ends it when its standard input is closed.
struct Running {
    shell: Child,
    broker: u32,
}

impl KafkaServer {
    /// One that many tests share; each uses topics of its own.
    pub fn shared() -> &'static KafkaServer {
        static SHARED: OnceLock<KafkaServer> = OnceLock::new();
        SHARED.get_or_init(KafkaServer::start)
    }

    /// Starts one without login.
    pub fn start() -> KafkaServer {
        let mut server = KafkaServer::absent();
        for _ in 0..20 {
            if server.try_run() {
                return server;
            }
            server.port = free_port();
        }
        panic!("Kafka does not start:\n{}", tail(&server.dir.path().join("log")));
    }

    /// Starts one that looks closely at who comes. Tests look behind the scenes through a listener of their own.
    pub fn start_secured(security: &Security) -> KafkaServer {
        let mut server = KafkaServer::absent();
        let inside = free_port();
        let dir = server.dir.path();
        std::fs::write(dir.join("extra.properties"), security.properties(dir, server.port, inside))
            .expect("the folder can be written");
        if let Some((user, password)) = &security.scram {
            let line = format!("SCRAM-SHA-512=[name={user},password={password}]\n");
            std::fs::write(dir.join("scram"), line).expect("the folder can be written");
        }
        server.inside = Some(inside);
        assert!(server.try_run(), "Kafka does not start:\n{}", tail(&server.dir.path().join("log")));
        server
    }

    /// One that is not running yet, but has its port.
    pub fn absent() -> KafkaServer {
        let dir = tempfile::tempdir().expect("a temporary folder");
        KafkaServer { dir, port: free_port(), running: None, inside: None }
    }

    /// Its address.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Creates a topic, with settings of its own such as `("max.message.bytes", "2000")`.
    pub async fn create_topic(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) {
        let admin: AdminClient<DefaultClientContext> = self.client().create().expect("a client");
        let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        for (key, value) in settings {
            topic = topic.set(key, value);
        }
        let results = admin.create_topics([&topic], &AdminOptions::new().operation_timeout(Some(ANSWER))).await;
        for result in results.expect("an answer") {
            result.expect("the topic can be created");
        }
    }

    /// Deletes a topic.
    pub async fn delete_topic(&self, name: &str) {
        let admin: AdminClient<DefaultClientContext> = self.client().create().expect("a client");
        let results = admin.delete_topics(&[name], &AdminOptions::new().operation_timeout(Some(ANSWER))).await;
        for result in results.expect("an answer") {
            result.expect("the topic can be deleted");
        }
    }

    /// Names of all topics.
    pub fn topics(&self) -> Vec<String> {
        let consumer: BaseConsumer = self.client().create().expect("a client");
        let metadata = consumer.fetch_metadata(None, ANSWER).expect("an answer");
        metadata.topics().iter().map(|topic| topic.name().to_owned()).collect()
    }

    /// A client of the test's own.
    fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client
            .set("bootstrap.servers", format!("127.0.0.1:{}", self.inside.unwrap_or(self.port)))
            .set("group.id", "tests")
            .set("enable.auto.commit", "false")
            // Rather than being asked too often: tests wait in a loop.
            .set("fetch.wait.max.ms", "10")
            .set("session.timeout.ms", "6000");
        client
    }

    fn try_run(&mut self) -> bool {
        let log = File::options().create(true).append(true).open(self.dir.path().join("log"));
        let log = log.expect("the folder can be written");
        let mut shell = Command::new("sh")
            .args(["-c", "\"$@\" </dev/null >&2 & echo $!; exec >/dev/null; cat; kill -9 $!; wait"])
            .arg("sh")
            .args(command(self.dir.path(), self.port))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("sh can be run");
        let mut line = String::new();
        BufReader::new(shell.stdout.take().expect("a pipe"))
            .read_line(&mut line)
            .expect("the shell says the process id");
        let broker = line.trim().parse().expect("a process id");
        note_process(broker);
        let running = Running { shell, broker };
        let ready = self.is_ready(&running);
        self.running = ready.then_some(running);
        ready
    }

    /// Ready = it names itself, and every partition has a leader; an open port is too early after a crash.
    fn is_ready(&self, running: &Running) -> bool {
        let process = format!("/proc/{}", running.broker);
        let end = Instant::now() + READY;
        while Instant::now() < end && Path::new(&process).exists() {
            if std::net::TcpStream::connect(("127.0.0.1", self.inside.unwrap_or(self.port))).is_err() {
                std::thread::sleep(Duration::from_millis(10));
                continue;
            }
            let consumer: BaseConsumer = self.client().create().expect("a client");
            let Ok(metadata) = consumer.fetch_metadata(None, Duration::from_secs(2)) else { continue };
            let led = metadata
                .topics()
                .iter()
                .flat_map(rdkafka::metadata::MetadataTopic::partitions)
                .all(|one| one.leader() >= 0);
            if !metadata.brokers().is_empty() && led {
                return true;
            }
        }
        false
    }
}

impl Broker for KafkaServer {
    fn restart(&mut self) {
        assert!(self.running.is_none(), "it still runs");
        assert!(self.try_run(), "Kafka does not come back:\n{}", tail(&self.dir.path().join("log")));
    }

    fn kill(&mut self) {
        drop(self.running.take().expect("it runs"));
    }

    fn pause(&self) {
        signal(self.running.as_ref().expect("it runs").broker, "STOP");
    }

    fn unpause(&self) {
        signal(self.running.as_ref().expect("it runs").broker, "CONT");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        self.shell.wait().ok();
    }
}

/// Below the range that outgoing connections take their ports from; the next one is for the controller.
fn free_port() -> u16 {
    for _ in 0..1000 {
        let port = fastrand::u16(15_000..31_998);
        if [port, port + 1].iter().all(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()) {
            return port;
        }
    }
    panic!("no free ports between 15000 and 32000");
}

/// The command that runs a broker; Kafka is installed when it is not there yet.
fn command(dir: &Path, port: u16) -> Vec<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/kafka");
    let output = Command::new(&script).arg("command").arg(dir).arg(port.to_string()).output();
    let output = output.expect("tests/servers/kafka can be run");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "this test needs a real Kafka, and there is none:\n{said}");
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}
