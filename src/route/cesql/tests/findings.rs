//! What is told of an expression without an event.

use super::super::{Condition, Expression, FindingKind, Fit};

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

/// A condition in short.
fn told(condition: &Condition<'_>) -> String {
    let list = |conditions: &[Condition<'_>]| conditions.iter().map(told).collect::<Vec<_>>().join(" ");
    match condition {
        Condition::Unknown => "?".to_owned(),
        Condition::Text { attribute, fit: Fit::Exact, text } => format!("{attribute}={text}"),
        Condition::Text { attribute, fit: Fit::Prefix, text } => format!("{attribute}={text}%"),
        Condition::Text { attribute, fit: Fit::Suffix, text } => format!("{attribute}=%{text}"),
        Condition::Number { attribute, number } => format!("{attribute}#{number}"),
        Condition::Present(attribute) => format!("{attribute}!"),
        Condition::All(conditions) => format!("[{}]", list(conditions)),
        Condition::Any(conditions) => format!("({})", list(conditions)),
    }
}

#[test]
fn what_an_event_must_have_is_known() {
    for (text, condition) in [
        ("type = 'a'", "(type=a)"),
        ("'1' = n", "(n=1)"),
        ("'01' = n", "(n=01 n=1)"),
        ("'True' = n", "(n=True n=true)"),
        ("n = 5", "n#5"),
        ("n = TRUE", "[n! ?]"),
        ("n = '0'", "(n=0 n=-0)"),
        ("type = 'a' AND subject = 'b'", "[(type=a) (subject=b)]"),
        ("EXISTS subject AND (type = 'a' OR type IN ('b', 2))", "[subject! ((type=a) (type=b type=2 type=true))]"),
        ("type = 'a' OR id = 'b' AND EXISTS c", "[((type=a) (id=b)) c!]"),
        ("type LIKE 'a%' AND x LIKE '%b' AND y LIKE '0%' AND z LIKE 'c'", "[[type=a% ?] [x=%b x!] [y!] (z=c)]"),
        ("x NOT LIKE 'a%' AND type NOT IN ('a')", "[x! ?]"),
        ("type = id", "[? ?]"),
        ("NOT type = 'a'", "[? ?]"),
        ("a < b", "[a! b!]"),
        ("type = 'a' = TRUE", "[? ? ?]"),
        ("EXISTS id", "?"),
        ("LENGTH(type) = 1", "[? ?]"),
    ] {
        assert_eq!(told(&Expression::compile(text).unwrap().condition()), condition, "{text}");
    }
}
