//! What depends on the names of members, and entries that must be there.

use super::json::Comparison;
use super::objects::required;
use super::view::{Place, escape};
use serde_json::{Map, Value};
use std::sync::LazyLock;

/// What every name is.
static NAME: LazyLock<Value> = LazyLock::new(|| serde_json::json!({"type": "string"}));

impl Comparison {
    /// `propertyNames`.
    pub(super) fn names_of_members<'s>(&mut self, writer: &[Place<'s>], reader: &Place<'s>) {
        let Some(asked) = reader.below(&["propertyNames"]) else { return };
        let mut written: Vec<Place<'s>> = writer.iter().filter_map(|place| place.below(&["propertyNames"])).collect();
        written.push(Place { pointer: format!("{}{}name", reader.pointer, super::MADE), ..Place::root(&NAME) });
        if !self.attempt(&written, &asked) {
            self.undecided(writer, reader, "propertyNames");
        }
    }

    /// `patternProperties`: the same pattern must ask no more, and what a pattern let through must still be allowed.
    pub(super) fn patterns<'s>(&mut self, writer: &[Place<'s>], reader: &Place<'s>) {
        let of = |place: &Place<'s>| {
            place.get("patternProperties").and_then(Value::as_object).into_iter().flat_map(Map::keys)
        };
        for pattern in of(reader) {
            let path = ["patternProperties", pattern];
            let Some(asked) = reader.below(&path).filter(|asked| !asked.is_open()) else { continue };
            let written: Vec<Place<'s>> = writer.iter().filter_map(|place| place.below(&path)).collect();
            if !written.is_empty() {
                self.covers(&written, &asked);
                continue;
            }
            // Such members were among the others, if there were any.
            let others: Vec<Place<'s>> =
                writer.iter().filter_map(|place| place.below(&["additionalProperties"])).collect();
            if others.is_empty() || !self.attempt(&others, &asked) {
                self.undecided(writer, reader, "patternProperties");
            }
        }
        let Some(others) = reader.below(&["additionalProperties"]).filter(|others| !others.is_open()) else { return };
        for place in writer {
            for pattern in of(place).filter(|pattern| reader.below(&["patternProperties", pattern]).is_none()) {
                let Some(written) = place.below(&["patternProperties", pattern]) else { continue };
                if !self.attempt(std::slice::from_ref(&written), &others) {
                    let detail =
                        format!("{} does not allow all members whose names fit this pattern", self.direction.reader());
                    let change = self.direction.of_writer(&written.pointer, detail);
                    self.found.push(change);
                }
            }
        }
    }

    /// `dependentRequired` and `dependentSchemas`, which were `dependencies` before.
    pub(super) fn dependents<'s>(&mut self, writer: &[Place<'s>], reader: &Place<'s>) {
        let sure: Vec<&str> = writer.iter().flat_map(required).collect();
        for keyword in ["dependentRequired", "dependentSchemas", "dependencies"] {
            for (name, asked) in reader.get(keyword).and_then(Value::as_object).into_iter().flatten() {
                let own = format!("{}/{}", reader.at(keyword), escape(name));
                let Some(names) = asked.as_array() else {
                    self.dependent_schema(writer, reader, [keyword, name]);
                    continue;
                };
                let promised: Vec<&str> = writer.iter().flat_map(|place| names_that_follow(place, name)).collect();
                for (index, asked) in names.iter().enumerate() {
                    let Some(asked) = asked.as_str() else { continue };
                    if !sure.contains(&asked) && !promised.contains(&asked) && asked != name {
                        let detail = format!(
                            "{} requires `{}` beside `{}`",
                            self.direction.reader(),
                            crate::cloudevents::reader::shown(asked),
                            crate::cloudevents::reader::shown(name)
                        );
                        let change = self.direction.of_reader(&format!("{own}/{index}"), detail);
                        self.found.push(change);
                    }
                }
            }
        }
    }

    fn dependent_schema<'s>(&mut self, writer: &[Place<'s>], reader: &Place<'s>, [keyword, name]: [&str; 2]) {
        let Some(asked) = reader.below(&[keyword, name]) else { return };
        let mut written = writer.to_vec();
        for keyword in ["dependentSchemas", "dependencies"] {
            written.extend(writer.iter().filter_map(|place| place.below(&[keyword, name])));
        }
        written.retain(|place| place.schema.is_object() || place.schema.is_boolean());
        if !self.attempt(&written, &asked) {
            self.undecided(writer, reader, keyword);
        }
    }

    /// `contains` with its counts.
    pub(super) fn contains<'s>(&mut self, writer: &[Place<'s>], reader: &Place<'s>) {
        let Some(asked) = reader.below(&["contains"]) else { return };
        let count = |place: &Place<'_>, keyword: &str| place.get(keyword).and_then(Value::as_f64);
        let least = count(reader, "minContains").unwrap_or(1.0);
        let most = count(reader, "maxContains");
        let fits = writer.iter().any(|place| {
            let Some(written) = place.below(&["contains"]) else { return false };
            let enough = least <= 0.0
                || count(place, "minContains").unwrap_or(1.0) >= least
                    && self.attempt(std::slice::from_ref(&written), &asked);
            let not_too_many = most.is_none_or(|most| {
                count(place, "maxContains").is_some_and(|written| written <= most)
                    && self.attempt(std::slice::from_ref(&asked), &written)
            });
            enough && not_too_many
        });
        if !fits && (least > 0.0 || most.is_some()) {
            self.undecided(writer, reader, "contains");
        }
    }
}

/// The members that a schema requires beside one.
fn names_that_follow<'s>(place: &Place<'s>, name: &str) -> Vec<&'s str> {
    let of = |keyword: &str| place.get(keyword).and_then(|all| all.get(name)).and_then(Value::as_array);
    let names = [of("dependentRequired"), of("dependencies")].into_iter().flatten().flatten();
    names.filter_map(Value::as_str).collect()
}
