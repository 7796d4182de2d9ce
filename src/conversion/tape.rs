//! JSON data taken apart once: every value with its text, in the order of the document, and where the next one is.

use super::MAX_DEPTH;
use super::pointer::Fault;
use crate::cloudevents::json::scan::{Scanner, Step};
use crate::cloudevents::json::value::{Broken, Kind, Value};

/// The values of a document. The first one is the root.
#[derive(Debug)]
pub struct Tape<'t> {
    nodes: Vec<Node<'t>>,
}

/// A value, or the name in front of one.
#[derive(Debug, Clone, Copy)]
struct Node<'t> {
    /// Kind and text; of objects and arrays no text.
    value: Value<'t>,
    /// The place behind it and everything in it.
    behind: usize,
}

impl<'t> Tape<'t> {
    /// Takes a document apart.
    pub fn read(json: &'t [u8]) -> Result<Tape<'t>, Fault> {
        let text = str::from_utf8(json).map_err(|_| Fault::new("the data is not UTF-8"))?;
        let mut tape = Tape { nodes: Vec::new() };
        let mut open = Vec::new();
        let mut scanner = Scanner::new(text, MAX_DEPTH);
        let walked = scanner.walk(|step| {
            let at = tape.nodes.len();
            let container = |kind| Node { value: Value { kind, raw: "" }, behind: at };
            match step {
                Step::Object => {
                    open.push(at);
                    tape.nodes.push(container(Kind::Object));
                }
                Step::Array => {
                    open.push(at);
                    tape.nodes.push(container(Kind::Array));
                }
                Step::End => {
                    if let Some(node) = open.pop().and_then(|at| tape.nodes.get_mut(at)) {
                        node.behind = at;
                    }
                }
                Step::Name(value) | Step::Scalar(value) => tape.nodes.push(Node { value, behind: at + 1 }),
            }
            Ok::<(), Broken>(())
        });
        walked.and_then(|()| scanner.end()).map_err(|broken| Fault::new(format!("the data is not JSON: {broken}")))?;
        Ok(tape)
    }

    /// The value at a place.
    pub fn value(&self, at: usize) -> Value<'t> {
        self.nodes[at].value
    }

    /// The names and the places of the values of an object's members.
    pub fn members(&self, object: usize) -> impl Iterator<Item = (Value<'t>, usize)> {
        self.children(object, 1).map(|name| (self.nodes[name].value, name + 1))
    }

    /// The places of an array's entries.
    pub fn entries(&self, array: usize) -> impl Iterator<Item = usize> {
        self.children(array, 0)
    }

    /// What stands directly in a container; of each child there are `before` nodes more in front of its value.
    fn children(&self, container: usize, before: usize) -> impl Iterator<Item = usize> {
        let end = self.nodes[container].behind;
        let first = Some(container + 1).filter(|at| *at < end);
        std::iter::successors(first, move |at| Some(self.nodes[at + before].behind).filter(|next| *next < end))
    }
}

#[cfg(test)]
mod tests {
    use super::Tape;
    use crate::conversion::Error;

    #[test]
    fn members_and_entries_are_found_behind_each_other() {
        let tape = Tape::read(br#" {"a": [1, {"x": 2}, []], "b": {}, "c": "d"} "#).unwrap();
        let members: Vec<_> = tape.members(0).map(|(name, at)| (name.raw, at)).collect();
        assert_eq!(members, [("\"a\"", 2), ("\"b\"", 9), ("\"c\"", 11)]);
        assert_eq!(tape.entries(2).collect::<Vec<_>>(), [3, 4, 7]);
        assert_eq!(tape.value(3).raw, "1");
        assert_eq!((tape.entries(7).count(), tape.members(9).count()), (0, 0));
    }

    #[test]
    fn broken_and_deep_data_is_refused() {
        let detail = |json: &[u8]| Error::from(Tape::read(json).unwrap_err()).detail;
        assert_eq!(detail(b"{\"a\":}"), "the data is not JSON: a value is expected at byte 5");
        assert_eq!(detail(b"\xff"), "the data is not UTF-8");
        assert!(detail(b"").contains("a value is expected"));
        assert!(detail(b"1 2").contains("the end is expected"));
        let deep = |levels| [vec![b'['; levels], vec![b']'; levels]].concat();
        assert!(Tape::read(&deep(128)).is_ok());
        assert!(detail(&deep(129)).contains("too deep"));
        assert!(detail(&vec![b'['; 100_000]).contains("too deep"));
    }
}
