//! scratch
use super::json_schema::JsonSchema;
use serde_json::json;

#[test]
fn scratch() {
    for schema in [
        json!({"type": "objekt"}),
        json!({"properties": {"a": {"pattern": "(?=a)b"}}}),
        json!({"properties": {"a": {"pattern": "(a"}}}),
        json!({"patternProperties": {"(?=a)b": {}}}),
        json!({"properties": {"a": {"pattern": "(a)\\1"}}}),
        json!({"properties": {"a": {"$ref": "http://example.com/x"}}}),
        json!({"properties": {"a": {"$ref": "file:///etc/passwd"}}}),
        json!({"properties": {"a": {"$ref": "#/$defs/nope"}}}),
        json!({"properties": {"a": {"$ref": "https://json-schema.org/draft/2020-12/schema"}}}),
        json!({"$ref": "#"}),
        json!({"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}),
        json!({"$schema": "http://json-schema.org/draft-07/schema#", "minimum": "x", "maximum": "y"}),
        json!({"$schema": "http://json-schema.org/draft-03/schema#"}),
        json!({"$schema": "https://example.com/meta"}),
        json!({"$schema": 7}),
        json!({"$schema": "https://json-schema.org/draft/2020-12/schema#"}),
        json!([]),
        json!(true),
        json!({"$id": "::"}),
        json!({"pattern": "^[a-z]{1,2000}{1,2000}$"}),
        json!({"multipleOf": 0}),
    ] {
        let out = JsonSchema::compile("a/1.json", schema.to_string().as_bytes());
        println!("{schema}\n   => {:?}", out.as_ref().map(|_| ()));
        if let Ok(s) = out {
            for data in [json!(1), json!({"a": {"b": "a"}}), json!([[1]])] {
                println!("      {data}: {:?}", s.check(&data, 10));
            }
        }
    }
}

#[test]
fn timing() {
    use std::time::Instant;
    let schema = json!({"anyOf": [
        {"properties": {"c": {"$ref": "#"}, "x": {"type": "string"}}},
        {"properties": {"c": {"$ref": "#"}, "x": {"type": "array"}}},
    ]});
    let s = JsonSchema::compile("a/1.json", schema.to_string().as_bytes()).unwrap();
    let mut data = json!({"x": 1});
    for _ in 0..100 {
        data = json!({"c": data});
    }
    let t = Instant::now();
    println!("{:?}", s.check(&data, 1000));
    println!("nested anyOf {:?}", t.elapsed());

    let s = JsonSchema::compile("a/1.json", json!({"items": {"type": "string"}}).to_string().as_bytes()).unwrap();
    let data = serde_json::Value::Array((0..262_144).map(|_| json!(1)).collect());
    let t = Instant::now();
    println!("{:?}", s.check(&data, 524_288).map_err(|v| (v.len(), v.last().cloned())));
    println!("many {:?}", t.elapsed());
    let data = serde_json::Value::Array((0..5_000).map(|_| json!(1)).collect());
    let t = Instant::now();
    println!("{:?}", s.check(&data, 10_000).map_err(|v| (v.len(), v.last().cloned())));
    println!("5000 {:?}", t.elapsed());

    let s = JsonSchema::compile("a/1.json", json!({"uniqueItems": true}).to_string().as_bytes()).unwrap();
    fn trees(size: usize) -> Vec<serde_json::Value> {
        if size == 1 {
            return vec![json!([])];
        }
        let mut out = vec![];
        // lists of children with total size-1
        fn lists(total: usize) -> Vec<Vec<serde_json::Value>> {
            if total == 0 {
                return vec![vec![]];
            }
            let mut out = vec![];
            for first in 1..=total {
                for f in trees(first) {
                    for rest in lists(total - first) {
                        let mut l = vec![f.clone()];
                        l.extend(rest);
                        out.push(l);
                    }
                }
            }
            out
        }
        for l in lists(size - 1) {
            out.push(serde_json::Value::Array(l));
        }
        out
    }
    let data = serde_json::Value::Array(trees(10));
    println!("{} trees, {} bytes", data.as_array().unwrap().len(), data.to_string().len());
    let t = Instant::now();
    println!("{:?}", s.check(&data, 524_288));
    println!("unique {:?}", t.elapsed());
    let t = Instant::now();
    println!("{:?}", jsonschema::is_valid(&json!({"uniqueItems": true}), &data));
    println!("unique theirs {:?}", t.elapsed());
}
