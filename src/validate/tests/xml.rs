//! XML data of a governed type is checked in its JSON form, by the rules the type's folder names.

use super::{Data, Refusal, Registry, event};
use crate::cloudevents::Event;
use crate::conversion::Schemas;
use crate::conversion::rules::Rules;
use serde_json::json;
use std::sync::Arc;

const SCHEMA: &str = r#"{"type": "object", "required": ["id", "total"], "properties": {"total": {"type": "number", "minimum": 1},
    "id": {"type": "integer"}, "items": {"type": "array", "items": {"required": ["sku"]}}, "code": {"type": "string"}}}"#;

fn registry() -> Registry {
    let declaration = json!({"name": "order-xml", "root": "order", "attributes": ["/id"], "lists": {"/items": "item"},
        "types": {"/code": "integer"}});
    let rules = Arc::new(Rules::compile(&serde_json::from_value(declaration).unwrap()).unwrap());
    let files = [("com.example.order/1.json".to_owned(), SCHEMA.as_bytes().to_vec())];
    Registry::compile(&files, &[("com.example.order".to_owned(), rules)].into()).unwrap()
}

fn xml(text: &str) -> Event {
    event(Data::Binary(text.to_owned().into()), &[("datacontenttype", "application/xml")])
}

fn check(event: &Event) -> Result<(), Refusal> {
    registry().check(event, false).map(|label| assert_eq!(label.as_deref(), Some("com.example.order/1")))
}

const GOOD: &str = "<order id=\"7\"><total>1.50</total><items><item><sku>a</sku></item></items></order>";

#[test]
fn every_form_of_xml_data_is_checked() {
    assert_eq!(check(&xml(GOOD)), Ok(()));
    assert_eq!(check(&event(Data::Xml(GOOD.into()), &[])), Ok(()));
    assert_eq!(check(&event(Data::Text(GOOD.into()), &[("datacontenttype", "text/xml; charset=utf-8")])), Ok(()));
    let vendor = [("datacontenttype", "application/vnd.example.order+xml")];
    assert_eq!(check(&event(Data::Binary(GOOD.into()), &vendor)), Ok(()));
    assert_eq!(check(&event(Data::Json(r#"{"id": 7, "total": 1.50}"#.into()), &[])), Ok(()));
}

#[test]
fn violations_point_into_the_json_form() {
    let broken = "<order id=\"x\"><total>0</total><items><item><sku>a</sku></item><item><x/></item></items></order>";
    let Err(Refusal::Violations(violations)) = check(&xml(broken)) else { panic!("no violations") };
    let mut pointers: Vec<&str> = violations.iter().map(|violation| violation.pointer.as_str()).collect();
    pointers.sort_unstable();
    assert_eq!(pointers, ["/data/id", "/data/items/1/sku", "/data/total"]);
    let Err(Refusal::Violations(text)) = check(&xml("<order id=\"7\"><total>much</total></order>")) else { panic!() };
    assert_eq!((text[0].pointer.as_str(), text[0].detail.as_str()), ("/data/total", "expected number, found `much`"));
}

#[test]
fn what_breaks_the_rules_is_told_where_it_stands() {
    for (text, pointer) in [
        ("<order id=\"7\"><total>1<b/></total></order>", "/data/total"),
        ("<order id=\"7\"><items><other/></items></order>", "/data/items"),
        ("<order><total>1</total><code>x</code></order>", "/data/code"),
    ] {
        let refusal = check(&xml(text)).unwrap_err();
        assert!(matches!(&refusal, Refusal::Violations(all) if all[0].pointer == pointer), "{text}: {refusal:?}");
    }
    for (text, words) in [
        ("<invoice/>", "not for `invoice`"),
        ("<order>", "ends inside of an element"),
        ("{}", "outside of the root element"),
        ("<!DOCTYPE order><order/>", "DOCTYPE"),
        ("", "no root element"),
    ] {
        let Err(Refusal::WrongDataKind(violation)) = check(&xml(text)) else { panic!("{text}") };
        assert_eq!(violation.pointer, "/data", "{text}");
        assert!(violation.detail.contains(words), "{text}: {}", violation.detail);
    }
}

#[test]
fn data_of_other_kinds_is_refused_as_before() {
    let text = event(Data::Text("x".into()), &[("datacontenttype", "text/plain")]);
    let Err(Refusal::WrongDataKind(violation)) = check(&text) else { panic!() };
    assert_eq!(violation.pointer, "/datacontenttype");
    assert!(violation.detail.contains("asks for JSON or XML"), "{}", violation.detail);
    let Err(Refusal::WrongDataKind(violation)) = check(&event(Data::Absent, &[])) else { panic!() };
    assert_eq!(violation.pointer, "/data");
    // Without rules there is no way from XML to the schema.
    let Err(Refusal::WrongDataKind(violation)) = super::registry().check(&xml(GOOD), false) else { panic!() };
    assert_eq!(violation.pointer, "/datacontenttype");
}

#[test]
fn the_document_behind_an_event_is_found() {
    let registry = registry();
    assert!(registry.document(&xml(GOOD)).is_some_and(|document| document["properties"]["id"]["type"] == "integer"));
    let named = event(Data::Absent, &[("dataschema", "https://x/com.example.order/1")]);
    assert!(registry.document(&named).is_some());
    assert_eq!(registry.document(&event(Data::Absent, &[("dataschema", "https://x/unknown")])), None);
    assert_eq!(registry.document(&Event { ty: "other".into(), ..xml(GOOD) }), None);
}
