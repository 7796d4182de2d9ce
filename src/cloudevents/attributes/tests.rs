//! Names, values, and what a draft refuses.

use super::{Draft, check_name, check_value};
use crate::cloudevents::reader::{Bounds, Lenient};
use crate::cloudevents::{Data, Event, Kind};
use crate::codes::Code;

fn draft(attributes: &[(&str, &str)]) -> Draft {
    let mut draft = Draft::new(256);
    for (name, text) in attributes {
        draft.add(name, Kind::String, text);
    }
    draft
}

const MINIMAL: [(&str, &str); 4] = [("specversion", "1.0"), ("id", "1"), ("source", "/a"), ("type", "t")];

fn minimal_with(attributes: &[(&str, &str)]) -> Draft {
    draft(&[&MINIMAL[..], attributes].concat())
}

fn pointers(draft: Draft) -> Vec<String> {
    let fault = draft.finish(Data::Absent).unwrap_err();
    fault.violations.into_iter().map(|violation| violation.pointer).collect()
}

fn minimal() -> Event {
    minimal_with(&[]).finish(Data::Absent).unwrap()
}

#[test]
fn names_are_lower_case_letters_and_digits_of_any_length() {
    for name in ["a", "1", "abc123", &"x".repeat(300)] {
        assert_eq!(check_name(name), Ok(()));
    }
    for name in ["", "data", "A", "my-ext", "my_ext", "my.ext", "ü", "a b", "data_base64"] {
        assert!(check_name(name).is_err(), "{name}");
    }
}

#[test]
fn a_value_has_the_type_the_specification_fixes() {
    assert_eq!(check_value("time", Kind::String, "2018-04-05T17:31:00Z"), Ok(Kind::Timestamp));
    assert_eq!(check_value("time", Kind::Timestamp, "2018-04-05T17:31:00Z"), Ok(Kind::Timestamp));
    assert_eq!(check_value("ext", Kind::Boolean, "true"), Ok(Kind::Boolean));
    assert_eq!(check_value("ext", Kind::String, ""), Ok(Kind::String));
    for (name, kind, text) in [
        ("id", Kind::Integer, "5"),
        ("time", Kind::Binary, "TWE="),
        ("subject", Kind::String, ""),
        ("datacontenttype", Kind::String, "nonsense"),
        ("datacontenttype", Kind::String, "Application/CloudEvents+json; charset=utf-8"),
        ("dataschema", Kind::String, "#"),
        ("specversion", Kind::String, "0.3"),
        ("ext", Kind::Integer, ""),
        ("ext", Kind::String, "a\nb"),
    ] {
        assert!(check_value(name, kind, text).is_err(), "{name} {text}");
    }
}

#[test]
fn every_violation_is_listed_with_its_pointer() {
    let draft = draft(&[("specversion", "0.9"), ("id", ""), ("my/ext~", "x"), ("time", "noon"), ("ext", "\u{0}")]);
    assert_eq!(pointers(draft), ["/specversion", "/id", "/my~1ext~0", "/time", "/ext", "/source", "/type"]);
}

#[test]
fn an_attribute_stands_once_even_as_null() {
    let mut twice = minimal_with(&[("ext", "a"), ("ext", "b"), ("id", "2")]);
    twice.add_null("ext");
    let fault = twice.finish(Data::Absent).unwrap_err();
    assert_eq!(fault.code, Code::Malformed);
    assert_eq!(fault.violations.len(), 3);

    let mut null_first = minimal_with(&[]);
    null_first.add_null("subject");
    null_first.add("subject", Kind::String, "s");
    assert_eq!(pointers(null_first), ["/subject"]);

    let mut null = minimal_with(&[]);
    null.add_null("subject");
    assert_eq!(null.finish(Data::Absent).unwrap(), minimal());
}

#[test]
fn an_unreadable_value_is_not_called_missing_as_well() {
    let mut draft = draft(&[("specversion", "1.0"), ("source", "/a")]);
    draft.add_unreadable("id", "is an object");
    draft.add_unreadable("ext", "is an object");
    assert_eq!(pointers(draft), ["/id", "/ext", "/type"]);
}

#[test]
fn attributes_are_counted_and_capped() {
    let with_extensions = |count: usize| {
        let mut draft = Draft::new(6);
        for (name, text) in MINIMAL {
            draft.add(name, Kind::String, text);
        }
        for number in 0..count {
            draft.add(&format!("ext{number}"), Kind::String, "x");
        }
        draft
    };
    assert_eq!(with_extensions(2).finish(Data::Absent).unwrap().attributes.len(), 2);
    for count in [3, 10_000] {
        let fault = with_extensions(count).finish(Data::Absent).unwrap_err();
        assert_eq!((fault.code, fault.violations.len()), (Code::InvalidEvent, 1));
        assert_eq!(fault.violations[0].pointer, "");
    }
}

#[test]
fn an_edited_event_keeps_the_place_of_what_is_replaced() {
    let event = minimal_with(&[("subject", "a"), ("region", "b")]).finish(Data::Absent).unwrap();
    let mut draft = Draft::edit(&event, 256);
    draft.set("subject", Kind::String, "c");
    draft.set("type", Kind::String, "u");
    draft.set("more", Kind::String, "d");
    draft.remove("region");
    draft.remove("nothing");
    let edited = draft.finish(Data::Absent).unwrap();
    let names: Vec<&str> = edited.attributes.iter().map(|attribute| attribute.name).collect();
    assert_eq!((names, edited.attribute("subject"), &*edited.ty), (vec!["subject", "more"], Some("c"), "u"));

    let mut draft = Draft::edit(&event, 256);
    draft.set("subject", Kind::String, "");
    draft.set("no-name", Kind::String, "x");
    draft.remove("source");
    assert_eq!(pointers(draft), ["/subject", "/no-name", "/source"]);
}

#[test]
fn data_that_is_a_small_part_of_its_buffer_lets_it_go() {
    let buffer = bytes::Bytes::from(vec![b'x'; 1000]);
    for (length, shared) in [(500, true), (499, false)] {
        let mut data = Data::Binary(buffer.slice(..length));
        data.detach(buffer.len());
        assert_eq!(data, Data::Binary(buffer.slice(..length)));
        let bytes = data.bytes().unwrap();
        assert_eq!(buffer.as_ptr_range().contains(&bytes.as_ptr()), shared, "{length}");
    }
}

#[test]
fn times_compare_by_instant_and_other_values_by_text() {
    let canonical = |name: &str, text: &str| {
        let event = minimal_with(&[(name, text)]).finish(Data::Absent).unwrap();
        event.value(name).unwrap().canonical().into_owned()
    };
    assert_eq!(canonical("time", "2018-04-05T18:31:00.0+01:00"), "2018-04-05T17:31:00Z");
    assert_eq!(canonical("ext", "2018-04-05T18:31:00.0+01:00"), "2018-04-05T18:31:00.0+01:00");
}

#[test]
fn integers_have_one_zero() {
    let mut draft = minimal_with(&[("text", "-0")]);
    for (name, text) in [("minus", "-0"), ("one", "-1")] {
        draft.add(name, Kind::Integer, text);
    }
    let event = draft.finish(Data::Absent).unwrap();
    let texts = ["text", "minus", "one"].map(|name| event.attribute(name).unwrap().to_owned());
    assert_eq!(texts, ["-0", "0", "-1"]);
}

fn leniently(lenient: Lenient, attributes: &[(&str, &str)]) -> Result<Event, Vec<String>> {
    let mut draft = Draft::within(&Bounds { lenient, ..Bounds::default() });
    for (name, text) in MINIMAL.iter().chain(attributes) {
        draft.add(name, Kind::String, text);
    }
    draft
        .finish(Data::Absent)
        .map_err(|fault| fault.violations.into_iter().map(|violation| violation.pointer).collect())
}

#[test]
fn names_are_folded_or_dropped_only_where_that_is_asked_for() {
    let strict = Lenient::default();
    let fold = Lenient { uppercase_names: true, ..strict };
    let drop = Lenient { invalid_names: true, ..strict };
    let both = Lenient { uppercase_names: true, ..drop };
    let refused = |pointer: &str| Err(vec![pointer.to_owned()]);
    let named = |lenient, name: &str| {
        leniently(lenient, &[(name, "x")])
            .map(|event| event.attributes.iter().map(|one| one.name.to_string()).collect::<Vec<_>>())
    };
    for (name, lenient, expected) in [
        ("MyExt", strict, refused("/MyExt")),
        ("MyExt", fold, Ok(vec!["myext".to_owned()])),
        ("MyExt", drop, Ok(Vec::new())),
        ("MyExt", both, Ok(vec!["myext".to_owned()])),
        ("my-ext", fold, refused("/my-ext")),
        ("my-ext", drop, Ok(Vec::new())),
        ("", drop, Ok(Vec::new())),
        ("Data", fold, refused("/data")),
        ("DATA_BASE64", both, refused("/data_base64")),
        ("Data", drop, refused("/Data")),
        ("ID", fold, refused("/id")),
    ] {
        assert_eq!(named(lenient, name), expected, "{name} {lenient:?}");
    }
    assert_eq!(leniently(fold, &[("aB", "1"), ("Ab", "1")]), Err(vec!["/ab".to_owned()]));
}

#[test]
fn a_dataschema_with_a_fragment_passes_only_where_that_is_asked_for() {
    let lenient = Lenient { dataschema_fragment: true, ..Lenient::default() };
    for text in ["#", "#a", "https://a.example/s#b", "https://a.example/s#"] {
        assert!(leniently(Lenient::default(), &[("dataschema", text)]).is_err(), "{text}");
        let event = leniently(lenient, &[("dataschema", text)]).unwrap();
        assert_eq!(event.attribute("dataschema"), Some(text));
    }
    assert!(leniently(lenient, &[("dataschema", "https://a.example/s")]).is_ok());
    for text in ["", "a#b", "//host#b", "#a b", "##", "https://a.example/#%zz"] {
        assert!(leniently(lenient, &[("dataschema", text)]).is_err(), "{text}");
    }
}
