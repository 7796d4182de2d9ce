//! What the parser refuses, told as what its author most probably did, at the place where that was done.
//!
//! The parser describes a fault in the terms of the grammar, and notices many of them only later: a colon that is missing
//! in one line makes the next one odd.

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
    let known = if info.contains("tab") {
        tab(source, line)
    } else if info.contains("mapping values are not allowed") || info.contains("simple key") {
        missing_colon(source, line)
    } else if info.contains("escape") {
        unknown_escape(source, line)
    } else if info.contains("flow") || info.contains("unexpected end") || info.contains("',' or") {
        open_bracket(source, (line, column), info)
    } else {
        None
    };
    known.unwrap_or_else(|| Fatal {
        range,
        code: Code::YamlSyntax,
        message: info.to_owned(),
        hint: hint(info).map(str::to_owned),
    })
}

/// What most often stands behind a fault.
fn hint(info: &str) -> Option<&'static str> {
    Some(if info.contains("quoted scalar") {
        "see that the quotes are closed"
    } else if info.contains("flow") || info.contains("',' or") {
        "inside of `{…}` and `[…]`, text that holds any of `{}[],` goes in quotes; see also that each bracket is closed"
    } else if info.contains("mapping values are not allowed") {
        "see to the indentation; text that holds `: ` goes in quotes"
    } else if info.contains("indentation") || info.contains("block") || info.contains("simple key") {
        "see to the indentation of this line and the one before it"
    } else if info.contains("anchor") {
        "an alias `*name` needs an anchor `&name` before it; text that begins with `*` or `&` goes in quotes"
    } else if info.contains("expected node content") {
        "a value is missing here; see to the commas and brackets"
    } else if info.contains("unexpected character") || info.contains("cannot start any token") {
        "text that begins with one of @ ` % goes in quotes"
    } else if info.contains("unprintable") {
        "remove it, or write it in double quotes as an escape, such as \"\\x07\""
    } else {
        return None;
    })
}

/// A tab that indents: of this line or the one after it, where the parser may only be on its way to it.
fn tab(source: &SourceText, line: u32) -> Option<Fatal> {
    (line..=line.saturating_add(1)).find_map(|number| {
        let text = source.line(number)?;
        let indent = text.len() - text.trim_start().len();
        let at = text.get(..indent)?.find('\t')?;
        let range = Range::point(number, u32::try_from(at + 1).ok()?);
        Some(Fatal::syntax(range, "a tab stands in the indentation", "YAML is indented with blanks only"))
    })
}

/// `name orders` or `name:orders` in a mapping: the next `key:` is where the parser stumbles.
fn missing_colon(source: &SourceText, line: u32) -> Option<Fatal> {
    let before = (1..line).rev().find_map(|number| {
        let text = source.line(number)?;
        let content = text.trim();
        (!content.is_empty() && !content.starts_with('#')).then_some((number, text))
    });
    let (number, text) = before?;
    let content = text.trim_start_matches([' ', '-']).trim_end();
    let words = content.split(" #").next().unwrap_or(content).trim_end();
    let is_plain =
        words.starts_with(|c: char| c.is_ascii_alphabetic()) && !words.contains(": ") && !words.ends_with(':');
    if !is_plain {
        return None;
    }
    let (key, value) = words.split_once([':', ' '])?;
    let column = text.chars().count() - text.trim_start_matches([' ', '-']).chars().count() + 1;
    let range = Range {
        end_column: u32::try_from(column + words.chars().count()).ok()?,
        ..Range::point(number, u32::try_from(column).ok()?)
    };
    let hint = format!("write a colon and a blank between key and value: `{key}: {}`", value.trim_start());
    Some(Fatal::syntax(range, "a colon is missing: this is no key with a value", &hint))
}

/// A backslash in double quotes with a character that makes no escape.
fn unknown_escape(source: &SourceText, line: u32) -> Option<Fatal> {
    const ESCAPES: &str = "0abt\tnvfre \"/\\N_LPxuU";
    (line..line.saturating_add(50)).find_map(|number| {
        let text = source.line(number)?;
        let mut rest = text.char_indices();
        while let Some((at, c)) = rest.next() {
            if c != '\\' {
                continue;
            }
            match rest.next() {
                Some((_, next)) if !ESCAPES.contains(next) => {
                    let column = text.get(..at)?.chars().count() + 1;
                    let range = Range::point(number, u32::try_from(column).ok()?);
                    let message = format!("`\\{next}` is no escape");
                    let hint = "in double quotes write `\\\\` for a backslash, or put the text in single quotes";
                    return Some(Fatal::syntax(range, message, hint));
                }
                _ => {}
            }
        }
        None
    })
}

/// A bracket of an earlier line that nothing closes.
fn open_bracket(source: &SourceText, (line, column): (u32, u32), info: &str) -> Option<Fatal> {
    let at_the_end = !(line..).map_while(|number| source.line(number)).skip(1).any(|text| !text.trim().is_empty());
    let at_the_end = at_the_end && source.line(line).is_none_or(|text| text.chars().count() < column as usize);
    if !at_the_end && !info.contains("indentation") {
        return None;
    }
    let (bracket, opened, at) = open_at(source, (line, column))?;
    if opened == line {
        return None;
    }
    let close = if bracket == '[' { ']' } else { '}' };
    let hint = format!("close it with `{close}` before line {line}, where something else begins");
    let hint = if at_the_end { format!("close it with `{close}`; the file ends in it") } else { hint };
    Some(Fatal::syntax(Range::point(opened, at), format!("the `{bracket}` is not closed"), &hint))
}

/// The innermost bracket that is open at a place, with line and column. Brackets in quotes, comments and the middle of
/// words outside of brackets do not count.
fn open_at(source: &SourceText, end: (u32, u32)) -> Option<(char, u32, u32)> {
    let mut open: Vec<(char, u32, u32)> = Vec::new();
    let mut quote = None;
    for number in 1..=end.0 {
        let mut before = ' ';
        let line = source.line(number).unwrap_or_default();
        for (at, c) in (1..).zip(line.chars()) {
            if (number, at) >= end {
                break;
            }
            let begins = before.is_whitespace() || matches!(before, '[' | '{' | ',');
            match (quote, c) {
                (Some(open), c) if open == c => quote = None,
                (None, '"' | '\'') if begins => quote = Some(c),
                (None, '#') if before.is_whitespace() => break,
                (None, '[' | '{') if begins || !open.is_empty() => open.push((c, number, at)),
                (None, ']' | '}') => drop(open.pop()),
                _ => {}
            }
            before = c;
        }
    }
    open.pop()
}
