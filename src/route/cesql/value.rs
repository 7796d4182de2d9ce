//! The three types of the language and the casts between them (CESQL 1.0 §3.1, §3.7).

use std::borrow::Cow;
use std::fmt;

/// A type of the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Type {
    /// A sequence of Unicode characters. URIs, timestamps and binary values appear as this one.
    String,
    /// A whole number of 32 bits with sign.
    Integer,
    /// `true` or `false`.
    Boolean,
}

impl Type {
    /// What an operator or function of this type returns when one of its operands failed.
    pub fn zero(self) -> Value<'static> {
        match self {
            Type::String => Value::String(Cow::Borrowed("")),
            Type::Integer => Value::Integer(0),
            Type::Boolean => Value::Boolean(false),
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Type::String => "String",
            Type::Integer => "Integer",
            Type::Boolean => "Boolean",
        })
    }
}

/// A value; text is borrowed from the event or the expression wherever it can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// Text.
    String(Cow<'a, str>),
    /// A number.
    Integer(i32),
    /// A truth value.
    Boolean(bool),
}

impl<'a> Value<'a> {
    /// Its type.
    pub fn kind(&self) -> Type {
        match self {
            Value::String(_) => Type::String,
            Value::Integer(_) => Type::Integer,
            Value::Boolean(_) => Type::Boolean,
        }
    }

    /// The same value, borrowed from this one.
    pub fn borrowed(&self) -> Value<'_> {
        match self {
            Value::String(text) => Value::String(Cow::Borrowed(text)),
            Value::Integer(number) => Value::Integer(*number),
            Value::Boolean(truth) => Value::Boolean(*truth),
        }
    }

    /// The same value with text of its own.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Value::String(text) => Value::String(Cow::Owned(text.into_owned())),
            Value::Integer(number) => Value::Integer(number),
            Value::Boolean(truth) => Value::Boolean(truth),
        }
    }

    /// As a Boolean: 0 is false, every other number true; text only as `true` or `false` in any case. `Err` gives the value
    /// back.
    pub fn to_boolean(self) -> Result<bool, Value<'a>> {
        match self {
            Value::Boolean(truth) => Ok(truth),
            Value::Integer(number) => Ok(number != 0),
            Value::String(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            Value::String(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            Value::String(text) => Err(Value::String(text)),
        }
    }

    /// As an Integer: `true` is 1; text must be decimal digits with an optional sign, within 32 bits. `Err` gives the value
    /// back.
    pub fn to_integer(self) -> Result<i32, Value<'a>> {
        match self {
            Value::Boolean(truth) => Ok(i32::from(truth)),
            Value::Integer(number) => Ok(number),
            Value::String(text) => text.parse().map_err(|_| Value::String(text)),
        }
    }

    /// As a String. Every value has one.
    pub fn to_text(self) -> Cow<'a, str> {
        match self {
            Value::Boolean(true) => Cow::Borrowed("true"),
            Value::Boolean(false) => Cow::Borrowed("false"),
            Value::Integer(number) => Cow::Owned(number.to_string()),
            Value::String(text) => text,
        }
    }

    /// As a value of a type. `Err` gives the value back.
    pub fn cast(self, to: Type) -> Result<Value<'a>, Value<'a>> {
        match to {
            Type::String => Ok(Value::String(self.to_text())),
            Type::Integer => self.to_integer().map(Value::Integer),
            Type::Boolean => self.to_boolean().map(Value::Boolean),
        }
    }
}

/// As the language would write it.
impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::String(text) => write!(f, "'{}'", crate::cloudevents::reader::shown(text)),
            Value::Integer(number) => write!(f, "{number}"),
            Value::Boolean(true) => f.write_str("TRUE"),
            Value::Boolean(false) => f.write_str("FALSE"),
        }
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Value<'a> {
        Value::String(Cow::Borrowed(text))
    }
}

impl From<i32> for Value<'_> {
    fn from(number: i32) -> Self {
        Value::Integer(number)
    }
}

impl From<bool> for Value<'_> {
    fn from(truth: bool) -> Self {
        Value::Boolean(truth)
    }
}

/// A JSON string, number or truth value.
impl From<&Value<'_>> for serde_json::Value {
    fn from(value: &Value<'_>) -> serde_json::Value {
        match value {
            Value::String(text) => text.as_ref().into(),
            Value::Integer(number) => (*number).into(),
            Value::Boolean(truth) => (*truth).into(),
        }
    }
}
