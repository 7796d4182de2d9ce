//! `rename`, `jq`, attributes from data, and steps told one by one.

use super::{event, remove, set, text, value};
use crate::cloudevents::{Data, Event, Kind};
use crate::jq::{Limits, Program};
use crate::transform::{Error, SetValue, Step, apply, trace};

fn program(text: &str) -> Program {
    Program::compile(text, "r", Limits::default()).unwrap()
}

fn from_data(text: &str) -> SetValue {
    SetValue::Jq(program(text))
}

fn rename(names: &[(&str, &str)]) -> Step {
    Step::Rename(names.iter().map(|(old, new)| ((*old).into(), (*new).into())).collect())
}

fn failure(step: Step) -> String {
    apply(&[set(&[("note", text("x"))]), step], &event()).unwrap_err().to_string()
}

#[test]
fn attributes_are_renamed_all_at_once() {
    let renamed = apply(&[rename(&[("subject", "topic"), ("missing", "other")])], &event()).unwrap();
    assert_eq!((renamed.attribute("topic"), renamed.attribute("subject")), (Some("order"), None));
    assert_eq!(renamed.attribute("other"), None);
    let swapped = apply(&[rename(&[("subject", "empty"), ("empty", "note")])], &event()).unwrap();
    assert_eq!((swapped.attribute("empty"), swapped.attribute("note")), (Some("order"), Some("")));
    let replaced = apply(&[rename(&[("subject", "count")])], &event()).unwrap();
    assert_eq!(value(&replaced, "count"), (Kind::String, "order".to_owned()));
    let typed = apply(&[rename(&[("count", "amount"), ("time", "occurred")])], &event()).unwrap();
    assert_eq!(value(&typed, "amount"), (Kind::Integer, "3".to_owned()));
    assert_eq!(value(&typed, "occurred").0, Kind::Timestamp);
    let fixed = apply(&[rename(&[("count", "subject")])], &event()).unwrap();
    assert_eq!(value(&fixed, "subject"), (Kind::String, "3".to_owned()));
    let twice = apply(&[rename(&[("a", "b")]), rename(&[("count", "id")])], &event()).unwrap();
    assert_eq!(&*twice.id, "3");
    assert_eq!(failure(rename(&[("empty", "subject")])), "step 2 makes an invalid event: `subject` is empty");
}

#[test]
fn data_is_made_anew_in_constructed_order() {
    let event = Event { data: Data::Json(r#"{"orderId": 7, "total": 1.10, "z": [1, 2]}"#.into()), ..event() };
    let with_schema = set(&[("dataschema", text("https://example.com/order/1"))]);
    let step = Step::Jq(program("{total, id: .orderId, who: $event.subject}"));
    let changed = apply(&[with_schema, step], &event).unwrap();
    assert_eq!(changed.data, Data::Json(r#"{"total":1.10,"id":7,"who":"order"}"#.into()));
    assert_eq!(changed.attribute("datacontenttype"), Some("application/json"));
    assert_eq!(changed.attribute("dataschema"), None);
}

#[test]
fn the_data_a_step_sees_is_that_of_the_moment() {
    let steps = [
        Step::Jq(program("{sum: (.total * 2)}")),
        set(&[("sum", from_data(".sum | tostring")), ("count", text("{count}0"))]),
        Step::Jq(program("{sum, count: $event.count}")),
    ];
    let changed = apply(&steps, &event()).unwrap();
    assert_eq!(changed.attribute("sum"), Some("2.2"));
    assert_eq!(changed.data, Data::Json(r#"{"sum":2.2,"count":"30"}"#.into()));
}

#[test]
fn attributes_from_data_have_the_type_of_the_output() {
    let event = Event { data: Data::Json(r#"{"region": "eu", "vip": true, "age": 41}"#.into()), ..event() };
    let step = set(&[
        ("region", from_data(".region")),
        ("vip", from_data(".vip")),
        ("age", from_data(".age")),
        ("subject", from_data(".age")),
    ]);
    let changed = apply(&[step], &event).unwrap();
    assert_eq!(value(&changed, "region"), (Kind::String, "eu".to_owned()));
    assert_eq!(value(&changed, "vip"), (Kind::Boolean, "true".to_owned()));
    assert_eq!(value(&changed, "age"), (Kind::Integer, "41".to_owned()));
    assert_eq!(value(&changed, "subject"), (Kind::String, "41".to_owned()));
}

#[test]
fn a_failure_names_the_step_and_why() {
    for (step, told) in [
        (
            set(&[("region", from_data(".missing"))]),
            "step 2: jq: `region` must be text, true, false or a whole number of 32 bits, not null",
        ),
        (set(&[("region", from_data("empty"))]), "step 2: jq: the program has no output, and one is needed"),
        (set(&[("region", from_data("1, 2"))]), "step 2: jq: the program has several outputs, and one is needed"),
        (
            set(&[("region", from_data("1.5"))]),
            "step 2: jq: `region` must be text, true, false or a whole number of 32 bits, not 1.5",
        ),
        (
            set(&[("region", from_data("\"a\\nb\""))]),
            "step 2 makes an invalid event: `region`: the value holds the character U+000A, which is not allowed",
        ),
        (set(&[("subject", from_data("\"\""))]), "step 2 makes an invalid event: `subject` is empty"),
        (Step::Jq(program(".[] | .x")), "step 2: jq: the program failed: cannot index 1.10 with \"x\""),
        (Step::Jq(program("empty")), "step 2: jq: the program has no output, and one is needed"),
        (
            set(&[("a", text("{region}"))]),
            "step 2: template `{region}` needs attribute `region`, which the event does not have",
        ),
    ] {
        assert_eq!(failure(step), told);
    }
    let bytes = Event { data: Data::Binary("x".into()), ..apply(&[remove(&["datacontenttype"])], &event()).unwrap() };
    let error = apply(&[Step::Jq(program("."))], &bytes).unwrap_err();
    assert_eq!(error.to_string(), "step 1: jq: the data has no media type");
}

#[test]
fn steps_are_told_one_by_one_up_to_the_first_that_fails() {
    let steps =
        [set(&[("region", text("eu"))]), Step::Jq(program(".nothing")), Step::Jq(program("error")), remove(&["count"])];
    let traced = trace(&steps, &event());
    let names: Vec<(usize, &str)> = traced.iter().map(|traced| (traced.number, traced.step)).collect();
    assert_eq!(names, [(1, "set"), (2, "jq"), (3, "jq")]);
    assert_eq!(traced[0].before, event());
    assert_eq!(traced[1].before.attribute("region"), Some("eu"));
    assert_eq!(traced[1].after.as_ref().unwrap().data, Data::Json("null".into()));
    assert!(matches!(traced[2].after, Err(Error::Program { step: 3, .. })));
    assert_eq!(trace(&steps[..2], &event())[1].after, apply(&steps[..2], &event()));
}
