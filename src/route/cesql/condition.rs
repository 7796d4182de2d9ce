//! What an event must have for an expression to hold: for indexes over many expressions.

use super::REQUIRED;
use super::ast::{Link, Node, Operator, Test, What};
use super::value::Value;
use std::borrow::Cow;

/// A necessary condition: where it does not hold, the expression does not either. It says nothing about the contrary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition<'e> {
    /// Nothing is known: any event may do.
    Unknown,
    /// The canonical text of an attribute fits.
    Text {
        /// Which attribute.
        attribute: &'e str,
        /// How.
        fit: Fit,
        /// What it is compared with; not empty.
        text: Cow<'e, str>,
    },
    /// The value of an attribute is this number, or a text or truth value that is cast to it.
    Number {
        /// Which attribute.
        attribute: &'e str,
        /// The number.
        number: i32,
    },
    /// The event has the attribute.
    Present(&'e str),
    /// All hold.
    All(Vec<Condition<'e>>),
    /// One of them holds.
    Any(Vec<Condition<'e>>),
}

/// How a text has to fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// It is the other.
    Exact,
    /// It begins with the other.
    Prefix,
    /// It ends with the other.
    Suffix,
}

/// Links of a chain that mixes `AND`, `OR` and `XOR`, each of which is one level of the condition.
const MIXED: usize = 64;

/// The condition of an expression, which holds only where its value is TRUE without an error.
pub(super) fn of(node: &Node) -> Condition<'_> {
    match node {
        Node::Chain(first, rest) => match rest.first() {
            Some(link) if link.operator.is_logic() => logic(first, rest),
            Some(Link { operator: Operator::Equal, right, .. }) if rest.len() == 1 => equality(first, right),
            _ => {
                let operands = std::iter::once(&**first).chain(rest.iter().map(|link| &link.right));
                Condition::All(operands.map(present).collect())
            }
        },
        Node::Tested(operand, tests) => match (&**operand, &tests[..]) {
            (Node::Attribute(name), [test]) => tested(&name.text, test),
            _ => present(operand),
        },
        Node::Attribute(_) => present(node),
        Node::Exists(name) if !REQUIRED.contains(&&*name.text) => Condition::Present(&name.text),
        _ => Condition::Unknown,
    }
}

/// A missing attribute is an error.
fn present(node: &Node) -> Condition<'_> {
    match node {
        Node::Attribute(name) if !REQUIRED.contains(&&*name.text) => Condition::Present(&name.text),
        _ => Condition::Unknown,
    }
}

/// From left to right, as it is evaluated.
fn logic<'n>(first: &'n Node, rest: &'n [Link]) -> Condition<'n> {
    let sides = || std::iter::once(first).chain(rest.iter().map(|link| &link.right)).map(of);
    if rest.iter().all(|link| link.operator == Operator::And) {
        return Condition::All(sides().collect());
    }
    if rest.iter().all(|link| link.operator != Operator::And) {
        return Condition::Any(sides().collect());
    }
    if rest.len() > MIXED {
        return Condition::Unknown;
    }
    rest.iter().fold(of(first), |left, link| {
        let both = vec![left, of(&link.right)];
        if link.operator == Operator::And { Condition::All(both) } else { Condition::Any(both) }
    })
}

pub(super) fn equality<'n>(left: &'n Node, right: &'n Node) -> Condition<'n> {
    match (left, right) {
        // The left side is cast to the type of the right one.
        (Node::Attribute(name), Node::Literal(Value::String(text))) if !text.is_empty() => {
            any_of(&name.text, as_text(Cow::Borrowed(text)))
        }
        (Node::Attribute(name), Node::Literal(Value::Integer(number))) => {
            Condition::Number { attribute: &name.text, number: *number }
        }
        (Node::Literal(literal), Node::Attribute(name)) => any_of(&name.text, casts(literal)),
        _ => Condition::All(vec![present(left), present(right)]),
    }
}

fn tested<'n>(attribute: &'n str, test: &'n Test) -> Condition<'n> {
    let there = || if REQUIRED.contains(&attribute) { Condition::Unknown } else { Condition::Present(attribute) };
    match &test.what {
        _ if test.negated => there(),
        What::In(set) => {
            let literal = |node: &'n Node| if let Node::Literal(value) = node { Some(casts(value)) } else { None };
            let texts: Option<Vec<Vec<Cow<'n, str>>>> = set.iter().map(literal).collect();
            texts.map_or_else(there, |texts| any_of(attribute, texts.concat()))
        }
        What::Like(pattern) => {
            let (begin, end) = pattern.ends();
            let key = |fit, text: String| Condition::Text { attribute, fit, text: text.into() };
            match (begin, end) {
                (begin, None) if !begin.is_empty() => any_of(attribute, as_text(begin.into())),
                (begin, Some(end)) => {
                    // An Integer of `-0` is read as `0`.
                    let begin = Some(begin).filter(|begin| !begin.is_empty() && begin != "0");
                    let keys = begin.map(|begin| key(Fit::Prefix, begin)).into_iter();
                    let end = Some(end).filter(|end| !end.is_empty());
                    Condition::All(keys.chain(end.map(|end| key(Fit::Suffix, end))).chain([there()]).collect())
                }
                _ => there(),
            }
        }
    }
}

fn any_of<'n>(attribute: &'n str, texts: Vec<Cow<'n, str>>) -> Condition<'n> {
    if texts.iter().any(|text| text.is_empty()) {
        return Condition::Unknown;
    }
    Condition::Any(texts.into_iter().map(|text| Condition::Text { attribute, fit: Fit::Exact, text }).collect())
}

/// Canonical texts of values that are this text as a String.
fn as_text(text: Cow<'_, str>) -> Vec<Cow<'_, str>> {
    let zero = (text == "0").then_some(Cow::Borrowed("-0"));
    std::iter::once(text).chain(zero).collect()
}

/// Canonical texts of values that a literal equals when it is cast to their type.
fn casts<'n>(literal: &'n Value<'static>) -> Vec<Cow<'n, str>> {
    let as_string = literal.borrowed().to_text();
    let as_integer = literal.borrowed().to_integer().ok().map(|number| number.to_string());
    let as_boolean = literal.borrowed().to_boolean().ok().map(|truth| if truth { "true" } else { "false" });
    let mut texts = as_text(as_string);
    texts.extend(as_integer.into_iter().flat_map(|text| as_text(text.into())));
    texts.extend(as_boolean.map(Cow::Borrowed));
    texts.dedup();
    texts
}
