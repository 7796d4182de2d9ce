//! The `convert` step: what it does to the event, and when it fails.

use super::{event, remove, set, text};
use crate::cloudevents::{Data, Event};
use crate::conversion::Schemas;
use crate::conversion::rules::Rules;
use crate::transform::convert::{Convert, To};
use crate::transform::{Error, Step, apply, key::attributes_of};
use serde_json::{Value, json};
use std::sync::Arc;

/// Knows one schema for everything.
#[derive(Debug)]
struct One(Value);

impl Schemas for One {
    fn document(&self, event: &Event) -> Option<&Value> {
        // The step itself removes it, so that this tells the order of things.
        event.attribute("dataschema").map(|_| &self.0)
    }
}

fn convert(to: To) -> Step {
    let declaration = json!({"name": "order-xml", "root": "order", "types": {"/total": "number"}});
    let rules = Rules::compile(&serde_json::from_value(declaration).unwrap()).unwrap();
    let schemas = Arc::new(One(json!({"properties": {"count": {"type": "integer"}}})));
    Step::Convert(Convert { to, rules: Some(Arc::new(rules)), schema_id: None, schemas })
}

fn detail(step: Step, event: &Event) -> String {
    match apply(&[step], event).unwrap_err() {
        Error::Conversion { step: 1, detail } => detail,
        other => panic!("{other:?}"),
    }
}

#[test]
fn json_becomes_xml_and_the_attributes_say_so() {
    let schema = set(&[("dataschema", text("https://example.com/order/1"))]);
    let changed = apply(&[schema, convert(To::Xml)], &event()).unwrap();
    assert_eq!(changed.data, Data::Binary("<order><total>1.10</total></order>".into()));
    assert_eq!(changed.datacontenttype(), Some("application/xml"));
    assert_eq!(changed.attribute("dataschema"), None);
    assert_eq!(changed.attribute("subject"), Some("order"));
    let untyped = apply(&[remove(&["datacontenttype"]), convert(To::Xml)], &event()).unwrap();
    assert_eq!(untyped.datacontenttype(), Some("application/xml"));
}

#[test]
fn xml_becomes_json_with_the_types_of_the_rules_and_the_schema() {
    let xml = "<order><total>1.10</total><count>3</count></order>";
    let attributes = [("datacontenttype", text("text/xml")), ("dataschema", text("https://example.com/order/1"))];
    let governed = Event { data: Data::Binary(xml.into()), ..apply(&[set(&attributes)], &event()).unwrap() };
    let changed = apply(&[convert(To::Json)], &governed).unwrap();
    assert_eq!(changed.data, Data::Json(r#"{"total":1.10,"count":3}"#.into()));
    assert_eq!((changed.datacontenttype(), changed.attribute("dataschema")), (Some("application/json"), None));
    // A step that removes it changes nothing: the schema is that of the event as it was accepted.
    let removed = apply(&[remove(&["dataschema"]), convert(To::Json)], &governed).unwrap();
    assert_eq!(removed.data, changed.data);
    let ungoverned = apply(&[remove(&["dataschema"])], &governed).unwrap();
    let loose = apply(&[convert(To::Json)], &ungoverned).unwrap();
    assert_eq!(loose.data, Data::Json(r#"{"total":1.10,"count":"3"}"#.into()));
    let back = apply(&[convert(To::Xml), convert(To::Json)], &event()).unwrap();
    assert_eq!(back.data, Data::Json("{\"total\":1.10}".into()));
}

#[test]
fn later_steps_may_name_the_kind_of_xml() {
    let named = set(&[("datacontenttype", text("application/vnd.example.order+xml"))]);
    let changed = apply(&[convert(To::Xml), named], &event()).unwrap();
    assert_eq!(changed.datacontenttype(), Some("application/vnd.example.order+xml"));
    assert_eq!(changed.data.len(), "<order><total>1.10</total></order>".len());
}

#[test]
fn data_that_does_not_fit_fails_with_its_place() {
    let with = |data| Event { data, ..event() };
    let plain = apply(&[set(&[("datacontenttype", text("text/plain"))])], &event()).unwrap();
    assert_eq!(detail(convert(To::Xml), &plain), "the data is `text/plain`, and JSON is to be converted");
    assert_eq!(detail(convert(To::Json), &event()), "the data is `application/json`, and XML is to be converted");
    assert_eq!(detail(convert(To::Xml), &with(Data::Absent)), "the event has no data, and JSON is to be converted");
    assert!(detail(convert(To::Xml), &with(Data::Binary("{".into()))).starts_with("the data is not JSON"));
    let control = with(Data::Json(r#"{"a":{"b":"\u0001"}}"#.into()));
    assert_eq!(detail(convert(To::Xml), &control), "`/a/b`: the character U+0001 cannot be written in XML");
    let untyped = apply(&[remove(&["datacontenttype"])], &with(Data::Binary("{}".into()))).unwrap();
    assert_eq!(detail(convert(To::Xml), &untyped), "the data has no media type, and JSON is to be converted");
}

#[test]
fn who_asks_for_attributes_needs_no_data_that_fits() {
    let event = Event { data: Data::Binary("{".into()), ..event() };
    let steps = [convert(To::Xml), set(&[("subject", text("{datacontenttype}"))])];
    let changed = attributes_of(&steps, &event).unwrap();
    assert_eq!(changed.attribute("subject"), Some("application/xml"));
    assert!(apply(&steps, &event).is_err());
}
