//! The `log` destination for entries with transforms: stores the changed event beside the original, in its stream.
//! (An entry without transforms is settled by the commit that stores the event; no lane runs for it.)

#[cfg(test)]
mod tests;

use super::error::{Advice, DeliveryError};
use super::{Destination, Health, Outgoing, Receipt, StoredEvent};
use crate::codes::Code;
use crate::log::{AppendError, Log, NewEntry};
use crate::state::Reason;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;

/// Stores an event in a stream.
type Store = Arc<dyn Fn(StoredEvent, String) -> BoxFuture<'static, Result<u64, AppendError>> + Send + Sync>;

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
            async move { store(&log, event, &stream).await }.boxed()
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
            match (self.store)(event, outgoing.target.clone()).await {
                Ok(position) => Ok(Some(format!("stream={} position={position}", outgoing.target))),
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

/// Stores a changed event beside its original. One that stands in no log yet (`ack: destinations` in a gateway that keeps
/// one) gets a place of its own, and no other deliveries with it. Returns the position.
async fn store(log: &Log, event: StoredEvent, stream: &str) -> Result<u64, AppendError> {
    if event.position > 0 {
        return log.store_derived(event.position, event.lane, stream, event.record).await.map(|()| event.position);
    }
    let stored = log.append(vec![NewEntry { record: event.record, fingerprint: None }]).await?;
    Ok(stored.first().map_or(0, |stored| stored.position))
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
