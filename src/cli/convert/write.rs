//! Events and payloads on stdout or in files.

use super::{Args, Format, Item};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::Printer;
use crate::cloudevents::{Event, json, xml};
use crate::codes::Code;
use bytes::Bytes;
use std::path::Path;

/// Writes everything, in order.
pub fn items(items: &[Item], args: &Args, printer: &mut Printer) -> Result<(), Failure> {
    let events = items.iter().map(|item| match item {
        Item::Event(event) => Some(&**event),
        Item::Bare(_) => None,
    });
    let events: Option<Vec<&Event>> = events.collect();
    let as_batch = args.batch && args.out.is_none() && args.to() != Format::Ndjson;
    let documents = match events {
        Some(events) if as_batch => vec![batch(args.to(), &events)?],
        _ => {
            let on_a_line = items.len() > 1 && args.out.is_none();
            items.iter().map(|item| one(args.to(), item, on_a_line)).collect::<Result<Vec<_>, _>>()?
        }
    };
    match &args.out {
        Some(folder) => files(&documents, folder, args.to(), printer),
        None => documents.iter().try_for_each(|document| printer.line(&String::from_utf8_lossy(document))),
    }
}

/// One document. Several of JSON stand on a line each, so that they can be told from each other.
fn one(format: Format, item: &Item, on_a_line: bool) -> Result<Bytes, Failure> {
    match (item, format) {
        (Item::Bare(document), _) => Ok(document.clone()),
        (Item::Event(event), Format::Ndjson) => Ok(json::write_line(event)),
        (Item::Event(event), Format::Json) if on_a_line => Ok(json::write_line(event)),
        (Item::Event(event), Format::Json) => Ok(json::write(event)),
        (Item::Event(event), Format::Xml) => xml::write(event).map_err(|error| unwritable(&error)),
    }
}

fn batch(format: Format, events: &[&Event]) -> Result<Bytes, Failure> {
    let events: Vec<Event> = events.iter().map(|event| (*event).clone()).collect();
    match format {
        Format::Json | Format::Ndjson => Ok(json::write_batch(&events)),
        Format::Xml => xml::write_batch(&events).map_err(|error| unwritable(&error)),
    }
}

fn unwritable(error: &xml::Unwritable) -> Failure {
    Failure::coded(Exit::BadData, Code::ConversionFailed, error.to_string())
}

/// Writes numbered files and tells their names.
fn files(documents: &[Bytes], folder: &Path, format: Format, printer: &mut Printer) -> Result<(), Failure> {
    let extension = match format {
        Format::Json => "json",
        Format::Ndjson => "ndjson",
        Format::Xml => "xml",
    };
    let failed = |path: &Path, error: &std::io::Error| {
        Failure::other(Exit::Failed, "the file cannot be written", format!("`{}`: {error}", path.display()))
    };
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
    for (number, document) in (1..).zip(documents) {
        let path = folder.join(format!("{number}.{extension}"));
        std::fs::write(&path, document).map_err(|error| failed(&path, &error))?;
        printer.line(&path.to_string_lossy())?;
    }
    Ok(())
}
