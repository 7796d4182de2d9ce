//! A JSON document taken apart once: every value with its text, in the order of the document, and where the next one is.
//! Texts of numbers and strings stay what they were. A value costs twelve bytes, so that a hostile document costs no
//! more than six times its size.

use super::scan::{Scanner, Step};
use super::value::{Broken, Kind, Value};

/// Why a document cannot be taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Bytes that are no text.
    #[error("the data is not UTF-8")]
    NotUtf8,
    /// Places are counted in 32 bits.
    #[error("the data is larger than 4 GiB")]
    TooLong,
    /// Text that is not JSON.
    #[error("the data is not JSON: {0}")]
    Broken(#[from] Broken),
}

/// The values of a document. The first one is the root.
#[derive(Debug)]
pub struct Tape<'t> {
    text: &'t str,
    nodes: Vec<Node>,
}

/// A value, or the name in front of one.
#[derive(Debug, Clone, Copy)]
struct Node {
    kind: Kind,
    /// Where its text begins; for objects and arrays 0.
    start: u32,
    /// Where its text ends; for objects and arrays the place behind everything in it.
    end: u32,
}

impl<'t> Tape<'t> {
    /// Takes a document apart. `depth`: objects and arrays that may stand inside each other.
    pub fn read(json: &'t [u8], depth: usize) -> Result<Tape<'t>, Unreadable> {
        let text = str::from_utf8(json).map_err(|_| Unreadable::NotUtf8)?;
        u32::try_from(text.len()).map_err(|_| Unreadable::TooLong)?;
        // A list that grows would take twice as much.
        let mut tape = Tape { text, nodes: Vec::with_capacity(1 + leaders(json)) };
        let mut open = Vec::new();
        let mut scanner = Scanner::new(text, depth);
        scanner.walk(|step| {
            let at = tape.nodes.len();
            match step {
                Step::Object => {
                    open.push(at);
                    tape.nodes.push(Node { kind: Kind::Object, start: 0, end: 0 });
                }
                Step::Array => {
                    open.push(at);
                    tape.nodes.push(Node { kind: Kind::Array, start: 0, end: 0 });
                }
                Step::End => {
                    if let Some(node) = open.pop().and_then(|at| tape.nodes.get_mut(at)) {
                        node.end = short(at);
                    }
                }
                Step::Name(value) | Step::Scalar(value) => {
                    let start = value.raw.as_ptr().addr() - text.as_ptr().addr();
                    let (start, end) = (short(start), short(start + value.raw.len()));
                    tape.nodes.push(Node { kind: value.kind, start, end });
                }
            }
            Ok::<(), Broken>(())
        })?;
        scanner.end()?;
        Ok(tape)
    }

    /// The document.
    pub fn text(&self) -> &'t str {
        self.text
    }

    /// The places of all objects.
    pub fn objects(&self) -> Vec<usize> {
        (0..self.nodes.len()).filter(|at| self.nodes[*at].kind == Kind::Object && self.behind(*at) > at + 1).collect()
    }

    /// How many values and names there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Never: a document has a root.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The value at a place; of objects and arrays no text.
    pub fn value(&self, at: usize) -> Value<'t> {
        let Node { kind, start, end } = self.nodes[at];
        match kind {
            Kind::Object | Kind::Array => Value { kind, raw: "" },
            _ => Value { kind, raw: &self.text[start as usize..end as usize] },
        }
    }

    /// Is the content of the string at a place this text?
    pub fn is_text(&self, at: usize, text: &str) -> bool {
        let Node { kind, start, end } = self.nodes[at];
        if kind == (Kind::String { escaped: true }) {
            return self.value(at).string().as_deref() == Some(text);
        }
        // The quotes stand around it.
        (end - start) as usize == text.len() + 2
            && self.text.as_bytes().get(start as usize + 1..end as usize - 1) == Some(text.as_bytes())
    }

    /// Have the strings at two places the same content?
    pub fn is_same_text(&self, a: usize, b: usize) -> bool {
        let (one, other) = (self.nodes[a], self.nodes[b]);
        let escaped = Kind::String { escaped: true };
        if one.kind == escaped || other.kind == escaped {
            return self.value(a).string() == self.value(b).string();
        }
        let bytes = |node: Node| self.text.as_bytes().get(node.start as usize..node.end as usize);
        one.end - one.start == other.end - other.start && bytes(one) == bytes(other)
    }

    /// The places of the names of an object's members; each value is at the place behind its name.
    pub fn names(&self, object: usize) -> impl Iterator<Item = usize> {
        self.children(object, 1)
    }

    /// The names and the places of the values of an object's members.
    pub fn members(&self, object: usize) -> impl Iterator<Item = (Value<'t>, usize)> {
        self.names(object).map(|name| (self.value(name), name + 1))
    }

    /// The places of an array's entries.
    pub fn entries(&self, array: usize) -> impl Iterator<Item = usize> {
        self.children(array, 0)
    }

    /// What stands directly in a container; of each child there are `before` nodes more in front of its value.
    fn children(&self, container: usize, before: usize) -> impl Iterator<Item = usize> {
        let end = self.behind(container);
        let first = Some(container + 1).filter(|at| *at < end);
        std::iter::successors(first, move |at| Some(self.behind(at + before)).filter(|next| *next < end))
    }

    /// The place behind a value and everything in it.
    pub fn behind(&self, at: usize) -> usize {
        match self.nodes[at] {
            Node { kind: Kind::Object | Kind::Array, end, .. } => end as usize,
            _ => at + 1,
        }
    }
}

/// How many bytes are such as stand in front of every value and name but the first.
fn leaders(json: &[u8]) -> usize {
    // Blocks whose count fits a byte are counted with vector instructions.
    let count = |block: &[u8]| {
        block.iter().fold(0, |count: u8, byte| count + u8::from(matches!(byte, b',' | b':' | b'[' | b'{')))
    };
    json.chunks(usize::from(u8::MAX)).map(|block| usize::from(count(block))).sum()
}

/// Offsets fit: the length of the text does.
fn short(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::Tape;

    #[test]
    fn members_and_entries_are_found_behind_each_other() {
        let tape = Tape::read(br#" {"a": [1, {"x": 2}, []], "b": {}, "c": "d"} "#, 128).unwrap();
        let members: Vec<_> = tape.members(0).map(|(name, at)| (name.raw, at)).collect();
        assert_eq!(members, [("\"a\"", 2), ("\"b\"", 9), ("\"c\"", 11)]);
        assert_eq!(tape.entries(2).collect::<Vec<_>>(), [3, 4, 7]);
        assert_eq!((tape.value(3).raw, tape.value(2).raw, tape.len()), ("1", "", 12));
        assert_eq!((tape.entries(7).count(), tape.members(9).count()), (0, 0));
    }

    #[test]
    fn texts_are_compared_by_their_content() {
        let tape = Tape::read(br#"["ab", "a\u0062", "a\u0063", "abc", "", "\"", 12]"#, 128).unwrap();
        for text in ["ab", "ac", "abc", "", "\"", "12", "b"] {
            let equal: Vec<_> = (1..7).filter(|at| tape.is_text(*at, text)).collect();
            let expected: Vec<_> = (1..7).filter(|at| tape.value(*at).string().as_deref() == Some(text)).collect();
            assert_eq!(equal, expected, "{text}");
        }
        for (a, b) in (1..7).flat_map(|a| (1..7).map(move |b| (a, b))) {
            assert_eq!(tape.is_same_text(a, b), tape.value(a).string() == tape.value(b).string(), "{a}, {b}");
        }
    }

    #[test]
    fn what_may_stand_in_front_of_a_value_is_counted_in_long_texts_too() {
        for length in [0, 1, 254, 255, 256, 510, 1000] {
            assert_eq!(super::leaders(&vec![b','; length]), length);
        }
        assert_eq!(super::leaders(&b"x:[{,}]".repeat(100)), 400);
    }

    #[test]
    fn broken_and_deep_data_is_refused() {
        let detail = |json: &[u8]| Tape::read(json, 128).unwrap_err().to_string();
        assert_eq!(detail(b"{\"a\":}"), "the data is not JSON: a value is expected at byte 5");
        assert_eq!(detail(b"\xff"), "the data is not UTF-8");
        assert!(detail(b"").contains("a value is expected"));
        assert!(detail(b"1 2").contains("the end is expected"));
        let deep = |levels| [vec![b'['; levels], vec![b']'; levels]].concat();
        assert!(Tape::read(&deep(128), 128).is_ok());
        assert!(detail(&deep(129)).contains("too deep"));
        assert!(detail(&vec![b'['; 100_000]).contains("too deep"));
    }

    #[test]
    fn a_value_costs_no_more_than_promised() {
        assert_eq!(size_of::<super::Node>(), 12);
        for json in ["1", " [] ", "{}", "[1,2]", r#"{"a":{"b":[[],1]},"c,:[":""}"#] {
            let tape = Tape::read(json.as_bytes(), 128).unwrap();
            let room = 1 + json.matches([',', ':', '[', '{']).count();
            assert!(tape.len() <= room && tape.nodes.capacity() == room, "{json}");
        }
    }
}
