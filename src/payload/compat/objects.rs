//! Members of objects and entries of arrays.

use super::bounds::Counts;
use super::json::Comparison;
use super::values::of_kind;
use super::view::Place;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Keywords that also decide what `unevaluated…` is about.
const APPLICATORS: [&str; 8] = ["$ref", "allOf", "anyOf", "oneOf", "not", "if", "dependentSchemas", "$dynamicRef"];

/// What a schema says about a member or entry.
enum Said<'s> {
    /// A schema of its own, or one for all others.
    Schema(Place<'s>),
    /// Nothing: it may be anything.
    Nothing,
    /// Patterns of names may say something.
    Unknown,
}

impl Comparison {
    /// What the reader asks of objects.
    pub(super) fn objects<'s>(&mut self, writer: &[Place<'s>], reader: &Place<'s>) {
        let values = of_kind(writer, &["object"]);
        if values.as_ref().is_some_and(Vec::is_empty) {
            return;
        }
        self.required(writer, reader);
        let promised: BTreeSet<&str> = writer.iter().flat_map(required).collect();
        let members = Counts::Between(promised.len() as f64, writer.iter().filter_map(most_members).reduce(f64::min));
        self.counts(writer, reader, ["minProperties", "maxProperties"], members);
        self.members(writer, reader);
        self.others(writer, reader);
        self.names_of_members(writer, reader);
        self.patterns(writer, reader);
        self.dependents(writer, reader);
        self.unevaluated(writer, reader, "unevaluatedProperties");
    }

    fn required<'s>(&mut self, writer: &[Place<'s>], reader: &Place<'s>) {
        let sure: Vec<&str> = writer.iter().flat_map(required).collect();
        for (index, name) in required(reader).into_iter().enumerate() {
            if !sure.contains(&name) {
                let detail = format!(
                    "{} requires `{}`, which {} does not promise",
                    self.direction.reader(),
                    crate::cloudevents::reader::shown(name),
                    self.direction.writer()
                );
                let change = self.direction.of_reader(&format!("{}/{index}", reader.at("required")), detail);
                self.found.push(change);
            }
        }
    }

    /// Each member that one of both names. A new one of an open object is no change.
    fn members<'s>(&mut self, writer: &[Place<'s>], reader: &Place<'s>) {
        let own = |place: &Place<'s>| place.get("properties").and_then(Value::as_object).map(Map::keys);
        let names: BTreeSet<&String> = writer.iter().filter_map(own).chain(own(reader)).flatten().collect();
        for name in names {
            let mut written = Vec::new();
            for place in writer {
                match member(place, name) {
                    Said::Schema(schema) => written.push(schema),
                    Said::Nothing | Said::Unknown => {}
                }
            }
            if written.iter().any(Place::is_never) {
                continue;
            }
            match member(reader, name) {
                // `patternProperties` as a whole is compared elsewhere.
                Said::Nothing | Said::Unknown => {}
                Said::Schema(_) if written.is_empty() => {}
                Said::Schema(asked) if asked.is_never() => {
                    let detail = format!(
                        "{} does not allow the member `{}`",
                        self.direction.reader(),
                        crate::cloudevents::reader::shown(name)
                    );
                    let change = self.direction.of_writer(&super::json::pointer(&written), detail);
                    self.found.push(change);
                }
                Said::Schema(asked) => self.covers(&written, &asked),
            }
        }
    }

    /// Members that neither names.
    fn others<'s>(&mut self, writer: &[Place<'s>], reader: &Place<'s>) {
        let Some(asked) = reader.below(&["additionalProperties"]).filter(|asked| !asked.is_open()) else { return };
        let written: Vec<Place<'s>> =
            writer.iter().filter_map(|place| place.below(&["additionalProperties"])).collect();
        if written.iter().any(Place::is_never) {
            return;
        }
        if asked.is_never() || written.iter().all(Place::is_open) {
            let detail =
                format!("{} does not allow members that {} does", self.direction.reader(), self.direction.writer());
            self.change(writer, reader, "additionalProperties", detail);
        } else {
            self.covers(&written, &asked);
        }
    }

    /// What the reader asks of arrays.
    pub(super) fn arrays<'s>(&mut self, writer: &[Place<'s>], reader: &Place<'s>) {
        if of_kind(writer, &["array"]).as_ref().is_some_and(Vec::is_empty) {
            return;
        }
        let entries = Counts::Between(0.0, writer.iter().filter_map(most_entries).reduce(f64::min));
        self.counts(writer, reader, ["minItems", "maxItems"], entries);
        let unique = |place: &Place<'_>| place.get("uniqueItems") == Some(&Value::Bool(true));
        if unique(reader) && !writer.iter().any(unique) {
            let detail = format!("{} allows no equal entries", self.direction.reader());
            self.change(writer, reader, "uniqueItems", detail);
        }
        self.contains(writer, reader);
        let length = writer.iter().chain([reader]).map(tuple_length).max().unwrap_or_default();
        // The one behind the tuples stands for all others.
        for index in 0..=length {
            let written: Vec<Place<'s>> = writer.iter().filter_map(|place| entry(place, index)).collect();
            let Some(asked) = entry(reader, index).filter(|asked| !asked.is_open()) else { continue };
            if written.iter().any(Place::is_never) || too_short(writer, index) {
                continue;
            }
            if written.is_empty() {
                let detail = format!(
                    "{} asks something of entries that {} does not",
                    self.direction.reader(),
                    self.direction.writer()
                );
                let change = self.direction.of_reader(&asked.pointer, detail);
                self.found.push(change);
            } else {
                self.covers(&written, &asked);
            }
        }
        self.unevaluated(writer, reader, "unevaluatedItems");
    }

    /// Where nothing beside it decides what is left over, it is as `additional…`; else only the same is known to be fine.
    fn unevaluated(&mut self, writer: &[Place<'_>], reader: &Place<'_>, keyword: &str) {
        let Some(asked) = reader.get(keyword).filter(|asked| **asked != Value::Bool(true)) else { return };
        let same = |place: &Place<'_>| {
            place.get(keyword) == Some(asked)
                && APPLICATORS.iter().all(|key| place.get(key) == reader.get(key))
                && keys(place.get("properties")).eq(keys(reader.get("properties")))
        };
        let alone = !APPLICATORS.iter().any(|key| reader.get(key).is_some());
        let closed = |place: &Place<'_>| {
            let closes = |key: &str| place.get(key) == Some(&Value::Bool(false));
            (closes(keyword) || closes("additionalProperties"))
                && !APPLICATORS.iter().any(|key| place.get(key).is_some())
                && keys(place.get("properties")).all(|name| keys(reader.get("properties")).any(|known| known == name))
        };
        let fits = writer.iter().any(same) || alone && keyword == "unevaluatedProperties" && writer.iter().any(closed);
        if !fits {
            self.undecided(writer, reader, keyword);
        }
    }
}

/// The members that must be there.
pub(super) fn required<'s>(place: &Place<'s>) -> Vec<&'s str> {
    place.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

/// How many members a closed object has at most.
fn most_members(place: &Place<'_>) -> Option<f64> {
    let closed = place.get("additionalProperties") == Some(&Value::Bool(false));
    (closed && place.get("patternProperties").is_none_or(is_empty))
        .then(|| keys(place.get("properties")).count() as f64)
}

/// How many entries an array without others than those of its tuple has at most.
fn most_entries(place: &Place<'_>) -> Option<f64> {
    let length = tuple_length(place);
    entry(place, length).is_some_and(|others| others.is_never()).then_some(length as f64)
}

fn keys(value: Option<&Value>) -> impl Iterator<Item = &String> {
    value.and_then(Value::as_object).into_iter().flat_map(Map::keys)
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.is_empty(),
        Value::Bool(true) => true,
        _ => false,
    }
}

fn member<'s>(place: &Place<'s>, name: &str) -> Said<'s> {
    if let Some(own) = place.below(&["properties", name]) {
        return Said::Schema(own);
    }
    if place.get("patternProperties").is_some_and(|patterns| !is_empty(patterns)) {
        return Said::Unknown;
    }
    match place.below(&["additionalProperties"]) {
        Some(others) if !others.is_open() => Said::Schema(others),
        _ => Said::Nothing,
    }
}

/// Entries with a schema of their own.
fn tuple_length(place: &Place<'_>) -> usize {
    let tuple = place.get("prefixItems").or_else(|| place.get("items")).and_then(Value::as_array);
    tuple.map_or(0, Vec::len)
}

fn entry<'s>(place: &Place<'s>, index: usize) -> Option<Place<'s>> {
    let step = index.to_string();
    let old_tuple = place.get("items").is_some_and(Value::is_array);
    let own = if old_tuple { place.below(&["items", &step]) } else { place.below(&["prefixItems", &step]) };
    own.or_else(|| place.below(&[if old_tuple { "additionalItems" } else { "items" }]))
}

/// No array of the writer has an entry at this place.
fn too_short(writer: &[Place<'_>], index: usize) -> bool {
    writer.iter().any(|place| {
        let most = place.get("maxItems").and_then(Value::as_u64).and_then(|most| usize::try_from(most).ok());
        most.is_some_and(|most| most <= index)
    })
}
