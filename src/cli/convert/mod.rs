//! `signalbox convert`: events from one format into another, and payloads by declared rules, without a gateway
//! (formats.md §6).

mod check;
mod lines;
pub mod read;
mod write;

use crate::cli::ServeArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::{Failure, Problem};
use crate::cli::formats::FileFormat;
use crate::cli::output::{Format as OutputFormat, Printer};
use crate::cli::serve;
use crate::cloudevents::Event;
use crate::codes::Code;
use crate::config;
use crate::config::suggest::{did_you_mean, known};
use crate::conversion::{self, rules::Rules};
use crate::transform::convert::{Convert, To};
use crate::transform::{self, Step};
use crate::validate::Registry;
use bytes::Bytes;
use read::{Reading, Source};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_long_help = HELP)]
pub struct Args {
    /// File to convert, `-` for stdin; with --check any number of files
    #[arg(value_name = "FILE", required = true)]
    pub inputs: Vec<PathBuf>,
    /// Format of the file
    #[arg(long, value_name = "FORMAT", required_unless_present = "check")]
    pub from: Option<FileFormat>,
    /// Format of the result
    #[arg(long, value_name = "FORMAT", required_unless_present = "check")]
    pub to: Option<FileFormat>,
    /// Prove these rules against samples, payloads or events in JSON or XML: exit code 1 if anything does not survive the
    /// way there and back
    #[arg(long, value_name = "NAME", conflicts_with_all = ["from", "to", "rules", "batch", "out"])]
    pub check: Option<String>,
    /// Convert the payload too, by these rules of the route files: JSON becomes XML, XML becomes JSON
    #[arg(long, value_name = "NAME")]
    pub rules: Option<String>,
    /// Read and write the batch form of the format
    #[arg(long)]
    pub batch: bool,
    /// Write each event into a file of its own: 1.json, 2.json, …; several in Protobuf or Avro need this or --batch
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Where rules and schemas are.
    #[command(flatten)]
    pub files: ServeArgs,
}

const HELP: &str = "\
A JSON array of events and an XML `batch` are read with and without --batch, a batch in Protobuf with it only. NDJSON is \
converted line by line as it comes, and what stands before a bad line is written; of any other file all is converted or nothing. \
With --rules, a document that is no CloudEvent \
(JSON without `specversion`, XML with another root) is taken as a bare payload: the result is the bare payload of the \
other kind, which --to must name.";

impl Args {
    /// The file to convert.
    fn file(&self) -> &Path {
        self.inputs.first().map_or(Path::new("-"), PathBuf::as_path)
    }

    /// Its format; --check has none and does not ask.
    fn from(&self) -> FileFormat {
        self.from.unwrap_or(FileFormat::Json)
    }

    /// The format of the result.
    fn to(&self) -> FileFormat {
        self.to.unwrap_or(FileFormat::Json)
    }
}

/// What a bare payload in this format is.
fn payload(format: FileFormat) -> Option<To> {
    match format {
        FileFormat::Json | FileFormat::Ndjson => Some(To::Json),
        FileFormat::Xml => Some(To::Xml),
        FileFormat::Protobuf | FileFormat::Avro => None,
    }
}

/// One thing to convert.
#[derive(Debug, PartialEq)]
pub enum Item {
    /// An event of the file.
    Event(Box<Event>),
    /// A payload without an event around it.
    Bare(Bytes),
}

impl Item {
    /// The event, if it is one.
    pub fn event(&self) -> Option<&Event> {
        match self {
            Item::Event(event) => Some(event),
            Item::Bare(_) => None,
        }
    }
}

/// Reads, converts and writes. Lines are converted as they come; of any other file nothing is written unless everything was
/// converted.
pub fn run(args: &Args, printer: &mut Printer) -> Result<(), Failure> {
    if let Some(name) = &args.check {
        return check::run(name, args, printer);
    }
    if args.inputs.len() > 1 {
        return Err(Failure::usage("one file is converted at a time").hint("--check takes several"));
    }
    let payload = args.rules.as_deref().map(|name| Payload::load(name, &args.files, printer.format)).transpose()?;
    let convert = |item: Item, index: Option<usize>| match &payload {
        Some(payload) => payload.convert(item, args, index),
        None => Ok(item),
    };
    let reading = Reading { from: args.from(), batch: args.batch, bare: payload.is_some() };
    match read::open(args.file(), reading)? {
        Source::Whole(items) => {
            let several = items.len() > 1;
            let converted = items.into_iter().enumerate().map(|(index, item)| convert(item, several.then_some(index)));
            let converted = converted.collect::<Result<Vec<_>, _>>()?;
            write::items(converted.into_iter().map(Ok), several, args, printer)
        }
        Source::Lines(lines) => {
            let converted = lines.enumerate().map(|(index, item)| convert(item?, Some(index)));
            write::items(converted, true, args, printer)
        }
    }
}

/// Rules, with the schemas that tell types.
struct Payload {
    rules: Arc<Rules>,
    registry: Arc<Registry>,
}

impl Payload {
    fn load(name: &str, files: &ServeArgs, format: OutputFormat) -> Result<Payload, Failure> {
        let loaded = config::load(files.config.as_deref(), &files.overrides())
            .map_err(|problems| serve::bad_files(&problems, format))?;
        let compiled = loaded.compiled;
        if let Some(rules) = compiled.conversions.get(name) {
            return Ok(Payload { rules: rules.clone(), registry: compiled.schemas });
        }
        let names: Vec<&str> = compiled.conversions.keys().map(String::as_str).collect();
        let hint = did_you_mean(name, names.iter().copied()).unwrap_or_else(|| known("declared", &names));
        Err(Failure::usage(format!("there are no conversion rules `{name}`")).hint(hint))
    }

    fn convert(&self, item: Item, args: &Args, index: Option<usize>) -> Result<Item, Failure> {
        match item {
            Item::Event(event) => {
                let to = if event.xml_data().is_some() { To::Json } else { To::Xml };
                let step = Convert {
                    to,
                    rules: Some(self.rules.clone()),
                    schema_id: None,
                    schemas: Arc::<Registry>::clone(&self.registry),
                };
                let data = step.data(&event, &event);
                let data =
                    data.map_err(|error| not_converted(&error.detail, &format!("/data{}", error.pointer), index))?;
                let changed = transform::key::attributes_of(&[Step::Convert(step)], &event);
                let changed = changed.map_err(|error| not_converted(&error.to_string(), "", index))?;
                let changed = Event { data, ..changed };
                Ok(Item::Event(Box::new(changed)))
            }
            Item::Bare(bytes) => {
                let converted = match (payload(args.from()), payload(args.to())) {
                    (Some(To::Json), Some(To::Xml)) => conversion::to_xml(&self.rules, &bytes),
                    (Some(To::Xml), Some(To::Json)) => conversion::from_xml(&self.rules, &bytes, None),
                    _ => {
                        let failure =
                            Failure::usage("the file is no event, and a payload of its kind cannot become the other");
                        return Err(failure.hint("let --from and --to name different kinds"));
                    }
                };
                let converted = converted.map_err(|error| not_converted(&error.detail, &error.pointer, index))?;
                Ok(Item::Bare(converted))
            }
        }
    }
}

fn not_converted(detail: &str, pointer: &str, index: Option<usize>) -> Failure {
    let mut error = json!({"pointer": pointer, "detail": detail});
    if let Some(index) = index {
        error["index"] = index.into();
    }
    Failure::of_problem(Exit::BadData, Problem::of_code(Code::ConversionFailed, detail, vec![error]))
}
