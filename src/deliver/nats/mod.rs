//! NATS destination: JetStream with publish acknowledgements, core NATS only when at most once is written.

pub mod config;
pub mod subject;

#[cfg(feature = "nats")]
mod acks;
#[cfg(feature = "nats")]
mod client;
#[cfg(feature = "nats")]
pub mod destination;
#[cfg(feature = "nats")]
mod error;
#[cfg(feature = "nats")]
mod headers;
#[cfg(feature = "nats")]
mod stream;
#[cfg(all(test, feature = "nats"))]
mod tests;
