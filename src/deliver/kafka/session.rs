//! The producer of a destination, from its start until a fatal error or the end.

use super::link::Link;
use super::watch::Watch;
use crate::deliver::Outgoing;
use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::metadata::MetadataTopic;
use rdkafka::producer::future_producer::Delivery;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::OnceCell;

type Producer = FutureProducer<Watch>;

/// One life of the producer.
pub struct Session {
    /// From 1; what librdkafka says about an earlier one no longer counts.
    pub number: u64,
    link: Weak<Link>,
    config: ClientConfig,
    /// `None` only while being dropped.
    main: Option<Producer>,
    /// Sends every message in a batch of its own; made when the first one needs it.
    alone: OnceCell<Producer>,
    /// Topics that take single messages, but not always batches of them.
    small: Mutex<HashSet<String>>,
    broken: AtomicBool,
}

/// Why a message was not acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// librdkafka did not take it: it was not sent.
    NotTaken(RDKafkaErrorCode),
    /// It was or may have been sent.
    Sent(RDKafkaErrorCode),
    /// The producer is gone, and nobody knows what became of the message.
    Lost,
}

impl Session {
    /// Makes the producer, which then connects by itself and fetches its id. Takes some milliseconds and reads files.
    pub fn open(number: u64, link: Weak<Link>, config: ClientConfig) -> KafkaResult<Session> {
        let watch = Watch { link: link.clone(), session: number, main: true };
        let main = config.create_with_context(watch)?;
        Ok(Session {
            number,
            link,
            config,
            main: Some(main),
            alone: OnceCell::new(),
            small: Mutex::default(),
            broken: AtomicBool::new(false),
        })
    }

    /// A fatal error has ended it: a new one is needed. Messages under way may still be acknowledged.
    pub fn break_off(&self) {
        self.broken.store(true, Ordering::Release);
    }

    /// Has it ended.
    pub fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }

    /// The fatal error that has ended it, if one has. librdkafka calls back with the cause alone, which is not always fatal.
    pub fn fatal_error(&self) -> Option<(RDKafkaErrorCode, String)> {
        let mut producers = self.main.iter().chain(self.alone.get());
        producers.find_map(|producer| producer.client().fatal_error())
    }

    /// Sends a message and waits for what becomes of it.
    ///
    /// librdkafka gathers messages into batches, and a broker refuses a batch that is larger than the topic's
    /// `max.message.bytes`, or that holds one record it does not take, as a whole. Whether a message is at fault itself
    /// shows when it is sent alone.
    pub async fn send(&self, message: &Outgoing) -> Result<Delivery, Failure> {
        let alone_at_once = self.small().contains(&message.target);
        if !alone_at_once {
            let main = self.main.as_ref().ok_or(Failure::Lost)?;
            match produce(main, message).await {
                Err(Failure::Sent(
                    RDKafkaErrorCode::MessageSizeTooLarge
                    | RDKafkaErrorCode::MessageBatchTooLarge
                    | RDKafkaErrorCode::InvalidDifferentRecord
                    | RDKafkaErrorCode::InvalidRecord,
                )) => {}
                outcome => return outcome,
            }
        }
        let outcome = produce(self.alone().await?, message).await;
        if outcome.is_ok() && !alone_at_once {
            self.small().insert(message.target.clone());
        }
        outcome
    }

    /// All topics there are, as far as this login may see them, with their numbers of partitions. Blocks up to `patience`.
    pub fn list_topics(&self, patience: Duration) -> KafkaResult<HashMap<String, u32>> {
        let main = self.main.as_ref().ok_or(KafkaError::Canceled)?;
        let metadata = main.client().fetch_metadata(None, patience)?;
        let there = metadata.topics().iter().filter(|topic| !topic.partitions().is_empty());
        let count = |topic: &MetadataTopic| u32::try_from(topic.partitions().len()).unwrap_or(u32::MAX);
        Ok(there.map(|topic| (topic.name().to_owned(), count(topic))).collect())
    }

    /// Waits until nothing is queued any more. Blocks up to the deadline; what is left then is dropped with the session.
    pub fn flush(&self, deadline: Duration) {
        for producer in self.main.iter().chain(self.alone.get()) {
            producer.flush(deadline).ok(); // fails when the time was not enough
        }
    }

    async fn alone(&self) -> Result<&Producer, Failure> {
        let make = || async {
            let mut config = self.config.clone();
            config.set("batch.num.messages", "1");
            let watch = Watch { link: self.link.clone(), session: self.number, main: false };
            let made = tokio::task::spawn_blocking(move || config.create_with_context(watch)).await;
            made.ok().and_then(Result::ok).ok_or(Failure::NotTaken(RDKafkaErrorCode::CriticalSystemResource))
        };
        self.alone.get_or_try_init(make).await
    }

    fn small(&self) -> MutexGuard<'_, HashSet<String>> {
        self.small.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Session {
    /// Ending a producer blocks for up to a second.
    fn drop(&mut self) {
        let producers = (self.main.take(), self.alone.take());
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn_blocking(move || drop(producers));
        }
    }
}

async fn produce(producer: &Producer, message: &Outgoing) -> Result<Delivery, Failure> {
    let mut headers = OwnedHeaders::new_with_capacity(message.headers.len());
    for (name, value) in &message.headers {
        headers = headers.insert(Header { key: name, value: Some(value.as_bytes()) });
    }
    let mut record = FutureRecord::<[u8], [u8]>::to(&message.target).headers(headers);
    record.key = message.key.as_deref().map(str::as_bytes);
    // No body is no value, a tombstone; an empty body is an empty value.
    record.payload = message.body.as_deref();
    let waiting = producer.send_result(record).map_err(|(error, _)| Failure::NotTaken(code(&error)))?;
    match waiting.await {
        Ok(Ok(delivery)) => Ok(delivery),
        Ok(Err((error, _))) => Err(Failure::Sent(code(&error))),
        Err(_canceled) => Err(Failure::Lost),
    }
}

fn code(error: &KafkaError) -> RDKafkaErrorCode {
    error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown)
}
