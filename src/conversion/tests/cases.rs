//! The cases of `tests/fixtures/conversion`.

use super::rules;
use crate::conversion::rules::Rules;
use crate::conversion::{Error, from_xml, to_xml};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use std::path::Path;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    rules: Value,
    schema: Option<Value>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    json: Option<String>,
    xml: Option<String>,
    back: Option<String>,
    error: Option<(String, String)>,
}

#[test]
fn every_case_goes_as_it_is_told() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/conversion");
    let mut failures = Vec::new();
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let file: File = serde_json::from_str(&std::fs::read_to_string(&path).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let rules = rules(&file.rules);
        for case in &file.cases {
            count += 1;
            if let Err(difference) = run(case, &rules, file.schema.as_ref()) {
                let file = path.file_name().unwrap().display();
                failures.push(format!("{file}: {}: {difference}", case.name));
            }
        }
    }
    assert!(count > 100, "the cases were not found");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn run(case: &Case, rules: &Rules, schema: Option<&Value>) -> Result<(), String> {
    let there = case.json.as_ref().map(|json| to_xml(rules, json.as_bytes()));
    let back = case.xml.as_ref().map(|xml| from_xml(rules, &Bytes::from(xml.clone()), schema));
    let refused = |result: Option<Result<Bytes, Error>>| match (&case.error, result) {
        (Some((pointer, words)), Some(Err(error))) if error.pointer == *pointer && error.detail.contains(words) => {
            Ok(())
        }
        (_, result) => Err(format!("{result:?}")),
    };
    match (there, &case.xml, &case.error) {
        (there @ Some(_), None, _) => return refused(there),
        (Some(there), Some(xml), _) => same(there, xml)?,
        _ => {}
    }
    match (back, case.back.as_ref().or(case.json.as_ref()), &case.error) {
        (back, _, Some(_)) => refused(back),
        (Some(back), Some(json), None) => same(back, json),
        _ => Err("the case asks for nothing".to_owned()),
    }
}

fn same(result: Result<Bytes, Error>, expected: &str) -> Result<(), String> {
    match result {
        Ok(bytes) if bytes == expected => Ok(()),
        Ok(bytes) => Err(format!("{} instead of {expected}", String::from_utf8_lossy(&bytes))),
        Err(error) => Err(format!("{error:?}")),
    }
}
