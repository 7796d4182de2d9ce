//! How the validator sees JSON data: through an allowance, so that no event costs more than was granted.
//!
//! The validator has no time limit, a recursive schema with `anyOf` can visit data exponentially often while it collects
//! errors, and every error holds its path as text. Each visit of a value is paid for, long paths and texts more; when
//! nothing is left, containers look empty and the run ends. Its result then means nothing: ask [`Allowance::is_spent`].

use super::values::Values;
use crate::cloudevents::json::value::Kind;
use jsonschema::JsonType;
use jsonschema::json::{Array, Json, Node, NodeIdentity, Object};
use serde_json::{Map, Number, Value};
use std::borrow::Cow;
use std::cell::Cell;

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
        self.pay_visits(1 + bytes / BYTES_PER_VISIT)
    }

    fn pay_visits(&self, visits: usize) -> bool {
        let left = self.0.get().saturating_sub(visits);
        self.0.set(left);
        left > 0
    }
}

/// JSON data on its tape, with every visit paid for.
pub struct Metered;

/// One value on its way through the validator.
#[derive(Clone, Copy)]
pub struct Visited<'a> {
    place: Place<'a>,
    allowance: &'a Allowance,
    /// Length of the path from the root to it.
    path_bytes: usize,
}

#[derive(Clone, Copy)]
enum Place<'a> {
    Value(&'a Values<'a>, usize),
    /// The name of a member, which schemas of names see as a string.
    Name(&'a str),
}

impl<'a> Visited<'a> {
    /// The root of the data.
    pub fn new(values: &'a Values<'a>, allowance: &'a Allowance) -> Visited<'a> {
        Visited { place: Place::Value(values, 0), allowance, path_bytes: 0 }
    }

    /// A member or an entry, paid from the same allowance.
    fn child(&self, values: &'a Values<'a>, at: usize, name_bytes: usize) -> Option<Visited<'a>> {
        let path_bytes = self.path_bytes + 1 + name_bytes;
        let place = Place::Value(values, at);
        self.allowance.pay(path_bytes).then_some(Visited { place, allowance: self.allowance, path_bytes })
    }

    fn kind(&self) -> Kind {
        match self.place {
            Place::Value(values, at) => values.kind(at),
            Place::Name(_) => Kind::String { escaped: false },
        }
    }

    fn container(&self, kind: Kind) -> Option<Container<'a>> {
        match self.place {
            Place::Value(values, at) if values.kind(at) == kind => Some(Container { values, at, visited: *self }),
            _ => None,
        }
    }

    /// The content of a string.
    fn text(&self) -> Option<Cow<'a, str>> {
        match self.place {
            Place::Value(values, at) => values.string(at),
            Place::Name(name) => Some(Cow::Borrowed(name)),
        }
    }
}

impl Json for Metered {
    type Node<'a> = Visited<'a>;
    type PreparedKey = String;
    type StringBuffer = (String, Allowance);

    fn prepare_key(key: &str) -> String {
        key.to_owned()
    }

    fn with_string_node<T>(buffer: &mut Self::StringBuffer, string: &str, f: impl FnOnce(Visited<'_>) -> T) -> T {
        string.clone_into(&mut buffer.0);
        // A name has no members: it was paid for when its object was walked.
        buffer.1 = Allowance::new(usize::MAX);
        f(Visited { place: Place::Name(&buffer.0), allowance: &buffer.1, path_bytes: 0 })
    }
}

impl<'a> Node<'a, Metered> for Visited<'a> {
    type Object = Container<'a>;
    type Array = Container<'a>;
    type Number = Number;

    fn as_object(&self) -> Option<Container<'a>> {
        self.container(Kind::Object)
    }

    fn as_array(&self) -> Option<Container<'a>> {
        self.container(Kind::Array)
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        let text = self.text()?;
        self.allowance.pay(text.len());
        Some(text)
    }

    fn as_number(&self) -> Option<Number> {
        match self.place {
            Place::Value(values, at) => values.number(at),
            Place::Name(_) => None,
        }
    }

    fn is_number(&self) -> bool {
        self.kind() == Kind::Number
    }

    fn as_boolean(&self) -> Option<bool> {
        match self.place {
            Place::Value(values, at) if values.kind(at) == Kind::Boolean => Some(values.is_true(at)),
            _ => None,
        }
    }

    fn is_null(&self) -> bool {
        self.kind() == Kind::Null
    }

    fn json_type(&self) -> JsonType {
        match self.kind() {
            Kind::Null => JsonType::Null,
            Kind::Boolean => JsonType::Boolean,
            Kind::Number => JsonType::Number,
            Kind::String { .. } => JsonType::String,
            Kind::Array => JsonType::Array,
            Kind::Object => JsonType::Object,
        }
    }

    fn equals_value(&self, expected: &Value) -> bool {
        match self.place {
            Place::Value(values, at) => values.equals(at, expected),
            Place::Name(name) => expected.as_str() == Some(name),
        }
    }

    /// What an error keeps of the value: small enough to be copied into every error of `anyOf`. Texts are cut, and a
    /// container is an array or object that holds only the number of its entries. Nothing else asks, as comparing goes its
    /// own ways here.
    fn to_value(&self) -> Cow<'a, Value> {
        let count = |container: Container<'_>| Value::from(container.count());
        Cow::Owned(match self.kind() {
            Kind::Null => Value::Null,
            Kind::Boolean => Value::Bool(self.as_boolean().unwrap_or_default()),
            Kind::Number => self.as_number().map(Value::Number).unwrap_or_default(),
            Kind::String { .. } => {
                let text = self.text().unwrap_or_default();
                let end = text.char_indices().nth(KEPT_CHARACTERS).map_or(text.len(), |(end, _)| end);
                Value::from(&text[..end])
            }
            Kind::Array => Value::from_iter(self.as_array().map(count)),
            Kind::Object => {
                Value::Object(Map::from_iter(self.as_object().map(|object| (String::new(), count(object)))))
            }
        })
    }

    fn identity(&self) -> Option<NodeIdentity> {
        match self.place {
            Place::Value(values, at) => {
                let document = std::ptr::from_ref(values).addr();
                Some(NodeIdentity::tagged(document, u32::try_from(at).unwrap_or(u32::MAX)))
            }
            Place::Name(name) => Some(NodeIdentity::new(name.as_ptr().addr())),
        }
    }
}

/// An array or object.
pub struct Container<'a> {
    values: &'a Values<'a>,
    at: usize,
    visited: Visited<'a>,
}

impl Container<'_> {
    /// How much is in it. Entries have to be counted, which is paid for like reading as many bytes.
    fn count(&self) -> usize {
        let count = self.values.count(self.at);
        self.visited.allowance.pay(count);
        count
    }
}

impl<'a> Object<'a, Metered> for Container<'a> {
    type Node = Visited<'a>;
    type MemberName = Cow<'a, str>;
    type MembersIter = Box<dyn Iterator<Item = (Cow<'a, str>, Visited<'a>)> + 'a>;

    fn len(&self) -> usize {
        self.count()
    }

    fn is_empty(&self) -> bool {
        self.values.extent(self.at) == 1
    }

    /// A member that is not there is paid for, too: it can leave an error behind.
    fn get(&self, key: &String) -> Option<Visited<'a>> {
        let Some(at) = self.values.member(self.at, key) else {
            self.visited.allowance.pay(0);
            return None;
        };
        self.visited.child(self.values, at, key.len())
    }

    fn members(&self) -> Self::MembersIter {
        let (values, visited) = (self.values, self.visited);
        let members = values.members(self.at);
        Box::new(members.map_while(move |(name, at)| {
            let child = visited.child(values, at, name.len())?;
            Some((name, child))
        }))
    }
}

impl<'a> Array<'a, Metered> for Container<'a> {
    type Node = Visited<'a>;
    type ElementsIter = Box<dyn Iterator<Item = Visited<'a>> + 'a>;

    fn len(&self) -> usize {
        self.count()
    }

    fn elements(&self) -> Self::ElementsIter {
        let (values, visited) = (self.values, self.visited);
        Box::new(values.entries(self.at).map_while(move |at| visited.child(values, at, 1)))
    }

    /// Everything inside of it is looked at.
    fn is_unique(&self) -> bool {
        self.visited.allowance.pay_visits(self.values.extent(self.at)) && self.values.all_differ(self.at)
    }
}
