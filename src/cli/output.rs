//! stdout is data, stderr is messages; what a terminal may show, and what it must never be sent.

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use serde::Serialize;
use std::borrow::Cow;
use std::ffi::OsStr;
use std::io::{self, ErrorKind, IsTerminal, Write};

/// How data is written on stdout, and failures on stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON document; commands that follow something write one a line.
    Json,
}

/// Writes a command's data.
pub struct Printer {
    /// What the user asked for.
    pub format: Format,
    /// Colours of stdout.
    pub paint: Paint,
    sink: Box<dyn Write + Send>,
}

impl Printer {
    /// A printer on stdout.
    pub fn stdout(format: Format) -> Printer {
        let paint = Paint::for_stream(io::stdout().is_terminal());
        Printer { format, paint, sink: Box::new(io::stdout()) }
    }

    /// True when the user asked for JSON.
    pub fn json_wanted(&self) -> bool {
        self.format == Format::Json
    }

    /// Writes one line and hands it to the reader at once.
    pub fn line(&mut self, text: &str) -> Result<(), Failure> {
        let written = self
            .sink
            .write_all(text.as_bytes())
            .and_then(|()| self.sink.write_all(b"\n"))
            .and_then(|()| self.sink.flush());
        written.map_err(|error| lost_stdout(&error))
    }

    /// Writes text that ends its own lines.
    pub fn block(&mut self, text: &str) -> Result<(), Failure> {
        self.bytes(text.as_bytes())
    }

    /// Writes bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let written = self.sink.write_all(bytes).and_then(|()| self.sink.flush());
        written.map_err(|error| lost_stdout(&error))
    }

    /// Writes one JSON document on one line.
    pub fn document<T: Serialize>(&mut self, value: &T) -> Result<(), Failure> {
        let text = serde_json::to_string(value)
            .map_err(|error| Failure::other(Exit::Failed, "the answer cannot be written as JSON", error.to_string()))?;
        self.line(&text)
    }
}

fn lost_stdout(error: &io::Error) -> Failure {
    if error.kind() == ErrorKind::BrokenPipe {
        return Failure::ClosedPipe;
    }
    Failure::other(Exit::Failed, "stdout cannot be written", error.to_string())
}

/// Writes a message on stderr. Nobody can be told when that fails.
pub fn message(text: &str) {
    let mut line = String::with_capacity(text.len() + 1);
    line.push_str(text);
    line.push('\n');
    io::stderr().write_all(line.as_bytes()).ok();
}

/// Colours of one stream, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paint {
    on: bool,
}

impl Paint {
    /// Colours only on a terminal that shows them, and never with `NO_COLOR`.
    pub fn for_stream(terminal: bool) -> Paint {
        let no_color = std::env::var_os("NO_COLOR");
        let term = std::env::var_os("TERM");
        Paint { on: wanted(terminal, no_color.as_deref(), term.as_deref()) }
    }

    /// Colours of stderr.
    pub fn stderr() -> Paint {
        Paint::for_stream(io::stderr().is_terminal())
    }

    /// No colours.
    pub const fn off() -> Paint {
        Paint { on: false }
    }

    /// True when colours are written.
    pub const fn shows(self) -> bool {
        self.on
    }

    /// A heading.
    pub fn bold(self, text: &str) -> Cow<'_, str> {
        self.wrap("1", text)
    }

    /// Something failed.
    pub fn red(self, text: &str) -> Cow<'_, str> {
        self.wrap("1;31", text)
    }

    /// Something is well.
    pub fn green(self, text: &str) -> Cow<'_, str> {
        self.wrap("32", text)
    }

    /// Something is not settled.
    pub fn yellow(self, text: &str) -> Cow<'_, str> {
        self.wrap("33", text)
    }

    /// The colour of an event's or a delivery's status (design.md §4).
    pub fn status(self, status: &str) -> Cow<'_, str> {
        match status.trim_end() {
            "dead" => self.red(status),
            "delivered" => self.green(status),
            "pending" | "waiting" | "delivering" | "retrying" => self.yellow(status),
            _ => Cow::Borrowed(status),
        }
    }

    fn wrap<'t>(self, style: &str, text: &'t str) -> Cow<'t, str> {
        if self.on { Cow::Owned(format!("\x1b[{style}m{text}\x1b[0m")) } else { Cow::Borrowed(text) }
    }
}

/// `NO_COLOR` counts when it is not empty (no-color.org).
fn wanted(terminal: bool, no_color: Option<&OsStr>, term: Option<&OsStr>) -> bool {
    terminal && no_color.is_none_or(OsStr::is_empty) && term != Some(OsStr::new("dumb"))
}

/// Text from an event or from the network, made harmless for a terminal: control characters and characters that reorder
/// or break lines are written as escapes.
pub fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_unsafe(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// The first `limit` characters of cleaned text, with `…` where something was left out.
pub fn shorten(text: &str, limit: usize) -> String {
    let cleaned: String = clean(text.get(..prefix(text, limit)).unwrap_or(text)).into_owned();
    match cleaned.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", &cleaned[..end]),
        None if prefix(text, limit) < text.len() => format!("{cleaned}…"),
        None => cleaned,
    }
}

/// Bytes of the first `limit` characters, so that a large value is not cleaned whole for a short line.
fn prefix(text: &str, limit: usize) -> usize {
    text.char_indices().nth(limit).map_or(text.len(), |(at, _)| at)
}

fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::{Paint, clean, shorten, wanted};
    use std::ffi::OsStr;

    #[test]
    fn colours_need_a_terminal_and_no_no_color() {
        assert!(wanted(true, None, Some(OsStr::new("xterm"))));
        assert!(wanted(true, Some(OsStr::new("")), None));
        assert!(!wanted(true, Some(OsStr::new("1")), None));
        assert!(!wanted(false, None, None));
        assert!(!wanted(true, None, Some(OsStr::new("dumb"))));
        assert_eq!(Paint::off().red("error"), "error");
        assert_eq!(Paint { on: true }.status("dead   "), "\x1b[1;31mdead   \x1b[0m");
    }

    #[test]
    fn no_control_character_of_an_event_reaches_the_terminal() {
        assert_eq!(clean("plain – text"), "plain – text");
        assert_eq!(clean("a\x1b[31mred\r\n\tb\u{9b}c\u{202e}d"), r"a\u{1b}[31mred\r\n\tb\u{9b}c\u{202e}d");
    }

    #[test]
    fn long_values_are_cut_at_a_character() {
        assert_eq!(shorten("déjà vu", 4), "déjà…");
        assert_eq!(shorten("déjà", 4), "déjà");
        assert_eq!(shorten("\x1b\x1b\x1b", 3), r"\u{…");
        assert_eq!(shorten("", 3), "");
    }
}
