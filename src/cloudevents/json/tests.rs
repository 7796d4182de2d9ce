//! The JSON format, in and out.

use super::plain;
use super::scan::{Scanner, Step, document};
use super::{read, read_batch, write, write_batch, write_line, write_without_data};
use crate::cloudevents::reader::{Bounds, Fault};
use crate::cloudevents::{Attribute, Data, Event, Kind};
use crate::codes::Code;
use bytes::Bytes;
use proptest::prelude::{ProptestConfig, Strategy, any, proptest};

const CORE: &str = r#""specversion":"1.0","id":"1","source":"/a","type":"t""#;

fn read_with(members: &str) -> Result<Event, Fault> {
    read(format!("{{{CORE},{members}}}").into(), &Bounds::default())
}

fn event(members: &str) -> Event {
    read_with(members).unwrap()
}

fn refused(members: &str) -> (Code, Vec<String>) {
    let fault = read_with(members).unwrap_err();
    (fault.code, fault.violations.into_iter().map(|violation| violation.pointer).collect())
}

fn with_data(datacontenttype: Option<&str>, data: Data) -> Event {
    let mut event = event(r#""ext":null"#);
    event.attributes = datacontenttype.map(|text| Attribute::string("datacontenttype", text)).into_iter().collect();
    event.data = data;
    event
}

/// The members after the required ones.
fn written(event: &Event) -> String {
    let text = String::from_utf8(write(event).into()).unwrap();
    text.strip_prefix(&format!("{{{CORE}")).unwrap().trim_start_matches(',').strip_suffix('}').unwrap().to_owned()
}

#[test]
fn attributes_keep_their_text_order_and_type() {
    let event = event(r#""b":true,"a":-5,"time":"2018-04-05T17:31:00.50+01:00","s\u0075bject":"\u00e4\/","x":null"#);
    let attributes: Vec<_> = event.attributes.iter().map(|a| (a.name, a.value.kind, a.value.text)).collect();
    assert_eq!(
        attributes,
        [
            ("b", Kind::Boolean, "true"),
            ("a", Kind::Integer, "-5"),
            ("time", Kind::Timestamp, "2018-04-05T17:31:00.50+01:00"),
            ("subject", Kind::String, "ä/"),
        ]
    );
    assert_eq!(written(&event), r#""b":true,"a":-5,"time":"2018-04-05T17:31:00.50+01:00","subject":"ä/""#);
}

#[test]
fn wrong_attributes_are_violations() {
    for (members, pointer) in [
        (r#""ext":{}"#, "/ext"),
        (r#""ext":[1]"#, "/ext"),
        (r#""ext":1.5"#, "/ext"),
        (r#""ext":1.0"#, "/ext"),
        (r#""ext":1e3"#, "/ext"),
        (r#""ext":2147483648"#, "/ext"),
        (r#""subject":5"#, "/subject"),
        (r#""subject":"""#, "/subject"),
        (r#""ext":"a\tb""#, "/ext"),
        (r#""Ext":"x""#, "/Ext"),
        (r#""":"x""#, "/"),
        (r#""datacontenttype":"application/cloudevents+json","data":{}"#, "/datacontenttype"),
        (r#""data":1,"data_base64":"TWE=""#, "/data_base64"),
        (r#""data":null,"data_base64":"TWE=""#, "/data_base64"),
        (r#""data_base64":5"#, "/data_base64"),
        (r#""data_base64":"TWE""#, "/data_base64"),
        (r#""datacontenttype":"text/plain","data":5"#, "/data"),
    ] {
        assert_eq!(refused(members), (Code::InvalidEvent, vec![pointer.to_owned()]), "{members}");
    }
}

#[test]
fn a_member_that_stands_twice_makes_the_event_unreadable() {
    for (members, pointer) in [
        (r#""source":"/b""#, "/source"),
        (r#""sour\u0063e":"/b""#, "/source"),
        (r#""source":null"#, "/source"),
        (r#""specversion":"1.0""#, "/specversion"),
        (r#""x":null,"x":"a""#, "/x"),
        (r#""data":1,"data":1"#, "/data"),
        (r#""data_base64":null,"data_base64":"TWE=""#, "/data_base64"),
    ] {
        assert_eq!(refused(members), (Code::Malformed, vec![pointer.to_owned()]), "{members}");
    }
}

#[test]
fn data_keeps_its_form_and_its_text() {
    let raw = "{ \"b\" : 1.10,\r\n\"a\":123456789012345678901234567890, \"b\":\"\\u00e4\" }";
    assert_eq!(event(&format!("\"data\": {raw} ")).data, Data::Json(Bytes::from(raw.to_owned())));
    for (members, data) in [
        (r#""data":null"#, Data::Json("null".into())),
        (r#""data":"a\nb""#, Data::Json(r#""a\nb""#.into())),
        (r#""data":1,"data_base64":null"#, Data::Json("1".into())),
        (r#""data_base64":null"#, Data::Absent),
        (r#""data_base64":"e30=""#, Data::Binary("{}".into())),
        (r#""data_base64":"""#, Data::Binary(Bytes::new())),
        (r#""data":"a\nb","datacontenttype":"text/plain""#, Data::Text("a\nb".into())),
        (r#""data":"","datacontenttype":"text/plain""#, Data::Text("".into())),
        (r#""data":"<a/>","datacontenttype":"application/xml""#, Data::Text("<a/>".into())),
        (r#""data":[],"datacontenttype":"Application/JSON; charset=utf-8""#, Data::Json("[]".into())),
        (r#""data":[],"datacontenttype":"application/vnd.a+json""#, Data::Json("[]".into())),
        (r#""data":[],"datacontenttype":null"#, Data::Json("[]".into())),
    ] {
        assert_eq!(event(members).data, data, "{members}");
    }
}

#[test]
fn data_is_written_by_the_matrix() {
    for (datacontenttype, data, members) in [
        (None, Data::Absent, ""),
        (None, Data::Json("{ \"a\" : 1.10 }".into()), r#""data":{ "a" : 1.10 }"#),
        (None, Data::Json("null".into()), r#""data":null"#),
        (None, Data::Binary("{}".into()), r#""data_base64":"e30=""#),
        (None, Data::Text("text".into()), r#""data_base64":"dGV4dA==""#),
        (None, Data::Xml("<a/>".into()), r#""datacontenttype":"application/xml","data":"<a/>""#),
        (Some("application/json"), Data::Binary(" {\"a\":1} ".into()), r#""data":{"a":1}"#),
        (Some("application/json"), Data::Binary("{".into()), r#""data_base64":"ew==""#),
        (Some("application/json"), Data::Binary(Bytes::new()), r#""data_base64":"""#),
        (Some("application/json"), Data::Binary("\"\\ud800\"".into()), r#""data_base64":"Ilx1ZDgwMCI=""#),
        (Some("a/b+json"), Data::Text("[1]".into()), r#""data":[1]"#),
        (Some("a/b+json"), Data::Text("[1".into()), r#""data_base64":"WzE=""#),
        (Some("text/plain"), Data::Binary("a\"\\\n\u{1}é".into()), r#""data":"a\"\\\n\u0001é""#),
        (Some("text/plain; charset=UTF-8"), Data::Binary("a".into()), r#""data":"a""#),
        (Some("text/plain; charset=latin1"), Data::Binary("a".into()), r#""data_base64":"YQ==""#),
        (Some("text/plain"), Data::Binary(Bytes::from_static(b"\xff")), r#""data_base64":"/w==""#),
        (Some("text/plain"), Data::Text("".into()), r#""data":"""#),
        (Some("image/svg+xml"), Data::Text("<a/>".into()), r#""data":"<a/>""#),
        (Some("image/svg+xml"), Data::Binary("<a/>".into()), r#""data":"<a/>""#),
        (Some("image/svg+xml"), Data::Binary("<!DOCTYPE a>".into()), r#""data_base64":"PCFET0NUWVBFIGE+""#),
        (Some("application/x-www-form-urlencoded"), Data::Text("a=1".into()), r#""data":"a=1""#),
        (Some("application/octet-stream"), Data::Binary("a".into()), r#""data_base64":"YQ==""#),
    ] {
        let event = with_data(datacontenttype, data);
        let prefix = datacontenttype.map(|text| format!("\"datacontenttype\":\"{text}\"")).unwrap_or_default();
        let comma = if prefix.is_empty() || members.is_empty() { "" } else { "," };
        assert_eq!(written(&event), format!("{prefix}{comma}{members}"), "{datacontenttype:?}");
    }
}

#[test]
fn the_shown_forms_are_one_line_and_without_data() {
    let event = event("\"data\": {\r\n  \"a\": \"b\\nc\"\n}");
    assert_eq!(write_line(&event), format!(r#"{{{CORE},"data":{{    "a": "b\nc" }}}}"#));
    assert_eq!(write_without_data(&event), format!("{{{CORE}}}"));
    assert_eq!(write_batch(&[]), "[]");
    let single = String::from_utf8(write(&event).into()).unwrap();
    assert_eq!(write_batch(&[event.clone(), event]), format!("[{single},{single}]"));
}

#[test]
fn broken_documents_are_malformed() {
    let deep = format!("{{{CORE},\"data\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
    for body in [
        "",
        " ",
        "{",
        "[]",
        "\"x\"",
        "{} {}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":01}",
        "{\"a\":1.}",
        "{\"a\":.5}",
        "{\"a\":+1}",
        "{\"a\":1e}",
        "{\"a\":nul}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12\"}",
        "{\"a\":\"\\u+123\"}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\\udc00\"}",
        "{\"a\":\"\\ud800\\u0041\"}",
        "{\"data\":[\"\\ud800x\"]}",
        "{\"data\":[1 2]}",
        "{\"data\":{\"a\":[}]}",
        "\u{feff}{}",
        &deep,
    ] {
        let fault = read(body.to_owned().into(), &Bounds::default()).unwrap_err();
        assert_eq!(fault.code, Code::Malformed, "{body:.60}: {fault}");
    }
    let fault = read(Bytes::from_static(b"{\"id\":\"\xff\"}"), &Bounds::default()).unwrap_err();
    assert_eq!(fault.code, Code::Malformed);
}

#[test]
fn nesting_is_capped_at_the_level_asked_for() {
    let nested = |depth: usize| {
        read_with(&format!("\"data\":{}{}", "[{\"a\":".repeat(depth), "1".to_owned() + &"}]".repeat(depth)))
    };
    assert!(nested(63).is_ok());
    assert_eq!(nested(64).unwrap_err().code, Code::Malformed);
    // Data of the deepest nesting accepted can be read by whoever comes next.
    let data = format!("{}{}", "[".repeat(127), "]".repeat(127));
    let event = event(&format!("\"data\":{data}"));
    assert!(serde_json::from_slice::<serde_json::Value>(&event.data.bytes().unwrap()).is_ok());
}

#[test]
fn a_batch_is_read_element_by_element() {
    let read = |body: &str| read_batch(body.to_owned().into(), 3, 100, &Bounds::default());
    let good = format!("{{{CORE}}}");
    assert_eq!(read(" [ ] ").unwrap().len(), 0);
    assert!(read(&format!("[{good},\n{good}]")).unwrap().iter().all(Result::is_ok));
    let long = format!("{{{CORE},\"data\":\"{}\"}}", "x".repeat(60));
    let mixed: Vec<Option<Code>> =
        read(&format!("[{good},5,{long}]")).unwrap().into_iter().map(|element| element.err().map(|f| f.code)).collect();
    assert_eq!(mixed, [None, Some(Code::Malformed), Some(Code::EventTooLarge)]);
    for (body, code) in [
        (good.clone(), Code::Malformed),
        (format!("[{good}"), Code::Malformed),
        (format!("[{good},]"), Code::Malformed),
        (format!("[{good}]]"), Code::Malformed),
        (format!("[{good},{good},{good},{good}]"), Code::BatchTooLong),
    ] {
        assert_eq!(read(&body).unwrap_err().code, code, "{body}");
    }
}

#[test]
fn an_element_of_a_large_batch_does_not_share_its_memory() {
    let body = Bytes::from(format!("[{}]", vec![format!("{{{CORE},\"data\":{{}}}}"); 5].join(",")));
    let range = body.as_ptr_range();
    let data_of = |event: &Event| event.data.bytes().unwrap().as_ptr();
    for event in read_batch(body.clone(), 10, 1000, &Bounds::default()).unwrap() {
        let event = event.unwrap();
        assert!(!range.contains(&data_of(&event)) && !range.contains(&event.id.as_ptr()));
    }
    let padded = Bytes::from(format!("{{{CORE},\"data\":1{}}}", " ".repeat(500)));
    let range = padded.as_ptr_range();
    assert!(!range.contains(&data_of(&read(padded.clone(), &Bounds::default()).unwrap())));
    let full = Bytes::from(format!("{{{CORE},\"data\":\"{}\"}}", "x".repeat(500)));
    let range = full.as_ptr_range();
    assert!(range.contains(&data_of(&read(full.clone(), &Bounds::default()).unwrap())));
}

/// Texts near JSON: valid documents, and ones with a piece changed.
fn near_json() -> impl Strategy<Value = String> {
    let piece = proptest::sample::select(vec![
        "{", "}", "[", "]", ",", ":", "\"a\"", "\"", "\\", "\\u0041", "\\n", "1", "-0", "0.5", "1e9", ".", "true",
        "null", " ", "\n", "é",
    ]);
    let pieces = proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat());
    let few = |most: usize| proptest::collection::vec(any::<String>(), 0..most);
    let valid = (few(3), any::<(i64, f32)>(), few(3)).prop_map(|(keys, numbers, texts)| {
        let object: serde_json::Map<String, serde_json::Value> =
            keys.into_iter().map(|key| (key, numbers.0.into())).collect();
        serde_json::json!({"o": object, "a": [numbers, [texts]]}).to_string()
    });
    let cut = (valid.clone(), any::<proptest::sample::Index>()).prop_map(|(text, at)| {
        let mut chars: Vec<char> = text.chars().collect();
        chars.remove(at.index(chars.len()));
        chars.into_iter().collect()
    });
    proptest::prop_oneof![pieces, valid, cut]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_scanner_agrees_with_serde_json(text in near_json()) {
        // Not read into a value: numbers of any size are numbers here.
        let expected = serde_json::from_str::<&serde_json::value::RawValue>(&text).is_ok();
        assert_eq!(document(text.as_bytes()).is_some(), expected, "{text}");
        if expected {
            assert_eq!(document(text.as_bytes()), Some(text.trim_matches([' ', '\n'])));
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(bytes: Vec<u8>, members in near_json()) {
        assert!(read(bytes.into(), &Bounds::default()).is_err());
        if let Ok(event) = read_with(&members) {
            assert_eq!(read(write(&event), &Bounds::default()), Ok(event));
        }
    }

    #[test]
    fn the_plain_length_is_that_of_a_simple_search(bytes: Vec<u8>, word in "[ -~é]{0,120}[\\\\\"\t]?[ -~é]{0,20}") {
        for text in [&bytes[..], word.as_bytes()] {
            let simple = text.iter().position(|byte| *byte < 0x20 || *byte == b'"' || *byte == b'\\');
            assert_eq!(plain::length(text), simple.unwrap_or(text.len()));
        }
    }
}

#[test]
fn a_scanner_without_cap_follows_any_depth() {
    let depth = 100_000;
    let text = format!("{}{}", "[{\"a\":[".repeat(depth), "]}]".repeat(depth));
    let mut scanner = Scanner::new(&text, usize::MAX);
    assert_eq!(scanner.value().map(|value| value.raw.len()), Ok(text.len()));
    assert!(document(format!("{}{}", "[{\"a\":[".repeat(depth), "]]]".repeat(depth)).as_bytes()).is_none());
}

#[test]
fn a_walk_hands_out_everything_in_order() {
    let walk = |text: &str, depth| {
        let mut seen = String::new();
        let mut scanner = Scanner::new(text, depth);
        scanner.walk(|step| {
            match step {
                Step::Object => seen.push('{'),
                Step::Array => seen.push('['),
                Step::End => seen.push(')'),
                Step::Name(name) => seen.extend([name.raw, ":"]),
                Step::Scalar(value) => seen.extend([value.raw, ","]),
            }
            Ok::<(), super::value::Broken>(())
        })?;
        scanner.end().map(|()| seen)
    };
    for (text, seen) in [
        ("1", "1,"),
        ("[]", "[)"),
        (" { } ", "{)"),
        (r#"{"a": {}, "b" : [1, [ ], {"c":null}], "d":"e"} "#, r#"{"a":{)"b":[1,[){"c":null,))"d":"e",)"#),
        ("[[[2]], 3]", "[[[2,))3,)"),
    ] {
        assert_eq!(walk(text, 9).as_deref(), Ok(seen), "{text}");
    }
    for text in ["", "[", "{", "[1", "[1,]", "{\"a\"}", "{\"a\":1,}", "{,}", "[}", "{]", "1 2", "[[]"] {
        assert!(walk(text, 9).is_err(), "{text}");
    }
    assert!(walk("[[1]]", 2).is_ok());
    assert_eq!(walk("[[{}]]", 2).unwrap_err().why, super::value::Why::TooDeep);
    let deep = [&"[".repeat(100_000)[..], &"]".repeat(100_000)].concat();
    assert_eq!(walk(&deep, usize::MAX).unwrap().len(), deep.len());
}

#[test]
fn the_length_of_a_quoted_text_is_known_before() {
    for text in ["", "plain", "\"\\\n\r\t", "\u{0}\u{1f}\u{7f}é€😀", &"\u{1}\"x".repeat(100)] {
        let mut quoted = String::new();
        super::quote(text, &mut quoted);
        assert_eq!(super::quoted_length(text), quoted.len(), "{text:?}");
    }
}
