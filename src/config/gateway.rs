//! `signalbox.yaml`: listeners, admin, log, limits. A change needs a restart.

use crate::jq;
pub use crate::observability::trace::TraceTrust;
use crate::units::{Size, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The whole file. Paths are relative to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-later-unless-empty" = ["auth", "authentication", "telemetry", "tls"]))]
pub struct GatewayConfig {
    /// Where events come in.
    #[schemars(length(min = 1))]
    pub listeners: Vec<Listener>,
    /// The private listener: API, metrics, probes.
    pub admin: Admin,
    /// The embedded log and the state.
    pub data_dir: PathBuf,
    /// Route files.
    pub routes_dir: PathBuf,
    /// Schemas.
    pub schemas_dir: PathBuf,
    /// What schemas mean for acceptance.
    pub validation: Validation,
    /// Size and age of the log.
    pub log: LogConfig,
    /// Every limit.
    pub limits: Limits,
}

/// One public listener.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend(
    "x-later" = ["tls"],
    "x-later-unless-empty" = ["authentication", "auth", "rate", "rates"]
))]
pub struct Listener {
    /// Its name in metrics and in the log.
    pub name: String,
    /// Address and port; port 0 takes a free one.
    #[serde(default = "default_listen")]
    pub address: String,
    /// What a 2xx means.
    #[serde(default)]
    pub ack: Ack,
    /// With `ack: destinations`: how long a request may wait for its deliver entries, retries included.
    #[serde(default = "default_ack_timeout")]
    pub ack_timeout: Span,
    /// What becomes of an event no route matches.
    #[serde(default)]
    pub unmatched: Unmatched,
    /// What becomes of the caller's trace.
    #[serde(default)]
    pub trace: TraceTrust,
    /// Who may send to this listener as a web hook: the answer to `OPTIONS` (CloudEvents HTTP Web Hooks §4).
    #[serde(default)]
    pub webhook: Webhook,
    /// What is let pass that the specification does not. Default: nothing.
    #[serde(default)]
    pub lenient: Vec<Leniency>,
}

/// Who may send to a listener as a web hook. A POST is judged by its credentials alone, not by this.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Webhook {
    /// Origins that are granted the handshake, as senders name themselves: `eventemitter.example.com`; `"*"` is all of them.
    /// Default: nobody.
    pub allowed_origins: Vec<String>,
    /// Requests a minute a sender is told to stay below. Default: no limit.
    #[schemars(range(min = 1))]
    pub allowed_rate: Option<u32>,
}

/// Something that is let pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Leniency {
    /// Attribute names are folded to lower case; two that fold together are 400.
    UppercaseNames,
    /// An attribute whose name is not of `[a-z0-9]` is dropped.
    InvalidNames,
    /// `dataschema` may have a fragment, even be `#` alone.
    DataschemaFragment,
}

/// What a 2xx means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Ack {
    /// The event and its routing decision are fsynced in the log.
    #[default]
    Log,
    /// Every matched deliver entry has taken the event; nothing is kept on local disk.
    Destinations,
}

/// What becomes of an event no route matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Unmatched {
    /// 202, counted, recorded.
    #[default]
    Accept,
    /// 422.
    Reject,
}

/// The private listener.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-later" = ["tls"], "x-later-unless-empty" = ["authentication", "auth"]))]
pub struct Admin {
    /// Address and port; a non-loopback address needs `insecure: true`.
    pub address: String,
    /// Allows a non-loopback address without authentication; starts with a warning.
    pub insecure: bool,
}

/// What schemas mean for acceptance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Validation {
    /// Events of a type without a schema.
    pub unknown_type: UnknownType,
}

/// Events of a type without a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum UnknownType {
    /// Taken as they are.
    #[default]
    Accept,
    /// Refused with 422.
    Reject,
}

/// Size and age of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// Settled segments older than this are removed.
    pub max_age: Span,
    /// Settled segments are removed above this size; then ingest answers 503.
    pub max_bytes: Size,
    /// A segment is sealed at this size.
    pub segment_bytes: Size,
}

/// Every limit with its default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Bytes of one event in its wire form; more is 413.
    pub event_bytes: Size,
    /// Bytes of a body after decompression; more is 413.
    pub body_bytes: Size,
    /// Events in one batch; more is 413.
    #[schemars(range(min = 1))]
    pub batch_events: usize,
    /// Header fields of a request; more is 431.
    #[schemars(range(min = 1))]
    pub headers: usize,
    /// Bytes of a request head; more is 431.
    pub header_bytes: Size,
    /// Attributes of one event; more is 400.
    #[schemars(range(min = 1))]
    pub attributes: usize,
    /// Nesting of JSON data; deeper is 400.
    #[schemars(range(min = 1, max = 1024))]
    pub json_depth: usize,
    /// Nesting of XML events; deeper is 400.
    #[schemars(range(min = 1, max = 1024))]
    pub xml_depth: usize,
    /// XML attributes of one element, declarations of namespaces included; more is 400.
    #[schemars(range(min = 1, max = 65536))]
    pub xml_attributes: usize,
    /// Namespaces declared on an XML element and all around it; more is 400.
    #[schemars(range(min = 1, max = 1024))]
    pub xml_namespaces: usize,
    /// Bytes of input of a jq program, and of its output. A filter does not match larger data, a step makes a dead letter.
    pub jq_bytes: Size,
    /// A run of a jq program that takes longer is counted and warned about.
    pub jq_time: Span,
    /// Open connections of one listener; one more is closed at once.
    #[schemars(range(min = 1))]
    pub connections: usize,
    /// From the first byte of a request's head to the last of its body; slower is 408.
    pub request_timeout: Span,
    /// From connecting, or from the end of the last request, to the end of the next request's head; slower is closed.
    pub header_timeout: Span,
    /// How long an event's identity is remembered.
    pub duplicate_window: Span,
    /// How many identities are remembered at most.
    #[schemars(range(min = 1))]
    pub duplicate_events: usize,
    /// Requests that may wait for the log, and deliveries that requests with `ack: destinations` may wait for; one more is 503.
    #[schemars(range(min = 1))]
    pub queue_requests: usize,
    /// Bytes of request bodies held at once over all connections; more is 503.
    pub inflight_bytes: Size,
    /// Events one lane holds in memory; beyond it reads the log.
    #[schemars(range(min = 1))]
    pub lane_events: usize,
    /// Retries one lane may have parked; beyond, it takes no new events.
    #[schemars(range(min = 1))]
    pub parked_events: usize,
    /// Refused requests kept for `GET rejections`.
    #[schemars(range(min = 1))]
    pub rejections: usize,
    /// From SIGTERM to a forced end.
    pub shutdown_timeout: Span,
}

fn default_listen() -> String {
    "127.0.0.1:8080".to_owned()
}

const fn default_ack_timeout() -> Span {
    seconds(10)
}

const fn seconds(seconds: u64) -> Span {
    Span(std::time::Duration::from_secs(seconds))
}

impl Default for GatewayConfig {
    fn default() -> Self {
        GatewayConfig {
            listeners: vec![Listener {
                name: "public".to_owned(),
                address: default_listen(),
                ack: Ack::default(),
                ack_timeout: default_ack_timeout(),
                unmatched: Unmatched::default(),
                trace: TraceTrust::default(),
                webhook: Webhook::default(),
                lenient: Vec::new(),
            }],
            admin: Admin::default(),
            data_dir: "data".into(),
            routes_dir: "routes".into(),
            schemas_dir: "schemas".into(),
            validation: Validation::default(),
            log: LogConfig::default(),
            limits: Limits::default(),
        }
    }
}

impl Limits {
    /// The caps of jq programs.
    pub fn jq(&self) -> jq::Limits {
        jq::Limits { bytes: self.jq_bytes, time: self.jq_time }
    }
}

impl Default for Admin {
    fn default() -> Self {
        Admin { address: "127.0.0.1:8081".to_owned(), insecure: false }
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        LogConfig { max_age: seconds(7 * 86_400), max_bytes: Size(10 << 30), segment_bytes: Size(128 << 20) }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            event_bytes: Size(512 << 10),
            body_bytes: Size(4 << 20),
            batch_events: 1000,
            headers: 100,
            header_bytes: Size(64 << 10),
            attributes: 256,
            json_depth: 128,
            xml_depth: 128,
            xml_attributes: 256,
            xml_namespaces: 64,
            jq_bytes: jq::Limits::default().bytes,
            jq_time: jq::Limits::default().time,
            connections: 10_000,
            request_timeout: seconds(30),
            header_timeout: seconds(10),
            duplicate_window: seconds(600),
            duplicate_events: 1_000_000,
            queue_requests: 10_000,
            inflight_bytes: Size(256 << 20),
            lane_events: 1_000,
            parked_events: 100_000,
            rejections: 1_000,
            shutdown_timeout: seconds(25),
        }
    }
}
