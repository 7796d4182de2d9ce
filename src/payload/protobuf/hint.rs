//! What a message says about kinds of values, as a JSON Schema: for data that comes out of XML, where everything is text
//! (see [`crate::payload::Schema::kinds`]).

use super::well_known::WellKnown;
use prost_reflect::{Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

/// Messages that are described; others count as anything.
const DESCRIBED: usize = 1_000;

/// The document for a message; messages are referred to, because they may hold themselves.
pub fn document(message: &MessageDescriptor) -> Value {
    let mut messages = Map::new();
    let mut waiting = vec![message.clone()];
    while let Some(next) = waiting.pop() {
        if messages.contains_key(next.full_name()) || messages.len() >= DESCRIBED {
            continue;
        }
        let mut properties = Map::new();
        for field in next.fields() {
            let kind = field.kind();
            let (kind, is_map) = match &kind {
                Kind::Message(entry) if field.is_map() => (entry.map_entry_value_field().kind(), true),
                _ => (kind, false),
            };
            if let Kind::Message(inner) = &kind {
                waiting.push(inner.clone());
            }
            let mut described = of_kind(&kind);
            if is_map {
                described = json!({"type": "object", "additionalProperties": described});
            } else if field.is_list() {
                described = json!({"type": "array", "items": described});
            }
            properties.insert(field.name().to_owned(), described.clone());
            properties.insert(field.json_name().to_owned(), described);
        }
        messages.insert(next.full_name().to_owned(), json!({"type": "object", "properties": properties}));
    }
    let mut document = json!({"allOf": [of_kind(&Kind::Message(message.clone()))]});
    document["$defs"] = Value::Object(messages);
    document
}

fn of_kind(kind: &Kind) -> Value {
    match kind {
        Kind::Bool => json!({"type": "boolean"}),
        Kind::Double | Kind::Float => json!({"type": "number"}),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 | Kind::Uint32 | Kind::Fixed32 => json!({"type": "integer"}),
        // 64-bit integers are read as text, too.
        Kind::Int64
        | Kind::Sint64
        | Kind::Sfixed64
        | Kind::Uint64
        | Kind::Fixed64
        | Kind::String
        | Kind::Bytes
        | Kind::Enum(_) => json!({"type": "string"}),
        Kind::Message(message) => match WellKnown::of(message) {
            None | Some(WellKnown::Empty) => json!({"$ref": format!("#/$defs/{}", message.full_name())}),
            Some(WellKnown::Timestamp | WellKnown::Duration | WellKnown::FieldMask) => json!({"type": "string"}),
            Some(WellKnown::Wrapper) => message.get_field(1).map_or(json!({}), |field| of_kind(&field.kind())),
            Some(WellKnown::Struct | WellKnown::Any) => json!({"type": "object"}),
            Some(WellKnown::ListValue) => json!({"type": "array"}),
            Some(WellKnown::Value) => json!({}),
        },
    }
}
