use super::{Change, Mode, Subject, changes};
use crate::payload::avro::Avro;
use serde_json::{Value, json};

fn json_changes(old: &Value, new: &Value, mode: Mode) -> Vec<Change> {
    changes(Subject::Json(old), Subject::Json(new), mode).unwrap()
}

fn avro_changes(old: &Value, new: &Value, mode: Mode) -> Vec<Change> {
    let (old, new) =
        (Avro::compile(old.to_string().as_bytes()).unwrap(), Avro::compile(new.to_string().as_bytes()).unwrap());
    changes(Subject::Avro(&old), Subject::Avro(&new), mode).unwrap()
}

/// The place of every change; `-` in front of one in the old schema.
fn places(changes: &[Change]) -> Vec<String> {
    changes.iter().map(|change| format!("{}{}", if change.removed { "-" } else { "" }, change.pointer)).collect()
}

type Compare = fn(&Value, &Value, Mode) -> Vec<Change>;

/// The places that break the promise that a new version reads what the old one wrote.
pub(super) fn json_places(old: &Value, new: &Value) -> Vec<String> {
    places(&json_changes(old, new, Mode::Backward))
}

/// Backward and forward, each with the places that break it.
fn check(compare: Compare, old: Value, new: Value, backward: &[&str], forward: &[&str]) {
    let back = compare(&old, &new, Mode::Backward);
    assert_eq!(places(&back), backward, "backward: {old} → {new}: {back:#?}");
    let forth = compare(&old, &new, Mode::Forward);
    assert_eq!(places(&forth), forward, "forward: {old} → {new}: {forth:#?}");
    let full = compare(&old, &new, Mode::Full);
    assert_eq!(full.is_empty(), back.is_empty() && forth.is_empty(), "full: {old} → {new}");
    for schema in [&old, &new] {
        assert_eq!(compare(schema, schema, Mode::Full), [], "a schema and itself: {schema}");
    }
}

fn json(old: Value, new: Value, backward: &[&str], forward: &[&str]) {
    check(json_changes, old, new, backward, forward);
}

fn avro(old: Value, new: Value, backward: &[&str], forward: &[&str]) {
    check(avro_changes, old, new, backward, forward);
}

/// An object with one property.
fn with(property: Value) -> Value {
    json!({"type": "object", "properties": {"a": property}})
}

#[test]
fn types_widen_and_narrow() {
    json(with(json!({"type": "integer"})), with(json!({"type": "number"})), &[], &["/properties/a/type"]);
    json(
        with(json!({"type": "string"})),
        with(json!({"type": "integer"})),
        &["/properties/a/type"],
        &["/properties/a/type"],
    );
    json(with(json!({"type": "string"})), with(json!({"type": ["string", "null"]})), &[], &["/properties/a/type"]);
    json(with(json!({})), with(json!({"type": "string"})), &["/properties/a/type"], &[]);
    json(with(json!({"type": "string"})), with(json!(true)), &[], &["-/properties/a/type"]);
    json(json!({"type": "integer"}), json!({"type": ["number"]}), &[], &["/type"]);
}

#[test]
fn members_come_and_go() {
    let open = |properties: Value| json!({"type": "object", "properties": properties});
    let closed = |properties: Value| json!({"type": "object", "properties": properties, "additionalProperties": false});
    // A new optional member of an open object is compatible, both ways.
    json(open(json!({})), open(json!({"a": {"type": "string"}})), &[], &[]);
    json(closed(json!({})), closed(json!({"a": {"type": "string"}})), &[], &["/properties/a"]);
    json(closed(json!({"a": {}})), closed(json!({})), &["-/properties/a"], &[]);
    json(open(json!({"a": {}})), closed(json!({"a": {}})), &["/additionalProperties"], &[]);
    json(json!({"properties": {"a": {}}}), json!({"properties": {"a": {}}, "required": ["a"]}), &["/required/0"], &[]);
    json(json!({"required": ["a", "b"]}), json!({"required": ["b"]}), &[], &["-/required/0"]);
    json(
        json!({"additionalProperties": {"type": "string"}}),
        json!({"additionalProperties": {"type": "string"}, "properties": {"n": {"type": "integer"}}}),
        &["/properties/n/type"],
        &["/properties/n/type"],
    );
    json(
        json!({"additionalProperties": {"type": "integer"}}),
        json!({"additionalProperties": {"type": "number"}}),
        &[],
        &["/additionalProperties/type"],
    );
    json(json!({"minProperties": 1}), json!({"minProperties": 2}), &["/minProperties"], &[]);
}

#[test]
fn values_and_bounds() {
    json(with(json!({"enum": ["a", "b"]})), with(json!({"enum": ["a", "b", "c"]})), &[], &["/properties/a/enum/2"]);
    json(with(json!({"enum": ["a", "b"]})), with(json!({"enum": ["b"]})), &["-/properties/a/enum/0"], &[]);
    json(with(json!({"const": 1})), with(json!({"enum": [1.0, 2]})), &[], &["/properties/a/enum/1"]);
    json(with(json!({"type": "string"})), with(json!({"enum": ["x"]})), &["/properties/a/enum"], &[]);
    json(with(json!({"const": 5})), with(json!({"type": "integer", "minimum": 3})), &[], &["-/properties/a/const"]);
    json(
        with(json!({"enum": [1, 9]})),
        with(json!({"minimum": 3})),
        &["/properties/a/minimum"],
        &["-/properties/a/enum"],
    );
    for (narrow, wide, keyword) in [
        (json!({"minimum": 5}), json!({"minimum": 1}), "minimum"),
        (json!({"exclusiveMinimum": 5}), json!({"minimum": 5}), "minimum"),
        (json!({"maximum": 5}), json!({"exclusiveMaximum": 9}), "exclusiveMaximum"),
        (json!({"multipleOf": 4}), json!({"multipleOf": 2}), "multipleOf"),
        (json!({"minLength": 2}), json!({"minLength": 1}), "minLength"),
        (json!({"maxLength": 2}), json!({"maxLength": 3}), "maxLength"),
        (json!({"minItems": 2}), json!({"minItems": 1}), "minItems"),
        (json!({"maxItems": 2}), json!({"maxItems": 3}), "maxItems"),
    ] {
        let forward = json_changes(&narrow, &wide, Mode::Forward);
        assert_eq!(json_changes(&narrow, &wide, Mode::Backward), [], "{narrow} → {wide}");
        assert_eq!(forward.len(), 1, "{narrow} → {wide}: {forward:?}");
        let back = json_changes(&wide, &narrow, Mode::Backward);
        assert_eq!(back.len(), 1, "{wide} → {narrow}");
        assert!(!back[0].removed && back[0].pointer.len() > 4, "{back:?}");
        assert!(forward[0].pointer.contains(keyword) || forward[0].removed, "{forward:?}");
    }
    let draft_4 = json!({"$schema": "http://json-schema.org/draft-04/schema#", "minimum": 5, "exclusiveMinimum": true});
    json(draft_4, json!({"exclusiveMinimum": 5}), &[], &[]);
}

#[test]
fn texts_with_patterns_cannot_be_decided() {
    json(
        with(json!({"type": "string"})),
        with(json!({"type": "string", "format": "date"})),
        &["/properties/a/format"],
        &[],
    );
    let before = json_changes(&with(json!({"pattern": "^a"})), &with(json!({"pattern": "^b"})), Mode::Backward);
    assert!(before[0].detail.contains("cannot be decided"), "{before:?}");
    json(with(json!({"pattern": "^a"})), with(json!({})), &[], &["-/properties/a/pattern"]);
    for (keyword, value, place) in [
        ("not", json!({"type": "string"}), "/not"),
        ("patternProperties", json!({"^a": {"type": "string"}}), "/patternProperties"),
        ("propertyNames", json!({"maxLength": 3}), "/propertyNames"),
        ("contains", json!({"type": "string"}), "/contains"),
        ("dependentRequired", json!({"a": ["b"]}), "/dependentRequired/a/0"),
        ("if", json!({"type": "string"}), "/if"),
    ] {
        let new = json!({keyword: value, "then": {"minLength": 2}});
        assert_eq!(places(&json_changes(&json!({}), &new, Mode::Backward)), [place]);
        assert_eq!(json_changes(&new, &json!({}), Mode::Backward), [], "{keyword}");
    }
}

#[test]
fn arrays_are_compared_entry_by_entry() {
    json(json!({"items": {"type": "integer"}}), json!({"items": {"type": "number"}}), &[], &["/items/type"]);
    json(
        json!({"prefixItems": [{"type": "integer"}], "items": false}),
        json!({"prefixItems": [{"type": "integer"}, {"type": "string"}], "items": false}),
        &[],
        &["/prefixItems/1"],
    );
    json(json!({"type": "array"}), json!({"type": "array", "items": {"type": "string"}}), &["/items"], &[]);
    json(json!({"uniqueItems": false}), json!({"uniqueItems": true}), &["/uniqueItems"], &[]);
    // Draft 7 writes tuples into `items`.
    json(
        json!({"items": [{"type": "integer"}], "additionalItems": {"type": "string"}}),
        json!({"prefixItems": [{"type": "integer"}], "items": {"type": "string"}}),
        &[],
        &[],
    );
}

#[test]
fn references_and_combinations_are_followed() {
    let referring = json!({"$defs": {"n": {"type": "integer"}}, "properties": {"a": {"$ref": "#/$defs/n"}}});
    json(referring.clone(), with_any(json!({"type": "integer"})), &[], &[]);
    json(referring, with_any(json!({"type": "string"})), &["/properties/a/type"], &["/properties/a/type"]);
    json(
        json!({"allOf": [{"required": ["a"]}, {"properties": {"a": {"minimum": 5}}}]}),
        json!({"required": ["a"], "properties": {"a": {"minimum": 1}}}),
        &[],
        &["/properties/a/minimum"],
    );
    let either = json!({"anyOf": [{"type": "integer"}, {"type": "string"}]});
    json(either.clone(), json!({"type": ["integer", "string"]}), &[], &[]);
    json(json!({"type": "integer"}), either.clone(), &[], &["/anyOf/1/type"]);
    json(either, json!({"oneOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]}), &[], &["/oneOf/2"]);
    let tagged = |kinds: &[&str]| {
        let branch =
            |kind: &&str| json!({"type": "object", "properties": {"kind": {"const": kind}}, "required": ["kind"]});
        json!({"oneOf": kinds.iter().map(branch).collect::<Vec<_>>()})
    };
    assert_eq!(json_changes(&tagged(&["a", "b"]), &tagged(&["a", "b", "c"]), Mode::Backward), []);
    assert_eq!(json_changes(&tagged(&["a", "b"]), &tagged(&["a"]), Mode::Backward).len(), 1);
    let overlapping = json!({"oneOf": [{"minimum": 1}, {"maximum": 5}]});
    assert!(!json_changes(&json!({"type": "integer"}), &overlapping, Mode::Backward).is_empty());
    let recursive = json!({"properties": {"next": {"$ref": "#"}, "n": {"type": "integer"}}});
    let wider = json!({"properties": {"next": {"$ref": "#"}, "n": {"type": "number"}}});
    json(recursive, wider, &[], &["/properties/n/type"]);
    let elsewhere = json!({"$ref": "https://example.com/other"});
    assert!(json_changes(&json!({}), &elsewhere, Mode::Backward)[0].detail.contains("cannot be decided"));
}

fn with_any(property: Value) -> Value {
    json!({"properties": {"a": property}})
}

fn record(fields: Value) -> Value {
    json!({"type": "record", "name": "R", "fields": fields})
}

#[test]
fn records_resolve_by_name_default_and_alias() {
    let a = json!({"name": "a", "type": "int"});
    avro(record(json!([a])), record(json!([a, {"name": "b", "type": "int"}])), &["/fields/1"], &[]);
    avro(record(json!([a])), record(json!([a, {"name": "b", "type": "int", "default": 1}])), &[], &[]);
    avro(record(json!([a, {"name": "b", "type": "int"}])), record(json!([a])), &[], &["-/fields/1"]);
    avro(record(json!([a])), record(json!([{"name": "c", "aliases": ["a"], "type": "long"}])), &[], &["-/fields/0"]);
    avro(
        json!({"type": "record", "name": "Old", "fields": []}),
        json!({"type": "record", "name": "New", "aliases": ["Old"], "fields": []}),
        &[],
        &["/name"],
    );
    avro(
        json!({"type": "record", "name": "x.R", "fields": []}),
        json!({"type": "record", "name": "y.R", "fields": []}),
        &[],
        &[],
    );
}

#[test]
fn simple_types_are_promoted() {
    for (narrow, wide) in [("int", "long"), ("int", "double"), ("long", "float"), ("float", "double")] {
        avro(
            record(json!([{"name": "a", "type": narrow}])),
            record(json!([{"name": "a", "type": wide}])),
            &[],
            &["/fields/0/type"],
        );
    }
    avro(json!("string"), json!("bytes"), &[], &[]);
    avro(json!("int"), json!("string"), &[""], &[""]);
    avro(json!("int"), json!(["null", "long"]), &[], &["/0", "/1"]);
    avro(json!(["null", "int", "string"]), json!(["null", "int"]), &["-/2"], &[]);
    avro(json!(["null", "int"]), json!("int"), &["-/0"], &[]);
    let array = |items: &str| json!({"type": "array", "items": items});
    avro(array("int"), array("long"), &[], &["/items"]);
    let map = |values: &str| json!({"type": "map", "values": values});
    avro(map("int"), map("string"), &["/values"], &["/values"]);
}

#[test]
fn enums_fixeds_and_logical_types() {
    let of = |symbols: Value, default: Option<&str>| {
        let mut of = json!({"type": "enum", "name": "E", "symbols": symbols});
        if let Some(default) = default {
            of["default"] = json!(default);
        }
        of
    };
    avro(of(json!(["A", "B"]), None), of(json!(["B", "C"]), None), &["-/symbols/0"], &["/symbols/1"]);
    avro(of(json!(["A", "B"]), None), of(json!(["B"]), Some("B")), &[], &[]);
    let fixed = |size: u32| json!({"type": "fixed", "name": "F", "size": size});
    avro(fixed(4), fixed(8), &["/size"], &["/size"]);
    let decimal = |scale: u32| json!({"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": scale});
    avro(decimal(2), decimal(3), &[""], &[""]);
    let time = |unit: &str| json!({"type": "long", "logicalType": format!("timestamp-{unit}")});
    avro(time("millis"), time("micros"), &[""], &[""]);
    avro(json!("long"), time("millis"), &[], &[]);
    let list = |ty: &str| json!({"type": "record", "name": "L", "fields": [{"name": "n", "type": ty}, {"name": "next", "type": ["null", "L"]}]});
    avro(list("int"), list("long"), &[], &["/fields/0/type"]);
}

#[test]
fn kinds_do_not_mix() {
    let schema = Avro::compile(b"\"int\"").unwrap();
    assert_eq!(changes(Subject::Avro(&schema), Subject::Json(&json!({})), Mode::Backward), None);
}

#[test]
fn large_avro_schemas_are_decided() {
    let fields = |last: &str| -> Vec<Value> {
        (0..400)
            .map(|number| {
                let ty = if number == 399 { json!(["null", last]) } else { json!(["null", "string", "int"]) };
                let inner = json!({"type": "record", "name": format!("R{number}"),
                    "fields": (0..10).map(|inner| json!({"name": format!("g{inner}"), "type": ty})).collect::<Vec<_>>()});
                json!({"name": format!("f{number}"), "type": ["null", inner]})
            })
            .collect()
    };
    let changes = avro_changes(&record(json!(fields("int"))), &record(json!(fields("long"))), Mode::Full);
    assert_eq!(changes.len(), 10, "{changes:?}");
    assert!(changes.iter().all(|change| change.pointer.starts_with("/fields/399/type/1/fields/")), "{changes:?}");
    // Every record may be any other one: a wrong one is told once, and soon.
    let graph = |missing: usize| {
        let record = |number: usize| {
            let others =
                (0..number).filter(|other| (number, *other) != (39, missing)).map(|other| json!(format!("X{other}")));
            let types: Vec<Value> = [json!("null"), json!("Top")].into_iter().chain(others).collect();
            json!({"name": format!("f{number}"), "type": {"type": "record", "name": format!("X{number}"),
                "fields": [{"name": "z", "type": types}]}})
        };
        json!({"type": "record", "name": "Top", "fields": (0..40).map(record).collect::<Vec<_>>()})
    };
    assert_eq!(avro_changes(&graph(99), &graph(99), Mode::Full), []);
    let changes = avro_changes(&graph(99), &graph(3), Mode::Backward);
    assert!(
        !changes.is_empty() && changes.len() < 100 && changes.iter().all(|change| !change.pointer.is_empty()),
        "{changes:?}"
    );
}
