//! HTTP destination: each event is a POST to another service, which has taken it when it answers 2xx.
//!
//! # What an answer means
//! | answer | what becomes of the event |
//! |---|---|
//! | 2xx | delivered; the body is not looked at |
//! | 404, 408, 409, 425, 429, 5xx | tried again by the entry's `retry`; not before `Retry-After`, which holds all of the destination |
//! | 413 | dead letter `too_large` |
//! | 410, other 4xx, 3xx (never followed) | dead letter `refused` |
//! | none: reset, no head within `timeout` | tried again: the receiver may have it |
//! | no connection, no name, no TLS | the lane waits; no attempt is used |
//!
//! The list of what is tried again is the one of Knative's data plane contract, and 425. There is no guard yet against URLs
//! inside the operator's own network: whoever writes route files chooses where events go, and events cannot (specs.md §11).

mod client;
pub mod config;
pub mod destination;
mod error;
#[cfg(test)]
mod tests;
pub mod url;

use super::Destination;
use std::sync::Arc;

/// Starts a destination; it connects when there is something to send.
pub fn start(name: &str, config: &config::HttpConfig) -> Arc<dyn Destination> {
    Arc::new(destination::HttpDestination::start(name, config))
}
