//! Random texts: nothing panics, and every fault has a place in the text.

use super::super::Expression;
use super::event;
use proptest::prelude::*;

const TOKENS: [&str; 45] = [
    "1",
    "-2147483648",
    "2147483647",
    "0",
    "'a'",
    "\"b%\"",
    "'tRuE'",
    "'5'",
    "''",
    "TRUE",
    "false",
    "id",
    "missing",
    "flag",
    "number",
    "subject",
    "(",
    ")",
    ",",
    "+",
    "-",
    "*",
    "/",
    "%",
    "=",
    "!=",
    "<>",
    "<",
    "<=",
    ">",
    ">=",
    "AND",
    "OR",
    "XOR",
    "NOT",
    "LIKE",
    "IN",
    "EXISTS",
    "ABS",
    "LEFT",
    "SUBSTRING",
    "CONCAT",
    "FOO",
    "\\",
    "'",
];

proptest! {
    #[test]
    fn any_tokens_in_a_row_never_panic(picked in prop::collection::vec(0..TOKENS.len(), 0..24)) {
        let text = picked.iter().map(|at| TOKENS[*at]).collect::<Vec<_>>().join(" ");
        evaluate(&text)?;
    }

    #[test]
    fn any_text_never_panics(text in "\\PC{0,60}") {
        evaluate(&text)?;
    }

    #[test]
    fn any_integers_never_panic(a: i32, b: i32, operator in 0_usize..11) {
        let operators = ["+", "-", "*", "/", "%", "=", "<", "AND", "XOR", "IN", "LIKE"];
        let text = match operators[operator] {
            "IN" => format!("{a} IN ({b})"),
            "LIKE" => format!("{a} LIKE '{b}'"),
            operator => format!("{a} {operator} {b}"),
        };
        prop_assert!(evaluate(&text)?, "{}", text);
    }

    #[test]
    fn any_places_in_any_text_never_panic(text in "\\PC{0,12}", from: i32, length: i32) {
        let quoted = text.replace(['\\', '\''], "");
        for call in ["SUBSTRING('T', F, L)", "SUBSTRING('T', F)", "LEFT('T', F)", "RIGHT('T', F)"] {
            let call = call.replace('F', &from.to_string()).replace('L', &length.to_string());
            let call = call.replace("LENGTH", "").replace('T', &quoted);
            evaluate(&call)?;
        }
    }
}

/// Is it an expression?
fn evaluate(text: &str) -> Result<bool, TestCaseError> {
    match Expression::compile(text) {
        Ok(expression) => {
            let event = event();
            let evaluation = expression.evaluate(&event);
            prop_assert!(evaluation.error.is_none_or(|error| error.offset < text.len()));
            Ok(true)
        }
        Err(error) => {
            prop_assert!(error.offset <= text.len() && text.is_char_boundary(error.offset));
            prop_assert!(!error.message.is_empty() && !error.excerpt(text).contains('\n'));
            prop_assert!(error.position(text).0 >= 1);
            Ok(false)
        }
    }
}
