//! A running Kafka destination.

use super::config::KafkaConfig;
use super::link::Link;
use super::{error, properties, topic};
use crate::deliver::error::DeliveryError;
use crate::deliver::{Destination, Health, Outgoing, Reach, Receipt};
use crate::tasks::{Kind, Tasks};
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

/// One producer for a Kafka cluster, shared by all lanes that deliver there.
pub struct KafkaDestination {
    link: Arc<Link>,
    /// Deliveries under way; closing waits for them.
    deliveries: TaskTracker,
    /// Ends the task that keeps the producer when the destination is closed or dropped.
    stop: CancellationToken,
    _stop_on_drop: DropGuard,
}

impl KafkaDestination {
    /// Starts to connect and returns at once, whether the brokers answer or not. `name` is the destination's. Faulty
    /// options ([`KafkaConfig::faults`]) make a destination that is never reachable and says why. Must be called inside
    /// the runtime.
    ///
    /// Its task ends when the destination is closed or dropped, not when tasks are asked to stop: lanes that finish their
    /// attempts at shutdown still need the acknowledgements.
    pub fn start(name: &str, config: &KafkaConfig, tasks: &Tasks) -> KafkaDestination {
        KafkaDestination::start_with(name, config, tasks, properties::MESSAGE_TIMEOUT)
    }

    /// As [`KafkaDestination::start`], with another time after which the fate of a message counts as unknown.
    pub fn start_with(name: &str, config: &KafkaConfig, tasks: &Tasks, message_timeout: Duration) -> KafkaDestination {
        let link = Link::new(name, config, message_timeout);
        let stop = CancellationToken::new();
        let (kept, stopped) = (link.clone(), stop.clone());
        tasks.spawn(Kind::Destination, async move {
            stopped.run_until_cancelled(kept.keep()).await;
        });
        KafkaDestination { link, deliveries: TaskTracker::new(), _stop_on_drop: stop.clone().drop_guard(), stop }
    }

    async fn publish(&self, outgoing: Outgoing) -> Result<Receipt, DeliveryError> {
        let _under_way = self.deliveries.token();
        topic::check(&outgoing.target).map_err(error::bad_target)?;
        self.link.publish(&outgoing).await
    }
}

impl Destination for KafkaDestination {
    fn deliver(&self, outgoing: Outgoing) -> BoxFuture<'_, Result<Receipt, DeliveryError>> {
        Box::pin(self.publish(outgoing))
    }

    fn health(&self) -> Health {
        self.link.health()
    }

    fn reach(&self) -> Reach {
        self.link.reach()
    }

    fn partition(&self, topic: &str, key: &str) -> Option<i32> {
        self.link.partition(topic, key)
    }

    fn close(&self, deadline: Duration) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let end = Instant::now() + deadline;
            self.link.refuse_new();
            self.deliveries.close();
            // What is cut off here is in doubt and will be sent again.
            tokio::time::timeout(deadline, self.deliveries.wait()).await.ok();
            self.stop.cancel();
            self.link.end(end.saturating_duration_since(Instant::now())).await;
        })
    }
}
