//! The `discard` destination: takes everything and drops it, for load tests and dry routes.

use super::error::DeliveryError;
use super::{Destination, Health, Outgoing, Receipt};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::time::Duration;

/// Takes and drops.
#[derive(Debug, Clone, Copy, Default)]
pub struct Discard;

impl Destination for Discard {
    fn deliver(&self, _outgoing: Outgoing) -> BoxFuture<'_, Result<Receipt, DeliveryError>> {
        std::future::ready(Ok(None)).boxed()
    }

    fn health(&self) -> Health {
        Health { healthy: true, detail: None }
    }

    fn close(&self, _deadline: Duration) -> BoxFuture<'_, ()> {
        std::future::ready(()).boxed()
    }
}
