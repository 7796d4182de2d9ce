//! What every reader of events takes and gives back, whatever the format or binding: bounds and faults.

use super::{Event, Violation};
use crate::codes::Code;

/// Caps on one event that guard against hostile documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Attributes of one event, the four required ones included.
    pub attributes: usize,
    /// Nesting of JSON; the object that is the event is level 1.
    pub json_depth: usize,
    /// Bytes of JSON text that may be made of values in another form.
    pub json_bytes: usize,
    /// Nesting of XML; the element that is the event is level 1.
    pub xml_depth: usize,
    /// XML attributes of one element, declarations of namespaces included.
    pub xml_attributes: usize,
    /// Declarations of namespaces on an element and all around it.
    pub xml_namespaces: usize,
    /// Violations of one event that are told; the reader may stop there.
    pub violations: usize,
    /// What is let pass beyond the specification.
    pub lenient: Lenient,
}

/// What a listener lets pass that the specification does not (formats.md §4 "Leniencies"); nothing by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lenient {
    /// Upper-case letters in attribute names are folded to lower case.
    pub uppercase_names: bool,
    /// An attribute whose name is none is left out.
    pub invalid_names: bool,
    /// `dataschema` may have a fragment, or be one.
    pub dataschema_fragment: bool,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds {
            attributes: 256,
            json_depth: 128,
            json_bytes: 512 << 10,
            xml_depth: 128,
            xml_attributes: 256,
            xml_namespaces: 64,
            violations: usize::MAX,
            lenient: Lenient::default(),
        }
    }
}

/// Why a message holds no valid event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Fault {
    /// Which rule.
    pub code: Code,
    /// One sentence for people.
    pub detail: String,
    /// Every violation; empty where nothing can be pointed at.
    pub violations: Vec<Violation>,
}

impl Fault {
    /// A fault that nothing in the event can be pointed at for.
    pub fn new(code: Code, detail: impl Into<String>) -> Fault {
        Fault { code, detail: detail.into(), violations: Vec::new() }
    }

    /// A fault made of violations; its detail is the first of them.
    pub fn of(code: Code, violations: Vec<Violation>) -> Fault {
        let detail = match violations.as_slice() {
            [] => code.title().to_owned(),
            [only] => only.detail.clone(),
            [first, rest @ ..] => format!("{} (and {} more)", first.detail, rest.len()),
        };
        Fault { code, detail, violations }
    }
}

/// Violations told of one batch before each further bad element is known by its first one only: a hostile batch must not
/// cost many times its own size, in memory or in the answer.
const TOLD_VIOLATIONS: usize = 1000;

/// Counts what is told of the elements of one batch.
#[derive(Debug, Default)]
pub struct Told {
    violations: usize,
}

impl Told {
    /// The bounds of the next element.
    pub fn bounds(&self, bounds: &Bounds) -> Bounds {
        let all_told = self.violations >= TOLD_VIOLATIONS;
        Bounds { violations: if all_told { 1 } else { bounds.violations }, ..*bounds }
    }

    /// Counts what is told of an element that was read within these bounds.
    pub fn count(&mut self, element: Result<Event, Fault>, bounds: &Bounds) -> Result<Event, Fault> {
        element.map_err(|mut fault| {
            fault.violations.truncate(bounds.violations);
            self.violations += fault.violations.len();
            fault
        })
    }
}

/// A text of a producer, made fit for a message: cut after 64 characters, control characters replaced.
pub fn shown(text: &str) -> String {
    let clean = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    let mut shown: String = text.chars().take(64).map(clean).collect();
    if text.chars().nth(64).is_some() {
        shown.push('…');
    }
    shown
}
