//! The seven types of attribute values and the texts each of them allows (CloudEvents 1.0 §"Type System").

use super::Kind;
use super::reader::shown;
use super::timestamp::Instant;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Is `text` a canonical text of `kind`? If not: what is wrong, as the end of a sentence that starts with the value.
pub fn check(kind: Kind, text: &str) -> Result<(), String> {
    let why = match kind {
        Kind::String => return check_string(text),
        Kind::Boolean if matches!(text, "true" | "false") => return Ok(()),
        Kind::Boolean => "is neither `true` nor `false`",
        Kind::Integer if is_integer(text) => return Ok(()),
        Kind::Integer => "is not a whole number of 32 bits",
        Kind::Binary if STANDARD.decode(text).is_ok() => return Ok(()),
        Kind::Binary => "is not base64 with padding",
        Kind::Uri => return check_uri(text),
        Kind::UriReference if fluent_uri::UriRef::parse(text).is_ok() => return Ok(()),
        Kind::UriReference => "is not a URI-reference (RFC 3986)",
        Kind::Timestamp if Instant::parse(text).is_some() => return Ok(()),
        Kind::Timestamp => "is not an RFC 3339 timestamp like `2026-01-31T12:00:00Z`",
    };
    Err(format!("`{}` {why}", shown(text)))
}

fn check_string(text: &str) -> Result<(), String> {
    // Nearly every text is printable ASCII; without a short cut inside, the compiler looks at many bytes at once.
    if text.bytes().fold(true, |plain, byte| plain & matches!(byte, 0x20..=0x7e)) {
        return Ok(());
    }
    match text.chars().find(|c| !is_allowed(*c)) {
        None => Ok(()),
        Some(c) => Err(format!("holds the character U+{:04X}, which is not allowed", u32::from(c))),
    }
}

/// Neither a control character nor a noncharacter.
fn is_allowed(c: char) -> bool {
    let noncharacter = matches!(c, '\u{fdd0}'..='\u{fdef}') || u32::from(c) & 0xfffe == 0xfffe;
    !c.is_control() && !noncharacter
}

/// An optional `-` and digits without leading zeros, within 32 bits.
fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let canonical = digits == "0" || digits.starts_with(|c: char| ('1'..='9').contains(&c));
    canonical && text.parse::<i32>().is_ok()
}

/// RFC 3986 §4.3: an absolute-URI, which has no fragment.
fn check_uri(text: &str) -> Result<(), String> {
    match fluent_uri::Uri::parse(text) {
        Ok(uri) if !uri.has_fragment() => Ok(()),
        Ok(_) => Err(format!("`{}` is a URI with a fragment, which is not allowed here", shown(text))),
        Err(_) => Err(format!("`{}` is not an absolute URI (RFC 3986)", shown(text))),
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::cloudevents::Kind;

    #[test]
    fn each_type_allows_its_canonical_texts_only() {
        let cases: [(Kind, &[&str], &[&str]); 7] = [
            (Kind::Boolean, &["true", "false"], &["True", "1", "", " true"]),
            (
                Kind::Integer,
                &["0", "-1", "10", "2147483647", "-2147483648"],
                &["", "-", "+1", "01", "-01", "1.0", "1e3", "2147483648", "-2147483649", " 1", "0x1"],
            ),
            (
                Kind::String,
                &["", "a b", "grüße", "\u{a0}", "\u{10fffd}", "😀"],
                &["a\tb", "\n", "\u{0}", "\u{7f}", "\u{85}", "\u{9f}", "\u{fdd0}", "\u{fdef}", "\u{fffe}", "\u{1ffff}"],
            ),
            (Kind::Binary, &["", "TWE=", "4P8ARKo="], &["TWE", "T*E=", "4P8ARKo_", "TWE=\n", "TWF="]),
            (
                Kind::Uri,
                &["https://cloudevents.io/dataschema", "urn:a:b", "HTTP://EXAMPLE.com"],
                &["//host?x", "#", "https://a/#b", "", "a b", "https://a/%zz", "https://ü/"],
            ),
            (
                Kind::UriReference,
                &["#fragment", "1-555-123-4567", "/a/b?c", "urn:x:y", "//authority/path", "mailto:a@b"],
                &["a b", "%", "<x>", "http://[::1", "1a:b"],
            ),
            (Kind::Timestamp, &["2018-04-05T17:31:00Z", "2016-12-31t23:59:60z"], &["", "lunchtime", "2018-04-05"]),
        ];
        for (kind, valid, invalid) in cases {
            for text in valid {
                assert_eq!(check(kind, text), Ok(()), "{kind:?} {text}");
            }
            for text in invalid {
                assert!(check(kind, text).is_err(), "{kind:?} {text}");
            }
        }
    }
}
