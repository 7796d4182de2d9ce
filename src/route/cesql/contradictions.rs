//! Expressions that depend on the event and still can never be TRUE: what stands under one AND contradicts itself.
//!
//! What is asked of an attribute is gathered from left to right; the first side that leaves no value is where the
//! contradiction is told. Whatever is not understood may hold, so that nothing is told that is not so.

use super::ast::{Link, Node, Operator, Prefix, Test, What};
use super::condition::{Condition, Fit, of as condition_of};
use super::findings::{constant, is_constant};
use super::like::Pattern;
use super::value::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Where and why.
pub(super) type Conflict = (usize, String);

/// The contradiction for which an expression is never TRUE, if there is one that is understood.
pub(super) fn of(node: &Node) -> Option<Conflict> {
    if is_constant(node) {
        return constant(node);
    }
    let Node::Chain(first, rest) = node else { return None };
    let sides = || std::iter::once((offset(first), &**first)).chain(rest.iter().map(|link| (link.offset, &link.right)));
    if rest.iter().all(|link| link.operator == Operator::And) {
        let mut asked = BTreeMap::new();
        let mut pass = || sides().find_map(|(at, side)| conjunct(side, at, &mut asked));
        // What is excluded before it is known what is left only shows in a second one.
        return pass().or_else(pass);
    }
    if rest.iter().all(|link| link.operator == Operator::Or) {
        let each: Option<Vec<Conflict>> = sides().map(|(_, side)| of(side)).collect();
        return each?.into_iter().next();
    }
    None
}

/// What is asked of one attribute so far.
#[derive(Debug)]
struct Asked {
    /// Canonical texts it may have; `None`: any.
    texts: Option<BTreeSet<String>>,
    prefix: String,
    suffix: String,
    /// Bounds of it as an Integer, where it is compared as one.
    least: i64,
    most: i64,
    not: BTreeSet<i64>,
    /// The event must have it.
    present: bool,
    /// The event must not have it.
    absent: bool,
}

impl Default for Asked {
    fn default() -> Asked {
        Asked {
            texts: None,
            prefix: String::new(),
            suffix: String::new(),
            least: i64::MIN,
            most: i64::MAX,
            not: BTreeSet::new(),
            present: false,
            absent: false,
        }
    }
}

type ByName<'n> = BTreeMap<&'n str, Asked>;

/// One side of an AND. A side that is an AND itself is taken apart.
fn conjunct<'n>(node: &'n Node, at: usize, asked: &mut ByName<'n>) -> Option<Conflict> {
    if let Node::Chain(first, rest) = node
        && rest.iter().all(|link| link.operator == Operator::And)
        && !rest.is_empty()
    {
        let sides =
            std::iter::once((offset(first), &**first)).chain(rest.iter().map(|link| (link.offset, &link.right)));
        return sides.into_iter().find_map(|(at, side)| conjunct(side, at, asked));
    }
    if let Some((own, why)) = of(node) {
        return Some((if own > 0 { own } else { at }, why));
    }
    let own = offset(node);
    let at = if own > 0 { own } else { at };
    let name = ask(node, false, asked)?;
    let now = asked.get(name)?;
    now.is_impossible().then(|| (at, format!("with what is asked of `{name}` before, nothing is left for it here")))
}

/// Adds what a side asks of one attribute and gives its name; `None` where it is not understood.
fn ask<'n>(node: &'n Node, negated: bool, asked: &mut ByName<'n>) -> Option<&'n str> {
    match node {
        Node::Prefixed(prefixes, operand) if prefixes.iter().all(|Prefix { is_not, .. }| *is_not) => {
            ask(operand, negated != (prefixes.len() % 2 == 1), asked)
        }
        Node::Exists(name) => {
            let of_name = asked.entry(&name.text).or_default();
            (of_name.absent, of_name.present) = (of_name.absent || negated, of_name.present || !negated);
            Some(&name.text)
        }
        Node::Chain(first, rest) => match &rest[..] {
            [link] => compared(first, link, negated, asked),
            _ => None,
        },
        Node::Tested(operand, tests) => match (&**operand, &tests[..]) {
            (Node::Attribute(name), [test]) => {
                let of_name = asked.entry(&name.text).or_default();
                of_name.present = true;
                tested(test, test.negated != negated, node, of_name);
                Some(&name.text)
            }
            _ => None,
        },
        _ => None,
    }
}

fn compared<'n>(left: &'n Node, link: &'n Link, negated: bool, asked: &mut ByName<'n>) -> Option<&'n str> {
    let (name, literal, turned) = match (left, &link.right) {
        (Node::Attribute(name), Node::Literal(literal)) => (name, literal, false),
        (Node::Literal(literal), Node::Attribute(name)) => (name, literal, true),
        _ => return None,
    };
    let of_name = asked.entry(&name.text).or_default();
    of_name.present = true;
    let equal = (link.operator == Operator::Equal) != negated;
    match (link.operator, literal) {
        (Operator::Equal | Operator::NotEqual, Value::Integer(number)) if !turned => {
            let number = i64::from(*number);
            if equal { of_name.between(number, number) } else { of_name.other_than(number) }
        }
        (Operator::Equal | Operator::NotEqual, literal) => {
            if equal {
                of_name.narrow(&left_texts(left, &link.right));
            } else if let (Value::String(text), false) = (literal, turned) {
                of_name.keep(|known| known != text);
            }
        }
        (operator, Value::Integer(number)) => of_name.ordered(operator, i64::from(*number), turned, negated),
        _ => {}
    }
    Some(&name.text)
}

/// Canonical texts that an equality leaves; empty where that is not known.
fn left_texts(left: &Node, right: &Node) -> BTreeSet<String> {
    match super::condition::equality(left, right) {
        Condition::Any(texts) => exact_texts(texts),
        _ => BTreeSet::new(),
    }
}

fn exact_texts(conditions: Vec<Condition<'_>>) -> BTreeSet<String> {
    let text = |condition| match condition {
        Condition::Text { fit: Fit::Exact, text, .. } => Some(text.into_owned()),
        _ => None,
    };
    let texts: Option<BTreeSet<String>> = conditions.into_iter().map(text).collect();
    texts.unwrap_or_default()
}

fn tested(test: &Test, negated: bool, node: &Node, of_name: &mut Asked) {
    match (&test.what, negated) {
        (What::Like(pattern), false) => of_name.like(pattern),
        (What::Like(pattern), true) => of_name.keep(|text| !pattern.matches(text)),
        (What::In(_), false) => {
            if let Condition::Any(texts) = condition_of(node) {
                of_name.narrow(&exact_texts(texts));
            }
        }
        (What::In(set), true) => {
            let fixed: Vec<&str> = set.iter().filter_map(literal_text).collect();
            of_name.keep(|text| !fixed.contains(&text));
        }
    }
}

fn literal_text(node: &Node) -> Option<&str> {
    if let Node::Literal(Value::String(text)) = node { Some(text) } else { None }
}

impl Asked {
    /// Only these are left; an empty set says nothing.
    fn narrow(&mut self, texts: &BTreeSet<String>) {
        if texts.is_empty() {
            return;
        }
        let kept = match &self.texts {
            Some(known) => known.intersection(texts).cloned().collect(),
            None => texts.clone(),
        };
        self.texts = Some(kept);
    }

    /// Those for which it does not hold are gone. `-0` is read as `0`: what becomes of it is left open.
    fn keep(&mut self, holds: impl Fn(&str) -> bool) {
        if let Some(texts) = &mut self.texts {
            texts.retain(|text| text == "-0" || holds(text));
        }
    }

    fn like(&mut self, pattern: &Pattern) {
        let (begin, end) = pattern.ends();
        let Some(end) = end else {
            self.narrow(&[begin].into_iter().filter(|text| !text.is_empty()).collect());
            return;
        };
        self.keep(|text| pattern.matches(text));
        if self.prefix.starts_with(&begin) {
            // What is known already says more.
        } else if begin.starts_with(&self.prefix) {
            self.prefix = begin;
        } else {
            self.texts = Some(BTreeSet::new());
        }
        if self.suffix.ends_with(&end) {
            // The same.
        } else if end.ends_with(&self.suffix) {
            self.suffix = end;
        } else {
            self.texts = Some(BTreeSet::new());
        }
    }

    fn between(&mut self, least: i64, most: i64) {
        (self.least, self.most) = (self.least.max(least), self.most.min(most));
    }

    fn other_than(&mut self, number: i64) {
        self.not.insert(number);
    }

    fn ordered(&mut self, operator: Operator, number: i64, turned: bool, negated: bool) {
        let operator = match (operator, turned) {
            (Operator::Less, true) => Operator::Greater,
            (Operator::LessOrEqual, true) => Operator::GreaterOrEqual,
            (Operator::Greater, true) => Operator::Less,
            (Operator::GreaterOrEqual, true) => Operator::LessOrEqual,
            (operator, _) => operator,
        };
        match (operator, negated) {
            (Operator::Less, false) | (Operator::GreaterOrEqual, true) => self.between(i64::MIN, number - 1),
            (Operator::LessOrEqual, false) | (Operator::Greater, true) => self.between(i64::MIN, number),
            (Operator::Greater, false) | (Operator::LessOrEqual, true) => self.between(number + 1, i64::MAX),
            (Operator::GreaterOrEqual, false) | (Operator::Less, true) => self.between(number, i64::MAX),
            _ => {}
        }
    }

    fn is_impossible(&self) -> bool {
        let bounded = self.least > i64::MIN || self.most < i64::MAX;
        let counts = |number: i64| (self.least..=self.most).contains(&number) && !self.not.contains(&number);
        let framed = |text: &String| text.starts_with(&self.prefix) && text.ends_with(&self.suffix) || text == "-0";
        // Whatever is compared as an Integer must be one.
        let fits = |text: &String| match number(text) {
            _ if !framed(text) => false,
            Some(number) => counts(number),
            None => !bounded && self.not.is_empty(),
        };
        self.absent && self.present
            || self.texts.as_ref().is_some_and(|texts| !texts.iter().any(fits))
            || self.least > self.most
            || self.least == self.most && !counts(self.least)
    }
}

/// The number a canonical text is cast to.
fn number(text: &str) -> Option<i64> {
    match text {
        "true" => Some(1),
        "false" => Some(0),
        _ => text.parse::<i32>().ok().map(i64::from),
    }
}

/// Where a side begins; 0 where that is not kept.
fn offset(node: &Node) -> usize {
    match node {
        Node::Attribute(name) | Node::Exists(name) => name.offset,
        Node::Prefixed(prefixes, operand) => prefixes.first().map_or_else(|| offset(operand), |prefix| prefix.offset),
        Node::Chain(first, _) => offset(first),
        Node::Tested(operand, _) => offset(operand),
        Node::Call(call) => call.offset,
        Node::Literal(_) => 0,
    }
}
