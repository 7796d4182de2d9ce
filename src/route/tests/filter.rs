//! The dialects, case by case.

use crate::cloudevents::{Attribute, Data, Event, Kind, Value};
use crate::jq::{Limits, Program};
use crate::route::cesql::Expression;
use crate::route::filter::{Filter, Subject};
use bytestring::ByteString;

fn event() -> Event {
    let attribute = |name, kind, text| Attribute { name, value: Value { kind, text } };
    Event {
        id: "1".into(),
        source: "/shop/eu/1".into(),
        ty: "com.example.order.created".into(),
        attributes: [
            attribute("subject", Kind::String, "Order"),
            attribute("count", Kind::Integer, "7"),
            attribute("express", Kind::Boolean, "true"),
            attribute("empty", Kind::String, ""),
        ]
        .into_iter()
        .collect(),
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
        assert_eq!(filter.matches(&Subject::new(&event())), expected, "{filter:?}");
        assert_eq!(filter.why_not(&Subject::new(&event())).is_none(), expected, "{filter:?}");
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
        assert_eq!(filter.matches(&Subject::new(&event())), expected, "{filter:?}");
        assert_eq!(filter.why_not(&Subject::new(&event())).is_none(), expected, "{filter:?}");
    }
}

#[test]
fn a_reason_says_what_was_wanted_and_seen() {
    let why = |filter: Filter| filter.why_not(&Subject::new(&event())).unwrap();
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

fn sql(text: &str) -> Filter {
    Filter::Sql(Expression::compile(text).unwrap())
}

fn jq(text: &str) -> Filter {
    Filter::Jq(Program::compile(text, "r", Limits::default()).unwrap())
}

#[test]
fn expressions_hold_when_they_are_true_without_an_error() {
    for (text, reason) in [
        ("count = 7 AND express", None),
        ("subject = 'other'", Some("sql `subject = 'other'`: the value is FALSE")),
        ("count", Some("sql `count`: the value is 7")),
        ("region = 'eu' OR TRUE", Some("sql `region = 'eu' OR TRUE`: the event has no `region` (missingAttribute)")),
        ("1 / 0 = 0", Some("sql `1 / 0 = 0`: division by zero (math)")),
        (
            "HASPREFIX(type, 'c')",
            Some("sql `HASPREFIX(type, 'c')`: there is no function HASPREFIX with 2 arguments (missingFunction)"),
        ),
    ] {
        let (filter, event) = (sql(text), event());
        let subject = Subject::new(&event);
        assert_eq!((filter.matches(&subject), filter.why_not(&subject).as_deref()), (reason.is_none(), reason));
    }
}

#[test]
fn programs_hold_when_their_one_output_is_true() {
    let event = Event { data: Data::Json(r#"{"total": 5}"#.into()), ..event() };
    let subject = Subject::new(&event);
    for (text, reason) in [
        (".total > 0", None),
        (".total > 9", Some("jq `.total > 9`: the output is false")),
        (".total", Some("jq `.total`: the output is 5, not true")),
        ("empty", Some("jq `empty`: the program has no output, and one is needed")),
    ] {
        let filter = jq(text);
        assert_eq!((filter.matches(&subject), filter.why_not(&subject).as_deref()), (reason.is_none(), reason));
    }
    assert!(Filter::Not(Box::new(jq("error"))).matches(&subject));
    let without = Event { data: Data::Absent, ..event.clone() };
    let reason = jq("true").why_not(&Subject::new(&without)).unwrap();
    assert_eq!(reason, "jq `true`: the event has no data");
}

#[test]
fn every_part_of_a_filter_is_explained() {
    let event = Event { data: Data::Json("[1]".into()), ..event() };
    let subject = Subject::new(&event);
    let all = Filter::All(vec![
        exact(&[("subject", "order"), ("region", "eu")]),
        Filter::Not(Box::new(sql("count = 7 AND EXISTS region"))),
        Filter::Any(vec![jq("length == 1"), jq("length")]),
    ]);
    let explained = serde_json::to_value(all.explain(&subject)).unwrap();
    let first = &explained["filters"][0];
    assert_eq!(first["saw"], serde_json::json!({"subject": "Order", "region": null}));
    assert_eq!((&first["matched"], &first["dialect"]), (&false.into(), &"exact".into()));
    assert_eq!(first["filter"], serde_json::json!({"subject": "order", "region": "eu"}));
    let nested = &explained["filters"][1]["filters"][0];
    assert_eq!(nested["saw"], serde_json::json!({"count": "7", "region": null}));
    assert_eq!((&nested["value"], &nested["error"]), (&false.into(), &serde_json::Value::Null));
    assert!(nested.get("error").is_some() && first.get("error").is_none());
    let programs = &explained["filters"][2]["filters"];
    assert_eq!((&programs[0]["saw"], &programs[1]["saw"]), (&true.into(), &"1".into()));
    assert_eq!(programs[1]["reason"], "jq `length`: the output is 1, not true");
    assert_eq!((&explained["matched"], &explained["filters"][2]["matched"]), (&false.into(), &true.into()));
}
