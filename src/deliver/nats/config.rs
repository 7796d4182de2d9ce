//! Options of a `nats:` destination, and what can be wrong with them before any connection is tried.

use super::subject;
use crate::encode::HeaderEncoding;
use crate::secret::Secret;
use fluent_uri::Uri;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A NATS server or cluster.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NatsConfig {
    /// `nats://host:port` or `tls://host:port`, one or more servers of one cluster; `user:password@` or `token@` before
    /// the host.
    #[schemars(length(min = 1))]
    pub servers: Vec<String>,
    /// Publish to JetStream and wait for its acknowledgement. Core NATS (`false`) needs `at_most_once: true`.
    #[serde(default = "yes")]
    pub jetstream: bool,
    /// States that losing events is acceptable; needed, and only allowed, with `jetstream: false`.
    #[serde(default)]
    pub at_most_once: bool,
    /// A stream that is created when absent, and never altered.
    #[serde(default)]
    pub ensure_stream: Option<EnsureStream>,
    /// How values stand in `ce-` headers of binary mode.
    #[serde(default)]
    pub header_encoding: HeaderEncoding,
}

/// A stream to create when absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnsureStream {
    /// Its name.
    pub name: String,
    /// The subjects it takes.
    #[schemars(length(min = 1))]
    pub subjects: Vec<String>,
}

fn yes() -> bool {
    true
}

/// How the gateway says who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// `user:password@`.
    Password {
        /// The user.
        user: String,
        /// The password.
        password: Secret,
    },
    /// `token@`.
    Token(Secret),
}

/// One entry of `servers`, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// `scheme://host:port`, without the login: safe to print.
    pub address: String,
    /// Who to log in as.
    pub login: Option<Login>,
}

/// Something wrong with the options that their types cannot say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// JSON Pointer from the `nats:` value to the faulty one: `/servers/0`.
    pub pointer: String,
    /// What is wrong; holds no part of a login.
    pub message: String,
    /// What to write instead.
    pub hint: Option<&'static str>,
}

impl NatsConfig {
    /// Everything that is wrong; empty = the destination can be started.
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut fault = |pointer: &str, message: &str, hint: Option<&'static str>| {
            faults.push(Fault { pointer: pointer.to_owned(), message: message.to_owned(), hint });
        };
        if self.servers.is_empty() {
            fault("/servers", "at least one server is needed", Some("servers: [\"nats://localhost:4222\"]"));
        }
        let servers: Vec<_> = self.servers.iter().map(|text| Server::parse(text)).collect();
        for (index, message) in
            servers.iter().enumerate().filter_map(|(index, server)| Some((index, server.as_ref().err()?)))
        {
            fault(&format!("/servers/{index}"), message, Some("nats://[user:password@]host[:port]"));
        }
        let logins: Vec<_> = servers.iter().flatten().map(|server| &server.login).collect();
        if logins.windows(2).any(|pair| pair[0] != pair[1]) {
            fault("/servers", "all servers of a destination take the same login", Some("write it in every server"));
        }
        match (self.jetstream, self.at_most_once) {
            (false, false) => fault(
                "/jetstream",
                "core NATS may lose events without notice",
                Some("keep jetstream: true, or state at_most_once: true"),
            ),
            (true, true) => fault("/at_most_once", "`at_most_once` is only for `jetstream: false`", None),
            _ => {}
        }
        if let Some(stream) = &self.ensure_stream {
            if !self.jetstream {
                fault("/ensure_stream", "`ensure_stream` needs `jetstream: true`", None);
            }
            stream.faults(&mut fault);
        }
        faults
    }

    /// Equal for equal options, logins included: never to be shown. (`Debug` leaves the logins out, so a changed password
    /// does not change it.)
    pub fn fingerprint(&self) -> Secret {
        let NatsConfig { servers, jetstream, at_most_once, ensure_stream, header_encoding } = self;
        Secret::new(format!("{servers:?} {jetstream} {at_most_once} {ensure_stream:?} {header_encoding:?}"))
    }

    /// The servers, taken apart; those that cannot be read are left out.
    pub fn parsed_servers(&self) -> Vec<Server> {
        self.servers.iter().filter_map(|text| Server::parse(text).ok()).collect()
    }
}

impl fmt::Debug for NatsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let addresses: Vec<_> = self
            .servers
            .iter()
            .map(|text| Server::parse(text).map_or_else(|_| "(unreadable)".to_owned(), |server| server.address))
            .collect();
        f.debug_struct("NatsConfig")
            .field("servers", &addresses)
            .field("jetstream", &self.jetstream)
            .field("at_most_once", &self.at_most_once)
            .field("ensure_stream", &self.ensure_stream)
            .field("header_encoding", &self.header_encoding)
            .finish()
    }
}

impl EnsureStream {
    fn faults(&self, fault: &mut impl FnMut(&str, &str, Option<&'static str>)) {
        let bad = |c: char| matches!(c, '.' | '*' | '>' | '/' | '\\') || c.is_whitespace() || c.is_control();
        if self.name.is_empty() || self.name.len() > 255 || self.name.contains(bad) {
            fault("/ensure_stream/name", "not a stream name", Some("letters, digits, - and _; no dots, no blanks"));
        }
        if self.subjects.is_empty() {
            fault("/ensure_stream/subjects", "at least one subject is needed", Some("subjects: [\"orders.>\"]"));
        }
        for (index, pattern) in self.subjects.iter().enumerate() {
            if let Err(message) = subject::check_pattern(pattern) {
                fault(&format!("/ensure_stream/subjects/{index}"), &message, None);
            }
        }
    }
}

impl Server {
    /// Takes a server's text apart. `Err` never holds the text, for it may hold a password.
    pub fn parse(text: &str) -> Result<Server, String> {
        const UNREADABLE: &str = "not a server address; blanks and `@ : / ? #` in a password are percent-encoded";
        let full = if text.contains("://") { text.to_owned() } else { format!("nats://{text}") };
        let uri = Uri::parse(full.as_str()).map_err(|_| UNREADABLE.to_owned())?;
        let scheme = uri.scheme().as_str().to_ascii_lowercase();
        if scheme != "nats" && scheme != "tls" {
            return Err("a server starts with `nats://` or `tls://`".to_owned());
        }
        let authority = uri.authority().filter(|authority| !authority.host().is_empty()).ok_or(UNREADABLE)?;
        if !matches!(uri.path().as_str(), "" | "/") || uri.query().is_some() || uri.fragment().is_some() {
            return Err("a server is a host and a port; nothing follows them".to_owned());
        }
        let port = match authority.port() {
            Some(port) if !port.is_empty() => port.as_str().parse::<u16>().map_err(|_| "the port is not one")?,
            _ => 4222,
        };
        let login = authority.userinfo().map(|text| Login::parse(text.as_str())).transpose()?.flatten();
        Ok(Server { address: format!("{scheme}://{}:{port}", authority.host()), login })
    }
}

impl Login {
    fn parse(userinfo: &str) -> Result<Option<Login>, String> {
        let decode = |part: &str| {
            percent_encoding::percent_decode_str(part)
                .decode_utf8()
                .map(std::borrow::Cow::into_owned)
                .map_err(|_| "the login is not UTF-8".to_owned())
        };
        match userinfo.split_once(':') {
            None if userinfo.is_empty() => Ok(None),
            None => Ok(Some(Login::Token(Secret::new(decode(userinfo)?)))),
            Some((user, password)) => {
                Ok(Some(Login::Password { user: decode(user)?, password: Secret::new(decode(password)?) }))
            }
        }
    }
}
