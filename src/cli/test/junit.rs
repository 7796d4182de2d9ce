//! The report that CI systems read: one suite for each route file.

use super::{Outcome, Verdict};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use quick_xml::escape::escape;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

/// Writes the report.
pub fn write(file: &Path, outcomes: &[Outcome]) -> Result<(), Failure> {
    std::fs::write(file, report(outcomes)).map_err(|error| {
        let detail = format!("`{}`: {}", file.display(), error.to_string().to_lowercase());
        Failure::other(Exit::Failed, "the report cannot be written", detail)
    })
}

fn report(outcomes: &[Outcome]) -> String {
    let mut files: Vec<&str> = outcomes.iter().map(|one| one.file.as_str()).collect();
    files.dedup();
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"signalbox\"{}>\n",
        counts(outcomes.iter())
    );
    for file in files {
        let of_file = || outcomes.iter().filter(|one| one.file == file);
        writeln!(out, "  <testsuite name=\"{}\"{}>", text(file), counts(of_file())).ok();
        of_file().for_each(|one| case(&mut out, one));
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn case(out: &mut String, one: &Outcome) {
    write!(
        out,
        "    <testcase name=\"{}\" classname=\"{}\" file=\"{}\" line=\"{}\" time=\"{}\"",
        text(&one.name),
        text(&one.file),
        text(&one.file),
        one.line,
        seconds(one.took)
    )
    .ok();
    if one.outcome == Verdict::Passed {
        out.push_str("/>\n");
        return;
    }
    let first = one.differences.first().and_then(|difference| difference.lines().next()).unwrap_or_default();
    let all = one.differences.join("\n");
    write!(out, ">\n      <failure message=\"{}\">{}</failure>\n    </testcase>\n", text(first), text(&all)).ok();
}

fn counts<'o>(outcomes: impl Iterator<Item = &'o Outcome>) -> String {
    let (mut tests, mut failures, mut took) = (0_usize, 0_usize, Duration::ZERO);
    for one in outcomes {
        tests += 1;
        failures += usize::from(one.outcome == Verdict::Failed);
        took += one.took;
    }
    format!(" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" time=\"{}\"", seconds(took))
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
