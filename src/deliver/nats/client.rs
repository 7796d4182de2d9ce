//! The connection to a NATS server or cluster: made without waiting, kept for ever, and what is known about it.

use super::acks::{Acks, Answer};
use super::config::NatsConfig;
use super::connect;
use super::error::{self, ApiError};
use crate::deliver::error::DeliveryError;
use crate::deliver::{Health, Reach, Receipt};
use async_nats::connection::State as ConnectionState;
use async_nats::{Client, Event, HeaderMap, Message, ServerError, StatusCode, Subject, Subscriber};
use bytes::Bytes;
use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};

/// How long an acknowledgement may take.
const ACK_TIMEOUT: Duration = Duration::from_secs(5);
/// Publishes of all lanes whose acknowledgement is awaited.
pub const MAX_UNACKED: usize = 8192;

/// A connection and what is known about it. Shared by deliveries, the destination's tasks and async-nats' callbacks.
pub struct Link {
    name: String,
    servers: String,
    session: OnceLock<Session>,
    standing: Mutex<Standing>,
    closed: AtomicBool,
    wants_stream: bool,
    look_at_stream: Notify,
}

struct Session {
    client: Client,
    acks: Acks,
    unacked: Semaphore,
}

/// What the last events said.
struct Standing {
    /// Connections lost so far.
    losses: u64,
    /// Why there is no connection.
    fault: Option<String>,
    stream: StreamStanding,
}

/// Is the stream of `ensure_stream` there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamStanding {
    /// Not looked at since the connection was made.
    Unknown,
    /// There, or none is wanted.
    Present,
    /// It could not be created; why.
    Absent(String),
}

#[derive(serde::Deserialize)]
struct Ack<'a> {
    #[serde(borrow)]
    stream: Option<Cow<'a, str>>,
    seq: Option<u64>,
    error: Option<ApiError>,
}

impl Link {
    /// A link that is not open yet.
    pub fn new(name: &str, config: &NatsConfig) -> Arc<Link> {
        let addresses: Vec<_> = config.parsed_servers().into_iter().map(|server| server.address).collect();
        let wants_stream = config.ensure_stream.is_some();
        let standing = Standing { losses: 0, fault: None, stream: StreamStanding::Unknown.unless(!wants_stream) };
        Arc::new(Link {
            name: name.to_owned(),
            servers: addresses.join(", "),
            session: OnceLock::new(),
            standing: Mutex::new(standing),
            closed: AtomicBool::new(false),
            wants_stream,
            look_at_stream: Notify::new(),
        })
    }

    /// Starts connecting, and keeps doing so for ever; returns at once with the stream of replies, to be read with
    /// [`Link::read_replies`]. `None` when the options are faulty, which [`Link::health`] then says.
    pub async fn open(self: &Arc<Link>, config: &NatsConfig) -> Option<Subscriber> {
        match self.connect(config).await {
            Ok(replies) => Some(replies),
            Err(fault) => {
                tracing::error!(destination = self.name, fault, "the destination cannot be started");
                self.standing().fault = Some(fault);
                None
            }
        }
    }

    async fn connect(self: &Arc<Link>, config: &NatsConfig) -> Result<Subscriber, String> {
        if let Some(fault) = config.faults().into_iter().next() {
            return Err(fault.message);
        }
        let servers = config.parsed_servers();
        // The addresses go without login: async-nats ignores one in an address, and would log it.
        let addresses: Vec<_> = servers.iter().map(|server| server.address.as_str()).collect();
        let login = servers.iter().find_map(|server| server.login.as_ref());
        let client = connect::options(&self.name, login, Arc::downgrade(self))
            .connect(addresses)
            .await
            .map_err(|error| format!("the servers cannot be read: {error}"))?;
        let acks = Acks::new(&client.new_inbox());
        let replies = client.subscribe(acks.pattern()).await.map_err(|error| error.to_string())?;
        let session = Session { client, acks, unacked: Semaphore::new(MAX_UNACKED) };
        self.session.set(session).map_err(|_| "the link is open already".to_owned())?;
        self.look_at_stream.notify_one();
        Ok(replies)
    }

    /// Hands acknowledgements to the deliveries that wait for them, until the connection is closed.
    pub async fn read_replies(&self, mut replies: Subscriber) {
        use futures::StreamExt as _;
        while let (Some(session), Some(reply)) = (self.session.get(), replies.next().await) {
            session.acks.reply(reply);
        }
    }

    /// Publishes to JetStream and waits for the acknowledgement.
    pub async fn publish_acked(
        &self,
        subject: Subject,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Receipt, DeliveryError> {
        let reply = self.request(subject.clone(), headers, body).await?;
        if reply.status == Some(StatusCode::NO_RESPONDERS) {
            self.look_at_stream.notify_one();
            let why = match &self.standing().stream {
                StreamStanding::Absent(why) => Some(why.clone()),
                _ => None,
            };
            return Err(error::no_stream(&subject, why.as_deref()));
        }
        match serde_json::from_slice::<Ack>(&reply.payload) {
            Ok(Ack { error: Some(api), .. }) => Err(error::from_api(&api)),
            Ok(Ack { stream: Some(stream), seq: Some(seq), .. }) => Ok(Some(format!("stream={stream} seq={seq}"))),
            _ => Err(error::no_ack("the reply is not an acknowledgement of JetStream")),
        }
    }

    /// Publishes and waits until it is written to the socket: nobody says whether it arrives.
    pub async fn publish_unacked(
        &self,
        subject: Subject,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<(), DeliveryError> {
        let session = self.usable()?;
        let losses = self.standing().losses;
        let write = async {
            let sent = session.client.publish_with_headers(subject, headers, body).await;
            sent.map_err(|failure| error::from_publish(&failure, session.client.max_payload()))?;
            session.client.flush().await.map_err(|_| error::no_ack("the connection was lost"))
        };
        tokio::time::timeout(ACK_TIMEOUT, write)
            .await
            .map_err(|_| error::no_ack("the server does not read what is sent"))??;
        // A flush that ran into a lost connection ends well on the next one.
        if self.standing().losses == losses { Ok(()) } else { Err(error::no_ack("the connection was lost")) }
    }

    /// Publishes and waits for a reply, of whatever kind.
    pub async fn request(&self, subject: Subject, headers: HeaderMap, body: Bytes) -> Result<Message, DeliveryError> {
        let session = self.session.get().ok_or_else(|| self.not_connected())?;
        let exchange = async {
            let _slot = session.unacked.acquire().await.map_err(|_| self.not_connected())?;
            self.usable()?;
            let mut ticket = session.acks.wait(subject.clone());
            let sent = session
                .client
                .publish_with_reply_and_headers(subject.clone(), ticket.reply_subject(), headers, body)
                .await;
            sent.map_err(|failure| error::from_publish(&failure, session.client.max_payload()))?;
            match (&mut ticket.answer).await {
                Ok(Answer::Reply(reply)) => Ok(reply),
                Ok(Answer::Denied) => Err(error::not_permitted(&subject)),
                Err(_) => Err(error::no_ack("the connection was lost before the acknowledgement")),
            }
        };
        match tokio::time::timeout(ACK_TIMEOUT, exchange).await {
            Ok(outcome) => outcome,
            Err(_) => Err(self.no_answer()),
        }
    }

    /// The session, if something can be sent now. Nothing is queued for a connection that does not exist.
    fn usable(&self) -> Result<&Session, DeliveryError> {
        match self.session.get() {
            Some(session) if self.is_connected() && !self.is_closed() => Ok(session),
            _ => Err(self.not_connected()),
        }
    }

    /// Fails unless events can be delivered now: there is a connection, and the wanted stream has been looked for.
    pub fn check_ready(&self) -> Result<(), DeliveryError> {
        self.usable()?;
        if self.stream() == StreamStanding::Unknown {
            return Err(error::not_connected("the stream is being looked for".to_owned()));
        }
        Ok(())
    }

    /// Can events be delivered now. Before the first connection, and until a wanted stream was looked for, nobody knows.
    pub fn reach(&self) -> Reach {
        let standing = self.standing();
        match (self.is_connected() && !self.is_closed(), &standing.stream) {
            (true, StreamStanding::Unknown) => Reach::Unknown,
            (true, _) => Reach::Up,
            (false, _) if standing.fault.is_some() || self.is_closed() => Reach::Down,
            (false, _) => Reach::Unknown,
        }
    }

    fn no_answer(&self) -> DeliveryError {
        let mut detail = format!("no acknowledgement within {} s", ACK_TIMEOUT.as_secs());
        if let Some(fault) = &self.standing().fault {
            detail.push_str("; the server said: ");
            detail.push_str(fault);
        }
        error::no_ack(detail)
    }

    fn not_connected(&self) -> DeliveryError {
        let why = self.standing().fault.clone().unwrap_or_else(|| "not connected yet".to_owned());
        error::not_connected(format!("no connection to {}: {why}", self.servers))
    }

    /// Is there a connection.
    pub fn is_connected(&self) -> bool {
        self.session.get().is_some_and(|session| session.client.connection_state() == ConnectionState::Connected)
    }

    /// What is known, without asking.
    pub fn health(&self) -> Health {
        if !self.is_connected() {
            return Health { healthy: false, detail: Some(self.not_connected().detail) };
        }
        match self.stream() {
            StreamStanding::Present => Health { healthy: true, detail: self.standing().fault.clone() },
            StreamStanding::Unknown => {
                Health { healthy: true, detail: Some("the stream is being looked for".to_owned()) }
            }
            StreamStanding::Absent(why) => Health { healthy: false, detail: Some(why) },
        }
    }

    /// Is the wanted stream there.
    pub fn stream(&self) -> StreamStanding {
        self.standing().stream.clone()
    }

    /// Notes whether it is. Returns true when that is news.
    pub fn set_stream(&self, found: StreamStanding) -> bool {
        let mut standing = self.standing();
        let news = standing.stream != found;
        standing.stream = found;
        news
    }

    /// Resolves when the stream should be looked at again.
    pub async fn stream_wanted(&self) {
        self.look_at_stream.notified().await;
    }

    /// The destination's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Takes nothing new from now on; what is under way goes on.
    pub fn refuse_new(&self) {
        self.closed.store(true, Ordering::Release);
    }

    /// Ends the connection for good; what was handed over is written first.
    pub async fn drain(&self) {
        if let Some(session) = self.session.get() {
            session.client.drain().await.ok(); // fails when it is closed already
        }
    }

    /// Has it been told to take nothing new.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// What async-nats tells about the connection. Must not wait: async-nats drops events nobody reads.
    pub fn on_event(&self, event: Event) {
        match event {
            Event::Connected => {
                tracing::info!(destination = self.name, servers = self.servers, "connected");
                self.standing().fault = None;
                self.look_at_stream.notify_one();
            }
            Event::Disconnected => self.on_loss(),
            Event::ServerError(ServerError::Other(text)) => match denied_subject(&text) {
                Some(subject) => self.deny(subject),
                None => self.note_fault(text),
            },
            Event::ServerError(fault) => self.note_fault(without_prefix(&fault.to_string())),
            Event::ClientError(fault) => self.note_fault(without_prefix(&fault.to_string())),
            Event::LameDuckMode => tracing::info!(destination = self.name, "the server is about to stop"),
            Event::SlowConsumer(_) => tracing::warn!(destination = self.name, "acknowledgements were dropped"),
            Event::Closed | Event::Draining => {}
        }
    }

    fn on_loss(&self) {
        let mut standing = self.standing();
        standing.losses += 1;
        standing.fault.get_or_insert_with(|| "the connection was lost".to_owned());
        standing.stream = StreamStanding::Unknown.unless(!self.wants_stream);
        drop(standing);
        if !self.is_closed() {
            tracing::warn!(destination = self.name, servers = self.servers, "connection lost");
        }
        if let Some(session) = self.session.get() {
            session.acks.fail_all();
        }
    }

    fn deny(&self, subject: &str) {
        if let Some(session) = self.session.get() {
            session.acks.deny(subject);
        }
    }

    fn note_fault(&self, fault: String) {
        let mut standing = self.standing();
        if standing.fault.as_ref() != Some(&fault) {
            tracing::warn!(destination = self.name, servers = self.servers, fault, "the destination is in trouble");
            standing.fault = Some(fault);
        }
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StreamStanding {
    fn unless(self, present: bool) -> StreamStanding {
        if present { StreamStanding::Present } else { self }
    }
}

/// async-nats writes `nats: ` before everything.
fn without_prefix(text: &str) -> String {
    text.strip_prefix("nats: ").unwrap_or(text).to_owned()
}

/// The subject of `Permissions Violation for Publish to "orders.x"`.
fn denied_subject(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("Permissions Violation for Publish to \"")?;
    rest.rsplit_once('"').map(|(subject, _)| subject)
}
