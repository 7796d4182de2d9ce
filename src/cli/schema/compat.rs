//! `signalbox schema compat OLD NEW`: which data that one version takes another one does not.

use crate::cli::exit::Exit;
use crate::cli::failure::{Failure, Problem};
use crate::cli::output::{Format, Printer, clean};
use crate::codes::Code;
use crate::payload::avro::Avro;
use crate::payload::compat::{self, Change, Mode, Subject};
use crate::validate::{Conversions, Registry};
use clap::ValueEnum;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The version before: a JSON Schema (.json) or an Avro schema (.avsc)
    pub old: PathBuf,
    /// The new version, of the same kind
    pub new: PathBuf,
    /// What the new version promises
    #[arg(long, value_name = "MODE", default_value = "backward")]
    pub mode: Promise,
}

/// What the new version promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Promise {
    /// It reads what the old one wrote
    Backward,
    /// The old one reads what it writes
    Forward,
    /// Both
    Full,
}

/// A schema out of a file.
enum Loaded {
    Json(Value),
    Avro(Box<Avro>),
}

impl Loaded {
    fn subject(&self) -> Subject<'_> {
        match self {
            Loaded::Json(document) => Subject::Json(document),
            Loaded::Avro(schema) => Subject::Avro(schema),
        }
    }
}

/// Compares two files; ends with 1 when the promise is broken.
pub fn run(args: &Args, printer: &mut Printer) -> Result<(), Failure> {
    for file in [&args.old, &args.new] {
        if extension(file) == "proto" {
            let failure = Failure::usage("Protobuf schemas are not compared");
            return Err(failure.hint("JSON Schema (.json) and Avro (.avsc) are"));
        }
    }
    let (old, new) = (load(&args.old)?, load(&args.new)?);
    let mode = match args.mode {
        Promise::Backward => Mode::Backward,
        Promise::Forward => Mode::Forward,
        Promise::Full => Mode::Full,
    };
    let Some(changes) = compat::changes(old.subject(), new.subject(), mode) else {
        return Err(unreadable(&args.new, "it is a schema of another kind than the old one", None));
    };
    match printer.format {
        Format::Json => {
            let listed: Vec<Value> =
                changes.iter().map(|change| json!({"pointer": change.pointer, "detail": change.detail})).collect();
            let told = json!({"compatible": changes.is_empty(), "mode": mode.name(), "changes": listed});
            printer.line(&told.to_string())?;
        }
        Format::Text => print(&changes, args, mode, printer)?,
    }
    if changes.is_empty() { Ok(()) } else { Err(Failure::Told(Exit::Failed)) }
}

fn print(changes: &[Change], args: &Args, mode: Mode, printer: &mut Printer) -> Result<(), Failure> {
    for Change { pointer, removed, detail } in changes {
        let file = if *removed { &args.old } else { &args.new };
        let place = if pointer.is_empty() { "/" } else { pointer };
        printer.line(&clean(&format!("{} {place}: {detail}", file.display())))?;
    }
    let summary = match changes.len() {
        0 => format!("{} compatible", mode.name()),
        1 => format!("not {} compatible: 1 change", mode.name()),
        several => format!("not {} compatible: {several} changes", mode.name()),
    };
    printer.line(&summary)
}

fn extension(file: &Path) -> String {
    file.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_ascii_lowercase()
}

fn load(file: &Path) -> Result<Loaded, Failure> {
    let bytes = std::fs::read(file).map_err(|error| unreadable(file, &error.to_string(), None))?;
    match extension(file).as_str() {
        "avsc" => Avro::compile(&bytes).map(|schema| Loaded::Avro(Box::new(schema))).map_err(|faults| {
            let first = faults.into_iter().next();
            let (message, pointer) = first.map(|fault| (fault.message, fault.pointer)).unwrap_or_default();
            unreadable(file, &message, pointer.as_deref())
        }),
        "json" => {
            let files = [("schema/1.json".to_owned(), bytes)];
            let registry = Registry::compile(&files, &Conversions::new()).map_err(|faults| {
                let first = faults.into_iter().next();
                let (message, pointer) = first.map(|fault| (fault.message, fault.pointer)).unwrap_or_default();
                unreadable(file, &message, pointer.as_deref())
            })?;
            let document = registry.newest_document("schema").cloned();
            document.map(Loaded::Json).ok_or_else(|| unreadable(file, "it is no schema", None))
        }
        _ => Err(unreadable(file, "the kind of a schema is told by its extension: .json or .avsc", None)),
    }
}

fn unreadable(file: &Path, why: &str, pointer: Option<&str>) -> Failure {
    let detail = format!("`{}` cannot be compared: {why}", file.display());
    let errors = pointer.map(|pointer| json!({"pointer": pointer, "detail": why}));
    Failure::of_problem(Exit::BadData, Problem::of_code(Code::BadSchema, &detail, errors.into_iter().collect()))
}
