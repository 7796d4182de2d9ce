//! The built-in functions (CESQL 1.0 §3.5). All count characters, and from 1.

use super::ast::{Call, Node};
use super::error::{Error, ErrorKind};
use super::eval::{self, Failed, Outcome, Scope};
use super::functions::Arity;
use super::value::{Type, Value};
use std::borrow::Cow;

/// A built-in function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Builtin {
    Length,
    Concat,
    ConcatWithSeparator,
    Lower,
    Upper,
    Trim,
    Left,
    Right,
    /// With two or three arguments.
    Substring,
    Abs,
    Integer,
    Boolean,
    String,
}

const fn takes(fixed: usize) -> Arity {
    Arity { fixed, variadic: false }
}

const fn takes_at_least(fixed: usize) -> Arity {
    Arity { fixed, variadic: true }
}

impl Builtin {
    pub const ALL: [(&str, Builtin, Arity); 14] = [
        ("LENGTH", Builtin::Length, takes(1)),
        ("CONCAT", Builtin::Concat, takes_at_least(0)),
        ("CONCAT_WS", Builtin::ConcatWithSeparator, takes_at_least(1)),
        ("LOWER", Builtin::Lower, takes(1)),
        ("UPPER", Builtin::Upper, takes(1)),
        ("TRIM", Builtin::Trim, takes(1)),
        ("LEFT", Builtin::Left, takes(2)),
        ("RIGHT", Builtin::Right, takes(2)),
        ("SUBSTRING", Builtin::Substring, takes(2)),
        ("SUBSTRING", Builtin::Substring, takes(3)),
        ("ABS", Builtin::Abs, takes(1)),
        ("INT", Builtin::Integer, takes(1)),
        ("BOOL", Builtin::Boolean, takes(1)),
        ("STRING", Builtin::String, takes(1)),
    ];

    /// What it returns.
    pub fn kind(self) -> Type {
        match self {
            Builtin::Length | Builtin::Abs | Builtin::Integer => Type::Integer,
            Builtin::Boolean => Type::Boolean,
            _ => Type::String,
        }
    }

    /// Calls it.
    pub fn call<'a>(self, call: &'a Call, scope: Scope<'a>) -> Outcome<'a> {
        let arguments = Arguments { builtin: self, call, scope };
        match self {
            Builtin::Length => {
                let length = arguments.text(0)?.chars().count();
                Ok(Value::Integer(i32::try_from(length).unwrap_or(i32::MAX)))
            }
            Builtin::Concat => concat("", &call.arguments, &arguments, 0),
            Builtin::ConcatWithSeparator => concat(&arguments.text(0)?, &call.arguments, &arguments, 1),
            Builtin::Lower => Ok(cased(arguments.text(0)?, char::is_lowercase, str::to_lowercase)),
            Builtin::Upper => Ok(cased(arguments.text(0)?, char::is_uppercase, str::to_uppercase)),
            Builtin::Trim => {
                let text = arguments.text(0)?;
                let start = text.len() - text.trim_start().len();
                let end = start + text.trim().len();
                Ok(cut(text, start, end))
            }
            Builtin::Left | Builtin::Right => self.side(&arguments),
            Builtin::Substring => substring(&arguments),
            Builtin::Abs => {
                let number = arguments.integer(0)?;
                number.checked_abs().map(Value::Integer).ok_or_else(|| {
                    arguments.failed(Value::Integer(i32::MAX), ErrorKind::Math, "the result does not fit an Integer")
                })
            }
            Builtin::Integer => arguments.integer(0).map(Value::Integer),
            Builtin::Boolean => {
                let value = arguments.value(0)?;
                value.to_boolean().map(Value::Boolean).map_err(|value| arguments.uncastable(value, Type::Boolean))
            }
            Builtin::String => arguments.text(0).map(Value::String),
        }
    }

    fn side<'a>(self, arguments: &Arguments<'a>) -> Outcome<'a> {
        let (text, wanted) = (arguments.text(0)?, arguments.integer(1)?);
        let Ok(wanted) = usize::try_from(wanted) else {
            let value = Value::String(text);
            return Err(arguments.failed(value, ErrorKind::FunctionEvaluation, "the number of characters is negative"));
        };
        let (start, end) = if self == Builtin::Left {
            (0, text.char_indices().nth(wanted).map_or(text.len(), |(at, _)| at))
        } else {
            let start = wanted
                .checked_sub(1)
                .map_or(Some(text.len()), |last| text.char_indices().rev().nth(last).map(|(at, _)| at));
            (start.unwrap_or(0), text.len())
        };
        Ok(cut(text, start, end))
    }
}

fn substring<'a>(arguments: &Arguments<'a>) -> Outcome<'a> {
    let (text, position) = (arguments.text(0)?, arguments.integer(1)?);
    let most = if arguments.call.arguments.len() > 2 { Some(arguments.integer(2)?) } else { None };
    let fail = |why| Err(arguments.failed(Value::from(""), ErrorKind::FunctionEvaluation, why));
    let Ok(most) = most.map(usize::try_from).transpose() else { return fail("the length is negative") };
    let distance = usize::try_from(position.unsigned_abs()).unwrap_or(usize::MAX);
    let start = match position {
        0 => return Ok(Value::from("")),
        1.. => text.char_indices().nth(distance - 1),
        _ => text.char_indices().rev().nth(distance - 1),
    };
    let Some((start, _)) = start else { return fail("the position lies outside of the text") };
    let end = most.and_then(|most| text[start..].char_indices().nth(most)).map_or(text.len(), |(at, _)| start + at);
    Ok(cut(text, start, end))
}

/// The arguments of one call, evaluated when they are asked for. An argument that failed makes the call fail with the zero
/// value of the function.
struct Arguments<'a> {
    builtin: Builtin,
    call: &'a Call,
    scope: Scope<'a>,
}

impl<'a> Arguments<'a> {
    fn value(&self, index: usize) -> Outcome<'a> {
        // The number of arguments was checked when the call was resolved.
        let Some(argument) = self.call.arguments.get(index) else { return Ok(self.builtin.kind().zero()) };
        eval::node(argument, self.scope).map_err(|failed| failed.with(self.builtin.kind().zero()))
    }

    fn text(&self, index: usize) -> Result<Cow<'a, str>, Failed<'a>> {
        self.value(index).map(Value::to_text)
    }

    fn integer(&self, index: usize) -> Result<i32, Failed<'a>> {
        self.value(index)?.to_integer().map_err(|value| self.uncastable(value, Type::Integer))
    }

    fn uncastable(&self, value: Value<'a>, to: Type) -> Failed<'a> {
        Failed { value: self.builtin.kind().zero(), error: Error::cast(value, to, self.call.offset) }
    }

    fn failed(&self, value: Value<'a>, kind: ErrorKind, why: &'static str) -> Failed<'a> {
        Failed { value, error: Error::of(kind, self.call.offset, why) }
    }
}

fn concat<'a>(separator: &str, nodes: &[Node], arguments: &Arguments<'a>, first: usize) -> Outcome<'a> {
    let mut joined = String::new();
    for index in first..nodes.len() {
        if index > first {
            joined.push_str(separator);
        }
        joined.push_str(&arguments.text(index)?);
    }
    Ok(Value::String(Cow::Owned(joined)))
}

/// Text in another case; the same text where nothing changes.
fn cased(text: Cow<'_, str>, is: fn(char) -> bool, to: fn(&str) -> String) -> Value<'_> {
    let unchanged = text.chars().all(|c| is(c) || !c.is_alphabetic() && c.is_ascii());
    Value::String(if unchanged { text } else { Cow::Owned(to(&text)) })
}

fn cut(text: Cow<'_, str>, start: usize, end: usize) -> Value<'_> {
    Value::String(match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[start..end]),
        Cow::Owned(text) => Cow::Owned(text[start..end].to_owned()),
    })
}
