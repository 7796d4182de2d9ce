//! The request half as one pure function: decode → validate → route. The caller appends the result to the log.

use super::Incoming;
use super::fingerprint::{Fingerprints, Occurrences};
use super::outcome::{Refused, Rejection};
use crate::cloudevents::reader::{Fault, Lenient};
use crate::cloudevents::{Attribute, Event, Violation};
use crate::codes::Code;
use crate::config::gateway::{Ack, Leniency, Listener, UnknownType, Unmatched};
use crate::decode::{self, Opened};
use crate::log::NewEntry;
use crate::log::record::Record;
use crate::observability::spans::request::{About, RequestTrace};
use crate::observability::trace::TraceContext;
use crate::reload::snapshot::Snapshot;
use crate::units::Micros;
use crate::validate::Refusal;
use bytestring::ByteString;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

/// What a listener asks of every request, resolved once at start.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Name of the listener, as the log records it.
    pub listener: ByteString,
    /// What a 2xx means.
    pub ack: Ack,
    /// With `ack: destinations`: how long a request may wait.
    pub ack_timeout: Duration,
    /// What becomes of events no route takes.
    pub unmatched: Unmatched,
    /// What becomes of events of a type without a schema.
    pub unknown_type: UnknownType,
    /// Caps of the formats.
    pub limits: decode::Limits,
    /// Makes the fingerprints of the duplicate window.
    pub fingerprints: Fingerprints,
}

/// Events that passed every check, ready to be stored.
#[derive(Debug)]
pub struct Accepted {
    /// One per event of the request, in order.
    pub entries: Vec<NewEntry>,
    /// The request was a batch.
    pub batch: bool,
    /// For a lenient batch: what is not taken, by index.
    pub refused: Option<Vec<Refused>>,
}

impl Policy {
    /// The policy of a listener.
    pub fn new(
        listener: &Listener,
        config: &crate::config::gateway::GatewayConfig,
        fingerprints: Fingerprints,
    ) -> Policy {
        let limits = &config.limits;
        let bytes = |size: crate::units::Size| usize::try_from(size.0).unwrap_or(usize::MAX);
        Policy {
            listener: listener.name.clone().into(),
            ack: listener.ack,
            ack_timeout: listener.ack_timeout.0,
            unmatched: listener.unmatched,
            unknown_type: config.validation.unknown_type,
            limits: decode::Limits {
                event_bytes: bytes(limits.event_bytes),
                body_bytes: bytes(limits.body_bytes),
                batch_events: limits.batch_events,
                attributes: limits.attributes,
                json_depth: limits.json_depth,
                xml_depth: limits.xml_depth,
                xml_attributes: limits.xml_attributes,
                xml_namespaces: limits.xml_namespaces,
                lenient: lenient(&listener.lenient),
            },
            fingerprints,
        }
    }
}

fn lenient(written: &[Leniency]) -> Lenient {
    Lenient {
        uppercase_names: written.contains(&Leniency::UppercaseNames),
        invalid_names: written.contains(&Leniency::InvalidNames),
        dataschema_fragment: written.contains(&Leniency::DataschemaFragment),
    }
}

/// Decides what becomes of one request. Nothing is stored and nothing is sent; a batch is taken whole or not at all.
/// `trace` gives the ids, and is told what was done.
pub fn accept(
    incoming: Incoming<'_>,
    snapshot: &Snapshot,
    policy: &Policy,
    now: Micros,
    trace: &mut RequestTrace,
) -> Result<Accepted, Rejection> {
    let context = trace.context();
    let refuse = |code, detail, errors| Rejection::of(code, detail, errors, context.trace_id_hex());

    let headers = incoming.headers.iter().copied();
    let refusal = |refusal: decode::Refusal| refuse(refusal.code, refusal.detail, refusal.violations);
    let opened = trace.stage("decode", || decode::open(headers, incoming.body, &policy.limits));
    let (events, bad, batch) = match opened.map_err(refusal)? {
        Opened::Single(event) => (vec![(0, event)], Vec::new(), false),
        Opened::Batch(good, bad) => (good, bad, true),
    };
    let lenient = batch && incoming.lenient;
    let count = events.len() + bad.len();
    if !bad.is_empty() && (events.is_empty() || !lenient) {
        return Err(unreadable(bad, &[], count, context));
    }

    let mut judge = Judge {
        snapshot,
        policy,
        now,
        producer: incoming.producer,
        occurrences: batch.then(Occurrences::default),
        faults: Vec::new(),
        trace,
    };
    judge.trace.holds(events.len());
    let mut entries = Vec::with_capacity(events.len());
    for (index, event) in events {
        entries.extend(judge.event(index, event));
    }
    let faults = judge.faults;
    match faults.first() {
        // None of a lenient batch is good: it is refused as any other.
        Some(_) if lenient && entries.is_empty() && !bad.is_empty() => Err(unreadable(bad, &faults, count, context)),
        Some(first) if entries.is_empty() || !lenient => {
            let (code, detail) = (first.code, first.detail.clone());
            let own: Vec<Code> = faults.iter().map(|one| one.code).collect();
            let errors = faults
                .into_iter()
                .flat_map(|one| one.errors.into_iter().map(move |violation| (batch.then_some(one.index), violation)));
            Err(refuse(code, detail, errors.collect()).of_events(count, own.into_iter()))
        }
        _ => {
            let refused = lenient.then(|| refused(bad, faults));
            Ok(Accepted { entries, batch, refused })
        }
    }
}

/// A batch of so many elements that is refused for those that hold no event; `others` are wrong in other ways.
fn unreadable(bad: Vec<(usize, Fault)>, others: &[Refused], count: usize, trace: TraceContext) -> Rejection {
    let own: Vec<Code> = bad.iter().map(|(_, fault)| fault.code).chain(others.iter().map(|one| one.code)).collect();
    let decode::Refusal { code, detail, violations } = decode::Refusal::of_elements(bad);
    Rejection::of(code, detail, violations, trace.trace_id_hex()).of_events(count, own.into_iter())
}

/// What is not taken of a lenient batch: elements that hold no event, and events that are not wanted.
fn refused(bad: Vec<(usize, Fault)>, faults: Vec<Refused>) -> Vec<Refused> {
    let unread = bad.into_iter().map(|(index, fault)| Refused {
        index,
        code: fault.code,
        detail: fault.detail,
        errors: fault.violations,
    });
    let mut refused: Vec<Refused> = unread.chain(faults).collect();
    refused.sort_unstable_by_key(|one| one.index);
    refused
}

/// What all events of one request are judged by, and what was wrong so far.
struct Judge<'a> {
    snapshot: &'a Snapshot,
    policy: &'a Policy,
    now: Micros,
    producer: Option<ByteString>,
    /// For a batch: which events were in it before.
    occurrences: Option<Occurrences>,
    /// What is wrong with the events so far.
    faults: Vec<Refused>,
    trace: &'a mut RequestTrace,
}

impl Judge<'_> {
    /// Trace → validate → route → fingerprint. `None` when the event is refused; its faults are noted.
    fn event(&mut self, index: usize, mut event: Event) -> Option<NewEntry> {
        let policy = self.policy;
        let process = self.trace.process(&policy.listener, || about(&event));
        fill_in_traceparent(&mut event, self.trace.caller(), process);
        let strict = policy.unknown_type == UnknownType::Reject;
        let schema = match self.trace.stage("validate", || self.snapshot.schemas.check(&event, strict)) {
            Ok(schema) => schema,
            Err(refusal) => {
                self.refuse(breaks_schema(index, refusal));
                return None;
            }
        };
        let decision = self.trace.stage("route", || self.snapshot.table.decide(&event));
        if decision.is_empty() && policy.unmatched == Unmatched::Reject {
            self.refuse(unmatched(index));
            return None;
        }
        let fingerprint = policy.fingerprints.of(self.producer.as_deref(), &event);
        let fingerprint = match &mut self.occurrences {
            Some(occurrences) => occurrences.distinguish(fingerprint),
            None => fingerprint,
        };
        let record = Record {
            received: self.now,
            listener: policy.listener.clone(),
            producer: self.producer.clone(),
            schema,
            snapshot: self.snapshot.version.clone(),
            process,
            tracestate: self.trace.state().cloned(),
            decision,
            event,
        };
        Some(NewEntry { record: Arc::new(record), fingerprint: Some(fingerprint) })
    }

    fn refuse(&mut self, refused: Refused) {
        self.trace.refuse(refused.code);
        self.faults.push(refused);
    }
}

/// What the spans of an event say of it.
pub(super) fn about(event: &Event) -> About<'_> {
    About {
        id: &event.id,
        source: &event.source,
        ty: &event.ty,
        conversation: event.attribute("correlationid"),
        creation: event.attribute("traceparent"),
    }
}

/// R2: an event without a creation context gets the caller's, which is where the transmission started, else that of the
/// span that processes it. One that has any text there keeps it.
pub(super) fn fill_in_traceparent(event: &mut Event, caller: Option<&ByteString>, process: TraceContext) {
    if event.value("traceparent").is_some() {
        return;
    }
    let text = caller.map_or_else(|| Cow::from(process.to_string()), |text| Cow::from(&**text));
    event.push(Attribute::string("traceparent", &text));
}

pub(super) fn breaks_schema(index: usize, refusal: Refusal) -> Refused {
    let (code, errors) = match refusal {
        Refusal::UnknownSchema(violation) => (Code::UnknownSchema, vec![violation]),
        Refusal::UngovernedType(violation) => (Code::UngovernedType, vec![violation]),
        Refusal::WrongDataKind(violation) | Refusal::NotJson(violation) => (Code::WrongDataKind, vec![violation]),
        Refusal::Violations(violations) => (Code::SchemaViolation, violations),
    };
    let detail = match errors.as_slice() {
        [only] => only.detail.clone(),
        _ => format!("{} violations", errors.len()),
    };
    Refused { index, code, detail, errors }
}

fn unmatched(index: usize) -> Refused {
    let detail = "no route takes this event, and the listener says `unmatched: reject`";
    Refused { index, code: Code::Unmatched, detail: detail.to_owned(), errors: vec![Violation::new("", detail)] }
}
