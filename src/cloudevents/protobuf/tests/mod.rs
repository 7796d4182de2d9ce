//! The Protobuf format, in and out. Messages are made and read by prost, which knows nothing of our reader.

mod data;
mod hostile;
mod read;
mod write;

use crate::cloudevents::reader::{Bounds, Fault};
use crate::cloudevents::{Event, json, protobuf};
use crate::codes::Code;
use prost::Message as _;
use std::collections::BTreeMap;

/// `CloudEvent` with its map as what it is on the wire: repeated entries.
#[derive(Clone, PartialEq, prost::Message)]
struct Message {
    #[prost(string, tag = "1")]
    id: String,
    #[prost(string, tag = "2")]
    source: String,
    #[prost(string, tag = "3")]
    spec_version: String,
    #[prost(string, tag = "4")]
    ty: String,
    #[prost(message, repeated, tag = "5")]
    attributes: Vec<Entry>,
    #[prost(oneof = "Content", tags = "6, 7, 8")]
    data: Option<Content>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Entry {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<Value>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Value {
    #[prost(oneof = "Attr", tags = "1, 2, 3, 4, 5, 6, 7")]
    attr: Option<Attr>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Attr {
    #[prost(bool, tag = "1")]
    Boolean(bool),
    #[prost(int32, tag = "2")]
    Integer(i32),
    #[prost(string, tag = "3")]
    String(String),
    #[prost(bytes, tag = "4")]
    Bytes(Vec<u8>),
    #[prost(string, tag = "5")]
    Uri(String),
    #[prost(string, tag = "6")]
    UriRef(String),
    #[prost(message, tag = "7")]
    Timestamp(Timestamp),
}

#[derive(Clone, PartialEq, prost::Message)]
struct Timestamp {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Content {
    #[prost(bytes, tag = "6")]
    Binary(Vec<u8>),
    #[prost(string, tag = "7")]
    Text(String),
    #[prost(message, tag = "8")]
    Proto(Any),
}

#[derive(Clone, PartialEq, prost::Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes, tag = "2")]
    value: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Batch {
    #[prost(message, repeated, tag = "1")]
    events: Vec<Message>,
}

/// A message with the usual attributes and these.
fn message(attributes: &[(&str, Attr)]) -> Message {
    let entry =
        |(key, attr): &(&str, Attr)| Entry { key: (*key).to_owned(), value: Some(Value { attr: Some(attr.clone()) }) };
    Message {
        id: "1".into(),
        source: "/a".into(),
        spec_version: "1.0".into(),
        ty: "t".into(),
        attributes: attributes.iter().map(entry).collect(),
        data: None,
    }
}

fn string(text: &str) -> Attr {
    Attr::String(text.to_owned())
}

fn read(bytes: impl Into<Vec<u8>>) -> Result<Event, Fault> {
    protobuf::read(bytes.into().into(), &Bounds::default())
}

fn event(message: &Message) -> Event {
    read(message.encode_to_vec()).unwrap_or_else(|fault| panic!("{message:?}: {fault}"))
}

/// Code and pointers of a refusal.
fn refused(bytes: impl Into<Vec<u8>>) -> (Code, Vec<String>) {
    let fault = read(bytes).map(|event| panic!("{event:?}")).unwrap_err();
    (fault.code, fault.violations.into_iter().map(|violation| violation.pointer).collect())
}

fn of_json(members: &str) -> Event {
    let body = format!(r#"{{"specversion":"1.0","id":"1","source":"/a","type":"t"{members}}}"#);
    json::read(body.into(), &Bounds::default()).unwrap()
}

/// What is written, as prost reads it.
fn written(event: &Event) -> Message {
    Message::decode(protobuf::write(event)).unwrap()
}

/// The entries of a message by name.
fn attributes(message: &Message) -> BTreeMap<String, Attr> {
    let attr = |entry: &Entry| entry.value.clone().and_then(|value| value.attr).expect("a value");
    message.attributes.iter().map(|entry| (entry.key.clone(), attr(entry))).collect()
}
