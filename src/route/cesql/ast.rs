//! The compiled form. Chains and runs of operators are lists, so that only brackets make it deep.

use super::functions::Function;
use super::like::Pattern;
use super::value::{Type, Value};

/// A part of an expression.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Literal(Value<'static>),
    Attribute(Name),
    /// True for required attributes without looking.
    Exists(Name),
    /// Operators before an operand, in written order: the last one is applied first.
    Prefixed(Box<[Prefix]>, Box<Node>),
    /// Operators of one level, applied from left to right.
    Chain(Box<Node>, Box<[Link]>),
    /// Tests behind an operand, applied from left to right.
    Tested(Box<Node>, Box<[Test]>),
    Call(Call),
}

/// An attribute and where it is named.
#[derive(Debug, Clone)]
pub(super) struct Name {
    pub text: Box<str>,
    pub offset: usize,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Prefix {
    /// `NOT`, else `-`.
    pub is_not: bool,
    pub offset: usize,
}

#[derive(Debug, Clone)]
pub(super) struct Link {
    pub operator: Operator,
    pub offset: usize,
    pub right: Node,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    And,
    Or,
    Xor,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Operator {
    /// What it returns.
    pub fn kind(self) -> Type {
        match self {
            Operator::Add | Operator::Subtract | Operator::Multiply | Operator::Divide | Operator::Remainder => {
                Type::Integer
            }
            _ => Type::Boolean,
        }
    }

    /// True for `AND`, `OR` and `XOR`.
    pub fn is_logic(self) -> bool {
        matches!(self, Operator::And | Operator::Or | Operator::Xor)
    }
}

#[derive(Debug, Clone)]
pub(super) struct Test {
    /// Written with `NOT`.
    pub negated: bool,
    pub offset: usize,
    pub what: What,
}

#[derive(Debug, Clone)]
pub(super) enum What {
    Like(Pattern),
    In(Box<[Node]>),
}

#[derive(Debug, Clone)]
pub(super) struct Call {
    /// As written.
    pub name: Box<str>,
    pub offset: usize,
    /// `None`: there is no such function, which only evaluation tells.
    pub function: Option<Function>,
    pub arguments: Box<[Node]>,
}
