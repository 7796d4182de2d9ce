//! What people do to YAML, and where they are told.

use super::super::parse;
use crate::codes::Code;
use crate::config::interpolate::Environment;
use crate::config::problem::{Problems, SourceText};
use std::path::Path;

/// The one problem of a text: its place and message with hint.
fn refused(text: &str) -> (u32, u32, String) {
    let source = SourceText::new("a.yaml", text);
    let mut problems = Problems::default();
    let environment = Environment { variable: &|_| None, folder: Path::new("/nowhere") };
    assert!(parse(&source, environment, &mut problems).is_none(), "{text:?} is read");
    let problems = problems.into_sorted();
    let [problem] = &problems[..] else { panic!("{text:?}: {problems:?}") };
    assert_eq!(problem.code, Code::YamlSyntax);
    (problem.line, problem.column, format!("{}; {}", problem.message, problem.hint.as_deref().unwrap_or_default()))
}

#[test]
fn each_slip_is_told_where_it_was_made() {
    let cases = [
        ("routes:\n  - name: a\n      order: key\n", (3, 7), "`order` is indented deeper than the key before it"),
        ("routes:\n  - name: a\n  order: key\n", (3, 3), "begins with `- `, is expected here"),
        ("a: 'x\nb: 'y'\n", (1, 4), "the quote is not closed"),
        ("a: \"x\nb: y\n", (1, 4), "the quote is not closed"),
        ("a: \"x\" y\n", (1, 8), "text goes on behind the closing quote"),
        ("f:\n  - e: {t: a\n  - p: {s: b}\n", (2, 8), "the `{` is not closed"),
        ("d: [\n", (1, 4), "the `[` is not closed"),
        ("d: [{a: b},\n", (1, 4), "the `[` is not closed"),
        ("d: [{a: b,\n", (1, 5), "the `{` is not closed"),
        ("d: [{a:\n", (1, 5), "the `{` is not closed"),
        ("d: [a,,b]\n", (1, 7), "a value is expected here"),
        ("d: [{a: b}]]\n", (1, 12), "no open bracket is closed by this `]`"),
        ("d: [{a: b]}\n", (1, 10), "the `{` of column 5 is still open"),
        ("h: {url: http://h/x: y}\n", (1, 10), "`: ` stands inside of a value"),
        ("r: {name: a deliver: [b]}\n", (1, 13), "a comma is missing before `deliver`"),
        ("d: [{a: b #c}]\n", (1, 5), "` #` begins a comment"),
        ("a: b: c\n", (1, 5), "`: ` stands inside of a value"),
        ("{\"a\": []}\n{\"b\": []}\n", (2, 1), "the document ended before this line"),
        ("a:\n  key: {subject}-x\n", (2, 17), "goes in quotes: \"{subject}-x\""),
        ("a:\n  sql: |\n  type = 'a'\nb: c\n", (3, 3), "the text behind `|` is not indented"),
        ("a:\n  sql: |x\n    y\n", (2, 8), "this cannot stand behind `|` or `>`"),
        ("r:\n  -name: a\n    b: c\n", (2, 3), "a blank is missing behind the dash"),
        ("r:\n  -- name: a\n     b: c\n", (2, 3), "one dash begins an entry"),
        ("r:\n<<<<<<< HEAD\n  - a: b\n=======\n  - c: d\n>>>>>>> x\n", (2, 1), "a merge conflict is not resolved"),
        ("r:\n  - exact:\u{a0}{type: a}\n", (2, 11), "a no-break space (U+00A0)"),
        ("r: a\n\u{a0}\u{a0}b: c\n", (2, 1), "a no-break space (U+00A0)"),
        ("r: a\u{0}b\n", (1, 5), "U+0000"),
        ("r: \u{feff}a\n", (1, 4), "a byte order mark (U+FEFF)"),
        ("r: %a\n", (1, 4), "no text begins with `%`"),
        ("r:\n\t- a\n", (2, 1), "a tab stands in the indentation"),
    ];
    let mut wrong = Vec::new();
    for (text, place, words) in cases {
        let (line, column, told) = refused(text);
        if (line, column) != place || !told.contains(words) {
            wrong.push(format!("{text:?}: {line}:{column} {told}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
