//! Expression + attributes → value.
//!
//! When an operand failed, an operator or function returns the zero value of its own type with that error; when it finds
//! the error itself, it returns what is documented for the case (specs.md §13). So an evaluation meets one error at most.

use super::ast::{Call, Link, Name, Node, Operator, Prefix, Test, What};
use super::error::{Error, ErrorKind};
use super::functions::{Function, UserFunction};
use super::value::{Type, Value};
use super::{Attributes, REQUIRED};

/// What identifiers stand for.
pub(super) type Scope<'a> = &'a dyn Attributes;

/// A value, or a failure that still has one.
pub(super) type Outcome<'a> = Result<Value<'a>, Failed<'a>>;

/// The value that comes with an error.
#[derive(Debug)]
pub(super) struct Failed<'a> {
    pub value: Value<'a>,
    pub error: Error<'a>,
}

impl<'a> Failed<'a> {
    /// The same error with another value.
    pub fn with(self, value: Value<'a>) -> Failed<'a> {
        Failed { value, ..self }
    }
}

/// Evaluates a part. Recursion is as deep as brackets are nested.
pub(super) fn node<'a>(node: &'a Node, scope: Scope<'a>) -> Outcome<'a> {
    match node {
        Node::Literal(value) => Ok(value.borrowed()),
        Node::Attribute(name) => attribute(name, scope),
        Node::Exists(name) => Ok(Value::Boolean(REQUIRED.contains(&&*name.text) || scope.get(&name.text).is_some())),
        Node::Prefixed(prefixes, operand) => {
            let operand = self::node(operand, scope);
            prefixes.iter().rev().fold(operand, prefixed)
        }
        Node::Chain(first, rest) => {
            let first = self::node(first, scope);
            rest.iter().fold(first, |left, link| linked(left, link, scope))
        }
        Node::Tested(operand, tests) => {
            let operand = self::node(operand, scope);
            tests.iter().fold(operand, |left, test| tested(left, test, scope))
        }
        Node::Call(call) => match &call.function {
            Some(Function::Builtin(builtin)) => builtin.call(call, scope),
            Some(Function::User(function)) => user(function, call, scope),
            None => {
                let error = Error::missing_function(&call.name, call.arguments.len(), call.offset);
                Err(Failed { value: Value::Boolean(false), error })
            }
        },
    }
}

fn attribute<'a>(name: &'a Name, scope: Scope<'a>) -> Outcome<'a> {
    scope.get(&name.text).ok_or_else(|| Failed {
        value: Value::Boolean(false),
        error: Error::missing_attribute(&name.text, name.offset),
    })
}

fn prefixed<'a>(operand: Outcome<'a>, prefix: &Prefix) -> Outcome<'a> {
    let kind = if prefix.is_not { Type::Boolean } else { Type::Integer };
    let operand = operand.map_err(|failed| failed.with(kind.zero()))?;
    let uncastable = |value| Failed { value: kind.zero(), error: Error::cast(value, kind, prefix.offset) };
    if prefix.is_not {
        return operand.to_boolean().map(|truth| Value::Boolean(!truth)).map_err(uncastable);
    }
    let number = operand.to_integer().map_err(uncastable)?;
    number.checked_neg().map(Value::Integer).ok_or_else(|| overflow(prefix.offset))
}

fn linked<'a>(left: Outcome<'a>, link: &'a Link, scope: Scope<'a>) -> Outcome<'a> {
    let kind = link.operator.kind();
    let left = left.map_err(|failed| failed.with(kind.zero()))?;
    let right = || node(&link.right, scope).map_err(|failed| failed.with(kind.zero()));
    match link.operator {
        Operator::And | Operator::Or | Operator::Xor => {
            let left = boolean(left, link)?;
            match (link.operator, left) {
                (Operator::And, false) | (Operator::Or, true) => Ok(Value::Boolean(left)),
                (Operator::Xor, true) => Ok(Value::Boolean(!boolean(right()?, link)?)),
                _ => Ok(Value::Boolean(boolean(right()?, link)?)),
            }
        }
        Operator::Equal | Operator::NotEqual => {
            let right = right()?;
            let left = left
                .cast(right.kind())
                .map_err(|value| Failed { value: kind.zero(), error: Error::cast(value, right.kind(), link.offset) })?;
            Ok(Value::Boolean((left == right) == (link.operator == Operator::Equal)))
        }
        operator => {
            // Both operands come before anything done with them: `missing / 0` is a missing attribute.
            let right = right()?;
            let (left, right) = (integer(left, link)?, integer(right, link)?);
            match operator {
                Operator::Less => Ok(Value::Boolean(left < right)),
                Operator::LessOrEqual => Ok(Value::Boolean(left <= right)),
                Operator::Greater => Ok(Value::Boolean(left > right)),
                Operator::GreaterOrEqual => Ok(Value::Boolean(left >= right)),
                _ => calculated(left, right, link),
            }
        }
    }
}

fn calculated<'a>(left: i32, right: i32, link: &Link) -> Outcome<'a> {
    let result = match link.operator {
        Operator::Add => left.checked_add(right),
        Operator::Subtract => left.checked_sub(right),
        Operator::Multiply => left.checked_mul(right),
        _ if right == 0 => {
            let error = Error::of(ErrorKind::Math, link.offset, "division by zero");
            return Err(Failed { value: Value::Integer(0), error });
        }
        Operator::Divide => left.checked_div(right),
        _ => left.checked_rem(right),
    };
    result.map(Value::Integer).ok_or_else(|| overflow(link.offset))
}

fn overflow<'a>(offset: usize) -> Failed<'a> {
    let error = Error::of(ErrorKind::Math, offset, "the result does not fit an Integer");
    Failed { value: Value::Integer(0), error }
}

fn boolean<'a>(value: Value<'a>, link: &Link) -> Result<bool, Failed<'a>> {
    value.to_boolean().map_err(|value| uncastable(value, Type::Boolean, link))
}

fn integer<'a>(value: Value<'a>, link: &Link) -> Result<i32, Failed<'a>> {
    value.to_integer().map_err(|value| uncastable(value, Type::Integer, link))
}

fn uncastable<'a>(value: Value<'a>, to: Type, link: &Link) -> Failed<'a> {
    Failed { value: link.operator.kind().zero(), error: Error::cast(value, to, link.offset) }
}

fn tested<'a>(operand: Outcome<'a>, test: &'a Test, scope: Scope<'a>) -> Outcome<'a> {
    let zero = || Type::Boolean.zero();
    let operand = operand.map_err(|failed| failed.with(zero()))?;
    let fits = match &test.what {
        What::Like(pattern) => pattern.matches(&operand.to_text()),
        What::In(set) => {
            let mut found = false;
            for element in set {
                let value = node(element, scope).map_err(|failed| failed.with(zero()))?;
                let value = value.cast(operand.kind()).map_err(|value| Failed {
                    value: zero(),
                    error: Error::cast(value, operand.kind(), test.offset),
                })?;
                if value == operand {
                    found = true;
                    break;
                }
            }
            found
        }
    };
    Ok(Value::Boolean(fits != test.negated))
}

fn user<'a>(function: &UserFunction, call: &'a Call, scope: Scope<'a>) -> Outcome<'a> {
    let signature = &function.signature;
    let failed = |error| Failed { value: signature.returns.zero(), error };
    let types =
        signature.parameters.iter().chain(std::iter::repeat(signature.variadic.as_ref().unwrap_or(&Type::String)));
    let mut arguments = Vec::with_capacity(call.arguments.len());
    for (argument, kind) in call.arguments.iter().zip(types) {
        let value = node(argument, scope).map_err(|inner| failed(inner.error))?;
        let value = value.cast(*kind).map_err(|value| failed(Error::cast(value, *kind, call.offset)))?;
        arguments.push(value);
    }
    (function.body)(&arguments).map_err(|failure| Failed {
        value: failure.value,
        error: Error::of(ErrorKind::FunctionEvaluation, call.offset, failure.detail),
    })
}
