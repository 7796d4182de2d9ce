//! NATS destination: JetStream with publish acknowledgements, core NATS only when at most once is written.

pub mod config;
pub mod subject;

#[cfg(feature = "nats")]
mod acks;
#[cfg(feature = "nats")]
mod client;
#[cfg(feature = "nats")]
mod connect;
#[cfg(feature = "nats")]
pub mod destination;
#[cfg(feature = "nats")]
mod error;
#[cfg(feature = "nats")]
mod headers;
#[cfg(feature = "nats")]
mod stream;
#[cfg(feature = "nats")]
pub mod survey;
#[cfg(all(test, feature = "nats"))]
mod tests;

use super::Destination;
use crate::tasks::Tasks;
use std::sync::Arc;

/// Starts a destination; never waits for the other side. Must be called inside the runtime.
#[cfg(feature = "nats")]
pub fn start(name: &str, config: &config::NatsConfig, tasks: &Tasks) -> Arc<dyn Destination> {
    Arc::new(destination::NatsDestination::start(name, config, tasks))
}

/// A destination that says it is not part of this build; route files that name one are refused before.
#[cfg(not(feature = "nats"))]
pub fn start(_name: &str, _config: &config::NatsConfig, _tasks: &Tasks) -> Arc<dyn Destination> {
    Arc::new(super::not_built::NotBuilt { kind: "nats" })
}
