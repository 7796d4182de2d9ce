use super::Incoming;
use super::accept::{self, Policy};
use super::fingerprint::{Fingerprints, Occurrences};
use crate::codes::Code;
use crate::config::gateway::{GatewayConfig, TraceTrust, Unmatched};
use crate::lane_name::LaneName;
use crate::observability::spans::Spans;
use crate::observability::spans::request::RequestTrace;
use crate::observability::trace::caller::Caller;
use crate::observability::trace::{Ids, TraceContext};
use crate::reload::snapshot::Snapshot;
use crate::route::filter::Filter;
use crate::route::{Route, RouteTable};
use crate::units::Micros;
use crate::validate::{Conversions, Registry};
use bytes::Bytes;
use std::sync::Arc;

const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn policy() -> Policy {
    let config = GatewayConfig::default();
    Policy::new(&config.listeners[0], &config, Fingerprints::new([7; 16]))
}

fn snapshot() -> Snapshot {
    let lane = LaneName {
        route: "orders".into(),
        name: "log".into(),
        destination: "log".into(),
        stream: Some("orders".into()),
    };
    let filters = vec![Filter::Exact(vec![("type".into(), "order.created".into())])];
    let route = Route { name: "orders".into(), filters, lanes: vec![Arc::new(lane)], ..Route::default() };
    let schema = br#"{"type":"object","required":["total"],"properties":{"total":{"type":"number"}}}"#;
    Snapshot {
        version: "v1".into(),
        table: RouteTable::new(vec![route]),
        schemas: Registry::compile(&[("order.created/1.json".to_owned(), schema.to_vec())], &Conversions::new())
            .unwrap()
            .into(),
        ..Snapshot::default()
    }
}

fn incoming<'h>(headers: &[(&'h str, &'h str)], body: &str) -> Incoming<'h> {
    let headers = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    Incoming { headers, body: Bytes::from(body.to_owned()), producer: None, lenient: false }
}

const STRUCTURED: (&str, &str) = ("content-type", "application/cloudevents+json");
const BATCH: (&str, &str) = ("content-type", "application/cloudevents-batch+json");

fn event(id: &str, ty: &str, rest: &str) -> String {
    format!(r#"{{"specversion":"1.0","id":"{id}","source":"/s","type":"{ty}"{rest}}}"#)
}

fn check(policy: &Policy, incoming: Incoming<'_>) -> Result<accept::Accepted, super::outcome::Rejection> {
    check_as(TraceTrust::Continue, policy, incoming)
}

fn check_as(
    trust: TraceTrust,
    policy: &Policy,
    incoming: Incoming<'_>,
) -> Result<accept::Accepted, super::outcome::Rejection> {
    let named = |wanted: &'static str| {
        incoming.headers.iter().filter(move |(name, _)| *name == wanted).map(|(_, value)| *value)
    };
    let caller = Caller::of(named("traceparent"), named("tracestate"));
    let mut trace = RequestTrace::begin(&Spans::default(), caller, trust, incoming.producer.is_some(), Ids::seeded(1));
    accept::accept(incoming, &snapshot(), policy, Micros(1), &mut trace)
}

#[test]
fn a_good_event_is_validated_routed_and_joined_to_the_callers_trace() {
    let body = event("1", "order.created", r#","data":{"total":1}"#);
    let accepted = check(&policy(), incoming(&[STRUCTURED, ("traceparent", CALLER)], &body)).unwrap();
    let record = &accepted.entries[0].record;
    assert_eq!(record.schema.as_deref(), Some("order.created/1"));
    assert_eq!(record.decision[0].display(), "orders/log");
    assert_eq!(record.event.attribute("traceparent"), Some(CALLER));
    let caller = TraceContext::parse(CALLER).unwrap();
    assert_eq!(record.process.trace_id, caller.trace_id);
    assert_ne!(record.process.span_id, caller.span_id);
    assert!(!record.process.sampled, "an anonymous caller's sampled flag is not believed");
}

#[test]
fn an_events_own_creation_context_is_never_touched() {
    for own in [CALLER, "not a traceparent"] {
        let body = event("1", "other", &format!(r#","traceparent":"{own}""#));
        let accepted = check(&policy(), incoming(&[STRUCTURED], &body)).unwrap();
        assert_eq!(accepted.entries[0].record.event.attribute("traceparent"), Some(own));
    }
}

#[test]
fn a_listener_that_restarts_traces_forgets_the_callers() {
    for trust in [TraceTrust::Restart, TraceTrust::Link] {
        let headers = [STRUCTURED, ("traceparent", CALLER), ("tracestate", "a=1")];
        let accepted = check_as(trust, &policy(), incoming(&headers, &event("1", "other", ""))).unwrap();
        let record = &accepted.entries[0].record;
        assert_eq!(record.event.attribute("traceparent"), Some(record.process.to_string().as_str()));
        assert_ne!(record.process.trace_id, TraceContext::parse(CALLER).unwrap().trace_id);
        assert_eq!(record.tracestate, None);
    }
}

#[test]
fn a_batch_is_refused_whole_with_every_bad_element() {
    let good = event("1", "other", "");
    let bad = event("2", "order.created", r#","data":{"total":"x"}"#);
    let missing = event("3", "order.created", "");
    let rejection = check(&policy(), incoming(&[BATCH], &format!("[{good},{bad},{missing}]"))).unwrap_err();
    assert_eq!(rejection.code, Code::SchemaViolation);
    let places: Vec<_> = rejection.errors.iter().map(|(index, v)| (*index, v.pointer.as_str())).collect();
    assert_eq!(places, [(Some(1), "/data/total"), (Some(2), "/data")]);
}

#[test]
fn unmatched_events_are_refused_only_where_the_listener_says_so() {
    let body = event("1", "other", "");
    assert!(check(&policy(), incoming(&[STRUCTURED], &body)).unwrap().entries[0].record.decision.is_empty());
    let strict = Policy { unmatched: Unmatched::Reject, ..policy() };
    assert_eq!(check(&strict, incoming(&[STRUCTURED], &body)).unwrap_err().code, Code::Unmatched);
}

#[test]
fn equal_content_has_one_fingerprint_whatever_the_mode() {
    let structured = event("1", "t", r#","time":"2026-01-01T10:00:00Z","n":7,"data":{"a":1},"traceparent":"x""#);
    let headers = [
        ("ce-id", "1"),
        ("ce-source", "/s"),
        ("ce-specversion", "1.0"),
        ("ce-type", "t"),
        ("ce-n", "7"),
        ("ce-time", "2026-01-01T11:00:00%2B01:00"),
        ("content-type", "application/json"),
    ];
    let of = |request| check(&policy(), request).unwrap().entries[0].fingerprint;
    let first = of(incoming(&[STRUCTURED], &structured));
    assert_eq!(first, of(incoming(&headers, r#"{"a":1}"#)));
    assert_ne!(first, of(incoming(&headers, r#"{"a":2}"#)));
    let xml = concat!(
        r#"<event xmlns="http://cloudevents.io/xmlformat/V1" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" "#,
        r#"specversion="1.0"><id>1</id><source>/s</source><type>t</type><n xsi:type="ce:integer">7</n>"#,
        r#"<time>2026-01-01T10:00:00.0Z</time>TYPE<data xsi:type="xs:DATA</data></event>"#
    );
    let headers_of_xml = [("content-type", "application/cloudevents+xml")];
    let typed = |ty: &str, data: &str| xml.replace("TYPE", ty).replace("DATA", data);
    let json = typed("<datacontenttype>application/json</datacontenttype>", r#"string">{"a":1}"#);
    assert_eq!(first, of(incoming(&headers_of_xml, &json)));
    let element = typed("", r#"any"><a xmlns=""/>"#);
    let headers = [&headers[..6], &[("content-type", "application/xml")]].concat();
    assert_eq!(of(incoming(&headers_of_xml, &element)), of(incoming(&headers, r#"<a xmlns=""/>"#)));
}

#[test]
fn a_known_producer_is_told_apart_by_source_and_id_alone() {
    let body = |data: &str| event("1", "t", &format!(r#","data":{data}"#));
    let of = |producer: Option<&str>, data: &str| {
        let mut incoming = incoming(&[STRUCTURED], "");
        incoming.body = Bytes::from(body(data));
        incoming.producer = producer.map(Into::into);
        check(&policy(), incoming).unwrap().entries[0].fingerprint
    };
    assert_eq!(of(Some("shop"), "1"), of(Some("shop"), "2"));
    assert_ne!(of(Some("shop"), "1"), of(Some("crm"), "1"));
    assert_ne!(of(None, "1"), of(None, "2"));
}

#[test]
fn equal_events_of_a_batch_are_told_apart_the_same_way_each_time() {
    let run = |fingerprints: &[u128]| {
        let mut occurrences = Occurrences::default();
        fingerprints.iter().map(|f| occurrences.distinguish(*f)).collect::<Vec<_>>()
    };
    let first = run(&[5, 5, 5, 9]);
    assert_eq!(first[0], 5);
    assert_eq!(first, run(&[5, 5, 5, 9]));
    let distinct: std::collections::HashSet<_> = first.iter().collect();
    assert_eq!(distinct.len(), 4);
}

fn lenient(body: &str) -> Result<accept::Accepted, super::outcome::Rejection> {
    check(&policy(), Incoming { lenient: true, ..incoming(&[BATCH], body) })
}

#[test]
fn a_lenient_batch_takes_the_good_and_judges_each_of_the_others() {
    let (good, bad) = (event("1", "order.created", r#","data":{"total":1}"#), event("", "t", ""));
    let wrong = event("2", "order.created", r#","data":{"total":"x"}"#);
    let taken = lenient(&format!("[{bad},{good},7,{wrong},{good}]")).unwrap();
    let positions: Vec<_> = taken.entries.iter().map(|entry| entry.record.event.id.to_string()).collect();
    assert_eq!(positions, ["1", "1"]);
    let refused = taken.refused.unwrap();
    let told: Vec<_> = refused.iter().map(|one| (one.index, one.code)).collect();
    assert_eq!(told, [(0, Code::InvalidEvent), (2, Code::Malformed), (3, Code::SchemaViolation)]);
    assert_eq!(refused[0].errors[0].pointer, "/id");
    assert_eq!(refused[2].errors[0].pointer, "/data/total");
    // Without the preference nothing is taken; with it a single event is judged as ever.
    let strict = check(&policy(), incoming(&[BATCH], &format!("[{bad},{good}]"))).unwrap_err();
    assert_eq!((strict.code, strict.errors[0].0), (Code::InvalidEvent, Some(0)));
    let single = Incoming { lenient: true, ..incoming(&[STRUCTURED], &good) };
    assert!(check(&policy(), single).unwrap().refused.is_none());
}

#[test]
fn a_lenient_batch_without_a_good_element_is_refused_as_any_other() {
    let bad = event("", "t", "");
    let wrong = event("2", "order.created", r#","data":{"total":"x"}"#);
    for (body, code, errors) in [
        (format!("[{bad},{bad}]"), Code::InvalidEvent, 2),
        (format!("[{wrong},{bad}]"), Code::InvalidEvent, 1),
        (format!("[{wrong},{wrong}]"), Code::SchemaViolation, 2),
        (format!("[{bad}"), Code::Malformed, 0),
    ] {
        let refused = lenient(&body).unwrap_err();
        let strict = check(&policy(), incoming(&[BATCH], &body)).unwrap_err();
        assert_eq!((refused.code, refused.errors.len()), (code, errors), "{body}");
        assert_eq!((refused.code, &refused.detail, &refused.errors), (strict.code, &strict.detail, &strict.errors));
    }
    assert_eq!(lenient("[]").unwrap().refused.map(|refused| refused.len()), Some(0));
}
