//! Both directions: cases, faults, hostile documents, and what survives the way there and back.

mod cases;
mod hostile;
mod properties;
mod rules;

use super::declaration::Conversion;
use super::rules::Rules;

/// Rules out of a declaration written as JSON, with `name: case` and `root: order` unless it says otherwise.
fn rules(declaration: &serde_json::Value) -> Rules {
    Rules::compile(&declared(declaration)).unwrap()
}

fn declared(declaration: &serde_json::Value) -> Conversion {
    let mut declaration = declaration.clone();
    for (key, value) in [("name", "case"), ("root", "order")] {
        declaration.as_object_mut().unwrap().entry(key).or_insert_with(|| value.into());
    }
    serde_json::from_value(declaration).unwrap()
}
