//! One fault in what the operator wrote, and the collector that gathers all of them.

mod gathered;

use super::yaml::Range;
use crate::codes::Code;
pub use gathered::Problems;
use serde::Serialize;
use serde::ser::SerializeStruct;
use std::path::{Component, Path};

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The snapshot is refused.
    Error,
    /// A finding; never refused.
    Warning,
}

/// A problem with its place. Lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Path relative to the working folder, with `/`.
    pub file: String,
    /// Line; 1 where the file as a whole is meant.
    pub line: u32,
    /// Column.
    pub column: u32,
    /// How many characters of the line are meant, for the excerpt; at least 1.
    pub width: u32,
    /// Stable code.
    pub code: Code,
    /// How bad.
    pub severity: Severity,
    /// What is wrong and what was expected.
    pub message: String,
    /// What to do, such as "did you mean".
    pub hint: Option<String>,
    /// The line of the file, for the excerpt in text output. Never holds an interpolated value: those stand in the file
    /// as `${…}`.
    pub excerpt: Option<String>,
}

impl Problem {
    /// An error that concerns a file or folder as a whole.
    pub fn of_file(file: impl Into<String>, code: Code, message: impl Into<String>) -> Problem {
        Problem {
            file: file.into(),
            line: 1,
            column: 1,
            width: 1,
            code,
            severity: Severity::Error,
            message: message.into(),
            hint: None,
            excerpt: None,
        }
    }

    /// The same problem with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Problem {
        self.hint = Some(hint.into());
        self
    }
}

/// The form of the API and of `check --format json`.
impl Serialize for Problem {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Problem", 7)?;
        fields.serialize_field("file", &self.file)?;
        fields.serialize_field("line", &self.line)?;
        fields.serialize_field("column", &self.column)?;
        fields.serialize_field("code", &self.code.to_string())?;
        fields.serialize_field("severity", &self.severity)?;
        fields.serialize_field("message", &self.message)?;
        fields.serialize_field("hint", &self.hint)?;
        fields.end()
    }
}

/// A path as problems show it: relative to the working folder where it lies in it, with `/`.
pub fn shown_path(path: &Path) -> String {
    let working = std::env::current_dir().unwrap_or_default();
    let relative = path.strip_prefix(&working).unwrap_or(path);
    let parts = relative.components().filter(|part| !matches!(part, Component::CurDir | Component::RootDir));
    let joined = parts.map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/");
    if relative.is_absolute() { format!("/{joined}") } else { joined }
}

/// A file's name and text, for positions and excerpts.
#[derive(Debug, Clone)]
pub struct SourceText {
    /// Path relative to the working folder, with `/`.
    pub file: String,
    text: String,
    line_starts: Vec<usize>,
}

/// Longer lines are not shown: a file written by a machine on one line would fill the screen.
const LONGEST_EXCERPT: usize = 2_000;

impl SourceText {
    /// Takes a file's text.
    pub fn new(file: impl Into<String>, text: impl Into<String>) -> SourceText {
        let text = text.into();
        // A carriage return alone ends a line, too, as it does for YAML.
        let bytes = text.as_bytes();
        let ends = memchr::memchr2_iter(b'\n', b'\r', bytes)
            .filter(|at| bytes.get(*at) == Some(&b'\n') || bytes.get(at + 1) != Some(&b'\n'));
        let line_starts = std::iter::once(0).chain(ends.map(|at| at + 1));
        SourceText { file: file.into(), line_starts: line_starts.collect(), text }
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// A line by its number from 1, without its line break.
    pub fn line(&self, number: u32) -> Option<&str> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        let start = *self.line_starts.get(index)?;
        let end = self.line_starts.get(index + 1).copied().unwrap_or(self.text.len());
        self.text.get(start..end).map(|line| line.trim_end_matches(['\n', '\r']))
    }

    /// Line and column (both from 1, the column in characters) of a byte offset.
    pub fn position(&self, offset: usize) -> (u32, u32) {
        let line = self.line_starts.partition_point(|start| *start <= offset).max(1);
        let start = self.line_starts.get(line - 1).copied().unwrap_or_default();
        let column = self.text.get(start..offset).map_or(0, |before| before.chars().count());
        (saturate(line), saturate(column + 1))
    }

    /// A line as an excerpt shows it: without secrets, and only where it is short.
    pub fn excerpt(&self, number: u32) -> Option<String> {
        self.line(number).filter(|line| line.len() <= LONGEST_EXCERPT).map(|line| hide_secrets(&hide_userinfo(line)))
    }
}

/// What a reader of single values says, which tells behind `; ` what to write: the message and the hint.
pub fn with_hint(told: &str) -> (String, Option<String>) {
    match told.rsplit_once("; ") {
        Some((message, hint)) => (message.to_owned(), Some(hint.to_owned())),
        None => (told.to_owned(), None),
    }
}

fn saturate(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Writes stars over the `user:password` of a URL, keeping the length so that carets still point right.
fn hide_userinfo(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        shown.push_str(before);
        let authority =
            after.find(|c: char| c.is_whitespace() || matches!(c, '/' | '"' | '\'' | ',')).unwrap_or(after.len());
        let userinfo = after.get(..authority).and_then(|authority| authority.rfind('@')).unwrap_or(0);
        let (secret, remaining) = after.split_at(userinfo);
        shown.extend(secret.chars().map(|_| '*'));
        rest = remaining;
    }
    shown.push_str(rest);
    shown
}

/// Writes stars over what stands behind a key that ends with `password` or `secret`, keeping the length.
fn hide_secrets(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(colon) = rest.find(": ") {
        let (key, value) = rest.split_at(colon + 2);
        shown.push_str(key);
        rest = value;
        let key = key[..colon].trim_end_matches(['"', '\'']);
        if !(key.ends_with("password") || key.ends_with("secret")) {
            continue;
        }
        let value = value.trim_start();
        shown.push_str(&rest[..rest.len() - value.len()]);
        let end = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => value[1..].find(quote).map_or(value.len(), |end| end + 2),
            _ => value.find([',', '}', ' ']).unwrap_or(value.len()),
        };
        let (secret, remaining) = value.split_at(end);
        // What is filled in stands only in the environment or another file.
        if secret.trim_start_matches(['"', '\'']).starts_with("${") {
            shown.push_str(secret);
        } else {
            shown.extend(secret.chars().map(|_| '*'));
        }
        rest = remaining;
    }
    shown.push_str(rest);
    shown
}

/// The first characters of a text, as many as a message shows.
pub fn shorten(text: &str, shown: usize) -> String {
    match text.char_indices().nth(shown) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn at(source: &SourceText, range: Range, code: Code, message: String) -> Problem {
    let excerpt = source.excerpt(range.line);
    let quoted = excerpt.as_ref().and_then(|line| quoted_width(line, range.column));
    Problem {
        file: source.file.clone(),
        line: range.line,
        column: range.column,
        width: quoted.unwrap_or(range.width()),
        code,
        severity: Severity::Error,
        message,
        hint: None,
        excerpt,
    }
}

/// Characters of the quoted text that begins at a column. The parser's range runs on over blanks and a comment after it.
fn quoted_width(line: &str, column: u32) -> Option<u32> {
    let mut rest = line.chars().skip((column as usize).saturating_sub(1));
    let quote = rest.next().filter(|c| matches!(c, '"' | '\''))?;
    let mut escaped = false;
    for (width, c) in (2..).zip(rest) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote == '"' => escaped = true,
            c if c == quote => return Some(width),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{SourceText, hide_secrets, hide_userinfo, quoted_width};

    #[test]
    fn offsets_become_lines_and_columns_in_characters() {
        let source = SourceText::new("a.yaml", "a: ä\nbä: x\n");
        assert_eq!(source.position(0), (1, 1));
        assert_eq!(source.position("a: ä".len()), (1, 5));
        assert_eq!(source.position("a: ä\nbä".len()), (2, 3));
        assert_eq!(source.line(2), Some("bä: x"));
        assert_eq!(source.line(9), None);
    }

    #[test]
    fn a_quoted_text_ends_at_its_quote() {
        assert_eq!(quoted_width(r#"a: "x\"y"   # z"#, 4), Some(6));
        assert_eq!(quoted_width("a: 'x'", 4), Some(3));
        assert_eq!(quoted_width("a: 'x", 4), None);
        assert_eq!(quoted_width("a: x", 4), None);
    }

    #[test]
    fn the_password_in_a_url_is_not_shown() {
        let line = r#"servers: ["nats://user:canary@host:4222", "nats://other"]"#;
        let shown = hide_userinfo(line);
        assert!(!shown.contains("canary"), "{shown}");
        assert_eq!(shown.chars().count(), line.chars().count());
        assert!(shown.contains("@host:4222") && shown.contains("nats://other"));
    }

    #[test]
    fn the_value_of_a_password_is_not_shown() {
        for (line, shown) in [
            ("properties: {sasl.password: canary, acks: 1}", "properties: {sasl.password: ******, acks: 1}"),
            (r#"  "ssl.key.password":  "can, ary" # x"#, r#"  "ssl.key.password":  ********** # x"#),
            ("signing_secret: 'canary'", "signing_secret: ********"),
            ("sasl.password: \"${env:P}\"", "sasl.password: \"${env:P}\""),
            ("sasl.password: é", "sasl.password: *"),
            ("sasl.password: ", "sasl.password: "),
            ("sasl.username: ann", "sasl.username: ann"),
        ] {
            assert_eq!(hide_secrets(line), shown);
        }
    }
}
