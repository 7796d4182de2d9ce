//! `enum`, `const`, and which single values a schema lets through.

use super::json::Comparison;
use super::view::{Place, kind_of};
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

impl Comparison {
    /// `enum` and `const` of the reader.
    pub(super) fn values<'s>(&mut self, writer: &[Place<'s>], reader: &Place<'s>) {
        let keyword = if reader.get("const").is_some() { "const" } else { "enum" };
        let Some(allowed) = finite(std::slice::from_ref(reader)) else { return };
        let Some(written) = finite(writer) else {
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
                let change = self.direction.of_writer(&pointer, detail);
                self.found.push(change);
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
