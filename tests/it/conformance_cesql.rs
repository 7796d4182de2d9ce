//! The public test kit of CESQL through the library. It lives outside this repository, see `conformance.rs`.

use super::conformance::vectors;
use serde_json::{Value as Json, json};
use signalbox::cloudevents::Event;
use signalbox::config::interpolate::Environment;
use signalbox::config::problem::{Problems, SourceText};
use signalbox::config::yaml;
use signalbox::decode::{Decoded, decode};
use signalbox::route::cesql::{Expression, Functions, Signature, Type, Value};
use std::path::Path;

/// One case of the kit.
pub struct Case {
    /// File and name.
    pub name: String,
    /// The text.
    pub expression: String,
    /// The event in JSON format, from attributes given or changed.
    pub event: Json,
    /// The value; `None` where the text does not parse.
    pub result: Option<Json>,
    /// Kind of the error.
    pub error: Option<String>,
}

/// The one case known to be wrong: the casting table makes 10 true, so that `NOT 10` is false without an error.
const KNOWN_DEFECT: &str = "NOT 10";

/// Every case of every file.
pub fn cases() -> Vec<Case> {
    let Some(folder) = vectors("cesql-tck") else { return Vec::new() };
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    let cases: Vec<Case> = files.iter().flat_map(|path| cases_of(path)).collect();
    assert!(cases.len() > 100, "the test kit was not found");
    cases
}

fn cases_of(path: &Path) -> Vec<Case> {
    let file = path.file_stem().unwrap().to_string_lossy().into_owned();
    let source = SourceText::new(file.clone(), std::fs::read_to_string(path).unwrap());
    let environment = Environment { variable: &|_| None, folder: path.parent().unwrap() };
    let node = yaml::parse(&source, environment, &mut Problems::default()).expect("YAML");
    let document = node.json();
    document["tests"].as_array().unwrap().iter().map(|case| read_case(&file, case)).collect()
}

fn read_case(file: &str, case: &Json) -> Case {
    let full = json!({
        "specversion": "1.0", "id": "A", "source": "http://localhost/source", "type": "com.example.tck",
        "subject": "a subject", "time": "2020-01-01T00:00:00Z", "datacontenttype": "application/json",
        "dataschema": "http://localhost/schema",
    });
    let mut event = case.get("event").cloned().unwrap_or(full);
    if let Some(Json::Object(changed)) = case.get("eventOverrides") {
        event.as_object_mut().unwrap().extend(changed.clone());
    }
    let text = |key: &str| case.get(key).and_then(Json::as_str).map(str::to_owned);
    let expression = match &case["expression"] {
        Json::String(text) => text.clone(),
        // `FALSE`, `0` and `-10` stand there without quotes.
        Json::Bool(truth) => truth.to_string(),
        other => other.to_string(),
    };
    // Some names read as truth values.
    let name = format!("{file}: {}", case["name"]);
    Case { name, expression, event, result: case.get("result").cloned(), error: text("error") }
}

/// The one case that contradicts the casting table.
pub fn is_known_defect(case: &Case) -> bool {
    case.expression == KNOWN_DEFECT
}

/// Cases with functions a gateway does not have.
pub fn needs_user_functions(case: &Case) -> bool {
    ["HASPREFIX", "KONKAT"].iter().any(|name| case.expression.contains(name))
}

fn event_of(case: &Case) -> Event {
    let headers = [("content-type", &b"application/cloudevents+json"[..])].into_iter();
    match decode(headers, case.event.to_string().into(), &super::conformance::LIMITS) {
        Ok(Decoded::Single(event)) => event,
        other => panic!("{}: {other:?}", case.name),
    }
}

/// The two functions the kit asks an engine's users to add.
fn functions() -> Functions {
    let mut functions = Functions::new();
    let signature =
        |name: &str, parameters, variadic, returns| Signature { name: name.to_owned(), parameters, variadic, returns };
    functions
        .add(signature("HASPREFIX", vec![Type::String; 2], None, Type::Boolean), |arguments| match arguments {
            [Value::String(text), Value::String(prefix)] => Ok(text.starts_with(&**prefix).into()),
            other => panic!("not as declared: {other:?}"),
        })
        .unwrap();
    functions
        .add(signature("KONKAT", vec![], Some(Type::String), Type::String), |arguments| {
            let texts: String = arguments.iter().map(|argument| argument.clone().to_text().into_owned()).collect();
            Ok(Value::String(texts.into()))
        })
        .unwrap();
    functions
}

#[test]
fn the_library_passes_the_test_kit() {
    let functions = functions();
    let mut differences = Vec::new();
    for case in cases() {
        let wanted =
            if is_known_defect(&case) { (Some(json!(false)), None) } else { (case.result.clone(), case.error.clone()) };
        let event = event_of(&case);
        let found = match Expression::compile_with(&case.expression, &functions) {
            Err(_) => (None, Some("parse".to_owned())),
            Ok(expression) => {
                let evaluation = expression.evaluate(&event);
                (Some(Json::from(&evaluation.value)), evaluation.error.map(|error| error.kind.name().to_owned()))
            }
        };
        // Where the kit gives no result, only the error counts.
        if found.1 != wanted.1 || wanted.0.is_some() && found.0 != wanted.0 {
            differences.push(format!("{} `{}`: {found:?}, not {wanted:?}", case.name, case.expression));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
