//! What is called compatible is: no value that one schema lets through is refused by the other.

use super::{Mode, Subject, changes};
use proptest::prelude::*;
use proptest::{collection, option, sample};
use serde_json::{Value, json};

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        (-3..4_i64).prop_map(Value::from),
        sample::select(vec![json!(0.5), json!(-1.5), json!(2.0)]),
        sample::select(vec![json!(""), json!("a"), json!("bb"), json!("2024-05-01")]),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            collection::btree_map(sample::select(vec!["a", "b", "c"]), inner, 0..3).prop_map(|members| json!(members)),
        ]
    })
}

fn of_numbers() -> impl Strategy<Value = Value> {
    let bound = || option::of(-3..4_i64);
    (sample::select(vec!["integer", "number"]), bound(), bound(), bound(), option::of(1..3_i64)).prop_map(
        |(ty, least, most, above, multiple)| {
            let mut schema = json!({ "type": ty });
            let keywords =
                [("minimum", least), ("maximum", most), ("exclusiveMinimum", above), ("multipleOf", multiple)];
            for (keyword, bound) in keywords {
                if let Some(bound) = bound {
                    schema[keyword] = bound.into();
                }
            }
            schema
        },
    )
}

fn simple() -> impl Strategy<Value = Value> {
    let types = sample::subsequence(vec!["null", "boolean", "integer", "number", "string", "array", "object"], 1..4);
    let of_texts = (option::of(0..3_u64), option::of(0..3_u64), any::<bool>()).prop_map(|(least, most, date)| {
        let mut schema = json!({"type": ["string", "null"]});
        for (keyword, bound) in [("minLength", least), ("maxLength", most)] {
            if let Some(bound) = bound {
                schema[keyword] = bound.into();
            }
        }
        if date {
            schema["format"] = "date".into();
        }
        schema
    });
    prop_oneof![
        Just(json!(true)),
        Just(json!(false)),
        types.prop_map(|types| json!({ "type": types })),
        of_numbers(),
        of_texts,
        collection::vec(scalar(), 1..4).prop_map(|values| json!({ "enum": values })),
        scalar().prop_map(|value| json!({ "const": value })),
    ]
}

/// Closed objects only: a new member of an open one is let through on purpose.
fn schema() -> impl Strategy<Value = Value> {
    simple().prop_recursive(3, 16, 3, |inner| {
        let several = || collection::vec(inner.clone(), 1..4);
        let members = collection::btree_map(sample::select(vec!["a", "b", "c"]), inner.clone(), 0..3);
        let required = sample::subsequence(vec!["a", "b"], 0..2);
        prop_oneof![
            (members, required, any::<bool>()).prop_map(|(members, required, all)| {
                let mut schema = json!({"properties": members, "required": required, "additionalProperties": false});
                if all {
                    schema["type"] = "object".into();
                }
                schema
            }),
            (inner.clone(), option::of(0..3_u64)).prop_map(|(items, least)| {
                let mut schema = json!({ "items": items });
                if let Some(least) = least {
                    schema["minItems"] = least.into();
                }
                schema
            }),
            (several(), inner.clone()).prop_map(|(tuple, rest)| json!({"prefixItems": tuple, "items": rest})),
            several().prop_map(|branches| json!({ "anyOf": branches })),
            several().prop_map(|branches| json!({ "oneOf": branches })),
            several().prop_map(|branches| json!({ "allOf": branches })),
            (inner.clone(), inner.clone()).prop_map(|(own, part)| json!({"allOf": [own], "not": part})),
        ]
    })
}

/// A schema and one that differs from it in a part.
fn pair() -> impl Strategy<Value = (Value, Value)> {
    let related = (schema(), schema(), 0..4_u8).prop_map(|(old, other, how)| {
        let new = match how {
            0 => json!({"anyOf": [old, other]}),
            1 => json!({"allOf": [old, other]}),
            2 => json!({"oneOf": [other, old]}),
            _ => other,
        };
        (old, new)
    });
    prop_oneof![related, (schema(), schema())]
}

fn validator(schema: &Value) -> jsonschema::Validator {
    jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        .should_validate_formats(true)
        .build(schema)
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn compatible_versions_let_through_the_same((old, new) in pair(), values in collection::vec(value(), 40)) {
        let found = changes(Subject::Json(&old), Subject::Json(&new), Mode::Backward).unwrap();
        if found.is_empty() {
            let (before, after) = (validator(&old), validator(&new));
            for value in values.iter().filter(|value| before.is_valid(value)) {
                prop_assert!(after.is_valid(value), "{value} is let through by {old} and not by {new}");
            }
        }
        let forward = changes(Subject::Json(&old), Subject::Json(&old), Mode::Full).unwrap();
        prop_assert!(forward.is_empty(), "{old} and itself: {forward:?}");
    }
}
