//! The report that CI systems read: one suite for each route file; for files that cannot be run, one error for each problem.

use super::{Outcome, Verdict};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::config::problem::{Problem, Severity};
use crate::config::report;
use quick_xml::escape::escape;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

/// One line of the report.
struct Case<'c> {
    name: String,
    file: &'c str,
    line: u32,
    took: Duration,
    ended: Ended,
}

/// How it ended, with what is told of it.
enum Ended {
    Passed,
    Failed(String),
    Broken(String),
}

/// Writes the report of tests that ran.
pub fn write(file: &Path, outcomes: &[Outcome]) -> Result<(), Failure> {
    let case = |one: &'_ Outcome| match one.outcome {
        Verdict::Passed => Ended::Passed,
        Verdict::Failed => Ended::Failed(one.differences.join("\n")),
    };
    let cases = outcomes.iter().map(|one| Case {
        name: one.name.clone(),
        file: &one.file,
        line: one.line,
        took: one.took,
        ended: case(one),
    });
    save(file, &cases.collect::<Vec<_>>())
}

/// Writes the report of files that have problems, so that no test of them runs.
pub fn write_problems(file: &Path, problems: &[Problem]) -> Result<(), Failure> {
    let errors = problems.iter().filter(|problem| problem.severity == Severity::Error);
    let cases = errors.map(|problem| Case {
        name: format!("{} in line {}", problem.code, problem.line),
        file: &problem.file,
        line: problem.line,
        took: Duration::ZERO,
        ended: Ended::Broken(report::line(problem)),
    });
    save(file, &cases.collect::<Vec<_>>())
}

fn save(file: &Path, cases: &[Case<'_>]) -> Result<(), Failure> {
    std::fs::write(file, document(cases)).map_err(|error| {
        let detail = format!("`{}`: {}", file.display(), error.to_string().to_lowercase());
        Failure::other(Exit::Failed, "the report cannot be written", detail)
    })
}

fn document(cases: &[Case<'_>]) -> String {
    let mut files: Vec<&str> = cases.iter().map(|case| case.file).collect();
    files.dedup();
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"signalbox\"{}>\n",
        counts(cases.iter())
    );
    for file in files {
        let of_file = || cases.iter().filter(|case| case.file == file);
        writeln!(out, "  <testsuite name=\"{}\"{}>", text(file), counts(of_file())).ok();
        of_file().for_each(|case| case.write(&mut out));
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

impl Case<'_> {
    fn write(&self, out: &mut String) {
        let file = text(self.file);
        write!(
            out,
            "    <testcase name=\"{}\" classname=\"{file}\" file=\"{file}\" line=\"{}\" time=\"{}\"",
            text(&self.name),
            self.line,
            seconds(self.took)
        )
        .ok();
        let (element, told) = match &self.ended {
            Ended::Passed => return out.push_str("/>\n"),
            Ended::Failed(told) => ("failure", told),
            Ended::Broken(told) => ("error", told),
        };
        let first = text(told.lines().next().unwrap_or_default());
        let all = text(told);
        write!(out, ">\n      <{element} message=\"{first}\">{all}</{element}>\n    </testcase>\n").ok();
    }
}

fn counts<'c>(cases: impl Iterator<Item = &'c Case<'c>>) -> String {
    let (mut tests, mut failures, mut errors, mut took) = (0_usize, 0_usize, 0_usize, Duration::ZERO);
    for case in cases {
        tests += 1;
        failures += usize::from(matches!(case.ended, Ended::Failed(_)));
        errors += usize::from(matches!(case.ended, Ended::Broken(_)));
        took += case.took;
    }
    format!(" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" time=\"{}\"", seconds(took))
}

fn seconds(took: Duration) -> String {
    format!("{:.6}", took.as_secs_f64())
}

/// Text as XML 1.0 can hold it: control characters have no place in it.
fn text(text: &str) -> String {
    let allowed = |character: char| !character.is_control() || matches!(character, '\t' | '\n' | '\r');
    let kept = |character: char| {
        if allowed(character) && !matches!(character, '\u{fffe}' | '\u{ffff}') { character } else { '\u{fffd}' }
    };
    escape(text.chars().map(kept).collect::<String>()).into_owned()
}
