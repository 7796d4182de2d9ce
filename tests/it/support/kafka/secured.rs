//! A broker that wants TLS, a login or permissions, by the recipe of tests/servers/kafka: PEM files made by openssl.

use super::KafkaServer;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a broker wants of a client.
#[derive(Default)]
pub struct Security<'a> {
    /// TLS with these certificates.
    pub tls: Option<&'a Certificates>,
    /// A certificate of the client's, too.
    pub mutual: bool,
    /// A login by mechanism PLAIN: user and password.
    pub plain: Option<(String, String)>,
    /// A login by mechanism SCRAM-SHA-512: user and password.
    pub scram: Option<(String, String)>,
    /// Permissions: whoever logs in may do nothing until [`KafkaServer::allow`].
    pub permissions: bool,
}

/// What a login may do with a topic, as numbers of the protocol.
#[derive(Clone, Copy)]
pub enum Operation {
    Write = 4,
    Describe = 8,
}

/// A certificate authority, what it has signed for the broker and for a client, and one nobody trusts.
pub struct Certificates {
    dir: tempfile::TempDir,
}

impl Security<'_> {
    /// A login by mechanism PLAIN and nothing else.
    pub fn login(user: &str, password: &str) -> Security<'static> {
        Security { plain: Some((user.to_owned(), password.to_owned())), ..Security::default() }
    }

    /// Lines for the broker's configuration; client listener, listener of the tests, controller.
    pub(super) fn properties(&self, dir: &Path, port: u16, inside: u16) -> String {
        let protocol = match (self.tls.is_some(), self.plain.is_some() || self.scram.is_some()) {
            (true, true) => "SASL_SSL",
            (true, false) => "SSL",
            (false, true) => "SASL_PLAINTEXT",
            (false, false) => "PLAINTEXT",
        };
        let mut lines = format!(
            "listeners=CLIENT://127.0.0.1:{port},INSIDE://127.0.0.1:{inside},CONTROLLER://127.0.0.1:{}\n\
             inter.broker.listener.name=INSIDE\n\
             listener.security.protocol.map=CLIENT:{protocol},INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT\n",
            port + 1
        );
        let mut set = |name: &str, value: &str| writeln!(lines, "{name}={value}").expect("a string takes everything");
        let module = "org.apache.kafka.common.security";
        if let Some((user, password)) = &self.plain {
            let login = format!("{module}.plain.PlainLoginModule required user_{user}=\"{password}\";");
            set("listener.name.client.sasl.enabled.mechanisms", "PLAIN");
            set("listener.name.client.plain.sasl.jaas.config", &login);
        }
        if self.scram.is_some() {
            let login = format!("{module}.scram.ScramLoginModule required;");
            set("listener.name.client.sasl.enabled.mechanisms", "SCRAM-SHA-512");
            set("listener.name.client.scram-sha-512.sasl.jaas.config", &login);
        }
        if let Some(certificates) = self.tls {
            let store = dir.join("server.pem");
            let parts = ["server.key", "server.pem"].map(|name| std::fs::read_to_string(certificates.path(name)));
            std::fs::write(&store, parts.map(|part| part.expect("openssl has made it")).concat())
                .expect("the folder can be written");
            set("listener.name.client.ssl.keystore.type", "PEM");
            set("listener.name.client.ssl.keystore.location", &store.display().to_string());
            set("listener.name.client.ssl.truststore.type", "PEM");
            set("listener.name.client.ssl.truststore.location", &certificates.path("ca.pem").display().to_string());
            set("listener.name.client.ssl.client.auth", if self.mutual { "required" } else { "none" });
        }
        if self.permissions {
            set("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer");
            // The tests and the broker itself.
            set("super.users", "User:ANONYMOUS");
        }
        lines
    }
}

impl Certificates {
    /// Has openssl make them.
    pub fn make() -> Certificates {
        let certificates = Certificates { dir: tempfile::tempdir().expect("a temporary folder") };
        certificates.openssl("ca", "CA:TRUE", None);
        certificates.openssl("stranger", "CA:TRUE", None);
        certificates.openssl("server", "CA:FALSE", Some("ca"));
        certificates.openssl("client", "CA:FALSE", Some("ca"));
        certificates
    }

    /// `ca.pem`, `stranger.pem`, `client.pem`, `client.key`.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn openssl(&self, name: &str, constraints: &str, signer: Option<&str>) {
        let mut openssl = Command::new("openssl");
        openssl.current_dir(self.dir.path());
        openssl.args(["req", "-config", "/dev/null", "-x509", "-nodes", "-days", "30", "-newkey", "ec"]);
        openssl.args(["-pkeyopt", "ec_paramgen_curve:P-256", "-subj", &format!("/CN={name}")]);
        openssl.args(["-addext", &format!("basicConstraints=critical,{constraints}")]);
        openssl.args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]);
        openssl.args(["-keyout", &format!("{name}.key"), "-out", &format!("{name}.pem")]);
        if let Some(signer) = signer {
            openssl.args(["-CA", &format!("{signer}.pem"), "-CAkey", &format!("{signer}.key")]);
        }
        let output = openssl.output().expect("openssl can be run");
        assert!(output.status.success(), "openssl: {}", String::from_utf8_lossy(&output.stderr));
    }
}

impl KafkaServer {
    /// Allows a user an operation on a topic. rdkafka has no call for it: `CreateAcls`, version 1, by hand.
    pub fn allow(&self, user: &str, topic: &str, operation: Operation) {
        const CREATE_ACLS: i16 = 30;
        const TOPIC: u8 = 2;
        const LITERAL: u8 = 3;
        const ALLOW: u8 = 3;
        let text = |text: &str| {
            let length = i16::try_from(text.len()).expect("a short text");
            [&length.to_be_bytes()[..], text.as_bytes()].concat()
        };
        let mut request = [CREATE_ACLS.to_be_bytes(), 1_i16.to_be_bytes()].concat();
        request.extend(7_i32.to_be_bytes());
        request.extend(text("tests"));
        request.extend(1_i32.to_be_bytes());
        request.push(TOPIC);
        request.extend(text(topic));
        request.push(LITERAL);
        request.extend(text(&format!("User:{user}")));
        request.extend(text("*"));
        request.extend([operation as u8, ALLOW]);
        let mut link = TcpStream::connect(("127.0.0.1", self.inside.unwrap_or(self.port))).expect("the broker listens");
        let length = u32::try_from(request.len()).expect("a short request");
        link.write_all(&[&length.to_be_bytes()[..], &request].concat()).expect("it takes the request");
        // Length, correlation, throttle time, number of results, and the first one's error.
        let mut answer = [0; 18];
        link.read_exact(&mut answer).expect("it answers");
        assert_eq!(answer[12..], [0, 0, 0, 1, 0, 0], "the broker does not allow it");
    }
}
