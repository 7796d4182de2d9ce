//! A running NATS destination.

use super::client::Link;
use super::config::NatsConfig;
use super::{error, headers, stream, subject};
use crate::deliver::error::DeliveryError;
use crate::deliver::{Destination, Health, Outgoing, Reach, Receipt};
use crate::tasks::{Kind, Tasks};
use async_nats::Subject;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

/// One connection to a NATS server or cluster, shared by all lanes that deliver there.
pub struct NatsDestination {
    link: Arc<Link>,
    jetstream: bool,
    /// Deliveries under way; closing waits for them.
    deliveries: TaskTracker,
    /// Ends the tasks that keep the connection when the destination is closed or dropped.
    stop: CancellationToken,
    _stop_on_drop: DropGuard,
}

impl NatsDestination {
    /// Starts to connect and returns at once, whether the servers answer or not. `name` is the destination's. Faulty
    /// options ([`NatsConfig::faults`]) make a destination that is never reachable and says why. Must be called inside
    /// the runtime.
    ///
    /// Its tasks end when the destination is closed or dropped, not when tasks are asked to stop: lanes that finish their
    /// attempts at shutdown still need the acknowledgements.
    pub fn start(name: &str, config: &NatsConfig, tasks: &Tasks) -> NatsDestination {
        let link = Link::new(name, config);
        let stop = CancellationToken::new();
        tasks.spawn(Kind::Destination, keep(link.clone(), config.clone(), tasks.clone(), stop.clone()));
        NatsDestination {
            link,
            jetstream: config.jetstream,
            deliveries: TaskTracker::new(),
            _stop_on_drop: stop.clone().drop_guard(),
            stop,
        }
    }

    async fn publish(&self, outgoing: Outgoing) -> Result<Receipt, DeliveryError> {
        let _under_way = self.deliveries.token();
        subject::check(&outgoing.target).map_err(error::bad_target)?;
        let headers = headers::build(outgoing.headers, &outgoing.message_id)?;
        self.link.check_ready()?;
        let subject = Subject::from(outgoing.target);
        let body = outgoing.body.unwrap_or_default();
        if self.jetstream {
            self.link.publish_acked(subject, headers, body).await
        } else {
            self.link.publish_unacked(subject, headers, body).await.map(|()| None)
        }
    }
}

impl Destination for NatsDestination {
    fn deliver(&self, outgoing: Outgoing) -> BoxFuture<'_, Result<Receipt, DeliveryError>> {
        Box::pin(self.publish(outgoing))
    }

    fn health(&self) -> Health {
        self.link.health()
    }

    fn reach(&self) -> Reach {
        self.link.reach()
    }

    fn close(&self, deadline: Duration) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.link.refuse_new();
            self.deliveries.close();
            let finish = async {
                self.deliveries.wait().await;
                self.link.drain().await;
            };
            // What is cut off here is in doubt and will be sent again under the same id.
            tokio::time::timeout(deadline, finish).await.ok();
            self.stop.cancel();
        })
    }
}

async fn keep(link: Arc<Link>, config: NatsConfig, tasks: Tasks, stop: CancellationToken) {
    let Some(replies) = link.open(&config).await else { return };
    if let Some(wanted) = config.ensure_stream {
        let (link, stop) = (link.clone(), stop.clone());
        tasks.spawn(Kind::Destination, async move {
            stop.run_until_cancelled(stream::keep(&link, &wanted)).await;
        });
    }
    stop.run_until_cancelled(link.read_replies(replies)).await;
}
