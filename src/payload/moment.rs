//! Dates and times as RFC 3339 writes them ⇄ numbers. Nothing is rounded: what a unit cannot hold is refused.

use crate::cloudevents::timestamp::{Instant, date_of};
use std::fmt::Write as _;

/// Seconds from 0001-01-01T00:00:00Z to 1970.
pub const FIRST_SECOND: i64 = -62_135_596_800;
/// 9999-12-31T23:59:59Z.
pub const LAST_SECOND: i64 = 253_402_300_799;
const DAY: i64 = 86_400;

/// Seconds since 1970 and nanoseconds of a date-time with its offset. `None`: no such text, a leap second, or a fraction
/// of more than `digits` digits.
pub fn instant(text: &str, digits: usize) -> Option<(i64, u32)> {
    let (seconds, fraction) = Instant::parse(text)?.since_epoch()?;
    (fraction.len() <= digits.min(9)).then(|| (seconds, nanoseconds(fraction)))
}

/// As [`instant`] for a date-time of no place: without offset.
pub fn local(text: &str, digits: usize) -> Option<(i64, u32)> {
    let has_offset = text.get(19..)?.contains(['Z', 'z', '+', '-']);
    if has_offset { None } else { instant(&format!("{text}Z"), digits) }
}

/// Days since 1970-01-01 of a full-date.
pub fn date(text: &str) -> Option<i64> {
    if text.len() != 10 {
        return None;
    }
    instant(&format!("{text}T00:00:00Z"), 0).map(|(seconds, _)| seconds.div_euclid(DAY))
}

/// Nanoseconds since midnight of a partial-time.
pub fn time_of_day(text: &str, digits: usize) -> Option<i64> {
    let (seconds, nanoseconds) = local(&format!("1970-01-01T{text}"), digits)?;
    Some(seconds * 1_000_000_000 + i64::from(nanoseconds))
}

/// `2024-05-01`; `None` outside of the years 1 to 9999.
pub fn write_date(days: i64) -> Option<String> {
    let seconds = days.checked_mul(DAY)?;
    if !(FIRST_SECOND..=LAST_SECOND).contains(&seconds) {
        return None;
    }
    let (year, month, day) = date_of(days);
    Some(format!("{year:04}-{month:02}-{day:02}"))
}

/// `10:15:30.250`; `None` for what is no time of a day.
pub fn write_time_of_day(nanoseconds: i64) -> Option<String> {
    let seconds = nanoseconds.div_euclid(1_000_000_000);
    if !(0..DAY).contains(&seconds) {
        return None;
    }
    let mut text = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    write_fraction(u32::try_from(nanoseconds.rem_euclid(1_000_000_000)).ok()?, &mut text);
    Some(text)
}

/// `2024-05-01T10:15:30.250`, without offset; `None` outside of the years 1 to 9999.
pub fn write_local(seconds: i64, nanoseconds: u32) -> Option<String> {
    if !(FIRST_SECOND..=LAST_SECOND).contains(&seconds) {
        return None;
    }
    let mut text = write_date(seconds.div_euclid(DAY))?;
    text.push('T');
    text.push_str(&write_time_of_day(seconds.rem_euclid(DAY) * 1_000_000_000 + i64::from(nanoseconds))?);
    Some(text)
}

/// `2024-05-01T10:15:30.250Z`; `None` outside of the years 1 to 9999.
pub fn write_instant(seconds: i64, nanoseconds: u32) -> Option<String> {
    write_local(seconds, nanoseconds).map(|text| text + "Z")
}

/// None, three, six or nine digits, as few as hold it (ProtoJSON, "Timestamp").
pub fn write_fraction(nanoseconds: u32, out: &mut String) {
    let (value, digits) = match nanoseconds {
        0 => return,
        value if value % 1_000_000 == 0 => (value / 1_000_000, 3),
        value if value % 1_000 == 0 => (value / 1_000, 6),
        value => (value, 9),
    };
    write!(out, ".{value:0digits$}").ok();
}

/// Nanoseconds of at most nine digits behind the dot.
pub fn nanoseconds(fraction: &str) -> u32 {
    let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(9);
    digits.fold(0, |value, digit| value * 10 + u32::from(digit - b'0'))
}

#[cfg(test)]
mod tests {
    use super::{date, instant, local, time_of_day, write_date, write_instant, write_local, write_time_of_day};

    #[test]
    fn texts_and_numbers_are_the_same_moments() {
        assert_eq!(instant("1970-01-01T00:00:01.5Z", 9), Some((1, 500_000_000)));
        assert_eq!(instant("1969-12-31T23:59:59.000001-00:00", 9), Some((-1, 1_000)));
        assert_eq!(instant("2024-05-01T12:00:00+02:00", 3), Some((1_714_557_600, 0)));
        assert_eq!((date("1970-01-02"), date("1969-12-31"), date("2000-02-29")), (Some(1), Some(-1), Some(11_016)));
        assert_eq!(time_of_day("00:00:01.25", 3), Some(1_250_000_000));
        assert_eq!(local("1970-01-01T00:00:01", 3), Some((1, 0)));
        assert_eq!(write_instant(-1, 1_000).as_deref(), Some("1969-12-31T23:59:59.000001Z"));
        assert_eq!(write_local(1, 500_000_000).as_deref(), Some("1970-01-01T00:00:01.500"));
        assert_eq!(write_date(11_016).as_deref(), Some("2000-02-29"));
        assert_eq!(write_time_of_day(1_250_000_001).as_deref(), Some("00:00:01.250000001"));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for (text, digits) in
            [("2024-05-01T10:00:00.1234Z", 3), ("2024-05-01T10:00:60Z", 9), ("2024-05-01T10:00:00", 9), ("", 9)]
        {
            assert_eq!(instant(text, digits), None, "{text}");
        }
        assert_eq!(instant("2024-05-01T10:00:00.1230Z", 3).map(|(_, nanoseconds)| nanoseconds), Some(123_000_000));
        assert_eq!((date("2024-13-01"), date("2024-1-1"), date("2023-02-29")), (None, None, None));
        assert_eq!((time_of_day("24:00:00", 3), time_of_day("10:00:00Z", 3)), (None, None));
        assert_eq!(local("2024-05-01T10:00:00Z", 3), None);
        assert_eq!((write_date(-719_163), write_date(2_932_897), write_date(i64::MAX)), (None, None, None));
        assert_eq!(write_date(-719_162).as_deref(), Some("0001-01-01"));
        assert_eq!((write_instant(super::LAST_SECOND + 1, 0), write_time_of_day(-1)), (None, None));
    }
}
