//! JSON values as the engine handles them. Every copy, comparison and construction is metered.

use super::meter::{self, Exhausted};
use bytestring::ByteString;
use jaq_json::{Map, Num};
use std::cmp::Ordering;
use std::rc::Rc;

/// An error of a program.
pub(super) type Error = jaq_core::Error<Value>;

/// A value. Copies share what they hold.
#[derive(Debug, Default)]
pub enum Value {
    /// `null`
    #[default]
    Null,
    /// `true` or `false`
    Boolean(bool),
    /// A number; one that nothing was done with keeps its text.
    Number(Num),
    /// Text.
    String(ByteString),
    /// An array.
    Array(Rc<Array>),
    /// An object.
    Object(Rc<Object>),
}

/// Entries and how deep they go.
#[derive(Debug, Clone, Default)]
pub struct Array {
    pub(super) items: Vec<Value>,
    /// Levels, this one included.
    depth: u16,
}

/// Members in order and how deep they go.
#[derive(Debug, Clone, Default)]
pub struct Object {
    pub(super) members: Map<ByteString, Value>,
    depth: u16,
}

impl Array {
    /// Takes another entry in at the end.
    pub(super) fn push(&mut self, item: Value) {
        self.depth = around(&item).max(self.depth);
        meter::bytes(size_of::<Value>());
        self.items.push(item);
    }

    /// Puts an entry in the place of another.
    pub(super) fn set(&mut self, at: usize, item: Value) {
        self.depth = around(&item).max(self.depth);
        if let Some(place) = self.items.get_mut(at) {
            *place = item;
        }
    }
}

impl Object {
    /// Sets a member; one that is there keeps its place.
    pub(super) fn set(&mut self, name: ByteString, value: Value) {
        self.depth = around(&value).max(self.depth);
        meter::bytes(size_of::<Value>() + size_of::<ByteString>());
        self.members.insert(name, value);
    }
}

/// Levels of a container that holds this value.
fn around(value: &Value) -> u16 {
    let depth = 1 + match value {
        Value::Array(array) => array.depth.max(1),
        Value::Object(object) => object.depth.max(1),
        _ => 0,
    };
    if depth > meter::DEPTH {
        meter::stop(Exhausted::Depth);
    }
    depth
}

impl Value {
    /// The empty array.
    pub(super) fn empty_array() -> Value {
        Value::Array(Rc::default())
    }

    /// A text that is counted.
    pub(super) fn text(text: impl Into<ByteString>) -> Value {
        let text = text.into();
        meter::bytes(text.len());
        Value::String(text)
    }

    /// The whole number, if it is one of 64 bits.
    pub(super) fn as_integer(&self) -> Option<isize> {
        if let Value::Number(number) = self { number.as_isize() } else { None }
    }

    /// As a machine's number; NaN for what is none.
    pub(super) fn as_float(&self) -> Option<f64> {
        let Value::Number(number) = self else { return None };
        Some(match number {
            Num::Int(number) => *number as f64,
            Num::Float(number) => *number,
            Num::Dec(text) => text.parse().unwrap_or(f64::NAN),
            Num::BigInt(_) => number.to_string().parse().unwrap_or(f64::NAN),
        })
    }

    /// The type as messages name it.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Boolean(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Value::Null => 0,
            Value::Boolean(_) => 1,
            Value::Number(_) => 2,
            Value::String(_) => 3,
            Value::Array(_) => 4,
            Value::Object(_) => 5,
        }
    }
}

/// Counted: the engine copies a value whenever it goes on to another output.
impl Clone for Value {
    fn clone(&self) -> Value {
        meter::steps(1);
        match self {
            Value::Null => Value::Null,
            Value::Boolean(truth) => Value::Boolean(*truth),
            Value::Number(number) => Value::Number(number.clone()),
            Value::String(text) => Value::String(text.clone()),
            Value::Array(array) => Value::Array(array.clone()),
            Value::Object(object) => Value::Object(object.clone()),
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        meter::steps(1);
        match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Boolean(one), Value::Boolean(two)) => one == two,
            (Value::Number(one), Value::Number(two)) => one == two,
            (Value::String(one), Value::String(two)) => {
                meter::steps(one.len().min(two.len()) / 64);
                one == two
            }
            (Value::Array(one), Value::Array(two)) => one.items == two.items,
            (Value::Object(one), Value::Object(two)) => {
                let (one, two) = (&one.members, &two.members);
                one.len() == two.len()
                    && one.iter().all(|(name, value)| two.get(name).is_some_and(|other| value == other))
            }
            _ => false,
        }
    }
}

impl Eq for Value {}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Value) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// jq's order: null, booleans, numbers, texts, arrays, objects.
impl Ord for Value {
    fn cmp(&self, other: &Value) -> Ordering {
        meter::steps(1);
        match (self, other) {
            (Value::Boolean(one), Value::Boolean(two)) => one.cmp(two),
            (Value::Number(one), Value::Number(two)) => one.cmp(two),
            (Value::String(one), Value::String(two)) => {
                meter::steps(one.len().min(two.len()) / 64);
                one.cmp(two)
            }
            (Value::Array(one), Value::Array(two)) => one.items.cmp(&two.items),
            (Value::Object(one), Value::Object(two)) => {
                let sorted = |object: &Object| {
                    let mut names: Vec<ByteString> = object.members.keys().cloned().collect();
                    meter::steps(names.len());
                    names.sort_unstable();
                    names
                };
                let (mine, others) = (sorted(one), sorted(two));
                let value = |object: &Object, name| object.members.get(name).cloned();
                mine.cmp(&others).then_with(|| {
                    mine.iter().map(|name| value(one, name)).cmp(others.iter().map(|name| value(two, name)))
                })
            }
            (one, two) => one.rank().cmp(&two.rank()),
        }
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Value {
        Value::Boolean(truth)
    }
}

impl From<isize> for Value {
    fn from(number: isize) -> Value {
        meter::steps(1);
        Value::Number(Num::Int(number))
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Value {
        Value::Number(Num::from_integral(number))
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Value {
        meter::steps(1);
        Value::Number(Num::Float(number))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        meter::steps(1);
        Value::text(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::text(text)
    }
}

/// The slice `[start:end]` as a path names it.
impl From<jaq_core::val::Range<Value>> for Value {
    fn from(range: jaq_core::val::Range<Value>) -> Value {
        let bounds = [("start", range.start), ("end", range.end)];
        bounds.into_iter().filter_map(|(name, bound)| Some((ByteString::from_static(name), bound?))).collect()
    }
}

impl FromIterator<Value> for Value {
    fn from_iter<I: IntoIterator<Item = Value>>(items: I) -> Value {
        meter::steps(1);
        let mut array = Array { items: Vec::new(), depth: 1 };
        items.into_iter().for_each(|item| array.push(item));
        Value::Array(Rc::new(array))
    }
}

impl FromIterator<(ByteString, Value)> for Value {
    fn from_iter<I: IntoIterator<Item = (ByteString, Value)>>(members: I) -> Value {
        meter::steps(1);
        let mut object = Object { members: Map::default(), depth: 1 };
        members.into_iter().for_each(|(name, value)| object.set(name, value));
        Value::Object(Rc::new(object))
    }
}
