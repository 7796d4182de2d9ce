//! What a filter needs of an event: a condition that is cheap to look up and holds for every event the filter takes.

use crate::route::cesql::{self, Condition};
use crate::route::filter::Filter;
use bytestring::ByteString;
use std::collections::HashMap;

/// How an attribute's text has to fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fit {
    /// It is the value.
    Exact,
    /// It begins with the value.
    Prefix,
    /// It ends with the value.
    Suffix,
    /// It is, or is cast to, the whole number that the value holds (CESQL 1.0 §3.7).
    Number,
    /// The event has the attribute; the value is empty.
    Present,
}

/// A condition on the text of one attribute.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    /// Which attribute.
    pub attribute: ByteString,
    /// How its text has to fit.
    pub fit: Fit,
    /// The value it is compared with.
    pub value: ByteString,
}

/// A necessary condition: where it does not hold, neither does what it was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// Nothing is known: any event may do.
    Nothing,
    /// The key holds.
    Key(Key),
    /// All hold.
    All(Vec<Need>),
    /// One of them holds.
    Any(Vec<Need>),
}

impl Need {
    /// What filters need that must all hold.
    pub fn of_all(filters: &[Filter]) -> Need {
        Need::All(filters.iter().map(Need::of).collect())
    }

    /// What one filter needs.
    pub fn of(filter: &Filter) -> Need {
        match filter {
            Filter::Exact(wanted) => Need::of_pairs(Fit::Exact, wanted),
            Filter::Prefix(wanted) => Need::of_pairs(Fit::Prefix, wanted),
            Filter::Suffix(wanted) => Need::of_pairs(Fit::Suffix, wanted),
            Filter::All(filters) => Need::of_all(filters),
            Filter::Any(filters) => Need::Any(filters.iter().map(Need::of).collect()),
            Filter::Sql(expression) => Need::of_condition(expression.condition()),
            Filter::Hidden(filter) => Need::of(filter),
            Filter::Not(_) | Filter::Jq(_) => Need::Nothing,
        }
    }

    fn of_condition(condition: Condition<'_>) -> Need {
        let key = |attribute: &str, fit, value: String| {
            Need::Key(Key { attribute: attribute.into(), fit, value: value.into() })
        };
        match condition {
            Condition::Unknown => Need::Nothing,
            Condition::Text { attribute, fit, text } => {
                let fit = match fit {
                    cesql::Fit::Exact => Fit::Exact,
                    cesql::Fit::Prefix => Fit::Prefix,
                    cesql::Fit::Suffix => Fit::Suffix,
                };
                key(attribute, fit, text.into_owned())
            }
            Condition::Number { attribute, number } => key(attribute, Fit::Number, number.to_string()),
            Condition::Present(attribute) => key(attribute, Fit::Present, String::new()),
            Condition::All(conditions) => Need::All(conditions.into_iter().map(Need::of_condition).collect()),
            Condition::Any(conditions) => Need::Any(conditions.into_iter().map(Need::of_condition).collect()),
        }
    }

    fn of_pairs(fit: Fit, pairs: &[(ByteString, ByteString)]) -> Need {
        let key = |(attribute, value): &(ByteString, ByteString)| {
            Need::Key(Key { attribute: attribute.clone(), fit, value: value.clone() })
        };
        Need::All(pairs.iter().map(key).collect())
    }

    /// Counts how many times each key is needed.
    pub fn count<'n>(&'n self, uses: &mut HashMap<&'n Key, u64>) {
        match self {
            Need::Nothing => {}
            Need::Key(key) => *uses.entry(key).or_default() += 1,
            Need::All(needs) | Need::Any(needs) => needs.iter().for_each(|need| need.count(uses)),
        }
    }

    /// The keys of which one holds for every event that may do, chosen so that few events and few other routes share
    /// them. `None`: no such keys are known.
    pub fn cheapest<'n>(&'n self, uses: &HashMap<&'n Key, u64>) -> Option<Access<'n>> {
        match self {
            Need::Nothing => None,
            Need::Key(key) => Some(Access { cost: cost(key, uses.get(key).copied().unwrap_or(1)), keys: vec![key] }),
            Need::All(needs) => needs.iter().filter_map(|need| need.cheapest(uses)).min_by_key(|access| access.cost),
            Need::Any(needs) => {
                let each: Option<Vec<Access<'n>>> = needs.iter().map(|need| need.cheapest(uses)).collect();
                each.map(|each| Access {
                    cost: each.iter().map(|access| access.cost).fold(0, u64::saturating_add),
                    keys: each.into_iter().flat_map(|access| access.keys).collect(),
                })
            }
        }
    }
}

/// Keys of which one holds for every event a route may take.
#[derive(Debug)]
pub struct Access<'n> {
    /// The lower, the fewer routes an event finds in vain.
    pub cost: u64,
    /// Any of them leads to the route.
    pub keys: Vec<&'n Key>,
}

/// Routes that share a key are all found by it. Beyond that, a whole value tells more than its beginning or end, and that
/// an attribute is there tells little. Every event has the same `specversion`.
fn cost(key: &Key, uses: u64) -> u64 {
    let weight = match key.fit {
        _ if key.attribute == "specversion" => 64,
        Fit::Exact | Fit::Number => 1,
        Fit::Prefix | Fit::Suffix => 2,
        Fit::Present => 64,
    };
    uses.saturating_mul(weight)
}
