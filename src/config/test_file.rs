//! What stands under `tests:` of a route file, as written (routing.md §5 "test").

use super::pairs::Pairs;
use crate::encode::Mode;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// An event, and what has to become of it.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// Unique in its file: a sentence that says what is expected.
    pub name: String,
    /// The event in the JSON format, written as YAML.
    pub event: Map<String, Value>,
    /// A list: exactly these deliveries, in any order; an empty one: no route. `{rejected: 422}`: it is refused. `snapshot`: as
    /// in the file that `signalbox test --update` writes.
    pub expect: Expect,
}

/// Exactly these deliveries, or a refusal, or what a file says.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Expect {
    /// Exactly these deliveries, in any order.
    Deliveries(Vec<Wanted>),
    /// Refused before any route is asked.
    Refused(Refused),
    /// As in `snapshots/FILE/NAME.json`.
    Snapshot(Snapshot),
}

/// What a file beside the routes says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Snapshot {
    /// As in `snapshots/FILE/NAME.json`, which `signalbox test --update` writes.
    Snapshot,
}

/// The event is refused.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    /// The HTTP status: 400 for what is no event, 422 for one that breaks its schema.
    #[schemars(range(min = 400, max = 599))]
    pub rejected: u16,
    /// Exactly these places are at fault, in any order, as JSON Pointers into the event: `[/data/total]`. Default: any.
    #[serde(default)]
    pub pointers: Option<Vec<String>>,
}

/// One delivery. Keys that are left out are not compared.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// The route.
    pub route: String,
    /// The deliver entry.
    #[serde(default)]
    pub name: Option<String>,
    /// Its destination.
    #[serde(default)]
    pub destination: Option<String>,
    /// Kafka: the filled-in topic.
    #[serde(default)]
    pub topic: Option<String>,
    /// NATS: the filled-in subject.
    #[serde(default)]
    pub subject: Option<String>,
    /// HTTP: the filled-in URL.
    #[serde(default)]
    pub url: Option<String>,
    /// `log`: the stream.
    #[serde(default)]
    pub stream: Option<String>,
    /// The filled-in key; `null`: no key.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub key: Given<String>,
    /// How attributes travel.
    #[serde(default)]
    pub mode: Option<Mode>,
    /// Some of the headers of the message, names in any case.
    #[serde(default)]
    pub headers: Option<Pairs<String>>,
    /// The data of the event as it is sent, or the whole message of structured mode: JSON as JSON, XML as canonical XML
    /// (indentation, comments and prefixes aside), all else as text. `null`: JSON null or no data.
    #[serde(default)]
    #[schemars(with = "Value")]
    pub data: Given<Value>,
    /// `data` as JSON, with numbers as they were written.
    #[serde(skip)]
    pub data_json: String,
    /// The same as bytes.
    #[serde(default)]
    pub data_base64: Option<String>,
}

/// A key that may be left out, and may be `null`, which says another thing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Given<T> {
    /// It is left out.
    #[default]
    LeftOut,
    /// `null`.
    Null,
    /// A value.
    Value(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Given<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Given<T>, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Given::Null, Given::Value))
    }
}
