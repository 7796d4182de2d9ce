//! Does one JSON Schema let through what another one does, as far as the structure of both tells?

use super::seen::Seen;
use super::view::{Place, TYPES, parts, refers, types};
use super::{Change, Direction, MADE};
use serde_json::Value;
use std::sync::LazyLock;

/// Pairs of schemas that are looked at, and how often alternatives may be taken apart inside each other.
const LOOKED_AT: usize = 20_000;
const SPLITS: usize = 6;

/// Everything the reader does not let through.
pub fn changes(writer: &Value, reader: &Value, direction: Direction) -> Vec<Change> {
    let mut comparison = Comparison { direction, seen: Seen::new(), left: LOOKED_AT, splits: 0, found: Vec::new() };
    comparison.covers(&[Place::root(writer)], &Place::root(reader));
    if comparison.left == 0 {
        comparison.found.push(direction.of_both(
            "",
            "",
            "the schemas are too large to be compared: it cannot be decided".to_owned(),
        ));
    }
    comparison.found
}

pub(super) struct Comparison {
    pub(super) direction: Direction,
    /// Pairs around the one at hand, or done: a schema inside of itself is as good as the whole.
    seen: Seen<(String, String)>,
    left: usize,
    splits: usize,
    pub(super) found: Vec<Change>,
}

impl Comparison {
    /// Everything that all of `writer` let through must get through `reader`.
    pub(super) fn covers<'s>(&mut self, writer: &[Place<'s>], reader: &Place<'s>) {
        let key = |place: &Place<'_>| format!("{}{}", place.pointer, if place.split { "!" } else { "" });
        let pair = (writer.iter().map(key).collect::<Vec<_>>().join(" "), reader.pointer.clone());
        self.left = self.left.saturating_sub(1);
        if self.left == 0 || !self.seen.insert(pair) {
            return;
        }
        let mut conjunction = Vec::new();
        for place in writer {
            let Some(parts) = parts(place) else { return self.undecided(writer, reader, "$ref") };
            conjunction.extend(parts.into_iter().map(|part| {
                let split = part.split || place.split && part.pointer == place.pointer;
                Place { split, ..part }
            }));
        }
        match parts(reader) {
            Some(readers) => readers.iter().for_each(|reader| self.part(&conjunction, reader)),
            None => self.undecided(writer, reader, "$ref"),
        }
    }

    fn part<'s>(&mut self, writer: &[Place<'s>], reader: &Place<'s>) {
        let same = |place: &Place<'_>| place.schema == reader.schema && !refers(place.schema);
        if reader.is_open() || writer.iter().any(|place| place.is_never() || same(place)) {
            return;
        }
        if reader.is_never() {
            let detail = format!("{} allows no value here", self.direction.reader());
            let change = self.direction.of_both(&pointer(writer), &reader.pointer, detail);
            self.found.push(change);
            return;
        }
        let before = self.found.len();
        // What is found below is told again, or not, for each alternative.
        let splits = self.splits < SPLITS && (writer.iter().any(offers) || offers(reader));
        let mark = splits.then(|| self.seen.mark());
        self.keywords(writer, reader);
        if let Some(mark) = mark.filter(|_| self.found.len() > before) {
            self.seen.back_to(mark);
            self.split(writer, reader, before);
        }
    }

    /// Where the writer offers alternatives, each of them may get through although all together seem not to.
    fn split<'s>(&mut self, writer: &[Place<'s>], reader: &Place<'s>, before: usize) {
        let mut narrowed = writer.to_vec();
        let branches = if let Some(at) = writer.iter().position(offers) {
            narrowed[at].split = true;
            writer[at].list(if writer[at].get("anyOf").is_some() { "anyOf" } else { "oneOf" })
        } else if offers(reader) {
            kinds_of(writer)
        } else {
            return;
        };
        let same_again = branches.len() == 1 && !writer.iter().any(offers);
        if branches.is_empty() || same_again {
            return;
        }
        let told = self.found.split_off(before);
        self.splits += 1;
        for branch in &branches {
            let narrowed: Vec<Place<'s>> = narrowed.iter().chain([branch]).cloned().collect();
            self.covers(&narrowed, reader);
        }
        self.splits -= 1;
        // What is wrong with every alternative is better told as a whole.
        if told.len() == 1 && self.found.len() - before >= branches.len() {
            self.found.truncate(before);
            self.found.extend(told);
        }
    }

    fn keywords<'s>(&mut self, writer: &[Place<'s>], reader: &Place<'s>) {
        let written = types(writer);
        let refused: Vec<&str> = written.iter().copied().filter(|kind| !by_type(reader, kind)).collect();
        if !refused.is_empty() {
            let detail = format!("{} does not allow {} here", self.direction.reader(), refused.join(", "));
            self.change(writer, reader, "type", detail);
        }
        self.values(writer, reader);
        if written.iter().any(|kind| matches!(*kind, "integer" | "number")) {
            self.numbers(writer, reader, !written.contains(&"number"));
        }
        if written.contains(&"string") {
            self.strings(writer, reader);
        }
        if written.contains(&"array") {
            self.arrays(writer, reader);
        }
        if written.contains(&"object") {
            self.objects(writer, reader);
        }
        self.combinations(writer, reader);
    }

    /// `anyOf`, `oneOf`, and what can only be compared as a whole.
    fn combinations<'s>(&mut self, writer: &[Place<'s>], reader: &Place<'s>) {
        for keyword in ["not", "if", "$dynamicRef", "$recursiveRef"] {
            if let Some(asked) = reader.get(keyword) {
                let related = if keyword == "if" { &["if", "then", "else"][..] } else { &[keyword][..] };
                let same = |place: &Place<'_>| related.iter().all(|key| place.get(key) == reader.get(key));
                if refers(asked) || !writer.iter().any(same) {
                    self.undecided(writer, reader, keyword);
                }
            }
        }
        for keyword in ["anyOf", "oneOf"] {
            if reader.get(keyword).is_none() {
                continue;
            }
            let fits = self.one_covers(writer, reader, keyword);
            let exclusive = keyword == "anyOf" || self.stays_exclusive(writer, reader);
            if !fits {
                // The alternatives of the writer are tried one by one afterwards.
                let detail =
                    format!("no schema of `{keyword}` of {} takes all that may stand here", self.direction.reader());
                match (self.direction, writer.last()) {
                    // The alternative at hand, where it is one.
                    (Direction::Forward, Some(last)) => {
                        let change = self.direction.of_both(&last.pointer, "", detail);
                        self.found.push(change);
                    }
                    _ => self.change(writer, reader, keyword, detail),
                }
            } else if !exclusive {
                self.undecided(writer, reader, keyword);
            }
        }
    }

    fn one_covers<'s>(&mut self, writer: &[Place<'s>], reader: &Place<'s>, keyword: &str) -> bool {
        reader.list(keyword).iter().any(|branch| self.attempt(writer, branch))
    }

    fn attempt<'s>(&mut self, writer: &[Place<'s>], reader: &Place<'s>) -> bool {
        let before = std::mem::take(&mut self.found);
        let mark = self.seen.mark();
        self.covers(writer, reader);
        self.seen.back_to(mark);
        std::mem::replace(&mut self.found, before).is_empty()
    }

    /// Of `oneOf` exactly one may fit: sure when no two can fit the same value, or when the writer asks the same.
    fn stays_exclusive<'s>(&mut self, writer: &[Place<'s>], reader: &Place<'s>) -> bool {
        let branches = reader.list("oneOf");
        let apart = |a: &Place<'s>, b: &Place<'s>| match (parts(a), parts(b)) {
            (Some(a), Some(b)) => are_apart(&a, &b),
            _ => false,
        };
        let disjoint =
            branches.iter().enumerate().all(|(index, a)| branches.iter().skip(index + 1).all(|b| apart(a, b)));
        disjoint
            || writer.iter().any(|place| {
                let others = place.list("oneOf");
                others.len() == branches.len()
                    && others.iter().zip(&branches).all(|(other, branch)| {
                        self.attempt(std::slice::from_ref(other), branch)
                            && self.attempt(std::slice::from_ref(branch), other)
                    })
            })
    }

    /// A change at a keyword of the reader: told at the new schema's where it has one.
    pub(super) fn change(&mut self, writer: &[Place<'_>], reader: &Place<'_>, keyword: &str, detail: String) {
        let change = match self.direction {
            Direction::Backward => self.direction.of_reader(&place_of(reader, keyword), detail),
            Direction::Forward => match writer.iter().find(|place| place.get(keyword).is_some()) {
                Some(place) => self.direction.of_both(&place.at(keyword), "", detail),
                None => self.direction.of_reader(&place_of(reader, keyword), detail),
            },
        };
        self.found.push(change);
    }

    pub(super) fn undecided(&mut self, writer: &[Place<'_>], reader: &Place<'_>, keyword: &str) {
        let detail =
            format!("whether `{keyword}` of {} lets through the same cannot be decided", self.direction.reader());
        self.change(writer, reader, keyword, detail);
    }
}

/// The place of a keyword, or of the schema where it has none of that name.
fn place_of(place: &Place<'_>, keyword: &str) -> String {
    if place.get(keyword).is_some() { place.at(keyword) } else { place.pointer.clone() }
}

/// The place of the first of several schemas.
pub(super) fn pointer(places: &[Place<'_>]) -> String {
    places.first().map(|place| place.pointer.clone()).unwrap_or_default()
}

/// `enum` and `const` are compared value by value.
fn by_type(reader: &Place<'_>, kind: &str) -> bool {
    let named = |name: &str| name == kind || name == "number" && kind == "integer";
    match reader.get("type") {
        Some(Value::String(one)) => named(one),
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).any(named),
        _ => true,
    }
}

/// Are there alternatives that are not accounted for?
fn offers(place: &Place<'_>) -> bool {
    !place.split && (place.get("anyOf").is_some() || place.get("oneOf").is_some())
}

/// One schema for each kind of value that may stand there.
fn kinds_of<'s>(writer: &[Place<'s>]) -> Vec<Place<'s>> {
    static KINDS: LazyLock<Vec<(&str, Value)>> =
        LazyLock::new(|| TYPES.into_iter().map(|kind| (kind, serde_json::json!({ "type": kind }))).collect());
    let written = types(writer);
    let pointer = pointer(writer);
    let wanted =
        KINDS.iter().filter(|(kind, _)| written.contains(kind) && !(*kind == "integer" && written.contains(&"number")));
    wanted
        .map(|(kind, schema)| Place { root: schema, schema, pointer: format!("{pointer}{MADE}{kind}"), split: false })
        .collect()
}

/// Can no value fit both: no kind in common, or a required member with different constants?
fn are_apart(a: &[Place<'_>], b: &[Place<'_>]) -> bool {
    let kinds = types(b);
    if !types(a).iter().any(|kind| kinds.contains(kind)) {
        return true;
    }
    let requires = |places: &[Place<'_>], name: &str| {
        places.iter().any(|place| {
            let required = place.get("required").and_then(Value::as_array);
            required.is_some_and(|names| names.iter().any(|known| known == name))
        })
    };
    let only_objects = types(a) == ["object"] || kinds == ["object"];
    only_objects
        && a.iter().any(|place| {
            let properties = place.get("properties").and_then(Value::as_object);
            properties.into_iter().flatten().any(|(name, _)| {
                let others = b.iter().find_map(|other| constants(other, name));
                let (Some(own), Some(others)) = (constants(place, name), others) else { return false };
                let differ = own.iter().all(|(value, _)| others.iter().all(|(other, _)| other != value));
                differ && requires(a, name) && requires(b, name)
            })
        })
}

/// The only values a member may have.
fn constants<'s>(place: &Place<'s>, name: &str) -> Option<Vec<(&'s Value, String)>> {
    let property = place.below(&["properties", name])?;
    super::values::finite(&[property])
}
