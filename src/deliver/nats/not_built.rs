//! What stands in for a NATS destination in a build without the cargo feature `nats`.

use crate::codes::Code;
use crate::deliver::error::{Advice, DeliveryError};
use crate::deliver::{Destination, Health, Outgoing, Receipt};
use futures::future::BoxFuture;
use std::time::Duration;

const WHY: &str = "this build has no `nats`";

/// Never reachable.
pub struct NotBuilt;

impl Destination for NotBuilt {
    fn deliver(&self, _outgoing: Outgoing) -> BoxFuture<'_, Result<Receipt, DeliveryError>> {
        let error = DeliveryError { code: Code::Unreachable, detail: WHY.to_owned(), advice: Advice::Unreachable };
        Box::pin(std::future::ready(Err(error)))
    }

    fn health(&self) -> Health {
        Health { healthy: false, detail: Some(WHY.to_owned()) }
    }

    fn close(&self, _deadline: Duration) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}
