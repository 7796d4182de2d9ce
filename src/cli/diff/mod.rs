//! `signalbox diff`: which recorded events another folder of routes would treat differently (routing.md §5).

mod progress;
mod report;
mod sample;
mod sides;
mod source;

use crate::cli::ServeArgs;
use crate::cli::client::{self, Client};
use crate::cli::exit::Exit;
use crate::cli::expression;
use crate::cli::failure::Failure;
use crate::cli::moment;
use crate::cli::output::{Printer, message};
use crate::config::gateway::UnknownType;
use crate::pipeline::compare::Sides;
use crate::route::cesql::Expression;
use progress::Progress;
use report::Report;
use reqwest::Url;
use sample::Sample;
use source::Source;
use std::path::PathBuf;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_long_help = HELP)]
pub struct Args {
    /// Folder of the new route files; the old one is --routes-dir
    #[arg(value_name = "ROUTES_DIR")]
    pub new_routes: PathBuf,
    /// Folder of the new schemas, for verdicts [default: the old ones]
    #[arg(long, value_name = "DIR")]
    pub schemas: Option<PathBuf>,
    /// Only events received at or after this time: RFC 3339, or how long ago
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = moment::parse)]
    pub since: String,
    /// Only events for which this CloudEvents SQL expression is true
    #[arg(long, value_name = "EXPRESSION", value_parser = expression::parse)]
    pub filter: Option<Expression>,
    /// Compare at most this many events, evenly spread over all that are asked for
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub sample: Option<u64>,
    /// End with exit code 1 if any event changes
    #[arg(long)]
    pub fail_on_change: bool,
    /// Read the events of the gateway at this admin URL instead of the data directory
    #[arg(long, value_name = "URL", value_parser = client::base_url)]
    pub admin_url: Option<Url>,
    /// Where the old routes and schemas are, and the data directory.
    #[command(flatten)]
    pub files: ServeArgs,
}

const HELP: &str = "\
Nothing is stored, sent or fetched: both folders are judged on this machine. The data directory is only read, also while a \
gateway runs on it. Shadow routes deliver nothing, so they change nothing. Ends with 0 also when events change, with 1 if \
they do and --fail-on-change is given, with 69 if there is no log, with 78 if one of the folders has an error.";

/// Compares two folders of routes over recorded events.
pub async fn run(args: Args, printer: &mut Printer) -> Result<(), Failure> {
    let loaded = sides::load(&args.files, &args.new_routes, args.schemas.as_deref(), printer.format)?;
    let mut source = match args.admin_url {
        Some(url) => Source::gateway(Client::new(url)?, args.since.clone(), args.filter),
        None => Source::files(&loaded.config.data_dir, moment::at(&args.since), args.filter)?,
    };
    let progress = Progress::start();
    let sample = match args.sample {
        Some(most) => Sample::new(source.count(&progress).await?, most),
        None => Sample::ALL,
    };
    let strict = loaded.config.validation.unknown_type == UnknownType::Reject;
    let sides = Sides { old: &loaded.old, new: &loaded.new, strict };
    let mut report = Report::default();
    source.each(&sample, &progress, &mut |entry| report.add(entry, sides.compare(entry))).await?;
    progress.end();
    match source.damaged() {
        0 => {}
        damaged => message(&format!("{damaged} damaged records of the log were left out")),
    }
    if printer.json_wanted() {
        printer.document(&report.document())?;
    } else {
        printer.block(&report.text(printer.paint, &args.since))?;
    }
    if args.fail_on_change && report.changed() > 0 { Err(Failure::Told(Exit::Failed)) } else { Ok(()) }
}
