//! What can be told of an expression without an event: what surprises, and what can never be true.

use super::ast::{Link, Node, Operator, What};
use super::functions::Function;
use super::value::{Type, Value};
use super::{Attributes, REQUIRED, contradictions, eval};
use crate::cloudevents::attributes::expected_kind;

/// Something an author may want to know. Never a reason to refuse the expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which.
    pub kind: FindingKind,
    /// Byte offset in the expression.
    pub offset: usize,
    /// For people.
    pub message: String,
    /// What to write instead.
    pub hint: String,
}

/// Kinds of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FindingKind {
    /// `AND`, `OR` and `XOR` beside each other without parentheses: here they are equal and go from left to right, in other
    /// implementations from right to left, in other languages `AND` comes first.
    MixedLogic,
    /// As a filter it never holds: its value does not depend on the event and is not TRUE, is of another type than Boolean,
    /// or what stands under an AND contradicts itself.
    NeverTrue,
    /// As a filter it never holds: every evaluation ends with an error.
    AlwaysError,
    /// Two names with a dash between them and no blank: it looks like one name, and is a subtraction.
    DashedName,
}

impl FindingKind {
    /// True when the expression never holds as a filter; else it only surprises.
    pub fn never_holds(self) -> bool {
        match self {
            FindingKind::NeverTrue | FindingKind::AlwaysError => true,
            FindingKind::MixedLogic | FindingKind::DashedName => false,
        }
    }
}

/// No event: asking for any attribute is a mistake of the caller.
struct Nothing;

impl Attributes for Nothing {
    fn get(&self, _name: &str) -> Option<Value<'_>> {
        None
    }
}

/// All findings of an expression.
pub(super) fn all(root: &Node) -> Vec<Finding> {
    let mut findings = Vec::new();
    mixed(root, &mut findings);
    dashed(root, &mut findings);
    narrow_not(root, &mut findings);
    if is_constant(root) {
        match eval::node(root, &Nothing) {
            Ok(Value::Boolean(true)) => {}
            Ok(value) => findings.push(never(0, &format!("the expression is always {value}"))),
            Err(failed) => findings.push(always_fails(failed.error.offset, &failed.error.to_string())),
        }
    } else if let Some((offset, why)) = certain_error(root) {
        findings.push(always_fails(offset, &why));
    } else if let Some((offset, why)) = contradictions::of(root) {
        let hint = "take one of the two out, or write OR between them".to_owned();
        let message = format!("this can never be true: {why}");
        findings.push(Finding { kind: FindingKind::NeverTrue, offset, message, hint });
    } else if let Some(kind) = never_boolean(root) {
        findings.push(never(0, &format!("the value is always of type {kind}")));
    }
    findings
}

fn never(offset: usize, why: &str) -> Finding {
    Finding {
        kind: FindingKind::NeverTrue,
        offset,
        message: format!("{why}, so that it never holds as a filter"),
        hint: "compare an attribute of the event: type = 'com.example.order'".to_owned(),
    }
}

/// Why a part that no event can change is never true under an AND, if it is not.
pub(super) fn constant(node: &Node) -> Option<(usize, String)> {
    let told = match eval::node(node, &Nothing) {
        Ok(value) => match value.to_boolean() {
            Ok(true) => return None,
            Ok(false) => "it is always FALSE".to_owned(),
            Err(value) => format!("{value} is no Boolean"),
        },
        Err(failed) => return Some((failed.error.offset, format!("it always fails ({})", failed.error))),
    };
    Some((0, told))
}

/// The type of the value where it can only be another than Boolean. Attributes the specification defines are text.
fn never_boolean(node: &Node) -> Option<Type> {
    let kind = match node {
        Node::Attribute(name) if expected_kind(&name.text).is_some() => Type::String,
        Node::Prefixed(prefixes, _) if prefixes.first().is_some_and(|prefix| !prefix.is_not) => Type::Integer,
        Node::Chain(_, rest) => rest.last()?.operator.kind(),
        Node::Call(call) => match &call.function {
            Some(Function::Builtin(builtin)) => builtin.kind(),
            _ => return None,
        },
        _ => return None,
    };
    (kind != Type::Boolean).then_some(kind)
}

fn always_fails(offset: usize, why: &str) -> Finding {
    Finding {
        kind: FindingKind::AlwaysError,
        offset,
        message: format!("the expression always fails ({why}), so that it never holds as a filter"),
        hint: "an expression with an error never holds, whatever its value".to_owned(),
    }
}

fn mixed(node: &Node, findings: &mut Vec<Finding>) {
    if let Node::Chain(_, rest) = node {
        let first = rest.first().filter(|link| link.operator.is_logic());
        if let Some(other) = first.and_then(|first| rest.iter().find(|link| link.operator != first.operator)) {
            findings.push(Finding {
                kind: FindingKind::MixedLogic,
                offset: other.offset,
                message: "mixed AND, OR and XOR without parentheses: all have the same rank and go from left to right"
                    .to_owned(),
                hint: "write parentheses: (a AND b) OR c".to_owned(),
            });
        }
    }
    children(node, &mut |child| mixed(child, findings));
}

fn dashed(node: &Node, findings: &mut Vec<Finding>) {
    if let Node::Chain(first, rest) = node {
        let operands = std::iter::once(&**first).chain(rest.iter().map(|link| &link.right));
        for (left, link) in operands.zip(rest).filter(|(_, link)| link.operator == Operator::Subtract) {
            let (Node::Attribute(left) | Node::Exists(left), Node::Attribute(right)) = (left, &link.right) else {
                continue;
            };
            if left.offset + left.text.len() == link.offset && link.offset + 1 == right.offset {
                let (left, offset, right) = (&left.text, left.offset, &right.text);
                findings.push(Finding {
                    kind: FindingKind::DashedName,
                    offset,
                    message: format!("`{left}-{right}` is read as `{left}` minus `{right}`"),
                    hint: format!(
                        "names of attributes hold letters and digits only; write `{left} - {right}` if it is a subtraction"
                    ),
                });
            }
        }
    }
    children(node, &mut |child| dashed(child, findings));
}

/// `NOT type = 'a'`: NOT and unary minus hold tighter than comparisons and tests (CESQL 1.0 §3.4).
fn narrow_not(node: &Node, findings: &mut Vec<Finding>) {
    let (operand, sign) = match node {
        Node::Chain(first, rest) => {
            let compares = |operator: Operator| operator.kind() == Type::Boolean && !operator.is_logic();
            (&**first, rest.first().filter(|link| compares(link.operator)).map(|_| "the comparison"))
        }
        Node::Tested(operand, tests) => (&**operand, tests.first().map(|_| "LIKE or IN")),
        _ => (node, None),
    };
    if let (Node::Prefixed(prefixes, inner), Some(sign)) = (operand, sign)
        && let (Some(prefix), Node::Attribute(name)) = (prefixes.first(), &**inner)
        && prefix.is_not
    {
        let name = &name.text;
        findings.push(Finding {
            kind: FindingKind::MixedLogic,
            offset: prefix.offset,
            message: format!("`NOT` negates `{name}` alone, not {sign} behind it"),
            hint: format!("write NOT ({name} = 'a'), {name} != 'a' or {name} NOT LIKE 'a%'"),
        });
    }
    children(node, &mut |child| narrow_not(child, findings));
}

/// A text that never changes where the operator asks for a whole number.
fn no_number(first: &Node, rest: &[Link]) -> Option<(usize, String)> {
    let asks = |operator: Operator| {
        let order =
            matches!(operator, Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual);
        order || operator.kind() == Type::Integer
    };
    let text = |node: &Node| match node {
        Node::Literal(value @ Value::String(_)) => value.borrowed().to_integer().is_err().then(|| value.to_string()),
        _ => None,
    };
    let mut left = text(first);
    for link in rest.iter().take_while(|link| !link.operator.is_logic()) {
        if asks(link.operator)
            && let Some(text) = left.or_else(|| text(&link.right))
        {
            return Some((
                link.offset,
                format!("{text} is no whole number, which is all that can be reckoned with and ordered"),
            ));
        }
        left = None;
    }
    None
}

/// True when no event can change the value.
pub(super) fn is_constant(node: &Node) -> bool {
    let mut constant = match node {
        Node::Attribute(_) => false,
        Node::Exists(name) => REQUIRED.contains(&&*name.text),
        _ => true,
    };
    children(node, &mut |child| constant = constant && is_constant(child));
    constant
}

/// An error every evaluation meets.
fn certain_error(node: &Node) -> Option<(usize, String)> {
    if is_constant(node) {
        return eval::node(node, &Nothing).err().map(|failed| (failed.error.offset, failed.error.to_string()));
    }
    match node {
        Node::Literal(_) | Node::Attribute(_) | Node::Exists(_) => None,
        Node::Prefixed(_, operand) | Node::Tested(operand, _) => certain_error(operand),
        // The right sides of AND and OR may never be asked.
        Node::Chain(first, rest) => certain_error(first).or_else(|| no_number(first, rest)).or_else(|| {
            let asked = rest.iter().take_while(|link| !matches!(link.operator, Operator::And | Operator::Or));
            asked.into_iter().find_map(|link| certain_error(&link.right))
        }),
        Node::Call(call) if call.function.is_none() => {
            eval::node(node, &Nothing).err().map(|failed| (failed.error.offset, failed.error.to_string()))
        }
        Node::Call(call) => call.arguments.iter().find_map(certain_error),
    }
}

fn children<'n>(node: &'n Node, visit: &mut impl FnMut(&'n Node)) {
    match node {
        Node::Literal(_) | Node::Attribute(_) | Node::Exists(_) => {}
        Node::Prefixed(_, operand) => visit(operand),
        Node::Chain(first, rest) => {
            visit(first);
            rest.iter().for_each(|link| visit(&link.right));
        }
        Node::Tested(operand, tests) => {
            visit(operand);
            for test in tests {
                if let What::In(set) = &test.what {
                    set.iter().for_each(&mut *visit);
                }
            }
        }
        Node::Call(call) => call.arguments.iter().for_each(visit),
    }
}

/// The attributes an expression names.
pub(super) fn attributes(root: &Node) -> Vec<&str> {
    fn collect<'n>(node: &'n Node, names: &mut Vec<&'n str>) {
        if let Node::Attribute(name) | Node::Exists(name) = node
            && !names.contains(&&*name.text)
        {
            names.push(&name.text);
        }
        children(node, &mut |child| collect(child, names));
    }
    let mut names = Vec::new();
    collect(root, &mut names);
    names
}
