//! JSON text → value, without recursion; what is no JSON by RFC 8259 or nests too deep is told.

use super::engine::number;
use super::meter;
use super::value::Value;
use crate::cloudevents::json::scan::{Scanner, Step};
use crate::cloudevents::json::value::{self as json, Broken, Kind};
use bytestring::ByteString;

/// An array or object that is not complete.
enum Open {
    Array(Vec<Value>),
    /// Members so far and the name of the next.
    Object(Vec<(ByteString, Value)>, ByteString),
}

/// Reads one document. Of members with equal names the last one counts, in the place of the first.
pub(super) fn value(text: &str) -> Result<Value, Broken> {
    let mut scanner = Scanner::new(text, usize::from(meter::DEPTH) - 1);
    let mut open: Vec<Open> = Vec::new();
    let mut root = Value::Null;
    scanner.walk(|step| {
        let complete = match step {
            Step::Array => {
                open.push(Open::Array(Vec::new()));
                return Ok::<(), Broken>(());
            }
            Step::Object => {
                open.push(Open::Object(Vec::new(), ByteString::new()));
                return Ok(());
            }
            Step::Name(name) => {
                if let Some(Open::Object(_, next)) = open.last_mut() {
                    *next = name.string().unwrap_or_default().into_owned().into();
                }
                return Ok(());
            }
            Step::Scalar(scalar) => read(scalar),
            Step::End => match open.pop() {
                Some(Open::Array(items)) => items.into_iter().collect(),
                Some(Open::Object(members, _)) => members.into_iter().collect(),
                None => Value::Null,
            },
        };
        match open.last_mut() {
            Some(Open::Array(items)) => items.push(complete),
            Some(Open::Object(members, next)) => members.push((std::mem::take(next), complete)),
            None => root = complete,
        }
        Ok(())
    })?;
    scanner.end()?;
    Ok(root)
}

fn read(scalar: json::Value<'_>) -> Value {
    match scalar.kind {
        Kind::Boolean => Value::Boolean(scalar.raw == "true"),
        Kind::Number => Value::Number(number(scalar.raw)),
        Kind::String { .. } => Value::text(scalar.string().unwrap_or_default().into_owned()),
        Kind::Null | Kind::Array | Kind::Object => Value::Null,
    }
}
