//! What stands in for a destination of a kind that is not part of this build.

use super::error::{Advice, DeliveryError};
use super::{Destination, Health, Outgoing, Receipt};
use crate::codes::Code;
use futures::future::BoxFuture;
use std::time::Duration;

/// Never reachable.
pub struct NotBuilt {
    /// The kind, which is the name of the cargo feature too.
    pub kind: &'static str,
}

impl NotBuilt {
    fn why(&self) -> String {
        format!("this build has no `{}`", self.kind)
    }
}

impl Destination for NotBuilt {
    fn deliver(&self, _outgoing: Outgoing) -> BoxFuture<'_, Result<Receipt, DeliveryError>> {
        let error = DeliveryError { code: Code::Unreachable, detail: self.why(), advice: Advice::Unreachable };
        Box::pin(std::future::ready(Err(error)))
    }

    fn health(&self) -> Health {
        Health { healthy: false, detail: Some(self.why()) }
    }

    fn close(&self, _deadline: Duration) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}
