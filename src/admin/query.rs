//! Query strings, read strictly: an unknown parameter or a bad value is 400, so that a typing mistake is not taken for
//! "everything".

use super::answer::Refusal;
use crate::codes::Code;
use crate::units::Micros;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::fmt::Write as _;

/// Items of a page when the caller names no number.
const DEFAULT_LIMIT: usize = 100;
const LARGEST_LIMIT: usize = 1000;
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The parameters of one request, each name once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query string that may hold the parameters `known`.
    pub fn parse(raw: Option<&str>, known: &[&str]) -> Result<Query, Refusal> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for part in raw.unwrap_or_default().split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let (name, value) = (decoded(name)?, decoded(value)?);
            if !known.contains(&name.as_str()) {
                return Err(unknown(&name, known));
            }
            if value.is_empty() {
                return Err(bad(format!("parameter `{name}` has no value")));
            }
            if pairs.iter().any(|(other, _)| *other == name) {
                return Err(bad(format!("parameter `{name}` stands twice")));
            }
            pairs.push((name, value));
        }
        Ok(Query(pairs))
    }

    /// The text of a parameter.
    pub fn text(&self, name: &str) -> Option<String> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone())
    }

    /// A whole number.
    pub fn number(&self, name: &str) -> Result<Option<u64>, Refusal> {
        let parse = |text: String| {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|_| digits).ok_or_else(|| bad(format!("`{name}` is a whole number, not `{text}`")))
        };
        self.text(name).map(parse).transpose()
    }

    /// `true` or `false`, which is the default.
    pub fn flag(&self, name: &str) -> Result<bool, Refusal> {
        match self.text(name).as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(bad(format!("`{name}` is true or false, not `{other}`"))),
        }
    }

    /// `limit`: 1 to 1000.
    pub fn limit(&self) -> Result<usize, Refusal> {
        match self.number("limit")? {
            None => Ok(DEFAULT_LIMIT),
            Some(limit) => usize::try_from(limit)
                .ok()
                .filter(|limit| (1..=LARGEST_LIMIT).contains(limit))
                .ok_or_else(|| bad(format!("`limit` is a number from 1 to {LARGEST_LIMIT}"))),
        }
    }

    /// A point in time.
    pub fn time(&self, name: &str) -> Result<Option<Micros>, Refusal> {
        let parse = |text: String| {
            // A plus sign that was not escaped arrives as a blank.
            let at = text.replace(' ', "+").parse::<jiff::Timestamp>();
            at.map(|at| Micros(at.as_microsecond()))
                .map_err(|_| bad(format!("`{name}` is a time like 2026-01-31T08:00:00Z, not `{text}`")))
        };
        self.text(name).map(parse).transpose()
    }

    /// A trace id, in lower case.
    pub fn trace(&self) -> Result<Option<String>, Refusal> {
        let parse = |text: String| {
            let fits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            if fits { Ok(text.to_ascii_lowercase()) } else { Err(bad("`trace` is a trace id of 32 hex digits")) }
        };
        self.text("trace").map(parse).transpose()
    }

    /// The `Link` header to the page after `next`: the same query from there on.
    pub fn link(&self, path: &str, next: u64) -> String {
        let mut link = format!("<{path}?");
        for (name, value) in self.0.iter().filter(|(name, _)| name != "after") {
            // Writing to a String cannot fail.
            write!(link, "{name}={}&", utf8_percent_encode(value, KEPT)).unwrap_or_default();
        }
        link + &format!("after={next}>; rel=\"next\"")
    }
}

/// A query that cannot be answered.
pub fn bad(detail: impl Into<String>) -> Refusal {
    Refusal::new(Code::BadQuery, detail)
}

fn unknown(name: &str, known: &[&str]) -> Refusal {
    let shown: String = name.chars().take(50).collect();
    let near = known.iter().map(|other| (strsim::jaro_winkler(other, name), other));
    let near = near.filter(|(likeness, _)| *likeness > 0.8).max_by(|one, two| one.0.total_cmp(&two.0));
    bad(match (near, known.is_empty()) {
        (Some((_, near)), _) => format!("unknown parameter `{shown}`; did you mean `{near}`?"),
        (None, true) => format!("unknown parameter `{shown}`; this call takes none"),
        (None, false) => format!("unknown parameter `{shown}`; this call takes {}", known.join(", ")),
    })
}

fn decoded(text: &str) -> Result<String, Refusal> {
    let blanks = text.replace('+', " ");
    let decoded = percent_decode_str(&blanks).decode_utf8();
    decoded.map(std::borrow::Cow::into_owned).map_err(|_| bad("the query is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::Query;

    const KNOWN: &[&str] = &["type", "source", "since", "limit", "after", "trace"];

    #[test]
    fn parameters_are_decoded() {
        let query = Query::parse(Some("type=a%20b+c&&source=%2Fshop"), KNOWN).unwrap();
        assert_eq!(query.text("type").unwrap(), "a b c");
        assert_eq!(query.text("source").unwrap(), "/shop");
        assert_eq!(query.text("after"), None);
    }

    #[test]
    fn mistakes_are_told() {
        for (raw, told) in [
            ("typ=a", "did you mean `type`"),
            ("zzz=a", "this call takes type, source"),
            ("type=a&type=b", "twice"),
            ("type=", "no value"),
            ("type", "no value"),
            ("type=%ff", "UTF-8"),
        ] {
            let refusal = Query::parse(Some(raw), KNOWN).unwrap_err();
            assert!(refusal.detail.contains(told), "{raw}: {}", refusal.detail);
        }
        assert!(Query::parse(Some("a=1"), &[]).unwrap_err().detail.contains("takes none"));
    }

    #[test]
    fn values_have_their_types() {
        let read = |raw: &str| Query::parse(Some(raw), KNOWN).unwrap();
        assert_eq!(read("").limit().unwrap(), 100);
        assert_eq!(read("limit=1000").limit().unwrap(), 1000);
        for bad in ["limit=0", "limit=1001", "limit=-1", "limit=+1", "limit=x", "limit=99999999999999999999"] {
            assert!(read(bad).limit().is_err(), "{bad}");
        }
        for time in
            ["since=2026-01-31T08:00:00Z", "since=2026-01-31T09:00:00+01:00", "since=2026-01-31T09:00:00%2B01:00"]
        {
            assert_eq!(read(time).time("since").unwrap().unwrap().0, 1_769_846_400_000_000, "{time}");
        }
        for bad in ["since=yesterday", "since=2026-01-31", "since=2026-13-31T08:00:00Z"] {
            assert!(read(bad).time("since").is_err(), "{bad}");
        }
        assert_eq!(read("trace=4BF92F3577B34DA6A3CE929D0E0E4736").trace().unwrap().unwrap()[..4], *"4bf9");
        assert!(read("trace=4bf9").trace().is_err());
    }

    #[test]
    fn the_link_to_the_next_page_keeps_the_filters() {
        let query = Query::parse(Some("type=a%26b&after=100&limit=10"), KNOWN).unwrap();
        assert_eq!(query.link("/api/v1/events", 90), "</api/v1/events?type=a%26b&limit=10&after=90>; rel=\"next\"");
    }
}
