//! CloudEvents SQL 1.0: predicates and small computations over the attributes of an event.
//!
//! An [`Expression`] is compiled once and evaluated as often as there are events. Evaluating is total: it always ends, has
//! no side effects and always gives a value of one of three types, with an error beside it where something went wrong.
//! Attributes and literals are borrowed: comparing, matching and calculating allocate nothing.
//!
//! ```
//! use signalbox::route::cesql::{Attributes, Expression, Value};
//!
//! struct Headers;
//! impl Attributes for Headers {
//!     fn get(&self, name: &str) -> Option<Value<'_>> {
//!         match name {
//!             "type" => Some("com.example.order.created".into()),
//!             "retries" => Some(3.into()),
//!             _ => None,
//!         }
//!     }
//! }
//!
//! let expression = Expression::compile("type LIKE 'com.example.order.%' AND retries < 5")?;
//! assert!(expression.matches(&Headers));
//!
//! let error = Expression::compile("type == 'a'").unwrap_err();
//! assert_eq!((error.offset, error.hint.as_deref()), (5, Some("did you mean `=`?")));
//! # Ok::<(), signalbox::route::cesql::ParseError>(())
//! ```
//!
//! # What it decides where the specification leaves room
//! - `AND`, `OR` and `XOR` have one rank and go from left to right, as the prose says. Mixing them is a [`Finding`].
//! - Arithmetic is checked: a result outside of 32 bits is 0 with a `Math` error; `ABS(-2147483648)` is 2147483647 with one.
//! - `NOT 10` is `false` without an error: 10 is true by the casting table.
//! - Text is counted in characters everywhere, in `LIKE`, too.
//! - A backslash and the character after it are one unit inside of a string; only the own delimiter loses its backslash.
//! - `INT`, `BOOL` and `STRING` are functions. A wrong name or number of arguments is an error of evaluation.
//! - Brackets may nest 128 levels deep, and 128 operators may stand before one operand; chains of operators between operands
//!   may be as long as they like.
//!
//! # Functions of your own
//! ```
//! use signalbox::route::cesql::{Expression, Functions, Signature, Type, Value};
//!
//! let mut functions = Functions::new();
//! let starts_with = Signature {
//!     name: "HASPREFIX".to_owned(),
//!     parameters: vec![Type::String, Type::String],
//!     variadic: None,
//!     returns: Type::Boolean,
//! };
//! functions.add(starts_with, |arguments| match arguments {
//!     [Value::String(text), Value::String(prefix)] => Ok(text.starts_with(&**prefix).into()),
//!     _ => unreachable!("arguments are cast to the types of the signature"),
//! })?;
//! let expression = Expression::compile_with("HASPREFIX('abc', 'ab')", &functions)?;
//! # struct Nothing;
//! # impl signalbox::route::cesql::Attributes for Nothing { fn get(&self, _: &str) -> Option<Value<'_>> { None } }
//! assert_eq!(expression.evaluate(&Nothing).value, Value::Boolean(true));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod ast;
mod builtin;
mod condition;
mod contradictions;
mod error;
mod eval;
mod findings;
mod functions;
mod lexer;
mod like;
mod parser;
mod value;

#[cfg(test)]
mod tests;

pub use condition::{Condition, Fit};
pub use error::{Error, ErrorKind, ParseError};
pub use findings::{Finding, FindingKind};
pub use functions::{Body, Failure, Functions, Signature, SignatureError};
pub use value::{Type, Value};

use crate::cloudevents::attributes::REQUIRED;
use crate::cloudevents::{Event, Kind};
use std::fmt;
use std::sync::Arc;

/// What identifiers in an expression stand for.
pub trait Attributes {
    /// The value of an attribute, by its name in lower case; `None` when the event does not have it.
    fn get(&self, name: &str) -> Option<Value<'_>>;
}

/// Booleans and Integers where the format told so; everything else is text, `time` as received.
impl Attributes for Event {
    fn get(&self, name: &str) -> Option<Value<'_>> {
        let text = match (self.value(name), name) {
            (Some(value), _) => match value.kind {
                Kind::Boolean => return Some(Value::Boolean(value.text == "true")),
                Kind::Integer => return value.text.parse().ok().map(Value::Integer),
                _ => value.text,
            },
            (None, name) => self.attribute(name)?,
        };
        Some(Value::from(text))
    }
}

/// A compiled expression. Cloning is cheap. Equal texts are equal expressions; functions are those of one registry.
#[derive(Clone)]
pub struct Expression(Arc<Compiled>);

struct Compiled {
    text: Box<str>,
    root: ast::Node,
    findings: Vec<Finding>,
}

/// What an evaluation comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluation<'a> {
    /// The value; with an error the one the specification wants beside it.
    pub value: Value<'a>,
    /// What went wrong. An operator stops at the first operand that failed, so that there is never more than one.
    pub error: Option<Error<'a>>,
}

impl Evaluation<'_> {
    /// As a filter: the value is Boolean TRUE and there is no error at all.
    pub fn is_true(&self) -> bool {
        self.error.is_none() && self.value == Value::Boolean(true)
    }
}

impl Expression {
    /// Compiles a text with the built-in functions.
    pub fn compile(text: &str) -> Result<Expression, ParseError> {
        Expression::compile_with(text, &Functions::default())
    }

    /// Compiles a text with functions of your own, too.
    pub fn compile_with(text: &str, functions: &Functions) -> Result<Expression, ParseError> {
        let root = parser::parse(text, functions)?;
        let findings = findings::all(&root);
        Ok(Expression(Arc::new(Compiled { text: text.into(), root, findings })))
    }

    /// The text it was compiled from.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// Evaluates it.
    pub fn evaluate<'a>(&'a self, attributes: &'a dyn Attributes) -> Evaluation<'a> {
        match eval::node(&self.0.root, attributes) {
            Ok(value) => Evaluation { value, error: None },
            Err(failed) => Evaluation { value: failed.value, error: Some(failed.error) },
        }
    }

    /// As a filter (CESQL 1.0 §1.2): [`Evaluation::is_true`].
    pub fn matches(&self, attributes: &dyn Attributes) -> bool {
        self.evaluate(attributes).is_true()
    }

    /// What an author may want to know of it.
    pub fn findings(&self) -> &[Finding] {
        &self.0.findings
    }

    /// The attributes it names, each once, in written order.
    pub fn attributes(&self) -> Vec<&str> {
        findings::attributes(&self.0.root)
    }

    /// What an event must have for it to hold as a filter. For indexes over many expressions: equalities, `IN`, `LIKE` with
    /// a known beginning or end, and `AND` and `OR` of such are understood.
    pub fn condition(&self) -> Condition<'_> {
        condition::of(&self.0.root)
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Expression) -> bool {
        self.0.text == other.0.text
    }
}

impl Eq for Expression {}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expression({:?})", self.text())
    }
}
