//! Declarations that make no sense.

use super::declared;
use crate::conversion::rules::Rules;
use serde_json::{Value, json};

fn faults(declaration: &Value) -> Vec<(&'static str, Option<String>, String)> {
    let faults = Rules::compile(&declared(declaration)).err().unwrap_or_default();
    faults.into_iter().map(|fault| (fault.key, fault.entry, fault.message)).collect()
}

#[test]
fn each_fault_names_its_key_and_entry() {
    for (declaration, key, entry, words) in [
        (json!({"root": "1st"}), "root", None, "`1st` is no name in XML"),
        (json!({"root": "o:order"}), "root", None, "no name in XML"),
        (json!({"root": ""}), "root", None, "no name in XML"),
        (json!({"namespace": ""}), "namespace", None, "must not be empty"),
        (json!({"namespace": "urn a"}), "namespace", None, "no whitespace"),
        (json!({"namespace": "http://www.w3.org/2000/xmlns/"}), "namespace", None, "XML's own"),
        (json!({"prefix": "o"}), "prefix", None, "stands for nothing"),
        (json!({"namespace": "urn:a", "prefix": "XmlX"}), "prefix", None, "a meaning of its own"),
        (json!({"namespace": "urn:a", "prefix": "xsi"}), "prefix", None, "a meaning of its own"),
        (json!({"namespace": "urn:a", "prefix": "a:b"}), "prefix", None, "no name in XML"),
        (json!({"attributes": ["id"]}), "attributes", Some("id"), "begins with `/`"),
        (json!({"attributes": ["/a~b"]}), "attributes", Some("/a~b"), "`~0`"),
        (json!({"attributes": [""]}), "attributes", Some(""), "the data as a whole cannot be an XML attribute"),
        (json!({"attributes": ["/tags/*"]}), "attributes", Some("/tags/*"), "an entry of an array"),
        (json!({"attributes": ["/a//b"]}), "attributes", Some("/a//b"), "without a name"),
        (json!({"attributes": ["/a", "/a"]}), "attributes", Some("/a"), "named twice"),
        (json!({"text": [""]}), "text", Some(""), "cannot be the text"),
        (json!({"text": ["/a/x", "/a/y"]}), "text", Some("/a/y"), "where `x` is it already"),
        (json!({"attributes": ["/a"], "text": ["/a"]}), "text", Some("/a"), "named twice"),
        (json!({"lists": {"": null}}), "lists", Some(""), "one root"),
        (json!({"lists": {"/a": "b c"}}), "lists", Some("/a"), "`b c` is no name"),
        (json!({"lists": {"/a": "b"}, "attributes": ["/a"]}), "lists", Some("/a"), "an array here"),
        (json!({"names": {"": "x"}}), "names", Some(""), "the data as a whole"),
        (json!({"names": {"/a/*": "x"}}), "names", Some("/a/*"), "an entry of an array"),
        (json!({"names": {"/a": "1"}}), "names", Some("/a"), "`1` is no name"),
        (json!({"names": {"/a": "xmlns"}, "attributes": ["/a"]}), "names", Some("/a"), "`xmlns`"),
        (json!({"names": {"/a": "b"}, "text": ["/a"]}), "names", Some("/a"), "no name in XML"),
        (json!({"names": {"/x/a": "n", "/x/b": "n"}}), "names", Some("/x/b"), "two members, `b` and `a`"),
        (json!({"names": {"/a": "b"}, "attributes": ["/a", "/b"]}), "attributes", Some("/b"), "two members"),
        (json!({"types": {"a": "number"}}), "types", Some("a"), "no JSON Pointer"),
        (json!({"types": {"/a": "number"}, "lists": {"/a": null}}), "types", Some("/a"), "an array by `lists`"),
    ] {
        let found = faults(&declaration);
        assert_eq!(found.len(), 1, "{declaration}: {found:?}");
        let (found_key, found_entry, message) = &found[0];
        assert_eq!((*found_key, found_entry.as_deref()), (key, entry), "{declaration}: {message}");
        assert!(message.contains(words), "{declaration}: {message}");
    }
}

#[test]
fn all_faults_are_told_at_once() {
    let declaration =
        json!({"root": "", "prefix": "x", "attributes": ["a", "b"], "lists": {"": null}, "types": {"c": "string"}});
    assert_eq!(faults(&declaration).len(), 6);
}

#[test]
fn names_may_be_shared_where_they_cannot_be_mistaken() {
    for declaration in [
        json!({"names": {"/a": "n", "/x/b": "n"}}),
        json!({"names": {"/a": "n", "/b": "n"}, "attributes": ["/a"]}),
        json!({"attributes": ["/id", "/items/*/id"], "lists": {"/items": "item", "/items/*/x": null}}),
        json!({"types": {"": "number", "/*": "integer", "/*/*": "boolean"}, "lists": {"/*": "a"}, "nulls": "omit"}),
    ] {
        let found = faults(&declaration);
        let lists_and_types = declaration.get("nulls").is_some();
        assert_eq!(found.len(), usize::from(lists_and_types), "{declaration}: {found:?}");
    }
}
