//! Attributes in headers: the coding of values that the HTTP and NATS bindings share (HTTP binding §3.1.3.2) and the way
//! from headers to a draft. Kafka does not use it.

use super::attributes::Draft;
use super::media_type;
use super::{Kind, Violation};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use std::borrow::Cow;

/// Header names and values in order, ready to be sent.
pub type Headers = Vec<(String, String)>;

/// Prefix of the headers that hold attributes.
pub const PREFIX: &str = "ce-";

/// What is encoded in a value; everything that is not ASCII is encoded as well.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%');

/// How a value stands in a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// Percent-encoded ([`encode`]), as the HTTP and NATS bindings say.
    Percent,
    /// As its UTF-8, for receivers that do not decode.
    Raw,
}

impl Coding {
    /// A header value that holds `text`. What would end a header is encoded either way: no event writes a header of its own.
    pub fn write(self, text: &str) -> String {
        match self {
            Coding::Raw if !text.contains(char::is_control) => text.to_owned(),
            Coding::Raw | Coding::Percent => encode(text),
        }
    }
}

/// A header value that holds `text`: only printable ASCII, upper-case hex.
pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

/// The text a header value holds: a quoted-string is unquoted, then exactly one round of percent-decoding. A `%` without
/// two hex digits stays, because many senders do not encode; so does UTF-8 that stands there as it is.
/// `None` if the result is not UTF-8.
pub fn decode(value: &[u8]) -> Option<Cow<'_, str>> {
    let value = str::from_utf8(value).ok()?;
    if !value.starts_with('"') && !value.contains('%') {
        return Some(Cow::Borrowed(value));
    }
    let unquoted = media_type::unquote(value).unwrap_or(Cow::Borrowed(value));
    let decoded = percent_decode_str(&unquoted).decode_utf8().ok()?;
    Some(Cow::Owned(decoded.into_owned()))
}

/// The attribute a header is for: the name behind `ce-`, in any case.
pub fn attribute_of(header: &str) -> Option<&str> {
    let (prefix, name) = header.split_at_checked(PREFIX.len())?;
    prefix.eq_ignore_ascii_case(PREFIX).then_some(name)
}

/// Takes an attribute from a percent-coded header value; its name in lower case.
pub fn take_coded(draft: &mut Draft, name: &str, value: &[u8]) {
    take(draft, name, decode(value));
}

/// Takes an attribute from a header value that is not coded; its name in lower case.
pub fn take_plain(draft: &mut Draft, name: &str, value: &[u8]) {
    take(draft, name, str::from_utf8(value).ok().map(Cow::Borrowed));
}

fn take(draft: &mut Draft, name: &str, value: Option<Cow<'_, str>>) {
    let name = lower_case(name);
    match value {
        Some(value) => draft.add(&name, Kind::String, &value),
        None => draft.add_unreadable(&name, "the header's value is not UTF-8"),
    }
}

/// The name an attribute has in headers of any case.
pub fn lower_case(name: &str) -> Cow<'_, str> {
    let folded = name.bytes().any(|byte| byte.is_ascii_uppercase());
    if folded { name.to_ascii_lowercase().into() } else { name.into() }
}

/// `datacontenttype` came in a second header.
pub fn second_datacontenttype(header: &str) -> Violation {
    Violation::new("/datacontenttype", format!("the media type of the data stands in a second header, `{header}`"))
}

#[cfg(test)]
mod tests {
    use super::{Coding, attribute_of, decode, encode};

    #[test]
    fn values_are_encoded_as_the_binding_says() {
        assert_eq!(encode("Euro € 😀"), "Euro%20%E2%82%AC%20%F0%9F%98%80");
        assert_eq!(encode("100% \"a\""), "100%25%20%22a%22");
        assert_eq!(encode("/a:b+c~!'"), "/a:b+c~!'");
        assert_eq!(encode("a\r\nb\u{7f}"), "a%0D%0Ab%7F");
    }

    #[test]
    fn values_are_decoded_once_and_must_be_utf8() {
        for (value, text) in [
            ("plain", "plain"),
            ("Euro%20%E2%82%AC", "Euro €"),
            ("Euro%20%e2%82%ac", "Euro €"),
            ("%41", "A"),
            ("%2541", "%41"),
            ("a+b", "a+b"),
            ("100%", "100%"),
            ("100% of %zz", "100% of %zz"),
            ("grüße", "grüße"),
            (r#""quoted \"x\" %41""#, "quoted \"x\" A"),
            (r#""a" and "b""#, r#""a" and "b""#),
            ("", ""),
            ("%0D%0A", "\r\n"),
        ] {
            assert_eq!(decode(value.as_bytes()).as_deref(), Some(text), "{value}");
        }
        for value in [&b"%C0%A0"[..], b"%ED%A0%80", b"%FF", b"\xff", b"%E2%82"] {
            assert_eq!(decode(value), None, "{value:?}");
        }
    }

    #[test]
    fn raw_values_never_end_a_header() {
        assert_eq!(Coding::Raw.write("100% \"€\""), "100% \"€\"");
        for text in ["a\r\nb: c", "a\nb", "\0", "\u{85}"] {
            let written = Coding::Raw.write(text);
            assert!(!written.contains(char::is_control), "{written:?}");
            assert_eq!(decode(written.as_bytes()).as_deref(), Some(text));
        }
    }

    #[test]
    fn only_prefixed_headers_are_attributes() {
        assert_eq!(attribute_of("CE-Subject"), Some("Subject"));
        assert_eq!(attribute_of("ce-"), Some(""));
        assert_eq!(attribute_of("ce_id"), None);
        assert_eq!(attribute_of("ce"), None);
        assert_eq!(attribute_of("aé-x"), None);
    }
}
