//! Characters, names and references of XML 1.0 (fifth edition).

use crate::cloudevents::reader::shown;
use std::borrow::Cow;

/// The first character of a text that no XML document can hold, not even as a reference.
pub fn forbidden(text: &str) -> Option<char> {
    // Nearly every text has none; without a short cut inside, the compiler looks at many bytes at once. The
    // noncharacters U+FFFE and U+FFFF start with the byte EF.
    let suspect = |byte: u8| byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r') || byte == 0xef;
    if !text.bytes().fold(false, |found, byte| found | suspect(byte)) {
        return None;
    }
    text.chars().find(|c| !is_allowed(*c))
}

/// `Char`.
pub fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

/// Whitespace as the grammar has it, `S`.
pub fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Nothing, or whitespace only.
pub fn is_blank(text: &str) -> bool {
    text.bytes().all(is_space)
}

/// `NCName`: a name without a colon.
pub fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    let Some(first) = bytes.next() else { return false };
    if !text.is_ascii() {
        let mut chars = text.chars();
        return chars.next().is_some_and(starts_name) && chars.all(continues_name);
    }
    (first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}

/// May a name hold this character behind its first one?
pub fn continues_name(c: char) -> bool {
    starts_name(c) || matches!(c, '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}' | '\u{2040}')
}

/// `NameStartChar` without the colon.
pub fn starts_name(c: char) -> bool {
    matches!(c,
        'A'..='Z' | 'a'..='z' | '_' | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}'
        | '\u{370}'..='\u{37d}' | '\u{37f}'..='\u{1fff}' | '\u{200c}' | '\u{200d}' | '\u{2070}'..='\u{218f}'
        | '\u{2c00}'..='\u{2fef}' | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fffd}'
        | '\u{10000}'..='\u{effff}')
}

/// The character a reference stands for, given what is between `&` and `;`. Without a DTD there are the five predefined
/// entities and characters by their number.
pub fn reference(name: &str) -> Result<char, String> {
    match name {
        "amp" => return Ok('&'),
        "lt" => return Ok('<'),
        "gt" => return Ok('>'),
        "quot" => return Ok('"'),
        "apos" => return Ok('\''),
        _ => {}
    }
    let Some(number) = name.strip_prefix('#') else {
        return Err(format!("the entity `{}` is not one of the five predefined ones", shown(name)));
    };
    let (digits, radix) = number.strip_prefix('x').map_or((number, 10), |digits| (digits, 16));
    // Signs are no digits, but would be parsed.
    let number = if digits.starts_with('+') { None } else { u32::from_str_radix(digits, radix).ok() };
    let character = number.and_then(char::from_u32).filter(|c| is_allowed(*c));
    character.ok_or_else(|| format!("the reference `&{};` stands for no character of XML", shown(name)))
}

/// Character data as an application sees it: every line break is one line feed.
pub fn with_line_feeds(text: &str) -> Cow<'_, str> {
    if memchr::memchr(b'\r', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
}

/// The value of an XML attribute as an application sees it, given what stands between its quotes.
pub fn attribute_value(raw: &str) -> Result<Cow<'_, str>, String> {
    let is_plain = |byte: u8| !matches!(byte, b'&' | b'<' | b'\t' | b'\n' | b'\r');
    if raw.bytes().all(is_plain) {
        return Ok(Cow::Borrowed(raw));
    }
    if raw.contains('<') {
        return Err(String::from("the value of an XML attribute cannot hold `<`"));
    }
    let mut value = String::with_capacity(raw.len());
    let mut rest = &*with_line_feeds(raw);
    while let Some(at) = memchr::memchr(b'&', rest.as_bytes()) {
        push_with_blanks(&rest[..at], &mut value);
        let (name, after) = rest[at + 1..].split_once(';').ok_or("a reference does not end")?;
        value.push(reference(name)?);
        rest = after;
    }
    push_with_blanks(rest, &mut value);
    Ok(Cow::Owned(value))
}

fn push_with_blanks(text: &str, out: &mut String) {
    out.extend(text.chars().map(|c| if matches!(c, '\t' | '\n') { ' ' } else { c }));
}

#[cfg(test)]
mod tests {
    use super::{attribute_value, forbidden, is_name, reference};

    #[test]
    fn names_are_those_of_the_fifth_edition() {
        for name in ["a", "_", "A-1.b", "é", "a\u{b7}", "日本", "\u{10000}x"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "1a", "-a", ".a", "a:b", "a b", "\u{b7}a", "a\u{d7}", "é\u{f7}", "\u{300}a", "a/"] {
            assert!(!is_name(name), "{name}");
        }
    }

    #[test]
    fn references_stand_for_characters_of_xml_only() {
        for (name, c) in
            [("amp", '&'), ("#13", '\r'), ("#x1F600", '😀'), ("#0000000000000065", 'A'), ("#xfffd", '\u{fffd}')]
        {
            assert_eq!(reference(name), Ok(c), "{name}");
        }
        for name in
            ["", "#", "#x", "#0", "#8", "#xD800", "#xFFFE", "#x110000", "#+65", "#-1", "#X41", "# 65", "nbsp", "AMP"]
        {
            assert!(reference(name).is_err(), "{name}");
        }
    }

    #[test]
    fn characters_outside_xml_are_found_in_any_text() {
        assert_eq!(forbidden("plain \t\r\n é 😀 \u{feff} \u{fffd} \u{85}"), None);
        for c in ['\0', '\u{1}', '\u{b}', '\u{1f}', '\u{fffe}', '\u{ffff}'] {
            assert_eq!(forbidden(&format!("{}{c}x", "a".repeat(100))), Some(c));
        }
        assert_eq!(forbidden("\u{7f}\u{1fffe}"), None);
    }

    #[test]
    fn attribute_values_are_normalised() {
        assert_eq!(attribute_value("a\r\nb\tc\rd\n&#10;&#9;&lt;&amp;lt;").as_deref(), Ok("a b c d \n\t<&lt;"));
        for raw in ["<", "&", "&amp", "&nbsp;", "&#0;"] {
            assert!(attribute_value(raw).is_err(), "{raw}");
        }
    }
}
