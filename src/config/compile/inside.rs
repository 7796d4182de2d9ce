//! Faults inside of a text that is a small language of its own: shown at their place in the file (routing.md §2).

use super::File;
use crate::codes::Code;
use crate::config::part::Part;
use crate::config::problem::Problems;
use crate::config::yaml::Range;

/// Characters of the text shown before and behind the place.
const AROUND: usize = 12;

/// Where faults are looked for.
#[derive(Clone, Copy)]
pub struct Fault<'a> {
    /// The file.
    pub file: &'a File<'a>,
    /// The text.
    pub part: &'a Part<'a>,
    /// What it is: `expression`, `program`.
    pub what: &'static str,
}

impl Fault<'_> {
    /// Reports an error at a byte offset of the text.
    pub fn report(self, code: Code, offset: usize, message: &str, hint: Option<String>, problems: &mut Problems) {
        let (range, message, hint) = self.place(offset, message, hint);
        problems.error_with_hint(self.file.source, range, code, message, hint);
    }

    /// Reports a finding at a byte offset of the text.
    pub fn warn(self, code: Code, offset: usize, message: &str, hint: Option<String>, problems: &mut Problems) {
        let (range, message, hint) = self.place(offset, message, hint);
        problems.warning(self.file.source, range, code, message, hint);
    }

    /// The column of the token where the text stands in one line of the file as it is; else the line of the scalar, and the
    /// message holds offset and excerpt. A text that something was filled into is not shown.
    fn place(self, offset: usize, message: &str, hint: Option<String>) -> (Range, String, Option<String>) {
        let node = self.part.node();
        if node.is_secret() {
            return (node.range, format!("the interpolated text is no {}", self.what), None);
        }
        if let Some(range) = node.exact_range_at(offset, self.file.source) {
            return (range, message.to_owned(), hint);
        }
        let excerpt = excerpt(node.text().unwrap_or_default(), offset);
        let range = self.line_of(offset).unwrap_or(node.range);
        (range, format!("{message} (at offset {offset}, `{excerpt}`)"), hint)
    }
}

impl Fault<'_> {
    /// The token's place in a text over several lines that stands in the file line by line.
    fn line_of(self, offset: usize) -> Option<Range> {
        let node = self.part.node();
        let before = node.text()?.get(..offset)?;
        let number = u32::try_from(before.matches('\n').count()).ok()?;
        let written = self.file.source.line(node.range.line.checked_add(number)?)?;
        let text = node.text()?.lines().nth(number as usize)?;
        let indent = written.len().checked_sub(text.len()).filter(|_| written.ends_with(text))?;
        let inside = before.rsplit('\n').next().unwrap_or_default().chars().count();
        let column = written.get(..indent)?.chars().count() + inside + 1;
        Some(Range::point(node.range.line + number, u32::try_from(column).ok()?))
    }
}

/// The text around a place, on one line.
fn excerpt(text: &str, offset: usize) -> String {
    let before = text.get(..offset).unwrap_or(text);
    let start = before.char_indices().rev().nth(AROUND - 1).map_or(0, |(at, _)| at);
    let shown = text.get(start..).unwrap_or_default();
    let end = shown.char_indices().nth(2 * AROUND).map_or(shown.len(), |(at, _)| at);
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    let cut = |is_cut: bool| if is_cut { "…" } else { "" };
    let inner: String = shown[..end].trim_end().chars().map(clean).collect();
    format!("{}{inner}{}", cut(start > 0), cut(end < shown.trim_end().len()))
}

#[cfg(test)]
mod tests {
    use super::excerpt;
    use crate::codes::Code;
    use crate::config::compile::tests::{check_cases, compile_files};
    use crate::config::problem::Severity;

    #[test]
    fn an_excerpt_is_short_and_on_one_line() {
        assert_eq!(excerpt("a == 1\n", 3), "a == 1");
        assert_eq!(excerpt("type = 'ä' AND\n  something == 'else' OR another", 28), "…  something == 'else' OR…");
        assert_eq!(excerpt("ä", 99), "ä");
    }

    #[test]
    fn every_fault_of_a_program_has_its_place() {
        check_cases("programs.txt", |text| compile_files(&[("case.yaml", text)]).err().unwrap_or_default());
    }

    #[test]
    fn a_text_over_several_lines_is_told_with_offset_and_excerpt() {
        let text = "routes:\n  - name: x\n    filters:\n      - sql: |\n          type = 'a'\n            OR type == 'b'\n      - jq: >\n          .a | whyle(true; .)\n    deliver: [{destination: log, stream: a}]\n";
        let problems = compile_files(&[("case.yaml", text)]).unwrap_err();
        let told: Vec<_> = problems.iter().map(|problem| (problem.line, problem.message.as_str())).collect();
        assert_eq!(
            told,
            [
                (6, "`==` is no operator (at offset 21, `…'   OR type == 'b'`)"),
                (8, "there is no function `whyle` with 2 arguments (at offset 5, `.a | whyle(true; .)`)"),
            ]
        );
    }

    #[test]
    fn questionable_expressions_are_warnings() {
        let text = "routes:\n  - name: x\n    filters:\n      - sql: \"id = 'a' AND id = 'b' OR id = 'c'\"\n      - sql: FALSE = TRUE\n    deliver: [{destination: log, stream: a}]\n";
        let warnings = compile_files(&[("case.yaml", text)]).unwrap().warnings;
        let places: Vec<_> = warnings.iter().map(|warning| (warning.line, warning.column, warning.code)).collect();
        assert_eq!(places, [(4, 37, Code::QuestionableExpression), (5, 14, Code::NeverTrue)]);
        assert!(warnings.iter().all(|warning| warning.severity == Severity::Warning && warning.hint.is_some()));
    }
}
