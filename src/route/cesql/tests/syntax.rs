//! What is an expression, and what those are told whose text is none.

use super::super::Expression;
use super::{check, event};

#[test]
fn words_are_read_in_any_case() {
    check(&[
        ("tRuE aNd Not fAlSe", "true"),
        ("'aBc'", "\"aBc\""),
        ("ExIsTs TYPE", "true"),
        ("ABS ( 1 )", "1"),
        ("\n1\r\n+\t1 ", "2"),
        ("1abc = 1", "false missingAttribute"),
        ("left", "false missingAttribute"),
        ("007", "7"),
        ("((((1))))", "1"),
    ]);
}

#[test]
fn strings_lose_the_backslash_before_their_own_delimiter_only() {
    check(&[
        (r#""a\"b""#, r#""a\"b""#),
        (r"'a\'b'", r#""a'b""#),
        (r#"'a\"b'"#, r#""a\\\"b""#),
        (r#"'a"b'"#, r#""a\"b""#),
        (r"'a\\'", r#""a\\\\""#),
        (r"'a\nb'", r#""a\\nb""#),
        (r"'\\\''", r#""\\\\'""#),
        ("'a\nb'", r#""a\nb""#),
        (r"'ä\'ö\'ü'", r#""ä'ö'ü""#),
        ("''", "\"\""),
    ]);
}

/// Offset, words of the message and of the hint.
fn refused(text: &str) -> (usize, String) {
    match Expression::compile(text) {
        Ok(_) => panic!("`{text}` is an expression"),
        Err(error) => (error.offset, format!("{} {}", error.message, error.hint.unwrap_or_default())),
    }
}

#[test]
fn a_fault_is_told_with_its_place_and_a_hint() {
    for (text, offset, words) in [
        ("", 0, "empty"),
        ("  ", 0, "empty"),
        ("ABS(", 4, "ends where a value is expected"),
        ("(TRUE", 5, "the `(` at offset 0 is not closed"),
        ("TRUE)", 4, "found `)`"),
        ("()", 1, "expected a value"),
        ("1 +", 3, "ends where a value"),
        ("* 1", 0, "found `*`"),
        ("type == 'a'", 5, "did you mean `=`?"),
        ("a =< 1", 2, "did you mean `<=`?"),
        ("a => 1", 2, "did you mean `>=`?"),
        ("a !== 1", 2, "did you mean `!=`?"),
        ("a = 1 && b = 2", 6, "write `AND`"),
        ("a = 1 || b = 2", 6, "write `OR`"),
        ("!a", 0, "write `NOT`"),
        ("a ADN b", 2, "did you mean `AND`?"),
        ("a LIEK 'b'", 2, "did you mean `LIKE`?"),
        ("a IS NULL", 2, "NOT EXISTS"),
        ("a BETWEEN 1 AND 2", 2, "a >= 1 AND a <= 5"),
        ("a LIKE b", 7, "string literal"),
        ("a LIKE (b)", 7, "string literal"),
        ("a IN b", 5, "parentheses"),
        ("a IN ()", 6, "at least one"),
        ("a IN (1,)", 8, "expected a value"),
        ("a NOT b", 2, "expected an operator"),
        ("EXISTS 'a'", 7, "the name of an attribute"),
        ("EXISTS AND", 7, "the name of an attribute"),
        ("AND = 1", 0, "expected a value"),
        ("data.total > 1", 4, "`jq` filter"),
        ("data = 1", 0, "`jq` filter"),
        ("my_ext = 1", 0, "letters and digits"),
        ("F1(2)", 0, "name of a function"),
        ("2147483648", 0, "does not fit"),
        ("-2147483649", 0, "does not fit"),
        ("'abc", 0, "not closed"),
        ("'abc\\'", 0, "not closed"),
        ("'it''s'", 4, "backslash"),
        ("type = ‘a’", 7, "plain quotes"),
        ("ä = 1", 0, "no meaning"),
        ("a = 1;", 5, "not ended"),
        ("a[0]", 1, "parentheses"),
        ("1 2", 2, "found `2`"),
        ("id id", 3, "found `id`"),
    ] {
        let (found, told) = refused(text);
        assert_eq!(found, offset, "{text}: {told}");
        assert!(told.contains(words), "{text}: {told}");
    }
}

#[test]
fn offsets_become_lines_columns_and_excerpts() {
    let text = "type = 'ä'\n  AND id == 'b' AND something OR another";
    let error = Expression::compile(text).unwrap_err();
    assert_eq!(error.position(text), (2, 10));
    assert_eq!(error.excerpt(text), "…ä'   AND id == 'b' AND s…");
    let error = Expression::compile("a b").unwrap_err();
    assert_eq!((error.position("a b"), error.excerpt("a b").as_str()), ((1, 3), "a b"));
}

#[test]
fn brackets_nest_128_levels_deep() {
    let event = event();
    let nested = |open: &str, close: &str, depth: usize| format!("{}1{}", open.repeat(depth), close.repeat(depth));
    for (open, close) in [("(", ")"), ("ABS(", ")"), ("NOT (", ")"), ("1 + (", ")"), ("1 IN (", ")")] {
        let fits = Expression::compile(&nested(open, close, 128)).unwrap();
        assert_eq!(fits.evaluate(&event).error.is_some(), open == "1 + (" && fits.text().is_empty());
        for deeper in [129, 100_000] {
            let error = Expression::compile(&nested(open, close, deeper)).unwrap_err();
            assert!(error.message.contains("128 levels"), "{}", error.message);
        }
    }
    for prefix in ["NOT ", "-", "- "] {
        for deeper in [129, 100_000] {
            let error = Expression::compile(&format!("{}number", prefix.repeat(deeper))).unwrap_err();
            assert_eq!((error.offset, error.message.contains("128 levels")), (128 * prefix.len(), true), "{prefix}");
        }
    }
}

#[test]
fn flat_chains_may_be_long() {
    let event = event();
    let chain = |term: &str, operator: &str| vec![term; 10_000].join(operator);
    for (text, expected) in [
        (chain("1", " + "), "10000"),
        (chain("1", "-"), "-9998"),
        (chain("TRUE", " AND "), "true"),
        (chain("FALSE", " OR "), "false"),
        (chain("1", " = "), "true"),
        (format!("{}TRUE", "NOT ".repeat(128)), "true"),
        (format!("{}number", "-".repeat(128)), "10"),
        (format!("1 IN ({})", chain("0", ",")), "false"),
        (format!("LENGTH(CONCAT({}))", chain("'a'", ",")), "10000"),
        (format!("'true'{}", " LIKE 'true'".repeat(10_000)), "true"),
    ] {
        let expression = Expression::compile(&text).unwrap();
        assert_eq!(super::shown(&expression.evaluate(&event)), expected, "{}", &text[..40]);
    }
}
