//! The dialects, case by case.

use crate::cloudevents::{Attribute, Data, Event, Kind, Value};
use crate::route::filter::Filter;
use bytestring::ByteString;

fn event() -> Event {
    let attribute =
        |name: &str, kind, text: &str| Attribute { name: name.into(), value: Value { kind, text: text.into() } };
    Event {
        id: "1".into(),
        source: "/shop/eu/1".into(),
        ty: "com.example.order.created".into(),
        attributes: vec![
            attribute("subject", Kind::String, "Order"),
            attribute("count", Kind::Integer, "7"),
            attribute("express", Kind::Boolean, "true"),
            attribute("empty", Kind::String, ""),
        ],
        data: Data::Absent,
    }
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(ByteString, ByteString)> {
    pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
}

fn exact(of: &[(&str, &str)]) -> Filter {
    Filter::Exact(pairs(of))
}

#[test]
fn values_are_compared_as_canonical_strings_with_case() {
    let cases = [
        (exact(&[("type", "com.example.order.created")]), true),
        (exact(&[("type", "com.example.order.Created")]), false),
        (exact(&[("type", "com.example.order.created"), ("subject", "Order")]), true),
        (exact(&[("type", "com.example.order.created"), ("subject", "order")]), false),
        (exact(&[("specversion", "1.0")]), true),
        (exact(&[("count", "7")]), true),
        (exact(&[("count", "07")]), false),
        (exact(&[("express", "true")]), true),
        (exact(&[("missing", "x")]), false),
        (Filter::Prefix(pairs(&[("source", "/shop/eu/")])), true),
        (Filter::Prefix(pairs(&[("source", "/shop/us/")])), false),
        (Filter::Prefix(pairs(&[("empty", "x")])), false),
        (Filter::Prefix(pairs(&[("missing", "x")])), false),
        (Filter::Suffix(pairs(&[("type", ".created"), ("source", "/1")])), true),
        (Filter::Suffix(pairs(&[("type", ".created"), ("source", "/2")])), false),
    ];
    for (filter, expected) in cases {
        assert_eq!(filter.matches(&event()), expected, "{filter:?}");
        assert_eq!(filter.why_not(&event()).is_none(), expected, "{filter:?}");
    }
}

#[test]
fn all_any_and_not_combine() {
    let yes = || exact(&[("subject", "Order")]);
    let no = || exact(&[("missing", "x")]);
    let cases = [
        (Filter::All(vec![yes(), yes()]), true),
        (Filter::All(vec![yes(), no()]), false),
        (Filter::Any(vec![no(), yes()]), true),
        (Filter::Any(vec![no(), no()]), false),
        (Filter::Not(Box::new(yes())), false),
        // specs.md §12: `not exact{x}` is true when `x` is missing.
        (Filter::Not(Box::new(no())), true),
        (Filter::Not(Box::new(Filter::Any(vec![no(), Filter::All(vec![yes(), no()])]))), true),
    ];
    for (filter, expected) in cases {
        assert_eq!(filter.matches(&event()), expected, "{filter:?}");
        assert_eq!(filter.why_not(&event()).is_none(), expected, "{filter:?}");
    }
}

#[test]
fn a_reason_says_what_was_wanted_and_seen() {
    let why = |filter: Filter| filter.why_not(&event()).unwrap();
    assert_eq!(why(exact(&[("subject", "x")])), "exact subject: wanted `x`, saw `Order`");
    assert_eq!(
        why(exact(&[("subject", "Order"), ("region", "eu")])),
        "exact region: wanted `eu`, the event has no `region`"
    );
    assert_eq!(
        why(Filter::Any(vec![exact(&[("count", "8")]), exact(&[("count", "9")])])),
        "any: none of 2 holds, the first: exact count: wanted `8`, saw `7`"
    );
    assert_eq!(why(Filter::Not(Box::new(exact(&[("count", "7")])))), "not: exact count `7` holds");
    let long = "ü".repeat(200);
    let reason = why(Filter::Prefix(pairs(&[("subject", &long)])));
    assert!(reason.contains("ü…`, saw") && reason.chars().count() < 130, "{reason}");
}
