//! Points in time on the command line: RFC 3339, or how long ago.

use crate::units::{Micros, Span};
use jiff::Timestamp;

/// `2026-01-31T12:00:00Z` as it is, `24h` as the time that long before now; both as RFC 3339.
pub fn parse(text: &str) -> Result<String, String> {
    relative_to(text, Micros::now())
}

/// The point in time that [`parse`] has written.
pub fn at(text: &str) -> Micros {
    text.parse::<Timestamp>().map_or(Micros(0), |at| Micros(at.as_microsecond()))
}

fn relative_to(text: &str, now: Micros) -> Result<String, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at.to_string());
    }
    let wrong = || "write a time like 2026-01-31T12:00:00Z, or how long ago like 90s, 15m, 24h, 7d".to_owned();
    let span = Span::try_from(text.to_owned()).map_err(|_| wrong())?;
    let back = i64::try_from(span.0.as_micros()).map_err(|_| wrong())?;
    let at = Micros(now.0.saturating_sub(back).max(0));
    Ok(at.rfc3339())
}

#[cfg(test)]
mod tests {
    use super::relative_to;
    use crate::units::Micros;

    #[test]
    fn times_are_absolute_or_ago() {
        let now = Micros(1_700_000_000_000_000);
        assert_eq!(relative_to("24h", now).unwrap(), "2023-11-13T22:13:20.000000Z");
        assert_eq!(relative_to("2026-01-31T13:00:00+01:00", now).unwrap(), "2026-01-31T12:00:00Z");
        assert_eq!(relative_to("99999999d", now).unwrap(), "1970-01-01T00:00:00.000000Z");
        assert!(relative_to("yesterday", now).is_err());
        assert!(relative_to("", now).is_err());
    }
}
