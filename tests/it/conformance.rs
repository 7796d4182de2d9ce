//! The public test vectors for events in the JSON format; those for XML and Protobuf stand in files of their own, and all go
//! through a running gateway in `conformance_wire.rs`. They live outside this repository: `SIGNALBOX_CONFORMANCE`, else
//! `../shared/conformance` beside the package.

use serde_json::Value;
use signalbox::cloudevents::{Data, Event};
use signalbox::codes::Code;
use signalbox::decode::{Decoded, Limits, Refusal, decode};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The caps of a gateway.
pub const LIMITS: Limits = Limits {
    event_bytes: 512 << 10,
    body_bytes: 4 << 20,
    batch_events: 1000,
    attributes: 256,
    json_depth: 128,
    xml_depth: 128,
    xml_attributes: 256,
    xml_namespaces: 64,
    ..Limits::UNLIMITED
};

/// The folder of the vectors; `None`, said aloud, where there is none.
pub fn vectors(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("SIGNALBOX_CONFORMANCE")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/conformance"), PathBuf::from);
    let path = root.join(folder);
    if !path.is_dir() {
        #[expect(clippy::print_stderr, reason = "a test that cannot run says so")]
        {
            eprintln!("skipped: there are no conformance vectors at {}", path.display());
        }
        return None;
    }
    Some(path)
}

/// The cases of a file in the JSON format.
pub fn cases(file: &str) -> Vec<Value> {
    let Some(folder) = vectors("event-formats/json") else { return Vec::new() };
    let text = std::fs::read_to_string(folder.join(file)).expect("a file");
    let document: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).expect("the form of the vectors");
    let cases = document["tests"].as_array().expect("the form of the vectors").clone();
    assert!(!cases.is_empty(), "{file}");
    cases
}

fn send(media_type: &str, body: String) -> Result<Decoded, Refusal> {
    decode([("content-type", media_type.as_bytes())].into_iter(), body.into(), &LIMITS)
}

fn send_single(body: String) -> Result<Event, Refusal> {
    send("application/cloudevents+json", body).map(|decoded| match decoded {
        Decoded::Single(event) => event,
        Decoded::Batch(_) => panic!("a single event was read as a batch"),
    })
}

fn send_batch(case: &Value) -> Result<Vec<Event>, Refusal> {
    send("application/cloudevents-batch+json", case["batch"].to_string()).map(|decoded| match decoded {
        Decoded::Batch(events) => events,
        Decoded::Single(_) => panic!("a batch was read as a single event"),
    })
}

/// The attributes of the golden events, `type` and `source` where they are not the usual ones, and the data.
fn golden(sample: &str) -> (BTreeMap<&str, &str>, Data) {
    let mut attributes = BTreeMap::from([
        ("id", sample),
        ("type", "io.cloudevents.test"),
        ("source", "https://cloudevents.io"),
        ("specversion", "1.0"),
    ]);
    let mut data = Data::Absent;
    match sample {
        "minimal" => {}
        "minimalWithRelativeSource" => attributes.extend([("source", "#fragment")]),
        "minimalWithTime" => attributes.extend([("time", "2018-04-05T17:31:00Z")]),
        "allCore" => attributes.extend([
            ("datacontenttype", "text/plain"),
            ("dataschema", "https://cloudevents.io/dataschema"),
            ("subject", "tests"),
            ("time", "2018-04-05T17:31:00Z"),
        ]),
        "simpleTextData" => {
            attributes.extend([("datacontenttype", "text/plain")]);
            data = Data::Text("Simple text".into());
        }
        "allExtensionTypes" => attributes.extend([
            ("extinteger", "10"),
            ("extboolean", "true"),
            ("extstring", "text"),
            ("extbinary", "TWE="),
            ("exttimestamp", "2023-03-31T15:12:00Z"),
            ("exturi", "https://cloudevents.io"),
            ("exturiref", "//authority/path"),
        ]),
        other => panic!("unknown sample {other}"),
    }
    (attributes, data)
}

/// The events of a golden batch.
pub fn samples(batch: &str) -> &'static [&'static str] {
    match batch {
        "empty" => &[],
        "minimal" => &["minimal"],
        "minimal2" => &["minimal", "minimal"],
        "minimalAndAllCore" => &["minimal", "allCore"],
        "minimalAndAllExtensionTypes" => &["minimal", "allExtensionTypes"],
        other => panic!("unknown sample {other}"),
    }
}

/// Is this the golden event of that name?
pub fn check(event: &Event, sample: &str, case: &str) {
    let (expected, data) = golden(sample);
    assert_eq!(event.data, data, "{case}");
    assert_eq!(event.attributes.len() + 4, expected.len(), "{case}");
    for (name, text) in expected {
        let found = event.attribute(name).unwrap_or_else(|| panic!("{case}: no {name}"));
        if name == "time" {
            let instant = signalbox::cloudevents::timestamp::Instant::parse;
            assert_eq!(instant(found), instant(text), "{case}");
        } else {
            assert_eq!(found, text, "{case}: {name}");
        }
    }
}

#[test]
fn valid_events_are_read() {
    for case in cases("valid-events.json") {
        let (id, sample) = (case["id"].as_str().unwrap(), case["sampleId"].as_str().unwrap());
        check(&send_single(case["event"].to_string()).unwrap(), sample, id);
    }
}

#[test]
fn invalid_events_are_refused_with_a_pointer() {
    for case in cases("invalid-events.json") {
        let refusal = send_single(case["event"].to_string()).unwrap_err();
        assert_eq!(refusal.code, Code::InvalidEvent, "{}", case["id"]);
        assert!(refusal.violations.iter().all(|(_, violation)| violation.pointer.starts_with('/')), "{}", case["id"]);
    }
}

#[test]
fn valid_batches_are_read() {
    for case in cases("valid-batches.json") {
        let events = send_batch(&case).unwrap();
        let samples = samples(case["sampleId"].as_str().unwrap());
        assert_eq!(events.len(), samples.len(), "{}", case["id"]);
        for (event, sample) in events.iter().zip(samples) {
            check(event, sample, case["id"].as_str().unwrap());
        }
    }
}

#[test]
fn invalid_batches_are_refused_with_the_index_of_the_bad_element() {
    for case in cases("invalid-batches.json") {
        let refusal = send_batch(&case).unwrap_err();
        assert!(!refusal.violations.is_empty(), "{}", case["id"]);
        assert!(refusal.violations.iter().all(|(index, _)| index.is_some()), "{}", case["id"]);
    }
}

#[test]
fn the_files_of_the_java_sdk_are_read_or_refused_by_their_names() {
    let Some(folder) = vectors("sdk-java/json") else { return };
    let mut count = 0;
    for version in ["v1", "v03"] {
        for entry in std::fs::read_dir(folder.join(version)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            let is_bad = name.starts_with("fail_")
                || name.ends_with("_ext_upper_case.json")
                || name.ends_with("_ext_invalid.json");
            let read = send_single(std::fs::read_to_string(&path).unwrap());
            // specversion 0.3 is refused whole.
            assert_eq!(read.is_ok(), version == "v1" && !is_bad, "{}: {read:?}", path.display());
            count += 1;
        }
    }
    assert!(count >= 16, "{count} files");
}
