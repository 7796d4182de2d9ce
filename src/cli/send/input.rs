//! Events of a file or of stdin, checked by the rules the gateway goes by.

use crate::cli::exit::Exit;
use crate::cli::failure::{Failure, Problem};
use crate::cloudevents::Event;
use crate::codes::Code;
use crate::config::gateway;
use crate::decode::{self, Decoded, Limits, Refusal};
use bytes::Bytes;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::io::Read as _;
use std::path::Path;

/// A file larger than this is not read; batches are far smaller.
const LARGEST_INPUT: u64 = 256 << 20;

/// What a file held.
pub struct Read {
    /// Its events.
    pub events: Vec<Event>,
    /// It was an array.
    pub array: bool,
}

/// Reads `file`, or stdin for `-`.
pub fn read(file: &Path) -> Result<Read, Failure> {
    let content = bytes_of(file)?;
    let text = std::str::from_utf8(&content).map_err(|error| {
        bad_file(file, &format!("it is not UTF-8 text after byte {}", error.valid_up_to()), Code::Malformed)
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut documents = Vec::new();
    for document in serde_json::Deserializer::from_str(text).into_iter::<&RawValue>() {
        documents.push(document.map_err(|error| bad_file(file, &error.to_string(), Code::Malformed))?);
    }
    let array = matches!(documents.as_slice(), [only] if only.get().starts_with('['));
    let mut events = Vec::new();
    for document in &documents {
        if document.get().starts_with('[') {
            let elements: Vec<&RawValue> = serde_json::from_str(document.get())
                .map_err(|error| bad_file(file, &error.to_string(), Code::Malformed))?;
            for (index, element) in elements.into_iter().enumerate() {
                events.push(event(element.get(), Some(index))?);
            }
        } else {
            let index = (documents.len() > 1).then_some(events.len());
            events.push(event(document.get(), index)?);
        }
    }
    if events.is_empty() && !array {
        return Err(bad_file(file, "it holds no event", Code::NotAnEvent));
    }
    Ok(Read { events, array })
}

/// The bytes of a file, or of stdin for `-`.
pub fn bytes_of(file: &Path) -> Result<Vec<u8>, Failure> {
    let mut content = Vec::new();
    let read = if file == Path::new("-") {
        std::io::stdin().lock().take(LARGEST_INPUT + 1).read_to_end(&mut content)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(LARGEST_INPUT + 1).read_to_end(&mut content))
    };
    match read {
        Ok(_) if content.len() as u64 > LARGEST_INPUT => {
            Err(bad_file(file, "it is larger than 256 MiB", Code::BodyTooLarge))
        }
        Ok(_) => Ok(content),
        Err(error) => Err(bad_file(file, &error.to_string().to_lowercase(), Code::MissingFile)),
    }
}

/// One event from its JSON form. `index` names it among several.
pub fn event(text: &str, index: Option<usize>) -> Result<Event, Failure> {
    let headers = [("content-type", b"application/cloudevents+json".as_slice())];
    match decode::decode(headers.into_iter(), Bytes::copy_from_slice(text.as_bytes()), &limits()) {
        Ok(Decoded::Single(event)) => Ok(event),
        Ok(Decoded::Batch(_)) => Err(Failure::coded(Exit::BadData, Code::NotAnEvent, "a batch inside a batch")),
        Err(refusal) => Err(invalid(&refusal, index)),
    }
}

/// How large an event may be is the gateway's to say; how deep it may nest protects this side, too.
fn limits() -> Limits {
    let defaults = gateway::Limits::default();
    Limits {
        event_bytes: usize::MAX,
        body_bytes: usize::MAX,
        batch_events: usize::MAX,
        attributes: usize::MAX,
        json_depth: defaults.json_depth,
    }
}

fn invalid(refusal: &Refusal, index: Option<usize>) -> Failure {
    let place = index.map(|index| format!("/{index}")).unwrap_or_default();
    let errors = refusal.violations.iter().map(|(_, violation)| {
        let mut error = json!({"pointer": format!("{place}{}", violation.pointer), "detail": violation.detail});
        if let (Some(index), Value::Object(members)) = (index, &mut error) {
            members.insert("index".to_owned(), index.into());
        }
        error
    });
    let problem = Problem::of_code(refusal.code, &refusal.detail, errors.collect());
    Failure::of_problem(Exit::BadData, problem).hint("nothing was sent")
}

fn bad_file(file: &Path, why: &str, code: Code) -> Failure {
    let name = if file == Path::new("-") { "stdin".into() } else { file.to_string_lossy() };
    Failure::coded(Exit::BadData, code, format!("`{name}`: {why}")).hint("nothing was sent")
}
