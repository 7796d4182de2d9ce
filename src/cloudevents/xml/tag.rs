//! What stands inside a start tag, and inside the XML declaration: a name and attributes.

use super::characters::{is_name, is_space};
use crate::cloudevents::reader::shown;

/// A name with or without a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name<'t> {
    /// Empty if there is none.
    pub prefix: &'t str,
    /// The part behind the colon.
    pub local: &'t str,
}

impl<'t> Name<'t> {
    /// `QName`.
    pub fn parse(text: &'t str) -> Result<Name<'t>, String> {
        let (prefix, local) = match text.split_once(':') {
            Some((prefix, local)) if is_name(prefix) => (prefix, local),
            Some(_) => ("", ""),
            None => ("", text),
        };
        if is_name(local) { Ok(Name { prefix, local }) } else { Err(format!("`{}` is no name", shown(text))) }
    }
}

/// Splits what stands between `<` and `>` (or `/>`) into the element's name and the text of its attributes.
pub fn split(tag: &str) -> (&str, &str) {
    tag.split_at(tag.bytes().position(is_space).unwrap_or(tag.len()))
}

/// Names and values (between their quotes, as they stand there) of attributes. After an error there is nothing more.
pub struct Attributes<'t> {
    rest: &'t str,
}

impl<'t> Attributes<'t> {
    /// Of a text as [`split`] gives it.
    pub fn of(text: &'t str) -> Attributes<'t> {
        Attributes { rest: text }
    }

    fn attribute(&mut self) -> Result<(&'t str, &'t str), String> {
        let text = std::mem::take(&mut self.rest);
        let spaced = skip_space(text);
        if spaced.len() == text.len() {
            return Err(String::from("between two attributes stands no whitespace"));
        }
        let length = spaced.bytes().position(|byte| byte == b'=' || is_space(byte)).unwrap_or(spaced.len());
        let (name, after) = spaced.split_at(length);
        let value = skip_space(after).strip_prefix('=').map(skip_space);
        let quote = value.and_then(|value| value.chars().next()).filter(|c| matches!(c, '"' | '\''));
        let (Some(value), Some(quote)) = (value, quote) else {
            return Err(format!("the attribute `{}` has no value in quotes", shown(name)));
        };
        let (value, rest) = value[1..].split_once(quote).ok_or("the value of an attribute does not end")?;
        self.rest = rest;
        Ok((name, value))
    }
}

impl<'t> Iterator for Attributes<'t> {
    type Item = Result<(&'t str, &'t str), String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.bytes().all(is_space) { None } else { Some(self.attribute()) }
    }
}

fn skip_space(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', '\n', '\r'])
}
