//! Text → tokens.

use super::error::ParseError;
use std::borrow::Cow;

/// A token with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token<'t> {
    pub what: What<'t>,
    /// Byte offsets in the text.
    pub start: usize,
    pub end: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What<'t> {
    /// Letters, digits and underscores with something else than a digit among them: a keyword, an attribute or a function.
    Word(&'t str),
    /// Digits, without a sign.
    Digits(&'t str),
    /// A string literal without its delimiters, its own delimiter unescaped.
    Text(Cow<'t, str>),
    /// An operator, bracket or comma.
    Sign(&'static str),
    /// The end of the text.
    End,
}

/// Longest first, so that `<=` is not read as `<`.
const SIGNS: [&str; 15] = ["!=", "<>", "<=", ">=", "=", "<", ">", "+", "-", "*", "/", "%", "(", ")", ","];

/// What people write who come from other languages, and what to write here.
const FOREIGN: [(&str, &str); 12] = [
    ("&&", "write `AND`"),
    ("||", "write `OR`; strings are joined with CONCAT(a, b)"),
    ("&", "write `AND`"),
    ("|", "write `OR`"),
    ("^", "write `XOR`"),
    ("!", "write `NOT`"),
    ("~", "patterns are matched with LIKE: % stands for any text, _ for one character"),
    (".", "only attributes can be asked for, by their plain names; for the data use a `jq` filter"),
    ("$", "attributes are written by their plain names"),
    ("{", "attributes are written by their plain names; templates are for targets and `set`"),
    (";", "an expression is not ended by anything"),
    ("[", "sets are written in parentheses: `IN ('a', 'b')`"),
];

/// All tokens, the end included.
pub(super) fn tokens(text: &str) -> Result<Vec<Token<'_>>, ParseError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let (what, length) = match c {
            ' ' | '\t' | '\r' | '\n' => {
                at += 1;
                continue;
            }
            '\'' | '"' => string(rest, at)?,
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' => word(rest),
            _ => match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
                Some(sign) => (What::Sign(sign), sign.len()),
                None if c == '.' && text[..at].ends_with(|before: char| before.is_ascii_digit()) => {
                    return Err(fraction(at));
                }
                None => return Err(foreign(rest, c, at)),
            },
        };
        tokens.push(Token { what, start: at, end: at + length });
        at += length;
    }
    tokens.push(Token { what: What::End, start: text.len(), end: text.len() });
    Ok(tokens)
}

fn word(rest: &str) -> (What<'_>, usize) {
    let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    let word = &rest[..length];
    let digits = word.bytes().all(|byte| byte.is_ascii_digit());
    (if digits { What::Digits(word) } else { What::Word(word) }, length)
}

/// A literal in `'` or `"`. A backslash and the character after it are one unit; it is taken away only before the own
/// delimiter (CESQL 1.0 §2.2).
fn string(rest: &str, offset: usize) -> Result<(What<'_>, usize), ParseError> {
    let delimiter = &rest[..1];
    let mut unescaped = String::new();
    let mut taken = 1;
    let mut at = 1;
    while let Some(found) = rest[at..].find(['\\', '\'', '"']) {
        at += found;
        if rest[at..].starts_with(delimiter) {
            let plain = &rest[taken..at];
            let text = if unescaped.is_empty() { Cow::Borrowed(plain) } else { Cow::Owned(unescaped + plain) };
            return Ok((What::Text(text), at + 1));
        }
        if rest[at..].starts_with('\\') {
            let escaped = rest[at + 1..].chars().next();
            if rest[at + 1..].starts_with(delimiter) {
                unescaped.push_str(&rest[taken..at]);
                unescaped.push_str(delimiter);
                taken = at + 2;
            }
            at += 1 + escaped.map_or(0, char::len_utf8);
        } else {
            at += 1;
        }
    }
    let fault = ParseError::new(offset, format!("the string is not closed; {delimiter} is missing at its end"));
    Err(fault.hint(format!("inside of the string write \\{delimiter} for the quote itself")))
}

fn fraction(offset: usize) -> ParseError {
    let fault = ParseError::new(offset, "numbers are whole: `.` has no meaning in one");
    fault.hint("Integers are from -2147483648 to 2147483647; put other numbers in quotes to compare them as text")
}

fn foreign(rest: &str, c: char, offset: usize) -> ParseError {
    let known = FOREIGN.iter().find(|(sign, _)| rest.starts_with(*sign));
    let (shown, hint) = match (known, c) {
        (Some((sign, hint)), _) => ((*sign).to_owned(), Some((*hint).to_owned())),
        (None, '‘' | '’' | '“' | '”' | '„' | '«' | '»' | '`') => {
            (c.to_string(), Some("strings stand in plain quotes: 'text' or \"text\"".to_owned()))
        }
        (None, '≠') => (c.to_string(), Some("write `!=`".to_owned())),
        (None, '≤') => (c.to_string(), Some("write `<=`".to_owned())),
        (None, '≥') => (c.to_string(), Some("write `>=`".to_owned())),
        (None, c) if c.is_whitespace() => ("this kind of blank".to_owned(), Some("use a plain blank".to_owned())),
        (None, c) if c.is_control() => (format!("U+{:04X}", u32::from(c)), Some("remove it".to_owned())),
        (None, c) => {
            (c.to_string(), Some("text stands in quotes: 'text'; attributes are of letters and digits".to_owned()))
        }
    };
    let fault = ParseError::new(offset, format!("`{shown}` has no meaning here"));
    ParseError { hint, ..fault }
}
