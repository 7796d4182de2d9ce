//! JSON Pointers (RFC 6901): read from rules, and built for errors while they travel outwards.

use super::Error;

/// Bytes of the pointer of an error. Of a longer one only the outer part is told.
const LONGEST: usize = 1024;

/// The name that stands in a rule for each entry of an array.
pub const EACH: &str = "*";

/// The names on the way a pointer goes, or why the text is none.
pub fn parse(text: &str) -> Result<Vec<String>, &'static str> {
    let Some(path) = text.strip_prefix('/') else {
        return if text.is_empty() { Ok(Vec::new()) } else { Err("a JSON Pointer begins with `/`, or is empty") };
    };
    path.split('/').map(unescape).collect()
}

fn unescape(segment: &str) -> Result<String, &'static str> {
    let bad = segment.match_indices('~').any(|(at, _)| !segment[at + 1..].starts_with(['0', '1']));
    if bad {
        return Err("in a JSON Pointer `~` is written `~0`, and `/` inside a name `~1`");
    }
    Ok(segment.replace("~1", "/").replace("~0", "~"))
}

/// A fault on its way from the value it was found in to the root; each value around adds its step.
#[derive(Debug)]
pub struct Fault {
    /// From the inside out.
    steps: Vec<String>,
    detail: String,
}

impl Fault {
    /// A fault of the value at hand.
    pub fn new(detail: impl Into<String>) -> Fault {
        Fault { steps: Vec::new(), detail: detail.into() }
    }

    /// The same fault seen from the object around.
    #[must_use]
    pub fn in_member(mut self, name: &str) -> Fault {
        let step = if name.len() > LONGEST { "…".to_owned() } else { name.replace('~', "~0").replace('/', "~1") };
        self.steps.push(step);
        self
    }

    /// The same fault seen from the array around.
    #[must_use]
    pub fn in_entry(mut self, index: usize) -> Fault {
        self.steps.push(index.to_string());
        self
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Error {
        let mut pointer = String::new();
        for step in fault.steps.iter().rev() {
            if pointer.len() + step.len() >= LONGEST {
                break;
            }
            pointer.push('/');
            pointer.push_str(step);
        }
        Error { pointer, detail: fault.detail }
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, parse};
    use crate::conversion::Error;

    #[test]
    fn pointers_are_split_and_unescaped() {
        let parsed = |text| parse(text).map(|names| names.join(" "));
        assert_eq!(parse(""), Ok(vec![]));
        assert_eq!(parse("/"), Ok(vec![String::new()]));
        assert_eq!(parsed("/items/*/sku").as_deref(), Ok("items * sku"));
        assert_eq!(parsed("/a~1b/~0c/~01").as_deref(), Ok("a/b ~c ~1"));
        for bad in ["id", "#/id", "/a~", "/a~2", " /a"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_fault_gets_its_pointer_on_the_way_out_and_not_too_long_a_one() {
        let error = Error::from(Fault::new("bad").in_member("x~/y").in_entry(3).in_member("items"));
        assert_eq!((error.pointer.as_str(), error.detail.as_str()), ("/items/3/x~0~1y", "bad"));
        assert_eq!(error.to_string(), "`/items/3/x~0~1y`: bad");
        assert_eq!(Error::from(Fault::new("bad")).to_string(), "bad");
        let deep = (0..1000).fold(Fault::new("bad").in_member(&"x".repeat(5000)), Fault::in_entry);
        assert!(Error::from(deep).pointer.len() <= 1024);
    }
}
