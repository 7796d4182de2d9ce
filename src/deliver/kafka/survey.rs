//! Which topics a cluster has, asked once: for `check --online`. Reads only; asking for all topics never creates one.

use super::config::KafkaConfig;
use super::properties;
use super::watch::{failed_to_connect, scrub};
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, DeliveryResult, Producer as _, ProducerContext};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// How long librdkafka has to say why it failed.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// Names of all topics that the login of a destination may see. `Err` says why they are not known; it takes `patience`, and
/// hardly more, until then.
pub async fn topics(name: &str, config: &KafkaConfig, patience: Duration) -> Result<HashSet<String>, String> {
    let (tell, told) = oneshot::channel();
    let (name, config) = (name.to_owned(), config.clone());
    // A thread of its own, for which nobody waits: one that is stuck in a name lookup must not keep the process from ending.
    let thread = std::thread::Builder::new().name("survey".to_owned()).spawn(move || {
        // Nobody listens any more when that took too long.
        tell.send(ask(&name, &config, patience)).ok();
    });
    thread.map_err(|error| error.to_string())?;
    match tokio::time::timeout(patience.saturating_mul(2), told).await {
        Ok(Ok(outcome)) => outcome,
        _ => Err("no answer in time".to_owned()),
    }
}

fn ask(name: &str, config: &KafkaConfig, patience: Duration) -> Result<HashSet<String>, String> {
    let heard = Arc::new(Mutex::new(None));
    let mut client = properties::client(name, config, patience);
    // An idempotent producer would have the cluster give it an id.
    client.set("enable.idempotence", "false");
    let producer: BaseProducer<Ear> = client
        .create_with_context(Ear(heard.clone()))
        .map_err(|error| properties::what(error).unwrap_or_else(|| "the options are not accepted".to_owned()))?;
    match producer.client().fetch_metadata(None, patience) {
        Ok(metadata) => {
            let there = metadata.topics().iter().filter(|topic| !topic.partitions().is_empty());
            Ok(there.map(|topic| topic.name().to_owned()).collect())
        }
        Err(error) => {
            // What librdkafka has to say is told while it is polled.
            producer.poll(LAST_WORDS);
            let heard = heard.lock().unwrap_or_else(PoisonError::into_inner).take();
            let code = error.rdkafka_error_code().map(|code| code.to_string());
            let why = heard.or(code).unwrap_or_else(|| "no answer".to_owned());
            Err(scrub(&why, &properties::secrets(config)))
        }
    }
}

/// Keeps the last reason why a connection did not come about.
struct Ear(Arc<Mutex<Option<String>>>);

impl ClientContext for Ear {
    fn log(&self, _level: RDKafkaLogLevel, kind: &str, text: &str) {
        if let Some(reason) = failed_to_connect(kind, text) {
            self.note(reason);
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // That none can be reached is known; why is not.
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::AllBrokersDown) {
            self.note(reason);
        }
    }
}

impl Ear {
    fn note(&self, reason: &str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.to_owned());
    }
}

impl ProducerContext for Ear {
    type DeliveryOpaque = ();

    fn delivery(&self, _result: &DeliveryResult<'_>, (): ()) {}
}
