//! What the event looks like when it gets there: ordered steps on attributes and data, and templates (routing.md §4).

pub mod convert;
pub mod identity;
pub mod key;
pub mod template;

use crate::cloudevents::attributes::{self, Draft};
use crate::cloudevents::media_type::MediaType;
use crate::cloudevents::{Data, Event, Kind};
use crate::jq::{self, Program, Scalar, Source};
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
    /// Gives attributes other names, all at once: a missing one is skipped, an existing one of the new name replaced.
    Rename(Vec<(ByteString, ByteString)>),
    /// Makes other JSON data of the data.
    Jq(Program),
    /// Converts the data.
    Convert(Convert),
}

impl Step {
    /// Its name in route files.
    pub fn name(&self) -> &'static str {
        match self {
            Step::Set(_) => "set",
            Step::Remove(_) => "remove",
            Step::Rename(_) => "rename",
            Step::Jq(_) => "jq",
            Step::Convert(_) => "convert",
        }
    }

    /// True when a program runs in it.
    pub fn runs_program(&self) -> bool {
        match self {
            Step::Jq(_) => true,
            Step::Set(values) => values.iter().any(|(_, value)| matches!(value, SetValue::Jq(_))),
            Step::Remove(_) | Step::Rename(_) | Step::Convert(_) => false,
        }
    }
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
    /// What a program makes of the data: an attribute of the type of its output.
    Jq(Program),
}

/// Why the steps cannot be applied; a dead letter at the first attempt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A template could not be filled: reason `template`.
    #[error("step {step}: template `{template}` needs attribute `{attribute}`, which the event does not have")]
    Template {
        /// From 1.
        step: usize,
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
    /// A program has no usable result: reason `transform`.
    #[error("step {step}: jq: {detail}")]
    Program {
        /// From 1.
        step: usize,
        /// What it has instead.
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
    let mut changed = event.clone();
    for (number, step) in (1..).zip(steps) {
        changed = apply_one(step, number, &changed, event)?;
    }
    Ok(changed)
}

/// One step as [`trace`] saw it.
#[derive(Debug, Clone, PartialEq)]
pub struct Traced {
    /// From 1.
    pub number: usize,
    /// `set`, `remove`, …
    pub step: &'static str,
    /// The event before it.
    pub before: Event,
    /// The event behind it, or why there is none: the last one then.
    pub after: Result<Event, Error>,
}

/// As [`apply`], each step with the event before and behind it.
pub fn trace(steps: &[Step], event: &Event) -> Vec<Traced> {
    let mut traced: Vec<Traced> = Vec::with_capacity(steps.len());
    let mut before = event.clone();
    for (number, step) in (1..).zip(steps) {
        let after = apply_one(step, number, &before, event);
        let next = after.clone();
        traced.push(Traced { number, step: step.name(), before, after });
        match next {
            Ok(next) => before = next,
            Err(_) => break,
        }
    }
    traced
}

fn apply_one(step: &Step, number: usize, event: &Event, accepted: &Event) -> Result<Event, Error> {
    // What the operator writes counts for nothing against `limits.attributes`: that is for producers.
    let mut draft = Draft::edit(event, usize::MAX);
    let mut data = event.data.clone();
    match step {
        Step::Set(values) => {
            let source = Source::new(event);
            for (name, value) in values {
                let (kind, text) = value.fill(&source, name, number)?;
                draft.set(name, kind_for(name, kind), &text);
            }
        }
        Step::Remove(names) => names.iter().for_each(|name| draft.remove(name)),
        Step::Rename(names) => rename(names, event, &mut draft),
        Step::Jq(program) => {
            let json = program.data(&Source::new(event)).map_err(|failure| failed(number, &failure))?;
            data = Data::Json(json.into());
            draft.remove("dataschema");
        }
        Step::Convert(convert) => {
            convert.mark(&mut draft);
            data = convert
                .data(event, accepted)
                .map_err(|error| Error::Conversion { step: number, detail: error.to_string() })?;
        }
    }
    finish(draft, data, number)
}

fn finish(draft: Draft, data: Data, step: usize) -> Result<Event, Error> {
    let mut changed = draft.finish(data).map_err(|fault| Error::Invalid { step, detail: fault.detail })?;
    changed.data = refit(&changed);
    Ok(changed)
}

/// A number or `true` for an attribute of the specification stands for its text.
fn kind_for(name: &str, kind: Kind) -> Kind {
    attributes::expected_kind(name).map_or(kind, |_| Kind::String)
}

fn rename(names: &[(ByteString, ByteString)], event: &Event, draft: &mut Draft) {
    let found = names.iter().filter_map(|(old, new)| Some((old, new, event.value(old)?)));
    let found: Vec<_> = found.collect();
    for (old, ..) in &found {
        draft.remove(old);
    }
    for (_, new, value) in found {
        draft.set(new, kind_for(new, value.kind), value.text);
    }
}

impl SetValue {
    fn fill(&self, source: &Source<'_>, name: &str, step: usize) -> Result<(Kind, ByteString), Error> {
        match self {
            SetValue::Boolean(value) => Ok((Kind::Boolean, value.to_string().into())),
            SetValue::Integer(value) => Ok((Kind::Integer, value.to_string().into())),
            SetValue::Template(template) => template
                .fill(source.event(), |value, text| text.push_str(value))
                .map(|text| (Kind::String, text.into()))
                .map_err(|attribute| Error::Template { step, template: template.text().to_owned(), attribute }),
            SetValue::Jq(program) => match program.scalar(source).map_err(|failure| failed(step, &failure))? {
                Ok(Scalar::String(text)) => Ok((Kind::String, text)),
                Ok(Scalar::Boolean(truth)) => Ok((Kind::Boolean, truth.to_string().into())),
                Ok(Scalar::Integer(number)) => Ok((Kind::Integer, number.to_string().into())),
                Err(shown) => {
                    let detail =
                        format!("`{name}` must be text, true, false or a whole number of 32 bits, not {shown}");
                    Err(Error::Program { step, detail })
                }
            },
        }
    }
}

fn failed(step: usize, failure: &jq::Failure) -> Error {
    Error::Program { step, detail: failure.to_string() }
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
