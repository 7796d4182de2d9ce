//! Kafka destination: one idempotent producer of librdkafka per destination, `acks=all`.

pub mod config;
pub mod topic;

#[cfg(feature = "kafka")]
pub mod destination;
#[cfg(feature = "kafka")]
mod error;
#[cfg(feature = "kafka")]
mod link;
#[cfg(feature = "kafka")]
mod partitioner;
#[cfg(feature = "kafka")]
mod properties;
#[cfg(feature = "kafka")]
mod session;
#[cfg(feature = "kafka")]
pub mod survey;
#[cfg(all(test, feature = "kafka"))]
mod tests;
#[cfg(feature = "kafka")]
mod traffic;
#[cfg(feature = "kafka")]
mod view;
#[cfg(feature = "kafka")]
mod watch;

use super::Destination;
use crate::tasks::Tasks;
use std::sync::Arc;
use std::time::Duration;

/// Starts a destination; `message_timeout`: how long a message may stay in the client until its fate counts as unknown, where
/// it is not the usual time. Never waits for the other side. Must be called inside the runtime.
#[cfg(feature = "kafka")]
pub fn start(
    name: &str,
    config: &config::KafkaConfig,
    message_timeout: Option<Duration>,
    tasks: &Tasks,
) -> Arc<dyn Destination> {
    let message_timeout = message_timeout.unwrap_or(properties::MESSAGE_TIMEOUT);
    Arc::new(destination::KafkaDestination::start_with(name, config, tasks, message_timeout))
}

/// A destination that says it is not part of this build; route files that name one are refused before.
#[cfg(not(feature = "kafka"))]
pub fn start(
    _name: &str,
    _config: &config::KafkaConfig,
    _message_timeout: Option<Duration>,
    _tasks: &Tasks,
) -> Arc<dyn Destination> {
    Arc::new(super::not_built::NotBuilt { kind: "kafka" })
}
