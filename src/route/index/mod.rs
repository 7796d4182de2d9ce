//! Which routes are worth evaluating for an event: found by the texts of its attributes instead of one by one.
//!
//! Of what each route needs ([`need`]) the index takes the keys that fewest routes share and files the route under each of
//! them: whole values and numbers in hash maps, beginnings and ends in a [`trie`]. An event is looked up once for each
//! attribute that has keys, so the cost grows with the routes that are found, not with those that are there. A route of
//! which no need is known is found by every event. Every route that is found is still evaluated: results are those of
//! evaluating all.

pub mod need;
pub mod trie;

use super::few::Few;
use crate::cloudevents::Event;
use bytestring::ByteString;
use need::{Fit, Key, Need};
use std::collections::HashMap;
use trie::{End, Trie};

/// With at most so many attributes that have keys, the event is asked for each; with more, each of the event's attributes
/// is looked up instead.
const ATTRIBUTES_ASKED: usize = 8;
/// Lists of routes, and routes of several lists, that need no allocation.
const LISTS: usize = 16;
const FOUND: usize = 64;

/// Routes by the keys that lead to them, each list in order of the routes.
#[derive(Debug, Default)]
pub struct Index {
    attributes: Vec<ByAttribute>,
    /// Where an attribute's keys stand in `attributes`.
    names: HashMap<ByteString, usize>,
    /// Routes that have to be evaluated for every event.
    others: Vec<u32>,
}

/// The keys of one attribute.
#[derive(Debug, Default)]
struct ByAttribute {
    name: ByteString,
    exact: HashMap<ByteString, Vec<u32>>,
    prefix: Trie,
    suffix: Trie,
    /// By the number a text stands for.
    numbers: HashMap<i32, Vec<u32>>,
    present: Vec<u32>,
}

impl Index {
    /// Builds the index over routes given by number, in rising order, with what each needs.
    pub fn new(routes: &[(u32, Need)]) -> Index {
        let mut uses = HashMap::new();
        for (_, need) in routes {
            need.count(&mut uses);
        }
        let mut index = Index::default();
        for (number, need) in routes {
            match need.cheapest(&uses) {
                Some(access) => access.keys.iter().for_each(|key| index.file(key, *number)),
                None => index.others.push(*number),
            }
        }
        index
    }

    /// True when it leads to no route.
    pub fn is_empty(&self) -> bool {
        self.attributes.is_empty() && self.others.is_empty()
    }

    /// Calls `visit` for every route that may match, each once, in order of the routes.
    pub fn candidates(&self, event: &Event, mut visit: impl FnMut(u32)) {
        let mut lists: Few<&[u32], LISTS> = Few::default();
        if !self.others.is_empty() {
            lists.push(&self.others);
        }
        if self.attributes.len() <= ATTRIBUTES_ASKED {
            for keys in &self.attributes {
                if let Some(text) = event.attribute(&keys.name) {
                    keys.look_up(text, &mut lists);
                }
            }
        } else {
            let required = ["id", "source", "type", "specversion"].map(|name| (name, event.attribute(name)));
            let required = required.into_iter().filter_map(|(name, text)| Some((name, text?)));
            let others = event.attributes.iter().map(|attribute| (attribute.name, attribute.value.text));
            for (name, text) in required.chain(others) {
                if let Some(keys) = self.names.get(name).and_then(|at| self.attributes.get(*at)) {
                    keys.look_up(text, &mut lists);
                }
            }
        }
        match lists.as_slice() {
            [] => {}
            [only] => only.iter().for_each(|number| visit(*number)),
            several => merged(several, visit),
        }
    }

    fn file(&mut self, key: &Key, route: u32) {
        let new = self.attributes.len();
        let at = *self.names.entry(key.attribute.clone()).or_insert(new);
        if at == new {
            self.attributes.push(ByAttribute { name: key.attribute.clone(), ..ByAttribute::default() });
        }
        let Some(keys) = self.attributes.get_mut(at) else { return };
        match key.fit {
            Fit::Exact => note(keys.exact.entry(key.value.clone()).or_default(), route),
            Fit::Prefix => keys.prefix.insert(End::Front(key.value.as_bytes()), route),
            Fit::Suffix => keys.suffix.insert(End::Back(key.value.as_bytes()), route),
            Fit::Number => match key.value.parse() {
                Ok(number) => note(keys.numbers.entry(number).or_default(), route),
                // It was made from a number; should it be none, every event with the attribute may do.
                Err(_) => note(&mut keys.present, route),
            },
            Fit::Present => note(&mut keys.present, route),
        }
    }
}

impl ByAttribute {
    fn look_up<'i>(&'i self, text: &str, lists: &mut Few<&'i [u32], LISTS>) {
        if let Some(routes) = self.exact.get(text) {
            lists.push(routes);
        }
        if !self.prefix.is_empty() {
            self.prefix.walk(End::Front(text.as_bytes()), |routes| lists.push(routes));
        }
        if !self.suffix.is_empty() {
            self.suffix.walk(End::Back(text.as_bytes()), |routes| lists.push(routes));
        }
        if !self.numbers.is_empty()
            && let Some(routes) = number(text).and_then(|number| self.numbers.get(&number))
        {
            lists.push(routes);
        }
        if !self.present.is_empty() {
            lists.push(&self.present);
        }
    }
}

/// The number an attribute's text is cast to: its own, or that of a truth value.
fn number(text: &str) -> Option<i32> {
    match text {
        "true" => Some(1),
        "false" => Some(0),
        _ => text.parse().ok(),
    }
}

fn note(routes: &mut Vec<u32>, route: u32) {
    if routes.last() != Some(&route) {
        routes.push(route);
    }
}

/// Visits the routes of several lists in order. One that was filed under several keys may stand in several of them.
fn merged(lists: &[&[u32]], mut visit: impl FnMut(u32)) {
    let mut found: Few<u32, FOUND> = Few::default();
    for routes in lists {
        found.extend(routes);
    }
    let found = found.as_mut_slice();
    found.sort_unstable();
    let mut last = None;
    for number in found.iter().copied() {
        if last != Some(number) {
            visit(number);
        }
        last = Some(number);
    }
}
