//! What is known about a cluster, and the producer that is used for it: made without waiting, made again after a fatal
//! error.

use super::config::KafkaConfig;
use super::error::{self, Consequence};
use super::session::{Failure, Session};
use super::traffic::{Held, Traffic};
use super::view::{Topics, View, Why};
use super::watch::{Limiter, scrub};
use super::{partitioner, properties};
use crate::deliver::error::DeliveryError;
use crate::deliver::{Health, Outgoing, Reach, Receipt};
use crate::secret::Secret;
use arc_swap::ArcSwapOption;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};

/// How long a message may wait until it is known whether its topic exists.
const LOOK_TIMEOUT: Duration = Duration::from_secs(5);
/// A topic that was missing this long ago is still missing.
const FRESH: Duration = Duration::from_secs(1);
/// Between two tries to reach a broker.
const RETRY: Duration = Duration::from_millis(200);
/// Asking for the topics may take this part of the time, as long as they are asked for often enough.
const LOOK_SHARE: u32 = 20;
/// Topics are not asked for more rarely than this while messages need it.
const LOOK_PAUSE: Duration = Duration::from_secs(10);
/// How long the brokers have to answer with their topics: at first, and at most.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(15));

/// Shared by deliveries, the destination's task and librdkafka's callbacks.
pub struct Link {
    name: String,
    brokers: String,
    secrets: Vec<Secret>,
    client: Result<ClientConfig, String>,
    session: ArcSwapOption<Session>,
    view: watch::Sender<View>,
    traffic: Traffic,
    limiter: Limiter,
    /// Wakes the task that asks for topics.
    look: Notify,
    closed: AtomicBool,
}

impl Link {
    /// A link that is not open yet.
    pub fn new(name: &str, config: &KafkaConfig, message_timeout: Duration) -> Arc<Link> {
        let client = match config.faults().into_iter().next() {
            Some(fault) => Err(fault.message),
            None => Ok(properties::client(name, config, message_timeout)),
        };
        Arc::new(Link {
            name: name.to_owned(),
            brokers: config.addresses().join(", "),
            secrets: properties::secrets(config),
            client,
            session: ArcSwapOption::empty(),
            view: watch::Sender::new(View::unknown()),
            traffic: Traffic::default(),
            limiter: Limiter::default(),
            look: Notify::new(),
            closed: AtomicBool::new(false),
        })
    }

    /// Makes the producer, makes it again when a fatal error has ended it, and asks for the topics: at first, when a
    /// message needs one that was not there, and as long as no broker answers.
    pub async fn keep(self: Arc<Link>) {
        let mut patience = PATIENCE.0;
        loop {
            let begun = Instant::now();
            self.note_end();
            let pause = match self.look_around(patience).await {
                Ok(()) => {
                    patience = PATIENCE.0.max(begun.elapsed() * 2).min(PATIENCE.1);
                    (begun.elapsed() * LOOK_SHARE).clamp(FRESH, LOOK_PAUSE)
                }
                Err(true) => {
                    patience = (patience * 2).min(PATIENCE.1);
                    RETRY
                }
                Err(false) => RETRY,
            };
            tokio::time::sleep(pause).await;
            if self.view.borrow().reach == Reach::Up && self.usable_session().is_some() {
                self.look.notified().await;
            }
        }
    }

    /// Asks for the topics. `Err(true)`: there was no answer in time.
    async fn look_around(self: &Arc<Link>, patience: Duration) -> Result<(), bool> {
        let session = match self.usable_session() {
            Some(session) => session,
            None => self.open().await.map_err(|why| {
                self.set_down(Some(why));
                false
            })?,
        };
        let at = Instant::now();
        let listed = tokio::task::spawn_blocking(move || session.list_topics(patience)).await;
        match listed.unwrap_or(Err(KafkaError::Canceled)) {
            Ok(partitions) => {
                self.set_up(Topics { at, partitions });
                Ok(())
            }
            Err(error) => {
                let late = error.rdkafka_error_code() == Some(RDKafkaErrorCode::OperationTimedOut);
                // A large cluster may need more time; a broker that answers to others is not down.
                if !(late && patience < PATIENCE.1 && self.view.borrow().reach == Reach::Up) {
                    self.set_down(None);
                }
                Err(late)
            }
        }
    }

    /// Takes note of a producer that a fatal error has ended. Its messages come back, and are sent again by the next one.
    fn note_end(&self) {
        let Some(session) = self.session.load_full() else { return };
        let Some((code, reason)) = session.fatal_error() else { return };
        let reason = scrub(&reason, &self.secrets);
        if let Some(suppressed) = self.limiter.pass("ended", Instant::now()) {
            tracing::warn!(destination = self.name, reason, suppressed, "the producer failed and is made again");
        }
        if code == RDKafkaErrorCode::ClusterAuthorizationFailed {
            self.view.send_modify(|view| view.denied = Some(reason));
        }
        session.break_off();
    }

    async fn open(self: &Arc<Link>) -> Result<Arc<Session>, String> {
        let config = self.client.clone()?;
        let number = self.session.load().as_ref().map_or(1, |last| last.number + 1);
        let link = Arc::downgrade(self);
        let opened = tokio::task::spawn_blocking(move || Session::open(number, link, config)).await;
        let session = match opened {
            Ok(Ok(session)) => Arc::new(session),
            Ok(Err(error)) => return Err(properties::what(error).unwrap_or_else(|| "it cannot be started".to_owned())),
            Err(_panic) => return Err("it cannot be started".to_owned()),
        };
        self.session.store(Some(session.clone()));
        Ok(session)
    }

    /// Delivers one message whose topic was checked.
    pub async fn publish(&self, message: &Outgoing) -> Result<Receipt, DeliveryError> {
        self.find_topic(&message.target).await?;
        let session = self.usable_session().ok_or_else(|| self.denial().unwrap_or_else(|| self.unreachable()))?;
        let flight = self.traffic.begin(&message.target, Instant::now()).map_err(|held| match held {
            Held::Silent => error::silent(&message.target, !self.traffic.is_silent(Instant::now())),
            Held::Full => error::full(&message.target),
        })?;
        let failure = match session.send(message).await {
            Ok(delivery) => {
                flight.answered(Instant::now());
                self.permit();
                return Ok(Some(receipt(delivery.partition, delivery.offset)));
            }
            Err(failure) => failure,
        };
        let why = self.view.borrow().recent_fault();
        let (error, consequence) = error::of(failure, &message.target, flight.others_answered(), why.as_deref());
        if matches!(failure, Failure::Sent(_)) && error.code != crate::codes::Code::NoAck {
            flight.answered(Instant::now());
        }
        match consequence {
            Consequence::None => {}
            Consequence::ForgetTopic => self.forget_topic(&message.target),
            Consequence::BreakOff => {
                self.break_off(&session);
                return Err(self.denial().unwrap_or(error));
            }
        }
        Err(error)
    }

    /// Resolves when the topic is known to exist and a broker can be reached. Nothing is ever queued for others:
    /// librdkafka would hold a message for a missing topic until it times out, and ask for that topic for ever.
    async fn find_topic(&self, topic: &str) -> Result<(), DeliveryError> {
        if let Some(known) = self.judge(topic, None) {
            return known;
        }
        let asked = Instant::now();
        let mut views = self.view.subscribe();
        let newer = async {
            loop {
                // Asked again each time: one question may have answered another message that came earlier.
                self.look.notify_one();
                views.changed().await.ok();
                if let Some(known) = self.judge(topic, Some(asked)) {
                    return known;
                }
            }
        };
        let Ok(known) = tokio::time::timeout(LOOK_TIMEOUT, newer).await else {
            let up = self.view.borrow().reach == Reach::Up;
            return Err(if up { error::no_topic(topic) } else { self.unreachable() });
        };
        known
    }

    /// Is the topic there. `None` = that must be asked. `asked`: what was seen after this moment says it for sure.
    fn judge(&self, topic: &str, asked: Option<Instant>) -> Option<Result<(), DeliveryError>> {
        let view = self.view.borrow();
        if self.is_closed() || view.reach == Reach::Down {
            drop(view);
            return Some(Err(self.unreachable()));
        }
        let topics = view.topics.as_ref().filter(|_| view.reach == Reach::Up)?;
        if topics.partitions.contains_key(topic) {
            return Some(Ok(()));
        }
        let recent = asked.is_some_and(|asked| topics.at >= asked) || topics.at.elapsed() < FRESH;
        recent.then(|| Err(error::no_topic(topic)))
    }

    fn usable_session(&self) -> Option<Arc<Session>> {
        self.session.load_full().filter(|session| !session.is_broken())
    }

    fn forget_topic(&self, topic: &str) {
        self.view.send_if_modified(|view| {
            view.topics.as_mut().is_some_and(|topics| topics.partitions.remove(topic).is_some())
        });
    }

    fn break_off(&self, session: &Session) {
        session.break_off();
        self.look.notify_one();
    }

    fn set_up(&self, topics: Topics) {
        let mut news = false;
        self.view.send_modify(|view| {
            news = view.reach != Reach::Up;
            *view = View { reach: Reach::Up, why: None, topics: Some(topics), denied: view.denied.take() };
        });
        if news && let Some(suppressed) = self.limiter.pass("connected", Instant::now()) {
            tracing::info!(destination = self.name, brokers = self.brokers, suppressed, "connected");
        }
    }

    fn set_down(&self, why: Option<String>) {
        let mut news = false;
        let mut reason = None;
        self.view.send_modify(|view| {
            news = view.reach != Reach::Down;
            view.reach = Reach::Down;
            view.why = why.map(Why::now).or_else(|| view.why.take());
            reason = view.why.as_ref().map(|why| why.text.clone());
        });
        self.look.notify_one();
        if news
            && !self.is_closed()
            && let Some(suppressed) = self.limiter.pass("down", Instant::now())
        {
            let why = reason.unwrap_or_default();
            tracing::warn!(destination = self.name, brokers = self.brokers, why, suppressed, "no broker answers");
        }
    }

    fn unreachable(&self) -> DeliveryError {
        if self.is_closed() {
            return error::unreachable("the destination is being closed".to_owned());
        }
        let view = self.view.borrow();
        let why = view.why.as_ref().map_or("no answer yet", |why| why.text.as_str());
        error::unreachable(format!("no connection to {}: {why}", self.brokers))
    }

    /// Why this login may write nowhere, if that is so. Attempts are counted then, as for a topic that is denied.
    fn denial(&self) -> Option<DeliveryError> {
        self.view.borrow().denied.clone().map(error::denied)
    }

    /// A message was taken: if this login was denied everything, it no longer is.
    fn permit(&self) {
        if self.view.borrow().denied.is_some() {
            self.view.send_modify(|view| view.denied = None);
        }
    }

    /// What is known, without asking.
    pub fn health(&self) -> Health {
        if self.view.borrow().reach != Reach::Up {
            return Health { healthy: false, detail: Some(self.unreachable().detail) };
        }
        if let Some(denied) = self.denial() {
            return Health { healthy: false, detail: Some(denied.detail) };
        }
        if self.traffic.is_silent(Instant::now()) {
            return Health { healthy: false, detail: Some("messages are not acknowledged".to_owned()) };
        }
        Health { healthy: true, detail: self.view.borrow().recent_fault() }
    }

    /// Does any broker answer.
    pub fn reach(&self) -> Reach {
        if self.is_closed() { Reach::Down } else { self.view.borrow().reach }
    }

    /// The partition that a key goes to, if the brokers have told the topic's partitions.
    pub fn partition(&self, topic: &str, key: &str) -> Option<i32> {
        let view = self.view.borrow();
        let count = *view.topics.as_ref()?.partitions.get(topic)?;
        Some(partitioner::partition(key.as_bytes(), count))
    }

    /// Takes nothing new from now on; what is under way goes on.
    pub fn refuse_new(&self) {
        self.closed.store(true, Ordering::Release);
        // Whoever waits for a topic is told.
        self.view.send_modify(|_| {});
    }

    /// Waits until nothing is queued any more, at most until the deadline, and ends the producer.
    pub async fn end(&self, deadline: Duration) {
        let Some(session) = self.session.swap(None) else { return };
        let flush = tokio::task::spawn_blocking(move || session.flush(deadline));
        flush.await.ok(); // a panic there changes nothing here
    }

    /// How many producers there were.
    #[cfg(test)]
    pub fn session_number(&self) -> u64 {
        self.session.load().as_ref().map_or(0, |session| session.number)
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    fn is_current(&self, session: u64) -> bool {
        // While the first one is being made it has not been stored yet.
        self.session.load().as_ref().is_none_or(|current| current.number <= session)
    }

    /// librdkafka: no broker of the cluster can be reached.
    pub fn on_all_down(&self, session: u64) {
        if self.is_current(session) {
            self.set_down(None);
        }
    }

    /// librdkafka: something went wrong with a broker.
    pub fn on_fault(&self, session: u64, reason: &str) {
        if self.is_current(session) {
            let reason = scrub(reason, &self.secrets);
            self.view.send_modify(|view| view.why = Some(Why::now(reason)));
        }
    }

    /// Has the task that keeps the producer look after it. Callbacks must not: whoever drops a producer waits for them.
    pub fn look_again(&self) {
        self.look.notify_one();
    }

    /// librdkafka: a line for its log.
    pub fn log(&self, level: RDKafkaLogLevel, kind: &str, text: &str) {
        // Connections that brokers closed for being idle must not hide one that failed.
        let closed = kind == "FAIL" && matches!(level, RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info);
        let kind = if closed { "CLOSED" } else { kind };
        let Some(suppressed) = self.limiter.pass(kind, Instant::now()) else { return };
        let (destination, text) = (&self.name, scrub(text, &self.secrets));
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical | RDKafkaLogLevel::Error => {
                tracing::warn!(destination, kind, suppressed, "librdkafka: {text}");
            }
            RDKafkaLogLevel::Warning => tracing::warn!(destination, kind, suppressed, "librdkafka: {text}"),
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info if !closed => {
                tracing::info!(destination, kind, suppressed, "librdkafka: {text}");
            }
            _ => tracing::debug!(destination, kind, suppressed, "librdkafka: {text}"),
        }
    }
}

/// `offset` is not known of a message that the broker had already.
fn receipt(partition: i32, offset: i64) -> String {
    if offset < 0 { format!("partition={partition}") } else { format!("partition={partition} offset={offset}") }
}
