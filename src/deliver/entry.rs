//! A compiled deliver entry: everything a lane needs to turn a record into a message.

use super::http::url::UrlTarget;
use crate::cloudevents::Format;
use crate::encode::{HeaderEncoding, Mode};
use crate::lane_name::LaneName;
use crate::transform::Step;
use crate::transform::identity::Identity;
use crate::transform::template::Template;
use std::sync::Arc;
use std::time::Duration;

/// One deliver entry of one snapshot.
#[derive(Debug, Clone)]
pub struct DeliverEntry {
    /// Its lane.
    pub lane: Arc<LaneName>,
    /// The route's steps.
    pub steps: Arc<[Step]>,
    /// What the changed event is called.
    pub identity: Identity,
    /// Where to.
    pub target: Target,
    /// The key; not fillable = no key.
    pub key: Template,
    /// Binary or structured.
    pub mode: Mode,
    /// Format of structured mode.
    pub format: Format,
    /// How values stand in headers, where the destination lets that be chosen.
    pub header_encoding: HeaderEncoding,
    /// Retry policy.
    pub retry: RetryPolicy,
    /// Is order per key kept.
    pub keep_order: bool,
}

impl DeliverEntry {
    /// True when what leaves is the accepted event as it is.
    pub fn is_plain(&self) -> bool {
        self.steps.is_empty() && self.identity == Identity::Keep
    }

    /// True when a program runs in a step.
    pub fn runs_program(&self) -> bool {
        self.steps.iter().any(Step::runs_program)
    }
}

/// What the entry's destination wants to be told.
#[derive(Debug, Clone)]
pub enum Target {
    /// A NATS subject.
    Subject(Template),
    /// A Kafka topic.
    Topic(Template),
    /// A URL.
    Url(UrlTarget),
    /// A named stream of the log.
    Stream(String),
    /// Nothing: `discard`.
    Nowhere,
}

impl Target {
    /// A filled-in target as it may be shown: a URL may hold secrets of the operator.
    pub fn shown(&self, filled: &str) -> String {
        match self {
            Target::Url(url) => url.shown(filled),
            Target::Subject(_) | Target::Topic(_) | Target::Stream(_) | Target::Nowhere => filled.to_owned(),
        }
    }
}

/// `retry:` of a route or entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// First backoff (full jitter: a random wait between 0 and the bound).
    pub initial: Duration,
    /// The bound doubles up to this.
    pub max: Duration,
    /// From acceptance to dead letter `deadline`.
    pub deadline: Duration,
    /// Attempts before dead letter `attempts`; `None` = only the deadline counts.
    pub max_attempts: Option<u32>,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        RetryPolicy {
            initial: Duration::from_millis(200),
            max: Duration::from_mins(1),
            deadline: Duration::from_hours(24),
            max_attempts: None,
        }
    }
}
