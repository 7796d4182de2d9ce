//! What the parser refuses, told as what its author most probably did, at the place where that was done.
//!
//! The parser describes a fault in the terms of the grammar, and notices many of them only later: a colon that is missing
//! in one line makes the next one odd.

mod flow;
mod lines;
#[cfg(test)]
mod tests;

use super::{MAX_LEVELS, Range};
use crate::codes::Code;
use crate::config::problem::SourceText;
use saphyr_parser::{Marker, ScanError};

/// Why a file cannot be read at all.
pub(super) struct Fatal {
    pub(super) range: Range,
    pub(super) code: Code,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Fatal {
    pub(super) fn too_large(range: Range, message: String) -> Fatal {
        let hint = Some("see that every bracket is closed, and that no alias repeats a large value".to_owned());
        Fatal { range, code: Code::TooLarge, message, hint }
    }

    pub(super) fn syntax(range: Range, message: impl Into<String>, hint: &str) -> Fatal {
        Fatal { range, code: Code::YamlSyntax, message: message.into(), hint: Some(hint.to_owned()) }
    }
}

/// The parser counts lines from 1 and columns from 0.
pub(super) fn position(marker: Marker) -> (u32, u32) {
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    (number(marker.line()), number(marker.col() + 1))
}

/// What the parser refuses.
pub(super) fn of(error: &ScanError, source: &SourceText) -> Fatal {
    let (line, column) = position(*error.marker());
    let (range, info) = (Range::point(line, column), error.info());
    if info == "recursion limit exceeded" {
        // The scanner looks ahead of the events and has a limit of its own, above ours.
        return Fatal::too_large(range, format!("the file nests deeper than {MAX_LEVELS} levels"));
    }
    let at = At { source, line, column, info };
    let (message, hint) = plainly(&at);
    lines::slip(&at).or_else(|| flow::slip(&at)).unwrap_or_else(|| Fatal::syntax(range, message, hint))
}

/// Where the parser stopped, and what it says.
struct At<'a> {
    source: &'a SourceText,
    line: u32,
    column: u32,
    info: &'a str,
}

impl At<'_> {
    /// The line it stopped in.
    fn text(&self) -> &str {
        self.source.line(self.line).unwrap_or_default()
    }

    /// The character it stopped at.
    fn character(&self) -> Option<char> {
        self.text().chars().nth((self.column as usize).checked_sub(1)?)
    }

    /// What stands before the place, in its line.
    fn before(&self) -> &str {
        let text = self.text();
        let end = text.char_indices().nth((self.column as usize).saturating_sub(1)).map_or(text.len(), |(at, _)| at);
        text.get(..end).unwrap_or_default()
    }

    fn says(&self, words: &str) -> bool {
        self.info.contains(words)
    }
}

/// The grammar's complaint in words that need no grammar, with what most often stands behind it.
fn plainly(at: &At<'_>) -> (String, &'static str) {
    const INDENT: &str = "see to the indentation: the keys of one mapping stand exactly below each other";
    let told = |message: &str, hint| (message.to_owned(), hint);
    if at.says("unexpected end of stream") || at.says("indentation in quoted scalar") {
        told(
            "the quote is not closed",
            "close it on its line; inside of '…' a quote is written twice, inside of \"…\" as \\\"",
        )
    } else if at.says("trailing content") {
        told("text goes on behind the closing quote", "put all of it into one pair of quotes")
    } else if at.says("',' or") || at.says("flow") {
        let hint = "inside of `{…}` and `[…]`, text that holds any of `{}[],` goes in quotes; see also that each bracket is closed";
        let message = match (at.info.contains('}'), at.info.contains(']')) {
            (true, _) => "`,` or `}` is expected here",
            (_, true) => "`,` or `]` is expected here",
            _ => at.info,
        };
        told(message, hint)
    } else if at.says("mapping values are not allowed") {
        told("`: ` stands inside of a value", "text that holds `: ` goes in quotes; see also to the indentation")
    } else if at.says("'-' indicator") {
        told("an entry of the list, which begins with `- `, is expected here", INDENT)
    } else if at.says("did not find expected key") {
        told("a key is expected here", INDENT)
    } else if at.says("document start") || at.says("document end") {
        let hint = "one file holds one mapping; see to the indentation and the brackets before this line";
        told("the document ended before this line", hint)
    } else if at.says("indentation") || at.says("block") || at.says("simple key") {
        (at.info.to_owned(), "see to the indentation of this line and the one before it")
    } else if at.says("anchor") {
        let hint =
            "an alias `*name` needs an anchor `&name` before it; text that begins with `*` or `&` goes in quotes";
        let unknown = at.says("unknown anchor");
        told(if unknown { "the alias has no anchor" } else { "a name is expected behind `*` or `&`" }, hint)
    } else if at.says("expected node content") {
        told("a value is expected here", "see to the commas and brackets")
    } else if at.says("unexpected character") || at.says("cannot start any token") {
        let message = at.character().map_or_else(|| at.info.to_owned(), |c| format!("no text begins with `{c}`"));
        (message, "text that begins with one of @ ` % goes in quotes")
    } else if at.says("unprintable") {
        let name = at.character().map_or_else(String::new, |c| format!(" U+{:04X}", u32::from(c)));
        (
            format!("the unprintable character{name}"),
            "remove it, or write it in double quotes as an escape, such as \"\\x07\"",
        )
    } else if at.says("byte order mark") {
        told("an invisible byte order mark stands here", "remove it: type the words anew")
    } else if at.says("escape") {
        (at.info.to_owned(), "in double quotes write `\\\\` for a backslash, or put the text in single quotes")
    } else {
        (at.info.to_owned(), "see to quotes, brackets and the indentation before this place")
    }
}

/// Blanks of other scripts and invisible characters: they look like a blank, or like nothing, and are neither for YAML.
pub(super) fn is_odd_blank(c: char) -> bool {
    (c.is_whitespace() && !c.is_ascii()) || matches!(c, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}')
}

/// A key that such a blank keeps from being one.
pub(super) fn odd_blank(range: Range, found: char) -> Fatal {
    let name = match found {
        '\u{a0}' => "a no-break space",
        '\u{feff}' => "a byte order mark",
        _ => "an odd blank",
    };
    let message = format!("{name} (U+{:04X}) stands where a plain blank is meant", u32::from(found));
    Fatal::syntax(range, message, "it is hard to see: remove it, and type a plain blank where one is needed")
}
