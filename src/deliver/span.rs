//! What the span of an attempt says: the one place where delivery knows spans.

use super::attempt::Outcome;
use super::entry::{DeliverEntry, Target};
use crate::log::record::Entry;
use crate::observability::spans::Spans;
use crate::observability::spans::request::About;
use crate::observability::spans::send::{Recipient, SendSpan};
use crate::observability::trace::hop::Hop;
use crate::observability::trace::{Ids, TraceContext};
use crate::units::Micros;

/// An attempt that has ended.
pub struct Ended<'a> {
    /// The event as accepted.
    pub entry: &'a Entry,
    /// The deliver entry it was made for.
    pub deliver: &'a DeliverEntry,
    /// Its contexts.
    pub hop: &'a Hop,
    /// The span of the attempt before, where it is known.
    pub previous: Option<TraceContext>,
    /// Which attempt, from 1.
    pub number: u32,
    /// From when to when.
    pub time: (Micros, Micros),
    /// The filled-in target, if it got that far.
    pub target: Option<&'a str>,
    /// The key, if it got that far and there is one.
    pub key: Option<&'a str>,
    /// What became of it.
    pub outcome: &'a Outcome,
}

/// The hop of an attempt that begins now.
pub fn hop(entry: &Entry, deliver: Option<&DeliverEntry>, now: Micros) -> Hop {
    let (record, mut ids) = (&entry.record, Ids::default());
    let hop = Hop::new(record.process, record.tracestate.as_ref(), now.since(record.received), &mut ids);
    match deliver.map(|deliver| &deliver.target) {
        Some(Target::Url(_)) => hop.over_http(&mut ids),
        _ => hop,
    }
}

/// Hands over the span of an attempt. Returns its context, to which the next attempt is linked; `None` when there is no
/// span: nothing is exported, the event is not sampled, or the entry goes to the log or nowhere.
pub fn record(spans: &Spans, ended: &Ended<'_>) -> Option<TraceContext> {
    if !spans.record(&ended.hop.context) {
        return None;
    }
    let target = &ended.deliver.target;
    let (system, template) = match target {
        Target::Topic(template) => ("kafka", template),
        Target::Subject(template) => ("nats", template),
        Target::Url(url) => ("http", &url.template),
        Target::Stream(_) | Target::Nowhere => return None,
    };
    let (receipt, error) = match ended.outcome {
        Outcome::Delivered(receipt) => (receipt.as_deref(), None),
        Outcome::Later(failure, _)
        | Outcome::Refused(_, failure)
        | Outcome::Dead(_, failure)
        | Outcome::Unreachable(failure) => (None, Some(failure.code)),
        Outcome::Gone => return None,
    };
    let record = &ended.entry.record;
    let (event, lane) = (&record.event, &ended.deliver.lane);
    spans.sent(&SendSpan {
        hop: ended.hop,
        process: record.process,
        previous: ended.previous,
        about: About {
            id: &event.id,
            source: &event.source,
            ty: &event.ty,
            conversation: event.attribute("correlationid"),
            creation: event.attribute("traceparent"),
        },
        to: Recipient {
            system,
            template: &target.shown(template.text()),
            is_template: !template.is_literal(),
            target: ended.target,
            key: ended.key,
            lane: (&lane.route, &lane.name, &lane.destination),
        },
        position: Some(ended.entry.position).filter(|position| *position > 0),
        attempt: ended.number,
        started: ended.time.0.system_time(),
        ended: ended.time.1.system_time(),
        receipt,
        error,
        was_sent: !matches!(ended.outcome, Outcome::Dead(..)),
    });
    Some(ended.hop.context)
}
