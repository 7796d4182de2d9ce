//! Filters that can never be true: what stands under one AND contradicts itself.
//!
//! Of an expression counts what it asks of the texts of attributes; what contradicts itself inside of one is found where
//! it is compiled.

use super::Written;
use crate::codes::Code;
use crate::config::part::Part;
use crate::config::problem::{Problems, SourceText, shorten};
use crate::route::cesql::{Condition, Expression, Fit};

/// Characters of a value a message shows.
const SHOWN: usize = 80;
/// Values a message lists.
const LISTED: usize = 3;

/// How a filter compares an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    /// It is one of the values.
    Exact,
    Prefix,
    Suffix,
    /// It is none of the values.
    Other,
    NotPrefix,
    NotSuffix,
    /// As an Integer it is the value.
    Number,
}

/// What a filter asks of an attribute.
#[derive(Debug, Clone)]
struct Demand {
    dialect: Dialect,
    attribute: String,
    /// One, but for `Exact`, which may have several.
    values: Vec<String>,
    line: u32,
}

/// Looks at the filters of a route, which must all hold.
pub(super) fn look(route: &Written<'_, '_>, problems: &mut Problems) {
    let mut look = Look { source: route.source, problems };
    look.every(route.filters(), &mut Vec::new());
}

struct Look<'a> {
    source: &'a SourceText,
    problems: &'a mut Problems,
}

impl Look<'_> {
    /// Filters that must all hold, beside the demands that must hold, too.
    fn every(&mut self, filters: &[Part<'_>], demands: &mut Vec<Demand>) {
        // Alternatives come last: what must hold beside them may stand behind them.
        let is_any = |filter: &&Part<'_>| filter.pairs().next().is_some_and(|(dialect, _, _)| dialect == "any");
        let (alternatives, others): (Vec<_>, Vec<_>) = filters.iter().partition(is_any);
        for filter in others.into_iter().chain(alternatives) {
            let Some((dialect, _, content)) = filter.pairs().next() else { continue };
            match dialect {
                "exact" => self.compared(Dialect::Exact, content, demands),
                "prefix" => self.compared(Dialect::Prefix, content, demands),
                "suffix" => self.compared(Dialect::Suffix, content, demands),
                "all" => self.every(content.items(), demands),
                "any" => {
                    for one in content.items() {
                        self.every(std::slice::from_ref(one), &mut demands.clone());
                    }
                }
                "not" => self.negated(content, demands),
                "sql" => self.expression(content, demands),
                _ => {}
            }
        }
    }

    /// A filter that must not hold.
    fn negated(&mut self, filter: &Part<'_>, demands: &mut Vec<Demand>) {
        let Some((dialect, _, content)) = filter.pairs().next() else { return };
        // Of several attributes one would be enough, and a missing one, too: only a single one says much.
        let single = content.pairs().count() == 1;
        match dialect {
            "exact" if single => self.compared(Dialect::Other, content, demands),
            "prefix" if single => self.compared(Dialect::NotPrefix, content, demands),
            "suffix" if single => self.compared(Dialect::NotSuffix, content, demands),
            "any" => content.items().iter().for_each(|one| self.negated(one, demands)),
            "not" => self.every(std::slice::from_ref(content), demands),
            "sql" if super::always_holds(content) => {
                let message = "this can never be true: what it negates always holds".to_owned();
                self.problems.warning(self.source, content.range(), Code::NeverTrue, message, None);
            }
            _ => {}
        }
    }

    fn compared(&mut self, dialect: Dialect, content: &Part<'_>, demands: &mut Vec<Demand>) {
        for (attribute, _, part) in content.pairs() {
            let Some(value) = part.text() else { continue };
            let (attribute, values) = (attribute.to_owned(), vec![value.to_owned()]);
            self.add(Demand { dialect, attribute, values, line: part.range().line }, part, demands);
        }
    }

    fn expression(&mut self, part: &Part<'_>, demands: &mut Vec<Demand>) {
        let Some(Ok(expression)) = part.text().map(Expression::compile) else { return };
        if !expression.findings().iter().any(|finding| finding.kind.never_holds()) {
            self.condition(&expression.condition(), part, demands);
        }
    }

    fn condition(&mut self, condition: &Condition<'_>, part: &Part<'_>, demands: &mut Vec<Demand>) {
        let mut add = |dialect, attribute: &str, values: Vec<String>| {
            let demand = Demand { dialect, attribute: attribute.to_owned(), values, line: part.range().line };
            self.add(demand, part, demands);
        };
        match condition {
            Condition::All(conditions) => {
                for condition in conditions {
                    self.condition(condition, part, demands);
                }
            }
            Condition::Any(conditions) => {
                if let Some((attribute, values)) = values(conditions) {
                    add(Dialect::Exact, attribute, values);
                }
            }
            Condition::Text { attribute, fit, text } => {
                let dialect = match fit {
                    Fit::Exact => Dialect::Exact,
                    Fit::Prefix => Dialect::Prefix,
                    Fit::Suffix => Dialect::Suffix,
                };
                add(dialect, attribute, vec![text.to_string()]);
            }
            Condition::Number { attribute, number } => add(Dialect::Number, attribute, vec![number.to_string()]),
            Condition::Unknown | Condition::Present(_) => {}
        }
    }

    fn add(&mut self, demand: Demand, part: &Part<'_>, demands: &mut Vec<Demand>) {
        let against =
            demands.iter().find(|earlier| earlier.attribute == demand.attribute && contradict(earlier, &demand));
        if let Some(earlier) = against {
            let attribute = &demand.attribute;
            let message =
                format!("this can never be true: `{attribute}` must {} and {}", words(earlier), words(&demand));
            let hint = format!("the first stands in line {}; put the two under `any` to take either", earlier.line);
            self.problems.warning(self.source, part.range(), Code::NeverTrue, message, Some(hint));
        }
        demands.push(demand);
    }
}

/// The attribute and the values of alternatives that are all whole texts of one attribute.
fn values<'c>(conditions: &'c [Condition<'_>]) -> Option<(&'c str, Vec<String>)> {
    let Some(Condition::Text { attribute, .. }) = conditions.first() else { return None };
    let text = |condition: &Condition<'_>| match condition {
        Condition::Text { attribute: other, fit: Fit::Exact, text } if other == attribute => Some(text.to_string()),
        _ => None,
    };
    let values: Option<Vec<String>> = conditions.iter().map(text).collect();
    Some((attribute, values?))
}

fn contradict(one: &Demand, other: &Demand) -> bool {
    excludes(one, other) || excludes(other, one)
}

/// No value of the first fits the second.
fn excludes(one: &Demand, other: &Demand) -> bool {
    let value = other.values.first().map(String::as_str).unwrap_or_default();
    let none = |fits: &dyn Fn(&str) -> bool| !one.values.iter().any(|value| fits(value));
    match (one.dialect, other.dialect) {
        (Dialect::Exact, Dialect::Exact) => none(&|own| other.values.iter().any(|value| value == own)),
        (Dialect::Exact, Dialect::Prefix) => none(&|own| own.starts_with(value)),
        (Dialect::Exact, Dialect::Suffix) => none(&|own| own.ends_with(value)),
        (Dialect::Exact, Dialect::Other) => none(&|own| own != value),
        (Dialect::Exact, Dialect::NotPrefix) => none(&|own| !own.starts_with(value)),
        (Dialect::Exact, Dialect::NotSuffix) => none(&|own| !own.ends_with(value)),
        (Dialect::Exact, Dialect::Number) => none(&|own| number(own).as_deref() == Some(value)),
        (Dialect::Number, Dialect::Number) => none(&|own| own == value),
        (Dialect::Prefix, Dialect::Prefix) => none(&|own| own.starts_with(value) || value.starts_with(own)),
        (Dialect::Suffix, Dialect::Suffix) => none(&|own| own.ends_with(value) || value.ends_with(own)),
        (Dialect::Prefix, Dialect::NotPrefix) => none(&|own| !own.starts_with(value)),
        (Dialect::Suffix, Dialect::NotSuffix) => none(&|own| !own.ends_with(value)),
        _ => false,
    }
}

/// The number an attribute's text is cast to.
fn number(text: &str) -> Option<String> {
    match text {
        "true" => Some("1".to_owned()),
        "false" => Some("0".to_owned()),
        _ => text.parse::<i32>().ok().map(|number| number.to_string()),
    }
}

fn words(demand: &Demand) -> String {
    let shown: Vec<String> =
        demand.values.iter().take(LISTED).map(|value| format!("`{}`", shorten(value, SHOWN))).collect();
    let more = if demand.values.len() > LISTED { ", …" } else { "" };
    let value = format!("{}{more}", shown.join(", "));
    match demand.dialect {
        Dialect::Exact if demand.values.len() > 1 => format!("be one of {value}"),
        Dialect::Exact => format!("be {value}"),
        Dialect::Prefix => format!("begin with {value}"),
        Dialect::Suffix => format!("end with {value}"),
        Dialect::Other => format!("not be {value}"),
        Dialect::NotPrefix => format!("not begin with {value}"),
        Dialect::NotSuffix => format!("not end with {value}"),
        Dialect::Number => format!("be the number {value}"),
    }
}
