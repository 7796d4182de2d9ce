//! The public test vectors for events in the Protobuf format, which are written in `ProtoJSON` (see `conformance.rs` for where
//! they are). `prost-reflect` reads them with the official `.proto`; the gateway sees the bytes it makes of them.

use crate::conformance::{LIMITS, check, samples, vectors};
use prost_reflect::prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage};
use serde_json::Value;
use signalbox::cloudevents::{Event, protobuf};
use signalbox::codes::Code;
use signalbox::decode::{Decoded, Refusal, decode};
use std::path::Path;

/// The official types; `None` where there are no vectors.
pub fn types() -> Option<DescriptorPool> {
    let formats = vectors("formats")?;
    let mut compiler = protox::Compiler::new([formats]).expect("a folder");
    compiler.include_imports(true).open_file("cloudevents.proto").expect("the official file compiles");
    Some(compiler.descriptor_pool())
}

/// A message in `ProtoJSON` as it stands on the wire.
pub fn on_the_wire(types: &DescriptorPool, message: &str, json: &Value) -> Vec<u8> {
    let descriptor = types.get_message_by_name(&format!("io.cloudevents.v1.{message}")).expect("an official type");
    let message = DynamicMessage::deserialize(descriptor, json).expect("ProtoJSON");
    message.encode_to_vec()
}

/// The cases of a file: id, sample, and the message under one of the members.
pub fn cases(file: &str, member: &str, message: &str) -> Vec<(String, String, Vec<u8>)> {
    let (Some(folder), Some(types)) = (vectors("event-formats/protobuf"), types()) else { return Vec::new() };
    let text = std::fs::read_to_string(folder.join(file)).expect("a file");
    let document: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).expect("the form of the vectors");
    let tests = document["tests"].as_array().expect("the form of the vectors");
    assert!(!tests.is_empty(), "{file}");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    tests
        .iter()
        .map(|test| (text(&test["id"]), text(&test["sampleId"]), on_the_wire(&types, message, &test[member])))
        .collect()
}

/// The files of the Java SDK: name, and message.
pub fn java(version: &str) -> Vec<(String, Vec<u8>)> {
    let (Some(folder), Some(types)) = (vectors("sdk-java/protobuf"), types()) else { return Vec::new() };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder.join(version)).unwrap() {
        let path = entry.unwrap().path();
        let json = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        files.push((
            path.file_name().map(Path::new).unwrap().display().to_string(),
            on_the_wire(&types, "CloudEvent", &json),
        ));
    }
    assert!(!files.is_empty(), "{version}");
    files
}

fn send(media_type: &str, body: Vec<u8>) -> Result<Vec<Event>, Refusal> {
    decode([("content-type", media_type.as_bytes())].into_iter(), body.into(), &LIMITS).map(|decoded| match decoded {
        Decoded::Single(event) => vec![event],
        Decoded::Batch(events) => events,
    })
}

#[test]
fn valid_events_and_batches_are_read_and_written_again() {
    for (id, sample, body) in cases("valid-events.json", "validSingle", "CloudEvent") {
        let events =
            send("application/cloudevents+protobuf", body).unwrap_or_else(|refusal| panic!("{id}: {}", refusal.detail));
        check(&events[0], &sample, &id);
        assert_eq!(
            send("application/cloudevents+protobuf", protobuf::write(&events[0]).to_vec()).unwrap(),
            events,
            "{id}"
        );
    }
    for (id, sample, body) in cases("valid-batches.json", "validBatch", "CloudEventBatch") {
        let media_type = "application/cloudevents-batch+protobuf";
        let events = send(media_type, body).unwrap_or_else(|refusal| panic!("{id}: {}", refusal.detail));
        assert_eq!(events.len(), samples(&sample).len(), "{id}");
        for (event, sample) in events.iter().zip(samples(&sample)) {
            check(event, sample, &id);
        }
        assert_eq!(send(media_type, protobuf::write_batch(&events).to_vec()).unwrap(), events, "{id}");
    }
}

#[test]
fn invalid_events_and_batches_are_refused_with_a_pointer() {
    for (id, _, body) in cases("invalid-events.json", "invalidSingle", "CloudEvent") {
        let refusal = send("application/cloudevents+protobuf", body).unwrap_err();
        assert_eq!(refusal.code, Code::InvalidEvent, "{id}");
        assert!(refusal.violations.iter().all(|(_, violation)| violation.pointer.starts_with('/')), "{id}");
    }
    for (id, _, body) in cases("invalid-batches.json", "invalidBatch", "CloudEventBatch") {
        let refusal = send("application/cloudevents-batch+protobuf", body).unwrap_err();
        assert!(refusal.violations.iter().all(|(index, _)| index.is_some()) && !refusal.violations.is_empty(), "{id}");
    }
}

#[test]
fn the_files_of_the_java_sdk_are_read_and_those_of_version_0_3_refused() {
    for (name, body) in java("v1") {
        assert!(send("application/cloudevents+protobuf", body).is_ok(), "{name}");
    }
    for (name, body) in java("v03") {
        let refusal = send("application/cloudevents+protobuf", body).unwrap_err();
        assert_eq!(refusal.violations[0].1.pointer, "/specversion", "{name}");
    }
}
