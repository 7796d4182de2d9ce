//! What is told of an expression without an event.

use super::super::{Expression, FindingKind};
use super::event;

fn kinds(text: &str) -> Vec<FindingKind> {
    Expression::compile(text).unwrap().findings().iter().map(|finding| finding.kind).collect()
}

#[test]
fn mixed_logic_is_found_at_the_second_operator() {
    for (text, offset) in [
        ("id = 'a' AND id = 'b' OR id = 'c'", 22),
        ("id = 'a' OR (id = 'b' XOR id = 'c' OR EXISTS d)", 35),
        ("(id = 'a' AND id = 'b') OR id = 'c'", usize::MAX),
        ("id = 'a' AND id = 'b' AND id = 'c'", usize::MAX),
        ("1 + 2 - number = 3", usize::MAX),
    ] {
        let expression = Expression::compile(text).unwrap();
        let found = expression.findings().first().map_or(usize::MAX, |finding| finding.offset);
        assert_eq!(found, offset, "{text}: {:?}", expression.findings());
    }
}

#[test]
fn what_can_never_hold_is_found() {
    use FindingKind::{AlwaysError, NeverTrue};
    for (text, expected) in [
        ("TRUE", vec![]),
        ("1 = 1", vec![]),
        ("EXISTS id", vec![]),
        ("EXISTS subject", vec![]),
        ("FALSE", vec![NeverTrue]),
        ("1", vec![NeverTrue]),
        ("'true'", vec![NeverTrue]),
        ("NOT EXISTS id", vec![NeverTrue]),
        ("1 / 0 = 1", vec![AlwaysError]),
        ("HASPREFIX(type, 'a')", vec![AlwaysError]),
        ("NOT HASPREFIX(type, 'a')", vec![AlwaysError]),
        ("id = 'a' OR HASPREFIX(type, 'a')", vec![]),
        ("HASPREFIX(type, 'a') OR id = 'a'", vec![AlwaysError]),
        ("id = 1 / 0", vec![AlwaysError]),
        ("LENGTH(FOO(id)) = 1", vec![AlwaysError]),
    ] {
        assert_eq!(kinds(text), expected, "{text}");
    }
}

#[test]
fn what_an_event_must_have_is_known() {
    for (text, required) in [
        ("type = 'a'", Some(vec!["a"])),
        ("'a' = type", Some(vec!["a"])),
        ("type = 'a' AND subject = 'b'", Some(vec!["a"])),
        ("EXISTS subject AND (type = 'a' OR type IN ('b', 'c'))", Some(vec!["a", "b", "c"])),
        ("type = 'a' OR id = 'b'", None),
        ("type != 'a'", None),
        ("type = id", None),
        ("NOT type = 'a'", None),
        ("type NOT IN ('a')", None),
        ("type IN ('a', id)", None),
        ("type = 'a' AND id = 'x' OR id = 'b'", None),
        ("type = 'a' = TRUE", None),
        ("source = 'a'", None),
    ] {
        assert_eq!(Expression::compile(text).unwrap().required("type"), required, "{text}");
    }
    let expression = Expression::compile("type IN ('a', 'com.example.order') AND EXISTS id").unwrap();
    assert!(expression.matches(&event()) && expression.required("type").unwrap().contains(&"com.example.order"));
}
