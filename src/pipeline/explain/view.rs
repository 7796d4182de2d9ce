//! An explanation as the API and the command write it (routing.md §5).

use super::{DeliveryExplained, Explanation, Form, RouteExplained, StepExplained, Verdict};
use crate::cloudevents::{Event, json};
use crate::config::gateway::Unmatched;
use crate::deliver::entry::{DeliverEntry, Target};
use crate::encode::Mode;
use crate::route::Explained;
use crate::state::Reason;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::value::{RawValue, to_raw_value};

/// The partition a broker has told that a key goes to: of entry, filled-in topic and key.
pub type PartitionOf<'a> = &'a dyn Fn(&DeliverEntry, &str, &str) -> Option<i32>;

/// The whole document.
#[derive(Debug, Serialize)]
pub struct View<'e> {
    verdict: VerdictView<'e>,
    event: Box<RawValue>,
    routes: Vec<RouteView<'e>>,
    /// Of an event that no live route takes: `accept` or `reject`.
    #[serde(skip_serializing_if = "Option::is_none")]
    unmatched: Option<Unmatched>,
}

#[derive(Debug, Serialize)]
struct VerdictView<'e> {
    schema: Option<&'e str>,
    valid: bool,
    /// The rule that refuses the event.
    code: Option<String>,
    errors: Vec<ErrorView<'e>>,
}

#[derive(Debug, Serialize)]
struct ErrorView<'e> {
    pointer: &'e str,
    detail: &'e str,
}

#[derive(Debug, Serialize)]
struct RouteView<'e> {
    route: &'e str,
    matched: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    shadow: bool,
    /// The live route that a shadow route is compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    of: Option<&'e str>,
    reason: Option<&'e str>,
    filters: &'e [Explained],
    #[serde(skip_serializing_if = "Option::is_none")]
    split: Option<SplitView>,
    transform: Vec<StepView<'e>>,
    deliveries: Vec<DeliveryView<'e>>,
}

/// The branch of a split that the event takes, from 0.
#[derive(Debug, Serialize)]
struct SplitView {
    branch: usize,
    weight: u32,
}

#[derive(Debug, Serialize)]
struct StepView<'e> {
    step: &'static str,
    before: Box<RawValue>,
    after: Option<Box<RawValue>>,
    error: Option<&'e str>,
}

/// One delivery.
#[derive(Debug, Serialize)]
pub struct DeliveryView<'e> {
    name: &'e str,
    destination: &'e str,
    target: Option<String>,
    key: Option<&'e str>,
    partition: Option<i32>,
    mode: Option<Mode>,
    headers: Headers<'e>,
    #[serde(flatten)]
    body: Option<Body>,
    /// The reason of the dead letter there would be.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    error: Option<&'e str>,
}

/// The body of a message: JSON as it is, other text as a string, bytes in Base64.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Body {
    Data(Box<RawValue>),
    DataBase64(String),
}

#[derive(Debug)]
struct Headers<'e>(&'e [(String, String)]);

impl Serialize for Headers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'e> View<'e> {
    /// The document of an explanation.
    pub fn new(explanation: &'e Explanation, partition: PartitionOf<'_>) -> View<'e> {
        View {
            verdict: verdict(&explanation.verdict),
            event: raw(&explanation.event),
            routes: explanation.routes.iter().map(|route| view(route, partition)).collect(),
            unmatched: explanation.unmatched,
        }
    }
}

fn verdict(verdict: &Verdict) -> VerdictView<'_> {
    let errors = verdict.errors.iter().map(|one| ErrorView { pointer: &one.pointer, detail: &one.detail });
    VerdictView {
        schema: verdict.schema.as_deref(),
        valid: verdict.is_valid(),
        code: verdict.refused.map(|code| code.to_string()),
        errors: errors.collect(),
    }
}

fn view<'e>(route: &'e RouteExplained, partition: PartitionOf<'_>) -> RouteView<'e> {
    RouteView {
        route: &route.verdict.route,
        matched: route.verdict.matched,
        shadow: route.verdict.shadow,
        of: route.of.as_deref(),
        reason: route.verdict.reason.as_deref(),
        filters: &route.filters,
        split: route.branch.map(|(branch, weight)| SplitView { branch, weight }),
        transform: route.transform.iter().map(step).collect(),
        deliveries: route.deliveries.iter().map(|one| delivery(one, partition)).collect(),
    }
}

fn step(step: &StepExplained) -> StepView<'_> {
    StepView {
        step: step.step,
        before: raw(&step.before),
        after: step.after.as_ref().ok().map(raw),
        error: step.after.as_ref().err().map(String::as_str),
    }
}

/// The document of one delivery.
pub fn delivery<'e>(one: &'e DeliveryExplained, partition: PartitionOf<'_>) -> DeliveryView<'e> {
    let (entry, target, key) = (&one.entry, one.target.as_deref(), one.key.as_deref());
    DeliveryView {
        name: &entry.lane.name,
        destination: &entry.lane.destination,
        target: one.shown_target().filter(|target| !target.is_empty()),
        key,
        partition: target.zip(key).and_then(|(target, key)| partition(entry, target, key)),
        mode: (!matches!(entry.target, Target::Stream(_))).then_some(entry.mode),
        headers: Headers(&one.headers),
        body: one.body.as_ref().map(|(bytes, form)| body(bytes, *form)),
        reason: one.error.as_ref().map(|(reason, _)| *reason),
        error: one.error.as_ref().map(|(_, detail)| detail.as_str()),
    }
}

fn body(bytes: &[u8], form: Form) -> Body {
    let text = std::str::from_utf8(bytes).ok().filter(|_| form != Form::Bytes);
    let json = text.filter(|_| form == Form::Json).and_then(|text| RawValue::from_string(text.to_owned()).ok());
    match json.or_else(|| to_raw_value(text?).ok()) {
        Some(value) => Body::Data(value),
        None => Body::DataBase64(STANDARD.encode(bytes)),
    }
}

/// An event in the JSON format.
fn raw(event: &Event) -> Box<RawValue> {
    let text = String::from_utf8_lossy(&json::write(event)).into_owned();
    // What the JSON format writes is JSON.
    RawValue::from_string(text).unwrap_or_default()
}
