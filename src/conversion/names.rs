//! Names of members that XML does not allow: each character it forbids is written as `_xHHHH_`, upper-case hexadecimal,
//! eight digits above U+FFFF; a `_` that would be read as the start of such an escape becomes `_x005F_`.

use crate::cloudevents::xml::characters::{continues_name, is_name, starts_name};
use std::borrow::Cow;
use std::fmt::Write;

/// The XML name of a member, in which [`decode`] finds the member again. Empty for an empty one.
pub fn encode(member: &str) -> Cow<'_, str> {
    // Nearly every name is one, and holds no `_x`.
    if member.is_empty() || is_name(member) && !member.contains("_x") {
        return Cow::Borrowed(member);
    }
    let mut name = String::with_capacity(member.len() + 16);
    for (at, c) in member.char_indices() {
        let allowed = if at == 0 { starts_name(c) } else { continues_name(c) };
        if allowed && !(c == '_' && looks_like_escape(&member[at + 1..])) {
            name.push(c);
        } else {
            escape(c, &mut name);
        }
    }
    Cow::Owned(name)
}

/// The member behind an XML name.
pub fn decode(name: &str) -> Cow<'_, str> {
    let mut member = String::new();
    let mut plain = 0;
    for (at, _) in name.match_indices("_x") {
        if at < plain {
            continue;
        }
        if let Some((c, length)) = escaped(&name[at..]) {
            member.push_str(&name[plain..at]);
            member.push(c);
            plain = at + length;
        }
    }
    if plain == 0 {
        return Cow::Borrowed(name);
    }
    member.push_str(&name[plain..]);
    Cow::Owned(member)
}

/// The name of an XML attribute. `xmlns` would be a declaration.
pub fn encode_attribute(member: &str) -> Cow<'_, str> {
    if member == "xmlns" { Cow::Borrowed("_x0078_mlns") } else { encode(member) }
}

fn escape(c: char, name: &mut String) {
    let code = u32::from(c);
    let width = if code > 0xffff { 8 } else { 4 };
    // Writing to a String cannot fail.
    write!(name, "_x{code:0width$X}_").ok();
}

/// Would a `_` before this text be read as the start of an escape? What follows the digits may be written as an escape
/// itself, which starts with `_` too.
fn looks_like_escape(rest: &str) -> bool {
    let Some(digits) = rest.strip_prefix('x') else { return false };
    [4, 8].into_iter().any(|length| {
        let behind = hexadecimal(digits, length).and_then(|_| digits[length..].chars().next());
        behind.is_some_and(|c| c == '_' || !continues_name(c))
    })
}

/// The character behind the escape a text starts with, and the length of the escape.
fn escaped(text: &str) -> Option<(char, usize)> {
    let digits = text.strip_prefix("_x")?;
    let of_length = |length: usize, codes: std::ops::RangeInclusive<u32>| {
        let code = hexadecimal(digits, length).filter(|code| codes.contains(code))?;
        let closed = digits[length..].starts_with('_');
        char::from_u32(code).filter(|_| closed).map(|c| (c, "_x_".len() + length))
    };
    of_length(4, 0..=0xffff).or_else(|| of_length(8, 0x10000..=0x10_ffff))
}

/// The number that the first `length` characters are, all of them upper-case digits.
fn hexadecimal(text: &str, length: usize) -> Option<u32> {
    let digits = text.get(..length)?;
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'A'..=b'F');
    if digits.bytes().all(is_digit) { u32::from_str_radix(digits, 16).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::{decode, encode, encode_attribute};
    use crate::cloudevents::xml::characters::is_name;
    use proptest::prelude::*;

    #[test]
    fn characters_are_escaped_exactly() {
        for (member, name) in [
            ("total", "total"),
            ("_", "_"),
            ("a-b.c_d", "a-b.c_d"),
            ("größe", "größe"),
            ("日本", "日本"),
            ("😀", "😀"),
            ("xml", "xml"),
            ("first name", "first_x0020_name"),
            ("1st", "_x0031_st"),
            ("-a", "_x002D_a"),
            ("@odd", "_x0040_odd"),
            ("a:b", "a_x003A_b"),
            ("$ref", "_x0024_ref"),
            ("a/b~c", "a_x002F_b_x007E_c"),
            ("\u{0}\u{1f}", "_x0000__x001F_"),
            ("a\u{f0000}", "a_x000F0000_"),
            ("\u{10fffd}", "_x0010FFFD_"),
            ("\u{fffe}", "_xFFFE_"),
            ("×", "_x00D7_"),
            ("_x0041_", "_x005F_x0041_"),
            ("_x0041", "_x0041"),
            ("_x00e4_", "_x00e4_"),
            ("_x41_", "_x41_"),
            ("_x000F0000_", "_x005F_x000F0000_"),
            ("_x0041 ", "_x005F_x0041_x0020_"),
            ("__x0020_", "__x005F_x0020_"),
            ("_x0041_x0042_", "_x005F_x0041_x005F_x0042_"),
        ] {
            assert_eq!(encode(member), name, "{member:?}");
            assert_eq!(decode(name), member, "{name}");
        }
        assert_eq!(encode_attribute("xmlns"), "_x0078_mlns");
        assert_eq!(decode("_x0078_mlns"), "xmlns");
        assert_eq!(encode_attribute("xml lang"), "xml_x0020_lang");
    }

    #[test]
    fn what_is_no_escape_is_read_as_it_stands() {
        for name in ["_xD800_", "_x00000041_", "_x00110000_", "_x002g_", "_x0020", "_X0020_", "_x+041_", "_xé041_"] {
            assert_eq!(decode(name), name);
        }
    }

    proptest! {
        #[test]
        fn every_member_has_a_name_of_its_own(member in "(_x|_|[0-9A-F]{4}|[0-9A-F]{8}|a|é|[ :/]|\u{f0000}|.){1,12}") {
            let name = encode(&member);
            prop_assert!(is_name(&name), "{name}");
            prop_assert_eq!(decode(&name), &*member);
        }
    }
}
