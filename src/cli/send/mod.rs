//! `signalbox send`: events from a file, from stdin or from options, checked here and sent in any mode.

mod answer;
pub mod compose;
pub mod input;

use crate::cli::client::{self, Client};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::formats::{EventFormat, FileFormat};
use crate::cli::output::Printer;
use crate::cloudevents::{Event, Format};
use crate::codes::Code;
use crate::encode::{self, Dialect, Mode};
use crate::units::Span;
use answer::Answered;
use bytes::Bytes;
use bytestring::ByteString;
use clap::ValueEnum;
use compose::Attributes;
use reqwest::Url;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use std::path::PathBuf;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// An event in the JSON format, several one after the other (NDJSON), or an array; - is stdin. In another format with --from
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// How attributes travel [default: binary; batch for an array]
    #[arg(long)]
    pub mode: Option<SendMode>,
    /// The event format of structured and batch mode
    #[arg(long, default_value = "json")]
    pub format: EventFormat,
    /// The format of FILE
    #[arg(long, value_name = "FORMAT", default_value = "json")]
    pub from: FileFormat,
    /// Where events are sent
    #[arg(
        long,
        value_name = "URL",
        env = "SIGNALBOX_TO",
        hide_env_values = true,
        default_value = "http://127.0.0.1:8080",
        value_parser = client::base_url
    )]
    pub to: Url,
    /// The event, without FILE.
    #[command(flatten)]
    pub attributes: Attributes,
    /// A request header; may be repeated
    #[arg(long, value_name = "NAME: VALUE", value_parser = header_pair)]
    pub header: Vec<(String, String)>,
    /// How long to wait for the answer
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = span)]
    pub timeout: Span,
}

/// How events travel over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SendMode {
    /// Attributes in headers, data as the body
    Binary,
    /// One event in one document
    Structured,
    /// All events in one document, taken all or none
    Batch,
}

/// Sends the events; the first that is not taken ends it.
pub async fn run(args: Args, printer: &mut Printer) -> Result<(), Failure> {
    let prepared = prepare(&args);
    let requests = match prepared {
        Ok(requests) => requests,
        Err(failure) => return answer::tell_unsent(failure, printer),
    };
    let client = Client::new(args.to.clone())?;
    let mut answers = Vec::new();
    let mut failed = None;
    for request in requests {
        let answered = match client.post(request.headers, request.body, args.timeout.0).await {
            Ok(answer) => Answered::of_answer(&answer, &request.what),
            Err(unanswered) => Answered::of_no_answer(unanswered, &request.what),
        };
        if !printer.json_wanted() && answered.failure.is_none() {
            printer.line(&answered.readable())?;
        }
        answers.push(answered.document);
        if answered.failure.is_some() {
            failed = answered.failure;
            break;
        }
    }
    answer::tell(&answers, failed, printer)
}

/// One POST.
struct Request {
    headers: HeaderMap,
    body: Bytes,
    what: What,
}

/// What a POST holds.
enum What {
    /// One event, with its id.
    Event(ByteString),
    /// A batch.
    Batch,
}

fn prepare(args: &Args) -> Result<Vec<Request>, Failure> {
    let read = match &args.file {
        Some(file) => input::read(file, args.from, args.mode == Some(SendMode::Batch))?,
        None => input::Read { events: args.attributes.compose()?, array: false },
    };
    let mode = args.mode.unwrap_or(if read.array { SendMode::Batch } else { SendMode::Binary });
    let mut requests = match mode {
        SendMode::Batch => vec![batch(&read.events, args.format.into())?],
        SendMode::Binary => single(&read.events, Mode::Binary, args.format.into())?,
        SendMode::Structured => single(&read.events, Mode::Structured, args.format.into())?,
    };
    for request in &mut requests {
        for (name, value) in &args.header {
            let (name, value) = client::header(name, value)?;
            request.headers.insert(name, value);
        }
    }
    Ok(requests)
}

fn single(events: &[Event], mode: Mode, format: Format) -> Result<Vec<Request>, Failure> {
    let one = |event: &Event| {
        let message = encode::encode(event, mode, format, Dialect::Http).map_err(unwritable)?;
        let mut headers = HeaderMap::new();
        for (name, value) in &message.headers {
            let (name, value) = client::header(name, value)?;
            headers.append(name, value);
        }
        Ok(Request { headers, body: message.body.unwrap_or_default(), what: What::Event(event.id.clone()) })
    };
    events.iter().map(one).collect()
}

fn batch(events: &[Event], format: Format) -> Result<Request, Failure> {
    let no_batch = || Failure::usage(format!("the format `{}` has no batches", format.name()));
    let batch = format.batch().ok_or_else(no_batch)?;
    let body = batch.write(events).map_err(|error| unwritable(error.into()))?;
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(batch.media_type()));
    Ok(Request { headers, body, what: What::Batch })
}

fn unwritable(error: encode::EncodeError) -> Failure {
    Failure::coded(Exit::BadData, Code::ConversionFailed, error.to_string())
}

fn header_pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("write it as NAME: VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

fn span(text: &str) -> Result<Span, String> {
    Span::try_from(text.to_owned())
}
