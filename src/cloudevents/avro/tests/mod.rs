//! The Avro format, in and out. Data are made and read by apache-avro, which knows nothing of our reader.

mod hostile;
mod read;
mod write;

use crate::cloudevents::reader::{Bounds, Fault};
use crate::cloudevents::{Event, avro, json};
use crate::codes::Code;
use apache_avro::Schema;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use std::collections::HashMap;
use std::sync::LazyLock;

/// The types of the official schema in our own words (names do not stand in a datum).
const SCHEMA: &str = r#"{"type": "record", "name": "Event", "fields": [
    {"name": "attribute", "type": {"type": "map", "values": ["null", "boolean", "int", "string", "bytes"]}},
    {"name": "data", "type": ["bytes", "null", "boolean",
        {"type": "map", "values": ["null", "boolean",
            {"type": "record", "name": "Json", "fields": [{"name": "value", "type":
                {"type": "map", "values": ["null", "boolean", {"type": "map", "values": "Json"}, {"type": "array", "items": "Json"}, "double", "string"]}}]},
            "double", "string"]},
        {"type": "array", "items": "Json"}, "double", "string"]}]}"#;

static PARSED: LazyLock<Schema> = LazyLock::new(|| Schema::parse_str(SCHEMA).expect("the schema is valid"));

fn string(text: &str) -> Value {
    Value::String(text.into())
}

fn map(entries: Vec<(&str, Value)>) -> Value {
    Value::Map(entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// A union with its branch.
fn branch(number: u32, value: Value) -> Value {
    Value::Union(number, Box::new(value))
}

/// `AvroCloudEventData`.
fn record(entries: Vec<(&str, Value)>) -> Value {
    Value::Record(vec![("value".to_owned(), map(entries))])
}

/// A datum with the usual attributes and these, and this branch of `data`.
fn datum(attributes: &[(&str, Value)], data: Value) -> Vec<u8> {
    let usual = [("specversion", "1.0"), ("id", "1"), ("source", "/a"), ("type", "t")];
    let mut all: HashMap<String, Value> =
        usual.iter().map(|(name, text)| ((*name).to_owned(), branch(3, string(text)))).collect();
    for (name, value) in attributes {
        all.insert((*name).to_owned(), value.clone());
    }
    encoded(Value::Map(all), data)
}

fn encoded(attributes: Value, data: Value) -> Vec<u8> {
    let event = Value::Record(vec![("attribute".to_owned(), attributes), ("data".to_owned(), data)]);
    let writer = GenericDatumWriter::builder(&PARSED).build().expect("a good schema");
    writer.write_value_to_vec(event).expect("a value of the schema")
}

fn nothing() -> Value {
    branch(1, Value::Null)
}

fn read(bytes: impl Into<Vec<u8>>) -> Result<Event, Fault> {
    avro::read(bytes.into().into(), &Bounds::default())
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
