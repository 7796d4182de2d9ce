//! `signalbox explain`: what would become of an event and why, by the files at hand or by a running gateway.

mod readable;

use crate::cli::ServeArgs;
use crate::cli::client::{self, Client};
use crate::cli::exit::Exit;
use crate::cli::failure::{Failure, Problem};
use crate::cli::formats::EventFormat;
use crate::cli::local::Local;
use crate::cli::output::Printer;
use crate::cli::send::compose::Attributes;
use crate::cli::send::input;
use crate::cloudevents::Format;
use crate::observability::trace::Ids;
use crate::pipeline::explain::view::View;
use crate::pipeline::outcome::Rejection;
use bytes::Bytes;
use reqwest::Url;
use serde_json::json;
use serde_json::value::RawValue;
use std::path::PathBuf;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_long_help = HELP)]
pub struct Args {
    /// One event in an event format; - is stdin
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// The format of FILE
    #[arg(long, value_name = "FORMAT", default_value = "json")]
    pub from: EventFormat,
    /// Show only these routes; may be repeated
    #[arg(long, value_name = "NAME")]
    pub route: Vec<String>,
    /// Ask the gateway at its admin URL instead of the files at hand
    #[arg(long, value_name = "URL", value_parser = client::base_url)]
    pub admin_url: Option<Url>,
    /// The event, without FILE.
    #[command(flatten)]
    pub attributes: Attributes,
    /// Where routes and schemas are.
    #[command(flatten)]
    pub files: ServeArgs,
}

const HELP: &str = "\
Nothing is stored and nothing is sent. Headers of the hop (traceparent, tracestate) are left out: they differ in every attempt. The routes of an event that its schema refuses are shown all the same. The partition is \
known only to a gateway whose Kafka brokers have told it. Ends with 0 whatever the routes say, with 65 if FILE holds no event.";

/// Explains one event.
pub async fn run(args: Args, printer: &mut Printer) -> Result<(), Failure> {
    let (format, body) = match &args.file {
        Some(file) => (args.from.into(), Bytes::from(input::bytes_of(file).map_err(nothing_explained)?)),
        None => (Format::Json, args.attributes.body().map_err(nothing_explained)?),
    };
    let answer = if let Some(url) = &args.admin_url {
        Client::new(url.clone())?.explain(format.media_type(), body).await?
    } else {
        let local = Local::load(&args.files, printer.format)?;
        let headers = vec![("content-type", format.media_type().as_bytes())];
        let explanation = local.explain(headers, body, Ids::default()).map_err(|rejection| refused(&rejection))?;
        let view = View::new(&explanation, &|_, _, _| None);
        serde_json::to_string(&view)
            .map_err(|error| Failure::other(Exit::Failed, "the answer cannot be written as JSON", error.to_string()))?
    };
    if printer.json_wanted() && args.route.is_empty() {
        let document: Box<RawValue> = serde_json::from_str(&answer).map_err(strange)?;
        return printer.document(&document);
    }
    let told = readable::Told::parse(&answer).map_err(strange)?.only(&args.route)?;
    if printer.json_wanted() { printer.document(&told) } else { printer.block(&told.text(printer.paint)) }
}

fn nothing_explained(failure: Failure) -> Failure {
    failure.hint("nothing was explained")
}

fn strange(error: serde_json::Error) -> Failure {
    Failure::other(Exit::Unavailable, "the answer is no explanation", error.to_string())
}

/// A request that holds no event.
fn refused(rejection: &Rejection) -> Failure {
    let errors = rejection.faults().map(|fault| json!({"pointer": fault.pointer, "detail": fault.detail}));
    Failure::of_problem(Exit::BadData, Problem::of_code(rejection.code, &rejection.detail, errors.collect()))
}
