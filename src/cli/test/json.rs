//! Where two JSON documents differ, by value: the order of members, blanks and the spelling of texts and numbers do not count,
//! every digit does.

use super::data::pair;
use crate::cloudevents::json::tape::Tape;
use crate::cloudevents::json::value::{Kind, Value};
use std::cmp::Ordering;

/// Differences of one document that are told.
pub const TOLD: usize = 20;
/// Nesting that is compared; the formats and route files allow less.
const DEPTH: usize = 1024;

/// The differences with their places, which begin with `what`. `None`: one of both is no JSON.
pub fn differences(what: &str, expected: &[u8], found: &[u8]) -> Option<Vec<String>> {
    let (expected, found) = (Tape::read(expected, DEPTH).ok()?, Tape::read(found, DEPTH).ok()?);
    let mut walk = Walk { expected: &expected, found: &found, path: what.to_owned(), told: Vec::new() };
    walk.values(0, 0);
    Some(walk.told)
}

struct Walk<'t> {
    expected: &'t Tape<'t>,
    found: &'t Tape<'t>,
    path: String,
    told: Vec<String>,
}

impl Walk<'_> {
    fn values(&mut self, a: usize, b: usize) {
        if self.told.len() >= TOLD {
            return;
        }
        let (old, new) = (self.expected.value(a), self.found.value(b));
        match (old.kind, new.kind) {
            (Kind::Object, Kind::Object) => self.members(a, b),
            (Kind::Array, Kind::Array) => {
                let (old, new): (Vec<_>, Vec<_>) =
                    (self.expected.entries(a).collect(), self.found.entries(b).collect());
                for at in 0..old.len().max(new.len()) {
                    self.inside(&at.to_string(), old.get(at).copied(), new.get(at).copied());
                }
            }
            (Kind::String { .. }, Kind::String { .. }) if old.string() == new.string() => {}
            (Kind::Number, Kind::Number) if is_same_number(old.raw, new.raw) => {}
            (Kind::Boolean | Kind::Null, _) if old.raw == new.raw => {}
            _ => self.tell(shown(Some(old)), shown(Some(new))),
        }
    }

    fn members(&mut self, a: usize, b: usize) {
        let named = |tape: &Tape<'_>, at| -> Vec<(String, usize)> {
            tape.members(at).map(|(name, at)| (name.string().unwrap_or_default().into_owned(), at)).collect()
        };
        let (old, new) = (named(self.expected, a), named(self.found, b));
        let place = |members: &[(String, usize)], name: &str| {
            members.iter().find(|(known, _)| known == name).map(|(_, at)| *at)
        };
        for (name, at) in &old {
            self.inside(name, Some(*at), place(&new, name));
        }
        for (name, at) in new.iter().filter(|(name, _)| place(&old, name).is_none()) {
            self.inside(name, None, Some(*at));
        }
    }

    fn inside(&mut self, step: &str, expected: Option<usize>, found: Option<usize>) {
        let before = self.path.len();
        self.path.push('/');
        self.path.push_str(&step.replace('~', "~0").replace('/', "~1"));
        if let (Some(expected), Some(found)) = (expected, found) {
            self.values(expected, found);
        } else {
            let old = expected.map(|at| self.expected.value(at));
            let new = found.map(|at| self.found.value(at));
            self.tell(shown(old), shown(new));
        }
        self.path.truncate(before);
    }

    fn tell(&mut self, expected: String, found: String) {
        if self.told.len() < TOLD {
            self.told.push(pair(&self.path, &expected, &found));
        }
    }
}

fn shown(value: Option<Value<'_>>) -> String {
    match value {
        None => "nothing".to_owned(),
        Some(value) => match value.kind {
            Kind::Object => "an object".to_owned(),
            Kind::Array => "an array".to_owned(),
            Kind::Null | Kind::Boolean | Kind::Number | Kind::String { .. } => value.raw.to_owned(),
        },
    }
}

/// Are two JSON numbers the same, digit for digit: `1.50`, `1.5` and `15e-1` are.
fn is_same_number(one: &str, other: &str) -> bool {
    one == other || Decimal::of(one).zip(Decimal::of(other)).is_some_and(|(one, other)| one == other)
}

/// Digits without zeros at either end, and the power of ten behind the last one.
#[derive(Debug, PartialEq, Eq)]
struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    /// `None`: an exponent that is out of all reason.
    fn of(text: &str) -> Option<Decimal> {
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let mut exponent: i64 = exponent.parse().ok()?;
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let negative = whole.starts_with('-');
        exponent = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?;
        let digits = format!("{}{fraction}", whole.trim_start_matches('-'));
        let digits = digits.trim_start_matches('0');
        let kept = digits.trim_end_matches('0');
        exponent = exponent.checked_add(i64::try_from(digits.len() - kept.len()).ok()?)?;
        match kept.len().cmp(&0) {
            Ordering::Equal => Some(Decimal { negative: false, digits: String::new(), exponent: 0 }),
            _ => Some(Decimal { negative, digits: kept.to_owned(), exponent }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{differences, is_same_number};

    #[test]
    fn documents_are_compared_by_value_and_differences_have_places() {
        let same = |expected: &str, found: &str| {
            differences("data", expected.as_bytes(), found.as_bytes()).unwrap().is_empty()
        };
        assert!(same(r#"{"a": 1, "b": [2.5]}"#, r#"{"b":[2.50], "a":1.0}"#));
        assert!(same(r#""\u0061""#, r#""a""#));
        assert!(!same(r#"{"a": 1}"#, r#"{"a":"1"}"#));
        assert!(!same("[1]", "[1,1]"));
        let told = differences("data", br#"{"a": {"x/y": 1}, "gone": {}}"#, br#"{"a":{"x/y":2},"new":null}"#).unwrap();
        assert_eq!(
            told,
            [
                "data/a/x~1y\n  expected: 1\n  found:    2",
                "data/gone\n  expected: an object\n  found:    nothing",
                "data/new\n  expected: nothing\n  found:    null",
            ]
        );
        assert_eq!(differences("data", b"{", b"{}"), None);
    }

    #[test]
    fn every_digit_of_a_number_counts() {
        for (one, other) in [("1", "1.0"), ("1.50", "15e-1"), ("100", "1E2"), ("-0", "0"), ("0.00", "0e9")] {
            assert!(is_same_number(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("9007199254740993", "9007199254740992"),
            ("12345678901234567890123", "12345678901234567890124"),
            ("0.1", "0.10000000000000001"),
            ("-1", "1"),
            ("1e2", "1e3"),
        ] {
            assert!(!is_same_number(one, other), "{one} {other}");
        }
    }
}
