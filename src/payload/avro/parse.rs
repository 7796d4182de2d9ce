//! The document of an `.avsc` file → types with their names resolved, or everything that is wrong with it.

use super::schema::{Decimal, Enum, Field, Fixed, Kind, Meaning, Name, Record, Time, Type, TypeId, Unit};
use crate::cloudevents::reader::shown;
use crate::payload::Fault;
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};

/// Bytes of a fixed. More would be a default or a datum nobody can send.
const LARGEST_FIXED: usize = 16 << 20;

/// Compiles a document. Defaults of fields keep their text only: see [`super::default`].
pub fn parse(document: &Value) -> Result<(Vec<Type>, TypeId), Vec<Fault>> {
    let mut parser = Parser { types: Vec::new(), names: HashMap::new(), faults: Vec::new() };
    let root = parser.schema(document, "", "");
    if parser.faults.is_empty() { Ok((parser.types, root)) } else { Err(parser.faults) }
}

struct Parser {
    types: Vec<Type>,
    names: HashMap<String, TypeId>,
    faults: Vec<Fault>,
}

impl Parser {
    fn fault(&mut self, pointer: &str, message: impl Into<String>) -> TypeId {
        self.faults.push(Fault::at(pointer, message));
        // Any type will do: nothing is made of a schema with faults.
        self.add(Kind::Null, pointer)
    }

    fn add(&mut self, kind: Kind, pointer: &str) -> TypeId {
        self.types.push(Type { kind, pointer: pointer.to_owned() });
        self.types.len() - 1
    }

    /// The type a value declares or names. `namespace` is that of the names around.
    fn schema(&mut self, value: &Value, pointer: &str, namespace: &str) -> TypeId {
        match value {
            Value::String(name) => self.named(name, pointer, namespace),
            Value::Array(branches) => self.union(branches, pointer, namespace),
            Value::Object(members) => self.declared(members, pointer, namespace),
            _ => self.fault(pointer, "a type is a name, a list of types or an object with `type`"),
        }
    }

    fn named(&mut self, name: &str, pointer: &str, namespace: &str) -> TypeId {
        if let Some(kind) = primitive(name) {
            return self.add(kind, pointer);
        }
        let full = qualified(name, namespace);
        // A name without a namespace may also be one declared without any.
        if let Some(known) = self.names.get(&full).or_else(|| self.names.get(name)) {
            return *known;
        }
        let hint = "types are null, boolean, int, long, float, double, bytes, string, and records, enums and fixed declared before their use";
        self.faults.push(Fault::at(pointer, format!("there is no type `{}`", shown(name))).hint(hint));
        self.add(Kind::Null, pointer)
    }

    fn union(&mut self, branches: &[Value], pointer: &str, namespace: &str) -> TypeId {
        let own = self.add(Kind::Null, pointer);
        let mut seen = HashSet::new();
        let mut ids = Vec::with_capacity(branches.len());
        for (index, branch) in branches.iter().enumerate() {
            let place = format!("{pointer}/{index}");
            let id = self.schema(branch, &place, namespace);
            let tag = tag(&self.types[id].kind).to_owned();
            let told = if tag == "union" {
                Some("a union must not stand directly in a union".to_owned())
            } else if seen.contains(&tag) {
                Some(format!("a union holds `{}` only once", shown(&tag)))
            } else {
                seen.insert(tag);
                None
            };
            if let Some(message) = told {
                self.fault(&place, message);
            }
            ids.push(id);
        }
        self.types[own].kind = Kind::Union(ids);
        own
    }

    fn declared(&mut self, members: &Map<String, Value>, pointer: &str, namespace: &str) -> TypeId {
        let place = format!("{pointer}/type");
        let name = match members.get("type") {
            Some(Value::String(name)) => name.as_str(),
            // Some tools wrap a declaration once more.
            Some(inner @ (Value::Object(_) | Value::Array(_))) => return self.schema(inner, &place, namespace),
            Some(_) => return self.fault(&place, "`type` is a name, a list of types or an object"),
            None => return self.fault(pointer, "the object lacks `type`"),
        };
        match name {
            "record" | "error" => self.record(members, pointer, namespace),
            "enum" => self.enumeration(members, pointer, namespace),
            "fixed" => self.fixed(members, pointer, namespace),
            "array" | "map" => {
                let key = if name == "array" { "items" } else { "values" };
                let Some(inner) = members.get(key) else {
                    return self.fault(pointer, format!("the {name} lacks `{key}`"));
                };
                let own = self.add(Kind::Null, pointer);
                let inner = self.schema(inner, &format!("{pointer}/{key}"), namespace);
                self.types[own].kind = if name == "array" { Kind::Array(inner) } else { Kind::Map(inner) };
                own
            }
            _ => match primitive(name) {
                Some(kind) => self.add(logical(kind, members), pointer),
                None => self.named(name, &place, namespace),
            },
        }
    }

    fn record(&mut self, members: &Map<String, Value>, pointer: &str, namespace: &str) -> TypeId {
        let (own, name) = self.declare(members, pointer, namespace);
        let inside = name.full.rsplit_once('.').map_or("", |(namespace, _)| namespace).to_owned();
        let Some(declared) = members.get("fields").and_then(Value::as_array) else {
            return self.fault(pointer, format!("the record `{}` lacks a list `fields`", shown(&name.full)));
        };
        let mut record = Record { name, fields: Vec::new(), by_name: HashMap::new() };
        // What stands inside of it may refer to it and has to see a record.
        self.types[own].kind = Kind::Record(record.clone());
        for (index, field) in declared.iter().enumerate() {
            let place = format!("{pointer}/fields/{index}");
            let Some(field) = self.field(field, &place, &inside) else { continue };
            if record.by_name.insert(field.name.clone(), index).is_some() {
                self.fault(&format!("{place}/name"), format!("the field `{}` stands twice", shown(&field.name)));
            }
            record.fields.push(field);
        }
        self.types[own].kind = Kind::Record(record);
        own
    }

    fn field(&mut self, field: &Value, pointer: &str, namespace: &str) -> Option<Field> {
        let name = match field.get("name") {
            Some(Value::String(name)) if is_name(name) => name.clone(),
            Some(_) => {
                self.fault(&format!("{pointer}/name"), NAMES);
                return None;
            }
            None => {
                self.fault(pointer, "the field lacks `name`");
                return None;
            }
        };
        let ty = match field.get("type") {
            Some(ty) => self.schema(ty, &format!("{pointer}/type"), namespace),
            None => self.fault(pointer, format!("the field `{name}` lacks `type`")),
        };
        let default = field.get("default");
        let default = default.map(|value| super::schema::Default { text: value.to_string(), datum: Vec::new() });
        let aliases = texts(field.get("aliases"));
        Some(Field { name, aliases, ty, pointer: pointer.to_owned(), default })
    }

    fn enumeration(&mut self, members: &Map<String, Value>, pointer: &str, namespace: &str) -> TypeId {
        let (own, name) = self.declare(members, pointer, namespace);
        let Some(listed) = members.get("symbols").and_then(Value::as_array) else {
            return self.fault(pointer, format!("the enum `{}` lacks a list `symbols`", shown(&name.full)));
        };
        let mut symbols: Vec<String> = Vec::with_capacity(listed.len());
        for (index, symbol) in listed.iter().enumerate() {
            match symbol.as_str() {
                Some(symbol) if symbols.iter().any(|known| known == symbol) => {
                    self.fault(&format!("{pointer}/symbols/{index}"), format!("the symbol `{symbol}` stands twice"));
                }
                Some(symbol) if is_name(symbol) => symbols.push(symbol.to_owned()),
                _ => drop(self.fault(&format!("{pointer}/symbols/{index}"), NAMES)),
            }
        }
        let default = match members.get("default") {
            None => None,
            Some(Value::String(symbol)) if symbols.contains(symbol) => Some(symbol.clone()),
            Some(_) => {
                self.fault(&format!("{pointer}/default"), "the default is none of the symbols");
                None
            }
        };
        self.types[own].kind = Kind::Enum(Enum { name, symbols, default });
        own
    }

    fn fixed(&mut self, members: &Map<String, Value>, pointer: &str, namespace: &str) -> TypeId {
        let (own, name) = self.declare(members, pointer, namespace);
        let size = members.get("size").and_then(Value::as_u64).and_then(|size| usize::try_from(size).ok());
        let Some(size) = size.filter(|size| *size <= LARGEST_FIXED) else {
            return self.fault(pointer, format!("the fixed `{}` lacks a `size` in bytes", shown(&name.full)));
        };
        let meaning = match members.get("logicalType").and_then(Value::as_str) {
            Some("decimal") => decimal(members).map_or(Meaning::Bytes, Meaning::Decimal),
            Some("uuid") if size == 16 => Meaning::Uuid,
            _ => Meaning::Bytes,
        };
        self.types[own].kind = Kind::Fixed(Fixed { name, size, meaning });
        own
    }

    /// Gives a name a place in the list, so that what stands inside of the declaration can refer to it.
    fn declare(&mut self, members: &Map<String, Value>, pointer: &str, namespace: &str) -> (TypeId, Name) {
        let written = members.get("name").and_then(Value::as_str).unwrap_or_default();
        let own_namespace = members.get("namespace").and_then(Value::as_str);
        let namespace = own_namespace.unwrap_or(namespace);
        let full = qualified(written, namespace);
        if members.get("name").is_none() {
            self.fault(pointer, "the type lacks `name`");
        } else if !full.split('.').all(is_name) || primitive(&full).is_some() {
            self.fault(&format!("{pointer}/name"), NAMES);
        }
        let own = self.add(Kind::Null, pointer);
        if self.names.insert(full.clone(), own).is_some() {
            self.fault(&format!("{pointer}/name"), format!("the name `{}` is declared twice", shown(&full)));
        }
        let inside = full.rsplit_once('.').map_or("", |(namespace, _)| namespace);
        let aliases = texts(members.get("aliases")).iter().map(|alias| qualified(alias, inside)).collect();
        (own, Name { full, aliases })
    }
}

const NAMES: &str = "a name is made of letters, digits and `_`, begins with no digit, and is not that of a simple type";

fn is_name(text: &str) -> bool {
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    starts && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn qualified(name: &str, namespace: &str) -> String {
    if name.contains('.') || namespace.is_empty() { name.to_owned() } else { format!("{namespace}.{name}") }
}

fn texts(list: Option<&Value>) -> Vec<String> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn primitive(name: &str) -> Option<Kind> {
    Some(match name {
        "null" => Kind::Null,
        "boolean" => Kind::Boolean,
        "int" => Kind::Int(None),
        "long" => Kind::Long(None),
        "float" => Kind::Float,
        "double" => Kind::Double,
        "bytes" => Kind::Bytes(None),
        "string" => Kind::String { uuid: false },
        _ => return None,
    })
}

/// What makes two branches of a union the same (Avro 1.12, "Unions").
pub fn tag(kind: &Kind) -> &str {
    match kind {
        Kind::Null => "null",
        Kind::Boolean => "boolean",
        Kind::Int(_) => "int",
        Kind::Long(_) => "long",
        Kind::Float => "float",
        Kind::Double => "double",
        Kind::Bytes(_) => "bytes",
        Kind::String { .. } => "string",
        Kind::Array(_) => "array",
        Kind::Map(_) => "map",
        Kind::Union(_) => "union",
        Kind::Fixed(of) => &of.name.full,
        Kind::Enum(of) => &of.name.full,
        Kind::Record(of) => &of.name.full,
    }
}

/// A simple type with its logical type; one that does not go together with it counts for nothing, as Avro says.
fn logical(kind: Kind, members: &Map<String, Value>) -> Kind {
    let Some(name) = members.get("logicalType").and_then(Value::as_str) else { return kind };
    match (kind, name) {
        (Kind::Int(_), "date") => Kind::Int(Some(Time::Date)),
        (Kind::Int(_), "time-millis") => Kind::Int(Some(Time::OfDay(Unit::Millis))),
        (Kind::Long(_), "time-micros") => Kind::Long(Some(Time::OfDay(Unit::Micros))),
        (Kind::Long(_), name) => Kind::Long(
            match name.strip_prefix("local-").unwrap_or(name) {
                "timestamp-millis" => Some(Unit::Millis),
                "timestamp-micros" => Some(Unit::Micros),
                "timestamp-nanos" => Some(Unit::Nanos),
                _ => None,
            }
            .map(|unit| if name.starts_with("local-") { Time::Local(unit) } else { Time::Instant(unit) }),
        ),
        (Kind::Bytes(_), "decimal") => Kind::Bytes(decimal(members)),
        (Kind::String { .. }, "uuid") => Kind::String { uuid: true },
        (kind, _) => kind,
    }
}

fn decimal(members: &Map<String, Value>) -> Option<Decimal> {
    let number = |key: &str| members.get(key).map(|value| value.as_u64().and_then(|value| usize::try_from(value).ok()));
    let precision = number("precision")??;
    let scale = number("scale").unwrap_or(Some(0))?;
    (precision > 0 && scale <= precision).then_some(Decimal { precision, scale })
}
