//! Events of a file or of stdin, checked by the rules the gateway goes by.

use crate::cli::convert::Item;
use crate::cli::convert::read::{Reading, document};
use crate::cli::exit::Exit;
use crate::cli::failure::{Failure, Problem};
use crate::cli::formats::FileFormat;
use crate::cloudevents::Event;
use crate::codes::Code;
use crate::decode::{self, Decoded, Limits, Refusal};
use bytes::Bytes;
use serde_json::json;
use serde_json::value::RawValue;
use std::io::Read as _;
use std::path::Path;

/// A file larger than this is not read; batches are far smaller.
pub const LARGEST_INPUT: u64 = 256 << 20;

/// What a file held.
pub struct Read {
    /// Its events.
    pub events: Vec<Event>,
    /// It was an array.
    pub array: bool,
}

/// Reads `file`, or stdin for `-`; `batch`: the batch form is wanted.
pub fn read(file: &Path, from: FileFormat, batch: bool) -> Result<Read, Failure> {
    let content = bytes_of(file)?;
    if from.event_format() == crate::cloudevents::Format::Json {
        return json(file, &content);
    }
    let reading = Reading { from, batch, bare: false };
    let read = document(&content.into(), reading).map_err(|refusal| invalid(&refusal, None))?;
    Ok(Read { events: read.items.iter().filter_map(Item::event).cloned().collect(), array: read.batch })
}

/// Events in the JSON format, one after the other, or an array.
fn json(file: &Path, content: &[u8]) -> Result<Read, Failure> {
    let text = std::str::from_utf8(content).map_err(|error| {
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
        let index = (documents.len() > 1).then_some(events.len());
        events.extend(decoded(document.get(), index)?);
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

/// The events of one JSON document: an event, or an array of them. `index` is the place of an event among others.
pub fn decoded(document: &str, index: Option<usize>) -> Result<Vec<Event>, Failure> {
    let batch = document.starts_with('[');
    let media_type = if batch { "application/cloudevents-batch+json" } else { "application/cloudevents+json" };
    let headers = [("content-type", media_type.as_bytes())];
    // How large and how deep an event may be is the gateway's to say.
    match decode::decode(headers.into_iter(), Bytes::copy_from_slice(document.as_bytes()), &Limits::UNLIMITED) {
        Ok(Decoded::Single(event)) => Ok(vec![event]),
        Ok(Decoded::Batch(events)) => Ok(events),
        Err(refusal) => Err(invalid(&refusal, index)),
    }
}

/// Why a document holds no valid events; `outer` is its place among others.
pub fn invalid(refusal: &Refusal, outer: Option<usize>) -> Failure {
    let errors = refusal.violations.iter().map(|(inner, violation)| match inner.or(outer) {
        Some(index) => {
            json!({"pointer": format!("/{index}{}", violation.pointer), "detail": violation.detail, "index": index})
        }
        None => json!({"pointer": violation.pointer, "detail": violation.detail}),
    });
    let problem = Problem::of_code(refusal.code, &refusal.detail, errors.collect());
    Failure::of_problem(Exit::BadData, problem).hint("nothing was sent")
}

/// Why a file cannot be used.
pub fn bad_file(file: &Path, why: &str, code: Code) -> Failure {
    let name = if file == Path::new("-") { "stdin".into() } else { file.to_string_lossy() };
    Failure::coded(Exit::BadData, code, format!("`{name}`: {why}")).hint("nothing was sent")
}
