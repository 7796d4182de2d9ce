//! The functions behind the library of jq: those of the engine, without what reads or writes anything outside of the
//! program, and those that look into values.

use super::value::{Error, Value};
use super::{meter, read};
use bytestring::ByteString;
use jaq_core::box_iter::box_once;
use jaq_core::data::JustLut;
use jaq_core::load::parse::Def;
use jaq_core::native::{self, Filter, Fun, bome, unary, v};
use jaq_core::{DataT, RunPtr, ValR};
use jaq_json::Num;
use std::collections::HashMap;
use std::sync::LazyLock;

/// The kind of data programs run on.
pub(super) type Data = JustLut<Value>;

/// `env` reads the environment, `halt` ends the process, `debug` and `stderr` write events into the log.
const LEFT_OUT: [&str; 4] = ["env", "halt", "debug_empty", "stderr_empty"];

/// Definitions in jq.
pub(super) fn definitions() -> impl Iterator<Item = Def<&'static str>> {
    jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs())
}

/// The definitions, and for each which others its body may name.
struct Library {
    definitions: Vec<Def<&'static str>>,
    by_name: HashMap<&'static str, Vec<usize>>,
    uses: Vec<Vec<usize>>,
}

/// Read once: they are a text of some hundred lines, and there may be programs in ten thousand routes.
static LIBRARY: LazyLock<Library> = LazyLock::new(|| {
    let definitions: Vec<Def<&'static str>> = definitions().collect();
    let mut by_name: HashMap<&'static str, Vec<usize>> = HashMap::new();
    for (index, definition) in definitions.iter().enumerate() {
        by_name.entry(definition.name).or_default().push(index);
    }
    let uses = |definition: &Def<&'static str>| {
        let body = format!("{:?}", definition.body);
        words(&body).filter_map(|word| by_name.get(word)).flatten().copied().collect()
    };
    let uses = definitions.iter().map(uses).collect();
    Library { definitions, by_name, uses }
});

/// The definitions a program may need, in their order: those whose names stand in its text, and those that these need.
/// Compiling all of them anew for each program would take most of the time of loading many.
pub(super) fn definitions_for(text: &str) -> Vec<Def<&'static str>> {
    let library = &*LIBRARY;
    let mut wanted = vec![false; library.definitions.len()];
    let mut open: Vec<usize> = words(text).filter_map(|word| library.by_name.get(word)).flatten().copied().collect();
    while let Some(index) = open.pop() {
        if let Some(wanted) = wanted.get_mut(index).filter(|wanted| !**wanted) {
            *wanted = true;
            open.extend(library.uses.get(index).into_iter().flatten());
        }
    }
    library.definitions.iter().zip(wanted).filter(|(_, wanted)| *wanted).map(|(known, _)| known.clone()).collect()
}

/// Everything in a text that may be a name.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '@'))
}

/// The names of all functions that are defined in jq.
pub(super) fn defined_names() -> impl Iterator<Item = &'static str> {
    LIBRARY.definitions.iter().map(|known| known.name)
}

/// Functions in Rust.
pub(super) fn functions() -> impl Iterator<Item = Fun<Data>> {
    let of_engine = jaq_core::funs::<Data>().chain(jaq_std::funs::<Data>());
    of_engine.filter(|(name, ..)| !LEFT_OUT.contains(name)).chain(own::<Data>())
}

fn own<D: for<'a> DataT<V<'a> = Value>>() -> impl Iterator<Item = Fun<D>> {
    functions_in_rust().into_vec().into_iter().map(native::run)
}

fn functions_in_rust<D: for<'a> DataT<V<'a> = Value>>() -> Box<[Filter<RunPtr<D>>]> {
    Box::new([
        ("fromjson", v(0), |cv| bome(from_json(&cv.1))),
        ("tojson", v(0), |cv| bome(Ok(Value::text(cv.1.to_string())))),
        ("length", v(0), |cv| bome(length(cv.1))),
        ("contains", v(1), |cv| unary(cv, |value, other| Ok(contains(&value, &other).into()))),
        ("has", v(1), |cv| unary(cv, |value, name| value.child(&name).map(|child| child.is_some().into()))),
        ("indices", v(1), |cv| unary(cv, |value, other| value.indices(&other))),
        ("bsearch", v(1), |cv| unary(cv, |value, wanted| search(&value, &wanted))),
        // What they would print is event content: they pass it on and print nothing.
        ("debug_empty", v(0), |_| Box::new(std::iter::empty())),
        ("stderr_empty", v(0), |_| Box::new(std::iter::empty())),
        ("halt", v(1), |_| box_once(Err(Error::str("a program cannot end the gateway").into()))),
        ("env", v(0), |_| box_once(Err(Error::str("a program cannot read the environment").into()))),
    ])
}

fn from_json(value: &Value) -> ValR<Value> {
    let Value::String(text) = value else { return Err(Error::typ(value.clone(), "string")) };
    read::value(text).map_err(|broken| Error::str(format_args!("cannot read the text as JSON: {broken}")))
}

fn length(value: Value) -> ValR<Value> {
    match value {
        Value::Null => Ok(Value::from(0_usize)),
        Value::Number(number) if number < Num::Int(0) => Ok(Value::Number(-number)),
        Value::Number(_) => Ok(value),
        Value::String(text) => {
            meter::steps(text.len() / 64);
            Ok(text.chars().count().into())
        }
        Value::Array(array) => Ok(array.items.len().into()),
        Value::Object(object) => Ok(object.members.len().into()),
        Value::Boolean(_) => Err(Error::str(format_args!("{value} has no length"))),
    }
}

fn contains(value: &Value, other: &Value) -> bool {
    meter::steps(1);
    match (value, other) {
        (Value::String(text), Value::String(part)) => {
            meter::steps(text.len() / 64);
            text.contains(&**part)
        }
        (Value::Array(all), Value::Array(wanted)) => {
            wanted.items.iter().all(|wanted| all.items.iter().any(|item| contains(item, wanted)))
        }
        (Value::Object(all), Value::Object(wanted)) => wanted
            .members
            .iter()
            .all(|(name, wanted)| all.members.get(name).is_some_and(|value| contains(value, wanted))),
        _ => value == other,
    }
}

fn search(value: &Value, wanted: &Value) -> ValR<Value> {
    let Value::Array(array) = value else { return Err(Error::typ(value.clone(), "array")) };
    let place = |at: usize| isize::try_from(at).unwrap_or(isize::MAX);
    let found = array.items.binary_search(wanted);
    Ok(Value::from(found.map_or_else(|at| -1 - place(at), place)))
}

impl Value {
    /// Where another value occurs in this one: in text counted in characters, in arrays as an entry or a run of entries.
    pub(super) fn indices(&self, other: &Value) -> ValR<Value> {
        match (self, other) {
            (Value::String(_), Value::String(part)) if part.is_empty() => Ok(Value::empty_array()),
            (Value::String(text), Value::String(part)) => {
                meter::steps(text.len());
                let starts = text.char_indices().enumerate().filter(|(_, (at, _))| text[*at..].starts_with(&**part));
                Ok(starts.map(|(place, _)| Value::from(place)).collect())
            }
            (Value::Array(_), Value::Array(run)) if run.items.is_empty() => Ok(Value::empty_array()),
            (Value::Array(all), Value::Array(run)) => {
                let windows = all.items.windows(run.items.len()).enumerate();
                Ok(windows.filter(|(_, window)| **window == *run.items).map(|(at, _)| Value::from(at)).collect())
            }
            (Value::Array(all), wanted) => {
                let places = all.items.iter().enumerate().filter(|(_, item)| *item == wanted);
                Ok(places.map(|(at, _)| Value::from(at)).collect())
            }
            (one, two) => Err(Error::index(one.clone(), two.clone())),
        }
    }
}

/// The name of a member that does not change.
pub(super) fn name(text: &'static str) -> ByteString {
    ByteString::from_static(text)
}
