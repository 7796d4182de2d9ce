//! How a fault in the shape is told: the unknown key, the value of another type, and what was most probably meant.

use super::{Shape, alternatives, first_sentence, quoted, word, words};
use crate::codes::Code;
use crate::config::compile::ROUTE_SCHEMA;
use crate::config::compile::gateway::GATEWAY_SCHEMA;
use crate::config::part::{Part, State};
use crate::config::suggest::{Place, did_you_mean, known, other_type};
use crate::config::yaml::{Node, Pair, Range, Value};
use serde_json::Value as Json;
use std::collections::{BTreeSet, HashSet};

/// Attributes that are written where a filter belongs.
const ATTRIBUTES: [&str; 8] =
    ["type", "source", "subject", "id", "time", "dataschema", "datacontenttype", "specversion"];

impl<'a> Shape<'a> {
    /// `names`: the keys that are known here, of which `missing` ones are not there.
    pub(super) fn unknown_key(&mut self, schema: &'a Json, pair: &Pair, names: &[&str], missing: &[&str], code: Code) {
        let (text, range) = (&*pair.key.text, pair.key.range);
        if self.problems.is_full() {
            return self.problems.error(self.source, range, code, "unknown key");
        }
        if words(schema, "x-later").chain(words(schema, "x-later-unless-empty")).any(|word| word == text) {
            return self.later(text, range);
        }
        let hint = self.meant(pair, names, missing, code);
        self.problems.error_with_hint(self.source, range, code, format!("unknown key `{text}`"), Some(hint));
    }

    fn meant(&self, pair: &Pair, names: &[&str], missing: &[&str], code: Code) -> String {
        let text = &*pair.key.text;
        if text == "<<" {
            return "merge keys are no part of YAML 1.2; write the keys out".to_owned();
        }
        if let Some(file) = other_file(text, names) {
            return format!("`{text}` belongs in {file}");
        }
        // `{name:a}` without a blank is one key.
        if let Some((key, value)) = text.split_once(':').filter(|(key, _)| names.contains(key)) {
            return format!("a blank is missing behind the colon: `{key}: {value}`");
        }
        if let Some(near) = did_you_mean(text, names.iter().copied()) {
            return near;
        }
        if ATTRIBUTES.contains(&text) {
            if code == Code::BadFilter {
                return format!("an attribute stands inside of a filter: exact: {{{text}: …}}");
            }
            if names.contains(&"filters") {
                return format!("`filters` choose events by their attributes: filters: [{{exact: {{{text}: …}}}}]");
            }
        }
        if text == "log" && names.contains(&"kafka") {
            return "the embedded log needs no declaration: write destination: log in a deliver entry".to_owned();
        }
        if names.contains(&"rejected") {
            return "deliveries are expected as a list: expect: [{route: orders}]".to_owned();
        }
        // `type: kafka` where the kind is a key of its own.
        if let Some(value) = pair.value.text().filter(|value| names.contains(value)) {
            return format!("`{value}` is a key of its own here: `{value}: {{…}}`");
        }
        let lead = match missing {
            [only] => format!("`{only}` is missing here; known are"),
            _ => "known here".to_owned(),
        };
        match self.elsewhere(text) {
            Some(place) if missing.len() != 1 => format!("`{text}` belongs in {place}"),
            Some(place) => format!("`{text}` belongs in {place}; {}", known(&lead, names)),
            None => known(&lead, names),
        }
    }

    /// Where a key that is not known here is known, if that is one or two places.
    fn elsewhere(&self, key: &str) -> Option<String> {
        let mut search = Search { root: self.root, key, seen: HashSet::new(), places: BTreeSet::new() };
        search.look(self.root, "the top of the file");
        let places: Vec<String> = search.places.into_iter().collect();
        (1..=2).contains(&places.len()).then(|| places.join(" or "))
    }

    pub(super) fn later(&mut self, what: &str, range: Range) {
        let message = format!("`{what}` is not supported yet");
        let hint = Some("this version cannot do it; remove it".to_owned());
        self.problems.error_with_hint(self.source, range, Code::NotYetSupported, message, hint);
    }

    /// Something else in the place of one of several words.
    pub(super) fn no_word<'n>(&mut self, allowed: &[&str], node: &'n Node, name: &str) -> Part<'n> {
        let message = format!("{} must be text, not {}", quoted(name), word(super::kind(node)));
        let nothing = matches!(node.value, Value::Null);
        let hint = if nothing { None } else { Some(known("one of", allowed)) };
        let hint = hint.or_else(|| {
            other_type(&Place { source: self.source, name, takes: None, lists_text: false }, &["string"], node)
        });
        self.problems.error_with_hint(self.source, node.range, Code::BadValue, message, hint);
        Part::leaf(node, State::Bad)
    }

    pub(super) fn wrong_type<'n>(
        &mut self,
        schema: &'a Json,
        expected: &[&str],
        node: &'n Node,
        name: &str,
    ) -> Part<'n> {
        let mut wanted: Vec<&str> = expected.iter().filter(|kind| **kind != "null").map(|kind| word(kind)).collect();
        wanted.dedup();
        let message = format!("{} must be {}, not {}", quoted(name), wanted.join(" or "), word(super::kind(node)));
        let needed: Vec<&str> = words(schema, "required").collect();
        let takes = match needed[..] {
            [key] => Some((key, schema.pointer(&format!("/properties/{key}/type")) == Some(&Json::from("array")))),
            _ => None,
        };
        let lists_text = schema.pointer("/items/type") == Some(&Json::from("string"));
        let place = Place { source: self.source, name, takes, lists_text };
        let hint = other_type(&place, expected, node).or_else(|| self.about.map(first_sentence));
        let hint = hint.or_else(|| Some("write a single value".to_owned()));
        self.problems.error_with_hint(self.source, node.range, Code::BadValue, message, hint);
        Part::leaf(node, State::Bad)
    }
}

/// The other kind of file, where a key at the top of this one belongs at the top of that.
fn other_file(key: &str, names: &[&str]) -> Option<&'static str> {
    let has = |schema: &Json| schema.get("properties").is_some_and(|properties| properties.get(key).is_some());
    if names.contains(&"routes") {
        return has(&GATEWAY_SCHEMA).then_some("signalbox.yaml");
    }
    (names.contains(&"listeners") && has(&ROUTE_SCHEMA)).then_some("a file of the folder routes/")
}

/// Goes over a schema for the mappings that take a key.
struct Search<'a, 's> {
    root: &'a Json,
    key: &'s str,
    seen: HashSet<&'a str>,
    places: BTreeSet<String>,
}

impl<'a> Search<'a, '_> {
    /// `place`: how messages call what the schema is of.
    fn look(&mut self, schema: &'a Json, place: &str) {
        if let Some(reference) = schema.get("$ref").and_then(Json::as_str) {
            let target = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
            if let Some(target) = target.filter(|_| self.seen.insert(reference)) {
                self.look(target, place);
            }
        }
        alternatives(schema).into_iter().flatten().for_each(|branch| self.look(branch, place));
        if let Some(items) = schema.get("items") {
            self.look(items, &entry(place));
        }
        for (name, inner) in schema.get("properties").and_then(Json::as_object).into_iter().flatten() {
            if name == self.key {
                self.places.insert(place.to_owned());
            }
            // What is expected in tests is called like what it is compared with.
            if name != "tests" {
                self.look(inner, &format!("`{name}`"));
            }
        }
    }
}

fn entry(place: &str) -> String {
    match place {
        "`routes`" => "a route".to_owned(),
        "`destinations`" => "a destination".to_owned(),
        "`conversions`" => "a conversion".to_owned(),
        other => format!("an entry of {other}"),
    }
}
