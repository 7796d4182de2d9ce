//! Operators, casts, errors.

use super::super::Expression;
use super::{check, event};

#[test]
fn comparisons_cast_the_left_side_to_the_type_of_the_right() {
    check(&[
        ("TRUE = 'TRUE'", "false"),
        ("'TRUE' = TRUE", "true"),
        ("TRUE = 'true'", "true"),
        ("1 = TRUE", "true"),
        ("7 = TRUE", "true"),
        ("TRUE = 1", "true"),
        ("TRUE = 2", "false"),
        ("'5' = 5", "true"),
        ("'+5' = 5", "true"),
        ("'05' = 5", "true"),
        ("5 = '05'", "false"),
        ("'abc' = 5", "false cast"),
        ("'abc' != 5", "false cast"),
        ("5 != 'abc'", "true"),
        ("'2' = TRUE", "false cast"),
        ("'a' = 'A'", "false"),
        ("'a' <> 'b'", "true"),
        ("1 = 1 = TRUE", "true"),
        ("text = number", "true"),
        ("number = text", "true"),
        ("flag = TRUE", "true"),
        ("flag = 'true'", "true"),
        ("flag", "true"),
        ("text", "\"10\""),
        ("number", "10"),
    ]);
}

#[test]
fn order_is_one_of_integers() {
    check(&[
        ("hop < ttl", "true"),
        ("'10' < '9'", "false"),
        ("'a' < 'b'", "false cast"),
        ("TRUE > FALSE", "true"),
        ("2 <= 2", "true"),
        ("2 >= 3", "false"),
        ("-3 < -2", "true"),
        ("missing < 2", "false missingAttribute"),
        ("'a' < missing", "false missingAttribute"),
    ]);
}

#[test]
fn arithmetic_is_checked_and_truncates() {
    check(&[
        ("7 / 2", "3"),
        ("-7 / 2", "-3"),
        ("-7 % 2", "-1"),
        ("7 % -2", "1"),
        ("1 / 0", "0 math"),
        ("1 % 0", "0 math"),
        ("missing / 0", "0 missingAttribute"),
        ("0 / missing", "0 missingAttribute"),
        ("2147483647 + 1", "0 math"),
        ("-2147483648 - 1", "0 math"),
        ("65536 * 65536", "0 math"),
        ("-2147483648 / -1", "0 math"),
        ("-2147483648 % -1", "0 math"),
        ("--2147483648", "0 math"),
        ("-(-2147483648)", "0 math"),
        ("'5' + TRUE", "6"),
        ("'x' + 1", "0 cast"),
        ("1 + 'x'", "0 cast"),
        ("-'10'", "-10"),
        ("-'x'", "0 cast"),
        ("-TRUE", "-1"),
        ("--10", "10"),
        ("4-1", "3"),
        ("4 -1", "3"),
        ("4--1", "5"),
        ("4 - - 1", "5"),
        ("+5", "5"),
        ("4 + +5", "9"),
        ("10 - 2 - 3", "5"),
        ("100 / 10 / 2", "5"),
        ("2 + 3 * 4", "14"),
        ("(2 + 3) * 4", "20"),
        ("1 + 1 = 2", "true"),
    ]);
}

#[test]
fn logic_goes_from_left_to_right_and_stops_when_decided() {
    check(&[
        ("FALSE AND FALSE OR TRUE", "true"),
        ("TRUE OR FALSE AND FALSE", "false"),
        ("TRUE XOR TRUE OR TRUE", "true"),
        ("FALSE AND missing", "false"),
        ("TRUE OR missing", "true"),
        ("TRUE AND missing", "false missingAttribute"),
        ("missing OR TRUE", "false missingAttribute"),
        ("missing AND FALSE", "false missingAttribute"),
        ("TRUE XOR missing", "false missingAttribute"),
        ("FALSE XOR TRUE", "true"),
        ("TRUE XOR 1", "false"),
        ("TRUE AND 'maybe'", "false cast"),
        ("'maybe' AND FALSE", "false cast"),
        ("FALSE AND 'maybe'", "false"),
        ("true and (1 != 1 / 0)", "false math"),
        ("false or (1 = 1 / 0)", "false math"),
        ("10 AND 'True'", "true"),
        ("id = 'x' OR type = 'com.example.order'", "true"),
        ("missing = 'x' OR type = 'com.example.order'", "false missingAttribute"),
        ("type = 'com.example.order' OR missing = 'x'", "true"),
    ]);
}

#[test]
fn not_and_minus_bind_tighter_than_everything_behind_them() {
    check(&[
        ("NOT TRUE", "false"),
        ("NOT NOT TRUE", "true"),
        ("NOT 10", "false"),
        ("NOT 0", "true"),
        ("NOT 'FALSE'", "true"),
        ("NOT 'abc'", "false cast"),
        ("NOT missing", "false missingAttribute"),
        ("NOT FALSE = FALSE", "false"),
        ("NOT EXISTS missing", "true"),
        ("NOT flag OR TRUE", "true"),
        ("-2 + 3", "1"),
        ("NOT -1", "false"),
        ("-NOT TRUE", "0"),
        ("NOT 1 IN (1, 2)", "false"),
    ]);
}

#[test]
fn exists_never_fails() {
    check(&[
        ("EXISTS id AND EXISTS SOURCE AND exists Type AND EXISTS specversion", "true"),
        ("EXISTS subject", "true"),
        ("EXISTS missing", "false"),
        ("EXISTS empty", "true"),
        ("EXISTS missing AND missing = 1", "false"),
        ("EXISTS time = TRUE", "true"),
    ]);
}

#[test]
fn in_casts_the_set_to_the_type_of_the_left_side() {
    check(&[
        ("1 IN (3, 2, 1)", "true"),
        ("1 IN ('3', '1')", "true"),
        ("'1' IN (1)", "true"),
        ("TRUE IN ('true')", "true"),
        ("'TRUE' IN (TRUE)", "false"),
        ("TRUE IN (7)", "true"),
        ("1 NOT IN (2, 3)", "true"),
        ("1 NOT IN (1)", "false"),
        ("1 IN (1, 'abc')", "true"),
        ("1 IN ('abc', 1)", "false cast"),
        ("2 NOT IN ('abc')", "false cast"),
        ("1 IN (missing)", "false missingAttribute"),
        ("1 NOT IN (missing)", "false missingAttribute"),
        ("missing IN (1)", "false missingAttribute"),
        ("word IN (id, LOWER('ABC'))", "true"),
        ("1 + 1 IN (1)", "2"),
        ("(1 + 1) IN (1 + 1)", "true"),
        ("1 in(1)", "true"),
    ]);
}

#[test]
fn like_casts_to_text_and_counts_characters() {
    check(&[
        ("subject LIKE '_ml_ut'", "true"),
        ("subject LIKE 'Ü%t'", "true"),
        ("subject LIKE '______'", "true"),
        ("subject LIKE '_______'", "false"),
        ("234 LIKE '23_'", "true"),
        ("TRUE LIKE 'tr%'", "true"),
        ("missing LIKE '%'", "false missingAttribute"),
        ("missing NOT LIKE '%'", "false missingAttribute"),
        ("'abc' NOT LIKE 'b%'", "true"),
        ("'abc' LIKE 'a%' LIKE 'true'", "true"),
        (r"'a%c' LIKE 'a\%c'", "true"),
        (r"'abc' LIKE 'a\%c'", "false"),
        ("'' LIKE ''", "true"),
        (r"'it''s'", "parse: expected an operator or the end, found a string"),
        (r"'it\'s' LIKE 'it\'s'", "true"),
        ("NOT 'abc' LIKE 'abc'", "false cast"),
        ("1 + 1 LIKE '1'", "2"),
    ]);
}

#[test]
fn attributes_are_text_as_received_unless_the_format_told_more() {
    check(&[
        ("time", "\"2018-04-05T17:31:00.10+02:00\""),
        ("specversion", "\"1.0\""),
        ("ID", "\"A1\""),
        ("missing", "false missingAttribute"),
        ("number + 1", "11"),
        ("text + 1", "11"),
        ("empty = ''", "true"),
    ]);
}

#[test]
fn errors_say_where_and_what() {
    let event = event();
    for (text, offset, told) in [
        ("1 = missing", 4, "the event has no `missing`"),
        ("1 + 2 / 0", 6, "division by zero"),
        ("word + 1", 5, "'abc' is no Integer"),
        ("TRUE AND FOO(1)", 9, "there is no function FOO with 1 argument"),
        ("NOT word", 0, "'abc' is no Boolean"),
        ("LEFT(word, -1) = 'a'", 0, "the number of characters is negative"),
    ] {
        let expression = Expression::compile(text).unwrap();
        let error = expression.evaluate(&event).error.unwrap();
        assert_eq!((error.offset, error.to_string().as_str()), (offset, told), "{text}");
    }
}

#[test]
fn evaluating_allocates_nothing_on_the_common_path() {
    let event = event();
    let texts = [
        "type LIKE 'com.example.%' AND source = '/shop/eu'",
        "hop < ttl AND number + 1 = 11 AND NOT flag = FALSE",
        "EXISTS region OR type IN ('a', 'b', 'com.example.order')",
        "missing = 'x' OR type = 'y'",
        "LENGTH(subject) = 6 AND LEFT(type, 3) = 'com' AND SUBSTRING(id, -1) = '1' AND TRIM(word) = LOWER(word)",
    ];
    for text in texts {
        let expression = Expression::compile(text).unwrap();
        let mut matched = false;
        let counted = allocation_counter::measure(|| matched = expression.matches(&event));
        assert_eq!(counted.count_total, 0, "{text}");
        assert_eq!(matched, !text.contains("missing"), "{text}");
    }
}
