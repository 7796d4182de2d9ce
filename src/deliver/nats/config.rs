//! Options of a `nats:` destination.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A NATS server or cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NatsConfig {
    /// `nats://host:port`, one or more servers of one cluster.
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
