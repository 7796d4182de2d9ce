//! What survives the way there and back, whatever the data.

use super::rules;
use crate::conversion::rules::Rules;
use crate::conversion::{from_xml, to_xml};
use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Data with the rules and the schema under which nothing of it is lost.
#[derive(Debug, Clone)]
struct Sample {
    /// JSON text, compact.
    text: String,
    /// Declares every array of the data, and nothing else.
    lists: Vec<(String, Value)>,
    /// Types of all scalars that are not text.
    types: Vec<(String, &'static str)>,
    /// Says where objects are, which may be empty.
    schema: Value,
}

fn text() -> impl Strategy<Value = String> {
    "[ -~\t\r\n]{0,8}|[\\PC&&[^\u{fffe}\u{ffff}]]{0,6}|(&|<|>|]]>|\"|'| |\r\n|é|😀){0,4}"
}

fn name() -> impl Strategy<Value = String> {
    "[a-z]{1,4}|[ -~]{1,6}|\\PC{1,4}|(_x|_|0041|:|\u{1}|\u{f0000}|xmlns){1,3}"
        .prop_filter("names of rules", |name| name != "*")
}

fn number() -> impl Strategy<Value = String> {
    "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?"
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

fn scalar() -> impl Strategy<Value = Sample> {
    let of = |text: String, types: Option<&'static str>, schema: Value| Sample {
        text,
        lists: Vec::new(),
        types: types.map(|kind| (String::new(), kind)).into_iter().collect(),
        schema,
    };
    prop_oneof![
        text().prop_map(move |text| of(quoted(&text), None, json!({"type": "string"}))),
        number().prop_map(move |number| of(number, Some("number"), json!({}))),
        number().prop_map(move |number| of(number, None, json!({"type": "number"}))),
        any::<bool>().prop_map(move |value| of(value.to_string(), Some("boolean"), json!({}))),
        any::<bool>().prop_map(move |value| of(value.to_string(), None, json!({"type": ["boolean", "null"]}))),
        Just(of("null".to_owned(), None, json!({}))),
    ]
}

fn within(step: &str, pointer: &str) -> String {
    format!("/{}{pointer}", step.replace('~', "~0").replace('/', "~1"))
}

fn object(members: Vec<(String, Sample)>) -> Sample {
    let mut names = Vec::new();
    let mut object =
        Sample { text: "{".to_owned(), lists: Vec::new(), types: Vec::new(), schema: json!({"type": "object"}) };
    object.schema["properties"] = json!({});
    for (name, sample) in members {
        if names.contains(&name) {
            continue;
        }
        let comma = if names.is_empty() { "" } else { "," };
        object.text.extend([comma, &quoted(&name), ":", &sample.text]);
        object.lists.extend(sample.lists.into_iter().map(|(pointer, list)| (within(&name, &pointer), list)));
        object.types.extend(sample.types.into_iter().map(|(pointer, kind)| (within(&name, &pointer), kind)));
        object.schema["properties"][&name] = sample.schema;
        names.push(name);
    }
    object.text.push('}');
    object
}

/// Entries are alike, because one rule is for all of them.
fn array(mut entry: Sample, count: usize, declared: u8) -> Sample {
    // Repeated arrays in arrays would run together, and an empty repeated one is nothing.
    if let Some((_, list)) = entry.lists.iter_mut().find(|(pointer, _)| pointer.is_empty()) {
        *list = json!("cell");
    }
    let repeatable = declared == 2 && count > 0;
    let list = match declared {
        0 => None,
        2 if repeatable => Some(Value::Null),
        _ => Some(json!("entry")),
    };
    let mut array = Sample {
        text: format!("[{}]", vec![entry.text.as_str(); count].join(",")),
        lists: list.into_iter().map(|list| (String::new(), list)).collect(),
        types: entry.types.into_iter().map(|(pointer, kind)| (within("*", &pointer), kind)).collect(),
        schema: json!({"type": "array", "items": entry.schema}),
    };
    array.lists.extend(entry.lists.into_iter().map(|(pointer, list)| (within("*", &pointer), list)));
    array
}

fn sample() -> impl Strategy<Value = Sample> {
    scalar().prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec((name(), inner.clone()), 0..6).prop_map(object),
            (inner, 0usize..4, 0u8..3).prop_map(|(entry, count, declared)| array(entry, count, declared)),
        ]
    })
}

/// The rules of a sample; a repeated list needs something around it.
fn lossless(sample: Sample) -> (Sample, Rules) {
    let sample = if matches!(sample.lists.first(), Some((pointer, Value::Null)) if pointer.is_empty()) {
        object(vec![("list".to_owned(), sample)])
    } else {
        sample
    };
    let lists: serde_json::Map<String, Value> = sample.lists.iter().cloned().collect();
    let types: serde_json::Map<String, Value> =
        sample.types.iter().map(|(pointer, kind)| (pointer.clone(), (*kind).into())).collect();
    let rules = rules(&json!({"lists": lists, "types": types, "namespace": "urn:example:order", "prefix": "o"}));
    (sample, rules)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn json_survives_the_way_to_xml_and_back_byte_for_byte(sample in sample()) {
        let (sample, rules) = lossless(sample);
        let xml = to_xml(&rules, sample.text.as_bytes()).unwrap();
        let back = from_xml(&rules, &xml, Some(&sample.schema)).unwrap();
        prop_assert_eq!(&back, &sample.text, "{}", String::from_utf8_lossy(&xml));
    }

    #[test]
    fn xml_the_rules_write_survives_the_way_to_json_and_back(sample in sample()) {
        let (sample, rules) = lossless(sample);
        let xml = to_xml(&rules, sample.text.as_bytes()).unwrap();
        let json = from_xml(&rules, &xml, Some(&sample.schema)).unwrap();
        prop_assert_eq!(to_xml(&rules, &json).unwrap(), xml);
    }

    #[test]
    fn scalars_survive_as_xml_attributes_and_text(id in text(), number in number(), note in text(), member in name()) {
        let pointer = within(&member, "");
        let rules = rules(&json!({"attributes": [format!("/x{pointer}"), "/x/\u{1}n"], "text": ["/x/\u{2}t"], "types": {"/x/\u{1}n": "number"}}));
        prop_assume!(!member.starts_with(['\u{1}', '\u{2}']));
        let text = format!("{{\"x\":{{{}:{},\"\\u0001n\":{number},\"\\u0002t\":{}}}}}", quoted(&member), quoted(&id), quoted(&note));
        let xml = to_xml(&rules, text.as_bytes()).unwrap();
        prop_assert_eq!(from_xml(&rules, &xml, None).unwrap(), text, "{}", String::from_utf8_lossy(&xml));
    }

    #[test]
    fn no_bytes_break_it(bytes in proptest::collection::vec(any::<u8>(), 0..60), nearly in "<order>[<>/a&;!\\[\\]CDATA\"'= -]{0,40}</order>") {
        let rules = rules(&json!({"attributes": ["/a"], "lists": {"/b": null, "": "x"}}));
        drop(to_xml(&rules, &bytes));
        drop(from_xml(&rules, &Bytes::from(bytes), None));
        if let Ok(json) = from_xml(&rules, &Bytes::from(nearly), None) {
            prop_assert!(serde_json::from_slice::<Value>(&json).is_ok());
        }
    }
}
