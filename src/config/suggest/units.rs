//! What a duration or a size that is none was most probably meant to be: `5 minutes`, `1h30m`, `PT5S`, `10MBs`, `1.5 GiB`.

use crate::units::{Size, Span};
use std::time::Duration;

/// A hint for a text that is no duration.
pub fn duration(text: &str) -> String {
    if let Ok(number @ 1..) = text.trim().parse::<u32>() {
        return format!("write the unit, too: {number}s or {number}ms");
    }
    match millis(text) {
        Some(millis) => format!("write {}", Span(Duration::from_millis(millis))),
        None => "a number and a unit, without a blank: 250ms, 30s, 5m, 24h, 7d".to_owned(),
    }
}

/// A hint for a text that is no size.
pub fn size(text: &str) -> String {
    match bytes(text) {
        Some(size) => format!("write {size}"),
        None => "a number and a unit, without a blank: 512B, 64KiB, 4MiB, 10GiB".to_owned(),
    }
}

/// The sum of all numbers with their units.
fn millis(text: &str) -> Option<u64> {
    let folded = text.trim().to_lowercase();
    // ISO 8601: `PT1H30M`, `P2D`.
    let rest = folded.strip_prefix("pt").or_else(|| folded.strip_prefix('p')).unwrap_or(&folded);
    let parts = parts(rest)?;
    let mut sum = 0.0;
    for (number, unit) in &parts {
        let scale = match *unit {
            "ms" | "msec" | "millis" | "millisecond" | "milliseconds" => 1.0,
            "s" | "sec" | "secs" | "second" | "seconds" => 1e3,
            "m" | "min" | "mins" | "minute" | "minutes" => 6e4,
            "h" | "hr" | "hrs" | "hour" | "hours" => 36e5,
            "d" | "day" | "days" => 864e5,
            "w" | "week" | "weeks" => 6048e5,
            _ => return None,
        };
        sum += number * scale;
    }
    whole(sum)
}

fn bytes(text: &str) -> Option<String> {
    let folded = text.trim().to_lowercase();
    let [(number, unit)] = parts(&folded)?[..] else { return None };
    let unit = unit.strip_suffix('s').unwrap_or(unit);
    let (scale, name) = match unit {
        "b" | "byte" => (1.0, "B"),
        "kib" | "k" => (1024.0, "KiB"),
        "mib" | "m" => (1024.0 * 1024.0, "MiB"),
        "gib" | "g" => (1024.0 * 1024.0 * 1024.0, "GiB"),
        "kb" => (1e3, "KB"),
        "mb" => (1e6, "MB"),
        "gb" => (1e9, "GB"),
        _ => return None,
    };
    match whole(number) {
        Some(number) => Some(format!("{number}{name}")),
        None => Some(Size(whole(number * scale)?).to_string()),
    }
}

/// Numbers with what stands behind each. `None`: there is something else, or no number.
fn parts(text: &str) -> Option<Vec<(f64, &str)>> {
    let mut parts = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, behind) = rest.split_at(digits);
        let behind = behind.trim_start();
        let letters = behind.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(behind.len());
        let (unit, after) = behind.split_at(letters);
        parts.push((number.parse().ok()?, unit));
        rest = after.trim_start_matches([' ', 't']);
    }
    (!parts.is_empty()).then_some(parts)
}

/// A positive number without a fraction.
fn whole(number: f64) -> Option<u64> {
    const MOST: f64 = 9e15;
    if !(1.0..=MOST).contains(&number) || number.fract() != 0.0 {
        return None;
    }
    format!("{number:.0}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{duration, size};

    #[test]
    fn what_people_write_for_a_time_is_understood() {
        for (text, hint) in [
            ("5 minutes", "write 5m"),
            ("1h30m", "write 90m"),
            ("PT1H30M", "write 90m"),
            ("P2D", "write 2d"),
            ("1w", "write 7d"),
            ("10S", "write 10s"),
            ("0.5m", "write 30s"),
            ("200", "write the unit, too: 200s or 200ms"),
            ("2 days 3 hrs", "write 51h"),
        ] {
            assert_eq!(duration(text), hint, "{text}");
        }
        for text in ["soon", "", "-1s", "1x", "0", "1.2.3s", "0.0001ms", "99999999999999999999d"] {
            assert!(duration(text).starts_with("a number and a unit"), "{text}: {}", duration(text));
        }
    }

    #[test]
    fn what_people_write_for_a_size_is_understood() {
        for (text, hint) in [
            ("10MBs", "write 10MB"),
            ("64 KB", "write 64KB"),
            ("64k", "write 64KiB"),
            ("1.5GiB", "write 1536MiB"),
            ("10 mb", "write 10MB"),
            ("5 bytes", "write 5B"),
        ] {
            assert_eq!(size(text), hint, "{text}");
        }
        for text in ["much", "", "1 2", "-5MB", "0.3B"] {
            assert!(size(text).starts_with("a number and a unit"), "{text}: {}", size(text));
        }
    }
}
