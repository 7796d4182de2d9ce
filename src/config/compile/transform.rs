//! Transform steps: which attributes may be set and removed, which rules exist (routing.md §4).

use super::filter::{Programs, name_fault};
use super::inside::Fault;
use super::{File, conversion, filter};
use crate::cloudevents::Kind;
use crate::cloudevents::attributes::{REQUIRED, check_value};
use crate::codes::Code;
use crate::config::part::Part;
use crate::config::problem::Problems;
use crate::config::route_file;
use crate::jq;
use crate::payload::Encoding;
use crate::transform::convert::{Convert, To};
use crate::transform::template::Template;
use crate::transform::{SetValue, Step};
use crate::validate::Registry;
use bytestring::ByteString;
use std::sync::Arc;

/// What steps may refer to.
pub struct Around<'a> {
    /// Conversion rules.
    pub conversions: &'a conversion::Declared<'a>,
    /// Schemas, which tell types where XML becomes JSON.
    pub schemas: &'a Arc<Registry>,
    /// False when a schema is broken, so that there may be more of them.
    pub schemas_known: bool,
    /// Caps of jq programs.
    pub jq: jq::Limits,
}

/// Compiles the steps of a route. `None`: something is not good; everything that is wrong was reported.
pub fn compile(
    file: &File<'_>,
    part: Option<&Part<'_>>,
    programs: Programs<'_>,
    around: &Around<'_>,
    problems: &mut Problems,
) -> Option<Vec<Step>> {
    let Some(part) = part else { return Some(Vec::new()) };
    let steps: Vec<Option<Step>> =
        part.items().iter().map(|item| step(file, item, programs, around, problems)).collect();
    let steps: Option<Vec<Step>> = steps.into_iter().collect();
    steps.filter(|_| part.is_good())
}

fn step(
    file: &File<'_>,
    part: &Part<'_>,
    programs: Programs<'_>,
    around: &Around<'_>,
    problems: &mut Problems,
) -> Option<Step> {
    let mut pairs = part.pairs();
    let (verb, _, content) = pairs.next()?;
    let step = match verb {
        "set" => Step::Set(set(file, content, programs, problems)?),
        "remove" => Step::Remove(remove(file, content, problems)?),
        "rename" => Step::Rename(rename(file, content, problems)?),
        "jq" => Step::Jq(filter::program(file, content, programs, problems)?),
        "convert" => Step::Convert(convert(file, content, around, problems)?),
        _ => return None,
    };
    (part.is_good() && pairs.next().is_none()).then_some(step)
}

fn set(
    file: &File<'_>,
    part: &Part<'_>,
    programs: Programs<'_>,
    problems: &mut Problems,
) -> Option<Vec<(ByteString, SetValue)>> {
    let mut pairs = Vec::new();
    let mut good = part.is_good() && !is_empty("set", file, part, problems);
    for (name, range, value) in part.pairs() {
        let fault = match name {
            "specversion" => Some(specversion()),
            _ => name_fault(name),
        };
        let good_name = fault.is_none();
        if let Some((message, hint)) = fault {
            problems.error_with_hint(file.source, range, Code::BadTransform, message, hint);
        }
        // Whatever a name that cannot be set is given, one mistake is one problem.
        let value = if good_name { set_value(file, name, value, programs, problems) } else { None };
        match value {
            Some(value) => pairs.push((name.into(), value)),
            None => good = false,
        }
    }
    good.then_some(pairs)
}

/// A value that is the same for all events would make each of them a dead letter where the attribute does not take it.
fn check_fixed(file: &File<'_>, name: &str, part: &Part<'_>, text: &str, problems: &mut Problems) -> bool {
    let Err(fault) = check_value(name, Kind::String, text) else { return true };
    let message =
        if part.node().is_secret() { format!("`{name}` cannot be set to what is filled in here") } else { fault };
    let hint = Some(fixed_hint(name).to_owned());
    problems.error_with_hint(file.source, part.range(), Code::BadTransform, message, hint);
    false
}

/// What a value of the attribute looks like.
fn fixed_hint(name: &str) -> &'static str {
    match name {
        "source" => "a source is a URI or a part of one: /shop/eu, urn:example:shop",
        "time" => "write 2026-01-31T12:00:00Z",
        "datacontenttype" => "write application/json",
        "dataschema" => "write the whole URI: https://example.com/schemas/order/1",
        "subject" | "type" | "id" => "write a text, or a template with a default: {subject:-none}",
        _ => "attributes hold no control characters",
    }
}

/// What nobody may write.
fn specversion() -> (String, Option<String>) {
    ("`specversion` cannot be set".to_owned(), Some("events leave in the version they have, 1.0".to_owned()))
}

/// An empty mapping or list does nothing, which nobody means.
fn is_empty(verb: &str, file: &File<'_>, part: &Part<'_>, problems: &mut Problems) -> bool {
    let empty = part.is_good() && part.pairs().next().is_none() && part.items().is_empty();
    if empty {
        let example = match verb {
            "set" => "set: {region: eu}",
            "rename" => "rename: {old: new}",
            _ => "remove: [region]",
        };
        let (message, hint) = (format!("`{verb}` needs at least one attribute"), Some(format!("write {example}")));
        problems.error_with_hint(file.source, part.range(), Code::BadTransform, message, hint);
    }
    empty
}

fn set_value(
    file: &File<'_>,
    name: &str,
    part: &Part<'_>,
    programs: Programs<'_>,
    problems: &mut Problems,
) -> Option<SetValue> {
    if let Some(program) = part.get("jq") {
        return filter::program(file, program, programs, problems).map(SetValue::Jq);
    }
    match part.read::<route_file::SetValue>(file.source, problems)? {
        route_file::SetValue::Boolean(_) | route_file::SetValue::Integer(_) if REQUIRED.contains(&name) => {
            let message = format!("`{name}` is text");
            let hint = Some(format!("put it in quotes: \"{}\"", part.node().shown()));
            problems.error_with_hint(file.source, part.range(), Code::BadTransform, message, hint);
            None
        }
        route_file::SetValue::Boolean(value) => {
            check_fixed(file, name, part, &value.to_string(), problems).then_some(SetValue::Boolean(value))
        }
        route_file::SetValue::Integer(value) => {
            check_fixed(file, name, part, &value.to_string(), problems).then_some(SetValue::Integer(value))
        }
        route_file::SetValue::Text(text) if text.is_empty() && REQUIRED.contains(&name) => {
            let message = format!("`{name}` must not be empty");
            let hint = Some(fixed_hint(name).to_owned());
            problems.error_with_hint(file.source, part.range(), Code::BadTransform, message, hint);
            None
        }
        route_file::SetValue::Text(_) => {
            let template = template(file, part, problems)?;
            let good = !template.is_literal() || check_fixed(file, name, part, template.literal_prefix(), problems);
            good.then_some(SetValue::Template(template))
        }
        // Found above.
        route_file::SetValue::Program(_) => None,
    }
}

fn remove(file: &File<'_>, part: &Part<'_>, problems: &mut Problems) -> Option<Vec<ByteString>> {
    let mut names = Vec::new();
    let mut good = part.is_good() && !is_empty("remove", file, part, problems);
    for item in part.items() {
        let Some(name) = item.text() else { continue };
        let fault = if REQUIRED.contains(&name) {
            let hint = format!("`set` gives it another value: set: {{{name}: …}}");
            Some((
                format!("`{name}` cannot be removed: every event has it"),
                Some(hint).filter(|_| name != "specversion"),
            ))
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

fn rename(file: &File<'_>, part: &Part<'_>, problems: &mut Problems) -> Option<Vec<(ByteString, ByteString)>> {
    let mut names: Vec<(ByteString, ByteString)> = Vec::new();
    let mut good = part.is_good() && !is_empty("rename", file, part, problems);
    for (old, range, new) in part.pairs() {
        let mut refuse = |range, (message, hint): (String, Option<String>)| {
            problems.error_with_hint(file.source, range, Code::BadTransform, message, hint);
            good = false;
        };
        if REQUIRED.contains(&old) {
            let hint = Some("every event has it; `set` writes a copy: set: {original: \"{id}\"}".to_owned());
            refuse(range, (format!("`{old}` cannot be renamed"), hint));
        } else if let Some(fault) = name_fault(old) {
            refuse(range, fault);
        }
        let Some(text) = new.text() else { continue };
        if text == "specversion" {
            refuse(new.range(), specversion());
        } else if let Some(fault) = name_fault(text) {
            refuse(new.range(), fault);
        } else if names.iter().any(|(_, other)| other == text) {
            let hint = Some("of two that became one, one would be lost".to_owned());
            refuse(new.range(), (format!("two attributes cannot both become `{text}`"), hint));
        } else {
            names.push((old.into(), text.into()));
        }
    }
    good.then_some(names)
}

fn convert(file: &File<'_>, part: &Part<'_>, around: &Around<'_>, problems: &mut Problems) -> Option<Convert> {
    let written: Option<route_file::Convert> = part.is_good().then(|| part.read(file.source, problems)).flatten();
    let name = part.get("rules").and_then(|rules| Some((rules.text()?, rules)));
    let rules = name.map(|(text, rules)| match around.conversions.find(text, problems) {
        Ok(found) => Some(found),
        Err(None) => None,
        Err(hint) => {
            let message = format!("there are no conversion rules `{}`", rules.node().shown());
            problems.error_with_hint(file.source, rules.range(), Code::UnknownReference, message, hint);
            None
        }
    });
    let written = written?;
    let to = match written.to {
        route_file::ConvertTo::Xml => To::Xml,
        route_file::ConvertTo::Json => To::Json,
        route_file::ConvertTo::Avro => To::Binary(Encoding::Avro),
        route_file::ConvertTo::Protobuf => To::Binary(Encoding::Protobuf),
    };
    let agrees = goes_together(file, part, &written, to, problems);
    lacks_schema(file, part, to, around, problems);
    // Rules that are named and not good were reported above.
    let rules = match rules {
        None => None,
        Some(found) => Some(found?),
    };
    let schemas = Arc::<Registry>::clone(around.schemas);
    agrees.then_some(Convert { to, rules, schema_id: written.schema_id, schemas })
}

/// Do the keys of a step go together?
fn goes_together(
    file: &File<'_>,
    part: &Part<'_>,
    written: &route_file::Convert,
    to: To,
    problems: &mut Problems,
) -> bool {
    let place = |key: &str| part.key_range(key).unwrap_or(part.start());
    let mut told = Vec::new();
    if to == To::Xml && written.rules.is_none() {
        let hint = "name rules that are declared under `conversions:`";
        told.push((part.start(), Code::MissingKey, "`convert` to XML lacks the key `rules`", hint));
    }
    let framed = written.framing.is_some();
    if framed && !matches!(to, To::Binary(_)) {
        let hint = "leave `framing` out, or convert to application/avro or application/protobuf";
        told.push((place("framing"), Code::BadConvert, "only Avro and Protobuf are framed", hint));
    } else if framed && written.schema_id.is_none() {
        let hint = "add `schema_id`, the number the registry gave the schema";
        told.push((place("framing"), Code::BadConvert, "`framing` needs a `schema_id`", hint));
    }
    if !framed && written.schema_id.is_some() {
        let hint = "add `framing: confluent`, or leave `schema_id` out";
        told.push((place("schema_id"), Code::BadConvert, "`schema_id` says nothing without `framing`", hint));
    }
    let good = told.is_empty();
    for (range, code, message, hint) in told {
        problems.error_with_hint(file.source, range, code, message.to_owned(), Some(hint.to_owned()));
    }
    good
}

/// A step that can convert nothing, because no type has a schema of its kind, is a finding.
fn lacks_schema(file: &File<'_>, part: &Part<'_>, to: To, around: &Around<'_>, problems: &mut Problems) {
    let To::Binary(encoding) = to else { return };
    if around.schemas_known && !around.schemas.knows(encoding) {
        let message = format!("no type has a schema for {}: every event would be a dead letter", encoding.name());
        let hint = match encoding {
            Encoding::Avro => "add `schemas/<event type>/<version>.avsc`",
            Encoding::Protobuf => "add `schemas/<event type>/<version>.proto`",
        };
        let range = part.get("to").map_or(part.start(), Part::range);
        problems.warning(file.source, range, Code::BadConvert, message, Some(hint.to_owned()));
    }
}

/// Compiles a template; a fault is shown at its own place in the text.
pub fn template(file: &File<'_>, part: &Part<'_>, problems: &mut Problems) -> Option<Template> {
    match Template::parse(part.text()?) {
        Ok(template) => Some(template),
        Err(fault) => {
            let place = Fault { file, part, what: "template" };
            place.report(Code::BadTemplate, fault.offset, &fault.message, Some(fault.hint), problems);
            None
        }
    }
}
