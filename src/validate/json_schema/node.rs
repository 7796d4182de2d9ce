//! How the validator sees JSON data: through an allowance, so that no event costs more than was granted.
//!
//! The validator has no time limit, a recursive schema with `anyOf` can visit data exponentially often while it collects
//! errors, and every error holds its path as text. Each visit of a value is paid for, long paths and texts more; when
//! nothing is left, containers look empty and the run ends. Its result then means nothing: ask [`Allowance::is_spent`].

use jsonschema::JsonType;
use jsonschema::json::{Array, Json, Node, NodeIdentity, Object};
use serde_json::{Map, Number, Value};
use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashSet;
use std::hash::{Hash, Hasher};

/// Bytes of a text, or of the path to a value, that cost as much as visiting one value.
const BYTES_PER_VISIT: usize = 64;

/// Characters of a text that an error keeps.
const KEPT_CHARACTERS: usize = 256;

/// What one run may still spend, in visited values.
#[derive(Debug, Default)]
pub struct Allowance(Cell<usize>);

impl Allowance {
    /// Grants a number of visits.
    pub fn new(visits: usize) -> Allowance {
        Allowance(Cell::new(visits))
    }

    /// True when the run asked for more than was granted.
    pub fn is_spent(&self) -> bool {
        self.0.get() == 0
    }

    /// Pays for a visit with `bytes` of text or path; false when there is not enough left, and then nothing is.
    fn pay(&self, bytes: usize) -> bool {
        let left = self.0.get().saturating_sub(1 + bytes / BYTES_PER_VISIT);
        self.0.set(left);
        left > 0
    }
}

/// JSON data as `serde_json` holds it, with every visit paid for.
pub struct Metered;

/// One value on its way through the validator.
#[derive(Clone, Copy)]
pub struct Visited<'a> {
    value: &'a Value,
    allowance: &'a Allowance,
    /// Length of the path from the root to it.
    path_bytes: usize,
}

impl<'a> Visited<'a> {
    /// The root of the data.
    pub fn new(value: &'a Value, allowance: &'a Allowance) -> Visited<'a> {
        Visited { value, allowance, path_bytes: 0 }
    }

    /// A member or an element, paid from the same allowance.
    fn child(&self, value: &'a Value, name_bytes: usize) -> Option<Visited<'a>> {
        let path_bytes = self.path_bytes + 1 + name_bytes;
        self.allowance.pay(path_bytes).then_some(Visited { value, allowance: self.allowance, path_bytes })
    }
}

impl Json for Metered {
    type Node<'a> = Visited<'a>;
    type PreparedKey = String;
    type StringBuffer = (Value, Allowance);

    fn prepare_key(key: &str) -> String {
        key.to_owned()
    }

    fn with_string_node<T>(buffer: &mut Self::StringBuffer, string: &str, f: impl FnOnce(Visited<'_>) -> T) -> T {
        buffer.0 = Value::String(string.to_owned());
        // A name has no members: it was paid for when its object was walked.
        buffer.1 = Allowance::new(usize::MAX);
        f(Visited::new(&buffer.0, &buffer.1))
    }
}

impl<'a> Node<'a, Metered> for Visited<'a> {
    type Object = Members<'a>;
    type Array = Elements<'a>;
    type Number = &'a Number;

    fn as_object(&self) -> Option<Members<'a>> {
        self.value.as_object().map(|map| Members { map, object: *self })
    }

    fn as_array(&self) -> Option<Elements<'a>> {
        self.value.as_array().map(|items| Elements { items, array: *self })
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        let text = self.value.as_str()?;
        self.allowance.pay(text.len());
        Some(Cow::Borrowed(text))
    }

    fn as_number(&self) -> Option<&'a Number> {
        self.value.as_number()
    }

    fn as_boolean(&self) -> Option<bool> {
        self.value.as_bool()
    }

    fn is_null(&self) -> bool {
        self.value.is_null()
    }

    fn json_type(&self) -> JsonType {
        JsonType::from(self.value)
    }

    fn equals_value(&self, expected: &Value) -> bool {
        jsonschema::json::cmp::equal(self.value, expected)
    }

    /// What an error keeps of the value: see [`abridged`]. Nothing else asks, as comparing goes its own ways here.
    fn to_value(&self) -> Cow<'a, Value> {
        abridged(self.value)
    }

    fn identity(&self) -> Option<NodeIdentity> {
        Some(NodeIdentity::new(std::ptr::from_ref(self.value).addr()))
    }
}

/// A value small enough to be copied into every error of `anyOf`: texts are cut, and a container is an array or object
/// that holds only the number of its entries.
fn abridged(value: &Value) -> Cow<'_, Value> {
    match value {
        Value::Array(items) => Cow::Owned(Value::Array(vec![Value::from(items.len())])),
        Value::Object(members) => {
            Cow::Owned(Value::Object(Map::from_iter([(String::new(), Value::from(members.len()))])))
        }
        Value::String(text) => match text.char_indices().nth(KEPT_CHARACTERS) {
            Some((end, _)) => Cow::Owned(Value::from(&text[..end])),
            None => Cow::Borrowed(value),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) => Cow::Borrowed(value),
    }
}

/// The members of an object.
pub struct Members<'a> {
    map: &'a Map<String, Value>,
    object: Visited<'a>,
}

impl<'a> Object<'a, Metered> for Members<'a> {
    type Node = Visited<'a>;
    type MemberName = &'a str;
    type MembersIter = MemberIter<'a>;

    fn len(&self) -> usize {
        self.map.len()
    }

    fn get(&self, key: &String) -> Option<Visited<'a>> {
        self.map.get(key.as_str()).and_then(|value| self.object.child(value, key.len()))
    }

    fn members(&self) -> MemberIter<'a> {
        MemberIter { rest: self.map.iter(), object: self.object }
    }
}

/// Walks the members of an object as long as it can be paid for.
pub struct MemberIter<'a> {
    rest: serde_json::map::Iter<'a>,
    object: Visited<'a>,
}

impl<'a> Iterator for MemberIter<'a> {
    type Item = (&'a str, Visited<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, value) = self.rest.next()?;
        Some((name, self.object.child(value, name.len())?))
    }
}

/// The elements of an array.
pub struct Elements<'a> {
    items: &'a [Value],
    array: Visited<'a>,
}

impl<'a> Array<'a, Metered> for Elements<'a> {
    type Node = Visited<'a>;
    type ElementsIter = ElementIter<'a>;

    fn len(&self) -> usize {
        self.items.len()
    }

    fn elements(&self) -> ElementIter<'a> {
        ElementIter { rest: self.items.iter(), array: self.array }
    }

    fn is_unique(&self) -> bool {
        let mut seen = HashSet::with_capacity(self.items.len());
        self.items.iter().all(|item| self.array.allowance.pay(0) && seen.insert(Hashed(item)))
    }
}

/// Walks the elements of an array as long as it can be paid for.
pub struct ElementIter<'a> {
    rest: std::slice::Iter<'a, Value>,
    array: Visited<'a>,
}

impl<'a> Iterator for ElementIter<'a> {
    type Item = Visited<'a>;

    fn next(&mut self) -> Option<Visited<'a>> {
        self.rest.next().and_then(|value| self.array.child(value, 1))
    }
}

/// A value with a hash that nested arrays cannot make collide: kinds and lengths go into it, and its keys are random.
struct Hashed<'a>(&'a Value);

impl PartialEq for Hashed<'_> {
    fn eq(&self, other: &Self) -> bool {
        jsonschema::json::cmp::equal(self.0, other.0)
    }
}

impl Eq for Hashed<'_> {}

impl Hash for Hashed<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self.0).hash(state);
        match self.0 {
            Value::Null => {}
            Value::Bool(flag) => flag.hash(state),
            Value::Number(number) => number_bits(number).hash(state),
            Value::String(text) => text.hash(state),
            Value::Array(items) => {
                items.len().hash(state);
                for item in items {
                    Hashed(item).hash(state);
                }
            }
            Value::Object(members) => {
                let mut sorted: Vec<_> = members.iter().collect();
                sorted.sort_unstable_by_key(|(name, _)| name.as_str());
                sorted.len().hash(state);
                for (name, value) in sorted {
                    name.hash(state);
                    Hashed(value).hash(state);
                }
            }
        }
    }
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
