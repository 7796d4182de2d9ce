//! The attributes of one event beside the required ones: all their names and texts in one piece of memory. An event with
//! hundreds of tiny attributes costs a small multiple of its bytes, and none of them an allocation of its own.

use super::event::Kind;
use super::timestamp;
use bytestring::ByteString;
use std::borrow::Cow;
use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

/// An attribute's value: its type as far as the format told it, and its canonical text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value<'e> {
    /// The type. A header or a JSON string tells only [`Kind::String`] for an extension.
    pub kind: Kind,
    /// The canonical string form; for `time` and URIs the text as received.
    pub text: &'e str,
}

impl<'e> Value<'e> {
    /// The text by which values are compared: of a timestamp its instant in UTC, else the text itself.
    pub fn canonical(&self) -> Cow<'e, str> {
        let time = if self.kind == Kind::Timestamp { timestamp::canonical(self.text) } else { None };
        time.unwrap_or(Cow::Borrowed(self.text))
    }
}

/// One attribute that is not `specversion`, `id`, `source` or `type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attribute<'e> {
    /// Lower-case letters and digits.
    pub name: &'e str,
    /// Its value.
    pub value: Value<'e>,
}

impl<'e> Attribute<'e> {
    /// One of the type String.
    pub fn string(name: &'e str, text: &'e str) -> Attribute<'e> {
        Attribute { name, value: Value { kind: Kind::String, text } }
    }
}

/// Where an attribute stands in the texts; the text follows the name.
#[derive(Debug, Clone, Copy)]
struct Entry {
    name: u32,
    text: u32,
    end: u32,
    kind: Kind,
}

impl Entry {
    fn of<'t>(&self, texts: &'t str) -> Attribute<'t> {
        let text = &texts[self.text as usize..self.end as usize];
        Attribute { name: self.name(texts), value: Value { kind: self.kind, text } }
    }

    fn name<'t>(&self, texts: &'t str) -> &'t str {
        &texts[self.name as usize..self.text as usize]
    }

    fn is(&self, name: &str, texts: &str) -> bool {
        texts.as_bytes()[self.name as usize..self.text as usize] == *name.as_bytes()
    }
}

/// Optional attributes and extensions in the order received, each name once.
#[derive(Clone, Default)]
pub struct Attributes {
    texts: ByteString,
    entries: Vec<Entry>,
}

impl Attributes {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All of them, in order.
    pub fn iter(&self) -> Iter<'_> {
        Iter { texts: &self.texts, entries: self.entries.iter() }
    }

    /// The value of the one with this name.
    pub fn get(&self, name: &str) -> Option<Value<'_>> {
        let found = self.entries.iter().find(|entry| entry.is(name, &self.texts))?;
        Some(found.of(&self.texts).value)
    }

    /// Takes one more, whose name none of them has, into new memory. One that would make them more than 4 GiB together
    /// is left out. `shared`: texts that stand in the old memory are from then on in the new one.
    pub fn push(&mut self, attribute: Attribute<'_>, shared: [&mut ByteString; 3]) {
        let Attribute { name, value } = attribute;
        let bytes = self.texts.len() + name.len() + value.text.len();
        let mut gathering = Gathering::with_capacity(bytes, self.len() + 1);
        gathering.texts.push_str(&self.texts);
        gathering.entries.extend_from_slice(&self.entries);
        if gathering.push(name, value.kind, value.text).is_err() {
            return;
        }
        let before = std::mem::replace(self, gathering.finish()).texts;
        for text in shared {
            let at = text.as_ptr().addr().wrapping_sub(before.as_ptr().addr());
            let moved = before.get(at..at.saturating_add(text.len())).and_then(|_| self.texts.get(at..at + text.len()));
            if let Some(moved) = moved {
                *text = self.texts.slice_ref(moved);
            }
        }
    }
}

/// Attributes in order.
#[derive(Debug, Clone)]
pub struct Iter<'e> {
    texts: &'e str,
    entries: std::slice::Iter<'e, Entry>,
}

impl<'e> Iterator for Iter<'e> {
    type Item = Attribute<'e>;

    fn next(&mut self) -> Option<Attribute<'e>> {
        self.entries.next().map(|entry| entry.of(self.texts))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.entries.size_hint()
    }
}

impl ExactSizeIterator for Iter<'_> {}

impl<'e> IntoIterator for &'e Attributes {
    type Item = Attribute<'e>;
    type IntoIter = Iter<'e>;

    fn into_iter(self) -> Iter<'e> {
        self.iter()
    }
}

impl std::fmt::Debug for Attributes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl PartialEq for Attributes {
    fn eq(&self, other: &Attributes) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Attributes {}

impl<'e> FromIterator<Attribute<'e>> for Attributes {
    /// Ends with the one that would make them more than 4 GiB together.
    fn from_iter<I: IntoIterator<Item = Attribute<'e>>>(attributes: I) -> Attributes {
        let mut gathering = Gathering::default();
        for Attribute { name, value } in attributes {
            if gathering.push(name, value.kind, value.text).is_err() {
                break;
            }
        }
        gathering.finish()
    }
}

/// Attributes from which on their names are told apart by keys; few are compared as fast.
const KEYED: usize = 16;

/// The texts of one event have more than 4 GiB together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the attributes have more than 4 GiB together")]
pub struct TooLong;

/// A text among the gathered ones.
#[derive(Debug, Clone, Copy, Default)]
pub struct Span {
    start: u32,
    end: u32,
}

/// Attributes in the making. What is replaced or removed leaves its text behind.
#[derive(Debug, Clone, Default)]
pub struct Gathering {
    texts: String,
    entries: Vec<Entry>,
    /// Of many attributes, what tells nearly every two names apart at a glance.
    keys: Option<HashSet<u64, BuildHasherDefault<Spread>>>,
}

impl Gathering {
    /// Room for this many bytes of texts and this many attributes.
    pub fn with_capacity(bytes: usize, attributes: usize) -> Gathering {
        Gathering { texts: String::with_capacity(bytes), entries: Vec::with_capacity(attributes), keys: None }
    }

    /// Keeps a text that belongs to no attribute.
    pub fn keep(&mut self, text: &str) -> Result<Span, TooLong> {
        let start = short(self.texts.len())?;
        let end = short(self.texts.len() + text.len())?;
        self.texts.push_str(text);
        Ok(Span { start, end })
    }

    /// A text that was kept.
    pub fn kept(&self, span: Span) -> &str {
        &self.texts[span.start as usize..span.end as usize]
    }

    /// Takes one more attribute.
    pub fn push(&mut self, name: &str, kind: Kind, text: &str) -> Result<(), TooLong> {
        short(self.texts.len() + name.len() + text.len())?;
        let (at, text) = (self.keep(name)?, self.keep(text)?);
        self.entries.push(Entry { name: at.start, text: text.start, end: text.end, kind });
        if let Some(keys) = &mut self.keys {
            keys.insert(key(name));
        } else if self.entries.len() == KEYED {
            self.keys = Some(self.entries.iter().map(|entry| key(entry.name(&self.texts))).collect());
        }
        Ok(())
    }

    /// Gives the attribute of this name another value, in its place. `false` if there is none.
    pub fn replace(&mut self, name: &str, kind: Kind, text: &str) -> Result<bool, TooLong> {
        let Some(at) = self.entries.iter().position(|entry| entry.is(name, &self.texts)) else { return Ok(false) };
        self.push(name, kind, text)?;
        // The new one takes the old one's place.
        self.entries.swap_remove(at);
        self.keys = None;
        Ok(true)
    }

    /// Takes an attribute away.
    pub fn remove(&mut self, name: &str) {
        self.entries.retain(|entry| !entry.is(name, &self.texts));
        self.keys = None;
    }

    /// The text of an attribute.
    pub fn text(&self, name: &str) -> Option<&str> {
        let found = self.entries.iter().find(|entry| entry.is(name, &self.texts))?;
        Some(found.of(&self.texts).value.text)
    }

    /// Has an attribute this name?
    pub fn holds(&self, name: &str) -> bool {
        self.keys.as_ref().is_none_or(|keys| keys.contains(&key(name)))
            && self.entries.iter().any(|entry| entry.is(name, &self.texts))
    }

    /// All of them.
    pub fn finish(self) -> Attributes {
        self.finish_with([]).0
    }

    /// All of them, and texts that were kept: they share one piece of memory, which is not much larger than they are.
    pub fn finish_with<const N: usize>(mut self, kept: [Span; N]) -> (Attributes, [ByteString; N]) {
        // Most of what was set aside is filled as a rule; giving back a little is not worth a call.
        if self.texts.capacity() - self.texts.len() > self.texts.len() / 4 + 64 {
            self.texts.shrink_to_fit();
        }
        if self.entries.capacity() - self.entries.len() > self.entries.len() / 4 + 4 {
            self.entries.shrink_to_fit();
        }
        let texts = ByteString::from(self.texts);
        let kept = kept.map(|span| texts.slice_ref(&texts[span.start as usize..span.end as usize]));
        (Attributes { texts, entries: self.entries }, kept)
    }
}

/// A key is nearly a hash already. Keys that are chosen to fall together cost no more than looking at all of them.
#[derive(Debug, Clone, Copy, Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

/// The ends of a name and its length. Names that are chosen to share one are long, and then as slow as they look.
fn key(name: &str) -> u64 {
    let word = |bytes: &[u8]| bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
    match name.as_bytes() {
        short if short.len() <= 8 => word(short),
        long => word(&long[..8]) ^ word(&long[long.len() - 8..]).rotate_left(29) ^ (long.len() as u64) << 56,
    }
}

fn short(bytes: usize) -> Result<u32, TooLong> {
    u32::try_from(bytes).map_err(|_| TooLong)
}

#[cfg(test)]
mod tests {
    use super::{Attribute, Attributes, Entry, Gathering, Value};
    use crate::cloudevents::Kind;

    fn three() -> Gathering {
        let mut gathering = Gathering::default();
        for (name, text) in [("a", "1"), ("bb", ""), ("c", "grüße")] {
            gathering.push(name, Kind::String, text).unwrap();
        }
        gathering
    }

    fn shown(attributes: &Attributes) -> Vec<(&str, &str)> {
        attributes.iter().map(|one| (one.name, one.value.text)).collect()
    }

    #[test]
    fn what_is_replaced_keeps_its_place_and_its_new_type() {
        let mut gathering = three();
        assert_eq!(gathering.replace("bb", Kind::Integer, "12"), Ok(true));
        assert_eq!(gathering.replace("d", Kind::Integer, "12"), Ok(false));
        gathering.remove("a");
        assert!(gathering.holds("bb") && !gathering.holds("a"));
        let attributes = gathering.finish();
        assert_eq!(shown(&attributes), [("bb", "12"), ("c", "grüße")]);
        assert_eq!(attributes.get("bb").map(|value| value.kind), Some(Kind::Integer));
    }

    #[test]
    fn equal_is_what_says_the_same_whatever_it_was_made_from() {
        let mut gathering = three();
        gathering.replace("a", Kind::String, "x").unwrap();
        gathering.replace("a", Kind::String, "1").unwrap();
        let (edited, made) = (gathering.finish(), three().finish());
        assert_eq!(edited, made);
        let mut with = made.clone();
        let (mut within, mut without, mut empty) = (made.texts.slice_ref(&made.texts[1..3]), "x".into(), "".into());
        with.push(Attribute::string("d", "true"), [&mut within, &mut without, &mut empty]);
        assert_eq!((&*within, &*without, &*empty), ("1b", "x", ""));
        assert_eq!(within.as_ptr(), with.texts[1..].as_ptr());
        assert_eq!((with.len(), with.get("d").map(|value| value.text)), (4, Some("true")));
        assert_ne!(with, made);
        assert_eq!(made.iter().collect::<Attributes>(), made);
        let integers = made.iter().map(|one| Attribute { value: Value { kind: Kind::Integer, ..one.value }, ..one });
        assert_ne!(integers.collect::<Attributes>(), made);
    }

    #[test]
    fn a_name_is_found_among_few_and_many_whatever_happened_before() {
        for count in [1, 15, 16, 17, 250] {
            let mut gathering = Gathering::default();
            let name = |number: usize| format!("{}x{number}", "longname".repeat(number % 3));
            for number in 0..count {
                assert!(!gathering.holds(&name(number)), "{number} of {count}");
                gathering.push(&name(number), Kind::String, "").unwrap();
            }
            assert!((0..count).all(|number| gathering.holds(&name(number))), "{count}");
            gathering.remove(&name(0));
            gathering.push("y", Kind::String, "").unwrap();
            assert_eq!(gathering.replace(&name(count - 1), Kind::String, "z"), Ok(count > 1));
            assert!(gathering.holds("y") && !gathering.holds(&name(0)), "{count}");
            gathering.push("z", Kind::String, "").unwrap();
            assert!((1..count).all(|number| gathering.holds(&name(number))) && gathering.holds("z"), "{count}");
        }
    }

    #[test]
    fn an_attribute_costs_sixteen_bytes_beside_its_own() {
        assert_eq!(size_of::<Entry>(), 16);
        let mut gathering = Gathering::with_capacity(4096, 1000);
        for _ in 0..20 {
            gathering.push("a", Kind::String, "b").unwrap();
        }
        let attributes = gathering.finish();
        assert!(attributes.entries.capacity() <= 30, "{}", attributes.entries.capacity());
    }
}
