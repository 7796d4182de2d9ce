//! Conditions, names, counts and lists of values that one version widens.

use super::tests::json_places;
use serde_json::{Value, json};

/// The first one lets through less: fine in one direction, a change at these places in the other one.
fn widens(narrow: Value, wide: Value, places: &[&str]) {
    let back = json_places(&narrow, &wide);
    assert!(back.is_empty(), "{narrow} → {wide}: {back:?}");
    assert_eq!(json_places(&wide, &narrow), places, "{wide} → {narrow}");
}

fn equal(one: Value, other: Value) {
    for (old, new) in [(&one, &other), (&other, &one)] {
        let found = json_places(old, new);
        assert!(found.is_empty(), "{old} → {new}: {found:?}");
    }
}

#[test]
fn conditions_are_compared_by_what_they_ask() {
    let when = |then: Value| json!({"if": {"required": ["a"]}, "then": then});
    widens(when(json!({"required": ["b", "c"]})), when(json!({"required": ["b"]})), &["/then/required/1"]);
    widens(when(json!({"required": ["b"]})), json!({}), &["/if"]);
    // What holds anyway holds under every condition.
    widens(json!({"required": ["b"]}), when(json!({"required": ["b"]})), &["/required/0"]);
    equal(json!({"type": "integer"}), json!({"type": "integer", "not": {"type": "string"}}));
    widens(json!({"not": {"type": "string"}}), json!({"not": {"type": "string", "maxLength": 3}}), &["/not"]);
    let closed = |name: &str| json!({"not": {"required": [name]}});
    assert_eq!(json_places(&closed("a"), &closed("b")), ["/not"]);
}

#[test]
fn names_and_what_follows_from_them() {
    widens(
        json!({"dependentRequired": {"a": ["b", "c"]}}),
        json!({"dependentRequired": {"a": ["b"]}}),
        &["/dependentRequired/a/1"],
    );
    equal(json!({"dependentRequired": {"a": ["b"]}}), json!({"dependencies": {"a": ["b"]}}));
    widens(
        json!({"dependentSchemas": {"a": {"required": ["b"], "minProperties": 3}}}),
        json!({"dependentSchemas": {"a": {"minProperties": 3}}}),
        &["/dependentSchemas"],
    );
    widens(json!({"propertyNames": {"maxLength": 5}}), json!({"propertyNames": {"maxLength": 9}}), &["/propertyNames"]);
    equal(json!({}), json!({"propertyNames": {"type": "string"}}));
    let pattern = |kind: &str| json!({"patternProperties": {"^x": {"type": kind}}});
    widens(pattern("integer"), pattern("number"), &["/patternProperties/^x/type"]);
    // Members that fit a pattern were allowed and are not any more.
    widens(
        json!({"additionalProperties": false}),
        json!({"patternProperties": {"^x": {}}, "additionalProperties": false}),
        &["-/patternProperties/^x"],
    );
    widens(
        json!({"patternProperties": {"^x": {"type": "integer"}}, "additionalProperties": false}),
        json!({"additionalProperties": {"type": "integer"}}),
        &["/additionalProperties"],
    );
}

#[test]
fn counts_follow_from_what_else_is_said() {
    equal(json!({"required": ["a", "b"]}), json!({"required": ["a", "b"], "minProperties": 2}));
    let closed = json!({"properties": {"a": {}}, "additionalProperties": false});
    equal(closed.clone(), json!({"allOf": [closed], "maxProperties": 1}));
    equal(
        json!({"prefixItems": [{}, {}], "items": false}),
        json!({"prefixItems": [{}, {}], "items": false, "maxItems": 2}),
    );
    let contains = |kind: &str, least: u32| json!({"contains": {"type": kind}, "minContains": least});
    widens(contains("integer", 1), contains("number", 1), &["/contains"]);
    widens(contains("integer", 3), contains("integer", 2), &["/contains"]);
    equal(json!({}), contains("integer", 0));
    let most = |most: u32| json!({"contains": {"type": "integer"}, "minContains": 0, "maxContains": most});
    widens(most(2), most(3), &["/contains"]);
}

#[test]
fn whole_numbers_and_simple_values_are_listed() {
    equal(json!({"type": "integer", "exclusiveMinimum": 4}), json!({"type": "integer", "minimum": 5}));
    equal(json!({"type": "integer", "exclusiveMaximum": 10}), json!({"type": "integer", "maximum": 9.5}));
    assert_eq!(
        json_places(&json!({"type": "number", "exclusiveMinimum": 4}), &json!({"type": "number", "minimum": 5})),
        ["/minimum"]
    );
    equal(json!({"type": "boolean"}), json!({"enum": [true, false]}));
    equal(json!({"type": "null"}), json!({"const": null}));
    equal(json!({"type": ["null", "boolean"]}), json!({"enum": [null, true, false]}));
    assert_eq!(json_places(&json!({"type": "boolean"}), &json!({"enum": [true]})), ["/enum"]);
    equal(json!({"allOf": [{"enum": [1, 2, "a"]}, {"enum": [2, 3]}]}), json!({"const": 2}));
}

#[test]
fn large_schemas_are_decided() {
    let kind = |number: usize, ty: &str| {
        json!({"type": "object", "required": ["kind"],
        "properties": {"kind": {"const": format!("k{number}")}, "v": {"type": ty}}})
    };
    let kinds = |ty: &str| json!({"oneOf": (0..100).map(|number| kind(number, if number == 70 { ty } else { "string" })).collect::<Vec<_>>()});
    equal(kinds("string"), kinds("string"));
    widens(kinds("integer"), kinds("number"), &["/oneOf"]);
    // Each of these definitions refers to two others in each of two alternatives.
    let graph = |least: u32| {
        let definition = |number: usize| {
            let to = |other: usize| json!({"$ref": format!("#/$defs/d{}", other % 25)});
            let text = json!({"type": "string", "minLength": if number == 14 { least } else { 0 }});
            let member = json!({"type": "object", "properties": {"x": to(number * 7 + 3), "y": to(number + 2)}});
            (format!("d{number}"), json!({"anyOf": [text, {"type": "array", "items": to(number + 1)}, member]}))
        };
        json!({"$defs": (0..25).map(definition).collect::<serde_json::Map<_, _>>(), "$ref": "#/$defs/d0"})
    };
    assert!(json_places(&graph(1), &graph(0)).is_empty());
    let narrowed = json_places(&graph(0), &graph(1));
    assert!(!narrowed.is_empty() && !narrowed.contains(&String::new()), "{narrowed:?}");
}
