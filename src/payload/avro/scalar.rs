//! Scalars of the JSON reading of Avro ⇄ what a datum holds: dates and times, decimals, UUIDs.

use super::schema::{Decimal, Time, Unit};
use crate::payload::moment;

/// The number a text of a date or time stands for; `None` if it is no such text or does not fit.
pub fn time_number(time: Time, text: &str) -> Option<i64> {
    let scaled = |(seconds, nanoseconds): (i64, u32), unit: Unit| {
        let part = i64::from(nanoseconds) / (1_000_000_000 / unit.per_second());
        seconds.checked_mul(unit.per_second())?.checked_add(part)
    };
    match time {
        Time::Date => moment::date(text),
        Time::OfDay(unit) => moment::time_of_day(text, unit.digits())
            .map(|nanoseconds| nanoseconds / (1_000_000_000 / unit.per_second())),
        Time::Instant(unit) => scaled(moment::instant(text, unit.digits())?, unit),
        Time::Local(unit) => scaled(moment::local(text, unit.digits())?, unit),
    }
}

/// The text of a date or time; `None` for what RFC 3339 has no text for.
pub fn time_text(time: Time, number: i64) -> Option<String> {
    let parts = |unit: Unit| {
        let nanoseconds = number.rem_euclid(unit.per_second()) * (1_000_000_000 / unit.per_second());
        Some((number.div_euclid(unit.per_second()), u32::try_from(nanoseconds).ok()?))
    };
    match time {
        Time::Date => moment::write_date(number),
        Time::OfDay(unit) => moment::write_time_of_day(number.checked_mul(1_000_000_000 / unit.per_second())?),
        Time::Instant(unit) => parts(unit).and_then(|(seconds, part)| moment::write_instant(seconds, part)),
        Time::Local(unit) => parts(unit).and_then(|(seconds, part)| moment::write_local(seconds, part)),
    }
}

/// The unscaled number of a decimal in two's complement, highest byte first, as few bytes as hold it. `None` if the text
/// is no plain decimal or has too many digits.
pub fn decimal_bytes(decimal: Decimal, text: &str) -> Option<Vec<u8>> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let (before, after) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(before) || digits.contains('.') && !is_number(after) {
        return None;
    }
    let after = after.trim_end_matches('0');
    let before = before.trim_start_matches('0');
    if after.len() > decimal.scale || before.len() + decimal.scale > decimal.precision {
        return None;
    }
    let zeros = std::iter::repeat_n(b'0', decimal.scale - after.len());
    let mut magnitude: Vec<u8> = Vec::new();
    for digit in before.bytes().chain(after.bytes()).chain(zeros) {
        let mut carry = u16::from(digit - b'0');
        for byte in magnitude.iter_mut().rev() {
            carry += u16::from(*byte) * 10;
            *byte = carry.to_be_bytes()[1];
            carry >>= 8;
        }
        if carry > 0 {
            magnitude.insert(0, carry.to_be_bytes()[1]);
        }
    }
    if magnitude.first().is_none_or(|first| *first >= 0x80) {
        magnitude.insert(0, 0);
    }
    if negative {
        negate(&mut magnitude);
        while magnitude.len() > 1 && magnitude[0] == 0xff && magnitude[1] >= 0x80 {
            magnitude.remove(0);
        }
    }
    Some(magnitude)
}

/// The text of a decimal with all digits behind the dot; `None` if it has more digits than its precision.
pub fn decimal_text(decimal: Decimal, bytes: &[u8]) -> Option<String> {
    let negative = bytes.first().is_some_and(|first| *first >= 0x80);
    let filler = if negative { 0xff } else { 0 };
    let mut magnitude: Vec<u8> = bytes.iter().copied().skip_while(|byte| *byte == filler).collect();
    // Digits are more than twice as many as bytes: more bytes than digits cannot be right, whatever they are.
    if magnitude.len() > decimal.precision {
        return None;
    }
    if negative {
        magnitude.insert(0, 0xff);
        negate(&mut magnitude);
    }
    let mut digits = Vec::new();
    while magnitude.iter().any(|byte| *byte != 0) {
        let mut rest = 0_u16;
        for byte in &mut magnitude {
            let value = rest << 8 | u16::from(*byte);
            *byte = (value / 10).to_be_bytes()[1];
            rest = value % 10;
        }
        digits.push(b'0' + rest.to_be_bytes()[1]);
    }
    if digits.len() > decimal.precision {
        return None;
    }
    digits.resize(digits.len().max(decimal.scale + 1), b'0');
    let mut text = String::with_capacity(digits.len() + 2);
    if negative {
        text.push('-');
    }
    for (place, digit) in digits.iter().enumerate().rev() {
        text.push(char::from(*digit));
        if place == decimal.scale && place > 0 {
            text.push('.');
        }
    }
    Some(text)
}

/// Two's complement of the same length.
fn negate(bytes: &mut [u8]) {
    let mut carry = true;
    for byte in bytes.iter_mut().rev() {
        let (negated, overflows) = (!*byte).overflowing_add(u8::from(carry));
        *byte = negated;
        carry = overflows;
    }
}

/// The sixteen bytes of a UUID in the form `8-4-4-4-12`.
pub fn uuid_bytes(text: &str) -> Option<[u8; 16]> {
    let groups: Vec<usize> = text.split('-').map(str::len).collect();
    if groups != [8, 4, 4, 4, 12] {
        return None;
    }
    let mut digits = text.bytes().filter(|byte| *byte != b'-').map(|byte| char::from(byte).to_digit(16));
    let mut bytes = [0; 16];
    for byte in &mut bytes {
        let (high, low) = (digits.next()??, digits.next()??);
        *byte = u8::try_from(high << 4 | low).ok()?;
    }
    Some(bytes)
}

/// The text of a UUID.
pub fn uuid_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(36);
    for (place, byte) in bytes.iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.extend([byte >> 4, byte & 15].map(|digit| char::from_digit(u32::from(digit), 16).unwrap_or_default()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{decimal_bytes, decimal_text, time_number, time_text, uuid_bytes, uuid_text};
    use crate::payload::avro::schema::{Decimal, Time, Unit};

    #[test]
    fn decimals_keep_every_digit() {
        let decimal = Decimal { precision: 30, scale: 2 };
        for (text, bytes, back) in [
            ("0", &[0][..], "0.00"),
            ("1.27", &[127], "1.27"),
            ("1.28", &[0, 128], "1.28"),
            ("-1.28", &[0x80], "-1.28"),
            ("-1.29", &[0xff, 0x7f], "-1.29"),
            ("-0.01", &[0xff], "-0.01"),
            ("0012.5", &[4, 0xe2], "12.50"),
            ("12.500", &[4, 0xe2], "12.50"),
        ] {
            assert_eq!(decimal_bytes(decimal, text).as_deref(), Some(bytes), "{text}");
            assert_eq!(decimal_text(decimal, bytes).as_deref(), Some(back), "{text}");
        }
        let long = "-1234567890123456789012345678.90";
        assert_eq!(decimal_text(decimal, &decimal_bytes(decimal, long).unwrap()).as_deref(), Some(long));
        assert_eq!(decimal_text(Decimal { precision: 3, scale: 0 }, &[3, 0xe7]).as_deref(), Some("999"));
        assert_eq!(decimal_text(Decimal { precision: 3, scale: 0 }, &[3, 0xe8]), None);
        assert_eq!(decimal_text(decimal, &[0x7f; 4000]), None);
        for text in ["", "-", ".5", "5.", "1e2", "+1", "1.234", "12345678901234567890123456789", "1,0", " 1"] {
            assert_eq!(decimal_bytes(decimal, text), None, "{text}");
        }
    }

    #[test]
    fn times_are_read_and_written() {
        for (time, text, number) in [
            (Time::Date, "2024-05-01", 19_844),
            (Time::OfDay(Unit::Millis), "10:15:30.250", 36_930_250),
            (Time::OfDay(Unit::Micros), "00:00:00.000001", 1),
            (Time::Instant(Unit::Millis), "2024-05-01T10:15:30Z", 1_714_558_530_000),
            (Time::Instant(Unit::Micros), "1969-12-31T23:59:59.999999Z", -1),
            (Time::Instant(Unit::Nanos), "2024-05-01T10:15:30.000000001Z", 1_714_558_530_000_000_001),
            (Time::Local(Unit::Millis), "2024-05-01T10:15:30.500", 1_714_558_530_500),
        ] {
            assert_eq!(time_number(time, text), Some(number), "{text}");
            assert_eq!(time_text(time, number).as_deref(), Some(text), "{text}");
        }
        assert_eq!(time_number(Time::Instant(Unit::Millis), "2024-05-01T10:15:30.1234Z"), None);
        assert_eq!(time_number(Time::Instant(Unit::Nanos), "9999-01-01T00:00:00Z"), None);
        assert_eq!(time_text(Time::Instant(Unit::Millis), i64::MAX), None);
        assert_eq!(time_text(Time::OfDay(Unit::Millis), -1), None);
    }

    #[test]
    fn uuids_are_read_and_written() {
        let text = "0123abcd-4567-89ab-cdef-0123456789ab";
        assert_eq!(uuid_text(&uuid_bytes(&text.to_uppercase()).unwrap()), text);
        for text in ["", "0123abcd456789abcdef0123456789ab", "0123abcg-4567-89ab-cdef-0123456789ab", "é-é-é-é-é"] {
            assert_eq!(uuid_bytes(text), None, "{text}");
        }
    }
}
