//! A running HTTP destination: who may send now, what the last answers said, and what each means for its event.

use super::config::HttpConfig;
use super::{client, error, url};
use crate::deliver::error::DeliveryError;
use crate::deliver::{Destination, Health, Outgoing, Reach, Receipt};
use futures::future::BoxFuture;
use reqwest::{Client, StatusCode};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Each is a connection to a receiver that, unlike a broker, is rarely built for hundreds of them.
const IN_FLIGHT: usize = 64;
/// After a connection failed, so long nothing is handed over for a sender that waits; then one is tried again, for
/// nothing else would find out that the receiver is back.
const AWAY: Duration = Duration::from_secs(1);

/// One service, with a pool of connections that all lanes share that deliver there.
pub struct HttpDestination {
    name: String,
    /// `Err`: no client could be made; why.
    client: Result<Client, String>,
    timeout: Duration,
    standing: Mutex<Standing>,
    /// Deliveries under way; closing waits for them.
    deliveries: TaskTracker,
    closed: CancellationToken,
}

/// What the last answers said.
#[derive(Default)]
struct Standing {
    /// Nothing may be sent before.
    quiet_until: Option<Instant>,
    /// When a connection failed last; nothing when one was made since.
    unreachable: Option<Instant>,
    /// What was wrong with the last answer, or that there was none.
    fault: Option<String>,
}

impl HttpDestination {
    /// A destination by this name. It connects when there is something to send.
    pub fn start(name: &str, config: &HttpConfig) -> HttpDestination {
        let client = client::build(config).map_err(|fault| format!("no HTTP client can be made: {fault}"));
        if let Err(fault) = &client {
            tracing::error!(destination = name, fault, "the destination cannot be started");
        }
        HttpDestination {
            name: name.to_owned(),
            client,
            timeout: config.timeout.0,
            standing: Mutex::default(),
            deliveries: TaskTracker::new(),
            closed: CancellationToken::new(),
        }
    }

    async fn post(&self, outgoing: Outgoing) -> Result<Receipt, DeliveryError> {
        let _under_way = self.deliveries.token();
        url::check(&outgoing.target).map_err(error::bad_target)?;
        let client = self.client.as_ref().map_err(|fault| error::unreachable(fault.clone()))?;
        self.may_send()?;
        let answer = match client::post(client, outgoing, self.timeout).await {
            Ok(answer) => answer,
            Err(failed) => {
                self.note_failure(&failed);
                return Err(failed);
            }
        };
        let (status, quiet) = (answer.status(), error::retry_after(answer.headers(), SystemTime::now()));
        self.note_answer(status, quiet);
        client::drain(answer).await;
        if status.is_success() {
            return Ok(Some(format!("status={}", status.as_u16())));
        }
        Err(error::from_status(status, quiet))
    }

    /// Fails while the receiver wants to be left alone, and when this is closed.
    fn may_send(&self) -> Result<(), DeliveryError> {
        if self.closed.is_cancelled() {
            return Err(error::unreachable("the destination is closed".to_owned()));
        }
        match self.standing().quiet() {
            Some(left) => Err(error::unreachable(asked_for_quiet(left))),
            None => Ok(()),
        }
    }

    fn note_answer(&self, status: StatusCode, quiet: Option<Duration>) {
        let mut standing = self.standing();
        if standing.unreachable.take().is_some() {
            tracing::info!(destination = self.name, "the receiver can be reached again");
        }
        standing.fault = (!status.is_success()).then(|| format!("answered {status}"));
        if let Some(quiet) = quiet.filter(|quiet| error::may_pass(status) && !quiet.is_zero()) {
            // Answers to requests that were sent together must not shorten what another one asked for.
            let until = Instant::now().checked_add(quiet);
            standing.quiet_until = standing.quiet_until.max(until);
            tracing::warn!(destination = self.name, seconds = quiet.as_secs(), "the receiver asks for quiet");
        }
    }

    fn note_failure(&self, failed: &DeliveryError) {
        let mut standing = self.standing();
        standing.fault = Some(failed.detail.clone());
        if failed.advice != crate::deliver::error::Advice::Unreachable {
            return;
        }
        if standing.unreachable.is_none() {
            tracing::warn!(destination = self.name, fault = failed.detail, "the receiver cannot be reached");
        }
        standing.unreachable = Some(Instant::now());
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Standing {
    /// How long nothing may be sent yet.
    fn quiet(&self) -> Option<Duration> {
        let left = self.quiet_until?.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }
}

fn asked_for_quiet(left: Duration) -> String {
    format!("the receiver asked not to be sent anything for {} s more", left.as_secs() + 1)
}

impl Destination for HttpDestination {
    fn deliver(&self, outgoing: Outgoing) -> BoxFuture<'_, Result<Receipt, DeliveryError>> {
        Box::pin(self.post(outgoing))
    }

    fn health(&self) -> Health {
        if let Err(fault) = &self.client {
            return Health { healthy: false, detail: Some(fault.clone()) };
        }
        let standing = self.standing();
        if let Some(left) = standing.quiet() {
            return Health { healthy: false, detail: Some(asked_for_quiet(left)) };
        }
        Health { healthy: standing.unreachable.is_none(), detail: standing.fault.clone() }
    }

    fn reach(&self) -> Reach {
        let standing = self.standing();
        let is_away = standing.unreachable.is_some_and(|failed| failed.elapsed() < AWAY);
        if self.client.is_err() || standing.quiet().is_some() || is_away { Reach::Down } else { Reach::Up }
    }

    fn max_in_flight(&self) -> usize {
        IN_FLIGHT
    }

    fn close(&self, deadline: Duration) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.closed.cancel();
            self.deliveries.close();
            // What is cut off here is in doubt and will be sent again.
            tokio::time::timeout(deadline, self.deliveries.wait()).await.ok();
        })
    }
}
