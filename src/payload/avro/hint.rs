//! What an Avro schema says about kinds of values, as a JSON Schema: for data that comes out of XML, where everything is
//! text (see [`crate::payload::Schema::kinds`]).

use super::schema::{Kind, Type, TypeId};
use serde_json::{Map, Value, json};

/// The document for a type; records are referred to, because they may hold themselves.
pub fn document(types: &[Type], root: TypeId) -> Value {
    let mut records = Map::new();
    for declared in types {
        if let Kind::Record(record) = &declared.kind {
            let fields = record.fields.iter().map(|field| (field.name.clone(), kinds(types, field.ty)));
            let fields: Map<String, Value> = fields.collect();
            records.insert(record.name.full.clone(), json!({"type": "object", "properties": fields}));
        }
    }
    let mut document = json!({"allOf": [kinds(types, root)]});
    document["$defs"] = Value::Object(records);
    document
}

fn kinds(types: &[Type], ty: TypeId) -> Value {
    match &types[ty].kind {
        Kind::Null => json!({"type": "null"}),
        Kind::Boolean => json!({"type": "boolean"}),
        Kind::Int(None) | Kind::Long(None) => json!({"type": "integer"}),
        Kind::Float | Kind::Double => json!({"type": "number"}),
        // Dates and times, too, are read from text.
        Kind::Int(Some(_))
        | Kind::Long(Some(_))
        | Kind::Bytes(_)
        | Kind::String { .. }
        | Kind::Enum(_)
        | Kind::Fixed(_) => json!({"type": "string"}),
        Kind::Array(items) => json!({"type": "array", "items": kinds(types, *items)}),
        Kind::Map(values) => json!({"type": "object", "additionalProperties": kinds(types, *values)}),
        Kind::Union(branches) => {
            let branches: Vec<Value> = branches.iter().map(|branch| kinds(types, *branch)).collect();
            json!({"anyOf": branches})
        }
        Kind::Record(record) => json!({"$ref": format!("#/$defs/{}", record.name.full)}),
    }
}
