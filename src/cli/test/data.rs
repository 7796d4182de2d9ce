//! Expected against found data: JSON as JSON, XML as canonical XML, all else as text.

use super::json::{self, TOLD};
use crate::cloudevents::{Data, Event};
use crate::config::test_file::{Given, Wanted};
use crate::conversion::survey;
use crate::pipeline::explain::{DeliveryExplained, Form};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value;

/// What is expected.
struct Expected<'w> {
    value: &'w Value,
    /// As JSON, with every digit.
    json: &'w str,
}

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
    let value = match &wanted.data {
        Given::LeftOut => return Vec::new(),
        Given::Null => &Value::Null,
        Given::Value(value) => value,
    };
    let expected = &Expected { value, json: &wanted.data_json };
    let of_data = against_data(expected, event);
    if of_data.is_empty() {
        return of_data;
    }
    let Some(of_message) = message.map(|(body, form)| against_message(expected, body, *form)) else { return of_data };
    let is_whole = value.get("specversion").is_some() && event.is_some_and(|event| event.json_data().is_some());
    if of_message.is_empty() || is_whole { of_message } else { of_data }
}

fn against_data(expected: &Expected<'_>, event: Option<&Event>) -> Vec<String> {
    let Some(found) = event.and_then(|event| event.data.bytes()) else {
        return if expected.value.is_null() { Vec::new() } else { vec![pair("data", expected.json, "no data")] };
    };
    let is_binary = event.is_some_and(|event| matches!(event.data, Data::Proto { .. }));
    match event.filter(|_| !is_binary).map(|event| (event.json_data(), event.xml_data())) {
        Some((Some(text), _)) => json(expected, &text),
        Some((None, Some(text))) => xml(expected.value, &text),
        _ => text(expected.value, &found),
    }
}

fn against_message(expected: &Expected<'_>, body: &Bytes, form: Form) -> Vec<String> {
    match form {
        Form::Json => json(expected, body),
        Form::Text if body.trim_ascii_start().starts_with(b"<") => xml(expected.value, body),
        Form::Text | Form::Bytes => text(expected.value, body),
    }
}

/// JSON as JSON. An object or array may be expected as its text, too.
fn json(expected: &Expected<'_>, found: &[u8]) -> Vec<String> {
    let Some(told) = json::differences("data", expected.json.as_bytes(), found) else {
        return text(expected.value, found);
    };
    let of_text = expected.value.as_str().filter(|text| text.trim_start().starts_with(['{', '[']));
    let of_text = of_text.and_then(|text| json::differences("data", text.as_bytes(), found));
    match of_text {
        Some(of_text) if !told.is_empty() => of_text,
        _ => told,
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
        Err(_) => format!("bytes, in Base64: {}", STANDARD.encode(found)),
    };
    vec![pair("data", &expected.to_string(), &found)]
}

/// A difference.
pub fn pair(what: &str, expected: &str, found: &str) -> String {
    format!("{what}\n  expected: {expected}\n  found:    {found}")
}

#[cfg(test)]
mod tests {
    use super::xml;
    use serde_json::json;

    #[test]
    fn xml_is_compared_as_canonical_xml() {
        let same = |expected: &str, found: &str| xml(&json!(expected), &found.to_owned().into()).is_empty();
        assert!(same("<a b='1' c=\"2\"></a>\n", "<a c='2' b='1'/>"));
        assert!(same("<x:a xmlns:x='urn:n'/>", "<a xmlns='urn:n'/>"));
        assert!(same("<a>\n  <b/>\n</a>", "<a><b/></a>"));
        assert!(!same("<a>1</a>", "<a>2</a>"));
        assert!(!same("<a/>", "<a xmlns='urn:n'/>"));
    }
}
