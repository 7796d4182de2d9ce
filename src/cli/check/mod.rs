//! `signalbox check`: every problem of config, routes and schemas, without starting anything.

#[cfg(any(feature = "kafka", feature = "nats"))]
mod online;

use crate::cli::ServeArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::local;
use crate::cli::output::{Format as OutputFormat, Printer, message};
use crate::codes::Code;
use crate::config::problem::{Problem, Problems, Severity};
use crate::config::{self, Loaded, report};
use clap::ValueEnum;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How problems are written [default: as --output says]
    #[arg(long)]
    pub format: Option<Format>,
    /// Warnings fail, too
    #[arg(long)]
    pub deny_warnings: bool,
    /// Also ask the brokers whether topics and streams exist; nothing is created
    #[arg(long)]
    pub online: bool,
    /// What to check.
    #[command(flatten)]
    pub files: ServeArgs,
}

/// How problems are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// {"problems": [...]}
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations in GitHub Actions
    Github,
}

/// Prints every problem; ends with 78 if one of them is an error, or with `--deny-warnings` a warning.
pub async fn run(args: Args, printer: &mut Printer) -> Result<(), Failure> {
    let format = args.format.unwrap_or(match printer.format {
        OutputFormat::Text => Format::Text,
        OutputFormat::Json => Format::Json,
    });
    // As for `serve`, it counts as empty: a folder of a volume may come later. A typing mistake is seen all the same.
    for missing in local::missing([args.files.routes_dir.as_deref(), args.files.schemas_dir.as_deref()]) {
        message(&format!("{}: {}; it counts as empty", missing.file, missing.message));
    }
    match config::load(args.files.config.as_deref(), &args.files.overrides()) {
        Ok(loaded) => {
            let mut found = Problems::default();
            loaded.compiled.warnings.iter().for_each(|warning| found.push(weighed(warning.clone())));
            // A build that knows no brokers has nobody to ask.
            #[cfg(any(feature = "kafka", feature = "nats"))]
            if args.online {
                online::ask(&loaded, &mut found).await;
            }
            let failed = found.has_errors();
            let found = found.into_sorted();
            print(&found, format, printer)?;
            if failed || args.deny_warnings && !found.is_empty() {
                return Err(Failure::Told(Exit::Config));
            }
            if format == Format::Text { printer.line(&summary(&loaded)) } else { Ok(()) }
        }
        Err(problems) => {
            let problems: Vec<Problem> = problems.into_iter().map(weighed).collect();
            print(&problems, format, printer)?;
            Err(Failure::Told(Exit::Config))
        }
    }
}

/// A gateway runs whatever its tests say; who checks the files wants to hear of a test that cannot pass.
fn weighed(problem: Problem) -> Problem {
    match problem.code {
        Code::UnknownInTest => Problem { severity: Severity::Error, ..problem },
        _ => problem,
    }
}

fn print(problems: &[Problem], format: Format, printer: &mut Printer) -> Result<(), Failure> {
    let colour = printer.paint.shows();
    let (form, empty_says_nothing) = match format {
        Format::Text => (report::Format::Text { colour }, true),
        Format::Json => (report::Format::Json, false),
        Format::Sarif => (report::Format::Sarif, false),
        Format::Github => (report::Format::Github, true),
    };
    if problems.is_empty() && empty_says_nothing {
        return Ok(());
    }
    printer.line(&report::render(problems, form))
}

fn summary(loaded: &Loaded) -> String {
    let counted = |number: usize, word: &str| format!("{number} {word}{}", if number == 1 { "" } else { "s" });
    let compiled = &loaded.compiled;
    format!(
        "ok: {}, {}, {}",
        counted(compiled.table.routes().len(), "route"),
        counted(compiled.destinations.len(), "destination"),
        counted(compiled.schemas.list().len(), "schema")
    )
}
