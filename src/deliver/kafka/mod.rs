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
mod properties;
#[cfg(feature = "kafka")]
mod session;
#[cfg(all(test, feature = "kafka"))]
mod tests;
#[cfg(feature = "kafka")]
mod traffic;
#[cfg(feature = "kafka")]
mod watch;

use super::Destination;
use crate::tasks::Tasks;
use std::sync::Arc;

/// Starts a destination; never waits for the other side. Must be called inside the runtime.
#[cfg(feature = "kafka")]
pub fn start(name: &str, config: &config::KafkaConfig, tasks: &Tasks) -> Arc<dyn Destination> {
    Arc::new(destination::KafkaDestination::start(name, config, tasks))
}

/// A destination that says it is not part of this build; route files that name one are refused before.
#[cfg(not(feature = "kafka"))]
pub fn start(_name: &str, _config: &config::KafkaConfig, _tasks: &Tasks) -> Arc<dyn Destination> {
    Arc::new(super::not_built::NotBuilt { kind: "kafka" })
}
