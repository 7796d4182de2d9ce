//! What stands in `routes/*.yaml`, as written.
//!
//! The one declaration behind checking, the JSON Schema for editors and the reference in `routes/README.md`. Schema
//! extensions steer the checks of [`super::shape`]:
//! - `x-later`: keys or values of later versions, refused as not supported yet instead of unknown;
//! - `x-later-unless-empty`: the same, but an empty list or mapping asks for nothing and is let through;
//! - `x-code`: the number of the code to report when none or several of the alternatives are given.

use super::pairs::Pairs;
use super::test_file::Test;
use crate::cloudevents::Format;
use crate::conversion::declaration::Conversion;
use crate::deliver::http::config::HttpConfig;
use crate::deliver::kafka::config::KafkaConfig;
use crate::deliver::nats::config::NatsConfig;
use crate::encode::Mode;
use crate::units::Span;
use schemars::JsonSchema;
use serde::Deserialize;

/// A file in `routes/`. All files of the folder make one snapshot; a destination may be declared in one file and used in
/// another.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-later-unless-empty" = ["sources"]))]
#[derive(Default)]
pub struct RouteFile {
    /// Where events can be delivered to. A destination named `log`, the embedded log, always exists.
    pub destinations: Vec<Destination>,
    /// Which events go where.
    pub routes: Vec<Route>,
    /// Rules by which JSON data becomes XML and back.
    pub conversions: Vec<Conversion>,
    /// Events and what has to become of them, run by `signalbox test`; a gateway that serves takes no notice of them.
    pub tests: Vec<Test>,
}

/// A place events can be delivered to: a name and exactly one of the kinds.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Destination {
    /// Unique over all files; `log` is taken.
    pub name: String,
    /// A Kafka cluster.
    #[serde(default)]
    pub kafka: Option<KafkaConfig>,
    /// A NATS server or cluster.
    #[serde(default)]
    pub nats: Option<NatsConfig>,
    /// A service that takes events by POST.
    #[serde(default)]
    pub http: Option<HttpConfig>,
    /// Takes and drops: for load tests and dry routes.
    #[serde(default)]
    pub discard: Option<Discard>,
}

/// Takes no options.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Discard {}

/// Events that pass all filters go through the transform to every deliver entry.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Unique over all files; the name in metrics, traces and the console.
    pub name: String,
    /// All must hold, evaluated in written order. Absent: every event.
    #[serde(default)]
    pub filters: Vec<Filter>,
    /// Steps in order. The accepted event is never changed, only what is sent.
    #[serde(default)]
    pub transform: Vec<Step>,
    /// What the changed event is called. Default: `keep`.
    #[serde(default)]
    pub identity: Option<Identity>,
    /// Each entry is a lane of its own: slow or broken ones never hold up others. Needed unless there is `split`.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub deliver: Vec<Deliver>,
    /// In place of `deliver`: each event takes one of the branches, by their weights and the hash of its key, the same on
    /// every gateway and after every restart.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub split: Vec<Branch>,
    /// For `split`: what the branch goes by, a template. Default: `{partitionkey}`. Not fillable: by source and id.
    #[serde(default)]
    pub key: Option<String>,
    /// Name of a group, over all files: of its routes only the first that matches takes an event, in order of file names
    /// and place.
    #[serde(default)]
    pub first_match: Option<String>,
    /// `true`: takes only events that no other route takes and for which its filters hold.
    #[serde(default)]
    pub default: bool,
    /// Evaluates and transforms, off the request, and delivers nothing; `GET routes` counts what it would have done.
    /// Default: `false`.
    #[serde(default)]
    pub shadow: Option<Shadow>,
    /// What happens after a failed attempt.
    #[serde(default)]
    pub retry: Option<Retry>,
    /// Is the order of events with the same key kept. Default: `key`.
    #[serde(default)]
    pub order: Option<Order>,
}

/// A weighted branch.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Branch {
    /// Its part of the sum of all weights, which must not all be 0.
    pub weight: u32,
    /// As `deliver` of a route; names are unique over all branches of the route.
    #[schemars(length(min = 1))]
    pub deliver: Vec<Deliver>,
}

/// `true` or `{of: ROUTE}`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Shadow {
    /// `true`: counts what the route would have done.
    Alone(bool),
    /// Compares it with a live route, too.
    Compared(Compared),
}

/// The live route of a shadow route.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Compared {
    /// Name of a route that is no shadow route. An event differs when only one of both would take it, or when target, key
    /// or bytes differ.
    pub of: String,
}

/// What the changed event is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Identity {
    /// `id` and `source` stay, unless a step writes them.
    Keep,
    /// It is an event of the gateway's own: `id` is derived from the accepted event, the route and the entry, equal for all
    /// attempts and replays; `source` is `urn:signalbox:<route>` unless a step writes it; `causationid` is the accepted
    /// event's `id`; `correlationid` is kept, else that `id`, too.
    Derive,
}

/// One dialect of CloudEvents Subscriptions. Attribute names are of `[a-z0-9]`, values are not empty; comparison is
/// case-sensitive. An attribute the event lacks never fits.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(extend("x-code" = 2010))]
pub enum Filter {
    /// Every named attribute equals its value.
    Exact(Pairs<String>),
    /// Every named attribute starts with its value.
    Prefix(Pairs<String>),
    /// Every named attribute ends with its value.
    Suffix(Pairs<String>),
    /// All of the filters hold.
    All(Vec<Filter>),
    /// At least one of the filters holds.
    Any(Vec<Filter>),
    /// The filter does not hold.
    Not(Box<Filter>),
    /// A CloudEvents SQL expression over the attributes is TRUE, without any error: `sql: "EXISTS region AND region = 'eu'"`.
    Sql(String),
    /// A jq program over JSON data has exactly one output, and that is `true`: `jq: ".total > 0"`. `$event` holds the
    /// attributes. Only programs that always end are allowed.
    Jq(String),
}

/// One change to the event on its way out.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(extend("x-code" = 2011))]
pub enum Step {
    /// Sets attributes. All values are filled in from the event before the step. Text may hold templates:
    /// `{attribute}`, `{attribute:-default}`.
    Set(Pairs<SetValue>),
    /// Removes attributes; one the event lacks is skipped.
    Remove(Vec<String>),
    /// Gives attributes other names: `rename: {old: new}`. One the event lacks is skipped, one of the new name replaced.
    Rename(Pairs<String>),
    /// Makes other data of JSON data by a jq program with exactly one output: `jq: "{id: .orderId, total}"`. `$event` holds
    /// the attributes. `datacontenttype` stays, `dataschema` is removed.
    Jq(String),
    /// Converts the data by declared rules or by the schema of the event's type, sets `datacontenttype` and removes
    /// `dataschema`. Data that does not fit makes a dead letter `conversion`: `convert: {to: application/xml, rules: order-xml}`,
    /// `convert: {to: application/avro}`.
    Convert(Convert),
}

/// Data of another kind: XML ⇄ JSON by `rules`; Avro and Protobuf ⇄ JSON by the schema of the event's type, the version
/// that governs the event. XML becomes Avro or Protobuf by both.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Convert {
    /// The media type of the result.
    pub to: ConvertTo,
    /// Name of rules under `conversions:`, in any file. Needed to and from XML.
    #[serde(default)]
    pub rules: Option<String>,
    /// A frame around Avro or Protobuf, with `schema_id`. Default: none.
    #[serde(default)]
    pub framing: Option<Framing>,
    /// The id of the schema in the registry, which the frame holds.
    #[serde(default)]
    #[schemars(range(min = 1, max = 2_147_483_647))]
    pub schema_id: Option<u32>,
}

/// A frame around converted data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Framing {
    /// The wire format of Confluent's schema registry.
    Confluent,
}

/// The media type of converted data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum ConvertTo {
    /// From JSON.
    #[serde(rename = "application/xml")]
    Xml,
    /// From XML, Avro or Protobuf. Types in XML come from the rules, then from the schema that governs the event.
    #[serde(rename = "application/json")]
    Json,
    /// A raw datum, from JSON or XML.
    #[serde(rename = "application/avro")]
    Avro,
    /// From JSON or XML.
    #[serde(rename = "application/protobuf")]
    Protobuf,
}

/// A number or a truth value sets an attribute of that type; text is a template; `{jq: …}` is filled from the data.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum SetValue {
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number of 32 bits.
    Integer(i32),
    /// A template.
    Text(String),
    /// What a jq program makes of the data at that step.
    Program(SetProgram),
}

/// An attribute from data: `set: {region: {jq: .address.region}}`. Exactly one output that is text, `true`, `false` or a
/// whole number of 32 bits sets an attribute of that type; anything else is a dead letter `transform`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetProgram {
    /// The program. `$event` holds the attributes.
    pub jq: String,
}

/// Where a copy of the event goes.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-later" = ["partition"]))]
pub struct Deliver {
    /// Name of a destination, or `log`.
    pub destination: String,
    /// Name of the entry, unique in its route. Default: the name of its destination.
    #[serde(default)]
    pub name: Option<String>,
    /// Kafka: the topic, a template. Values stand in it as they are; one that is no topic then is a dead letter.
    #[serde(default)]
    pub topic: Option<String>,
    /// NATS: the subject, a template. Values are escaped so that an event never chooses more than its own tokens.
    #[serde(default)]
    pub subject: Option<String>,
    /// HTTP: the URL, a template; each value is percent-encoded as a part of one path segment. One that begins with `/` or
    /// `?` is added to the destination's `url`; a whole one takes its place and names the same host. Default: that `url`.
    #[serde(default)]
    pub url: Option<String>,
    /// `log`: the named stream; takes no template.
    #[serde(default)]
    pub stream: Option<String>,
    /// What order and partitions go by, a template. Default: `{partitionkey}`. Not fillable: no key.
    #[serde(default)]
    pub key: Option<String>,
    /// How attributes travel. Default: `binary` for Kafka and HTTP, `structured` for NATS. Not for `log`.
    #[serde(default)]
    pub mode: Option<Mode>,
    /// The event format of structured mode. Default: `json`. Not for `log`.
    #[serde(default)]
    pub format: Option<Format>,
    /// Overrides the route's `retry`, key by key.
    #[serde(default)]
    pub retry: Option<Retry>,
    /// Overrides the route's `order`.
    #[serde(default)]
    pub order: Option<Order>,
}

/// What happens after a failed attempt: a random wait between 0 and a bound that doubles from `initial` to `max`. Time
/// while a destination cannot be reached uses no attempts; the deadline runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// The first bound. Default: `200ms`.
    #[serde(default)]
    pub initial: Option<Span>,
    /// The largest bound. Default: `1m`.
    #[serde(default)]
    pub max: Option<Span>,
    /// From acceptance to dead letter. Default: `24h`.
    #[serde(default)]
    pub deadline: Option<Span>,
    /// Attempts before dead letter. Default: only the deadline counts.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub max_attempts: Option<u32>,
}

/// Is the order of events with the same key kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// An event never overtakes another of its key in its lane.
    Key,
    /// No order.
    None,
}
