//! What the engine asks of values: children, slices, updates.

use super::meter;
use super::value::{Error, Value};
use bytestring::ByteString;
use jaq_core::box_iter::{BoxIter, box_once};
use jaq_core::path::Opt;
use jaq_core::val::Range;
use jaq_core::{Exn, ValR, ValX};
use jaq_json::Num;
use std::ops::Range as Between;
use std::rc::Rc;

impl jaq_core::ValT for Value {
    fn from_num(text: &str) -> ValR<Value> {
        Ok(Value::Number(number(text)))
    }

    fn from_map<I: IntoIterator<Item = (Value, Value)>>(members: I) -> ValR<Value> {
        members
            .into_iter()
            .map(|(name, value)| match name {
                Value::String(name) => Ok((name, value)),
                other => Err(Error::typ(other, "the name of a member")),
            })
            .collect()
    }

    fn key_values(self) -> BoxIter<'static, ValR<(Value, Value), Value>> {
        match self {
            Value::Array(array) => {
                let length = array.items.len();
                Box::new((0..length).map(move |at| Ok((Value::from(at), array.items[at].clone()))))
            }
            Value::Object(object) => {
                let length = object.members.len();
                Box::new((0..length).filter_map(move |at| {
                    object.members.get_index(at).map(|(name, value)| Ok((Value::String(name.clone()), value.clone())))
                }))
            }
            other => box_once(Err(Error::typ(other, "array or object"))),
        }
    }

    fn values(self) -> Box<dyn Iterator<Item = ValR<Value>>> {
        match self {
            Value::Array(array) => {
                let length = array.items.len();
                Box::new((0..length).map(move |at| Ok(array.items[at].clone())))
            }
            Value::Object(object) => {
                let length = object.members.len();
                Box::new(
                    (0..length).filter_map(move |at| object.members.get_index(at).map(|(_, value)| Ok(value.clone()))),
                )
            }
            other => box_once(Err(Error::typ(other, "array or object"))),
        }
    }

    fn index(self, index: &Value) -> ValR<Value> {
        self.child(index).map(Option::unwrap_or_default)
    }

    fn range(self, range: Range<&Value>) -> ValR<Value> {
        match &self {
            Value::Array(array) => Ok(array.items[bounds(range, array.items.len())?].iter().cloned().collect()),
            Value::String(text) => Ok(Value::String(text.slice_ref(&text[text_bounds(range, text)?]))),
            _ => Err(Error::typ(self, "array or string")),
        }
    }

    fn map_values<'a, I: Iterator<Item = ValX<'a, Value>>>(self, opt: Opt, f: impl Fn(Value) -> I) -> ValX<'a, Value> {
        match self {
            Value::Array(mut array) => {
                let items = std::mem::take(&mut Rc::make_mut(&mut array).items);
                items.into_iter().flat_map(f).collect()
            }
            Value::Object(mut object) => {
                let members = std::mem::take(&mut Rc::make_mut(&mut object).members).into_iter();
                members.filter_map(|(name, value)| f(value).next().map(|value| Ok((name, value?)))).collect()
            }
            other => opt.fail(other, |other| Exn::from(Error::typ(other, "array or object"))),
        }
    }

    fn map_index<'a, I: Iterator<Item = ValX<'a, Value>>>(
        mut self,
        index: &Value,
        opt: Opt,
        f: impl Fn(Value) -> I,
    ) -> ValX<'a, Value> {
        if let (Value::String(_) | Value::Array(_), Value::Object(slice)) = (&self, index) {
            let range = slice.members.get("start")..slice.members.get("end");
            return self.map_range(range, opt, f);
        }
        match (&mut self, index) {
            (Value::Object(object), Value::String(name)) => {
                let object = Rc::make_mut(object);
                let before = object.members.get_mut(name).map(std::mem::take);
                match f(before.unwrap_or_default()).next().transpose()? {
                    Some(value) => object.set(name.clone(), value),
                    None => drop(object.members.shift_remove(name)),
                }
                Ok(self)
            }
            (Value::Array(array), index) => {
                let Some(at) = index.as_integer().and_then(|at| place(at, array.items.len())) else {
                    let fault = Error::str(format_args!("index {index} out of bounds"));
                    return opt.fail(self, |_| Exn::from(fault));
                };
                let array = Rc::make_mut(array);
                if let Some(value) = f(std::mem::take(&mut array.items[at])).next().transpose()? {
                    array.set(at, value);
                } else {
                    meter::steps(array.items.len() - at);
                    array.items.remove(at);
                }
                Ok(self)
            }
            _ => {
                let index = index.clone();
                opt.fail(self, |other| Exn::from(Error::index(other, index)))
            }
        }
    }

    fn map_range<'a, I: Iterator<Item = ValX<'a, Value>>>(
        self,
        range: Range<&Value>,
        opt: Opt,
        f: impl Fn(Value) -> I,
    ) -> ValX<'a, Value> {
        let between = match &self {
            Value::Array(array) => bounds(range, array.items.len()),
            Value::String(text) => text_bounds(range, text),
            _ => return opt.fail(self, |other| Exn::from(Error::typ(other, "array or string"))),
        };
        let between = match between {
            Ok(between) => between,
            Err(fault) => return opt.fail(self, |_| Exn::from(fault)),
        };
        match &self {
            Value::Array(array) => {
                let slice = array.items[between.clone()].iter().cloned().collect();
                let new = match f(slice).next().transpose()? {
                    None => Vec::new(),
                    Some(Value::Array(new)) => new.items.clone(),
                    Some(other) => return Err(Exn::from(Error::typ(other, "array"))),
                };
                let (before, behind) = (&array.items[..between.start], &array.items[between.end..]);
                Ok(before.iter().chain(&new).chain(behind).cloned().collect())
            }
            Value::String(text) => {
                let new = match f(Value::String(text.slice_ref(&text[between.clone()]))).next().transpose()? {
                    None => ByteString::new(),
                    Some(Value::String(new)) => new,
                    Some(other) => return Err(Exn::from(Error::typ(other, "string"))),
                };
                Ok(Value::text([&text[..between.start], &new, &text[between.end..]].concat()))
            }
            _ => Ok(self),
        }
    }

    fn as_bool(&self) -> bool {
        !matches!(self, Value::Null | Value::Boolean(false))
    }

    fn into_string(self) -> Value {
        match self {
            Value::String(_) => self,
            other => Value::text(other.to_string()),
        }
    }
}

impl jaq_std::ValT for Value {
    fn into_seq<S: FromIterator<Value>>(self) -> Result<S, Value> {
        match self {
            Value::Array(array) => Ok(array.items.iter().cloned().collect()),
            other => Err(other),
        }
    }

    fn is_int(&self) -> bool {
        matches!(self, Value::Number(Num::Int(_) | Num::BigInt(_)))
    }

    fn as_isize(&self) -> Option<isize> {
        self.as_integer()
    }

    fn as_f64(&self) -> Option<f64> {
        self.as_float()
    }

    fn is_utf8_str(&self) -> bool {
        matches!(self, Value::String(_))
    }

    fn as_bytes(&self) -> Option<&[u8]> {
        if let Value::String(text) = self { Some(text.as_bytes()) } else { None }
    }

    fn as_sub_str(&self, sub: &[u8]) -> Value {
        let Value::String(text) = self else { return Value::Null };
        Value::from_utf8_bytes(text.as_bytes().slice_ref(sub))
    }

    fn from_utf8_bytes(bytes: impl AsRef<[u8]> + Send + 'static) -> Value {
        // Text is text here: what is no UTF-8, as after `@base64d`, cannot be written as JSON anyway.
        Value::text(String::from_utf8_lossy(bytes.as_ref()).into_owned())
    }
}

impl Value {
    /// The child at an index, or what a search for it finds; `None` where there is none.
    pub(super) fn child(&self, index: &Value) -> Result<Option<Value>, Error> {
        use jaq_core::ValT as _;
        match (self, index) {
            (Value::Null, _) => Ok(None),
            (Value::Object(object), Value::String(name)) => Ok(object.members.get(name).cloned()),
            (Value::Array(array), Value::Number(Num::Int(_) | Num::BigInt(_))) => {
                let at = index.as_integer().and_then(|at| place(at, array.items.len()));
                Ok(at.and_then(|at| array.items.get(at)).cloned())
            }
            (Value::Array(_), Value::Array(_)) => self.indices(index).map(Some),
            (Value::Array(_) | Value::String(_), Value::Object(slice)) => {
                self.clone().range(slice.members.get("start")..slice.members.get("end")).map(Some)
            }
            _ => Err(Error::index(self.clone(), index.clone())),
        }
    }
}

/// A number from its text. What nothing is done with is written as it came.
pub(super) fn number(text: &str) -> Num {
    // Long ones are kept as text, which costs nothing; -0 is no whole number for the engine.
    let plain = text.len() <= 64 && text != "-0" && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'-'));
    let whole = if plain { Num::from_str_radix(text, 10) } else { None };
    whole.unwrap_or_else(|| Num::Dec(Rc::new(text.to_owned())))
}

/// An index that may count from the end, as a place in an array of this length.
fn place(at: isize, length: usize) -> Option<usize> {
    let at = if at < 0 { length.checked_sub(at.unsigned_abs())? } else { at.unsigned_abs() };
    (at < length).then_some(at)
}

fn bound(bound: Option<&Value>) -> Result<Option<isize>, Error> {
    match bound {
        None | Some(Value::Null) => Ok(None),
        Some(bound) => bound.as_integer().map(Some).ok_or_else(|| Error::typ(bound.clone(), "integer")),
    }
}

fn bounds(range: Range<&Value>, length: usize) -> Result<Between<usize>, Error> {
    let clip =
        |at: isize| if at < 0 { length.saturating_sub(at.unsigned_abs()) } else { at.unsigned_abs().min(length) };
    let start = bound(range.start)?.map_or(0, clip);
    let end = bound(range.end)?.map_or(length, clip);
    Ok(start..end.max(start))
}

/// Bounds in characters as bounds in bytes.
fn text_bounds(range: Range<&Value>, text: &str) -> Result<Between<usize>, Error> {
    meter::steps(text.len() / 64);
    let characters = bounds(range, text.chars().count())?;
    let at = |character| text.char_indices().nth(character).map_or(text.len(), |(at, _)| at);
    Ok(at(characters.start)..at(characters.end))
}
