//! Durations (`30s`) and byte sizes (`64KiB`) as operators write them, and points in time as the API shows them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A length of time written as a number and a unit: `250ms`, `30s`, `5m`, `24h`, `7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(pub Duration);

/// A number of bytes written with a unit of 1024 or 1000: `512B`, `64KiB`, `10GiB`, `5MB`; a bare number is bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Size(pub u64);

const SPAN_UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
const SIZE_UNITS: [(&str, u64); 8] = [
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
];

fn number_and_unit(text: &str) -> (&str, &str) {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    text.split_at(digits)
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (number, unit) = number_and_unit(&text);
        let scale = SPAN_UNITS.iter().find(|(name, _)| *name == unit).map(|(_, scale)| *scale);
        match (number.parse::<u64>().ok(), scale) {
            (Some(number), Some(scale)) => number
                .checked_mul(scale)
                .map(|millis| Span(Duration::from_millis(millis)))
                .ok_or_else(|| format!("`{text}` is too long a time")),
            _ => Err(format!("`{text}` is not a duration; write a number and a unit, like 250ms, 30s, 5m, 24h, 7d")),
        }
    }
}

impl TryFrom<String> for Size {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (number, unit) = number_and_unit(&text);
        let scale = if unit.is_empty() {
            Some(1)
        } else {
            SIZE_UNITS.iter().find(|(name, _)| *name == unit).map(|(_, scale)| *scale)
        };
        match (number.parse::<u64>().ok(), scale) {
            (Some(number), Some(scale)) => {
                number.checked_mul(scale).map(Size).ok_or_else(|| format!("`{text}` is too large a size"))
            }
            _ => Err(format!("`{text}` is not a size; write a number and a unit, like 512B, 64KiB, 4MiB, 10GiB")),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        let (unit, scale) = SPAN_UNITS
            .iter()
            .rev()
            .find(|(_, scale)| millis >= *scale && millis % scale == 0)
            .unwrap_or(&SPAN_UNITS[0]);
        write!(f, "{}{unit}", millis / scale)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, scale) = SIZE_UNITS[..5]
            .iter()
            .rev()
            .find(|(_, scale)| self.0 >= *scale && self.0.is_multiple_of(*scale))
            .unwrap_or(&SIZE_UNITS[0]);
        write!(f, "{}{unit}", self.0 / scale)
    }
}

impl From<Span> for String {
    fn from(span: Span) -> String {
        span.to_string()
    }
}

impl From<Size> for String {
    fn from(size: Size) -> String {
        size.to_string()
    }
}

impl JsonSchema for Span {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": "^[0-9]+(ms|s|m|h|d)$",
            "description": "a duration: a number and a unit, like 250ms, 30s, 5m, 24h, 7d"
        })
    }
}

impl JsonSchema for Size {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": ["string", "integer"],
            "pattern": "^[0-9]+(B|KiB|MiB|GiB|TiB|KB|MB|GB)?$",
            "description": "a size in bytes: a number and a unit, like 512B, 64KiB, 4MiB, 10GiB"
        })
    }
}

/// A point in time: microseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Micros(pub i64);

impl Micros {
    /// The wall clock now.
    pub fn now() -> Micros {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }

    /// This point moved by `span` into the future.
    #[must_use]
    pub fn plus(self, span: Duration) -> Micros {
        Micros(self.0.saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub fn since(self, earlier: Micros) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The same as the standard library has it; nothing before 1970.
    pub fn system_time(self) -> SystemTime {
        UNIX_EPOCH + Duration::from_micros(u64::try_from(self.0).unwrap_or(0))
    }

    /// RFC 3339 in UTC with microseconds.
    pub fn rfc3339(self) -> String {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(at) => format!("{at:.6}"),
            Err(_) => String::from("unknown"),
        }
    }
}

impl Serialize for Micros {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.rfc3339())
    }
}

#[cfg(test)]
mod tests {
    use super::{Micros, Size, Span};
    use std::time::Duration;

    #[test]
    fn durations_and_sizes_survive_the_round_trip() {
        for text in ["250ms", "30s", "5m", "24h", "7d"] {
            let span = Span::try_from(text.to_owned()).unwrap();
            assert_eq!(Span::try_from(span.to_string()).unwrap(), span, "{text}");
        }
        assert_eq!(Span::try_from("30s".to_owned()).unwrap().0, Duration::from_secs(30));
        for (text, bytes) in [("64KiB", 65536), ("10GiB", 10 << 30), ("512", 512), ("5MB", 5_000_000)] {
            assert_eq!(Size::try_from(text.to_owned()).unwrap(), Size(bytes));
        }
        assert_eq!(Size(65536).to_string(), "64KiB");
        assert!(Span::try_from("30".to_owned()).is_err());
        assert!(Size::try_from("1XB".to_owned()).is_err());
        assert!(Size::try_from("99999999999999999999".to_owned()).is_err());
    }

    #[test]
    fn a_point_in_time_is_written_with_microseconds() {
        assert_eq!(Micros(1_700_000_000_000_001).rfc3339(), "2023-11-14T22:13:20.000001Z");
        assert_eq!(Micros(5).since(Micros(9)), Duration::ZERO);
    }
}
