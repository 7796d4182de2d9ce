//! Avro schemas and their data (Avro 1.12): raw datum ⇄ JSON by the reading of formats.md §5.
//!
//! The codec is our own: `apache-avro` builds a value of many bytes for each entry of an array, believes counts of
//! entries that take no bytes, and knows no JSON reading without wrappers around unions. The tests read what is written
//! here with it, and the other way round.

pub mod schema;

mod decode;
mod encode;
mod hint;
pub mod parse;
mod scalar;
#[cfg(test)]
mod tests;

use super::{Fault, MAX_DEPTH, Unfit, document};
use crate::cloudevents::Violation;
use crate::cloudevents::json::tape::Tape;
use decode::Decoder;
use encode::{Encoder, Reading};
use schema::{Kind, Type, TypeId};
use serde_json::Value;

/// A compiled schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Avro {
    /// Its types.
    pub types: Vec<Type>,
    /// The type of the data.
    pub root: TypeId,
    kinds: Value,
}

impl Avro {
    /// Compiles the document of an `.avsc` file, or tells everything that is wrong with it.
    pub fn compile(text: &[u8]) -> Result<Avro, Vec<Fault>> {
        let document = document::read(text).map_err(|fault| vec![fault])?;
        let (mut types, root) = parse::parse(&document)?;
        let faults = fill_in_defaults(&mut types);
        if !faults.is_empty() {
            return Err(faults);
        }
        let kinds = hint::document(&types, root);
        Ok(Avro { types, root, kinds })
    }

    /// The full name of the data's type, if it has one.
    pub fn name(&self) -> Option<&str> {
        match &self.types[self.root].kind {
            Kind::Record(of) => Some(&of.name.full),
            Kind::Enum(of) => Some(&of.name.full),
            Kind::Fixed(of) => Some(&of.name.full),
            _ => None,
        }
    }

    /// What it says about kinds of values, as a JSON Schema.
    pub fn kinds(&self) -> &Value {
        &self.kinds
    }

    /// The datum of JSON data.
    pub fn to_datum(&self, json: &[u8]) -> Result<Vec<u8>, Unfit> {
        self.encode(json, true)
    }

    /// Does JSON data fit?
    pub fn check_json(&self, json: &[u8]) -> Result<(), Unfit> {
        self.encode(json, false).map(drop)
    }

    fn encode(&self, json: &[u8], writes: bool) -> Result<Vec<u8>, Unfit> {
        let tape = Tape::read(json, MAX_DEPTH).map_err(|error| Unfit::NotJson(error.to_string()))?;
        Encoder::new(&self.types, &tape, Reading::Data, writes).finish(self.root).map_err(Unfit::Violations)
    }

    /// The JSON form of a datum.
    pub fn to_json(&self, datum: &[u8]) -> Result<String, Violation> {
        Decoder::new(&self.types, datum, true).finish(self.root).map_err(|fault| broken(&fault))
    }

    /// Are the bytes a datum?
    pub fn check_datum(&self, datum: &[u8]) -> Result<(), Violation> {
        let checked = Decoder::new(&self.types, datum, false).finish(self.root);
        checked.map(drop).map_err(|fault| broken(&fault))
    }
}

fn broken(fault: &str) -> Violation {
    Violation::new("", format!("the data is not a datum of its Avro schema: {fault}"))
}

/// Makes the datum of every default, now that all types are known.
fn fill_in_defaults(types: &mut [Type]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut datums = Vec::new();
    for (id, declared) in types.iter().enumerate() {
        let Kind::Record(record) = &declared.kind else { continue };
        for (index, field) in record.fields.iter().enumerate() {
            let Some(default) = &field.default else { continue };
            let Ok(tape) = Tape::read(default.text.as_bytes(), MAX_DEPTH) else { continue };
            match Encoder::new(types, &tape, Reading::Default(0), true).finish(field.ty) {
                Ok(datum) => datums.push((id, index, datum)),
                Err(violations) => faults.extend(violations.into_iter().map(|violation| {
                    let place = format!("{}/default{}", field.pointer, violation.pointer);
                    Fault::at(&place, format!("the default does not fit its type: {}", violation.detail))
                })),
            }
        }
    }
    for (id, index, datum) in datums {
        let field = match &mut types[id].kind {
            Kind::Record(record) => record.fields.get_mut(index),
            _ => None,
        };
        if let Some(default) = field.and_then(|field| field.default.as_mut()) {
            default.datum = datum;
        }
    }
    faults
}
