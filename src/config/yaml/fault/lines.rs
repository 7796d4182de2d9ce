//! Slips that are seen in a line as it stands: tabs, dashes, colons, indentation, a merge that was not finished.

use super::{At, Fatal, Range};

/// Lines before the place that are looked at: what the parser stumbles over is rarely further behind.
const NEAR: u32 = 50;

/// What its author most probably did.
pub(super) fn slip(at: &At<'_>) -> Option<Fatal> {
    conflict(at)
        .or_else(|| at.says("tab").then(|| tab(at)).flatten())
        .or_else(|| odd_blank(at))
        .or_else(|| dash(at))
        .or_else(|| block_scalar(at))
        .or_else(|| at.says("escape").then(|| unknown_escape(at)).flatten())
        .or_else(|| (values_not_allowed(at)).then(|| missing_colon(at)).flatten())
        .or_else(|| deeper(at))
        .or_else(|| behind_bracket(at))
}

/// What the parser says of a colon where none may be, or of a key without one.
fn values_not_allowed(at: &At<'_>) -> bool {
    at.says("mapping values are not allowed") || at.says("simple key")
}

/// A range of characters of one line, by its first column from 1.
fn span(line: u32, column: usize, characters: usize) -> Option<Range> {
    let end_column = u32::try_from(column + characters.max(1)).ok()?;
    Some(Range { end_column, ..Range::point(line, u32::try_from(column).ok()?) })
}

/// Characters a line is indented by; dashes of lists count, as they do for YAML.
fn indent(text: &str) -> usize {
    text.chars().take_while(|c| matches!(c, ' ' | '-')).count()
}

/// The nearest line before the place that holds more than blanks and comments.
fn line_before<'a>(at: &At<'a>) -> Option<(u32, &'a str)> {
    (1..at.line).rev().find_map(|number| {
        let text = at.source.line(number)?;
        let content = text.trim();
        (!content.is_empty() && !content.starts_with('#')).then_some((number, text))
    })
}

/// Marks of a merge, wherever the parser stumbled over what stands between them.
fn conflict(at: &At<'_>) -> Option<Fatal> {
    let marked = |number: &u32| at.source.line(*number).is_some_and(|text| text.starts_with("<<<<<<< "));
    let number =
        (1..=at.line.saturating_add(NEAR)).take_while(|number| at.source.line(*number).is_some()).find(marked)?;
    let range = span(number, 1, at.source.line(number)?.chars().count())?;
    Some(Fatal::syntax(range, "a merge conflict is not resolved", "keep one of the two sides and remove the marks"))
}

/// A tab that indents: of this line or the one after it, where the parser may only be on its way to it.
fn tab(at: &At<'_>) -> Option<Fatal> {
    (at.line..=at.line.saturating_add(1)).find_map(|number| {
        let text = at.source.line(number)?;
        let indent = text.len() - text.trim_start().len();
        let tab = text.get(..indent)?.find('\t')?;
        let range = Range::point(number, u32::try_from(tab + 1).ok()?);
        Some(Fatal::syntax(range, "a tab stands in the indentation", "YAML is indented with blanks only"))
    })
}

/// A blank that looks like one and is none, in this line or the one before it.
fn odd_blank(at: &At<'_>) -> Option<Fatal> {
    let lines = [Some((at.line, at.text())), line_before(at)];
    lines.into_iter().flatten().find_map(|(number, text)| {
        let (column, found) = (1..).zip(text.chars()).find(|(_, c)| super::is_odd_blank(*c))?;
        // Inside of quotes it is text like any other.
        let quoted = text.chars().take(column).filter(|c| matches!(c, '"' | '\'')).count() % 2 == 1;
        (!quoted).then(|| super::odd_blank(Range::point(number, u32::try_from(column).unwrap_or(1)), found))
    })
}

/// `-name: a`, or `-- name: a`.
fn dash(at: &At<'_>) -> Option<Fatal> {
    if !values_not_allowed(at) && !at.says("'-'") && !at.says("expected key") {
        return None;
    }
    [line_before(at), Some((at.line, at.text()))].into_iter().flatten().find_map(|(number, text)| {
        let content = text.trim_start_matches(' ');
        let rest = content.strip_prefix('-')?;
        let is_key =
            rest.starts_with(|c: char| c.is_ascii_alphabetic()) && (rest.contains(": ") || rest.ends_with(':'));
        let is_double = rest.starts_with("- ") || rest.starts_with("--");
        let column = text.chars().count() - content.chars().count() + 1;
        let told = |message, hint| Some(Fatal::syntax(span(number, column, 2)?, message, hint));
        if is_key {
            told("a blank is missing behind the dash", "an entry of a list is written `- name: …`")
        } else if is_double && text != "---" {
            told("one dash begins an entry of a list, not several", "an entry of a list is written `- name: …`")
        } else {
            None
        }
    })
}

/// The text behind `|` or `>`: in lines of its own, deeper than its key.
fn block_scalar(at: &At<'_>) -> Option<Fatal> {
    if at.says("scanning a block scalar") {
        let range = Range::point(at.line, at.column);
        let hint = "behind `|` or `>` stand only `-`, `+` and a digit; the text begins in the next line";
        return Some(Fatal::syntax(range, "this cannot stand behind `|` or `>`", hint));
    }
    let here = (at.line, at.text());
    // The parser may have gone one line further, looking for a colon.
    let places = [Some(here), line_before(at)];
    places.into_iter().flatten().find_map(|(number, text)| {
        let (_, opener) = line_before(&At { line: number, ..*at })?;
        let mark = opener.trim_end().rsplit(' ').next()?;
        let opens = mark.starts_with(['|', '>']) && mark.chars().skip(1).all(|c| matches!(c, '-' | '+' | '0'..='9'));
        let key = indent(opener);
        let own = text.chars().take_while(|c| *c == ' ').count();
        if !opens || own > key || !opener.contains(": ") || at.source.line(number)?.trim().is_empty() {
            return None;
        }
        let is_text = !text.trim_start().starts_with("- ") && own == key && !text.trim_end().ends_with(':');
        let range = span(number, own + 1, text.trim().chars().count())?;
        let hint = "indent it deeper than the key whose value it is";
        is_text.then(|| Fatal::syntax(range, format!("the text behind `{mark}` is not indented"), hint))
    })
}

/// A backslash in double quotes with a character that makes no escape.
fn unknown_escape(at: &At<'_>) -> Option<Fatal> {
    const ESCAPES: &str = "0abt\tnvfre \"/\\N_LPxuU";
    (at.line..at.line.saturating_add(NEAR)).find_map(|number| {
        let text = at.source.line(number)?;
        let mut rest = text.char_indices();
        while let Some((found, c)) = rest.next() {
            if c != '\\' {
                continue;
            }
            match rest.next() {
                Some((_, next)) if !ESCAPES.contains(next) => {
                    let column = text.get(..found)?.chars().count() + 1;
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

/// `name orders` or `name:orders` in a mapping: the next `key:` is where the parser stumbles.
fn missing_colon(at: &At<'_>) -> Option<Fatal> {
    let (number, text) = line_before(at)?;
    let content = text.trim_start_matches([' ', '-']).trim_end();
    let words = content.split(" #").next().unwrap_or(content).trim_end();
    let is_plain =
        words.starts_with(|c: char| c.is_ascii_alphabetic()) && !words.contains(": ") && !words.ends_with(':');
    if !is_plain {
        return None;
    }
    let (key, value) = words.split_once([':', ' '])?;
    let column = text.chars().count() - text.trim_start_matches([' ', '-']).chars().count() + 1;
    let value = value.trim_start().trim_start_matches("= ");
    let hint = format!("write a colon and a blank between key and value: `{key}: {value}`");
    let range = span(number, column, words.chars().count())?;
    Some(Fatal::syntax(range, "a colon is missing: this is no key with a value", &hint))
}

/// A key in a line that is indented deeper than the key before it, whose value it then seems to continue.
fn deeper(at: &At<'_>) -> Option<Fatal> {
    let key = at.text().trim_start().split_once(':').map(|(key, _)| key)?;
    let column = at.text().chars().take_while(|c| *c == ' ').count() + 1;
    let is_key =
        !key.is_empty() && !key.contains(char::is_whitespace) && column + key.chars().count() == at.column as usize;
    if !at.says("mapping values are not allowed") || !is_key {
        return None;
    }
    let (_, above) = line_before(at)?;
    let wanted = indent(above) + 1;
    let message = format!("`{key}` is indented deeper than the key before it, which has its value already");
    let hint = format!("begin it in column {wanted}, below the key before it");
    (column > wanted).then_some(())?;
    Some(Fatal::syntax(span(at.line, column, key.chars().count())?, message, &hint))
}

/// `key: {subject}-x`: text behind a bracket that ended the value.
fn behind_bracket(at: &At<'_>) -> Option<Fatal> {
    let ends = at.before().trim_end().ends_with(['}', ']']);
    if !ends || !at.says("expected key") || at.character().is_none_or(char::is_whitespace) {
        return None;
    }
    let value = at.text().split_once(": ").map_or(at.text(), |(_, value)| value).trim();
    let hint = format!("text with brackets, such as a template, goes in quotes: \"{value}\"");
    let range = Range::point(at.line, at.column);
    Some(Fatal::syntax(range, "text goes on behind the closing bracket", &hint))
}
