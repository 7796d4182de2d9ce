//! Names of routes, destinations and deliver entries: what they may be, and that each stands once.

use super::File;
use crate::codes::Code;
use crate::config::part::Part;
use crate::config::problem::Problems;
use crate::config::yaml::Range;
use std::collections::HashMap;

const LONGEST: usize = 255;

/// The good name a part holds. Anything else has been reported, here or by the shape check.
pub fn read<'n>(
    file: &File<'_>,
    part: Option<&Part<'n>>,
    what: &str,
    problems: &mut Problems,
) -> Option<(&'n str, Range)> {
    let part = part?;
    let name = part.text()?;
    let fault = if name.is_empty() {
        "must not be empty"
    } else if name.trim() != name {
        "must not begin or end with a blank"
    } else if name.chars().any(char::is_control) {
        "must not hold control characters"
    } else if name.len() > LONGEST {
        "must not be longer than 255 bytes"
    } else {
        return Some((name, part.range()));
    };
    let hint = Some(format!(
        "a name of letters and digits, unique among its kind, is what metrics and traces show of a {what}"
    ));
    problems.error_with_hint(file.source, part.range(), Code::BadValue, format!("the name of a {what} {fault}"), hint);
    None
}

/// Names that were seen, with the place of the first of each.
#[derive(Default)]
pub struct Seen<'n> {
    places: HashMap<&'n str, String>,
}

impl<'n> Seen<'n> {
    /// Notes a name; false when it was seen before, which is reported.
    pub fn add(&mut self, file: &File<'_>, name: (&'n str, Range), what: &str, problems: &mut Problems) -> bool {
        let (name, range) = name;
        let place = format!("{}:{}", file.source.file, range.line);
        if let Some(first) = self.places.get(name) {
            let message = format!("{what} `{name}` is declared twice");
            let hint = Some(format!("the first one is at {first}; rename one of the two"));
            problems.error_with_hint(file.source, range, Code::DuplicateName, message, hint);
            return false;
        }
        self.places.insert(name, place);
        true
    }
}
