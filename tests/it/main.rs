//! The integration tests: one binary; real servers, real processes (tests/README.md).
#![expect(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod admin_api;
#[cfg(all(feature = "kafka", feature = "nats"))]
mod broker_formats;
mod choosing;
mod cli;
mod conformance;
mod conformance_cesql;
mod conformance_protobuf;
#[cfg(all(feature = "kafka", feature = "nats"))]
mod conformance_wire;
mod conformance_xml;
mod conversion;
#[cfg(all(feature = "kafka", feature = "nats"))]
mod deployment;
mod explain;
#[path = "../fuzz/lib.rs"]
mod fuzz;
mod fuzz_corpus;
mod hostile_formats;
mod hostile_payloads;
mod http_abuse;
mod http_destination;
mod http_handshake;
#[cfg(all(feature = "kafka", feature = "nats"))]
mod interop;
#[cfg(feature = "kafka")]
mod kafka_destination;
#[cfg(feature = "kafka")]
mod kafka_faults;
#[cfg(feature = "kafka")]
mod kafka_gateway;
#[cfg(feature = "kafka")]
mod kafka_security;
#[cfg(feature = "nats")]
mod ledger;
#[cfg(feature = "kafka")]
mod ledger_kafka;
mod lenient_batch;
mod life;
#[cfg(feature = "nats")]
mod nats_destination;
#[cfg(feature = "nats")]
mod nats_faults;
#[cfg(feature = "nats")]
mod nats_gateway;
#[cfg(feature = "nats")]
mod nats_routing;
mod payload;
mod programs;
mod reference;
mod reloads;
mod scale;
#[cfg(feature = "sdk")]
mod sdk;
mod stateless;
mod story;
mod support;
mod tidy;
mod traces;
mod transcoding;
mod xml;
