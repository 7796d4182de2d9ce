//! Delivery: one lane per deliver entry, one folder per kind of destination.

mod attempt;
mod context;
mod counters;
pub mod destinations;
pub mod direct;
pub mod discard;
pub mod dispatcher;
pub mod entry;
pub mod error;
pub mod http;
pub mod kafka;
mod lane;
pub mod log;
pub mod nats;
#[cfg(not(all(feature = "nats", feature = "kafka")))]
mod not_built;
pub mod plan;
mod retry;
mod source;
mod span;
#[cfg(test)]
mod tests;
mod upkeep;
mod window;
mod worker;

use bytes::Bytes;
use error::DeliveryError;
use futures::future::BoxFuture;
use std::time::Duration;

/// One attempt's message, complete: what every kind of destination gets.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// The filled-in topic, subject, URL or stream.
    pub target: String,
    /// The key, if there is one.
    pub key: Option<String>,
    /// Binding headers, and the hop's `traceparent`.
    pub headers: Vec<(String, String)>,
    /// The body; `None` for an event without data in binary mode.
    pub body: Option<Bytes>,
    /// Equal for all attempts of one lane and event, different between lanes and replays: 32 hex digits.
    pub message_id: String,
    /// For the `log` destination: the event after its transforms. Others ignore it.
    pub stored: Option<StoredEvent>,
}

/// What the `log` destination keeps.
#[derive(Debug, Clone)]
pub struct StoredEvent {
    /// Position of the original.
    pub position: u64,
    /// The lane that changed it.
    pub lane: std::sync::Arc<crate::lane_name::LaneName>,
    /// The changed event with the original's decision and times.
    pub record: std::sync::Arc<crate::log::record::Record>,
}

/// What a destination said when it took an event, for people: `stream=ORDERS seq=4`.
pub type Receipt = Option<String>;

/// How a destination is doing.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Health {
    /// Can it be reached, as far as is known.
    pub healthy: bool,
    /// Why not, or nothing.
    pub detail: Option<String>,
}

/// Can a destination be reached, as far as is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Yes, or nothing says otherwise.
    Up,
    /// It was only just started; nothing was heard yet.
    Unknown,
    /// No.
    Down,
}

/// A place events are delivered to. The contract:
/// - [`Destination::deliver`] resolves only when the other side has taken responsibility for the message, or fails with
///   blame and retry advice. It may be dropped at any time; the message is then in doubt and will be sent again.
/// - Keeping the connection is the destination's business; retry, order and concurrency are the lane's.
/// - It is called from many lanes at once and never holds one lane up for another.
pub trait Destination: Send + Sync {
    /// Delivers one message.
    fn deliver(&self, outgoing: Outgoing) -> BoxFuture<'_, Result<Receipt, DeliveryError>>;

    /// What is known of its health, without asking the other side.
    fn health(&self) -> Health;

    /// Can it be reached, without asking the other side; cheap. Where it cannot, nothing is handed to it for an event
    /// whose sender waits.
    fn reach(&self) -> Reach {
        Reach::Up
    }

    /// The partition of a topic that messages of a key go to, as far as the other side has told how many there are.
    fn partition(&self, _topic: &str, _key: &str) -> Option<i32> {
        None
    }

    /// Messages one lane may have in flight at once.
    fn max_in_flight(&self) -> usize {
        256
    }

    /// Flushes and closes within the deadline.
    fn close(&self, deadline: Duration) -> BoxFuture<'_, ()>;
}
