//! What lands, read by others than the gateway's own readers where there are others.

use crate::conformance::vectors;
use crate::conformance_protobuf::types;
use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value as Avro;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost_reflect::{DynamicMessage, Value as Proto};
use serde_json::value::RawValue;
use signalbox::cloudevents::reader::Bounds;
use signalbox::cloudevents::timestamp::{Instant, text_of_unix};
use signalbox::cloudevents::{headers, xml};
use std::collections::BTreeMap;

/// The four formats, and binary mode.
pub const WAYS: [&str; 5] = ["json", "xml", "protobuf", "avro", "binary"];

/// An event whatever it looked like: attributes as text, times by their instant, and the bytes of the data. What no data and
/// empty data are differs between bindings.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seen {
    attributes: BTreeMap<String, String>,
    data: Vec<u8>,
}

fn seen(attributes: impl IntoIterator<Item = (String, String)>, data: impl Into<Vec<u8>>) -> Seen {
    let attributes = attributes.into_iter().map(|(name, text)| {
        let instant = Instant::parse(&text).map(|instant| instant.to_string());
        (name, instant.unwrap_or(text))
    });
    let mut seen = Seen { attributes: attributes.collect(), data: data.into() };
    assert!(seen.attributes.remove("traceparent").is_some(), "the gateway fills it in");
    seen
}

/// A message of one way.
pub fn read(way: &str, content_type: &str, headers: &[(String, String)], body: &[u8]) -> Seen {
    if way == "binary" {
        return binary(content_type == "content-type", headers, body);
    }
    let stated = headers.iter().filter(|(name, _)| name == content_type).map(|(_, value)| &**value).collect::<Vec<_>>();
    assert_eq!(stated, [format!("application/cloudevents+{way}")]);
    match way {
        "json" => json(str::from_utf8(body).unwrap()),
        "xml" => xml(body),
        "protobuf" => protobuf(body),
        _ => avro(body),
    }
}

fn binary(kafka: bool, pairs: &[(String, String)], body: &[u8]) -> Seen {
    let attributes = pairs.iter().filter_map(|(name, value)| match (kafka, name.as_str()) {
        (true, "content-type") => Some(("datacontenttype".to_owned(), value.clone())),
        (true, name) => Some((name.strip_prefix("ce_")?.to_owned(), value.clone())),
        (false, name) => {
            let value = headers::decode(value.as_bytes()).expect("UTF-8").into_owned();
            Some((name.strip_prefix("ce-")?.to_owned(), value))
        }
    });
    seen(attributes, body)
}

fn json(text: &str) -> Seen {
    let members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text).unwrap();
    let is_json = members.get("datacontenttype").is_none_or(|text| text.get().contains("json"));
    let (mut attributes, mut data) = (BTreeMap::new(), Vec::new());
    for (name, raw) in &members {
        let text = || serde_json::from_str::<String>(raw.get()).unwrap_or_else(|_| raw.get().to_owned());
        match &**name {
            "data_base64" => data = STANDARD.decode(text()).unwrap(),
            "data" if is_json => data = raw.get().into(),
            "data" => data = text().into(),
            _ => drop(attributes.insert(name.clone(), text())),
        }
    }
    if is_json && members.contains_key("data") {
        attributes.insert("datacontenttype".to_owned(), "application/json".to_owned());
    }
    seen(attributes, data)
}

/// An event of the admin API, whose data is as it came.
pub fn detail(text: &str) -> Seen {
    let members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text).unwrap();
    json(members["event"].get())
}

fn xml(body: &[u8]) -> Seen {
    let event = xml::read(body.to_vec().into(), &Bounds::default()).unwrap();
    let stated = event.attributes.iter().map(|one| (one.name.to_string(), one.value.text.to_string()));
    let required = ["specversion", "id", "source", "type"];
    let required = required.map(|name| (name.to_owned(), event.attribute(name).unwrap().to_owned()));
    let implied = event.implied().map(|(name, text)| (name.to_owned(), text.into_owned()));
    seen(stated.chain(required).chain(implied), event.data.bytes().unwrap_or_default())
}

fn protobuf(body: &[u8]) -> Seen {
    let descriptor = types().unwrap().get_message_by_name("io.cloudevents.v1.CloudEvent").unwrap();
    let message = DynamicMessage::decode(descriptor, body).unwrap();
    assert_eq!(message.unknown_fields().count(), 0);
    let mut attributes = BTreeMap::new();
    for (field, name) in [("id", "id"), ("source", "source"), ("spec_version", "specversion"), ("type", "type")] {
        let text = message.get_field_by_name(field).unwrap().as_str().unwrap().to_owned();
        attributes.insert(name.to_owned(), text);
    }
    for (key, value) in message.get_field_by_name("attributes").unwrap().as_map().unwrap() {
        let value = value.as_message().unwrap();
        let (_, value) = value.fields().next().expect("a value");
        attributes.insert(key.as_str().unwrap().to_owned(), attribute(value));
    }
    let data = ["binary_data", "text_data"].into_iter().find(|name| message.has_field_by_name(name));
    let data = data.map(|name| match &*message.get_field_by_name(name).unwrap() {
        Proto::String(text) => text.clone().into_bytes(),
        other => other.as_bytes().unwrap().to_vec(),
    });
    seen(attributes, data.unwrap_or_default())
}

fn attribute(value: &Proto) -> String {
    match value {
        Proto::Bool(value) => value.to_string(),
        Proto::I32(value) => value.to_string(),
        Proto::Bytes(value) => STANDARD.encode(value),
        Proto::Message(timestamp) => {
            let seconds = timestamp.get_field_by_name("seconds").unwrap().as_i64().unwrap();
            let nanos = timestamp.get_field_by_name("nanos").unwrap().as_i32().unwrap();
            text_of_unix(seconds, nanos.try_into().unwrap()).unwrap()
        }
        other => other.as_str().unwrap().to_owned(),
    }
}

fn avro(mut body: &[u8]) -> Seen {
    let text = std::fs::read_to_string(vectors("formats").unwrap().join("cloudevents.avsc")).unwrap();
    let schema = Schema::parse_str(&text).unwrap();
    let value = GenericDatumReader::builder(&schema).build().unwrap().read_value(&mut body).unwrap();
    assert!(body.is_empty());
    let Avro::Record(fields) = value else { panic!("{value:?}") };
    let [(_, Avro::Map(attributes)), (_, Avro::Union(_, data))] = <[(String, Avro); 2]>::try_from(fields).unwrap()
    else {
        panic!()
    };
    let attributes = attributes.into_iter().map(|(name, value)| {
        let Avro::Union(_, value) = value else { panic!("{value:?}") };
        let text = match *value {
            Avro::Boolean(value) => value.to_string(),
            Avro::Int(value) => value.to_string(),
            Avro::Bytes(value) => STANDARD.encode(value),
            Avro::String(text) => text,
            other => panic!("{other:?}"),
        };
        (name, text)
    });
    let data = match *data {
        Avro::Bytes(bytes) => bytes,
        Avro::Null => Vec::new(),
        other => panic!("{other:?}"),
    };
    seen(attributes.collect::<Vec<_>>(), data)
}
