//! `--filter`: CloudEvents SQL on the command line (routing.md §2).

use crate::cloudevents::Event;
use crate::cloudevents::json;
use crate::cloudevents::reader::{Bounds, Lenient};
use crate::route::cesql::Expression;

/// Compiles an argument; what is wrong is told with its place.
pub fn parse(text: &str) -> Result<Expression, String> {
    Expression::compile(text).map_err(|error| {
        let (line, column) = error.position(text);
        let place = if line > 1 { format!("line {line}, column {column}") } else { format!("column {column}") };
        let hint = error.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
        format!("{error} at {place}, `{}`{hint}", error.excerpt(text))
    })
}

/// Is the expression true of an event in JSON format?
pub fn holds(expression: &Expression, event: &str) -> bool {
    event_of(event).is_some_and(|event| expression.matches(&event))
}

/// An event that a gateway has sent in JSON format.
pub fn event_of(text: &str) -> Option<Event> {
    // What a gateway sends was read by it before, with bounds of its own.
    let lenient = Lenient { dataschema_fragment: true, ..Lenient::default() };
    let bounds = Bounds { attributes: usize::MAX, json_depth: 1024, lenient, ..Bounds::default() };
    json::read(text.to_owned().into(), &bounds).ok()
}

#[cfg(test)]
mod tests {
    use super::{holds, parse};

    #[test]
    fn a_bad_expression_is_told_with_its_place_and_a_hint() {
        let told = parse("type == 'a'").unwrap_err();
        assert_eq!(told, "`==` is no operator at column 6, `type == 'a'`; did you mean `=`?");
        assert!(parse("type = 'a'\nOR").unwrap_err().contains("at line 2, column 3"));
    }

    #[test]
    fn an_event_as_it_is_sent_is_judged() {
        let event = r#"{"specversion":"1.0","id":"1","source":"/a","type":"t","count":3,"data":{"deep":[1]}}"#;
        for (text, expected) in [("count = 3", true), ("type = 'x'", false), ("missing = 1", false)] {
            assert_eq!(holds(&parse(text).unwrap(), event), expected, "{text}");
        }
        assert!(!holds(&parse("TRUE").unwrap(), "no event"));
    }
}
