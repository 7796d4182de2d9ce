//! Media types (RFC 2046, RFC 9110 §8.3.1) as far as events need them: is the text valid, does it say JSON, XML or text,
//! is it one of CloudEvents' own. Type, subtype and parameter names are compared without case.

use std::borrow::Cow;

/// A valid media type, still as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaType<'t> {
    kind: &'t str,
    subtype: &'t str,
    /// Everything after the subtype; valid.
    parameters: &'t str,
}

/// One of CloudEvents' own media types: the message is structured or batched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventMedia<'t> {
    /// `application/cloudevents-batch…`.
    pub batch: bool,
    /// The suffix as written, without `+`; `json` where there is none.
    pub format: &'t str,
}

impl<'t> MediaType<'t> {
    /// Reads a media type with its parameters; `None` if the text is none.
    pub fn parse(text: &'t str) -> Option<MediaType<'t>> {
        let (kind, rest) = split_token(text)?;
        let (subtype, parameters) = split_token(rest.strip_prefix('/')?)?;
        let media_type = MediaType { kind, subtype, parameters };
        media_type.parameters().all(|parameter| parameter.is_some()).then_some(media_type)
    }

    /// `*/json` or `*/*+json`.
    pub fn is_json(&self) -> bool {
        self.names("json")
    }

    /// `*/xml` or `*/*+xml`.
    pub fn is_xml(&self) -> bool {
        self.names("xml")
    }

    /// `text/*`.
    pub fn is_text(&self) -> bool {
        self.kind.eq_ignore_ascii_case("text")
    }

    /// The parameter `charset` is absent or says UTF-8.
    pub fn is_utf8(&self) -> bool {
        self.charset().is_none_or(|charset| charset.eq_ignore_ascii_case("utf-8"))
    }

    /// The parameter `charset`, unquoted.
    pub fn charset(&self) -> Option<Cow<'t, str>> {
        let charset = self.parameters().flatten().find(|(name, _)| name.eq_ignore_ascii_case("charset"));
        charset.map(|(_, value)| unquote(value).unwrap_or(Cow::Borrowed(value)))
    }

    /// Is it exactly `application/cloudevents`, `application/cloudevents-batch`, or one of them with a `+format`?
    pub fn event_media(&self) -> Option<EventMedia<'t>> {
        let (name, format) = self.subtype.split_once('+').unwrap_or((self.subtype, "json"));
        let batch = name.eq_ignore_ascii_case("cloudevents-batch");
        let known =
            self.kind.eq_ignore_ascii_case("application") && (batch || name.eq_ignore_ascii_case("cloudevents"));
        known.then_some(EventMedia { batch, format })
    }

    fn names(&self, format: &str) -> bool {
        let suffix = self.subtype.rsplit_once('+').map_or(self.subtype, |(_, suffix)| suffix);
        suffix.eq_ignore_ascii_case(format)
    }

    fn parameters(&self) -> Parameters<'t> {
        Parameters { rest: self.parameters }
    }
}

/// The content of a quoted-string (RFC 9110 §5.6.4); `None` if the text is not exactly one. What is not ASCII may stand
/// in it as it is.
pub fn unquote(text: &str) -> Option<Cow<'_, str>> {
    let inner = text.strip_prefix('"')?;
    let (length, escaped) = quoted_length(inner)?;
    if length + 1 != inner.len() {
        return None;
    }
    if !escaped {
        return Some(Cow::Borrowed(&inner[..length]));
    }
    let mut plain = String::with_capacity(length);
    let mut chars = inner[..length].chars();
    while let Some(c) = chars.next() {
        plain.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    Some(Cow::Owned(plain))
}

/// Name and value (quotes kept) of each parameter; `None` once for what is no parameter.
struct Parameters<'t> {
    rest: &'t str,
}

impl<'t> Iterator for Parameters<'t> {
    type Item = Option<(&'t str, &'t str)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let rest = self.rest.trim_start_matches([' ', '\t']);
            if rest.is_empty() {
                return None;
            }
            let after = rest.strip_prefix(';').map(|after| after.trim_start_matches([' ', '\t']));
            match after {
                // RFC 9110 allows `;` with nothing behind it.
                Some(after) if after.is_empty() || after.starts_with(';') => self.rest = after,
                Some(after) => return Some(self.parameter(after)),
                None => {
                    self.rest = "";
                    return Some(None);
                }
            }
        }
    }
}

impl<'t> Parameters<'t> {
    fn parameter(&mut self, text: &'t str) -> Option<(&'t str, &'t str)> {
        self.rest = "";
        let (name, rest) = split_token(text)?;
        let rest = rest.strip_prefix('=')?;
        let (value, rest) = match rest.strip_prefix('"') {
            Some(inner) => {
                let (length, _) = quoted_length(inner)?;
                let (value, rest) = rest.split_at(length + 2);
                (value.is_ascii().then_some(value)?, rest)
            }
            None => split_token(rest)?,
        };
        self.rest = rest;
        Some((name, value))
    }
}

/// Length of a quoted-string's content given from behind its opening quote, and whether it holds escapes; `None` if it
/// never closes or holds control characters.
fn quoted_length(inner: &str) -> Option<(usize, bool)> {
    let mut escaped = false;
    let mut bytes = inner.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        let byte = match byte {
            b'"' => return Some((at, escaped)),
            b'\\' => {
                escaped = true;
                bytes.next()?.1
            }
            byte => byte,
        };
        if byte.is_ascii_control() && byte != b'\t' {
            return None;
        }
    }
    None
}

/// The token (RFC 9110 §5.6.2) a text starts with, and the rest; `None` if it starts with none.
fn split_token(text: &str) -> Option<(&str, &str)> {
    let length = text.bytes().take_while(|byte| TOKEN[usize::from(*byte)]).count();
    (length > 0).then(|| text.split_at(length))
}

/// Which bytes may stand in a token.
static TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 0x80 {
        table[byte as usize] = byte.is_ascii_alphanumeric()
            || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~');
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::{EventMedia, MediaType, unquote};

    #[test]
    fn valid_media_types_are_told_from_others() {
        for text in [
            "text/plain",
            "application/vnd.example.order+json; charset=utf-8",
            "text/plain;charset=\"utf-8\" ; format=flowed",
            "multipart/form-data; boundary=\"a \\\" b\"",
            "text/plain;",
            "text/plain; ;a=b",
        ] {
            assert!(MediaType::parse(text).is_some(), "{text}");
        }
        for text in [
            "",
            "text",
            "text/",
            "/plain",
            "text/plain charset",
            "text/plain; charset",
            "text/plain; charset=",
            "text/plain; charset=\"utf-8",
            "text/plain; =utf-8",
            "text/plain, text/html",
            "text/plain; a=\"é\"",
            "text/pläin",
            " text/plain",
            "text / plain",
            "text/plain; a = b",
        ] {
            assert_eq!(MediaType::parse(text), None, "{text}");
        }
    }

    #[test]
    fn json_xml_and_text_are_recognised_in_any_case() {
        let parse = |text| MediaType::parse(text).unwrap();
        assert!(parse("Application/JSON").is_json());
        assert!(parse("application/problem+JSON;charset=UTF-8").is_json());
        assert!(!parse("application/jsonx").is_json());
        assert!(!parse("application/json+zip").is_json());
        assert!(parse("image/svg+xml").is_xml());
        assert!(parse("TEXT/html").is_text());
        assert_eq!(parse("text/a; CharSet=\"utf-\\8\"").charset().as_deref(), Some("utf-8"));
        assert!(parse("text/a; charset=UTF-8").is_utf8());
        assert!(!parse("text/a; charset=latin1").is_utf8());
    }

    #[test]
    fn only_exact_names_are_event_media() {
        let media = |text| MediaType::parse(text).unwrap().event_media();
        assert_eq!(media("Application/CloudEvents"), Some(EventMedia { batch: false, format: "json" }));
        assert_eq!(media("application/cloudevents+XML; a=b"), Some(EventMedia { batch: false, format: "XML" }));
        assert_eq!(media("application/cloudevents-batch+json"), Some(EventMedia { batch: true, format: "json" }));
        assert_eq!(media("application/cloudeventsfoo+json"), None);
        assert_eq!(media("text/cloudevents+json"), None);
    }

    #[test]
    fn a_quoted_string_is_unquoted_only_when_it_is_exactly_one() {
        assert_eq!(unquote(r#""a b""#).as_deref(), Some("a b"));
        assert_eq!(unquote(r#""a \"b\" \\""#).as_deref(), Some(r#"a "b" \"#));
        assert_eq!(unquote(r#""""#).as_deref(), Some(""));
        for text in ["a", "\"", r#""a" and "b""#, r#""a\""#, r#"a"b""#] {
            assert_eq!(unquote(text), None, "{text}");
        }
    }
}
