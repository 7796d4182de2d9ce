//! What would become of a request and why, with nothing stored and nothing sent (routing.md §5 "explain"): the request half
//! and the delivery half told step by step.

pub mod view;

use super::Incoming;
use super::accept::{self, Policy};
use super::dispatch;
use super::outcome::Rejection;
use crate::cloudevents::media_type::MediaType;
use crate::cloudevents::{Data, Event, Format, Violation, json};
use crate::codes::Code;
use crate::config::gateway::{UnknownType, Unmatched};
use crate::decode::{self, Opened};
use crate::deliver::Outgoing;
use crate::deliver::entry::{DeliverEntry, Target};
use crate::deliver::plan::Undeliverable;
use crate::encode::{self, Dialect, Mode};
use crate::log::record::{Entry, Record};
use crate::observability::spans::request::RequestTrace;
use crate::reload::snapshot::Snapshot;
use crate::route::{Explained, RouteVerdict};
use crate::state::Reason;
use crate::transform;
use crate::units::Micros;
use bytes::Bytes;
use bytestring::ByteString;
use std::borrow::Cow;
use std::sync::Arc;

/// Everything that would become of one event.
#[derive(Debug)]
pub struct Explanation {
    /// The event as it would be accepted: a filled-in `traceparent` included.
    pub event: Event,
    /// What its schema says.
    pub verdict: Verdict,
    /// Every route, in order. They are told also of an event that its schema refuses.
    pub routes: Vec<RouteExplained>,
    /// What the listener makes of an event that no live route takes; `None`: one takes it.
    pub unmatched: Option<Unmatched>,
}

/// What the schema of an event says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// `<type>/<version>` of the schema that governs it, if there is one.
    pub schema: Option<ByteString>,
    /// Which rule refuses it (422).
    pub refused: Option<Code>,
    /// What is wrong with it.
    pub errors: Vec<Violation>,
}

/// What one route makes of an event.
#[derive(Debug)]
pub struct RouteExplained {
    /// Does it take the event, and why not.
    pub verdict: RouteVerdict,
    /// All its filters, evaluated whatever those before them said.
    pub filters: Vec<Explained>,
    /// Of a shadow route: the live route it is compared with, if there is one.
    pub of: Option<ByteString>,
    /// Of a split that takes the event: the number of the branch, from 0, and its weight.
    pub branch: Option<(usize, u32)>,
    /// The steps of a route that takes the event.
    pub transform: Vec<StepExplained>,
    /// The messages of a route that takes the event; of a split those of the branch it takes.
    pub deliveries: Vec<DeliveryExplained>,
}

/// One step.
#[derive(Debug)]
pub struct StepExplained {
    /// Its name in route files; `identity` for what `identity: derive` does behind all steps.
    pub step: &'static str,
    /// The event before it.
    pub before: Event,
    /// The event behind it, or why there is none.
    pub after: Result<Event, String>,
}

/// One deliver entry of a route that takes the event.
#[derive(Debug)]
pub struct DeliveryExplained {
    /// The entry.
    pub entry: Arc<DeliverEntry>,
    /// The event behind all steps; `None` where they fail.
    pub event: Option<Event>,
    /// The filled-in topic, subject, URL or stream; `None` where it cannot be filled.
    pub target: Option<String>,
    /// The key, if there is one.
    pub key: Option<String>,
    /// Binding headers, without those of the hop (`traceparent`, `tracestate`), which differ in every attempt.
    pub headers: Vec<(String, String)>,
    /// The body. For an entry that sends no message, the event in the JSON format.
    pub body: Option<(Bytes, Form)>,
    /// Why there would be a dead letter instead.
    pub error: Option<(Reason, String)>,
}

/// How a body is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As the JSON it is.
    Json,
    /// As text, if it is UTF-8.
    Text,
    /// In Base64.
    Bytes,
}

impl DeliveryExplained {
    /// The target as it may be shown: a URL may hold secrets.
    pub fn shown_target(&self) -> Option<String> {
        self.target.as_ref().map(|target| self.entry.target.shown(target))
    }
}

impl Verdict {
    /// True when the event would not be refused.
    pub fn is_valid(&self) -> bool {
        self.refused.is_none()
    }
}

/// Explains one request. A rejection says that it holds no event, or more than one; a schema violation is part of the
/// explanation.
pub fn explain(
    incoming: Incoming<'_>,
    snapshot: &Snapshot,
    policy: &Policy,
    now: Micros,
    trace: &mut RequestTrace,
) -> Result<Explanation, Rejection> {
    let trace_id = trace.context().trace_id_hex();
    let refuse =
        |refusal: decode::Refusal| Rejection::of(refusal.code, refusal.detail, refusal.violations, trace_id.clone());
    let headers = incoming.headers.iter().copied();
    let mut event = match decode::open(headers, incoming.body, &policy.limits).map_err(refuse)? {
        Opened::Single(event) => event,
        Opened::Batch(..) => {
            let detail = "a batch cannot be explained; send one event".to_owned();
            return Err(Rejection::of(Code::NotAnEvent, detail, Vec::new(), trace_id));
        }
    };
    let process = trace.process(&policy.listener, || accept::about(&event));
    accept::fill_in_traceparent(&mut event, trace.caller(), process);
    let strict = policy.unknown_type == UnknownType::Reject;
    let checked = snapshot.schemas.check(&event, strict);
    let verdict = match checked {
        Ok(schema) => Verdict { schema, refused: None, errors: Vec::new() },
        Err(refusal) => {
            let refused = accept::breaks_schema(0, refusal);
            let schema = snapshot.schemas.governing(&event);
            Verdict { schema, refused: Some(refused.code), errors: refused.errors }
        }
    };
    let judged = snapshot.table.examine(&event);
    let record = Record {
        received: now,
        listener: policy.listener.clone(),
        producer: incoming.producer,
        schema: verdict.schema.clone(),
        snapshot: snapshot.version.clone(),
        process,
        tracestate: trace.state().cloned(),
        decision: snapshot.table.decide(&event),
        event,
    };
    // It stands at no position: what is made of one says something else when the event is sent.
    let entry = Entry { position: 0, record: Arc::new(record) };
    let routes = judged.into_iter().map(|(verdict, filters)| route(snapshot, &entry, verdict, filters)).collect();
    let unmatched = entry.record.decision.is_empty().then_some(policy.unmatched);
    Ok(Explanation { event: entry.record.event.clone(), verdict, routes, unmatched })
}

fn route(snapshot: &Snapshot, entry: &Entry, verdict: RouteVerdict, filters: Vec<Explained>) -> RouteExplained {
    let named = snapshot.table.named(&verdict.route);
    let of = named.and_then(|route| route.shadow.as_ref()?.of.clone());
    let taking = named.filter(|_| verdict.matched);
    let number = taking.map_or(0, |route| route.branch(&entry.record.event));
    let branch = taking.and_then(|route| Some((number, route.split.as_ref()?.branches.get(number)?.weight)));
    let lanes = taking.map_or(&[][..], |route| route.lanes_of(number));
    let find = |lane| if verdict.shadow { snapshot.shadow_entry(lane) } else { snapshot.entry(lane) };
    let entries: Vec<_> = lanes.iter().filter_map(|lane| find(lane)).collect();
    let transform = entries.first().map(|deliver| steps(entry, deliver)).unwrap_or_default();
    let deliveries = entries.into_iter().map(|deliver| delivery(entry, deliver)).collect();
    RouteExplained { verdict, filters, of, branch, transform, deliveries }
}

/// The steps are those of the route, the same for all its entries; only what `identity: derive` makes differs.
fn steps(entry: &Entry, deliver: &DeliverEntry) -> Vec<StepExplained> {
    let accepted = &entry.record.event;
    let mut steps: Vec<StepExplained> = transform::trace(&deliver.steps, accepted)
        .into_iter()
        .map(|traced| StepExplained {
            step: traced.step,
            before: traced.before,
            after: traced.after.map_err(|error| error.to_string()),
        })
        .collect();
    if deliver.identity != transform::identity::Identity::Keep
        && let Ok(before) = steps.last().map_or_else(|| Ok(accepted.clone()), |last| last.after.clone())
    {
        let after = dispatch::identified(entry, deliver, before.clone()).map_err(|error| error.to_string());
        steps.push(StepExplained { step: "identity", before, after });
    }
    steps
}

fn delivery(entry: &Entry, deliver: Arc<DeliverEntry>) -> DeliveryExplained {
    let event = dispatch::transformed(entry, &deliver).ok().map(Cow::into_owned);
    let made = dispatch::preview(entry, &deliver).and_then(|outgoing| shown(&deliver, outgoing, event.as_ref()));
    let key = dispatch::key(entry, &deliver);
    let (target, headers, body, error) = match made {
        Ok((target, headers, body)) => (Some(target), headers, body, None),
        Err(Undeliverable { reason, detail, target, .. }) => (target, Vec::new(), None, Some((reason, detail))),
    };
    DeliveryExplained { entry: deliver, event, target, key, headers, body, error }
}

/// Target, headers and body.
type Shown = (String, Vec<(String, String)>, Option<(Bytes, Form)>);

/// What is told of a message. The log and `discard` get none: told is the event itself, or what an HTTP destination in place of
/// `discard` would get.
fn shown(deliver: &DeliverEntry, outgoing: Outgoing, event: Option<&Event>) -> Result<Shown, Undeliverable> {
    let Outgoing { target, mut headers, mut body, stored, .. } = outgoing;
    if let Some(stored) = stored {
        return Ok((target, headers, Some((json::write(&stored.record.event), Form::Json))));
    }
    if let (Target::Nowhere, Some(event)) = (&deliver.target, event) {
        let message = encode::encode(event, deliver.mode, deliver.format, Dialect::Http);
        let message = message.map_err(|error| dispatch::unwritable(deliver, &error, None))?;
        (headers, body) = (message.headers, message.body);
    }
    headers.retain(|(name, _)| !dispatch::is_of_the_hop(name));
    Ok((target, headers, body.map(|body| (body, form(deliver, event)))))
}

/// What the bytes of a body are: of a format that is bytes no text is made, though some of it may be UTF-8.
fn form(deliver: &DeliverEntry, event: Option<&Event>) -> Form {
    match (deliver.mode, deliver.format, event.map(|event| &event.data)) {
        (Mode::Structured, Format::Json, _) => Form::Json,
        (Mode::Binary, ..) if event.is_some_and(|event| event.json_data().is_some()) => Form::Json,
        (Mode::Structured, Format::Protobuf | Format::Avro, _) => Form::Bytes,
        (Mode::Binary, _, Some(Data::Binary(_) | Data::Proto { .. })) if !event.is_some_and(is_text) => Form::Bytes,
        _ => Form::Text,
    }
}

/// Bytes that are called text, and those that are called nothing.
fn is_text(event: &Event) -> bool {
    event.datacontenttype().is_none_or(|written| {
        MediaType::parse(written).is_some_and(|media| media.is_json() || media.is_xml() || media.is_text())
    })
}
