//! Plain scalars of the YAML 1.2 core schema: `true`, `false`, `null`, whole numbers, numbers, else text.

/// What a plain scalar means.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number that fits 64 bits.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// Everything else; `yes`, `on` and dates too.
    Text,
}

/// Resolves a plain scalar.
pub fn resolve(text: &str) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Scalar::Null,
        "true" | "True" | "TRUE" => Scalar::Boolean(true),
        "false" | "False" | "FALSE" => Scalar::Boolean(false),
        _ => number(text),
    }
}

fn number(text: &str) -> Scalar {
    let whole = if let Some(digits) = text.strip_prefix("0x") {
        Some(i64::from_str_radix(digits, 16)).filter(|_| digits.bytes().all(|b| b.is_ascii_hexdigit()))
    } else if let Some(digits) = text.strip_prefix("0o") {
        Some(i64::from_str_radix(digits, 8)).filter(|_| digits.bytes().all(|b| (b'0'..=b'7').contains(&b)))
    } else {
        Some(text.parse::<i64>())
    };
    match whole {
        Some(Ok(number)) => Scalar::Integer(number),
        _ if is_float(text) => float(text),
        _ => Scalar::Text,
    }
}

fn float(text: &str) -> Scalar {
    let unsigned = text.trim_start_matches(['+', '-']);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        return Scalar::Float(if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY });
    }
    if matches!(unsigned, ".nan" | ".NaN" | ".NAN") {
        return Scalar::Float(f64::NAN);
    }
    text.parse().map_or(Scalar::Text, Scalar::Float)
}

/// `[-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`, `.inf` and `.nan` (YAML 1.2.2 §10.3.2).
fn is_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).map_or((unsigned, None), |(m, e)| (m, Some(e)));
    let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(w, f)| (w, Some(f)));
    let all_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let mantissa_fits = match fraction {
        Some(fraction) => all_digits(whole) && all_digits(fraction) && !(whole.is_empty() && fraction.is_empty()),
        None => all_digits(whole) && !whole.is_empty(),
    };
    let exponent_fits = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        all_digits(digits) && !digits.is_empty()
    });
    mantissa_fits && exponent_fits
}

#[cfg(test)]
mod tests {
    use super::{Scalar, resolve};

    #[test]
    fn only_the_core_schema_counts() {
        for (text, expected) in [
            ("", Scalar::Null),
            ("~", Scalar::Null),
            ("true", Scalar::Boolean(true)),
            ("FALSE", Scalar::Boolean(false)),
            ("yes", Scalar::Text),
            ("on", Scalar::Text),
            ("-17", Scalar::Integer(-17)),
            ("+5", Scalar::Integer(5)),
            ("007", Scalar::Integer(7)),
            ("0x1F", Scalar::Integer(31)),
            ("0o17", Scalar::Integer(15)),
            ("0x", Scalar::Text),
            ("0x-1", Scalar::Text),
            ("1_000", Scalar::Text),
            ("1.5", Scalar::Float(1.5)),
            ("1.", Scalar::Float(1.0)),
            (".5", Scalar::Float(0.5)),
            ("1e3", Scalar::Float(1000.0)),
            (".", Scalar::Text),
            ("e3", Scalar::Text),
            ("1.2.3", Scalar::Text),
            ("-.inf", Scalar::Float(f64::NEG_INFINITY)),
            ("2024-01-01", Scalar::Text),
            ("99999999999999999999", Scalar::Float(1e20)),
            ("127.0.0.1:8080", Scalar::Text),
        ] {
            assert_eq!(resolve(text), expected, "{text}");
        }
    }
}
