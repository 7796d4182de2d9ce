//! Numbers as JSON writes them, read exactly: what is whole is found by value (`1.0`, `15e1`), and nothing goes through a
//! double on its way to a 64-bit integer.

/// What a number is among whole ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whole {
    /// A whole number.
    Is(i128),
    /// It has a fraction.
    Fraction,
    /// A whole number of more than 38 digits.
    TooLarge,
}

/// The whole number a JSON number is. Takes time in proportion to its text, whatever its exponent.
pub fn whole(number: &str) -> Whole {
    let (negative, number) = match number.strip_prefix('-') {
        Some(number) => (true, number),
        None => (false, number),
    };
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = || before.bytes().chain(after.bytes());
    let leading = digits().take_while(|digit| *digit == b'0').count();
    let trailing = after.bytes().rev().chain(before.bytes().rev()).take_while(|digit| *digit == b'0').count();
    let all = before.len() + after.len();
    if leading == all {
        return Whole::Is(0);
    }
    let significant = all - leading - trailing;
    // Places to move the point behind the last significant digit.
    let exponent = exponent.parse::<i64>().unwrap_or(if exponent.starts_with('-') { i64::MIN } else { i64::MAX });
    let length = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let zeros = exponent.saturating_sub(length(after.len())).saturating_add(length(trailing));
    if zeros < 0 {
        return Whole::Fraction;
    }
    if length(significant).saturating_add(zeros) > 38 {
        return Whole::TooLarge;
    }
    let value = digits().skip(leading).take(significant).fold(0, |value, digit| value * 10 + i128::from(digit - b'0'));
    let value = (0..zeros).fold(value, |value, _| value * 10);
    Whole::Is(if negative { -value } else { value })
}

/// The whole number between two bounds, or what is wrong with the number.
pub fn between(number: &str, least: i128, most: i128) -> Result<i128, &'static str> {
    match whole(number) {
        Whole::Is(value) if (least..=most).contains(&value) => Ok(value),
        Whole::Is(_) | Whole::TooLarge => Err("does not fit"),
        Whole::Fraction => Err("is not whole"),
    }
}

/// The nearest double; `None` beyond the range of doubles.
pub fn double(number: &str) -> Option<f64> {
    number.parse().ok().filter(|value: &f64| value.is_finite())
}

/// The nearest single-precision number; `None` beyond their range.
pub fn single(number: &str) -> Option<f32> {
    number.parse().ok().filter(|value: &f32| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::{Whole, between, double, single, whole};

    #[test]
    fn whole_numbers_are_told_by_their_value() {
        for (text, value) in [
            ("0", 0),
            ("-0.000e5", 0),
            ("7", 7),
            ("-12.50e1", -125),
            ("1.0", 1),
            ("100e-2", 1),
            ("9223372036854775807", i128::from(i64::MAX)),
            ("-9223372036854775808.0", i128::from(i64::MIN)),
            ("1e30", 10_i128.pow(30)),
            ("0.00001e6", 10),
            ("0e99999999999999999999", 0),
        ] {
            assert_eq!(whole(text), Whole::Is(value), "{text}");
        }
        for text in ["1.5", "1e-1", "100e-3", "-0.1", "1e-99999999999999999999"] {
            assert_eq!(whole(text), Whole::Fraction, "{text}");
        }
        for text in ["1e39", "1e99999999999999999999", "123456789012345678901234567890123456789"] {
            assert_eq!(whole(text), Whole::TooLarge, "{text}");
        }
    }

    #[test]
    fn bounds_are_exact() {
        let long = |text| between(text, i128::from(i64::MIN), i128::from(i64::MAX));
        assert_eq!(long("9223372036854775807"), Ok(i128::from(i64::MAX)));
        assert_eq!(long("9223372036854775808"), Err("does not fit"));
        assert_eq!(long("0.5"), Err("is not whole"));
        assert_eq!((double("1e400"), single("1e39"), double("1e308")), (None, None, Some(1e308)));
    }
}
