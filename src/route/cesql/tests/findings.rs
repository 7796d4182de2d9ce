//! What is told of an expression without an event.

use super::super::{Condition, Expression, Finding, FindingKind, Fit};

fn kinds(text: &str) -> Vec<FindingKind> {
    Expression::compile(text).unwrap().findings().iter().map(|finding| finding.kind).collect()
}

#[test]
fn contradictions_are_found_where_nothing_is_left() {
    for (text, offset) in [
        ("type = 'a' AND type = 'b'", 15),
        ("type = 'a' AND source = 'x' AND (subject = 'y' AND type = 'b')", 51),
        ("'a' = type AND type IN ('b', 'c')", 15),
        ("type IN ('a', 'b') AND type NOT IN ('a') AND type != 'b'", 45),
        ("type = 'a' AND NOT (type = 'a')", 15),
        ("type LIKE 'a%' AND type = 'b'", 19),
        ("type LIKE 'a%' AND type LIKE 'b%'", 19),
        ("type LIKE '%a' AND type LIKE '%b'", 19),
        ("type = 'abc' AND type NOT LIKE 'a%'", 17),
        ("type LIKE 'abc' AND type LIKE 'abd'", 20),
        ("n > 5 AND n < 3", 10),
        ("n > 5 AND 6 > n", 6),
        ("n = 1 AND n = 2", 10),
        ("n >= 5 AND n <= 5 AND n != 5", 22),
        ("n = '7' AND n < 5", 12),
        ("n = 'abc' AND n > 1", 14),
        ("NOT (n < 5) AND n < 5", 16),
        ("EXISTS x AND NOT EXISTS x", 13),
        ("x = 'a' AND NOT EXISTS x", 12),
        ("(type = 'a' AND type = 'b') OR (n > 1 AND n < 1)", 16),
        ("EXISTS y AND (n > 1 AND n < 1 OR n = 1 AND n = 2)", 24),
    ] {
        let expression = Expression::compile(text).unwrap();
        let found: Vec<_> = expression.findings().iter().filter(|f| f.kind != FindingKind::MixedLogic).collect();
        let places: Vec<_> = found.iter().map(|finding| (finding.kind, finding.offset)).collect();
        let wanted = if text.contains("OR n = 1") { vec![] } else { vec![(FindingKind::NeverTrue, offset)] };
        assert_eq!(places, wanted, "{text}: {found:?}");
    }
}

#[test]
fn what_may_hold_is_no_contradiction() {
    for text in [
        "type = 'a' OR type = 'b'",
        "type = 'a' AND source = 'b'",
        "type LIKE 'a%' AND type LIKE 'ab%' AND type LIKE '%b' AND type = 'ab'",
        "type LIKE 'a%' AND type LIKE '%b'",
        "n > 5 AND n < 7",
        "n = 5 AND n = '05'",
        "'05' = n AND '5' = n",
        "n = 0 AND n LIKE '0'",
        "n = 1 AND n = TRUE",
        "n IN (1, 2) AND n IN ('2', '3')",
        "n IN (5) AND n = TRUE",
        "n IN (TRUE) AND n = 1",
        "x != 'a' AND x != 'b'",
        "NOT EXISTS x AND EXISTS y",
        "EXISTS x",
        "flag",
        "flag AND NOT other",
        "BOOL(x)",
        "type = 'a' AND TRUE",
        "type = 'a' AND 5",
        "type = 'a' XOR type = 'b'",
        "type = 'a' OR FALSE",
    ] {
        assert_eq!(kinds(text), [], "{text}");
    }
    for text in
        ["type = 'a' AND FALSE", "type = 'a' AND 1 / 0 = 1", "type = 'a' AND 'x'", "FALSE OR (type = 'a' AND 0)"]
    {
        assert_eq!(kinds(text).len(), 1, "{text}");
    }
    for text in ["type", "LENGTH(type)", "1 + n", "-n", "CONCAT(type, 'a')", "subject"] {
        assert_eq!(kinds(text), [FindingKind::NeverTrue], "{text}");
    }
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
        let mixed = expression.findings().iter().find(|finding| finding.kind == FindingKind::MixedLogic);
        let found = mixed.map_or(usize::MAX, |finding| finding.offset);
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

#[test]
fn a_name_with_a_dash_is_told_to_be_a_subtraction() {
    let told = |text: &str| {
        let expression = Expression::compile(text).unwrap();
        let told = |finding: &Finding| (finding.kind, finding.offset, finding.message.clone());
        expression.findings().iter().map(told).collect::<Vec<_>>()
    };
    for (text, offset) in [("my-attr = 'x'", 0), ("a AND (b + My-ATTR > 1)", 11), ("EXISTS my-attr", 7)] {
        let message = "`my-attr` is read as `my` minus `attr`".to_owned();
        assert_eq!(told(text).first(), Some(&(FindingKind::DashedName, offset, message)), "{text}");
    }
    assert_eq!(told("a-b-c = 1").len(), 2, "at each dash");
    for text in ["my - attr = 1", "my -attr = 1", "my-1 = 1", "1-my = 1", "(my)-attr = 'my-attr'"] {
        assert_eq!(told(text), [], "{text}");
    }
}
