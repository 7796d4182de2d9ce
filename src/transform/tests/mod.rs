//! Steps: order, types, what stays valid, what is refused.

mod convert;
mod programs;
mod template;

use super::template::Template;
use super::{Error, SetValue, Step, apply};
use crate::cloudevents::{Attribute, Data, Event, Kind, Value};
use proptest::prelude::*;

fn event() -> Event {
    let attribute = |name, kind, text| Attribute { name, value: Value { kind, text } };
    Event {
        id: "7".into(),
        source: "/shop/eu".into(),
        ty: "com.example.order".into(),
        attributes: [
            attribute("subject", Kind::String, "order"),
            attribute("datacontenttype", Kind::String, "application/json"),
            attribute("time", Kind::Timestamp, "2026-01-01T00:00:00.000+01:00"),
            attribute("count", Kind::Integer, "3"),
            attribute("empty", Kind::String, ""),
        ]
        .into_iter()
        .collect(),
        data: Data::Json("{\"total\": 1.10}".into()),
    }
}

fn text(template: &str) -> SetValue {
    SetValue::Template(Template::parse(template).unwrap())
}

fn set(values: &[(&str, SetValue)]) -> Step {
    Step::Set(values.iter().map(|(name, value)| ((*name).into(), value.clone())).collect())
}

fn remove(names: &[&str]) -> Step {
    Step::Remove(names.iter().map(|name| (*name).into()).collect())
}

fn value(event: &Event, name: &str) -> (Kind, String) {
    let value = event.value(name).unwrap();
    (value.kind, value.text.to_string())
}

#[test]
fn all_values_of_a_set_see_the_event_before_it() {
    let swap = set(&[("subject", text("{region:-none}")), ("region", text("{subject}"))]);
    let changed = apply(std::slice::from_ref(&swap), &event()).unwrap();
    assert_eq!((changed.attribute("subject"), changed.attribute("region")), (Some("none"), Some("order")));
    let twice = apply(&[swap.clone(), swap], &event()).unwrap();
    assert_eq!((twice.attribute("subject"), twice.attribute("region")), (Some("order"), Some("none")));
}

#[test]
fn values_keep_the_type_they_are_written_with() {
    let step = set(&[
        ("express", SetValue::Boolean(true)),
        ("attempt", SetValue::Integer(-2)),
        ("count", text("{count}")),
        ("time", text("2026-02-01T00:00:00Z")),
        ("source", text("{source}/copy")),
        ("subject", SetValue::Integer(5)),
    ]);
    let changed = apply(&[step], &event()).unwrap();
    assert_eq!(value(&changed, "express"), (Kind::Boolean, "true".to_owned()));
    assert_eq!(value(&changed, "attempt"), (Kind::Integer, "-2".to_owned()));
    assert_eq!(value(&changed, "count"), (Kind::String, "3".to_owned()));
    assert_eq!(value(&changed, "time"), (Kind::Timestamp, "2026-02-01T00:00:00Z".to_owned()));
    assert_eq!(value(&changed, "subject"), (Kind::String, "5".to_owned()));
    assert_eq!(changed.source, "/shop/eu/copy");
    let names: Vec<&str> = changed.attributes.iter().map(|attribute| attribute.name).collect();
    assert_eq!(names, ["subject", "datacontenttype", "time", "count", "empty", "express", "attempt"]);
}

#[test]
fn removing_skips_what_is_missing() {
    let changed = apply(&[remove(&["count", "nothing", "subject"])], &event()).unwrap();
    let names: Vec<&str> = changed.attributes.iter().map(|attribute| attribute.name).collect();
    assert_eq!(names, ["datacontenttype", "time", "empty"]);
    assert_eq!(apply(&[], &event()).unwrap(), event());
}

#[test]
fn what_would_be_no_event_is_refused_with_its_step() {
    let refused = [
        set(&[("subject", text("{empty}"))]),
        set(&[("type", text(""))]),
        set(&[("time", text("tomorrow"))]),
        set(&[("time", SetValue::Boolean(true))]),
        set(&[("dataschema", text("relative"))]),
        set(&[("source", text("a b"))]),
        set(&[("datacontenttype", text("application/cloudevents+json"))]),
        set(&[("note", text("line\nbreak"))]),
        set(&[("Note", text("x"))]),
        set(&[("data", text("x"))]),
        remove(&["id"]),
    ];
    for step in refused {
        let error = apply(&[set(&[("region", text("eu"))]), step.clone()], &event()).unwrap_err();
        assert!(matches!(&error, Error::Invalid { step: 2, detail } if !detail.is_empty()), "{step:?}: {error:?}");
    }
    // design.md §3: an empty String extension is valid.
    assert_eq!(apply(&[set(&[("note", text("{empty}"))])], &event()).unwrap().attribute("note"), Some(""));
}

#[test]
fn a_template_without_its_attribute_names_both() {
    let error = apply(&[set(&[("note", text("{region}-{subject}"))])], &event()).unwrap_err();
    assert_eq!(
        error,
        Error::Template { step: 1, template: "{region}-{subject}".to_owned(), attribute: "region".to_owned() }
    );
}

#[test]
fn json_that_is_called_something_else_is_bytes() {
    let step = |media_type| set(&[("datacontenttype", text(media_type))]);
    let data = |steps: &[Step]| apply(steps, &event()).unwrap().data;
    let bytes = Data::Binary("{\"total\": 1.10}".into());
    assert_eq!(data(&[step("text/plain")]), bytes);
    assert_eq!(data(&[step("text/plain"), step("application/json")]), bytes);
    assert_eq!(data(&[step("application/vnd.order+json")]), event().data);
    assert_eq!(data(&[remove(&["datacontenttype"])]), event().data);
}

proptest! {
    #[test]
    fn any_value_is_set_or_refused(name in "[a-z0-9]{1,3}|subject|source|time|type", value in "\\PC{0,8}|[\\x00-\\x1f]") {
        let template = value.replace('{', "{{").replace('}', "}}");
        match apply(&[set(&[(&name, text(&template))])], &event()) {
            Ok(changed) => prop_assert_eq!(changed.attribute(&name), Some(value.as_str())),
            Err(error) => prop_assert!(matches!(error, Error::Invalid { .. }), "{}", error),
        }
    }
}
