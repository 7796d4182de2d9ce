//! JSON data as the validator goes through it: texts on a tape, and where the members of large objects are. `serde_json`
//! takes seventy bytes for a value that was sent in two; this takes twelve, and eight more for a member of a large object.

use crate::cloudevents::json::tape::{Tape, Unreadable};
use crate::cloudevents::json::value::Kind;
use serde_json::{Number, Value};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;

/// Members up to which a search from the first to the last one is faster than an index.
const FEW: usize = 8;

/// A document. Values are named by their place on the tape. Of members with the same name only the last one counts.
#[derive(Debug)]
pub struct Values<'t> {
    tape: Tape<'t>,
    /// Of objects with more than [`FEW`] members: their part of `names`.
    large: HashMap<usize, Range<usize>>,
    /// Hashes of names with the places of their values, in order within each object.
    names: Vec<(u32, u32)>,
    /// Values whose names stand once more behind them.
    overruled: HashSet<usize>,
    hasher: RandomState,
}

impl<'t> Values<'t> {
    /// Takes a document apart. `depth`: objects and arrays that may stand inside each other.
    pub fn read(json: &'t [u8], depth: usize) -> Result<Values<'t>, Unreadable> {
        let tape = Tape::read(json, depth)?;
        let hasher = RandomState::new();
        let mut values = Values { tape, large: HashMap::new(), names: Vec::new(), overruled: HashSet::new(), hasher };
        let objects = values.tape.objects();
        let (mut large, mut names) = (Vec::new(), 0);
        for object in objects {
            match values.tape.names(object).count() {
                0 | 1 => {}
                2..=FEW => values.see_few(object),
                count => {
                    names += count;
                    large.push(object);
                }
            }
        }
        // A list that grows would take twice as much.
        values.names.reserve_exact(names);
        for object in large {
            values.see_many(object);
        }
        Ok(values)
    }

    fn see_few(&mut self, object: usize) {
        let mut names = [0; FEW];
        let mut count = 0;
        for (place, name) in names.iter_mut().zip(self.tape.names(object)) {
            *place = name;
            count += 1;
        }
        let mut later = &names[..count];
        while let [name, others @ ..] = later {
            if others.iter().any(|other| self.tape.is_same_text(*name, *other)) {
                self.overruled.insert(name + 1);
            }
            later = others;
        }
    }

    fn see_many(&mut self, object: usize) {
        let from = self.names.len();
        for (name, at) in self.tape.members(object) {
            let hash = short(self.hasher.hash_one(&*name.string().unwrap_or_default()));
            self.names.push((hash, u32::try_from(at).unwrap_or(u32::MAX)));
        }
        let sorted = &mut self.names[from..];
        sorted.sort_unstable();
        for (index, (hash, at)) in sorted.iter().enumerate() {
            // One more of the same name behind it is enough to know.
            let mut others = sorted.iter().skip(index + 1).take_while(|(other, _)| other == hash);
            if others.any(|(_, other)| self.tape.is_same_text(*at as usize - 1, *other as usize - 1)) {
                self.overruled.insert(*at as usize);
            }
        }
        self.large.insert(object, from..self.names.len());
    }

    /// The length of the text, in bytes.
    pub fn bytes(&self) -> usize {
        self.tape.text().len()
    }

    /// What a value is.
    pub fn kind(&self, at: usize) -> Kind {
        self.tape.value(at).kind
    }

    /// The content of a string.
    pub fn string(&self, at: usize) -> Option<Cow<'t, str>> {
        self.tape.value(at).string()
    }

    /// Is it `true`?
    pub fn is_true(&self, at: usize) -> bool {
        self.tape.value(at).raw == "true"
    }

    /// A number; beyond the range of a double the largest one of its sign, as `1e400` is JSON, too.
    pub fn number(&self, at: usize) -> Option<Number> {
        let value = self.tape.value(at);
        if value.kind != Kind::Number {
            return None;
        }
        let largest = if value.raw.starts_with('-') { f64::MIN } else { f64::MAX };
        serde_json::from_str(value.raw).ok().or_else(|| Number::from_f64(largest))
    }

    /// How many values and names a value is made of, itself included.
    pub fn extent(&self, at: usize) -> usize {
        self.tape.behind(at) - at
    }

    /// How many members or entries a container has.
    pub fn count(&self, container: usize) -> usize {
        match self.kind(container) {
            Kind::Array => self.tape.entries(container).count(),
            _ => self.tape.names(container).filter(|name| self.counts(name + 1)).count(),
        }
    }

    /// The places of an array's entries.
    pub fn entries(&self, array: usize) -> impl Iterator<Item = usize> {
        self.tape.entries(array)
    }

    /// The names of an object's members and the places of their values.
    pub fn members(&self, object: usize) -> impl Iterator<Item = (Cow<'t, str>, usize)> {
        let members = self.tape.members(object).filter(|(_, at)| self.counts(*at));
        members.map(|(name, at)| (name.string().unwrap_or_default(), at))
    }

    fn counts(&self, at: usize) -> bool {
        self.overruled.is_empty() || !self.overruled.contains(&at)
    }

    /// The place of a member's value.
    pub fn member(&self, object: usize, name: &str) -> Option<usize> {
        if let Some(range) = self.large.get(&object) {
            let hash = short(self.hasher.hash_one(name));
            let names = &self.names[range.clone()];
            let behind = names.partition_point(|(other, _)| *other <= hash);
            let same = names[..behind].iter().rev().take_while(|(other, _)| *other == hash);
            return same.map(|(_, at)| *at as usize).find(|at| self.tape.is_text(at - 1, name));
        }
        self.tape.names(object).filter(|at| self.tape.is_text(*at, name)).last().map(|at| at + 1)
    }

    /// The value a JSON Pointer leads to.
    pub fn pointer(&self, pointer: &str) -> Option<usize> {
        pointer.split('/').skip(1).try_fold(0, |at, step| match self.kind(at) {
            Kind::Object => self.member(at, &step.replace("~1", "/").replace("~0", "~")),
            Kind::Array => self.entries(at).nth(step.parse().ok()?),
            _ => None,
        })
    }

    /// Is a value equal to one of a schema, as JSON Schema sees it?
    pub fn equals(&self, at: usize, expected: &Value) -> bool {
        match (self.kind(at), expected) {
            (Kind::Null, Value::Null) => true,
            (Kind::Boolean, Value::Bool(flag)) => self.is_true(at) == *flag,
            (Kind::Number, Value::Number(number)) => {
                self.number(at).is_some_and(|own| jsonschema::json::cmp::equal_numbers(&own, number))
            }
            (Kind::String { .. }, Value::String(_)) => self.string(at).as_deref() == expected.as_str(),
            (Kind::Array, Value::Array(items)) => {
                let mut entries = self.entries(at);
                items.iter().all(|item| entries.next().is_some_and(|entry| self.equals(entry, item)))
                    && entries.next().is_none()
            }
            (Kind::Object, Value::Object(members)) => {
                let same = |(name, value): (Cow<'_, str>, usize)| {
                    members.get(&*name).is_some_and(|expected| self.equals(value, expected))
                };
                self.members(at).all(same) && self.count(at) == members.len()
            }
            _ => false,
        }
    }

    /// Are two values equal?
    fn same(&self, a: usize, b: usize) -> bool {
        match (self.kind(a), self.kind(b)) {
            (Kind::Number, Kind::Number) => match (self.number(a), self.number(b)) {
                (Some(a), Some(b)) => jsonschema::json::cmp::equal_numbers(&a, &b),
                _ => false,
            },
            (Kind::String { .. }, Kind::String { .. }) => self.string(a) == self.string(b),
            (Kind::Array, Kind::Array) => {
                let mut others = self.entries(b);
                self.entries(a).all(|entry| others.next().is_some_and(|other| self.same(entry, other)))
                    && others.next().is_none()
            }
            (Kind::Object, Kind::Object) => {
                self.count(a) == self.count(b)
                    && self.members(a).all(|(name, at)| self.member(b, &name).is_some_and(|other| self.same(at, other)))
            }
            (of, other) => of == other && self.tape.value(a).raw == self.tape.value(b).raw,
        }
    }

    /// Do all entries of an array differ?
    pub fn all_differ(&self, array: usize) -> bool {
        let mut hashes: Vec<(u32, u32)> = Vec::with_capacity(self.entries(array).count());
        for entry in self.entries(array) {
            hashes.push((short(self.hash(entry)), u32::try_from(entry).unwrap_or(u32::MAX)));
        }
        hashes.sort_unstable();
        let equals_a_later_one = |(index, (hash, at)): (usize, &(u32, u32))| {
            let mut others = hashes.iter().skip(index + 1).take_while(|(other, _)| other == hash);
            others.any(|(_, other)| self.same(*at as usize, *other as usize))
        };
        !hashes.iter().enumerate().any(equals_a_later_one)
    }

    /// A hash that nothing in the data can make collide: kinds and counts go into it, and its keys are random.
    fn hash(&self, at: usize) -> u64 {
        match self.kind(at) {
            Kind::Null => self.hasher.hash_one(0_u8),
            Kind::Boolean => self.hasher.hash_one((1_u8, self.is_true(at))),
            Kind::Number => self.hasher.hash_one((2_u8, self.number(at).map(|number| number_bits(&number)))),
            Kind::String { .. } => self.hasher.hash_one((3_u8, self.string(at))),
            Kind::Array => {
                let before = self.hasher.hash_one(4_u8);
                self.entries(at).fold(before, |sum, entry| self.hasher.hash_one((sum, self.hash(entry))))
            }
            Kind::Object => {
                let members = self.members(at).map(|(name, value)| self.hasher.hash_one((name, self.hash(value))));
                let all = members.fold((0_usize, 0_u64), |(count, sum), hash| (count + 1, sum.wrapping_add(hash)));
                self.hasher.hash_one((5_u8, all))
            }
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "half of a hash is a hash")]
fn short(hash: u64) -> u32 {
    hash as u32
}

/// Equal for numbers that are equal in JSON Schema, however they are written (`1`, `1.0`).
fn number_bits(number: &Number) -> u128 {
    match (number.as_i128(), number.as_f64()) {
        (Some(whole), _) => whole.cast_unsigned(),
        #[expect(clippy::cast_possible_truncation, reason = "only whole numbers well inside the range are converted")]
        (None, Some(float)) if float.fract() == 0.0 && float.abs() < 1e37 => (float as i128).cast_unsigned(),
        // The highest bit but one keeps these apart from whole numbers.
        (None, float) => u128::from(float.unwrap_or_default().to_bits()) | 1 << 126,
    }
}
