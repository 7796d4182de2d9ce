//! NATS subjects out of event content: what a template's values become, and what may be published to at all.

use crate::transform::template::Template;
use std::fmt::Write as _;

/// Longest subject in bytes. A server drops the whole connection over a protocol line longer than its `max_control_line`
/// (4096 by default), and that line also holds the reply subject and two sizes.
pub const MAX_BYTES: usize = 3800;

/// Writes an attribute's value as part of a subject (design.md §2 "Templates"): ASCII letters, digits, `-`, `_` and single
/// inner dots stay, all else is percent-encoded; a dot that is first, last or beside a dot becomes `%2E`.
pub fn escape(value: &str, out: &mut String) {
    let bytes = value.as_bytes();
    for (index, byte) in bytes.iter().copied().enumerate() {
        let stays = match byte {
            b'.' => is_inner_dot(bytes, index),
            _ => byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_',
        };
        if stays {
            out.push(char::from(byte));
        } else if write!(out, "%{byte:02X}").is_err() {
            return; // writing to a String does not fail
        }
    }
}

fn is_inner_dot(bytes: &[u8], index: usize) -> bool {
    let neighbour = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(|byte| *byte != b'.');
    neighbour(index.checked_sub(1)) && neighbour(index.checked_add(1))
}

/// May a filled-in subject be published to? `Err` says why not.
///
/// Besides what NATS itself refuses, subjects that are commands to the server (`$JS.…`, `$SYS.…`) and reply inboxes are
/// refused: an event must never become either. `$KV.…` is data and allowed.
pub fn check(subject: &str) -> Result<(), String> {
    check_length(subject)?;
    if let Some(found) = subject.chars().find(|c| matches!(c, '*' | '>') || c.is_whitespace() || c.is_control()) {
        return Err(format!("the subject holds {found:?}"));
    }
    if subject.split('.').any(str::is_empty) {
        return Err(format!("the subject `{subject}` has an empty token"));
    }
    let first = subject.split('.').next().unwrap_or_default();
    if (first.starts_with('$') && first != "$KV") || first == "_INBOX" {
        return Err(format!("subjects that start with `{first}` belong to the server"));
    }
    Ok(())
}

/// Is this a subject a stream can listen on: like [`check`], and `*` may stand for a token, `>` for the last ones.
pub fn check_pattern(pattern: &str) -> Result<(), String> {
    check_length(pattern)?;
    if pattern.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(format!("the subject `{pattern}` holds white space"));
    }
    let mut tokens = pattern.split('.').peekable();
    while let Some(token) = tokens.next() {
        if token.is_empty() {
            return Err(format!("the subject `{pattern}` has an empty token"));
        }
        if token == ">" && tokens.peek().is_some() {
            return Err(format!("`>` stands only at the end of a subject, not inside `{pattern}`"));
        }
        if token.len() > 1 && token.contains(['*', '>']) {
            return Err(format!("a wildcard is a token of its own, not a part of `{token}`"));
        }
    }
    Ok(())
}

/// Could a message for one of them reach the other: both may hold wildcards.
pub fn overlap(one: &str, other: &str) -> bool {
    let (mut one, mut other) = (one.split('.'), other.split('.'));
    loop {
        match (one.next(), other.next()) {
            (Some(">"), Some(_)) | (Some(_), Some(">")) | (None, None) => return true,
            (Some(a), Some(b)) if a == b || a == "*" || b == "*" => {}
            _ => return false,
        }
    }
}

/// A pattern that takes every subject a template may become. A value may hold dots, so it takes all that follows.
pub fn pattern_of(template: &Template) -> String {
    if template.is_literal() {
        return template.literal_prefix().to_owned();
    }
    let before = template.literal_prefix().rsplit_once('.').map_or("", |(tokens, _)| tokens);
    if before.is_empty() { ">".to_owned() } else { format!("{before}.>") }
}

fn check_length(subject: &str) -> Result<(), String> {
    if subject.is_empty() {
        return Err("the subject is empty".to_owned());
    }
    if subject.len() > MAX_BYTES {
        return Err(format!("the subject is {} bytes long, at most {MAX_BYTES} are possible", subject.len()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{MAX_BYTES, check, check_pattern, escape, overlap, pattern_of};
    use crate::transform::template::Template;
    use proptest::prelude::proptest;

    fn escaped(value: &str) -> String {
        let mut out = String::new();
        escape(value, &mut out);
        out
    }

    #[test]
    fn values_keep_letters_digits_and_single_inner_dots() {
        assert_eq!(escaped("com.example.order-created_v1"), "com.example.order-created_v1");
        assert_eq!(escaped(".a..b."), "%2Ea%2E%2Eb%2E");
        assert_eq!(escaped("a...b.c"), "a%2E%2E%2Eb.c");
        assert_eq!(escaped("."), "%2E");
        assert_eq!(escaped("a.>"), "a.%3E");
        assert_eq!(escaped("*"), "%2A");
        assert_eq!(escaped("$JS.API.STREAM.DELETE.x"), "%24JS.API.STREAM.DELETE.x");
        assert_eq!(escaped("a b\r\n\u{0}é%"), "a%20b%0D%0A%00%C3%A9%25");
        assert_eq!(escaped("/shop/eu/1"), "%2Fshop%2Feu%2F1");
    }

    #[test]
    fn what_no_subject_may_be() {
        for subject in
            ["orders.created", "orders.%24JS", "$KV.bucket.key", "a", "orders.é", &"a".repeat(MAX_BYTES), "a.$JS.b"]
        {
            assert_eq!(check(subject), Ok(()), "{subject}");
        }
        for subject in [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "a.*",
            "a.>",
            "a*b",
            "a b",
            "a\tb",
            "a\r\nPUB x 1",
            "a\u{0}",
            "a\u{2003}b",
            "$JS.API.STREAM.DELETE.x",
            "$SYS.REQ",
            "$",
            "_INBOX.abc.1",
            &"a".repeat(MAX_BYTES + 1),
        ] {
            assert!(check(subject).is_err(), "{subject:?}");
        }
    }

    #[test]
    fn patterns_may_hold_wildcards_as_whole_tokens() {
        for pattern in ["orders.>", ">", "*", "orders.*.created", "orders"] {
            assert_eq!(check_pattern(pattern), Ok(()), "{pattern}");
        }
        for pattern in ["", "orders.", "orders.>.x", "orders*", "a.b>", "a b", "a..b"] {
            assert!(check_pattern(pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn subjects_and_patterns_overlap() {
        for (one, other) in
            [("a.b", "a.b"), ("a.b", "a.*"), ("a.b", "a.>"), ("a.>", "a.b.c"), (">", "x"), ("*.b", "a.*")]
        {
            assert!(overlap(one, other) && overlap(other, one), "{one} {other}");
        }
        for (one, other) in [("a.b", "a"), ("a.b", "a.c"), ("a", "a.>"), ("a.*", "a.b.c"), ("a.b.>", "a.c.>")] {
            assert!(!overlap(one, other) && !overlap(other, one), "{one} {other}");
        }
        for (template, pattern) in [
            ("a.b", "a.b"),
            ("a.{type}", "a.>"),
            ("a.b-{type}.c", "a.>"),
            ("{type}", ">"),
            ("x{type}.a", ">"),
            ("a.b.{x:-y}", "a.b.>"),
        ] {
            assert_eq!(pattern_of(&Template::parse(template).unwrap()), pattern, "{template}");
        }
    }

    proptest! {
        #[test]
        fn a_value_never_leaves_its_place(value in ".{0,40}|[.*>$ a]{0,12}", prefix in "[a-z]{1,8}") {
            let escaped = escaped(&value);
            assert!(escaped.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.%".contains(&b)), "{escaped}");
            assert!(!escaped.starts_with(['.', '$']) && !escaped.ends_with('.') && !escaped.contains(".."), "{escaped}");
            let subject = format!("{prefix}.{escaped}");
            assert!(subject.starts_with(&format!("{prefix}.")));
            assert_eq!(check(&subject).is_ok(), !value.is_empty(), "{subject}");
        }

        #[test]
        fn different_values_stay_different(a in ".{0,10}", b in ".{0,10}") {
            assert_eq!(escaped(&a) == escaped(&b), a == b);
        }
    }
}
