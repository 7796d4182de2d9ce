//! `convert --check NAME FILES…`: do samples survive the way through rules and back.

use super::read::{self, Sample};
use super::{Args, Item, Payload};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::{Format, Printer, clean};
use crate::conversion::{Error, Schemas, survey};
use serde_json::{Value, json};
use std::path::Path;

/// Checks every file; ends with 1 when something does not survive.
pub fn run(name: &str, args: &Args, printer: &mut Printer) -> Result<(), Failure> {
    let payload = Payload::load(name, &args.files, printer.format)?;
    let mut reports = Vec::new();
    for file in &args.inputs {
        reports.push((file.as_path(), lost_of(&payload, file)?));
    }
    match printer.format {
        Format::Json => {
            let report = |(file, lost): &(&Path, Vec<Error>)| {
                let listed: Vec<Value> =
                    lost.iter().map(|error| json!({"pointer": error.pointer, "detail": error.detail})).collect();
                json!({"file": file.to_string_lossy(), "survives": lost.is_empty(), "lost": listed})
            };
            let all: Vec<Value> = reports.iter().map(report).collect();
            printer.line(&Value::from(all).to_string())?;
        }
        Format::Text => {
            for (file, lost) in &reports {
                let verdict = if lost.is_empty() { "survives" } else { "does not survive" };
                printer.line(&clean(&format!("{}: {verdict}", file.display())))?;
                for error in lost {
                    let place = if error.pointer.is_empty() { "/" } else { &error.pointer };
                    printer.line(&clean(&format!("  {place}: {}", error.detail)))?;
                }
            }
        }
    }
    let all_survive = reports.iter().all(|(_, lost)| lost.is_empty());
    if all_survive { Ok(()) } else { Err(Failure::Told(Exit::Failed)) }
}

/// What the payloads of a file lose. A file may hold payloads, or events around them.
fn lost_of(payload: &Payload, file: &Path) -> Result<Vec<Error>, Failure> {
    let mut lost = Vec::new();
    let items = match read::sample(file)? {
        Sample::Items(items) => items,
        Sample::Broken(detail) => return Ok(vec![Error { pointer: String::new(), detail }]),
    };
    let several = items.len() > 1;
    for (index, item) in items.into_iter().enumerate() {
        let (found, around) = match item {
            Item::Bare(document) => {
                let is_xml = document.trim_ascii_start().starts_with(b"<");
                let schema = payload.registry.document_of_rules(&payload.rules.name);
                let found = if is_xml {
                    survey::of_xml(&payload.rules, &document, schema)
                } else {
                    survey::of_json(&payload.rules, &document, schema)
                };
                (found, String::new())
            }
            Item::Event(event) => {
                let schema = payload.registry.document(&event);
                let found = match (event.json_data(), event.xml_data()) {
                    (Some(json), _) => survey::of_json(&payload.rules, &json, schema),
                    (None, Some(xml)) => survey::of_xml(&payload.rules, &xml, schema),
                    (None, None) => {
                        let detail = "the data of the event is neither JSON nor XML".to_owned();
                        vec![Error { pointer: String::new(), detail }]
                    }
                };
                (found, if several { format!("/{index}/data") } else { "/data".to_owned() })
            }
        };
        lost.extend(found.into_iter().map(|error| Error { pointer: around.clone() + &error.pointer, ..error }));
    }
    Ok(lost)
}
