//! Does one JSON Schema let through what another one does, as far as the structure of both tells?

use super::seen::Seen;
use super::view::{Place, TYPES, parts, refers, types};
use super::{Change, Direction, MADE};
use serde_json::Value;
use std::collections::HashSet;
use std::sync::LazyLock;

/// Pairs of schemas that are looked at, and lists of alternatives that are taken apart of what must hold at once.
const LOOKED_AT: usize = 50_000;
const SPLITS: usize = 6;

/// Pairs that may stand around each other: the stack ends.
const DEEPEST: usize = 250;

/// Everything the reader does not let through.
pub fn changes(writer: &Value, reader: &Value, direction: Direction) -> Vec<Change> {
    if writer == reader {
        return Vec::new();
    }
    let mut comparison = Comparison {
        direction,
        seen: Seen::new(),
        failed: HashSet::new(),
        attempts: 0,
        left: LOOKED_AT,
        depth: 0,
        found: Vec::new(),
    };
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

/// A schema that wrote and one that reads, by their documents and places.
type Pair = (String, String);

pub(super) struct Comparison {
    pub(super) direction: Direction,
    /// Pairs around the one at hand, or done: a schema inside of itself is as good as the whole.
    pub(super) seen: Seen<Pair>,
    /// Pairs that failed in an attempt: what was taken for granted meanwhile could only help.
    failed: HashSet<Pair>,
    pub(super) attempts: usize,
    left: usize,
    /// Pairs around the one at hand.
    depth: usize,
    pub(super) found: Vec<Change>,
}

impl Comparison {
    /// Everything that all of `writer` let through must get through `reader`.
    pub(super) fn covers<'s>(&mut self, writer: &[Place<'s>], reader: &Place<'s>) {
        let key =
            |place: &Place<'_>| format!("{:p}{}{}", place.root, place.pointer, if place.split { "!" } else { "" });
        let pair = (writer.iter().map(key).collect::<Vec<_>>().join(" "), key(reader));
        self.left = self.left.saturating_sub(1);
        if self.left == 0 || self.seen.contains(&pair) {
            return;
        }
        if self.attempts > 0 && self.failed.contains(&pair) {
            return self.undecided(writer, reader, "type");
        }
        let before = self.found.len();
        self.seen.insert(pair.clone());
        self.depth += 1;
        if self.depth > DEEPEST {
            self.left = 0;
        } else {
            self.compare(writer, reader);
        }
        self.depth -= 1;
        if self.attempts > 0 && self.left > 0 && self.found.len() > before {
            self.failed.insert(pair);
        }
    }

    fn compare<'s>(&mut self, writer: &[Place<'s>], reader: &Place<'s>) {
        let mut conjunction = Vec::new();
        for place in writer {
            let Some(parts) = parts(place) else { return self.undecided(writer, reader, "$ref") };
            for part in parts {
                // What is taken apart stays so, also where another one refers to it once more.
                let is_same = |place: &&Place<'s>| std::ptr::eq(place.root, part.root) && place.pointer == part.pointer;
                let split = part.split || writer.iter().filter(is_same).any(|place| place.split);
                if !conjunction.iter().any(|place| is_same(&place)) {
                    conjunction.push(Place { split, ..part });
                }
            }
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
        let splits = may_split(writer) || offers(reader);
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
        let branches = if let Some(at) = writer.iter().position(offers).filter(|_| may_split(writer)) {
            narrowed[at].split = true;
            writer[at].list(if writer[at].get("anyOf").is_some() { "anyOf" } else { "oneOf" })
        } else if offers(reader) {
            // One kind is what has been looked at already.
            Some(kinds_of(writer)).filter(|kinds| kinds.len() > 1).unwrap_or_default()
        } else {
            return;
        };
        if branches.is_empty() {
            return;
        }
        let told = self.found.split_off(before);
        for branch in &branches {
            let narrowed: Vec<Place<'s>> = narrowed.iter().chain([branch]).cloned().collect();
            self.covers(&narrowed, reader);
        }
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

/// Are there alternatives that can be taken apart? Those of several lists at once multiply.
pub(super) fn may_split(writer: &[Place<'_>]) -> bool {
    writer.iter().filter(|place| place.split).count() < SPLITS && writer.iter().any(offers)
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
