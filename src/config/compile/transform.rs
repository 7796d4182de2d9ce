//! Transform steps: which attributes may be set and removed (routing.md §4).

use super::File;
use super::filter::name_fault;
use crate::codes::Code;
use crate::config::part::Part;
use crate::config::problem::Problems;
use crate::config::route_file;
use crate::transform::template::Template;
use crate::transform::{SetValue, Step};
use bytestring::ByteString;

/// What every event has.
const REQUIRED: [&str; 4] = ["id", "source", "type", "specversion"];

/// Compiles the steps of a route. `None`: something is not good; everything that is wrong was reported.
pub fn compile(file: &File<'_>, part: Option<&Part<'_>>, problems: &mut Problems) -> Option<Vec<Step>> {
    let Some(part) = part else { return Some(Vec::new()) };
    let steps: Vec<Option<Step>> = part.items().iter().map(|item| step(file, item, problems)).collect();
    let steps: Option<Vec<Step>> = steps.into_iter().collect();
    steps.filter(|_| part.is_good())
}

fn step(file: &File<'_>, part: &Part<'_>, problems: &mut Problems) -> Option<Step> {
    let mut pairs = part.pairs();
    let (verb, _, content) = pairs.next()?;
    let step = match verb {
        "set" => Step::Set(set(file, content, problems)?),
        "remove" => Step::Remove(remove(file, content, problems)?),
        _ => return None,
    };
    (part.is_good() && pairs.next().is_none()).then_some(step)
}

fn set(file: &File<'_>, part: &Part<'_>, problems: &mut Problems) -> Option<Vec<(ByteString, SetValue)>> {
    let mut pairs = Vec::new();
    let mut good = part.is_good();
    for (name, range, value) in part.pairs() {
        let fault = match name {
            "specversion" => Some(("`specversion` cannot be set".to_owned(), None)),
            _ => name_fault(name),
        };
        if let Some((message, hint)) = fault {
            problems.error_with_hint(file.source, range, Code::BadTransform, message, hint);
            good = false;
        }
        match set_value(file, name, value, problems) {
            Some(value) => pairs.push((name.into(), value)),
            None => good = false,
        }
    }
    good.then_some(pairs)
}

fn set_value(file: &File<'_>, name: &str, part: &Part<'_>, problems: &mut Problems) -> Option<SetValue> {
    match part.read::<route_file::SetValue>(file.source, problems)? {
        route_file::SetValue::Boolean(_) | route_file::SetValue::Integer(_) if REQUIRED.contains(&name) => {
            let message = format!("`{name}` is text");
            let hint = Some(format!("put it in quotes: \"{}\"", part.node().shown()));
            problems.error_with_hint(file.source, part.range(), Code::BadTransform, message, hint);
            None
        }
        route_file::SetValue::Boolean(value) => Some(SetValue::Boolean(value)),
        route_file::SetValue::Integer(value) => Some(SetValue::Integer(value)),
        route_file::SetValue::Text(text) if text.is_empty() && REQUIRED.contains(&name) => {
            let message = format!("`{name}` must not be empty");
            problems.error(file.source, part.range(), Code::BadTransform, message);
            None
        }
        route_file::SetValue::Text(_) => template(file, part, problems).map(SetValue::Template),
    }
}

fn remove(file: &File<'_>, part: &Part<'_>, problems: &mut Problems) -> Option<Vec<ByteString>> {
    let mut names = Vec::new();
    let mut good = part.is_good();
    for item in part.items() {
        let Some(name) = item.text() else { continue };
        let fault = if REQUIRED.contains(&name) {
            Some((format!("`{name}` cannot be removed: every event has it"), None))
        } else {
            name_fault(name)
        };
        match fault {
            None => names.push(name.into()),
            Some((message, hint)) => {
                problems.error_with_hint(file.source, item.range(), Code::BadTransform, message, hint);
                good = false;
            }
        }
    }
    good.then_some(names)
}

/// Compiles a template; a fault is shown at its own place in the text.
pub fn template(file: &File<'_>, part: &Part<'_>, problems: &mut Problems) -> Option<Template> {
    match Template::parse(part.text()?) {
        Ok(template) => Some(template),
        Err(fault) => {
            let range = part.node().range_at(fault.offset, file.source);
            let secret = part.node().is_secret();
            let message = if secret { "the interpolated text is no template".to_owned() } else { fault.message };
            problems.error(file.source, range, Code::BadTemplate, message);
            None
        }
    }
}
