//! The integration tests: one binary; real servers, real processes (tests/README.md).
#![expect(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod admin_api;
mod cli;
mod conformance;
mod conformance_xml;
mod conversion;
mod http_abuse;
#[cfg(feature = "kafka")]
mod kafka_destination;
#[cfg(feature = "kafka")]
mod kafka_faults;
#[cfg(feature = "kafka")]
mod kafka_gateway;
#[cfg(feature = "nats")]
mod ledger;
mod life;
#[cfg(feature = "nats")]
mod nats_destination;
#[cfg(feature = "nats")]
mod nats_faults;
#[cfg(feature = "nats")]
mod nats_gateway;
mod reference;
mod story;
mod support;
mod tidy;
mod xml;
