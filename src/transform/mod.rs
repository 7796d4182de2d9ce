//! What the event looks like when it gets there: ordered steps on attributes, and templates (routing.md §4).

pub mod template;

use crate::cloudevents::Event;
use bytestring::ByteString;
use template::Template;

/// One compiled step.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Sets attributes; all values are filled from the event before the step.
    Set(Vec<(ByteString, SetValue)>),
    /// Removes attributes; a missing one is skipped.
    Remove(Vec<ByteString>),
}

/// What `set` writes.
#[derive(Debug, Clone, PartialEq)]
pub enum SetValue {
    /// A String attribute (or the type the specification gives the attribute).
    Template(Template),
    /// A Boolean attribute.
    Boolean(bool),
    /// An Integer attribute.
    Integer(i32),
}

/// Why the steps cannot be applied; a dead letter at the first attempt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A template could not be filled: reason `template`.
    #[error("template `{template}` needs attribute `{attribute}`, which the event does not have")]
    Template {
        /// The template.
        template: String,
        /// The attribute it lacks.
        attribute: String,
    },
    /// The result is not a valid CloudEvent: reason `transform`.
    #[error("step {step} makes an invalid event: {detail}")]
    Invalid {
        /// From 1.
        step: usize,
        /// What is wrong.
        detail: String,
    },
}

/// Applies the steps in order. The result is a valid CloudEvent.
pub fn apply(_steps: &[Step], _event: &Event) -> Result<Event, Error> {
    todo!()
}
