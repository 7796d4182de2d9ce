//! JSON Schema documents: compiled once, asked for every event. The only place that knows the `jsonschema` crate.

mod fault;
mod message;
mod node;
mod patterns;
mod values;

pub use values::Values;

use super::SchemaFault;
use crate::cloudevents::Violation;
use crate::payload::{LISTED, document};
use jsonschema::{Draft, PatternOptions, Retrieve, Uri, Validator};
use node::{Allowance, Metered, Visited};
use serde_json::Value;
use std::error::Error;

/// Visits of values that every check may cost, and how many more per byte of data. A check that needs more is refused:
/// this is its deadline, counted in work instead of time.
const VISITS: usize = 1_000_000;
const VISITS_PER_BYTE: usize = 32;

/// Visits while errors are collected. Each can leave an error behind: this bounds their memory to some megabytes.
const VISITS_FOR_ERRORS: usize = 20_000;

/// A compiled JSON Schema.
#[derive(Debug)]
pub struct JsonSchema {
    validator: Validator<Metered>,
    id: Option<String>,
    document: Value,
}

impl JsonSchema {
    /// Compiles the document of a file, or tells everything that is wrong with it.
    pub fn compile(file: &str, document: &[u8]) -> Result<JsonSchema, Vec<SchemaFault>> {
        let schema = document::read(document).map_err(|fault| vec![SchemaFault::of(file, fault)])?;
        let draft = draft_of(file, &schema).map_err(|fault| vec![fault])?;
        let mut faults = patterns::faults(file, &schema);
        if let Ok(metaschema) = jsonschema::meta::validator_for(&schema) {
            let others = metaschema.iter_errors(&schema).filter(|error| !fault::is_of_pattern(error, &faults));
            let others: Vec<_> = others.collect();
            let others = others.iter();
            faults.extend(distinct(others.map(|error| fault::of(file, &schema, error))));
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let options = jsonschema::options_for::<Metered>()
            .with_draft(draft)
            .should_validate_formats(true)
            .with_pattern_options(PatternOptions::regex())
            .with_retriever(NothingIsFetched);
        let validator = options.build(&schema).map_err(|error| vec![fault::of(file, &schema, &error)])?;
        // Draft 4 spells it without the dollar sign.
        let id = schema.get(if draft == Draft::Draft4 { "id" } else { "$id" }).and_then(Value::as_str);
        let id = id.map(str::to_owned);
        Ok(JsonSchema { validator, id, document: schema })
    }

    /// The document it was compiled from.
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// The schema's own name.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Every place where the data breaks the schema, up to [`LISTED`].
    pub fn check(&self, data: &Values<'_>) -> Result<(), Vec<Violation>> {
        let allowance = Allowance::new(VISITS + data.bytes().saturating_mul(VISITS_PER_BYTE));
        let valid = self.validator.is_valid(Visited::new(data, &allowance));
        if allowance.is_spent() {
            return Err(vec![Violation::new("/data", "checking the data against its schema takes too long")]);
        }
        if valid { Ok(()) } else { Err(self.violations(data)) }
    }

    /// All of them when that is affordable, else the first, else only that there are some.
    fn violations(&self, data: &Values<'_>) -> Vec<Violation> {
        let allowance = Allowance::new(VISITS_FOR_ERRORS);
        let errors = self.validator.iter_errors(Visited::new(data, &allowance));
        if !allowance.is_spent() {
            let mut listed = distinct(errors.flat_map(|error| message::violations(&error, data)));
            if listed.len() > LISTED {
                listed.truncate(LISTED);
                listed.push(Violation::new("/data", format!("only the first {LISTED} violations are listed")));
            }
            return listed;
        }
        let allowance = Allowance::new(VISITS_FOR_ERRORS);
        let first = self.validator.validate(Visited::new(data, &allowance)).err().filter(|_| !allowance.is_spent());
        let mut listed = first.map(|error| message::violations(&error, data)).unwrap_or_default();
        listed.truncate(LISTED);
        listed.push(Violation::new("/data", "the data breaks its schema in more places than can be listed"));
        listed
    }
}

/// The first [`LISTED`] different entries, and one more if there is one.
fn distinct<T: PartialEq>(entries: impl Iterator<Item = T>) -> Vec<T> {
    let mut distinct = Vec::new();
    for entry in entries {
        if !distinct.contains(&entry) {
            distinct.push(entry);
        }
        if distinct.len() > LISTED {
            break;
        }
    }
    distinct
}

/// The draft that `$schema` names.
fn draft_of(file: &str, schema: &Value) -> Result<Draft, SchemaFault> {
    let draft = match schema.get("$schema") {
        None => Draft::Draft202012,
        Some(Value::String(_)) => Draft::default().detect(schema),
        Some(_) => Draft::Unknown,
    };
    if draft == Draft::Unknown {
        return Err(SchemaFault {
            pointer: Some("/$schema".to_owned()),
            hint: Some("write https://json-schema.org/draft/2020-12/schema, or leave it out".to_owned()),
            ..SchemaFault::new(file, "`$schema` names no draft of JSON Schema: 2020-12, 2019-09, 7, 6 and 4 are known")
        });
    }
    Ok(draft)
}

/// Event content and schemas never cause a fetch: what is not in the document or a known draft does not exist.
struct NothingIsFetched;

impl Retrieve for NothingIsFetched {
    fn retrieve(&self, _: &Uri<String>) -> Result<Value, Box<dyn Error + Send + Sync>> {
        Err("nothing is fetched".into())
    }
}
