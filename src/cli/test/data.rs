//! Expected against found data: JSON as JSON, XML as canonical XML, all else as text.

use crate::cloudevents::{Data, Event};
use crate::config::test_file::{Given, Wanted};
use crate::conversion::survey;
use crate::pipeline::explain::{DeliveryExplained, Form};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value;

/// Differences of one document that are told.
const TOLD: usize = 20;

/// Where the data is not as expected. What is expected may be the data of the event, or the whole message.
pub fn differences(wanted: &Wanted, delivery: &DeliveryExplained) -> Vec<String> {
    let event = delivery.event.as_ref();
    let message = delivery.body.as_ref();
    if let Some(expected) = wanted.data_base64.as_ref().and_then(|text| STANDARD.decode(text).ok()) {
        let found = [event.and_then(|event| event.data.bytes()), message.map(|(body, _)| body.clone())];
        let fits = found.iter().flatten().any(|found| *found == expected);
        let [data, message] = found;
        let shown = data.or(message).map_or_else(|| "no data".to_owned(), |found| STANDARD.encode(found));
        return if fits { Vec::new() } else { vec![pair("data_base64", &STANDARD.encode(expected), &shown)] };
    }
    let expected = match &wanted.data {
        Given::LeftOut => return Vec::new(),
        Given::Null => &Value::Null,
        Given::Value(expected) => expected,
    };
    let of_data = against_data(expected, event);
    if of_data.is_empty() {
        return of_data;
    }
    let Some(of_message) = message.map(|(body, form)| against_message(expected, body, *form)) else { return of_data };
    let is_whole = expected.get("specversion").is_some() && event.is_some_and(|event| event.json_data().is_some());
    if of_message.is_empty() || is_whole { of_message } else { of_data }
}

fn against_data(expected: &Value, event: Option<&Event>) -> Vec<String> {
    let Some(found) = event.and_then(|event| event.data.bytes()) else {
        return if expected.is_null() { Vec::new() } else { vec![pair("data", &expected.to_string(), "no data")] };
    };
    let is_binary = event.is_some_and(|event| matches!(event.data, Data::Proto { .. }));
    match event.filter(|_| !is_binary).map(|event| (event.json_data(), event.xml_data())) {
        Some((Some(text), _)) => json("data", expected, &text),
        Some((None, Some(text))) => xml(expected, &text),
        _ => text(expected, &found),
    }
}

fn against_message(expected: &Value, body: &Bytes, form: Form) -> Vec<String> {
    match form {
        Form::Json => json("data", expected, body),
        Form::Text if body.trim_ascii_start().starts_with(b"<") => xml(expected, body),
        Form::Text | Form::Bytes => text(expected, body),
    }
}

/// JSON as JSON: the order of members and the spelling of numbers and texts do not count. JSON may be expected as its text.
pub fn json(what: &str, expected: &Value, found: &[u8]) -> Vec<String> {
    let Ok(found) = serde_json::from_slice::<Value>(found) else { return text(expected, found) };
    let mut told = Vec::new();
    walk(&mut what.to_owned(), expected, &found, &mut told);
    if !told.is_empty()
        && let Some(text) = expected.as_str()
        && let Ok(expected) = serde_json::from_str::<Value>(text)
    {
        let mut of_text = Vec::new();
        walk(&mut what.to_owned(), &expected, &found, &mut of_text);
        if of_text.len() < told.len() || !found.is_string() {
            told = of_text;
        }
    }
    told
}

fn walk(path: &mut String, expected: &Value, found: &Value, told: &mut Vec<String>) {
    if told.len() >= TOLD {
        return;
    }
    let below = path.len();
    let mut inside = |step: &str, expected: Option<&Value>, found: Option<&Value>| {
        path.push('/');
        path.push_str(&step.replace('~', "~0").replace('/', "~1"));
        match (expected, found) {
            (Some(expected), Some(found)) => walk(path, expected, found, told),
            (Some(expected), None) => told.push(pair(path, &expected.to_string(), "nothing")),
            (None, Some(found)) => told.push(pair(path, "nothing", &found.to_string())),
            (None, None) => {}
        }
        path.truncate(below);
    };
    match (expected, found) {
        (Value::Object(old), Value::Object(new)) => {
            old.iter().for_each(|(name, value)| inside(name, Some(value), new.get(name)));
            let added = new.iter().filter(|(name, _)| !old.contains_key(*name));
            added.for_each(|(name, value)| inside(name, None, Some(value)));
        }
        (Value::Array(old), Value::Array(new)) => {
            (0..old.len().max(new.len())).for_each(|at| inside(&at.to_string(), old.get(at), new.get(at)));
        }
        (Value::Number(old), Value::Number(new)) if old == new || old.as_f64() == new.as_f64() => {}
        _ if expected == found => {}
        _ => told.push(pair(path, &expected.to_string(), &found.to_string())),
    }
}

fn xml(expected: &Value, found: &Bytes) -> Vec<String> {
    let Some(text_of) = expected.as_str() else {
        return vec![pair("data", &expected.to_string(), &String::from_utf8_lossy(found))];
    };
    match survey::of_two(&Bytes::copy_from_slice(text_of.trim().as_bytes()), found) {
        Ok(differences) if differences.is_empty() => Vec::new(),
        Ok(differences) => {
            let listed = differences.iter().take(TOLD).map(|one| match one.pointer.as_str() {
                "" => one.detail.clone(),
                pointer => format!("{pointer}: {}", one.detail),
            });
            let whole = pair("data", text_of.trim(), &String::from_utf8_lossy(found));
            vec![listed.fold(whole, |text, line| format!("{text}\n  {line}"))]
        }
        Err(_) => text(expected, found),
    }
}

fn text(expected: &Value, found: &[u8]) -> Vec<String> {
    if expected.as_str().is_some_and(|expected| expected.as_bytes() == found) {
        return Vec::new();
    }
    let found = match std::str::from_utf8(found) {
        Ok(text) => Value::from(text).to_string(),
        Err(_) => format!("{} bytes: {}", found.len(), STANDARD.encode(found)),
    };
    vec![pair("data", &expected.to_string(), &found)]
}

fn pair(what: &str, expected: &str, found: &str) -> String {
    format!("{what}\n  expected: {expected}\n  found:    {found}")
}

#[cfg(test)]
mod tests {
    use super::{json, xml};
    use serde_json::json;

    #[test]
    fn json_is_compared_by_value_and_differences_have_places() {
        let same = |expected, found: &str| json("data", &expected, found.as_bytes()).is_empty();
        assert!(same(json!({"a": 1, "b": [2.5]}), r#"{"b":[2.50], "a":1.0}"#));
        assert!(same(json!("text"), r#""text""#));
        assert!(same(json!(r#"{"a": 1}"#), r#"{"a":1}"#));
        assert!(!same(json!({"a": 1}), r#"{"a":"1"}"#));
        let told = json("data", &json!({"a": {"x/y": 1}, "gone": true}), br#"{"a":{"x/y":2},"new":null}"#);
        let places: Vec<&str> = told.iter().filter_map(|one| one.lines().next()).collect();
        assert_eq!(places, ["data/a/x~1y", "data/gone", "data/new"]);
    }

    #[test]
    fn xml_is_compared_as_canonical_xml() {
        let same = |expected: &str, found: &str| xml(&json!(expected), &found.to_owned().into()).is_empty();
        assert!(same("<a b='1' c=\"2\"></a>\n", "<a c='2' b='1'/>"));
        assert!(same("<x:a xmlns:x='urn:n'/>", "<a xmlns='urn:n'/>"));
        assert!(!same("<a>1</a>", "<a>2</a>"));
        assert!(!same("<a/>", "<a xmlns='urn:n'/>"));
    }
}
