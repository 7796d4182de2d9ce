//! The public test vectors for events in the XML format (see `conformance.rs` for where they are).

use crate::conformance::{LIMITS, check, samples, vectors};
use signalbox::cloudevents::{Data, Event, xml};
use signalbox::codes::Code;
use signalbox::decode::{Decoded, Refusal, decode};

/// One `test` element.
pub struct Case {
    /// Its name.
    pub id: String,
    /// The golden event.
    pub sample: Option<String>,
    /// The event or batch.
    pub document: String,
}

/// The cases of a file. Each document gets the namespaces that are declared around all of them.
pub fn cases(file: &str) -> Vec<Case> {
    let Some(folder) = vectors("event-formats/xml") else { return Vec::new() };
    let text = std::fs::read_to_string(folder.join(file)).expect("a file");
    let cases: Vec<Case> = text.split("<test ").skip(1).map(case).collect();
    assert!(!cases.is_empty(), "{file}");
    cases
}

fn case(text: &str) -> Case {
    let (attributes, rest) = text.split_once('>').expect("the form of the vectors");
    let (document, _) = rest.split_once("</test>").expect("the form of the vectors");
    let attribute = |name: &str| Some(attributes.split_once(&format!("{name}=\""))?.1.split_once('"')?.0.to_owned());
    let document = document.trim();
    let (name, rest) = document.split_at(document.find([' ', '/', '>']).expect("the form of the vectors"));
    let namespaces = format!(
        r#" xmlns:ce="{}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance""#,
        "http://cloudevents.io/xmlformat/V1"
    );
    Case {
        id: attribute("id").expect("the form of the vectors"),
        sample: attribute("sampleId"),
        document: [name, &namespaces, rest].concat(),
    }
}

fn send(media_type: &str, body: impl Into<Vec<u8>>) -> Result<Decoded, Refusal> {
    decode([("content-type", media_type.as_bytes())].into_iter(), body.into().into(), &LIMITS)
}

fn send_single(body: impl Into<Vec<u8>>) -> Result<Event, Refusal> {
    send("application/cloudevents+xml", body).map(|decoded| match decoded {
        Decoded::Single(event) => event,
        Decoded::Batch(_) => panic!("a single event was read as a batch"),
    })
}

fn send_batch(body: impl Into<Vec<u8>>) -> Result<Vec<Event>, Refusal> {
    send("application/cloudevents-batch+xml", body).map(|decoded| match decoded {
        Decoded::Batch(events) => events,
        Decoded::Single(_) => panic!("a batch was read as a single event"),
    })
}

#[test]
fn valid_events_are_read() {
    for case in cases("valid-events.xml") {
        let event = send_single(case.document).unwrap_or_else(|refusal| panic!("{}: {}", case.id, refusal.detail));
        match case.sample {
            Some(sample) => check(&event, &sample, &case.id),
            None => assert_eq!(event.data, Data::Binary(vec![1, 2, 3].into()), "{}", case.id),
        }
        assert_eq!(send_single(xml::write(&event).unwrap()).unwrap(), event, "{}", case.id);
    }
}

#[test]
fn invalid_events_are_refused() {
    for case in cases("invalid-events.xml") {
        let refusal = send_single(case.document).map(|event| panic!("{}: {event:?}", case.id)).unwrap_err();
        assert!(matches!(refusal.code, Code::InvalidEvent | Code::Malformed), "{}: {}", case.id, refusal.detail);
        if refusal.code == Code::InvalidEvent {
            assert!(refusal.violations.iter().all(|(_, violation)| violation.pointer.starts_with('/')), "{}", case.id);
        }
    }
}

#[test]
fn valid_batches_are_read() {
    for case in cases("valid-batches.xml") {
        let events = send_batch(case.document).unwrap_or_else(|refusal| panic!("{}: {}", case.id, refusal.detail));
        let samples = samples(case.sample.as_deref().unwrap());
        assert_eq!(events.len(), samples.len(), "{}", case.id);
        for (event, sample) in events.iter().zip(samples) {
            check(event, sample, &case.id);
        }
        assert_eq!(send_batch(xml::write_batch(&events).unwrap()).unwrap(), events, "{}", case.id);
    }
}

#[test]
fn invalid_batches_are_refused() {
    for case in cases("invalid-batches.xml") {
        let refusal = send_batch(case.document).unwrap_err();
        assert!(matches!(refusal.code, Code::InvalidEvent | Code::Malformed), "{}: {}", case.id, refusal.detail);
    }
}

#[test]
fn the_files_of_the_java_sdk_are_read_or_refused_by_their_folders() {
    let Some(folder) = vectors("sdk-java/xml") else { return };
    let mut count = 0;
    for (version, good) in [("v1", true), ("bad", false)] {
        for entry in std::fs::read_dir(folder.join(version)).unwrap() {
            let path = entry.unwrap().path();
            let read = send_single(std::fs::read(&path).unwrap());
            assert_eq!(read.is_ok(), good, "{}: {read:?}", path.display());
            if let Ok(event) = read {
                assert_eq!(send_single(xml::write(&event).unwrap()).unwrap(), event, "{}", path.display());
            }
            count += 1;
        }
    }
    assert!(count >= 11, "{count} files");
}
