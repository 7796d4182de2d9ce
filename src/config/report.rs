//! Problems as people and machines read them: one look for `check`, `serve` and reloads (routing.md §5).

use super::compile::examples;
use super::problem::{Problem, Severity};
use crate::codes::Code;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;

/// The forms `check --format` knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text {
        /// Colours: on a terminal, and only where `NO_COLOR` does not forbid it.
        colour: bool,
    },
    /// `{problems: […]}`.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Workflow commands, for annotations in GitHub Actions.
    Github,
}

/// All problems in one document, without a line break at the end.
pub fn render(problems: &[Problem], format: Format) -> String {
    match format {
        Format::Text { colour } => text(problems, colour),
        Format::Json => json!({ "problems": problems }).to_string(),
        Format::Sarif => sarif(problems).to_string(),
        Format::Github => problems.iter().map(github).collect::<Vec<_>>().join("\n"),
    }
}

/// One problem in one line, for logs: `routes/a.yaml:3:5: SB-2002 unknown key …; did you mean …`.
pub fn line(problem: &Problem) -> String {
    let hint = problem.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
    let Problem { file, line, column, code, message, .. } = problem;
    printable(&format!("{file}:{line}:{column}: {code} {message}{hint}"))
}

struct Style {
    error: &'static str,
    warning: &'static str,
    bold: &'static str,
    margin: &'static str,
    off: &'static str,
}

const PLAIN: Style = Style { error: "", warning: "", bold: "", margin: "", off: "" };
const COLOURS: Style =
    Style { error: "\x1b[1;31m", warning: "\x1b[1;33m", bold: "\x1b[1m", margin: "\x1b[1;34m", off: "\x1b[0m" };

fn text(problems: &[Problem], colour: bool) -> String {
    let style = if colour { COLOURS } else { PLAIN };
    let mut out = String::new();
    for problem in problems {
        one(problem, &style, &mut out);
        out.push('\n');
    }
    out + &summary(problems)
}

/// Like a compiler: headline, place, the line with what is meant underlined, hint.
fn one(problem: &Problem, style: &Style, out: &mut String) {
    let (lead, word) = match problem.severity {
        Severity::Error => (style.error, "error"),
        Severity::Warning => (style.warning, "warning"),
    };
    let Style { bold, margin, off, .. } = style;
    let Problem { file, line, column, code, .. } = problem;
    let gutter = " ".repeat(line.to_string().len());
    let mut add = |text: String| {
        out.push_str(text.trim_end());
        out.push('\n');
    };
    add(format!("{lead}{word}[{code}]{off}{bold}: {}{off}", printable(&problem.message)));
    add(format!("{gutter}{margin}-->{off} {}:{line}:{column}", printable(file)));
    if let Some(excerpt) = problem.excerpt.as_ref().filter(|excerpt| !excerpt.trim().is_empty()) {
        let (excerpt, before) = &window(excerpt, (*column as usize).saturating_sub(1));
        let room = excerpt.chars().count().saturating_sub(*before).max(1);
        let marks = "^".repeat((problem.width as usize).min(room));
        add(format!("{gutter} {margin}|{off}"));
        add(format!("{margin}{line} |{off} {}", printable(excerpt)));
        add(format!("{gutter} {margin}|{off} {}{lead}{marks}{off}", " ".repeat(*before)));
    }
    if let Some(hint) = &problem.hint {
        add(format!("{gutter} {margin}={off} {bold}hint{off}: {}", printable(hint)));
    }
}

/// The part of a long line that is shown, and how many of its characters stand before the place.
fn window(line: &str, before: usize) -> (String, usize) {
    /// Characters of a line that are shown as they are.
    const WIDE: usize = 100;
    /// Characters shown before the place, so that what it belongs to can be seen.
    const LEAD: usize = 40;
    let length = line.chars().count();
    if length <= WIDE {
        return (line.to_owned(), before);
    }
    let start = before.saturating_sub(LEAD).min(length.saturating_sub(WIDE));
    let shown: String = line.chars().skip(start).take(WIDE).collect();
    let (lead, behind) = (if start > 0 { "…" } else { "" }, if start + WIDE < length { "…" } else { "" });
    (format!("{lead}{shown}{behind}"), before - start + lead.chars().count())
}

/// `2 errors and 1 warning in 2 files`.
pub fn summary(problems: &[Problem]) -> String {
    let count = |severity| problems.iter().filter(|problem| problem.severity == severity).count();
    let words = |number: usize, word: &str| format!("{number} {word}{}", if number == 1 { "" } else { "s" });
    let files: BTreeSet<&str> = problems.iter().map(|problem| problem.file.as_str()).collect();
    let mut parts = String::new();
    match (count(Severity::Error), count(Severity::Warning)) {
        (0, 0) => return "no problems".to_owned(),
        (errors, 0) => parts.push_str(&words(errors, "error")),
        (0, warnings) => parts.push_str(&words(warnings, "warning")),
        (errors, warnings) => {
            parts = format!("{} and {}", words(errors, "error"), words(warnings, "warning"));
        }
    }
    format!("{parts} in {}", words(files.len(), "file"))
}

/// A file must not be able to write to the terminal of whoever checks it. Keeps the number of characters.
fn printable(text: &str) -> String {
    let replace = |c: char| match c {
        '\t' => ' ',
        c if c.is_control() => '\u{fffd}',
        c => c,
    };
    text.chars().map(replace).collect()
}

/// Bytes that do not stand in the path of a URI as they are.
const PATH: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'<').add(b'>').add(b'?').add(b'[').add(b']').add(b'\\');

fn sarif(problems: &[Problem]) -> Json {
    let used: BTreeSet<Code> = problems.iter().map(|problem| problem.code).collect();
    let rules: Vec<Json> = used
        .iter()
        .map(|code| {
            let example = examples::of(*code).map_or_else(String::new, |example| {
                format!("\n\nWrong:\n```yaml\n{}```\nRight:\n```yaml\n{}```\n", example.wrong, example.right)
            });
            json!({
                "id": code.to_string(),
                "shortDescription": { "text": code.title() },
                "help": { "text": code.help(), "markdown": format!("{}{example}", code.help()) },
            })
        })
        .collect();
    let results: Vec<Json> = problems
        .iter()
        .map(|problem| {
            let hint = problem.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
            json!({
                "ruleId": problem.code.to_string(),
                "level": problem.severity,
                "message": { "text": format!("{}{hint}", problem.message) },
                "locations": [{ "physicalLocation": {
                    "artifactLocation": { "uri": uri(&problem.file) },
                    "region": {
                        "startLine": problem.line,
                        "startColumn": problem.column,
                        "endColumn": problem.column.saturating_add(problem.width),
                    },
                } }],
            })
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "signalbox",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn uri(file: &str) -> String {
    let path = utf8_percent_encode(file, PATH).to_string();
    if path.starts_with('/') { format!("file://{path}") } else { path }
}

fn github(problem: &Problem) -> String {
    let word = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let Problem { line, column, code, .. } = problem;
    let file = github_property(&problem.file);
    format!("::{word} file={file},line={line},col={column},title={code}::{}", github_text(&problem.message))
}

fn github_text(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn github_property(text: &str) -> String {
    github_text(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::{Format, line, render, window};
    use crate::codes::Code;
    use crate::config::problem::{Problem, Severity};

    fn problems() -> Vec<Problem> {
        let error = Problem {
            line: 12,
            column: 9,
            width: 6,
            excerpt: Some("  - {to: subjct}\u{1b}".to_owned()),
            ..Problem::of_file("routes/a b,c.yaml", Code::UnknownKey, "unknown key `subjct`\nsecond: 5%")
        };
        let warning = Problem { severity: Severity::Warning, ..Problem::of_file("b.yaml", Code::BadValue, "odd") };
        vec![error.hint("did you mean `subject`?"), warning]
    }

    #[test]
    fn people_see_the_place_underlined() {
        let text = render(&problems(), Format::Text { colour: false });
        let expected = "\
error[SB-2002]: unknown key `subjct`\u{fffd}second: 5%
  --> routes/a b,c.yaml:12:9
   |
12 |   - {to: subjct}\u{fffd}
   |         ^^^^^^
   = hint: did you mean `subject`?

warning[SB-2003]: odd
 --> b.yaml:1:1

1 error and 1 warning in 2 files";
        assert_eq!(text, expected);
        let coloured = render(&problems(), Format::Text { colour: true });
        assert!(coloured.contains("\u{1b}[1;31merror[SB-2002]"));
    }

    #[test]
    fn of_a_long_line_the_place_is_shown() {
        let line = format!("{}here{}", "a".repeat(150), "b".repeat(150));
        let (shown, before) = window(&line, 150);
        assert_eq!(shown.chars().count(), 102);
        assert_eq!(shown.chars().skip(before).take(4).collect::<String>(), "here");
        assert_eq!(window("short", 3), ("short".to_owned(), 3));
        let (shown, before) = window(&line, 299);
        assert!(shown.starts_with('…') && shown.ends_with('b'), "{shown}");
        assert_eq!((shown.chars().count(), before), (101, 96));
    }

    #[test]
    fn machines_get_every_field() {
        let json: serde_json::Value = serde_json::from_str(&render(&problems(), Format::Json)).unwrap();
        assert_eq!(
            json["problems"][0],
            serde_json::json!({"file": "routes/a b,c.yaml", "line": 12, "column": 9, "code": "SB-2002",
                "severity": "error", "message": "unknown key `subjct`\nsecond: 5%", "hint": "did you mean `subject`?"})
        );
        assert_eq!(json["problems"][1]["severity"], "warning");
        assert!(json["problems"][1]["hint"].is_null());
        assert_eq!(render(&[], Format::Json), r#"{"problems":[]}"#);
    }

    #[test]
    fn code_scanning_gets_rules_and_regions() {
        let sarif: serde_json::Value = serde_json::from_str(&render(&problems(), Format::Sarif)).unwrap();
        assert_eq!(sarif["version"], "2.1.0");
        let result = &sarif["runs"][0]["results"][0];
        assert_eq!((&result["ruleId"], &result["level"]), (&"SB-2002".into(), &"error".into()));
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "routes/a%20b,c.yaml");
        assert_eq!(place["region"], serde_json::json!({"startLine": 12, "startColumn": 9, "endColumn": 15}));
        assert_eq!(sarif["runs"][0]["tool"]["driver"]["rules"][0]["id"], "SB-2002");
    }

    #[test]
    fn annotations_escape_what_the_runner_reads() {
        assert_eq!(
            render(&problems(), Format::Github),
            "::error file=routes/a b%2Cc.yaml,line=12,col=9,title=SB-2002::unknown key `subjct`%0Asecond: 5%25\n\
             ::warning file=b.yaml,line=1,col=1,title=SB-2003::odd"
        );
    }

    #[test]
    fn a_log_gets_one_line() {
        assert_eq!(
            line(&problems()[0]),
            "routes/a b,c.yaml:12:9: SB-2002 unknown key `subjct`\u{fffd}second: 5%; did you mean `subject`?"
        );
    }
}
