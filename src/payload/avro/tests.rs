use super::Avro;
use super::schema::Kind;
use crate::payload::Unfit;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value as Oracle;
use proptest::prelude::*;
use serde_json::{Value, json};

const ORDER: &str = r#"{"type": "record", "name": "Order", "namespace": "com.example", "fields": [
    {"name": "id", "type": "string"},
    {"name": "count", "type": "int", "default": 1},
    {"name": "big", "type": ["null", "long"], "default": null},
    {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 8, "scale": 2}},
    {"name": "day", "type": {"type": "int", "logicalType": "date"}},
    {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    {"name": "raw", "type": "bytes", "default": "\u00ff"},
    {"name": "hash", "type": {"type": "fixed", "name": "Hash", "size": 2}},
    {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["NEW", "PAID"], "default": "NEW"}},
    {"name": "tags", "type": {"type": "array", "items": "string"}, "default": []},
    {"name": "rates", "type": {"type": "map", "values": "double"}, "default": {"eur": 1}},
    {"name": "parent", "type": ["null", "Order"], "default": null},
    {"name": "ratio", "type": "float", "default": 0.5}
]}"#;

fn avro(schema: &str) -> Avro {
    Avro::compile(schema.as_bytes()).unwrap()
}

fn order() -> Value {
    json!({"id": "o-1", "big": 9_007_199_254_740_993_i64, "price": "12.50", "day": "2024-05-01",
        "at": "2024-05-01T10:15:30Z", "hash": "AAE=", "state": "PAID", "tags": ["a"]})
}

fn pointers(schema: &Avro, data: &Value) -> Vec<String> {
    match schema.check_json(data.to_string().as_bytes()) {
        Ok(()) => Vec::new(),
        Err(Unfit::Violations(violations)) => violations.into_iter().map(|violation| violation.pointer).collect(),
        Err(Unfit::NotJson(detail)) => vec![detail],
    }
}

fn read_with_apache(schema: &str, datum: &[u8]) -> Oracle {
    let schema = apache_avro::Schema::parse_str(schema).unwrap();
    let reader = GenericDatumReader::builder(&schema).build().unwrap();
    let mut rest = datum;
    let value = reader.read_value(&mut rest).unwrap();
    assert!(rest.is_empty());
    value
}

#[test]
fn a_datum_is_what_other_readers_read() {
    let schema = avro(ORDER);
    let datum = schema.to_datum(order().to_string().as_bytes()).unwrap();
    let Oracle::Record(fields) = read_with_apache(ORDER, &datum) else { panic!() };
    let field = |name: &str| fields.iter().find(|(known, _)| known == name).unwrap().1.clone();
    assert_eq!(field("id"), Oracle::String("o-1".to_owned()));
    assert_eq!(field("count"), Oracle::Int(1));
    assert_eq!(field("big"), Oracle::Union(1, Box::new(Oracle::Long(9_007_199_254_740_993))));
    assert_eq!(field("day"), Oracle::Date(19_844));
    assert_eq!(field("at"), Oracle::TimestampMillis(1_714_558_530_000));
    assert_eq!(field("raw"), Oracle::Bytes(vec![255]));
    assert_eq!(field("hash"), Oracle::Fixed(2, vec![0, 1]));
    assert_eq!(field("state"), Oracle::Enum(1, "PAID".to_owned()));
    assert_eq!(field("ratio"), Oracle::Float(0.5));
    assert_eq!(field("price"), Oracle::Decimal(vec![4, 0xe2].into()));
    assert_eq!(field("rates"), Oracle::Map([("eur".to_owned(), Oracle::Double(1.0))].into()));
}

#[test]
fn the_way_back_fills_in_defaults_and_keeps_every_digit() {
    let schema = avro(ORDER);
    let datum = schema.to_datum(order().to_string().as_bytes()).unwrap();
    assert_eq!(schema.check_datum(&datum), Ok(()));
    let back = schema.to_json(&datum).unwrap();
    let expected = r#"{"id":"o-1","count":1,"big":9007199254740993,"price":"12.50","day":"2024-05-01","at":"2024-05-01T10:15:30Z","raw":"/w==","hash":"AAE=","state":"PAID","tags":["a"],"rates":{"eur":1.0},"parent":null,"ratio":0.5}"#;
    assert_eq!(back, expected);
    assert_eq!(schema.to_datum(back.as_bytes()).unwrap(), datum);
}

#[test]
fn every_violation_is_told_at_its_own_place() {
    let data = json!({"id": 5, "count": 2_147_483_648_i64, "big": "x", "price": 12.5, "day": "2024-02-30", "at": 5,
        "hash": "AA==", "state": "GONE", "tags": ["a", 1, null], "rates": {"a/b": "x", "c": 1}, "odd": 1,
        "parent": {"id": "p"}});
    let found = pointers(&avro(ORDER), &data);
    let expected = [
        "/odd",
        "/id",
        "/count",
        "/big",
        "/price",
        "/day",
        "/hash",
        "/state",
        "/tags/1",
        "/tags/2",
        "/rates/a~1b",
        "/parent/price",
        "/parent/day",
        "/parent/at",
        "/parent/hash",
        "/parent/state",
    ];
    assert_eq!(found, expected);
    let twice = br#"{"id": "a", "id": "b"}"#;
    let Err(Unfit::Violations(violations)) = avro(ORDER).check_json(twice) else { panic!() };
    assert_eq!((&*violations[0].pointer, &*violations[0].detail), ("/id", "the member stands twice"));
    assert!(matches!(avro(ORDER).check_json(b"{"), Err(Unfit::NotJson(_))));
}

#[test]
fn scalars_fit_or_do_not() {
    let time = r#"{"type": "long", "logicalType": "timestamp-micros"}"#;
    let decimal = r#"{"type": "fixed", "name": "D", "size": 3, "logicalType": "decimal", "precision": 6, "scale": 2}"#;
    for (schema, good, bad) in [
        ("\"null\"", &["null"][..], &["0", "\"\"", "false"][..]),
        ("\"boolean\"", &["true", "false"], &["0", "\"true\"", "null"]),
        ("\"int\"", &["0", "-2147483648", "1.0", "2e3"], &["2147483648", "1.5", "\"1\"", "1e400", "true"]),
        ("\"long\"", &["9223372036854775807", "-9223372036854775808"], &["9223372036854775808", "0.1", "\"5\""]),
        ("\"float\"", &["0.1", "3.4e38", "-1"], &["3.5e38", "\"NaN\"", "\"1\""]),
        ("\"double\"", &["1e308", "123456789012345678901234567890"], &["1e400", "\"NaN\"", "null"]),
        ("\"string\"", &["\"\"", "\"\\u0000\\ud83d\\ude00\""], &["1", "null"]),
        ("\"bytes\"", &["\"\"", "\"AAEC\""], &["\"A\"", "\"AAEC \"", "\"_-8=\"", "[1]"]),
        (
            time,
            &["\"2024-05-01T10:15:30.000001+02:00\"", "-1"],
            &["\"2024-05-01\"", "\"2024-05-01T10:15:30.0000001Z\""],
        ),
        (
            decimal,
            &["\"1234.56\"", "\"-0.01\"", "\"7\""],
            &["12.5", "\"12345.67\"", "\"0.001\"", "\"1e2\"", "\"AAEC\""],
        ),
        (r#"{"type": "string", "logicalType": "uuid"}"#, &["\"0123abcd-4567-89ab-cdef-0123456789ab\""], &["\"x\""]),
        (r#"["null", "string", "int"]"#, &["null", "\"x\"", "5"], &["5.5", "true", "[]", "{}"]),
        (r#"["int", "double"]"#, &["5", "5.5", "1e300"], &["\"5\""]),
    ] {
        let schema = avro(schema);
        for text in good {
            let datum = schema.to_datum(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error:?}"));
            let back = schema.to_json(&datum).unwrap();
            assert_eq!(schema.to_datum(back.as_bytes()).unwrap(), datum, "{text} came back as {back}");
        }
        for text in bad {
            let unfit = schema.check_json(text.as_bytes()).unwrap_err();
            assert!(matches!(&unfit, Unfit::Violations(all) if all.len() == 1), "{text}: {unfit:?}");
        }
    }
}

#[test]
fn the_first_branch_that_fits_is_taken() {
    let schema = avro(
        r#"[{"type": "record", "name": "A", "fields": [{"name": "a", "type": "int"}]},
            {"type": "record", "name": "B", "fields": [{"name": "b", "type": ["null", "B"], "default": null}]},
            {"type": "map", "values": "string"}, "bytes", "string"]"#,
    );
    for (text, branch) in
        [(r#"{"a": 1}"#, 0), (r#"{"b": {"b": {}}}"#, 1), ("{}", 1), (r#"{"c": "d"}"#, 2), ("\"AAEC\"", 3), ("\"A\"", 4)]
    {
        assert_eq!(schema.to_datum(text.as_bytes()).unwrap()[0], branch * 2, "{text}");
    }
    let Err(Unfit::Violations(violations)) = schema.check_json(br#"{"a": "x", "b": 1}"#) else { panic!() };
    assert_eq!((violations.len(), &*violations[0].pointer), (1, ""));
}

#[test]
fn bytes_that_are_no_datum_are_refused() {
    let schema = avro(ORDER);
    let good = schema.to_datum(order().to_string().as_bytes()).unwrap();
    for length in 0..good.len() {
        assert!(schema.check_datum(&good[..length]).is_err(), "{length}");
    }
    assert!(schema.check_datum(&[&good[..], &[0]].concat()).unwrap_err().detail.contains("ends before the data"));
    for (schema, bytes) in [
        ("\"boolean\"", &[2][..]),
        ("\"int\"", &[0x80, 0x80, 0x80, 0x80, 0x20]),
        ("\"long\"", &[0xff; 10]),
        ("\"string\"", &[2, 0xff]),
        ("\"string\"", &[1]),
        ("\"bytes\"", &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]),
        (r#"{"type": "enum", "name": "E", "symbols": ["A"]}"#, &[2]),
        (r#"["null"]"#, &[2]),
        (r#"{"type": "array", "items": "int"}"#, &[1, 2, 0]),
    ] {
        let violation = avro(schema).check_datum(bytes).unwrap_err();
        assert_eq!(violation.pointer, "", "{schema}");
    }
    assert!(avro("\"double\"").check_datum(&f64::NAN.to_le_bytes()).is_ok());
    assert!(avro("\"double\"").to_json(&f64::NAN.to_le_bytes()).unwrap_err().detail.contains("NaN"));
}

#[test]
fn hostile_data_costs_no_more_than_its_size() {
    let nulls = avro(r#"{"type": "array", "items": "null"}"#);
    // A block of 2⁶² entries that take no bytes.
    let huge = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01];
    assert!(nulls.check_datum(&huge).unwrap_err().detail.contains("empty values"));
    assert!(nulls.check_datum(&[10, 0]).is_ok());
    let list = avro(r#"{"type": "record", "name": "L", "fields": [{"name": "next", "type": ["null", "L"]}]}"#);
    assert!(list.check_datum(&vec![2; 1 << 20]).unwrap_err().detail.contains("too deep"));
    let deep = "{\"next\":".repeat(1000) + "null" + &"}".repeat(1000);
    assert!(matches!(list.check_json(deep.as_bytes()), Err(Unfit::NotJson(detail)) if detail.contains("too deep")));
    // Two branches that both fail only at the bottom: 2ⁿ tries without an end.
    let tree = avro(
        r#"{"type": "record", "name": "T", "fields": [{"name": "n", "type": [
            {"type": "record", "name": "A", "fields": [{"name": "t", "type": "T"}]},
            {"type": "record", "name": "B", "fields": [{"name": "t", "type": "T"}]}, "null"]}]}"#,
    );
    let bottom = "{\"n\":{\"t\":".repeat(40) + "{\"n\":1}" + &"}}".repeat(40);
    let Err(Unfit::Violations(violations)) = tree.check_json(bottom.as_bytes()) else { panic!() };
    assert!(violations[0].detail.contains("takes too long"), "{violations:?}");
    let default = "x".repeat(10_000);
    let wide = json!({"type": "array", "items": {"type": "record", "name": "W",
        "fields": [{"name": "d", "type": "string", "default": default}]}});
    let empty = format!("[{}{{}}]", "{},".repeat(100_000));
    assert!(avro(&wide.to_string()).check_json(empty.as_bytes()).is_ok());
    let Err(Unfit::Violations(long)) = avro(&wide.to_string()).to_datum(empty.as_bytes()) else { panic!() };
    assert!(long[0].detail.contains("too long"));
}

#[test]
fn faults_of_a_schema_have_their_place() {
    for (schema, pointer) in [
        ("5", ""),
        ("\"strin\"", ""),
        (r#"{"name": "x"}"#, ""),
        (r#"{"type": "record", "name": "R"}"#, ""),
        (r#"{"type": "record", "name": "1R", "fields": []}"#, "/name"),
        (r#"{"type": "record", "name": "R", "fields": [{"name": "a", "type": "strnig"}]}"#, "/fields/0/type"),
        (r#"{"type": "record", "name": "R", "fields": [{"type": "int"}]}"#, "/fields/0"),
        (r#"{"type": "record", "name": "R", "fields": [{"name": "a-b", "type": "int"}]}"#, "/fields/0/name"),
        (
            r#"{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}, {"name": "a", "type": "int"}]}"#,
            "/fields/1/name",
        ),
        (
            r#"{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int", "default": "x"}]}"#,
            "/fields/0/default",
        ),
        (r#"{"type": "enum", "name": "E", "symbols": ["A", "A"]}"#, "/symbols/1"),
        (r#"{"type": "enum", "name": "E", "symbols": ["A"], "default": "B"}"#, "/default"),
        (r#"{"type": "fixed", "name": "F", "size": -1}"#, ""),
        (r#"{"type": "array"}"#, ""),
        (r#"["int", ["null"]]"#, "/1"),
        (r#"["int", "int"]"#, "/1"),
        (r#"[{"type": "fixed", "name": "F", "size": 1}, {"type": "enum", "name": "F", "symbols": ["A"]}]"#, "/1/name"),
    ] {
        let faults = Avro::compile(schema.as_bytes()).unwrap_err();
        assert_eq!(faults[0].pointer.as_deref(), Some(pointer), "{schema}: {faults:?}");
    }
    let broken = Avro::compile(b"{\n \"type\": }").unwrap_err();
    assert_eq!((broken[0].line_column, &broken[0].pointer), (Some((2, 10)), &None));
    let several =
        r#"{"type": "record", "name": "R", "fields": [{"name": "a", "type": "x"}, {"name": "b", "type": "y"}]}"#;
    assert_eq!(Avro::compile(several.as_bytes()).unwrap_err().len(), 2);
}

#[test]
fn names_are_found_in_their_namespace() {
    let schema = avro(
        r#"{"type": "record", "name": "a.b.Order", "aliases": ["Old", "x.Older"], "fields": [
            {"name": "line", "type": {"type": "record", "name": "Line", "fields": [{"name": "o", "type": ["null", "Order"]}]}},
            {"name": "again", "type": "a.b.Line"}, {"name": "wrapped", "type": {"type": {"type": "string"}}}]}"#,
    );
    assert_eq!(schema.name(), Some("a.b.Order"));
    let Kind::Record(record) = &schema.types[schema.root].kind else { panic!() };
    assert_eq!(record.name.aliases, ["a.b.Old", "x.Older"]);
    assert_eq!(record.fields[0].ty, record.fields[1].ty);
    assert_eq!(avro("\"int\"").name(), None);
}

/// Data of the schema below in its canonical form.
fn canonical() -> impl Strategy<Value = Value> {
    let leaf =
        (any::<i64>(), "[a-zé\\x00]{0,6}", proptest::collection::vec(any::<u8>(), 0..5), any::<i32>(), 0..3_usize);
    let leaf = leaf.prop_map(|(long, text, bytes, int, symbol)| {
        use base64::Engine;
        let bytes = base64::engine::general_purpose::STANDARD.encode(bytes);
        let symbol = ["A", "B", "C"][symbol];
        json!({"long": long, "text": text, "bytes": bytes, "choice": int, "symbol": symbol, "next": null,
            "list": [], "map": {}})
    });
    leaf.prop_recursive(4, 32, 3, |inner| {
        (
            inner.clone(),
            proptest::collection::vec(inner.clone(), 0..3),
            proptest::collection::btree_map("[a-z]{1,3}", inner, 0..3),
        )
            .prop_map(|(mut base, list, map)| {
                base["next"] = list.first().cloned().unwrap_or(Value::Null);
                base["list"] = Value::Array(list);
                base["map"] = json!(map);
                base["choice"] = json!("text!");
                base
            })
    })
}

const ANYTHING: &str = r#"{"type": "record", "name": "N", "fields": [
    {"name": "long", "type": "long"}, {"name": "text", "type": "string"}, {"name": "bytes", "type": "bytes"},
    {"name": "choice", "type": ["int", "string"]}, {"name": "symbol", "type": {"type": "enum", "name": "S", "symbols": ["A", "B", "C"]}},
    {"name": "next", "type": ["null", "N"]}, {"name": "list", "type": {"type": "array", "items": "N"}},
    {"name": "map", "type": {"type": "map", "values": "N"}}]}"#;

proptest! {
    #[test]
    fn canonical_data_survives_the_way_there_and_back(data in canonical()) {
        let schema = avro(ANYTHING);
        let datum = schema.to_datum(data.to_string().as_bytes()).unwrap();
        read_with_apache(ANYTHING, &datum);
        let back: Value = serde_json::from_str(&schema.to_json(&datum).unwrap()).unwrap();
        prop_assert_eq!(back, data);
    }

    #[test]
    fn any_bytes_are_refused_or_come_back(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let schema = avro(ANYTHING);
        if let Ok(json) = schema.to_json(&bytes) {
            prop_assert!(schema.check_datum(&bytes).is_ok());
            prop_assert!(schema.check_json(json.as_bytes()).is_ok());
        }
    }
}
