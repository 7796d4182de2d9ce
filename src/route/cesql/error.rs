//! What can go wrong: in an expression when it is compiled, with an event when it is evaluated.

use super::value::{Type, Value};
use std::borrow::Cow;
use std::fmt;

/// The kinds of errors (CESQL 1.0 §3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The text is no expression. Only compiling tells this one.
    Parse,
    /// Division by zero, or a result that does not fit 32 bits.
    Math,
    /// A value cannot be cast to the type an operator or function wants.
    Cast,
    /// The event does not have the attribute.
    MissingAttribute,
    /// There is no function of that name and number of arguments.
    MissingFunction,
    /// A function cannot do what its arguments ask for.
    FunctionEvaluation,
    /// Anything else.
    Generic,
}

impl ErrorKind {
    /// Its name in the public test kit.
    pub fn name(self) -> &'static str {
        match self {
            ErrorKind::Parse => "parse",
            ErrorKind::Math => "math",
            ErrorKind::Cast => "cast",
            ErrorKind::MissingAttribute => "missingAttribute",
            ErrorKind::MissingFunction => "missingFunction",
            ErrorKind::FunctionEvaluation => "functionEvaluation",
            ErrorKind::Generic => "generic",
        }
    }
}

/// An error of an evaluation. Making one allocates nothing; its text is written when somebody wants to read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error<'a> {
    /// Which kind.
    pub kind: ErrorKind,
    /// Byte offset in the expression of the operator, attribute or function that met it.
    pub offset: usize,
    pub(super) detail: Detail<'a>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Detail<'a> {
    Attribute(&'a str),
    Function { name: &'a str, arguments: usize },
    Cast { value: Value<'a>, to: Type },
    Text(Cow<'static, str>),
}

impl<'a> Error<'a> {
    pub(super) fn missing_attribute(name: &'a str, offset: usize) -> Error<'a> {
        Error { kind: ErrorKind::MissingAttribute, offset, detail: Detail::Attribute(name) }
    }

    pub(super) fn missing_function(name: &'a str, arguments: usize, offset: usize) -> Error<'a> {
        Error { kind: ErrorKind::MissingFunction, offset, detail: Detail::Function { name, arguments } }
    }

    pub(super) fn cast(value: Value<'a>, to: Type, offset: usize) -> Error<'a> {
        Error { kind: ErrorKind::Cast, offset, detail: Detail::Cast { value, to } }
    }

    pub(super) fn of(kind: ErrorKind, offset: usize, text: impl Into<Cow<'static, str>>) -> Error<'a> {
        Error { kind, offset, detail: Detail::Text(text.into()) }
    }
}

impl fmt::Display for Error<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.detail {
            Detail::Attribute(name) => write!(f, "the event has no `{name}`"),
            Detail::Function { name, arguments: 1 } => write!(f, "there is no function {name} with 1 argument"),
            Detail::Function { name, arguments } => write!(f, "there is no function {name} with {arguments} arguments"),
            Detail::Cast { value, to } => write!(f, "{value} is no {to}"),
            Detail::Text(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Error<'_> {}

/// Why a text is no expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParseError {
    /// Byte offset in the text: the token that does not fit.
    pub offset: usize,
    /// What is wrong and what was expected.
    pub message: String,
    /// What to write instead, where that can be guessed.
    pub hint: Option<String>,
}

/// Characters of the text that [`ParseError::excerpt`] shows before and after the place.
const AROUND: usize = 12;

impl ParseError {
    pub(super) fn new(offset: usize, message: impl Into<String>) -> ParseError {
        ParseError { offset, message: message.into(), hint: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> ParseError {
        self.hint = Some(hint.into());
        self
    }

    /// Line and column in the text it came from, both from 1, the column in characters.
    pub fn position(&self, text: &str) -> (usize, usize) {
        let before = text.get(..self.offset).unwrap_or(text);
        let line = before.rsplit('\n').next().unwrap_or_default();
        (before.matches('\n').count() + 1, line.chars().count() + 1)
    }

    /// The text around the place, on one line.
    pub fn excerpt(&self, text: &str) -> String {
        let before = text.get(..self.offset).unwrap_or(text);
        let first = before.char_indices().rev().nth(AROUND - 1).map_or(0, |(at, _)| at);
        let rest = text.get(first..).unwrap_or_default();
        let wanted = before.get(first..).unwrap_or_default().chars().count() + AROUND;
        let clean = |c: char| if c.is_control() { ' ' } else { c };
        let mut shown = String::from(if first > 0 { "…" } else { "" });
        shown.extend(rest.chars().take(wanted).map(clean));
        if rest.chars().nth(wanted).is_some() {
            shown.push('…');
        }
        shown
    }
}
