//! The public listeners: requests become [`crate::pipeline::Incoming`], receipts and rejections become answers.
//!
//! A listener answers with hyper alone, without a router or layers: there are two paths and two methods, and a request
//! that is to stay without an answer (the log broke) must be able to end its connection.

pub mod counters;
pub mod handle;
mod lenient;
mod prefer;
pub mod respond;
mod webhook;

#[cfg(test)]
mod tests;

use crate::config::gateway::{Limits, Listener};
use crate::pipeline::Gateway;
use crate::pipeline::accept::Policy;
use crate::server::{self, BindError, Options, Running};
use crate::tasks::Tasks;
use crate::units::Size;
use counters::Counters;
use handle::{Door, Ingress, Shared};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// An idle keep-alive connection lives at least this long, and never shorter than a head may take.
const IDLE: Duration = Duration::from_mins(1);

/// Starts one listener of the configuration.
pub async fn start(gateway: Arc<Gateway>, listener: &Listener, tasks: &Tasks) -> Result<Running, BindError> {
    let limits = gateway.config.limits;
    let ingress = Ingress {
        listener: listener.name.clone().into(),
        body_bytes: bytes(limits.body_bytes),
        request_timeout: limits.request_timeout.0.min(server::LONGEST),
        budget: Arc::clone(&gateway.bodies),
        counters: Counters::new(&listener.name),
        rejections: Arc::clone(&gateway.rejections),
        webhook: listener.webhook.clone(),
        trace: listener.trace,
        spans: gateway.spans.clone(),
        receiver: Door { policy: Policy::new(listener, &gateway.config, gateway.fingerprints), gateway },
    };
    let handler = Shared(Arc::new(ingress));
    let socket = server::bind(&listener.address).await?;
    Ok(server::start(socket, options(&listener.name, &limits), handler, CancellationToken::new(), tasks))
}

/// What the limits mean for the sockets of a listener.
fn options(name: &str, limits: &Limits) -> Options {
    Options {
        name: name.to_owned(),
        connections: limits.connections,
        headers: limits.headers,
        header_bytes: bytes(limits.header_bytes),
        header_timeout: limits.header_timeout.0,
        idle_timeout: limits.header_timeout.0.max(IDLE),
        half_close: true,
    }
}

fn bytes(size: Size) -> usize {
    usize::try_from(size.0).unwrap_or(usize::MAX)
}
