//! Rule by rule; the public test kit stands in `tests/it/conformance_cesql.rs`.

mod findings;
mod functions;
mod properties;
mod syntax;
mod values;

use super::{Evaluation, Expression};
use crate::cloudevents::{Event, json, reader::Bounds};

/// An event with attributes of every type.
fn event() -> Event {
    let body = r#"{"specversion":"1.0","id":"A1","source":"/shop/eu","type":"com.example.order","subject":"Ümläut",
        "time":"2018-04-05T17:31:00.10+02:00","flag":true,"number":10,"text":"10","word":"abc","empty":"","hop":"5","ttl":"10"}"#;
    json::read(body.into(), &Bounds::default()).unwrap()
}

/// What an expression comes to, in words: the value, and the kind of the error behind a blank.
fn shown(evaluation: &Evaluation<'_>) -> String {
    let value = serde_json::Value::from(&evaluation.value).to_string();
    match &evaluation.error {
        Some(error) => format!("{value} {}", error.kind.name()),
        None => value,
    }
}

/// Evaluates each expression and compares; all differences at once.
fn check(cases: &[(&str, &str)]) {
    let event = event();
    let mut differences = Vec::new();
    for (text, expected) in cases {
        let found = match Expression::compile(text) {
            Ok(expression) => shown(&expression.evaluate(&event)),
            Err(error) => format!("parse: {error}"),
        };
        if found != *expected {
            differences.push(format!("{text}: {found}, not {expected}"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
