//! Built-in functions, and those of the user.

use super::super::value::{Type, Value};
use super::super::{Expression, Failure, Functions, Signature, SignatureError};
use super::{check, event, shown};

#[test]
fn text_functions_count_characters_from_one() {
    check(&[
        ("LENGTH('äöü')", "3"),
        ("LENGTH(1234)", "4"),
        ("LENGTH(TRUE)", "4"),
        ("LENGTH('')", "0"),
        ("length(missing)", "0 missingAttribute"),
        ("CONCAT()", "\"\""),
        ("CONCAT('a', 1, TRUE)", "\"a1true\""),
        ("CONCAT('a', missing)", "\"\" missingAttribute"),
        ("CONCAT_WS(', ', 'a', 'b', 'c')", "\"a, b, c\""),
        ("concat_ws('-')", "\"\""),
        ("CONCAT_WS('-', 'a')", "\"a\""),
        ("CONCAT_WS()", "false missingFunction"),
        ("LOWER('ÄB')", "\"äb\""),
        ("UPPER('äb')", "\"ÄB\""),
        ("UPPER('straße')", "\"STRASSE\""),
        ("LOWER(1)", "\"1\""),
        ("TRIM('\u{2003} a b \n')", "\"a b\""),
        ("TRIM('')", "\"\""),
        ("LEFT('äöü', 2)", "\"äö\""),
        ("LEFT('abc', 0)", "\"\""),
        ("LEFT('abc', 3)", "\"abc\""),
        ("LEFT('abc', 10)", "\"abc\""),
        ("LEFT('abc', -2)", "\"abc\" functionEvaluation"),
        ("LEFT('abc', 'x')", "\"\" cast"),
        ("LEFT(missing, 1)", "\"\" missingAttribute"),
        ("LEFT(CONCAT('ab', 'cd'), 3)", "\"abc\""),
        ("RIGHT('äöü', 2)", "\"öü\""),
        ("RIGHT('abc', 0)", "\"\""),
        ("RIGHT('abc', 10)", "\"abc\""),
        ("RIGHT('abc', -2)", "\"abc\" functionEvaluation"),
    ]);
}

#[test]
fn substrings_start_at_one_or_count_from_the_end() {
    check(&[
        ("SUBSTRING('abcdef', 1)", "\"abcdef\""),
        ("SUBSTRING('abcdef', 6)", "\"f\""),
        ("SUBSTRING('abcdef', 7)", "\"\" functionEvaluation"),
        ("SUBSTRING('abcdef', -6)", "\"abcdef\""),
        ("SUBSTRING('abcdef', -7)", "\"\" functionEvaluation"),
        ("SUBSTRING('abcdef', 0)", "\"\""),
        ("SUBSTRING('', 1)", "\"\" functionEvaluation"),
        ("SUBSTRING('äöüß', 2, 2)", "\"öü\""),
        ("SUBSTRING('äöüß', -2, 1)", "\"ü\""),
        ("SUBSTRING('abc', 2, 0)", "\"\""),
        ("SUBSTRING('abc', 2, 10)", "\"bc\""),
        ("SUBSTRING('abc', 2, -1)", "\"\" functionEvaluation"),
        ("SUBSTRING('abc', 0, 2)", "\"\""),
        ("SUBSTRING('abc', 9, 2)", "\"\" functionEvaluation"),
        ("SUBSTRING('abc', -2147483648)", "\"\" functionEvaluation"),
        ("SUBSTRING('abc', 1, 2147483647)", "\"abc\""),
        ("SUBSTRING('abc')", "false missingFunction"),
    ]);
}

#[test]
fn numbers_and_casts_are_functions_too() {
    check(&[
        ("ABS(-10)", "10"),
        ("ABS('-10')", "10"),
        ("ABS('x')", "0 cast"),
        ("ABS(-2147483648)", "2147483647 math"),
        ("INT(TRUE)", "1"),
        ("INT('-12')", "-12"),
        ("INT('+12')", "12"),
        ("INT(' 12')", "0 cast"),
        ("INT('')", "0 cast"),
        ("INT('2147483648')", "0 cast"),
        ("INT('1.0')", "0 cast"),
        ("BOOL('tRuE')", "true"),
        ("BOOL('yes')", "false cast"),
        ("BOOL(-1)", "true"),
        ("BOOL(0)", "false"),
        ("STRING(-5)", "\"-5\""),
        ("STRING(FALSE)", "\"false\""),
        ("INT(hop) < INT(ttl)", "true"),
        ("IS_INT('1')", "false missingFunction"),
        ("FOO(missing)", "false missingFunction"),
        ("ABS()", "false missingFunction"),
        ("ABS(1, 2)", "false missingFunction"),
        ("NOT FOO()", "false missingFunction"),
    ]);
}

fn signature(name: &str, parameters: &[Type], variadic: Option<Type>, returns: Type) -> Signature {
    Signature { name: name.to_owned(), parameters: parameters.to_vec(), variadic, returns }
}

#[expect(clippy::unnecessary_wraps, reason = "the form of a body")]
fn joined(arguments: &[Value<'_>]) -> Result<Value<'static>, Failure> {
    let texts: Vec<String> = arguments.iter().map(ToString::to_string).collect();
    Ok(Value::String(texts.join("+").into()))
}

#[test]
fn functions_of_the_user_are_told_apart_by_their_arguments() {
    let mut functions = Functions::new();
    functions.add(signature("F", &[], None, Type::String), |_| Ok("none".into())).unwrap();
    functions.add(signature("f", &[Type::Integer], None, Type::String), joined).unwrap();
    functions.add(signature("F", &[Type::String; 2], Some(Type::Boolean), Type::String), joined).unwrap();
    functions
        .add(signature("fails", &[], None, Type::Integer), |_| {
            Err(Failure { value: Value::Integer(7), detail: "no".to_owned() })
        })
        .unwrap();
    let event = event();
    for (text, expected) in [
        ("f()", "\"none\""),
        ("F('5')", "\"5\""),
        ("F('x')", "\"\" cast"),
        ("F(1, 2)", "\"'1'+'2'\""),
        ("F(1, 2, 'true', 0)", "\"'1'+'2'+TRUE+FALSE\""),
        ("F(1, missing)", "\"\" missingAttribute"),
        ("FAILS()", "7 functionEvaluation"),
        ("FAILS() + 1", "0 functionEvaluation"),
        ("FAILS(1)", "false missingFunction"),
    ] {
        let expression = Expression::compile_with(text, &functions).unwrap();
        assert_eq!(shown(&expression.evaluate(&event)), expected, "{text}");
    }
}

#[test]
fn ambiguous_functions_are_refused() {
    let mut functions = Functions::new();
    let mut add = |name, parameters, variadic| {
        functions.add(signature(name, &vec![Type::String; parameters], variadic, Type::String), joined)
    };
    add("ABC", 1, None).unwrap();
    add("abc", 2, None).unwrap();
    assert!(matches!(add("Abc", 2, None), Err(SignatureError::Ambiguous(_))));
    assert!(matches!(add("ABC", 0, Some(Type::String)), Err(SignatureError::Ambiguous(_))));
    assert!(matches!(add("ABC", 2, Some(Type::String)), Err(SignatureError::Ambiguous(_))));
    add("ABC", 3, Some(Type::String)).unwrap();
    assert!(matches!(add("ABC", 4, None), Err(SignatureError::Ambiguous(_))));
    assert!(matches!(add("ABC", 9, Some(Type::String)), Err(SignatureError::Ambiguous(_))));
    assert!(matches!(add("LENGTH", 1, None), Err(SignatureError::Ambiguous(_))));
    add("LENGTH", 2, None).unwrap();
    for name in ["", "1a", "a1", "a-b", "_a", "ä"] {
        assert!(matches!(add(name, 1, None), Err(SignatureError::Name(_))), "{name}");
    }
}
