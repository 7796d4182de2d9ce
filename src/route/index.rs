//! Which routes are worth evaluating: those whose filters ask for one value of `type` or `source` are found by it.
//!
//! The index only leaves out routes that cannot match; every candidate is still evaluated, so results are those of
//! evaluating every route.

use super::filter::Filter;
use crate::cloudevents::Event;
use bytestring::ByteString;
use std::collections::HashMap;

/// Routes by the value they ask for, each list in order of the routes.
#[derive(Debug, Default)]
pub struct Index {
    by_type: HashMap<ByteString, Vec<u32>>,
    by_source: HashMap<ByteString, Vec<u32>>,
    /// Routes that have to be evaluated for every event.
    others: Vec<u32>,
}

impl Index {
    /// Builds the index over the filters of each route, in order.
    pub fn new<'r>(routes: impl Iterator<Item = &'r [Filter]>) -> Index {
        let mut index = Index::default();
        for (number, filters) in (0_u32..).zip(routes) {
            if let Some(values) = required(filters, "type") {
                file(&mut index.by_type, values, number);
            } else if let Some(values) = required(filters, "source") {
                file(&mut index.by_source, values, number);
            } else {
                index.others.push(number);
            }
        }
        index
    }

    /// Calls `visit` for every route that may match, in order of the routes.
    pub fn candidates(&self, event: &Event, mut visit: impl FnMut(u32)) {
        let mut lists = [
            self.by_type.get(&event.ty).map_or(&[][..], Vec::as_slice),
            self.by_source.get(&event.source).map_or(&[][..], Vec::as_slice),
            self.others.as_slice(),
        ];
        // A route stands in one of the three kinds of list only, so no number comes twice.
        while let Some(list) = lists.iter_mut().filter(|list| !list.is_empty()).min_by_key(|list| list[0]) {
            visit(list[0]);
            *list = &list[1..];
        }
    }
}

fn file(lists: &mut HashMap<ByteString, Vec<u32>>, values: Vec<&ByteString>, number: u32) {
    for value in values {
        let list = lists.entry(value.clone()).or_default();
        if list.last() != Some(&number) {
            list.push(number);
        }
    }
}

/// The values of `attribute` outside which filters that must all hold cannot; `None` when any value may do.
fn required<'f>(filters: &'f [Filter], attribute: &str) -> Option<Vec<&'f ByteString>> {
    filters.iter().filter_map(|filter| required_by(filter, attribute)).min_by_key(Vec::len)
}

fn required_by<'f>(filter: &'f Filter, attribute: &str) -> Option<Vec<&'f ByteString>> {
    match filter {
        Filter::Exact(wanted) => wanted.iter().find(|(name, _)| name == attribute).map(|(_, value)| vec![value]),
        Filter::All(filters) => required(filters, attribute),
        // Each of them must ask for a value: one that does not lets every value through.
        Filter::Any(filters) => {
            let values: Option<Vec<_>> = filters.iter().map(|filter| required_by(filter, attribute)).collect();
            values.map(|values| values.concat())
        }
        Filter::Prefix(_) | Filter::Suffix(_) | Filter::Not(_) => None,
    }
}
