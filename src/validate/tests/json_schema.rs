//! What a schema says of data, and what that may cost.

use super::pointers;
use crate::cloudevents::Violation;
use crate::payload::LISTED;
use crate::validate::SchemaFault;
use crate::validate::json_schema::{JsonSchema, Values};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn compile(schema: &Value) -> Result<JsonSchema, Vec<SchemaFault>> {
    JsonSchema::compile("t/1.json", schema.to_string().as_bytes())
}

fn check(schema: &Value, data: &Value) -> Result<(), Vec<Violation>> {
    let text = data.to_string();
    compile(schema).unwrap().check(&Values::read(text.as_bytes(), 128).unwrap())
}

/// The violations as `pointer: detail`.
fn violations(schema: &Value, data: &Value) -> Vec<String> {
    let violations = check(schema, data).err().unwrap_or_default();
    violations.iter().map(|violation| format!("{}: {}", violation.pointer, violation.detail)).collect()
}

#[test]
fn every_violation_is_told_at_its_own_pointer() {
    let schema = json!({
        "type": "object",
        "required": ["total", "a/b"],
        "additionalProperties": false,
        "properties": {
            "total": {"type": "number"}, "a/b": {},
            "items": {"items": {"required": ["sku"], "properties": {"count": {"type": "integer", "minimum": 1}}}},
            "at": {"format": "date-time"},
            "state": {"enum": ["open", "closed"]},
            "code": {"pattern": "^[A-Z]+$"},
        }
    });
    let data = json!({
        "items": [{"sku": 1, "count": 0}, {"count": 1.5}],
        "at": "soon", "state": "lost", "code": "abc", "e~x": 1, "extra": [1],
    });
    let expected = [
        "/data/items/0/count: expected at least 1, found 0",
        "/data/items/1/count: expected integer, found 1.5",
        "/data/items/1/sku: the member `sku` is missing",
        "/data/at: expected text in the format `date-time`, found `soon`",
        "/data/state: expected one of `open`, `closed`, found `lost`",
        "/data/code: expected text that fits the pattern `^[A-Z]+$`, found `abc`",
        "/data/e~0x: the member `e~x` is not allowed",
        "/data/extra: the member `extra` is not allowed",
        "/data/total: the member `total` is missing",
        "/data/a~1b: the member `a/b` is missing",
    ];
    let mut found = violations(&schema, &data);
    let mut expected: Vec<String> = expected.iter().map(|line| (*line).to_owned()).collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn each_keyword_has_its_own_words() {
    let long = "x".repeat(300);
    let cases = [
        (json!({"type": ["string", "null"]}), json!([1, 2]), "expected null or string, found an array of 2 items"),
        (json!({"const": {"a": 1}}), json!({}), "expected an object with 1 members, found an object with 0 members"),
        (json!({"maxLength": 2}), json!(long), &format!("expected at most 2 characters, found `{}…`", "x".repeat(64))),
        (json!({"exclusiveMaximum": 3}), json!(3), "expected less than 3, found 3"),
        (json!({"multipleOf": 0.5}), json!(0.7), "expected a multiple of 0.5, found 0.7"),
        (
            json!({"uniqueItems": true}),
            json!([1, 1.0]),
            "expected items that all differ, found equal ones in an array of 2 items",
        ),
        (json!({"prefixItems": [{}], "items": false}), json!([1, 2]), "no value is allowed here, found 2"),
        (json!({"not": {"type": "null"}}), json!(null), "null fits what the schema forbids"),
        (json!({"oneOf": [{}, true]}), json!(1), "1 fits more than one of the schemas of `oneOf`"),
        (json!(false), json!("x"), "no value is allowed here, found `x`"),
        (
            json!({"anyOf": [{"type": "string"}, {"anyOf": [{"type": "null"}, {"type": "array"}]}]}),
            json!({"a": 1}),
            "fits none of the 2 schemas of `anyOf`: expected string, found an object with 1 members, \
             an object with 1 members fits none of its own schemas",
        ),
    ];
    for (schema, data, expected) in cases {
        let found = violations(&schema, &data);
        assert!(found.iter().any(|line| line.ends_with(&format!(": {expected}"))), "{schema}: {found:#?}");
    }
    let found = violations(&json!({"propertyNames": {"maxLength": 2}}), &json!({"abc": 1}));
    let words = "the name of this member is not allowed: expected at most 2 characters, found `abc`";
    assert_eq!(found, [format!("/data/abc: {words}")]);
}

#[test]
fn formats_are_asserted_in_every_draft() {
    for draft in ["draft-04", "draft-06", "draft-07"] {
        let schema = json!({"$schema": format!("http://json-schema.org/{draft}/schema#"), "format": "email"});
        assert_eq!(violations(&schema, &json!("nobody")).len(), 1, "{draft}");
    }
    for draft in ["2019-09", "2020-12"] {
        let schema = json!({"$schema": format!("https://json-schema.org/draft/{draft}/schema"), "format": "uuid"});
        assert_eq!(violations(&schema, &json!("nobody")).len(), 1, "{draft}");
    }
    assert_eq!(violations(&json!({"format": "uuid"}), &json!("nobody")).len(), 1);
    assert_eq!(check(&json!({"format": "money"}), &json!("x")), Ok(()), "an unknown format says nothing");
}

#[test]
fn the_draft_decides_what_keywords_mean() {
    let old = json!({"$schema": "http://json-schema.org/draft-04/schema#", "maximum": 3, "exclusiveMaximum": true});
    assert_eq!(violations(&old, &json!(3)).len(), 1);
    let new = json!({"prefixItems": [{"type": "string"}]});
    assert_eq!(violations(&new, &json!([1])).len(), 1, "2020-12 where none is named");
}

#[test]
fn references_stay_inside() {
    let tree = json!({
        "$id": "https://schemas.example/tree",
        "$defs": {"node": {"$anchor": "n", "type": "object", "additionalProperties": {"$ref": "#n"}}},
        "$ref": "https://schemas.example/tree#/$defs/node",
    });
    assert_eq!(check(&tree, &json!({"a": {"b": {}}})), Ok(()));
    assert_eq!(violations(&tree, &json!({"a": {"b": 1}})), ["/data/a/b: expected object, found 1"]);
    assert_eq!(
        check(&json!({"$ref": "https://json-schema.org/draft/2020-12/schema"}), &json!({"type": "null"})),
        Ok(())
    );
    for (reference, pointer) in [
        ("http://127.0.0.1:1/x.json", "/properties/a~1b/$ref"),
        ("file:///etc/passwd#/x", "/properties/a~1b/$ref"),
        ("other.json", "/properties/a~1b/$ref"),
        ("#/$defs/none", "/properties/a~1b/$ref"),
        ("#none", "/properties/a~1b/$ref"),
    ] {
        let faults = compile(&json!({"properties": {"a/b": {"$ref": reference}}})).unwrap_err();
        assert_eq!(faults[0].pointer.as_deref(), Some(pointer), "{reference}: {faults:?}");
    }
}

#[test]
fn patterns_run_in_linear_time_or_not_at_all() {
    let evil = json!({"pattern": "^(a+)+$"});
    let started = Instant::now();
    assert_eq!(violations(&evil, &json!("a".repeat(50_000) + "!")).len(), 1);
    assert!(started.elapsed() < Duration::from_secs(5));
    for (schema, pointer) in [
        (json!({"items": {"pattern": "(?=a)b"}}), "/items/pattern"),
        (json!({"pattern": "(a)\\1"}), "/pattern"),
        (json!({"pattern": "("}), "/pattern"),
        (json!({"patternProperties": {"(?!a)b": {}}}), "/patternProperties/(?!a)b"),
    ] {
        let faults = compile(&schema).unwrap_err();
        assert_eq!(faults[0].pointer.as_deref(), Some(pointer), "{faults:?}");
        assert!(faults[0].hint.is_some());
    }
}

#[test]
fn every_pattern_of_a_document_is_looked_at_and_nothing_else() {
    let schema = json!({
        "properties": {
            "pattern": {"pattern": "(?!x)"},
            "a": {"items": [{"pattern": "[a-"}]},
            "b": {"default": {"pattern": "(?=x)"}, "const": {"pattern": "(?=x)"}, "enum": [{"pattern": "(?=x)"}]},
        },
        "patternProperties": {"(?<=x)y": {"not": {"pattern": "(a)\\1"}}},
        "$defs": {"nobody refers to it": {"anyOf": [true, {"propertyNames": {"pattern": "(?<n>a)\\k<n>"}}]}},
        "if": {"pattern": "((a{100}){100}){100}"},
        "then": {"pattern": "^\\d{3}-[\\w.]+\\p{L}$"},
    });
    for draft in ["https://json-schema.org/draft/2020-12/schema", "http://json-schema.org/draft-07/schema#"] {
        let mut schema = schema.clone();
        schema["$schema"] = draft.into();
        if draft.contains("2020") {
            schema["properties"]["a"]["prefixItems"] = schema["properties"]["a"]["items"].take();
            schema["properties"]["a"].as_object_mut().unwrap().remove("items");
        }
        let faults = compile(&schema).unwrap_err();
        let mut found: Vec<_> = faults.iter().map(|fault| fault.pointer.clone().unwrap_or_default()).collect();
        found.sort_unstable();
        let a = if draft.contains("2020") {
            "/properties/a/prefixItems/0/pattern"
        } else {
            "/properties/a/items/0/pattern"
        };
        assert_eq!(
            found,
            [
                "/$defs/nobody refers to it/anyOf/1/propertyNames/pattern",
                "/if/pattern",
                "/patternProperties/(?<=x)y",
                "/patternProperties/(?<=x)y/not/pattern",
                a,
                "/properties/pattern/pattern",
            ],
            "{faults:?}"
        );
    }
}

#[test]
fn unknown_drafts_are_faults() {
    for schema in [
        json!({"$schema": "http://json-schema.org/draft-03/schema#"}),
        json!({"$schema": "https://example.com/meta"}),
        json!({"$schema": 7}),
    ] {
        assert_eq!(compile(&schema).unwrap_err()[0].pointer.as_deref(), Some("/$schema"), "{schema}");
    }
    assert_eq!(compile(&json!([])).unwrap_err().len(), 1, "told once");
}

#[test]
fn the_list_of_violations_ends() {
    let schema = json!({"items": {"type": "string"}});
    let some = violations(&schema, &json!(vec![1; LISTED]));
    assert_eq!(some.len(), LISTED);
    let more = violations(&schema, &json!(vec![1; LISTED + 1]));
    assert_eq!(more.len(), LISTED + 1);
    assert_eq!(more[LISTED], "/data: only the first 100 violations are listed");
    let many = violations(&schema, &json!(vec![1; 100_000]));
    assert_eq!(many[0], "/data/0: expected string, found 1");
    assert_eq!(many[1], "/data: the data breaks its schema in more places than can be listed");
    let named = json!({"properties": {"additionalProperties": false}});
    assert_eq!(
        pointers(&check(&named, &json!({"additionalProperties": {"a": 1}})).unwrap_err()),
        ["/data/additionalProperties"]
    );
    let members: serde_json::Map<_, _> = (0..5_000).map(|number| (format!("m{number}"), json!(1))).collect();
    let unexpected = check(&json!({"additionalProperties": false}), &Value::Object(members)).unwrap_err();
    assert_eq!(unexpected.len(), LISTED + 1);
    assert_eq!(pointers(&unexpected)[0], "/data/m0");
}

/// Every nesting level doubles the errors of the level below; unmetered, this data would take longer than the universe has.
#[test]
fn branching_recursion_costs_no_more_than_granted() {
    let schema = json!({"anyOf": [
        {"properties": {"c": {"$ref": "#"}, "x": {"type": "string"}}},
        {"properties": {"c": {"$ref": "#"}, "x": {"type": "array"}}},
    ]});
    let data = (0..100).fold(json!({"x": 1}), |inner, _| json!({"c": inner}));
    let started = Instant::now();
    assert!(!violations(&schema, &data).is_empty());
    assert!(started.elapsed() < Duration::from_secs(10));
    let flat = (0..3).fold(json!({"x": 1}), |inner, _| json!({"c": inner}));
    assert_eq!(violations(&schema, &flat).len(), 1);
}

/// Each violation carries its path: many of them below one long name must not multiply it.
#[test]
fn long_names_do_not_multiply() {
    let schema = json!({"additionalProperties": {"items": {"type": "string"}}});
    let name = "n".repeat(200_000);
    let violations = check(&schema, &json!({name: vec![1; 20_000]})).unwrap_err();
    let bytes: usize = violations.iter().map(|violation| violation.pointer.len()).sum();
    assert!(bytes < 10_000, "{bytes}");
    assert_eq!(pointers(&check(&json!(false), &json!(1)).unwrap_err()), ["/data"]);
}

/// Arrays of arrays whose shapes differ only in their nesting: a hash over scalars alone would make them all collide.
#[test]
fn unique_items_cannot_be_made_to_collide() {
    fn shapes(size: usize) -> Vec<Vec<Value>> {
        let splits = (1..=size).flat_map(|first| {
            let rests = shapes(size - first);
            shapes(first - 1).into_iter().flat_map(move |head| {
                let head = Value::Array(head);
                rests.clone().into_iter().map(move |rest| [vec![head.clone()], rest].concat())
            })
        });
        if size == 0 { vec![Vec::new()] } else { splits.collect() }
    }
    let items: Vec<Value> = shapes(10).into_iter().map(Value::Array).collect();
    assert_eq!(items.len(), 16_796);
    let schema = json!({"uniqueItems": true});
    let started = Instant::now();
    assert_eq!(check(&schema, &Value::Array(items)), Ok(()));
    assert!(started.elapsed() < Duration::from_secs(10));
    let big: u64 = 1 << 63;
    for (items, unique) in [
        (json!([big, big + 1, 9.5, "9.5", true, 1, null, [], {}, [[]]]), true),
        (json!([{"a": 1, "b": [2]}, 0, {"b": [2.0], "a": 1.0}]), false),
        (json!([0, 1, -0.0]), false),
        (json!([1e300, 5, 1e300]), false),
    ] {
        assert_eq!(check(&schema, &items).is_ok(), unique, "{items}");
    }
}

#[test]
fn self_references_end() {
    for schema in
        [json!({"$ref": "#"}), json!({"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}), json!({"not": {"$ref": "#"}})]
    {
        let _verdict = check(&schema, &json!({"a": [1]}));
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[a-c]", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    /// The metered view of data gives the verdicts of the validator's own.
    #[test]
    fn metering_changes_no_verdict(data in any_json()) {
        let schema = json!({
            "anyOf": [{"type": ["object", "array"]}, {"minimum": 0}, {"maxLength": 2}],
            "properties": {"a": {"type": "integer"}, "b": {"uniqueItems": true, "contains": {"type": "string"}}},
            "required": ["a"], "unevaluatedProperties": {"$ref": "#"}, "minProperties": 1,
            "items": {"$ref": "#"}, "uniqueItems": true, "not": {"const": {"a": 1}},
        });
        let theirs = jsonschema::is_valid(&schema, &data);
        let ours = check(&schema, &data);
        prop_assert_eq!(ours.is_ok(), theirs);
        if let Err(violations) = ours {
            prop_assert!(!violations.is_empty());
            for violation in violations {
                let place = violation.pointer.strip_prefix("/data").unwrap();
                let parent = place.rsplit_once('/').map_or("", |(parent, _)| parent);
                prop_assert!(data.pointer(place).or(data.pointer(parent)).is_some(), "{}", violation.pointer);
            }
        }
    }
}
