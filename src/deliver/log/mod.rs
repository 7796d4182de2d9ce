//! The `log` destination for entries with transforms: stores the changed event beside the original, in its stream.
//! (An entry without transforms is settled by the commit that stores the event; no lane runs for it.)

#[cfg(test)]
mod tests;

use super::error::{Advice, DeliveryError};
use super::{Destination, Health, Outgoing, Receipt, StoredEvent};
use crate::codes::Code;
use crate::log::{AppendError, Log};
use crate::state::Reason;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;

/// Stores an event in a stream.
type Store = Arc<dyn Fn(StoredEvent, String) -> BoxFuture<'static, Result<(), AppendError>> + Send + Sync>;

/// The embedded log as a destination.
#[derive(Clone)]
pub struct LogDestination {
    store: Store,
}

impl LogDestination {
    /// Stores in `log`.
    pub fn new(log: Log) -> LogDestination {
        let store: Store = Arc::new(move |event: StoredEvent, stream: String| {
            let log = log.clone();
            async move { log.store_derived(event.position, event.lane, &stream, event.record).await }.boxed()
        });
        LogDestination { store }
    }
}

impl Destination for LogDestination {
    fn deliver(&self, outgoing: Outgoing) -> BoxFuture<'_, Result<Receipt, DeliveryError>> {
        async move {
            let Some(event) = outgoing.stored else {
                let detail = "the prepared message holds no event to store".to_owned();
                return Err(DeliveryError {
                    code: Code::ConversionFailed,
                    detail,
                    advice: Advice::Never(Reason::Conversion),
                });
            };
            let receipt = format!("stream={} position={}", outgoing.target, event.position);
            match (self.store)(event, outgoing.target).await {
                Ok(()) => Ok(Some(receipt)),
                Err(error) => Err(unreachable(&error)),
            }
        }
        .boxed()
    }

    fn health(&self) -> Health {
        Health { healthy: true, detail: None }
    }

    fn close(&self, _deadline: Duration) -> BoxFuture<'_, ()> {
        // The log is closed by its owner.
        std::future::ready(()).boxed()
    }
}

/// None of these is the event's fault, and all events of the log share them: the lane waits.
fn unreachable(error: &AppendError) -> DeliveryError {
    let code = match error {
        AppendError::Overloaded => Code::Overloaded,
        AppendError::Full { .. } => Code::LogFull,
        AppendError::Closed => Code::LogBroken,
    };
    DeliveryError { code, detail: error.to_string(), advice: Advice::Unreachable }
}
