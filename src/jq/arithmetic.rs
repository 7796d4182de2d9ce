//! `+ - * / %` and the minus sign, as jq has them.

use super::meter::{self, Exhausted};
use super::value::{Error, Object, Value};
use bytes::{BufMut, BytesMut};
use bytestring::ByteString;
use jaq_core::ValR;
use jaq_core::ops::Math;
use jaq_json::Num;
use std::collections::BTreeSet;
use std::ops::{Add, Div, Mul, Neg, Rem, Sub};
use std::rc::Rc;

/// Bits of whole numbers that are calculated with; more would take long to multiply and to print.
const LARGEST_BITS: u64 = 1 << 16;

impl Add for Value {
    type Output = ValR<Value>;

    fn add(self, other: Value) -> ValR<Value> {
        meter::steps(1);
        match (self, other) {
            (Value::Null, value) | (value, Value::Null) => Ok(value),
            (Value::Number(one), Value::Number(two)) => Ok(calculated(one, two, |one, two| one + two)),
            (Value::String(one), Value::String(two)) => Ok(Value::String(joined(one, &two))),
            (Value::Array(mut one), Value::Array(two)) => {
                let array = Rc::make_mut(&mut one);
                two.items.iter().for_each(|item| array.push(item.clone()));
                Ok(Value::Array(one))
            }
            (Value::Object(mut one), Value::Object(two)) => {
                let object = Rc::make_mut(&mut one);
                two.members.iter().for_each(|(name, value)| object.set(name.clone(), value.clone()));
                Ok(Value::Object(one))
            }
            (one, two) => Err(Error::math(one, Math::Add, two)),
        }
    }
}

impl Sub for Value {
    type Output = ValR<Value>;

    fn sub(self, other: Value) -> ValR<Value> {
        meter::steps(1);
        match (self, other) {
            (Value::Number(one), Value::Number(two)) => Ok(calculated(one, two, |one, two| one - two)),
            (Value::Array(one), Value::Array(two)) => {
                let taken: BTreeSet<&Value> = two.items.iter().collect();
                Ok(one.items.iter().filter(|item| !taken.contains(item)).cloned().collect())
            }
            (one, two) => Err(Error::math(one, Math::Sub, two)),
        }
    }
}

impl Mul for Value {
    type Output = ValR<Value>;

    fn mul(self, other: Value) -> ValR<Value> {
        meter::steps(1);
        match (self, other) {
            (Value::Number(one), Value::Number(two)) => Ok(calculated(one, two, |one, two| one * two)),
            (Value::String(text), Value::Number(times)) | (Value::Number(times), Value::String(text)) => match times {
                Num::Int(times) if times <= 0 => Ok(Value::Null),
                Num::Int(times) => {
                    let times = times.unsigned_abs();
                    meter::bytes(text.len().saturating_mul(times));
                    Ok(Value::String(text.repeat(times).into()))
                }
                Num::BigInt(_) => meter::stop(Exhausted::Bytes),
                times => Err(Error::math(Value::String(text), Math::Mul, Value::Number(times))),
            },
            (Value::Object(mut one), Value::Object(two)) => {
                merge(Rc::make_mut(&mut one), &two);
                Ok(Value::Object(one))
            }
            (one, two) => Err(Error::math(one, Math::Mul, two)),
        }
    }
}

impl Div for Value {
    type Output = ValR<Value>;

    fn div(self, other: Value) -> ValR<Value> {
        meter::steps(1);
        match (self, other) {
            (Value::Number(one), Value::Number(two)) => Ok(calculated(one, two, |one, two| one / two)),
            (Value::String(text), Value::String(separator)) => Ok(split(&text, &separator)),
            (one, two) => Err(Error::math(one, Math::Div, two)),
        }
    }
}

impl Rem for Value {
    type Output = ValR<Value>;

    fn rem(self, other: Value) -> ValR<Value> {
        meter::steps(1);
        let is_whole = |number: &Num| matches!(number, Num::Int(_) | Num::BigInt(_));
        match (self, other) {
            (Value::Number(one), Value::Number(two)) if !(is_whole(&one) && two == Num::Int(0)) => {
                Ok(calculated(one, two, |one, two| one % two))
            }
            (one, two) => Err(Error::math(one, Math::Rem, two)),
        }
    }
}

impl Neg for Value {
    type Output = ValR<Value>;

    fn neg(self) -> ValR<Value> {
        match self {
            Value::Number(number) => Ok(Value::Number(-number)),
            other => Err(Error::typ(other, "number")),
        }
    }
}

/// Whole numbers grow as they must, and what that takes is counted.
fn calculated(one: Num, two: Num, calculate: impl FnOnce(Num, Num) -> Num) -> Value {
    let bits = |number: &Num| match number {
        Num::BigInt(number) => number.bits(),
        Num::Dec(text) => text.len() as u64,
        Num::Int(_) | Num::Float(_) => 0,
    };
    let (first, second) = (bits(&one), bits(&two));
    if first > 0 || second > 0 {
        if first > LARGEST_BITS || second > LARGEST_BITS {
            meter::stop(Exhausted::Bytes);
        }
        let words = |bits: u64| usize::try_from(bits / 64).unwrap_or(usize::MAX) + 1;
        meter::steps(words(first) * words(second));
        meter::bytes(8 * (words(first) + words(second)));
    }
    Value::Number(calculate(one, two))
}

/// Bytes of text that are looked through in the time of a step.
const LOOKED_THROUGH: usize = 2048;

/// Text behind text; without a copy of the first where nobody else holds it.
fn joined(one: ByteString, two: &str) -> ByteString {
    let bytes = one.into_bytes();
    // That it is text is found out anew each time: a text built piece by piece costs its length with every piece.
    meter::steps(bytes.len() / LOOKED_THROUGH);
    meter::bytes(two.len() + if bytes.is_unique() { 0 } else { bytes.len() });
    let mut joined = BytesMut::from(bytes);
    joined.put_slice(two.as_bytes());
    ByteString::try_from(joined.freeze()).unwrap_or_default()
}

/// Objects in both are merged in turn.
fn merge(one: &mut Object, two: &Object) {
    for (name, value) in &two.members {
        let merged = match (one.members.get_mut(name).map(std::mem::take), value) {
            (Some(Value::Object(mut inner)), Value::Object(other)) => {
                merge(Rc::make_mut(&mut inner), other);
                Value::Object(inner)
            }
            (_, value) => value.clone(),
        };
        one.set(name.clone(), merged);
    }
}

fn split(text: &ByteString, separator: &str) -> Value {
    if text.is_empty() {
        return Value::empty_array();
    }
    let piece = |piece: &str| Value::String(text.slice_ref(piece));
    if separator.is_empty() {
        return text.char_indices().map(|(at, c)| piece(&text[at..at + c.len_utf8()])).collect();
    }
    meter::steps(text.len() / 64);
    text.split(separator).map(piece).collect()
}
