//! The integration tests: one binary; real servers, real processes (tests/README.md).

mod cli;
mod conformance;
mod ledger;
mod nats_destination;
mod nats_faults;
mod story;
mod support;
mod tidy;
