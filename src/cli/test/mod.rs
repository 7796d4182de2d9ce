//! `signalbox test`: the tests beside the routes, run without a gateway (routing.md §5).

mod coverage;
mod data;
mod json;
mod judge;
mod junit;
mod matching;
mod snapshot;

use crate::cli::ServeArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::local::Local;
use crate::cli::output::{Printer, clean, shorten};
use crate::cli::serve;
use crate::codes::Code;
use coverage::Coverage;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_long_help = HELP)]
pub struct Args {
    /// Run only the tests whose names hold this text
    #[arg(value_name = "TEXT")]
    pub only: Option<String>,
    /// Write the snapshots of tests with `expect: snapshot` anew
    #[arg(long)]
    pub update: bool,
    /// Write a report for CI, too
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// List routes that no test reaches and filters that no test saw both true and false
    #[arg(long)]
    pub coverage: bool,
    /// Where routes, schemas and tests are.
    #[command(flatten)]
    pub files: ServeArgs,
}

/// Characters of a line that tells a difference to people.
const LINE: usize = 600;

const HELP: &str = "\
Tests stand under `tests:` of route files: an event, and the deliveries that are expected of it, or its rejection. Nothing is stored and \
nothing is sent. An event without `traceparent` gets the same one in every run. Ends with 1 if a test fails, with 78 if the files have \
problems.";

/// How one test went.
#[derive(Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "the names are those of the contract")]
pub struct Outcome {
    name: String,
    file: String,
    line: u32,
    outcome: Verdict,
    differences: Vec<String>,
    #[serde(skip)]
    took: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Passed,
    Failed,
}

#[derive(Serialize)]
struct Report<'r> {
    tests: &'r [Outcome],
    coverage: &'r Coverage,
}

/// Runs the tests; ends with 1 if one fails.
pub fn run(args: &Args, printer: &mut Printer) -> Result<(), Failure> {
    let local = match Local::read(&args.files) {
        Ok(local) => local,
        Err(problems) => {
            // A report that is missing, or that of the run before, would tell CI another story.
            args.junit.as_deref().map_or(Ok(()), |file| junit::write_problems(file, &problems))?;
            return Err(serve::bad_files(&problems, printer.format));
        }
    };
    let mut seen = coverage::Seen::default();
    let mut outcomes = Vec::new();
    let only = args.only.as_deref().unwrap_or_default();
    for declared in local.tests.iter().filter(|declared| declared.test.name.contains(only)) {
        let begun = Instant::now();
        let ran = judge::run(&local, declared);
        if let Ok(explanation) = &ran {
            seen.note(explanation);
        }
        let differences = judge::differences(&local, declared, ran.as_ref(), args.update)?;
        outcomes.push(Outcome {
            name: declared.test.name.clone(),
            file: declared.file.clone(),
            line: declared.line,
            outcome: if differences.is_empty() { Verdict::Passed } else { Verdict::Failed },
            differences,
            took: begun.elapsed(),
        });
    }
    if outcomes.is_empty() && !local.tests.is_empty() {
        let hint = "a part of a name is enough; without TEXT all tests run";
        let detail = format!("no test has `{}` in its name", shorten(only, LINE));
        return Err(Failure::coded(Exit::BadData, Code::NoSuchTest, detail).hint(hint));
    }
    let coverage = seen.coverage(&local.snapshot);
    if let Some(file) = &args.junit {
        junit::write(file, &outcomes)?;
    }
    if printer.json_wanted() {
        printer.document(&Report { tests: &outcomes, coverage: &coverage })?;
    } else {
        let mut text = told(&outcomes, printer);
        if args.coverage {
            text += &coverage.text(printer.paint);
        }
        printer.block(&text)?;
    }
    let failed = outcomes.iter().any(|one| one.outcome == Verdict::Failed);
    if failed { Err(Failure::Told(Exit::Failed)) } else { Ok(()) }
}

fn told(outcomes: &[Outcome], printer: &Printer) -> String {
    let paint = printer.paint;
    if outcomes.is_empty() {
        return "no tests: nothing stands under `tests:` of the route files\n".to_owned();
    }
    let mut text = String::new();
    for one in outcomes {
        let verdict = match one.outcome {
            Verdict::Passed => paint.green("ok  "),
            Verdict::Failed => paint.red("FAIL"),
        };
        writeln!(text, "{verdict} {}", clean(&one.name)).ok();
        if one.outcome == Verdict::Failed {
            writeln!(text, "     at {}:{}", clean(&one.file), one.line).ok();
        }
        for line in one.differences.iter().flat_map(|difference| difference.lines()) {
            writeln!(text, "     {}", shorten(line, LINE)).ok();
        }
    }
    let failed = outcomes.iter().filter(|one| one.outcome == Verdict::Failed).count();
    let passed = outcomes.len() - failed;
    writeln!(text, "{passed} passed, {failed} failed").ok();
    text
}
