//! What a change of a schema breaks (formats.md §5): which data that one version lets through another one does not.
//!
//! A schema that *reads* must take everything that one that *wrote* allows. Backward: the new one reads what the old one
//! wrote; forward: the other way round. What cannot be decided counts as broken, and says so.

mod alternatives;
mod avro;
mod bounds;
mod json;
mod names;
mod objects;
mod seen;
mod values;
mod view;

#[cfg(test)]
mod soundness;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod wider;

use super::avro::Avro;
use serde_json::Value;

/// A schema that can be compared with another.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'s> {
    /// The document of a JSON Schema.
    Json(&'s Value),
    /// An Avro schema.
    Avro(&'s Avro),
}

/// What is promised of a new version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It reads what the old one wrote.
    Backward,
    /// The old one reads what it writes.
    Forward,
    /// Both.
    Full,
}

impl Mode {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Backward => "backward",
            Mode::Forward => "forward",
            Mode::Full => "full",
        }
    }
}

/// Something that breaks the promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// JSON Pointer into the new schema, into the old one for what was removed.
    pub pointer: String,
    /// Does the pointer lead into the old schema?
    pub removed: bool,
    /// What is wrong.
    pub detail: String,
}

/// Everything that breaks the promise; `None`: the schemas are of different kinds.
pub fn changes(old: Subject<'_>, new: Subject<'_>, mode: Mode) -> Option<Vec<Change>> {
    let directions: &[Direction] = match mode {
        Mode::Backward => &[Direction::Backward],
        Mode::Forward => &[Direction::Forward],
        Mode::Full => &[Direction::Backward, Direction::Forward],
    };
    let mut changes: Vec<Change> = Vec::new();
    for direction in directions {
        let (writer, reader) = match direction {
            Direction::Backward => (old, new),
            Direction::Forward => (new, old),
        };
        let found = match (writer, reader) {
            (Subject::Json(writer), Subject::Json(reader)) => json::changes(writer, reader, *direction),
            (Subject::Avro(writer), Subject::Avro(reader)) => avro::changes(writer, reader, *direction),
            (Subject::Json(_), Subject::Avro(_)) | (Subject::Avro(_), Subject::Json(_)) => return None,
        };
        for change in found {
            if !changes.contains(&change) {
                changes.push(change);
            }
        }
    }
    Some(changes)
}

/// Who reads what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    /// The new schema reads.
    Backward,
    /// The old schema reads.
    Forward,
}

impl Direction {
    fn writer(self) -> &'static str {
        match self {
            Direction::Backward => "the old version",
            Direction::Forward => "the new version",
        }
    }

    fn reader(self) -> &'static str {
        match self {
            Direction::Backward => "the new version",
            Direction::Forward => "the old version",
        }
    }

    /// A change of something that both have: its place in the new schema.
    fn of_both(self, writer: &str, reader: &str, detail: String) -> Change {
        let pointer = match self {
            Direction::Backward => reader,
            Direction::Forward => writer,
        };
        Change { pointer: written(pointer), removed: false, detail }
    }

    /// A change of something that only the schema that wrote has.
    fn of_writer(self, pointer: &str, detail: String) -> Change {
        Change { pointer: written(pointer), removed: self == Direction::Backward, detail }
    }

    /// A change of something that only the schema that reads has.
    fn of_reader(self, pointer: &str, detail: String) -> Change {
        Change { pointer: written(pointer), removed: self == Direction::Forward, detail }
    }
}

/// Stands in pointers behind the place of a schema that was taken apart although no document writes its parts.
const MADE: char = '\0';

/// The place in a document.
fn written(pointer: &str) -> String {
    pointer.split(MADE).next().unwrap_or_default().to_owned()
}
