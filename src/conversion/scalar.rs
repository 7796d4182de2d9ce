//! Text of XML → scalars of JSON.

use super::declaration::Scalar;
use super::expected::Kinds;
use crate::cloudevents::json::{self, scan};
use crate::cloudevents::xml::characters::is_space;
use std::borrow::Cow;

/// The JSON text of a value of a declared type; `None` if the text is no such value.
pub fn declared(text: &str, scalar: Scalar) -> Option<Cow<'_, str>> {
    match scalar {
        Scalar::String => Some(Cow::Owned(quoted(text))),
        Scalar::Number => number(text).map(Cow::Borrowed),
        Scalar::Integer => number(text).filter(|number| is_whole(number)).map(Cow::Borrowed),
        Scalar::Boolean => boolean(text).map(Cow::Borrowed),
    }
}

/// The JSON text of a value of one of the types a schema allows. What is of none of them stays text, so that the check
/// against the schema can tell.
pub fn expected(text: &str, kinds: Kinds) -> Cow<'_, str> {
    if !kinds.has(Kinds::STRING) {
        let candidates =
            [(Kinds::NUMBER, Scalar::Number), (Kinds::INTEGER, Scalar::Integer), (Kinds::BOOLEAN, Scalar::Boolean)];
        for (kind, scalar) in candidates {
            if let Some(value) = kinds.has(kind).then(|| declared(text, scalar)).flatten() {
                return value;
            }
        }
        if text.is_empty() && kinds.has(Kinds::NULL) {
            return Cow::Borrowed("null");
        }
    }
    Cow::Owned(quoted(text))
}

/// A JSON string.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    json::quote(text, &mut out);
    out
}

/// A number as JSON writes it; whitespace around counts for nothing.
fn number(text: &str) -> Option<&str> {
    let text = trimmed(text);
    let starts = text.starts_with(|c: char| c == '-' || c.is_ascii_digit());
    if starts { scan::document(text.as_bytes()) } else { None }
}

/// Is a number, however it is written, whole? `1.0` and `15e-1` × 10 are, as JSON Schema sees it.
fn is_whole(number: &str) -> bool {
    let number = number.trim_start_matches('-');
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fraction = fraction.trim_end_matches('0');
    let zeros = if fraction.is_empty() { whole.len() - whole.trim_end_matches('0').len() } else { 0 };
    if fraction.is_empty() && zeros == whole.len() {
        return true;
    }
    // Digits behind the point that are left when the exponent has moved it.
    let length = |digits: usize| i64::try_from(digits).unwrap_or(i64::MAX);
    match exponent.trim_start_matches('+').parse::<i64>() {
        Ok(exponent) => exponent >= length(fraction.len()).saturating_sub(length(zeros)),
        Err(_) => !exponent.starts_with('-'),
    }
}

/// As XML Schema writes truth values.
fn boolean(text: &str) -> Option<&'static str> {
    match trimmed(text) {
        "true" | "1" => Some("true"),
        "false" | "0" => Some("false"),
        _ => None,
    }
}

fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| u8::try_from(c).is_ok_and(is_space))
}

#[cfg(test)]
mod tests {
    use super::{Kinds, Scalar, declared, expected, is_whole, quoted};

    #[test]
    fn declared_types_take_their_own_text_only() {
        let value = |text: &str, scalar| declared(text, scalar).map(String::from);
        for text in ["0", "-1", "1.10", "1e5", "1E+400", "123456789012345678901234567890", "-0"] {
            assert_eq!(value(text, Scalar::Number).as_deref(), Some(text));
            assert_eq!(value(&format!(" \n{text}\t"), Scalar::Number).as_deref(), Some(text));
        }
        for text in ["", "+1", "01", ".5", "5.", "1e", "NaN", "INF", "0x10", "1 2", "true", "\"1\"", "[1]", "\u{a0}1"] {
            assert_eq!(value(text, Scalar::Number), None, "{text}");
        }
        assert_eq!(value(" 1 ", Scalar::Boolean).as_deref(), Some("true"));
        assert_eq!(value("false", Scalar::Boolean).as_deref(), Some("false"));
        assert_eq!(value("True", Scalar::Boolean), None);
        assert_eq!(value(" a\"\\\r\n\t", Scalar::String).as_deref(), Some(r#"" a\"\\\r\n\t""#));
        assert_eq!(value("1.5", Scalar::Integer), None);
        assert_eq!(value("1.0", Scalar::Integer).as_deref(), Some("1.0"));
    }

    #[test]
    fn whole_numbers_are_told_by_their_value() {
        for number in ["0", "-7", "100", "1.0", "1.50e1", "1e0", "100e-2", "0.0e-5", "1e99999999999999999999", "-0"] {
            assert!(is_whole(number), "{number}");
        }
        for number in ["1.5", "1.50e0", "100e-3", "1e-1", "0.1", "1e-99999999999999999999", "10.01e1"] {
            assert!(!is_whole(number), "{number}");
        }
    }

    #[test]
    fn a_schema_that_takes_strings_gets_one() {
        assert_eq!(expected("5", Kinds::NUMBER | Kinds::STRING), "\"5\"");
        assert_eq!(expected("5", Kinds::NUMBER | Kinds::NULL), "5");
        assert_eq!(expected("five", Kinds::NUMBER | Kinds::NULL), "\"five\"");
        assert_eq!(expected("", Kinds::NUMBER | Kinds::NULL), "null");
        assert_eq!(expected("", Kinds::NUMBER), "\"\"");
        assert_eq!(expected("true", Kinds::BOOLEAN | Kinds::INTEGER), "true");
        assert_eq!(expected("1", Kinds::INTEGER | Kinds::BOOLEAN), "1");
        assert_eq!(expected("1", Kinds::ALL), "\"1\"");
        assert_eq!(quoted(""), "\"\"");
    }
}
