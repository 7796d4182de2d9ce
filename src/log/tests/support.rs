//! Events and logs for tests.

use crate::cloudevents::{Attribute, Data, Event, Kind, Value};
use crate::lane_name::{Decision, LaneName};
use crate::log::record::{Entry, Record};
use crate::observability::trace::TraceContext;
use crate::units::Micros;
use bytes::Bytes;
use std::sync::Arc;

pub fn record(number: u64) -> Record {
    let mut trace_id = [7; 16];
    trace_id[..8].copy_from_slice(&number.to_be_bytes());
    Record {
        received: Micros(1_700_000_000_000_000 + i64::try_from(number).unwrap()),
        listener: "public".into(),
        producer: None,
        schema: None,
        snapshot: "snapshot".into(),
        process: TraceContext { trace_id, span_id: [1; 8], sampled: false },
        decision: Arc::new([]),
        event: event(number),
    }
}

pub fn event(number: u64) -> Event {
    Event {
        id: format!("id-{number}").into(),
        source: "/test".into(),
        ty: format!("type.{}", number % 3).into(),
        attributes: vec![attribute("subject", &format!("subject-{}", number % 5))],
        data: Data::Json(Bytes::from(format!("{{\"number\":{number}}}"))),
    }
}

pub fn attribute(name: &str, text: &str) -> Attribute {
    Attribute { name: name.into(), value: Value { kind: Kind::String, text: text.into() } }
}

pub fn entry(position: u64) -> Arc<Entry> {
    Arc::new(Entry { position, record: Arc::new(record(position)) })
}

pub fn lane(route: &str, name: &str, stream: Option<&str>) -> Arc<LaneName> {
    Arc::new(LaneName {
        route: route.into(),
        name: name.into(),
        destination: "log".into(),
        stream: stream.map(Into::into),
    })
}

pub fn decision(lanes: &[Arc<LaneName>]) -> Decision {
    lanes.iter().cloned().collect()
}
