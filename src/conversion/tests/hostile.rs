//! Documents made to hurt: time, memory, depth (reliability.md §2.4 J1 to J4).

use super::rules;
use crate::conversion::{Error, MAX_DEPTH, from_xml, to_xml};
use bytes::Bytes;
use serde_json::json;
use std::time::{Duration, Instant};

fn back(xml: impl Into<Bytes>) -> Result<Bytes, Error> {
    from_xml(&rules(&json!({})), &xml.into(), None)
}

fn refused(xml: impl Into<Bytes>) -> String {
    let started = Instant::now();
    let error = back(xml).unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    assert!(error.detail.len() < 500 && error.pointer.len() <= 1024, "{error:?}");
    error.detail
}

#[test]
fn what_would_read_files_or_grow_without_end_is_refused() {
    for xml in [
        "<!DOCTYPE order SYSTEM \"file:///etc/passwd\"><order/>",
        "<!DOCTYPE order [<!ENTITY % a SYSTEM \"http://169.254.169.254/\"> %a;]><order/>",
        "<!DOCTYPE l [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;\">]><order>&b;</order>",
        "<order><!DOCTYPE a></order>",
    ] {
        assert!(refused(xml).contains("DOCTYPE"), "{xml}");
    }
    let including =
        "<order xmlns:xi=\"http://www.w3.org/2001/XInclude\"><xi:include href=\"file:///etc/passwd\"/></order>";
    assert!(refused(including).contains("not in no namespace"));
    assert!(refused(&b"\xff\xfe<\0o\0"[..]).contains("UTF-16"));
    assert!(refused(&b"<?xml version=\"1.0\" encoding=\"UTF-7\"?><order/>"[..]).contains("UTF-7"));
    assert!(refused(&b"<order>\0</order>"[..]).contains("U+0000"));
    assert!(refused(&b"<order>\xff</order>"[..]).contains("UTF-8"));
}

#[test]
fn many_attributes_and_namespaces_meet_a_cap() {
    let many = |attribute: &dyn Fn(usize) -> String, count: usize| {
        format!("<order{}/>", (0..count).map(attribute).collect::<Vec<_>>().concat())
    };
    assert!(back(many(&|n| format!(" a{n}=\"\""), 256)).is_ok());
    assert!(refused(many(&|n| format!(" a{n}=\"\""), 50_000)).contains("more than 256"));
    assert!(refused(many(&|n| format!(" xmlns:a{n}=\"urn:a\""), 250)).contains("more than 64 namespaces"));
}

#[test]
fn depth_meets_a_cap_in_both_directions() {
    let rules = rules(&json!({"lists": {}}));
    let arrays = |levels| [vec![b'['; levels], b"1".to_vec(), vec![b']'; levels]].concat();
    let objects = |levels| ["{\"a\":".repeat(levels), "1".to_owned(), "}".repeat(levels)].concat();
    for deep in [arrays(MAX_DEPTH), objects(MAX_DEPTH).into_bytes()] {
        let xml = to_xml(&rules, &deep).unwrap();
        assert!(from_xml(&rules, &xml, None).is_ok());
    }
    for deep in [arrays(MAX_DEPTH + 1), arrays(200_000), objects(100_000).into_bytes()] {
        assert!(to_xml(&rules, &deep).unwrap_err().detail.contains("too deep"));
    }
    assert!(refused("<order>".to_owned() + &"<a>".repeat(100_000)).contains("nest deeper than 129"));
}

#[test]
fn a_schema_that_goes_on_for_ever_does_no_harm() {
    let rules = rules(&json!({}));
    let schema = json!({"type": "array", "items": {"$ref": "#"}});
    let deep = [vec![b'['; MAX_DEPTH], vec![b']'; MAX_DEPTH]].concat();
    let xml = to_xml(&rules, &deep).unwrap();
    assert_eq!(from_xml(&rules, &xml, Some(&schema)).unwrap(), deep);
    let around = json!({"$ref": "#", "anyOf": [{"$ref": "#"}, {"properties": {"a": {"$ref": "#"}}}]});
    let members = ["{\"a\":".repeat(100), "\"1\"".to_owned(), "}".repeat(100)].concat();
    let xml = to_xml(&rules, members.as_bytes()).unwrap();
    assert_eq!(from_xml(&rules, &xml, Some(&around)).unwrap(), members);
}

#[test]
fn large_documents_take_time_in_proportion() {
    let rules = rules(&json!({"lists": {"/tags": null}}));
    let members = (0..100_000).map(|n| format!(",\"m{n}\":{n}")).collect::<Vec<_>>().concat();
    let entries = "1,".repeat(200_000);
    let documents = [
        format!("{{\"a\":1{members}}}"),
        format!("{{\"tags\":[{entries}1]}}"),
        format!("{{\"a\":\"{}\"}}", "&<\\r".repeat(500_000)),
        format!("{}{entries}1{}", "[".repeat(127), "]".repeat(127)),
    ];
    let cost = |document: &str| {
        let before = time_of_this_thread();
        let xml = to_xml(&rules, document.as_bytes()).unwrap();
        from_xml(&rules, &xml, None).unwrap();
        time_of_this_thread().saturating_sub(before)
    };
    let usual = "{\"sku\":\"lamp-4711\",\"quantity\":2,\"price\":19.90},".repeat(20_000);
    let usual = format!("{{\"items\":[{usual}{{}}]}}");
    let each_byte = cost(&usual).as_secs_f64() / usual.len() as f64;
    for document in documents {
        let (cost, usual) = (cost(&document).as_secs_f64(), each_byte * document.len() as f64);
        // What is quadratic costs thousands of times as much.
        assert!(cost < usual * 20.0 + 0.1, "{document:.40}: {cost} s instead of {usual} s");
    }
}

/// What the processor has done for this thread: other work on the machine does not count.
fn time_of_this_thread() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

#[test]
fn a_name_that_is_endless_is_told_in_short() {
    let member = "m".repeat(1 << 20);
    let error = to_xml(&rules(&json!({})), format!("{{\"{member}\":{{\"b\":\"\\u0000\"}}}}").as_bytes()).unwrap_err();
    assert_eq!(error.pointer, "/…/b");
    assert!(refused(format!("<{member}/>")).contains('…'));
    assert!(refused(format!("<order><{member}>x<a/></{member}></order>")).contains("beside"));
}
