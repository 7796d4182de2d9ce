//! What the event looks like when it gets there: ordered steps on attributes and data, and templates (routing.md §4).

pub mod convert;
pub mod template;

use crate::cloudevents::attributes::{self, Draft};
use crate::cloudevents::media_type::MediaType;
use crate::cloudevents::{Data, Event, Kind};
use bytestring::ByteString;
use convert::Convert;
use template::Template;

#[cfg(test)]
mod tests;

/// One compiled step.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Sets attributes; all values are filled from the event before the step.
    Set(Vec<(ByteString, SetValue)>),
    /// Removes attributes; a missing one is skipped.
    Remove(Vec<ByteString>),
    /// Converts the data.
    Convert(Convert),
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
    /// The data cannot be converted: reason `conversion`.
    #[error("step {step} cannot convert the data: {detail}")]
    Conversion {
        /// From 1.
        step: usize,
        /// What is wrong, and where.
        detail: String,
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
pub fn apply(steps: &[Step], event: &Event) -> Result<Event, Error> {
    apply_to(steps, event, true)
}

/// As [`apply`] for who needs the attributes only: the data is not converted, and need not fit.
pub fn apply_to_attributes(steps: &[Step], event: &Event) -> Result<Event, Error> {
    apply_to(steps, event, false)
}

fn apply_to(steps: &[Step], event: &Event, convert_data: bool) -> Result<Event, Error> {
    let mut changed = event.clone();
    for (number, step) in (1..).zip(steps) {
        // What the operator writes counts for nothing against `limits.attributes`: that is for producers.
        let mut draft = Draft::edit(&changed, usize::MAX);
        match step {
            Step::Set(values) => {
                for (name, value) in values {
                    let (kind, text) = value.fill(&changed)?;
                    // A number or `true` written for an attribute of the specification stands for its text.
                    let kind = attributes::expected_kind(name).map_or(kind, |_| Kind::String);
                    draft.set(name.clone(), kind, text);
                }
            }
            Step::Remove(names) => names.iter().for_each(|name| draft.remove(name)),
            Step::Convert(convert) => {
                convert.mark(&mut draft);
                if convert_data {
                    changed.data = convert
                        .data(&changed, event)
                        .map_err(|error| Error::Conversion { step: number, detail: error.to_string() })?;
                }
            }
        }
        let data = changed.data.clone();
        changed = draft.finish(data).map_err(|fault| Error::Invalid { step: number, detail: fault.detail })?;
        changed.data = refit(&changed);
    }
    Ok(changed)
}

impl SetValue {
    fn fill(&self, event: &Event) -> Result<(Kind, ByteString), Error> {
        match self {
            SetValue::Boolean(value) => Ok((Kind::Boolean, value.to_string().into())),
            SetValue::Integer(value) => Ok((Kind::Integer, value.to_string().into())),
            SetValue::Template(template) => template
                .fill(event, |value, text| text.push_str(value))
                .map(|text| (Kind::String, text.into()))
                .map_err(|attribute| Error::Template { template: template.text().to_owned(), attribute }),
        }
    }
}

/// The data in a form that fits `datacontenttype`: what a step no longer calls JSON or XML is from then on only bytes.
fn refit(event: &Event) -> Data {
    let Some(media_type) = event.datacontenttype().and_then(MediaType::parse) else { return event.data.clone() };
    match &event.data {
        Data::Json(text) if !media_type.is_json() => Data::Binary(text.clone()),
        Data::Xml(text) if !media_type.is_xml() => Data::Binary(text.clone()),
        data => data.clone(),
    }
}
