//! Which schema governs an event, and which data it can be asked of.

mod json_schema;
mod registry;
mod xml;

use super::{Conversions, Refusal, Registry};
use crate::cloudevents::{Attribute, Data, Event, Violation};

const ORDER_1: &str = r#"{"$id": "https://schemas.example/order", "required": ["total"]}"#;
const ORDER_2: &str = r#"{"required": ["sum"]}"#;

fn registry() -> Registry {
    compile(&[("com.example.order/1.json", ORDER_1), ("com.example.order/1.10.json", ORDER_2)]).unwrap()
}

fn compile(files: &[(&str, &str)]) -> Result<Registry, Vec<super::SchemaFault>> {
    let files: Vec<_> = files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
    Registry::compile(&files, &Conversions::new())
}

fn event(data: Data, attributes: &[(&str, &str)]) -> Event {
    Event {
        id: "1".into(),
        source: "/shop".into(),
        ty: "com.example.order".into(),
        attributes: attributes.iter().map(|(name, text)| Attribute::string(name, text)).collect(),
        data,
    }
}

fn json(text: &'static str) -> Data {
    Data::Json(text.into())
}

fn check(event: &Event) -> Result<Option<String>, Refusal> {
    registry().check(event, false).map(|label| label.map(|label| label.to_string()))
}

#[test]
fn without_dataschema_the_highest_version_is_asked() {
    let label = Ok(Some("com.example.order/1.10".to_owned()));
    assert_eq!(check(&event(json(r#"{"sum": 1}"#), &[])), label);
    assert!(matches!(check(&event(json(r#"{"total": 1}"#), &[])), Err(Refusal::Violations(_))));
}

#[test]
fn dataschema_names_a_version_by_id_or_by_the_end_of_its_path() {
    let first = Ok(Some("com.example.order/1".to_owned()));
    for dataschema in [
        "https://schemas.example/order",
        "https://any.example/deep/com.example.order/1",
        "https://any.example/com.example.order/1?a=b",
        "https://any.example/com%2Eexample%2eorder/1",
        "file:/com.example.order/1",
    ] {
        assert_eq!(check(&event(json(r#"{"total": 1}"#), &[("dataschema", dataschema)])), first, "{dataschema}");
    }
    for dataschema in [
        "https://schemas.example/order#",
        "https://any.example/xcom.example.order/1",
        "https://any.example/com.example.order/2",
        "https://any.example/com.example.order/1/",
        "https://any.example/com.example.order/1.json",
        "https://any.example/?/com.example.order/1",
        "urn:com.example.order:1",
    ] {
        let refusal = check(&event(json(r#"{"total": 1}"#), &[("dataschema", dataschema)])).unwrap_err();
        assert!(
            matches!(&refusal, Refusal::UnknownSchema(at) if at.pointer == "/dataschema"),
            "{dataschema}: {refusal:?}"
        );
    }
}

#[test]
fn a_type_with_slashes_is_found_as_written_and_encoded() {
    let registry = compile(&[("a%2Fb%20c/v1.json", "true")]).unwrap();
    for dataschema in ["https://x.example/a/b c/v1", "https://x.example/a%2Fb%20c/v1", "https://x.example/a%2fb%20c/v1"]
    {
        let event = Event { ty: "a/b c".into(), ..event(json("1"), &[("dataschema", dataschema)]) };
        assert_eq!(registry.check(&event, false), Ok(Some("a/b c/v1".into())), "{dataschema}");
    }
}

#[test]
fn a_type_without_schema_is_taken_or_refused() {
    let other = Event { ty: "com.example.other".into(), ..event(Data::Absent, &[("dataschema", "urn:x")]) };
    assert_eq!(registry().check(&other, false), Ok(None));
    let refusal = registry().check(&other, true).unwrap_err();
    assert!(matches!(refusal, Refusal::UngovernedType(at) if at.pointer == "/type"));
}

#[test]
fn json_is_read_in_every_form_it_comes_in() {
    let text = r#"{"sum": 1}"#;
    let cases = [
        (json(text), vec![]),
        (json(text), vec![("datacontenttype", "application/vnd.order+JSON; charset=utf-8")]),
        (Data::Binary(text.into()), vec![("datacontenttype", "Application/Json")]),
        (Data::Binary(text.into()), vec![("datacontenttype", "text/json")]),
        (Data::Text(text.into()), vec![("datacontenttype", "application/json")]),
    ];
    for (data, attributes) in cases {
        assert!(check(&event(data.clone(), &attributes)).is_ok(), "{data:?} {attributes:?}");
    }
}

#[test]
fn data_of_another_kind_is_refused_where_it_is_wrong() {
    let text = r#"{"sum": 1}"#;
    let cases = [
        (Data::Absent, vec![], "/data"),
        (Data::Absent, vec![("datacontenttype", "application/json")], "/data"),
        (Data::Binary(text.into()), vec![], "/data"),
        (Data::Text(text.into()), vec![], "/data"),
        (Data::Binary(text.into()), vec![("datacontenttype", "text/plain")], "/datacontenttype"),
        (Data::Xml("<a/>".into()), vec![("datacontenttype", "application/xml")], "/datacontenttype"),
    ];
    for (data, attributes, pointer) in cases {
        let refusal = check(&event(data.clone(), &attributes)).unwrap_err();
        assert!(matches!(&refusal, Refusal::WrongDataKind(at) if at.pointer == pointer), "{data:?}: {refusal:?}");
    }
}

#[test]
fn what_calls_itself_json_has_to_be_json() {
    let nested = "[".repeat(5_000) + &"]".repeat(5_000);
    for text in ["", "{", "{} x", "\u{feff}{}", "{'a': 1}", "NaN", "01", "\"\\ud800\"", &nested] {
        let broken = event(Data::Binary(text.to_owned().into()), &[("datacontenttype", "application/json")]);
        let refusal = check(&broken).unwrap_err();
        assert!(matches!(&refusal, Refusal::NotJson(at) if at.pointer == "/data"), "{text:.20}: {refusal:?}");
    }
    let invalid_utf8 = event(Data::Binary((&b"\"\xff\""[..]).into()), &[("datacontenttype", "application/json")]);
    assert!(matches!(check(&invalid_utf8), Err(Refusal::NotJson(_))));
}

#[test]
fn every_json_number_can_be_checked() {
    let registry = compile(&[(
        "com.example.order/1.json",
        r#"{"items": {"type": "integer", "minimum": -1e308, "maximum": 1e308}}"#,
    )])
    .unwrap();
    let check = |text: &'static str| registry.check(&event(json(text), &[]), false);
    assert!(check("[123456789012345678901234567890, -98765432109876543210, 1.0, 1e3]").is_ok());
    for (text, pointer) in [
        ("[1, 1e400]", "/data/1"),
        ("[1, -1e400]", "/data/1"),
        (r#"["\"1e400\\", 1]"#, "/data/0"),
        ("[1.5]", "/data/0"),
    ] {
        let refusal = check(text).unwrap_err();
        assert!(matches!(&refusal, Refusal::Violations(all) if pointers(all) == [pointer]), "{text}: {refusal:?}");
    }
    let strings = r#"["\"1e400\\", "x\\\"", 1e400]"#;
    assert!(
        matches!(check(strings), Err(Refusal::Violations(all)) if pointers(&all) == ["/data/0", "/data/1", "/data/2"])
    );
}

#[test]
fn the_list_is_in_order_of_type_and_version() {
    let registry = compile(&[
        ("b/1.9.json", "{}"),
        ("b/1.10.json", "{}"),
        ("a/beta.json", r#"{"$id": "urn:beta"}"#),
        ("a/2.json", r#"{"$schema": "http://json-schema.org/draft-04/schema#", "id": "urn:old"}"#),
    ])
    .unwrap();
    let list = registry.list();
    let shown: Vec<_> = list.iter().map(|info| (&*info.ty, &*info.version, info.id.as_deref())).collect();
    let expected =
        [("a", "2", Some("urn:old")), ("a", "beta", Some("urn:beta")), ("b", "1.9", None), ("b", "1.10", None)];
    assert_eq!(shown, expected);
    assert!(list.iter().all(|info| info.kind == "json_schema"));
}

fn pointers(violations: &[Violation]) -> Vec<&str> {
    violations.iter().map(|violation| violation.pointer.as_str()).collect()
}
