//! Slips between brackets: `{…}` and `[…]` that are not closed, closed twice, or lack a comma.

use super::{At, Fatal, Range};

/// A bracket with its line and column.
type Bracket = (char, u32, u32);

/// What its author most probably did.
pub(super) fn slip(at: &At<'_>) -> Option<Fatal> {
    if at.says("misplaced bracket") {
        let bracket = at.character()?;
        let hint = if bracket == ']' { "remove it, or open it with `[`" } else { "remove it, or open it with `{`" };
        let range = Range::point(at.line, at.column);
        return Some(Fatal::syntax(range, format!("no open bracket is closed by this `{bracket}`"), hint));
    }
    if at.says("node content") {
        return not_closed(at);
    }
    if !(at.says("flow") || at.says("unexpected end") || at.says("eof") || at.says("',' or")) {
        return None;
    }
    other_bracket(at).or_else(|| not_closed(at)).or_else(|| missing_comma(at))
}

/// `[{…]`: closed in another order than opened.
fn other_bracket(at: &At<'_>) -> Option<Fatal> {
    let closing = at.character().filter(|c| matches!(c, ']' | '}'))?;
    let (bracket, line, column) = open_at(at, (at.line, at.column))?;
    if close_of(bracket) == closing {
        return None;
    }
    let place = if line == at.line { format!("column {column}") } else { format!("line {line}") };
    let message = format!("`{closing}` stands where the `{bracket}` of {place} is still open");
    let hint = format!("close it with `{}` first; text that holds brackets goes in quotes", close_of(bracket));
    Some(Fatal::syntax(Range::point(at.line, at.column), message, &hint))
}

/// A bracket of an earlier line that nothing closes.
fn not_closed(at: &At<'_>) -> Option<Fatal> {
    let rest = (at.line..).map_while(|number| at.source.line(number)).skip(1);
    let at_the_end = rest.into_iter().all(|text| text.trim().is_empty())
        && at.source.line(at.line).is_none_or(|text| text.chars().count() < at.column as usize);
    let (bracket, line, column) = open_at(at, (at.line, at.column))?;
    let begins_entry = at.text().trim_start().starts_with("- ") && line < at.line;
    if !at_the_end && !at.says("indentation") && !begins_entry || line == at.line && !at_the_end {
        return None;
    }
    let close = close_of(bracket);
    let commented = at.source.line(line).is_some_and(|text| text.contains(" #"));
    let hint = if commented {
        format!("close it with `{close}`; ` #` begins a comment, so that text that holds it goes in quotes")
    } else if at_the_end {
        format!("close it with `{close}`; the file ends in it")
    } else {
        format!("close it with `{close}` before line {}, where something else begins", at.line)
    };
    Some(Fatal::syntax(Range::point(line, column), format!("the `{bracket}` is not closed"), &hint))
}

/// `{name: a deliver: b}`, or a value that holds `: `.
fn missing_comma(at: &At<'_>) -> Option<Fatal> {
    if at.character() != Some(':') {
        return None;
    }
    let before = at.before();
    let value = before.rfind([',', '{', '[']).and_then(|start| before.get(start + 1..)).unwrap_or(before);
    let word = value.rsplit(char::is_whitespace).next()?;
    let column = u32::try_from(before.chars().count().checked_sub(word.chars().count())? + 1).ok()?;
    let range = Range { end_column: at.column, ..Range::point(at.line, column) };
    // `key: value word:` has a word in front of it that ends the value before.
    let is_key = word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !word.is_empty();
    let (message, hint) = if is_key && value.trim().contains(char::is_whitespace) {
        (
            format!("a comma is missing before `{word}`"),
            "entries are separated by commas; text that holds `: ` goes in quotes",
        )
    } else {
        (
            "`: ` stands inside of a value".to_owned(),
            "text that holds `: ` goes in quotes; entries are separated by commas",
        )
    };
    Some(Fatal::syntax(range, message, hint))
}

fn close_of(bracket: char) -> char {
    if bracket == '[' { ']' } else { '}' }
}

/// The innermost bracket that is open at a place. Brackets in quotes, comments and the middle of words outside of brackets
/// do not count.
fn open_at(at: &At<'_>, end: (u32, u32)) -> Option<Bracket> {
    let mut open: Vec<Bracket> = Vec::new();
    let mut quote = None;
    for number in 1..=end.0 {
        let mut before = ' ';
        let line = at.source.line(number).unwrap_or_default();
        for (column, c) in (1..).zip(line.chars()) {
            if (number, column) >= end {
                break;
            }
            let begins = before.is_whitespace() || matches!(before, '[' | '{' | ',');
            match (quote, c) {
                (Some(open), c) if open == c => quote = None,
                (None, '"' | '\'') if begins => quote = Some(c),
                (None, '#') if before.is_whitespace() => break,
                (None, '[' | '{') if begins || !open.is_empty() => open.push((c, number, column)),
                (None, ']' | '}') => drop(open.pop()),
                _ => {}
            }
            before = c;
        }
    }
    open.pop()
}
