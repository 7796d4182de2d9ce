//! The delivery half as pure functions: a stored event becomes the message of one attempt. Lanes call them.

use super::fingerprint::Fingerprints;
use super::threads;
use crate::cloudevents::{Event, Format, json};
use crate::codes::Code;
use crate::deliver::entry::{DeliverEntry, Target};
use crate::deliver::http::url::{self, UrlTarget};
use crate::deliver::kafka::topic;
use crate::deliver::nats::subject;
use crate::deliver::plan::Undeliverable;
use crate::deliver::{Outgoing, StoredEvent};
use crate::encode::{self, Dialect, EncodeError, HeaderEncoding, Mode};
use crate::lane_name::LaneName;
use crate::log::record::{Entry, Record};
use crate::observability::trace::Ids;
use crate::observability::trace::hop::Hop;
use crate::state::Reason;
use crate::transform;
use crate::transform::identity::Origin;
use crate::transform::template::Template;
use bytes::Bytes;
use siphasher::sip128::{Hasher128, SipHasher13};
use std::borrow::Cow;
use std::hash::Hasher;
use std::sync::Arc;
use std::time::Duration;

/// Replicas have no secret in common: with this key all of them know an event by the same fingerprint.
const PUBLIC_KEY: [u8; 16] = *b"signalbox events";

/// Transforms, fills in and encodes one event for one deliver entry.
pub fn prepare(entry: &Entry, deliver: &DeliverEntry, hop: &Hop) -> Result<Outgoing, Undeliverable> {
    let event = transformed(entry, deliver)?;
    let target = target(&event, &deliver.target)?;
    let key = fill_key(&event, deliver);
    let message_id = message_id(entry, deliver);
    let mut outgoing = Outgoing { target, key, headers: Vec::new(), body: None, message_id, stored: None };
    let dialect = match (&deliver.target, deliver.header_encoding) {
        (Target::Subject(_), HeaderEncoding::Percent) => Dialect::Nats,
        (Target::Subject(_), HeaderEncoding::Raw) => Dialect::NatsRaw,
        (Target::Url(_), HeaderEncoding::Percent) => Dialect::Http,
        (Target::Url(_), HeaderEncoding::Raw) => Dialect::HttpRaw,
        (Target::Topic(_), _) => Dialect::Kafka,
        (Target::Nowhere, _) => return Ok(outgoing),
        (Target::Stream(_), _) => {
            outgoing.stored = Some(stored(entry, deliver, event.into_owned()));
            return Ok(outgoing);
        }
    };
    // XML may have to be parsed: to stand in an event, or to be told from other bytes.
    let as_xml = deliver.mode == Mode::Structured
        && match deliver.format {
            Format::Xml => true,
            Format::Json | Format::Protobuf => event.xml_data().is_some(),
            Format::Avro => false,
        };
    let message = threads::run(as_xml && threads::is_long_as_xml(event.data.len()), || {
        encode::encode(&event, deliver.mode, deliver.format, dialect)
    });
    let message = message.map_err(|error| unwritable(deliver, &error, Some(&outgoing.target)))?;
    outgoing.headers = message.headers;
    outgoing.headers.extend(hop.headers());
    outgoing.body = message.body;
    Ok(outgoing)
}

/// An event that its format cannot hold.
pub fn unwritable(deliver: &DeliverEntry, error: &EncodeError, target: Option<&str>) -> Undeliverable {
    Undeliverable {
        reason: Reason::Conversion,
        code: Code::ConversionFailed,
        detail: error.to_string(),
        target: target.map(|target| deliver.target.shown(target)),
    }
}

/// What an entry would send, for comparing: without what differs in every attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The filled-in topic, subject, URL or stream.
    pub target: String,
    /// The key, if there is one.
    pub key: Option<String>,
    /// Binding headers.
    pub headers: Vec<(String, String)>,
    /// The body; for an entry that sends no message, the event after its transforms in the JSON format.
    pub body: Option<Bytes>,
}

/// Makes the message of an entry as [`prepare`] does.
pub fn image(entry: &Entry, deliver: &DeliverEntry) -> Result<Image, Undeliverable> {
    let Outgoing { target, key, mut headers, mut body, stored, .. } = preview(entry, deliver)?;
    headers.retain(|(name, _)| !is_of_the_hop(name));
    if let Some(stored) = stored {
        body = Some(json::write(&stored.record.event));
    } else if matches!(deliver.target, Target::Nowhere) {
        body = Some(json::write(&*transformed(entry, deliver)?));
    }
    Ok(Image { target, key, headers, body })
}

/// A protocol header of the hop, which differs in every attempt; an attribute of that name stands under the binding's own name.
pub fn is_of_the_hop(header: &str) -> bool {
    header == "traceparent" || header == "tracestate"
}

/// As [`prepare`], to be looked at and not sent.
pub fn preview(entry: &Entry, deliver: &DeliverEntry) -> Result<Outgoing, Undeliverable> {
    let record = &entry.record;
    let hop = Hop::new(record.process, record.tracestate.as_ref(), Duration::ZERO, &mut Ids::default());
    prepare(entry, deliver, &hop)
}

/// The key of an event in an entry: what its order is kept by. `None` when the template cannot be filled.
pub fn key(entry: &Entry, deliver: &DeliverEntry) -> Option<String> {
    let event = &entry.record.event;
    if deliver.is_plain() {
        return fill_key(event, deliver);
    }
    let keyed = || transform::key::event_for(&deliver.steps, &deliver.key, event);
    let changed = threads::run(deliver.runs_program(), keyed)?;
    fill_key(&identified(entry, deliver, changed).ok()?, deliver)
}

/// What the steps made of an event, called as the route says.
pub fn identified(entry: &Entry, deliver: &DeliverEntry, changed: Event) -> Result<Event, transform::Error> {
    deliver.identity.apply(changed, &entry.record.event, origin(entry, deliver))
}

fn origin<'e>(entry: &Entry, deliver: &'e DeliverEntry) -> Origin<'e> {
    // Without a log there are no positions.
    let position = (entry.position > 0).then_some(entry.position);
    Origin { position, route: &deliver.lane.route, entry: &deliver.lane.name }
}

/// The event behind all steps of an entry.
pub fn transformed<'e>(entry: &'e Entry, deliver: &DeliverEntry) -> Result<Cow<'e, Event>, Undeliverable> {
    let event = &entry.record.event;
    if deliver.is_plain() {
        return Ok(Cow::Borrowed(event));
    }
    let changed = threads::run(deliver.runs_program(), || transform::apply(&deliver.steps, event));
    let changed = changed.and_then(|changed| identified(entry, deliver, changed));
    changed.map(Cow::Owned).map_err(|error| {
        let (reason, code) = match &error {
            transform::Error::Template { .. } => (Reason::Template, Code::TemplateUnfilled),
            transform::Error::Conversion { .. } => (Reason::Conversion, Code::ConversionFailed),
            transform::Error::Program { .. } => (Reason::Transform, Code::ProgramFailed),
            transform::Error::Invalid { .. } => (Reason::Transform, Code::TransformFailed),
        };
        Undeliverable { reason, code, detail: error.to_string(), target: None }
    })
}

fn target(event: &Event, target: &Target) -> Result<String, Undeliverable> {
    match target {
        Target::Stream(stream) => Ok(stream.clone()),
        Target::Nowhere => Ok(String::new()),
        Target::Subject(template) => checked(event, "subject", template, subject::escape, subject::check),
        // What a topic may hold is little enough that values need no escape: anything else is a dead letter.
        Target::Topic(template) => checked(event, "topic", template, |value, out| out.push_str(value), topic::check),
        Target::Url(target) => checked(event, "url", &target.template, url::escape, |filled| target.check(filled))
            .map_err(|fault| without_secrets(fault, target)),
    }
}

/// What is told of a URL that cannot be used holds no more of it than may be shown.
fn without_secrets(fault: Undeliverable, url: &UrlTarget) -> Undeliverable {
    let written = url.template.text();
    Undeliverable {
        target: fault.target.map(|filled| url.shown(&filled)),
        detail: fault.detail.replace(written, &url.shown(written)),
        ..fault
    }
}

fn checked(
    event: &Event,
    what: &str,
    template: &Template,
    escape: impl Fn(&str, &mut String),
    check: impl Fn(&str) -> Result<(), String>,
) -> Result<String, Undeliverable> {
    let filled = template.fill(event, escape).map_err(|attribute| Undeliverable {
        reason: Reason::Template,
        code: Code::TemplateUnfilled,
        detail: format!("{what} `{}` needs attribute `{attribute}`, which the event does not have", template.text()),
        target: None,
    })?;
    check(&filled).map_err(|detail| Undeliverable {
        reason: Reason::Topic,
        code: Code::BadTarget,
        detail,
        target: Some(filled.clone()),
    })?;
    Ok(filled)
}

fn fill_key(event: &Event, deliver: &DeliverEntry) -> Option<String> {
    deliver.key.fill(event, |value, out| out.push_str(value)).ok().filter(|key| !key.is_empty())
}

fn stored(entry: &Entry, deliver: &DeliverEntry, event: Event) -> StoredEvent {
    let mut record = Record { event, ..(*entry.record).clone() };
    if entry.position == 0 {
        // It gets a place of its own in the log, and with that the only delivery the log knows of is settled.
        let stream = match &deliver.target {
            Target::Stream(stream) => Some(stream.as_str().into()),
            _ => None,
        };
        record.decision = [Arc::new(LaneName { stream, ..(*deliver.lane).clone() })].into();
    }
    StoredEvent { position: entry.position, lane: deliver.lane.clone(), record: Arc::new(record) }
}

/// Equal for all attempts of one lane, different between lanes, and between data directories that give the same position.
///
/// An event that stands in no log is known by its content instead, as in the duplicate window: when its sender repeats it
/// after a 502, at this gateway or another one, a receiver that looks at message ids drops the copy, also the first one where
/// that arrives late. Destinations that look at none are spared the work.
fn message_id(entry: &Entry, deliver: &DeliverEntry) -> String {
    let record = &entry.record;
    let mut hasher = SipHasher13::new();
    if entry.position > 0 {
        hasher.write_u64(entry.position);
        hasher.write_i64(record.received.0);
    } else if matches!(deliver.target, Target::Topic(_) | Target::Stream(_) | Target::Nowhere) {
        return String::new();
    } else {
        hasher.write_u128(Fingerprints::new(PUBLIC_KEY).of(record.producer.as_deref(), &record.event));
    }
    for part in [&record.event.source, &record.event.id, &deliver.lane.route, &deliver.lane.name] {
        hasher.write_u64(part.len() as u64);
        hasher.write(part.as_bytes());
    }
    format!("{:032x}", hasher.finish128().as_u128())
}
