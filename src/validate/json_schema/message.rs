//! What a violation says: one sentence for people, with the values of the event shortened.

use super::values::Values;
use crate::cloudevents::Violation;
use crate::cloudevents::reader::shown;
use crate::payload::LISTED;
use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use serde_json::Value;

/// Allowed values and alternatives that a message lists.
const SHOWN_CHOICES: usize = 8;

/// Bytes of a pointer; beyond, the pointer leads to a value further up.
const POINTER_BYTES: usize = 1024;

/// The violations an error stands for. A missing or unexpected member gets its own pointer.
pub fn violations(error: &ValidationError<'_>, data: &Values<'_>) -> Vec<Violation> {
    let place = error.instance_path().as_str();
    let member = |name: &str, detail: String| Violation::new(pointer(place, Some(name)), detail);
    let unexpected = |name: &str| member(name, format!("the member `{}` is not allowed", shown(name)));
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            vec![member(name, format!("the member `{}` is missing", shown(name)))]
        }
        ValidationErrorKind::AdditionalProperties { unexpected: names }
        | ValidationErrorKind::UnevaluatedProperties { unexpected: names } => {
            names.iter().take(LISTED + 1).map(|name| unexpected(name)).collect()
        }
        ValidationErrorKind::PropertyNames { error: of_name } => {
            let name = of_name.instance().as_str().unwrap_or_default();
            let why = detail(of_name, show_abridged);
            vec![member(name, format!("the name of this member is not allowed: {why}"))]
        }
        // An object that allows no member at all is told as one error without names.
        ValidationErrorKind::FalseSchema if forbids_members(error.schema_path().as_str()) => {
            let members = data.pointer(place).into_iter().flat_map(|object| data.members(object));
            members.take(LISTED + 1).map(|(name, _)| unexpected(&name)).collect()
        }
        _ => vec![Violation::new(pointer(place, None), detail(error, show_abridged))],
    }
}

/// Is this the place of the keyword `additionalProperties`, and not of a property with that name?
fn forbids_members(schema_path: &str) -> bool {
    schema_path.strip_suffix("/additionalProperties").is_some_and(|parent| !parent.ends_with("/properties"))
}

/// What is wrong, in one sentence; `show_found` makes the found value fit for it.
pub fn detail(error: &ValidationError<'_>, show_found: fn(&Value) -> String) -> String {
    use ValidationErrorKind as Kind;
    let saw = || show_found(error.instance());
    match error.kind() {
        Kind::Type { kind } => format!("expected {}, found {}", types(kind), saw()),
        Kind::Required { property } => format!("the member {} is missing", show(property)),
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            format!("members that are not allowed: {}", list(unexpected.iter().map(|name| quote(name))))
        }
        Kind::PropertyNames { error } => format!("the name of a member is not allowed: {}", detail(error, show_found)),
        Kind::Constant { expected_value } => format!("expected {}, found {}", show(expected_value), saw()),
        Kind::Enum { options } => {
            let options = options.as_array().map_or(&[][..], Vec::as_slice);
            format!("expected one of {}, found {}", list(options.iter().map(show)), saw())
        }
        Kind::Minimum { limit } => format!("expected at least {}, found {}", show(limit), saw()),
        Kind::Maximum { limit } => format!("expected at most {}, found {}", show(limit), saw()),
        Kind::ExclusiveMinimum { limit } => format!("expected more than {}, found {}", show(limit), saw()),
        Kind::ExclusiveMaximum { limit } => format!("expected less than {}, found {}", show(limit), saw()),
        Kind::MultipleOf { multiple_of } => format!("expected a multiple of {multiple_of}, found {}", saw()),
        Kind::MinLength { limit } => format!("expected at least {limit} characters, found {}", saw()),
        Kind::MaxLength { limit } => format!("expected at most {limit} characters, found {}", saw()),
        Kind::Pattern { pattern } => format!("expected text that fits the pattern {}, found {}", quote(pattern), saw()),
        Kind::Format { format } => format!("expected text in the format `{format}`, found {}", saw()),
        Kind::MinItems { limit } => format!("expected at least {limit} items, found {}", saw()),
        Kind::MaxItems { limit } => format!("expected at most {limit} items, found {}", saw()),
        Kind::AdditionalItems { limit } => format!("expected no items beyond the first {limit}, found {}", saw()),
        Kind::UnevaluatedItems { unexpected } => format!("{} items of {} are not allowed", unexpected.len(), saw()),
        Kind::UniqueItems => format!("expected items that all differ, found equal ones in {}", saw()),
        Kind::Contains => format!("{} lacks an item the schema asks for", saw()),
        Kind::MinProperties { limit } => format!("expected at least {limit} members, found {}", saw()),
        Kind::MaxProperties { limit } => format!("expected at most {limit} members, found {}", saw()),
        Kind::FalseSchema => format!("no value is allowed here, found {}", saw()),
        Kind::Not { .. } => format!("{} fits what the schema forbids", saw()),
        Kind::OneOfMultipleValid { .. } => format!("{} fits more than one of the schemas of `oneOf`", saw()),
        Kind::AnyOf { context } => branches("anyOf", context, show_found),
        Kind::OneOfNotValid { context } => branches("oneOf", context, show_found),
        Kind::ContentEncoding { content_encoding } => format!("expected text in {content_encoding}, found {}", saw()),
        Kind::ContentMediaType { content_media_type } => format!("expected {content_media_type}, found {}", saw()),
        Kind::FromUtf8 { .. } => "the encoded text is not UTF-8".to_owned(),
        Kind::Custom { message, .. } | Kind::RegexEngineFailure { message } => shown(message),
        Kind::BacktrackLimitExceeded { error } => error.to_string(),
        Kind::Referencing(error) => error.to_string(),
    }
}

/// Why none of several schemas fits: the first fault of each.
fn branches(keyword: &str, context: &[Vec<ValidationError<'_>>], show_found: fn(&Value) -> String) -> String {
    let reasons = context.iter().filter_map(|errors| errors.first()).map(|error| match error.kind() {
        // One level is enough: a branch of branches would need a page.
        ValidationErrorKind::AnyOf { .. } | ValidationErrorKind::OneOfNotValid { .. } => {
            format!("{} fits none of its own schemas", show_found(error.instance()))
        }
        _ => detail(error, show_found),
    });
    format!("fits none of the {} schemas of `{keyword}`: {}", context.len(), list(reasons))
}

fn types(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(one) => one.to_string(),
        TypeKind::Multiple(several) => {
            let names: Vec<String> = several.iter().map(|one| one.to_string()).collect();
            names.join(" or ")
        }
    }
}

/// A value of the data as errors keep it: see `Visited::to_value`.
fn show_abridged(value: &Value) -> String {
    let entries = |value: Option<&Value>| value.map_or(0, |count| count.as_u64().unwrap_or_default());
    match value {
        Value::Array(items) => format!("an array of {} items", entries(items.first())),
        Value::Object(members) => format!("an object with {} members", entries(members.values().next())),
        _ => show(value),
    }
}

/// A value of the schema, shortened: of a container only its kind and size.
pub fn show(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => quote(text),
        Value::Array(items) => format!("an array of {} items", items.len()),
        Value::Object(members) => format!("an object with {} members", members.len()),
    }
}

fn list(mut entries: impl Iterator<Item = String>) -> String {
    let mut shown: Vec<String> = entries.by_ref().take(SHOWN_CHOICES).collect();
    let more = entries.count();
    if more > 0 {
        shown.push(format!("{more} more"));
    }
    shown.join(", ")
}

fn quote(text: &str) -> String {
    format!("`{}`", shown(text))
}

/// JSON Pointer (RFC 6901) to a value of the data, or to one of its members.
fn pointer(place: &str, member: Option<&str>) -> String {
    let mut pointer = format!("/data{place}");
    if let Some(name) = member.filter(|name| name.len() <= POINTER_BYTES) {
        pointer.push('/');
        pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
    }
    while pointer.len() > POINTER_BYTES {
        pointer.truncate(pointer.rfind('/').unwrap_or_default());
    }
    pointer
}
