use super::data::About;
use super::queue::Queue;
use super::request::{RequestTrace, Served};
use super::sampler::{Root, Sampler};
use super::send::{Recipient, SendSpan};
use super::{SCHEMA, Spans};
use crate::codes::Code;
use crate::observability::trace::caller::Caller;
use crate::observability::trace::hop::Hop;
use crate::observability::trace::{Ids, TraceContext, TraceTrust};
use opentelemetry::Value;
use opentelemetry::trace::{SpanId, SpanKind, Status};
use opentelemetry_sdk::trace::SpanData;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const CREATOR: &str = "00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-bbbbbbbbbbbbbbbb-00";

fn caller() -> Option<Caller> {
    Caller::of([CALLER.as_bytes()].into_iter(), [&b"a=1"[..]].into_iter())
}

fn spans(root: Root) -> (Spans, Arc<Queue>) {
    let queue = Arc::new(Queue::new(1000, 1000));
    (Spans::on(Sampler { parent_based: true, root }, queue.clone()), queue)
}

fn about(id: &str, creation: Option<&'static str>) -> About<'static> {
    About { id: id.to_owned().leak(), source: "/s", ty: "t", conversation: Some("flow"), creation }
}

/// A request of `events`, all accepted.
fn request(trust: TraceTrust, events: &[About<'static>]) -> (Vec<SpanData>, Vec<TraceContext>) {
    let (spans, queue) = spans(Root::On);
    let mut trace = RequestTrace::begin(&spans, caller(), trust, false, Ids::seeded(1));
    let served = || Served { method: "POST", path: "/", route: Some("/"), version: "1.1", agent: None };
    trace.served(served);
    trace.stage("decode", || ());
    trace.holds(events.len());
    let mut contexts = Vec::new();
    for about in events {
        contexts.push(trace.process("public", || *about));
        trace.stage("validate", || ());
        trace.stage("route", || ());
    }
    trace.append();
    trace.appended((1..=events.len() as u64).map(|position| (position, false)));
    trace.finish(Some(202), None);
    (queue.clear(), contexts)
}

fn named<'s>(all: &'s [SpanData], name: &str) -> Vec<&'s SpanData> {
    all.iter().filter(|span| span.name == name).collect()
}

fn attribute(span: &SpanData, key: &str) -> Option<Value> {
    let mut found = span.attributes.iter().filter(|one| one.key.as_str() == key).map(|one| one.value.clone());
    let first = found.next();
    assert!(found.next().is_none(), "`{key}` stands twice: {:?}", span.attributes);
    first
}

fn text(span: &SpanData, key: &str) -> Option<String> {
    attribute(span, key).map(|value| value.to_string())
}

fn links(span: &SpanData) -> Vec<String> {
    let say =
        |link: &opentelemetry::trace::Link| format!("{} {}", link.attributes[0].value, link.span_context.span_id());
    span.links.links.iter().map(say).collect()
}

#[test]
fn one_event_is_served_processed_and_appended_in_the_callers_trace() {
    let (all, contexts) = request(TraceTrust::Continue, &[about("1", None)]);
    let [process, append, server] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!((&*server.name, &server.span_kind), ("POST /", &SpanKind::Server));
    assert_eq!(server.span_context.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!((server.parent_span_id.to_string(), server.parent_span_is_remote), ("00f067aa0ba902b7".into(), true));
    assert_eq!(server.span_context.trace_state().header(), "a=1");
    assert_eq!(text(server, "http.response.status_code").as_deref(), Some("202"));
    assert_eq!(server.events.events[0].name, "decode");
    assert_eq!((&*process.name, &process.span_kind), ("process public", &SpanKind::Consumer));
    assert_eq!(process.parent_span_id, server.span_context.span_id());
    assert_eq!(process.span_context.span_id(), SpanId::from_bytes(contexts[0].span_id));
    assert!(process.links.links.is_empty(), "the caller's span is an ancestor");
    let stages: Vec<_> = process.events.events.iter().map(|event| &*event.name).collect();
    assert_eq!(stages, ["validate", "route"]);
    assert_eq!(process.events.events[0].attributes[0].key.as_str(), "signalbox.stage.duration");
    assert_eq!((&*append.name, &append.span_kind), ("append log", &SpanKind::Internal));
    assert_eq!(append.parent_span_id, process.span_context.span_id());
    assert_eq!(text(process, "messaging.message.conversation_id").as_deref(), Some("flow"));
    assert_eq!(text(process, "signalbox.position").as_deref(), Some("1"));
    assert!(all.iter().all(|span| span.status == Status::Unset && span.end_time >= span.start_time));
    assert!(all.iter().all(|span| span.instrumentation_scope.schema_url() == Some(SCHEMA)));
}

#[test]
fn each_event_of_a_batch_has_its_own_span_and_links_to_where_it_was_made() {
    let (all, contexts) =
        request(TraceTrust::Continue, &[about("1", Some(CREATOR)), about("2", None), about("3", Some("x"))]);
    let processes = named(&all, "process public");
    let ids: Vec<_> = processes.iter().map(|span| text(span, "messaging.message.id").unwrap()).collect();
    assert_eq!(ids, ["1", "2", "3"]);
    assert_eq!(
        processes.iter().map(|span| links(span)).collect::<Vec<_>>(),
        [vec!["creation bbbbbbbbbbbbbbbb".to_owned()], vec![], vec![]]
    );
    assert_eq!(contexts.iter().collect::<std::collections::HashSet<_>>().len(), 3);
    let append = named(&all, "append log");
    assert_eq!(append[0].parent_span_id, named(&all, "POST /")[0].span_context.span_id());
}

#[test]
fn a_large_batch_has_one_span_with_as_many_links_as_are_allowed() {
    let events: Vec<_> = (0..140).map(|at| about(&at.to_string(), Some(CREATOR))).collect();
    let (all, contexts) = request(TraceTrust::Continue, &events);
    let [process] = named(&all, "process public")[..] else { panic!("{}", all.len()) };
    assert_eq!((process.links.links.len(), process.links.dropped_count), (128, 12));
    assert_eq!(text(process, "messaging.batch.message_count").as_deref(), Some("140"));
    assert_eq!(text(process, "messaging.message.id"), None);
    assert_eq!(process.events.events.len(), 2, "one per stage");
    assert!(contexts.iter().all(|context| *context == contexts[0]));
    let (all, _) = request(TraceTrust::Continue, &events[..32]);
    assert_eq!(named(&all, "process public").len(), 32);
}

#[test]
fn a_caller_that_is_not_continued_is_linked_or_forgotten() {
    for (trust, expected) in
        [(TraceTrust::Link, vec!["caller 00f067aa0ba902b7".to_owned()]), (TraceTrust::Restart, vec![])]
    {
        let (all, _) = request(trust, &[about("1", Some(CALLER))]);
        let server = named(&all, "POST /")[0];
        assert_eq!(links(server), expected);
        assert_eq!(server.parent_span_id, SpanId::INVALID);
        assert_ne!(server.span_context.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(server.span_context.trace_state().header(), "");
        assert_eq!(links(named(&all, "process public")[0]), ["creation 00f067aa0ba902b7"]);
    }
}

#[test]
fn only_a_trusted_callers_flag_is_believed() {
    for (root, trusted, sampled) in
        [(Root::Off, false, false), (Root::Off, true, true), (Root::On, false, true), (Root::On, true, true)]
    {
        let (spans, queue) = spans(root);
        let trace = RequestTrace::begin(&spans, caller(), TraceTrust::Continue, trusted, Ids::seeded(1));
        assert_eq!(trace.context().sampled, sampled, "{root:?} {trusted}");
        trace.finish(Some(202), None);
        assert_eq!(queue.clear().len(), usize::from(sampled));
    }
    let off = |trusted| RequestTrace::begin(&Spans::default(), caller(), TraceTrust::Continue, trusted, Ids::seeded(1));
    assert!(!off(false).context().sampled && off(true).context().sampled);
}

#[test]
fn a_refusal_fails_the_event_but_not_the_server_and_a_fault_of_ours_both() {
    let (spans, queue) = spans(Root::On);
    let begin = || {
        let mut trace = RequestTrace::begin(&spans, None, TraceTrust::Continue, false, Ids::seeded(1));
        trace.holds(1);
        trace.process("public", || about("1", None));
        trace
    };
    let mut refused = begin();
    refused.refuse(Code::SchemaViolation);
    refused.finish(Some(422), Some(Code::SchemaViolation));
    let all = queue.clear();
    let status: Vec<_> = all.iter().map(|span| (&*span.name, text(span, "error.type"), span.status.clone())).collect();
    let code = Some("SB-1020".to_owned());
    let failed = |code: Code| Status::error(code.title());
    assert_eq!(
        status,
        [("process public", code.clone(), failed(Code::SchemaViolation)), ("HTTP", code, Status::Unset)]
    );
    let mut full = begin();
    full.append();
    full.not_appended(Code::LogFull);
    full.finish(Some(503), Some(Code::LogFull));
    assert!(queue.clear().iter().all(|span| span.status == failed(Code::LogFull)));
    drop(begin());
    assert_eq!(queue.clear().len(), 2, "a request that was cut is handed over, too");
}

fn sent(change: impl FnOnce(&mut SendSpan<'_>)) -> SpanData {
    let (spans, queue) = spans(Root::On);
    let mut ids = Ids::seeded(1);
    let process = TraceContext { sampled: true, span_id: [1; 8], ..ids.root() };
    let hop = Hop::new(process, None, Duration::ZERO, &mut ids);
    let mut sent = SendSpan {
        hop: &hop,
        process,
        previous: None,
        about: about("1", None),
        to: Recipient {
            system: "kafka",
            template: "orders.{region}",
            is_template: true,
            target: Some("orders.eu"),
            key: Some("k"),
            lane: ("orders", "eu", "kafka"),
        },
        position: Some(7),
        attempt: 2,
        started: SystemTime::UNIX_EPOCH,
        ended: SystemTime::UNIX_EPOCH + Duration::from_secs(1),
        receipt: Some("partition=3 offset=9"),
        error: None,
        was_sent: true,
    };
    change(&mut sent);
    spans.sent(&sent);
    queue.clear().remove(0)
}

#[test]
fn a_send_span_says_where_the_event_went() {
    let span = sent(|_| ());
    assert_eq!((&*span.name, &span.span_kind), ("send orders.{region}", &SpanKind::Producer));
    for (key, value) in [
        ("messaging.system", "kafka"),
        ("messaging.operation.name", "send"),
        ("messaging.operation.type", "send"),
        ("messaging.destination.name", "orders.eu"),
        ("messaging.destination.template", "orders.{region}"),
        ("messaging.destination.partition.id", "3"),
        ("messaging.kafka.offset", "9"),
        ("messaging.kafka.message.key", "k"),
        ("messaging.message.id", "1"),
        ("cloudevents.event_id", "1"),
        ("cloudevents.event_source", "/s"),
        ("cloudevents.event_type", "t"),
        ("cloudevents.event_spec_version", "1.0"),
        ("signalbox.delivery.attempt", "2"),
        ("signalbox.route", "orders"),
        ("signalbox.position", "7"),
    ] {
        assert_eq!(text(&span, key).as_deref(), Some(value), "{key}");
    }
    assert_eq!(links(&span), ["process 0101010101010101"]);
    assert_eq!(span.parent_span_id, SpanId::from_bytes([1; 8]));
    assert_eq!(span.end_time.duration_since(span.start_time).unwrap(), Duration::from_secs(1));
}

#[test]
fn an_event_made_elsewhere_is_sent_by_a_client_and_linked_to_its_past() {
    let previous = TraceContext { trace_id: [9; 16], span_id: [2; 8], sampled: true };
    let span = sent(|sent| {
        sent.about.creation = Some(CREATOR);
        sent.previous = Some(previous);
        sent.error = Some(Code::NoAck);
        sent.receipt = None;
        (sent.to.system, sent.to.is_template) = ("nats", false);
    });
    assert_eq!(span.span_kind, SpanKind::Client);
    assert_eq!(
        links(&span),
        ["creation bbbbbbbbbbbbbbbb", "process 0101010101010101", "previous attempt 0202020202020202"]
    );
    assert_eq!(text(&span, "error.type").as_deref(), Some("SB-3011"));
    assert_eq!(span.status, Status::error(Code::NoAck.title()));
    for key in ["messaging.kafka.message.key", "messaging.destination.template", "messaging.kafka.offset"] {
        assert_eq!(text(&span, key), None, "{key}");
    }
}

#[test]
fn an_attempt_over_http_has_its_request_within() {
    let (spans, queue) = spans(Root::On);
    let mut ids = Ids::seeded(1);
    let process = TraceContext { sampled: true, ..ids.root() };
    let hop = Hop::new(process, None, Duration::ZERO, &mut ids).over_http(&mut ids);
    let to = Recipient {
        system: "http",
        template: "http://crm.example:8080/{type}",
        is_template: true,
        target: Some("http://crm.example:8080/t"),
        key: None,
        lane: ("orders", "crm", "crm"),
    };
    let sent = SendSpan {
        hop: &hop,
        process,
        previous: None,
        about: about("1", None),
        to,
        position: None,
        attempt: 1,
        started: SystemTime::UNIX_EPOCH,
        ended: SystemTime::UNIX_EPOCH,
        receipt: Some("status=202"),
        error: None,
        was_sent: true,
    };
    spans.sent(&sent);
    let all = queue.clear();
    let [outer, request] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!((&*outer.name, &*request.name), ("send http://crm.example:8080/{type}", "POST"));
    assert_eq!((request.parent_span_id, request.span_kind.clone()), (outer.span_context.span_id(), SpanKind::Client));
    assert_eq!(request.span_context.span_id(), SpanId::from_bytes(hop.request.unwrap().span_id));
    for (key, value) in [
        ("http.request.method", "POST"),
        ("http.response.status_code", "202"),
        ("url.full", "http://crm.example:8080/t"),
        ("server.address", "crm.example"),
        ("server.port", "8080"),
    ] {
        assert_eq!(text(request, key).as_deref(), Some(value), "{key}");
    }
    spans.sent(&SendSpan { was_sent: false, error: Some(Code::TemplateUnfilled), ..sent });
    assert_eq!(queue.clear().len(), 1, "nothing was asked for");
}

#[test]
fn our_own_creation_context_makes_it_a_producer_and_texts_stay_short() {
    let long = "ä".repeat(5000);
    let span = sent(|sent| {
        sent.about.creation = Some(sent.process.to_string().leak());
        sent.about.source = long.clone().leak();
    });
    assert_eq!((span.span_kind.clone(), links(&span).len()), (SpanKind::Producer, 1));
    assert_eq!(text(&span, "cloudevents.event_source").unwrap(), "ä".repeat(512));
}

#[test]
fn what_finds_no_room_is_dropped_and_never_waited_for() {
    let queue = Arc::new(Queue::new(2, 2));
    let spans = Spans::on(Sampler::default(), queue.clone());
    for _ in 0..3 {
        RequestTrace::begin(&spans, None, TraceTrust::Continue, false, Ids::seeded(1)).finish(Some(202), None);
    }
    assert_eq!(queue.next(Duration::from_mins(1)).map(|batch| batch.len()), Some(2));
    assert_eq!(queue.next(Duration::ZERO).map(|batch| batch.len()), Some(0));
    queue.close();
    RequestTrace::begin(&spans, None, TraceTrust::Continue, false, Ids::seeded(1)).finish(Some(202), None);
    assert_eq!(queue.next(Duration::from_mins(1)).map(|batch| batch.len()), None);
}
