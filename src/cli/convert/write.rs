//! Events and payloads on stdout or in files.

use super::{Args, Item};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::formats::FileFormat;
use crate::cli::output::Printer;
use crate::cloudevents::format::BatchFormat;
use crate::cloudevents::xml::Unwritable;
use crate::cloudevents::{Event, json};
use crate::codes::Code;
use bytes::Bytes;
use std::path::Path;

/// What is written, and how it is told from what follows.
struct Written {
    bytes: Bytes,
    /// Text ends with a line break, bytes do not.
    is_text: bool,
}

/// Writes everything, in order, as it comes. `several`: more than one may come.
pub fn items(
    items: impl Iterator<Item = Result<Item, Failure>>,
    several: bool,
    args: &Args,
    printer: &mut Printer,
) -> Result<(), Failure> {
    if let Some(folder) = &args.out {
        return files(items, folder, args.to(), printer);
    }
    let batch = args.to().event_format().batch().filter(|_| args.batch && args.to() != FileFormat::Ndjson);
    match (batch, args.to()) {
        (Some(batch), _) => as_batch(items, batch, args, printer),
        (None, FileFormat::Protobuf | FileFormat::Avro) => alone(items, args, printer),
        (None, FileFormat::Json | FileFormat::Ndjson | FileFormat::Xml) => {
            for item in items {
                print(&one(args.to(), &item?, several)?, printer)?;
            }
            Ok(())
        }
    }
}

/// All events in one document. A payload without an event around it stands by itself.
fn as_batch(
    items: impl Iterator<Item = Result<Item, Failure>>,
    batch: BatchFormat,
    args: &Args,
    printer: &mut Printer,
) -> Result<(), Failure> {
    let items = items.collect::<Result<Vec<_>, _>>()?;
    let events: Option<Vec<&Event>> = items.iter().map(Item::event).collect();
    match events {
        Some(events) => {
            let bytes = batch.write(events).map_err(|error| unwritable(&error))?;
            print(&Written { bytes, is_text: args.to().event_format().is_text() }, printer)
        }
        None => items.iter().try_for_each(|item| print(&one(args.to(), item, items.len() > 1)?, printer)),
    }
}

/// The only document there is: nothing tells where one of these ends and the next begins.
fn alone(
    mut items: impl Iterator<Item = Result<Item, Failure>>,
    args: &Args,
    printer: &mut Printer,
) -> Result<(), Failure> {
    let Some(first) = items.next().transpose()? else { return Ok(()) };
    if items.next().is_some() {
        let format = args.to().event_format();
        let failure =
            Failure::usage(format!("several events cannot follow each other in the format `{}`", format.name()));
        let batch = if format.batch().is_some() { "--batch writes them into one document, " } else { "" };
        return Err(failure.hint(format!("{batch}--out DIR into a file each")));
    }
    print(&one(args.to(), &first, false)?, printer)
}

fn print(written: &Written, printer: &mut Printer) -> Result<(), Failure> {
    if written.is_text {
        return printer.line(&String::from_utf8_lossy(&written.bytes));
    }
    printer.bytes(&written.bytes)
}

/// One document. Several of JSON stand on a line each, so that they can be told from each other.
fn one(format: FileFormat, item: &Item, on_a_line: bool) -> Result<Written, Failure> {
    let event = match item {
        Item::Bare(document) => return Ok(Written { bytes: document.clone(), is_text: true }),
        Item::Event(event) => event,
    };
    let bytes = match format {
        FileFormat::Ndjson => json::write_line(event),
        FileFormat::Json if on_a_line => json::write_line(event),
        other => other.event_format().write(event).map_err(|error| unwritable(&error))?,
    };
    Ok(Written { bytes, is_text: format.event_format().is_text() })
}

fn unwritable(error: &Unwritable) -> Failure {
    Failure::coded(Exit::BadData, Code::ConversionFailed, error.to_string())
}

/// Writes numbered files and tells their names.
fn files(
    items: impl Iterator<Item = Result<Item, Failure>>,
    folder: &Path,
    format: FileFormat,
    printer: &mut Printer,
) -> Result<(), Failure> {
    let failed = |path: &Path, error: &std::io::Error| {
        Failure::other(Exit::Failed, "the file cannot be written", format!("`{}`: {error}", path.display()))
    };
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
    for (number, item) in (1..).zip(items) {
        let path = folder.join(format!("{number}.{}", format.extension()));
        std::fs::write(&path, one(format, &item?, false)?.bytes).map_err(|error| failed(&path, &error))?;
        printer.line(&path.to_string_lossy())?;
    }
    Ok(())
}
