//! Filters that can never be true: what stands under one AND contradicts itself.

use super::Written;
use crate::codes::Code;
use crate::config::part::Part;
use crate::config::problem::{Problems, SourceText, shorten};

/// Characters of a value a message shows.
const SHOWN: usize = 80;

/// How a filter compares an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Exact,
    Prefix,
    Suffix,
    /// Not equal.
    Other,
}

/// What a filter asks of an attribute.
#[derive(Debug, Clone, Copy)]
struct Demand<'n> {
    dialect: Dialect,
    attribute: &'n str,
    value: &'n str,
    line: u32,
}

/// Looks at the filters of a route, which must all hold.
pub(super) fn look(route: &Written<'_, '_>, problems: &mut Problems) {
    every(route.source, route.filters(), &mut Vec::new(), problems);
}

/// Filters that must all hold, beside the demands that must hold, too.
fn every<'n>(source: &SourceText, filters: &[Part<'n>], demands: &mut Vec<Demand<'n>>, problems: &mut Problems) {
    for filter in filters {
        let Some((dialect, _, content)) = filter.pairs().next() else { continue };
        match dialect {
            "exact" => compared(source, Dialect::Exact, content, demands, problems),
            "prefix" => compared(source, Dialect::Prefix, content, demands, problems),
            "suffix" => compared(source, Dialect::Suffix, content, demands, problems),
            "all" => every(source, content.items(), demands, problems),
            "any" => {
                for one in content.items() {
                    every(source, std::slice::from_ref(one), &mut demands.clone(), problems);
                }
            }
            "not" => {
                // Of several attributes one would be enough, and a missing one, too: only a single `exact` says much.
                let exact = content.get("exact").filter(|exact| exact.pairs().count() == 1);
                if let Some(exact) = exact {
                    compared(source, Dialect::Other, exact, demands, problems);
                }
            }
            _ => {}
        }
    }
}

fn compared<'n>(
    source: &SourceText,
    dialect: Dialect,
    content: &Part<'n>,
    demands: &mut Vec<Demand<'n>>,
    problems: &mut Problems,
) {
    for (attribute, _, part) in content.pairs() {
        let Some(value) = part.text() else { continue };
        let demand = Demand { dialect, attribute, value, line: part.range().line };
        let against = demands.iter().find(|earlier| earlier.attribute == attribute && contradict(earlier, &demand));
        if let Some(earlier) = against {
            let message =
                format!("this can never be true: `{attribute}` must {} and {}", words(earlier), words(&demand));
            let hint = format!("the first stands in line {}; put the two under `any` to take either", earlier.line);
            problems.warning(source, part.range(), Code::NeverTrue, message, Some(hint));
        }
        demands.push(demand);
    }
}

fn contradict(one: &Demand<'_>, other: &Demand<'_>) -> bool {
    use Dialect::{Exact, Other, Prefix, Suffix};
    match (one.dialect, other.dialect) {
        (Exact, Exact) => one.value != other.value,
        (Exact, Prefix) => !one.value.starts_with(other.value),
        (Prefix, Exact) => !other.value.starts_with(one.value),
        (Exact, Suffix) => !one.value.ends_with(other.value),
        (Suffix, Exact) => !other.value.ends_with(one.value),
        (Exact, Other) | (Other, Exact) => one.value == other.value,
        (Prefix, Prefix) => !one.value.starts_with(other.value) && !other.value.starts_with(one.value),
        (Suffix, Suffix) => !one.value.ends_with(other.value) && !other.value.ends_with(one.value),
        _ => false,
    }
}

fn words(demand: &Demand<'_>) -> String {
    let value = shorten(demand.value, SHOWN);
    match demand.dialect {
        Dialect::Exact => format!("be `{value}`"),
        Dialect::Prefix => format!("begin with `{value}`"),
        Dialect::Suffix => format!("end with `{value}`"),
        Dialect::Other => format!("not be `{value}`"),
    }
}
