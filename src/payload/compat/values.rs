//! `enum`, `const`, and which single values a schema lets through.

use super::json::Comparison;
use super::view::{Place, allows, kind_of, types};
use serde_json::Value;

/// The values that may stand there, with their places; `None`: there is no list of them.
pub fn finite<'s>(places: &[Place<'s>]) -> Option<Vec<(&'s Value, String)>> {
    places.iter().find_map(|place| {
        if let Some(only) = place.get("const") {
            return Some(vec![(only, place.at("const"))]);
        }
        let values = place.get("enum")?.as_array()?;
        Some(values.iter().enumerate().map(|(index, value)| (value, format!("{}/{index}", place.at("enum")))).collect())
    })
}

/// The same of what is written, where `true`, `false` and `null` are a list, too, and only what all let through counts.
fn written<'s>(places: &[Place<'s>]) -> Option<Vec<(&'s Value, Option<String>)>> {
    const SIMPLE: [(&Value, &str); 3] =
        [(&Value::Bool(false), "boolean"), (&Value::Bool(true), "boolean"), (&Value::Null, "null")];
    let listed = finite(places).map(|values| values.into_iter().map(|(value, place)| (value, Some(place))).collect());
    let listed: Vec<(&Value, Option<String>)> = listed.or_else(|| {
        let kinds = types(places);
        kinds.iter().all(|kind| matches!(*kind, "boolean" | "null")).then(|| {
            let simple = SIMPLE.into_iter().filter(|(_, kind)| kinds.contains(kind));
            simple.map(|(value, _)| (value, None)).collect()
        })
    })?;
    let by_all = |(value, _): &(&Value, _)| places.iter().all(|place| lets_through(place, value));
    Some(listed.into_iter().filter(by_all).collect())
}

/// By its type and its list of values.
fn lets_through(place: &Place<'_>, value: &Value) -> bool {
    allows(place, kind_of(value))
        && finite(std::slice::from_ref(place)).is_none_or(|values| values.iter().any(|(other, _)| equal(other, value)))
}

impl Comparison {
    /// `enum` and `const` of the reader.
    pub(super) fn values<'s>(&mut self, writer: &[Place<'s>], reader: &Place<'s>) {
        let keyword = if reader.get("const").is_some() { "const" } else { "enum" };
        let Some(allowed) = finite(std::slice::from_ref(reader)) else { return };
        let Some(written) = written(writer) else {
            let detail = format!("{} allows only some values here", self.direction.reader());
            return self.change(writer, reader, keyword, detail);
        };
        for (value, pointer) in written {
            if !allowed.iter().any(|(other, _)| equal(other, value)) {
                let detail = format!(
                    "{} does not allow `{}`",
                    self.direction.reader(),
                    crate::cloudevents::reader::shown(&value.to_string())
                );
                match pointer {
                    Some(pointer) => self.found.push(self.direction.of_writer(&pointer, detail)),
                    None => self.change(writer, reader, keyword, detail),
                }
            }
        }
    }
}

/// Equal as JSON Schema sees it: numbers by value.
pub fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        _ => a == b,
    }
}

/// Of the values that may stand there, all of one kind.
pub fn of_kind<'s>(places: &[Place<'s>], kinds: &[&str]) -> Option<Vec<&'s Value>> {
    finite(places).map(|values| {
        values.into_iter().map(|(value, _)| value).filter(|value| kinds.contains(&kind_of(value))).collect()
    })
}
