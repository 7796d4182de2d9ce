use super::Refused;
use crate::cloudevents::attributes::expected_kind;
use crate::cloudevents::reader::Bounds;
use crate::cloudevents::{Data, Event, Kind, json};
use bytes::Bytes;
use cloudevents::event::ExtensionValue;
use cloudevents::{AttributesReader as _, EventBuilder as _, EventBuilderV03, EventBuilderV10};
use proptest::prelude::{Just, Strategy, any, prop_assert_eq, prop_oneof, proptest};
use serde_json::json;

fn read(members: &str) -> Event {
    let body = format!(r#"{{"specversion":"1.0","id":"1","source":"/s","type":"t"{members}}}"#);
    json::read(body.into(), &Bounds::default()).unwrap()
}

fn there(event: &Event) -> cloudevents::Event {
    event.try_into().unwrap()
}

fn back(event: &cloudevents::Event) -> Event {
    event.try_into().unwrap()
}

#[test]
fn attributes_arrive_with_their_types() {
    let event = there(&read(
        r#","subject":"x","time":"2026-01-01T11:00:00.5+01:00","dataschema":"HTTP://EXAMPLE.com","n":-7,"b":true,"s":"é""#,
    ));
    assert_eq!((event.id(), event.source().as_str(), event.ty(), event.subject()), ("1", "/s", "t", Some("x")));
    assert_eq!(event.time().unwrap().to_rfc3339(), "2026-01-01T10:00:00.500+00:00");
    assert_eq!(event.dataschema().unwrap().as_str(), "http://example.com/", "the SDK normalises");
    assert_eq!(event.extension("n"), Some(&ExtensionValue::Integer(-7)));
    assert_eq!(event.extension("b"), Some(&ExtensionValue::Boolean(true)));
    assert_eq!(event.extension("s"), Some(&ExtensionValue::String("é".to_owned())));
    let returned = back(&event);
    assert_eq!(returned.attribute("time"), Some("2026-01-01T10:00:00.500Z"));
    assert_eq!(returned.value("n").map(|value| value.kind), Some(Kind::Integer));
}

#[test]
fn each_form_of_data_is_what_the_sdk_would_send_right() {
    let of = |members: &str| {
        let event = there(&read(members));
        (event.datacontenttype().map(str::to_owned), event.data().cloned())
    };
    let json = |type_: &str, value| (Some(type_.to_owned()), Some(cloudevents::Data::Json(value)));
    assert_eq!(of(""), (None, None));
    assert_eq!(of(r#","data":{"a":1}"#), json("application/json", json!({"a": 1})));
    assert_eq!(of(r#","datacontenttype":"text/json","data":"x""#), json("text/json", json!("x")));
    let base64 = r#","datacontenttype":"Application/JSON; charset=utf-8","data_base64":"eyJhIjoxfQ==""#;
    assert_eq!(of(base64), json("Application/JSON; charset=utf-8", json!({"a": 1})));
    let text = cloudevents::Data::String("a".to_owned());
    assert_eq!(of(r#","datacontenttype":"text/plain","data":"a""#), (Some("text/plain".to_owned()), Some(text)));
    let bytes = cloudevents::Data::Binary(b"{}".to_vec());
    assert_eq!(of(r#","data_base64":"e30=""#), (None, Some(bytes)), "bytes without a type are not taken for JSON");
    let too_large = of(r#","data":1e400"#);
    assert_eq!(too_large.1, Some(cloudevents::Data::Binary(b"1e400".to_vec())), "not rounded to infinity");
    let xml = Event { data: Data::Xml(Bytes::from_static(b"<a/>")), ..read("") };
    let (media_type, data) = (there(&xml).datacontenttype().map(str::to_owned), there(&xml).data().cloned());
    assert_eq!(media_type.as_deref(), Some("application/xml"));
    assert_eq!(data, Some(cloudevents::Data::String("<a/>".to_owned())));
}

#[test]
fn what_the_sdk_cannot_hold_is_named() {
    let error = cloudevents::Event::try_from(read(r#","dataschema":"a://b:99999/""#)).unwrap_err();
    assert_eq!(error.attribute, "dataschema");
    assert!(error.to_string().contains("a://b:99999/"), "{error}");
}

#[test]
fn what_the_sdk_lets_through_is_refused_with_every_violation() {
    let event =
        EventBuilderV10::new().id("").source("/s").ty("t").extension("Upper", "x").extension("big", 1_i64 << 40);
    let Err(Refused::Invalid(violations)) = Event::try_from(event.build().unwrap()) else { panic!("taken") };
    let pointers: Vec<_> = violations.iter().map(|violation| violation.pointer.as_str()).collect();
    assert_eq!(pointers, ["/id", "/Upper", "/big"]);
    let text = EventBuilderV10::new().id("1").source("/s").ty("t").data("text/plain", json!({}));
    let Err(Refused::Invalid(violations)) = Event::try_from(text.build().unwrap()) else { panic!("taken") };
    assert_eq!(violations[0].pointer, "/data");
    let old = EventBuilderV03::new().id("1").source("/s").ty("t").build().unwrap();
    assert_eq!(Event::try_from(&old), Err(Refused::Version));
    let made_new = EventBuilderV10::from(old).build().unwrap();
    assert_eq!(back(&made_new).attribute("id"), Some("1"));
}

#[test]
fn a_text_that_says_it_is_json_is_a_document_and_not_quoted_again() {
    let of = |data: &str| {
        let event = EventBuilderV10::new().id("1").source("/s").ty("t").data("application/json", data);
        back(&event.build().unwrap()).data
    };
    assert_eq!(of("{ \"a\": 1e2 }"), Data::Json(Bytes::from_static(b"{ \"a\": 1e2 }")));
    assert_eq!(of("not json"), Data::Binary(Bytes::from_static(b"not json")));
}

fn extension() -> impl Strategy<Value = ExtensionValue> {
    prop_oneof![
        "[a-zA-Z0-9 é%\"]{0,12}".prop_map(ExtensionValue::String),
        any::<bool>().prop_map(ExtensionValue::Boolean),
        any::<i32>().prop_map(|number| ExtensionValue::Integer(number.into())),
    ]
}

fn data() -> impl Strategy<Value = Option<(Option<&'static str>, cloudevents::Data)>> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..40).prop_map(cloudevents::Data::Binary);
    let value =
        prop_oneof![Just(json!(null)), Just(json!({"b": [1, 2.5, "é"], "a": {}})), any::<i64>().prop_map(|n| json!(n))];
    prop_oneof![
        Just(None),
        bytes().prop_map(|bytes| Some((Some("application/octet-stream"), bytes))),
        bytes().prop_map(|bytes| Some((None, bytes))),
        value.prop_map(|json| Some((Some("application/json"), cloudevents::Data::Json(json)))),
        "[ -~é]{0,20}".prop_map(|text| Some((Some("text/plain"), cloudevents::Data::String(text)))),
    ]
}

proptest! {
    #[test]
    fn an_event_of_the_sdk_is_the_same_after_there_and_back(
        id in "[!-~]{1,12}",
        subject in proptest::option::of("[ -~]{1,12}"),
        seconds in proptest::option::of(0_i64..4_000_000_000),
        extensions in proptest::collection::btree_map("[a-z0-9]{3,12}", extension(), 0..5),
        data in data(),
    ) {
        let mut builder = EventBuilderV10::new().id(id).source("/s").ty("t");
        if let Some(subject) = subject {
            builder = builder.subject(subject);
        }
        if let Some(at) = seconds.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok()) {
            builder = builder.time(at.to_string());
        }
        for (name, value) in extensions.into_iter().filter(|(name, _)| expected_kind(name).is_none()) {
            if !["data", "source", "type", "specversion"].contains(&name.as_str()) {
                builder = builder.extension(&name, value);
            }
        }
        let mut event = builder.build().unwrap();
        if let Some((media_type, data)) = data {
            cloudevents::AttributesWriter::set_datacontenttype(&mut event, media_type);
            event.set_data_unchecked(data);
        }
        prop_assert_eq!(there(&back(&event)), event);
    }

    #[test]
    fn an_event_of_ours_keeps_its_attributes_as_canonical_texts(
        texts in proptest::collection::vec("[ -~é]{0,12}", 0..4),
        number in any::<i32>(),
        is in any::<bool>(),
    ) {
        let extensions = texts.iter().enumerate().map(|(at, text)| format!(",\"x{at}\":{}", json!(text)));
        let extensions = extensions.collect::<Vec<_>>().concat();
        let event = read(&format!(",\"n\":{number},\"b\":{is}{extensions},\"data\":{{\"z\":1,\"a\":[{number}]}}"));
        let returned = back(&there(&event));
        for attribute in &event.attributes {
            prop_assert_eq!(returned.value(attribute.name), Some(attribute.value));
        }
        prop_assert_eq!(returned.data, event.data);
        prop_assert_eq!(returned.attributes.len(), event.attributes.len() + 1);
    }
}
