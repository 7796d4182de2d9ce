//! RFC 3339 timestamps: which texts are valid, and which instant they name. The text of an event is never rewritten;
//! instants are for comparing (specs.md §1).

use std::borrow::Cow;
use std::fmt;

/// The instant a timestamp names. Equal and ordered by instant, whatever offset or precision the text had; its display
/// is the canonical text: UTC, no trailing zeros in the fraction. A leap second is after `:59` and before the next `:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant<'t> {
    /// Minutes since 1970-01-01T00:00Z.
    minutes: i64,
    /// 0 to 60.
    seconds: u8,
    /// Digits after the dot without trailing zeros; as text they compare like the fractions they are.
    fraction: &'t str,
}

impl<'t> Instant<'t> {
    /// Reads an RFC 3339 timestamp; `t` and `z` may be lower case, second 60 is legal, the offset is needed.
    pub fn parse(text: &'t str) -> Option<Instant<'t>> {
        let bytes = text.as_bytes();
        let (year, month, day) = (number(bytes, 0, 4)?, number(bytes, 5, 2)?, number(bytes, 8, 2)?);
        let (hour, minute, second) = (number(bytes, 11, 2)?, number(bytes, 14, 2)?, number(bytes, 17, 2)?);
        let punctuated = bytes[4] == b'-'
            && bytes[7] == b'-'
            && matches!(bytes[10], b'T' | b't')
            && bytes[13] == b':'
            && bytes[16] == b':';
        let in_range = (1..=12).contains(&month)
            && (1..=days_in(year, month)).contains(&day)
            && hour <= 23
            && minute <= 59
            && second <= 60;
        if !punctuated || !in_range {
            return None;
        }
        let (fraction, offset) = split_fraction(text.get(19..)?)?;
        let minutes = (days_from_epoch(year, month, day) * 24 + hour) * 60 + minute - offset_minutes(offset)?;
        Some(Instant { minutes, seconds: u8::try_from(second).ok()?, fraction: fraction.trim_end_matches('0') })
    }

    /// Seconds since 1970-01-01T00:00:00Z, and the digits of the fraction without trailing zeros. `None` in a leap second,
    /// which has no number of its own.
    pub fn since_epoch(&self) -> Option<(i64, &'t str)> {
        (self.seconds < 60).then(|| (self.minutes * 60 + i64::from(self.seconds), self.fraction))
    }
}

/// Seconds from 1970 to the first and the last second of the years 0001 to 9999: what a Protobuf Timestamp may hold.
const UNIX_SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

impl Instant<'_> {
    /// Seconds since 1970 in UTC and the nanoseconds from there on. `None` for a leap second, a fraction finer than
    /// nanoseconds and instants outside of the years 0001 to 9999.
    pub fn unix(&self) -> Option<(i64, u32)> {
        let seconds = self.minutes * 60 + i64::from(self.seconds);
        if self.seconds == 60 || self.fraction.len() > 9 || !UNIX_SECONDS.contains(&seconds) {
            return None;
        }
        let digits = u32::try_from(self.fraction.len()).ok()?;
        let fraction: u32 = if digits == 0 { 0 } else { self.fraction.parse().ok()? };
        Some((seconds, fraction * 10_u32.pow(9 - digits)))
    }
}

/// The canonical text of what [`Instant::unix`] gives; `None` for numbers it does not give.
pub fn text_of_unix(seconds: i64, nanos: u32) -> Option<String> {
    if nanos >= 1_000_000_000 || !UNIX_SECONDS.contains(&seconds) {
        return None;
    }
    let mut fraction = *b"000000000";
    put_digits(&mut fraction, nanos.into());
    let fraction = str::from_utf8(&fraction).ok()?;
    let instant = Instant {
        minutes: seconds.div_euclid(60),
        seconds: u8::try_from(seconds.rem_euclid(60)).ok()?,
        fraction: fraction.trim_end_matches('0'),
    };
    Some(instant.to_string())
}

/// The canonical text of a timestamp; `None` if the text is none.
pub fn canonical(text: &str) -> Option<Cow<'_, str>> {
    let instant = Instant::parse(text)?;
    let digits = instant.fraction.len();
    let shortest = "2026-11-28T20:00:00Z".len() + digits + usize::from(digits > 0);
    let as_written = text.len() == shortest && text.as_bytes().get(10) == Some(&b'T') && text.ends_with('Z');
    Some(if as_written { text.into() } else { instant.to_string().into() })
}

impl fmt::Display for Instant<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = date_of(self.minutes.div_euclid(24 * 60));
        let (hour, minute) = (self.minutes.div_euclid(60).rem_euclid(24), self.minutes.rem_euclid(60));
        if (0..=9999).contains(&year) {
            let mut text = *b"0000-00-00T00:00:00";
            let parts = [(0..4, year), (5..7, month), (8..10, day), (11..13, hour), (14..16, minute)];
            for (range, number) in parts {
                put_digits(&mut text[range], number);
            }
            put_digits(&mut text[17..], self.seconds.into());
            f.write_str(str::from_utf8(&text).map_err(|_| fmt::Error)?)?;
        } else {
            write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}", self.seconds)?;
        }
        if !self.fraction.is_empty() {
            write!(f, ".{}", self.fraction)?;
        }
        f.write_str("Z")
    }
}

/// Writes a number with as many digits as there is room.
fn put_digits(room: &mut [u8], mut number: i64) {
    for digit in room.iter_mut().rev() {
        *digit = b'0' + (number % 10).to_le_bytes()[0];
        number /= 10;
    }
}

/// `count` digits at `from`.
fn number(bytes: &[u8], from: usize, count: usize) -> Option<i64> {
    bytes
        .get(from..from + count)?
        .iter()
        .try_fold(0, |value, byte| byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0')))
}

/// Parts what follows the seconds into the digits of the fraction (none when there is no dot) and the offset.
fn split_fraction(rest: &str) -> Option<(&str, &str)> {
    let Some(fraction) = rest.strip_prefix('.') else { return Some(("", rest)) };
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    (digits > 0).then(|| fraction.split_at(digits))
}

fn offset_minutes(offset: &str) -> Option<i64> {
    let bytes = offset.as_bytes();
    let sign = match bytes {
        [b'Z' | b'z'] => return Some(0),
        [b'+', ..] => 1,
        [b'-', ..] => -1,
        _ => return None,
    };
    let (hours, minutes) = (number(bytes, 1, 2)?, number(bytes, 4, 2)?);
    (bytes.len() == 6 && bytes[3] == b':' && hours <= 23 && minutes <= 59).then_some(sign * (hours * 60 + minutes))
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days of the 400-year cycle of the Gregorian calendar.
const CYCLE_DAYS: i64 = 146_097;
/// Days from 0000-03-01 to 1970-01-01; years are counted from March so that the leap day is the last of its year.
const EPOCH_DAYS: i64 = 719_468;

fn days_from_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (cycle, year) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    cycle * CYCLE_DAYS + year * 365 + year / 4 - year / 100 + day_of_year - EPOCH_DAYS
}

/// Year, month and day of a day counted from 1970-01-01.
pub fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + EPOCH_DAYS;
    let (cycle, day) = (days.div_euclid(CYCLE_DAYS), days.rem_euclid(CYCLE_DAYS));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let month = (shifted_month + 2) % 12 + 1;
    let year = cycle * 400 + year + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted_month + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::{Instant, canonical, text_of_unix};

    #[test]
    fn texts_of_one_instant_have_one_canonical_text() {
        for (text, expected) in [
            ("2018-04-05T17:31:00Z", "2018-04-05T17:31:00Z"),
            ("2018-04-05T17:31:00.000000000Z", "2018-04-05T17:31:00Z"),
            ("2018-04-05t16:31:00.500-01:00", "2018-04-05T17:31:00.5Z"),
            ("2018-04-05T00:00:00.123456789012345z", "2018-04-05T00:00:00.123456789012345Z"),
            ("2017-01-01T00:59:60+01:00", "2016-12-31T23:59:60Z"),
            ("2000-02-29T23:59:59-00:00", "2000-02-29T23:59:59Z"),
            ("2024-03-01T00:10:00+00:30", "2024-02-29T23:40:00Z"),
            ("2018-04-05T17:31:00.5Z", "2018-04-05T17:31:00.5Z"),
            ("2018-04-05T17:31:00.50Z", "2018-04-05T17:31:00.5Z"),
            ("2018-04-05T17:31:00.5z", "2018-04-05T17:31:00.5Z"),
            ("2018-04-05t17:31:00Z", "2018-04-05T17:31:00Z"),
            ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"),
            ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
            ("2018-04-05T17:31:00.0Z", "2018-04-05T17:31:00Z"),
            ("2018-04-05T17:31:00.10Z", "2018-04-05T17:31:00.1Z"),
            ("2018-04-05T17:31:00.01Z", "2018-04-05T17:31:00.01Z"),
            ("2018-04-05T17:31:00z", "2018-04-05T17:31:00Z"),
            ("1969-12-31T23:59:59Z", "1969-12-31T23:59:59Z"),
        ] {
            assert_eq!(canonical(text).as_deref(), Some(expected), "{text}");
        }
        // An offset may lead out of the four-digit years; the canonical texts still differ.
        assert_ne!(canonical("0000-01-01T00:00:00+01:00"), canonical("0000-12-31T23:00:00Z"));
        assert_ne!(canonical("9999-12-31T23:59:59-01:00"), canonical("0000-01-01T00:59:59Z"));
    }

    #[test]
    fn what_fits_into_unix_time_comes_back_as_the_same_instant() {
        for (text, unix) in [
            ("1970-01-01T00:00:00Z", (0, 0)),
            ("1969-12-31T23:59:59.25Z", (-1, 250_000_000)),
            ("0001-01-01T00:00:00Z", (-62_135_596_800, 0)),
            ("9999-12-31T23:59:59.999999999Z", (253_402_300_799, 999_999_999)),
            ("2018-04-05T17:31:00.000000001Z", (1_522_949_460, 1)),
        ] {
            assert_eq!(Instant::parse(text).unwrap().unix(), Some(unix), "{text}");
            assert_eq!(text_of_unix(unix.0, unix.1).as_deref(), Some(text));
        }
        assert_eq!(Instant::parse("2018-04-05T19:31:00.500+02:00").unwrap().unix(), Some((1_522_949_460, 500_000_000)));
        for text in [
            "2016-12-31T23:59:60Z",
            "2018-04-05T17:31:00.1234567891Z",
            "0000-12-31T23:59:59Z",
            "0001-01-01T00:30:00+01:00",
            "9999-12-31T23:30:00-01:00",
        ] {
            assert_eq!(Instant::parse(text).unwrap().unix(), None, "{text}");
        }
        for (seconds, nanos) in [
            (0, 1_000_000_000),
            (0, u32::MAX),
            (253_402_300_800, 0),
            (-62_135_596_801, 0),
            (i64::MIN, 0),
            (i64::MAX, 0),
        ] {
            assert_eq!(text_of_unix(seconds, nanos), None, "{seconds} {nanos}");
        }
    }

    #[test]
    fn instants_are_ordered() {
        let order = [
            "2016-12-31T23:59:59.9Z",
            "2016-12-31T23:59:60Z",
            "2016-12-31T23:59:60.05Z",
            "2016-12-31T23:59:60.5Z",
            "2017-01-01T01:00:00+01:00",
        ];
        assert!(order.windows(2).all(|pair| Instant::parse(pair[0]) < Instant::parse(pair[1])));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "lunchtime",
            "2018-04-05",
            "2018-04-05T17:31:00",
            "2018-04-05T17:31Z",
            "2018-04-05 17:31:00Z",
            "2018-04-05T17:31:00X",
            "2018-04-05T17:31:00ZZ",
            "2018-04-05T17:31:00+xx:00",
            "2018-04-05T17:31:00+05",
            "2018-04-05T17:31:00+0500",
            "2018-04-05T17:31:00+25:00",
            "2018-04-05T17:31:00+01:60",
            "2018-04-05T17:31:00.Z",
            "2018-04-05T17:31:00,5Z",
            "2018-04-05T24:00:00Z",
            "2018-04-05T17:60:00Z",
            "2018-04-05T17:31:61Z",
            "2018-13-05T17:31:00Z",
            "2018-00-05T17:31:00Z",
            "2018-04-31T17:31:00Z",
            "2018-04-00T17:31:00Z",
            "2019-02-29T17:31:00Z",
            "1900-02-29T17:31:00Z",
            "18-04-05T17:31:00Z",
            "+2018-04-05T17:31:00Z",
            "2018-04-05T17:31:00é",
            "2018-04-05T17:31:0é",
        ] {
            assert_eq!(Instant::parse(text), None, "{text}");
        }
    }
}
