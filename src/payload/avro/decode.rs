//! Datum → JSON, or only a look at whether the bytes are a datum (Avro 1.12, "Binary Encoding"). Nothing is built in
//! between, counts and lengths are believed only as far as there are bytes, and nesting ends at [`MAX_DEPTH`].

use super::scalar;
use super::schema::{Fixed, Kind, Meaning, Time, Type, TypeId};
use crate::cloudevents::json;
use crate::payload::{LONGEST_OUTPUT, MAX_DEPTH};
use crate::varint;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::collections::HashSet;

/// Values without a byte of their own (`null`, a record of nothing) that a datum may hold beyond its length.
const EMPTY_VALUES: usize = 1_000;

/// Why bytes are no datum, or have no JSON form.
type Fault = String;

/// Reads one datum that must use up all bytes.
pub struct Decoder<'s, 'd> {
    types: &'s [Type],
    bytes: &'d [u8],
    rest: &'d [u8],
    /// `None`: the bytes are only checked.
    out: Option<String>,
    depth: usize,
    empty_left: usize,
}

impl<'s, 'd> Decoder<'s, 'd> {
    /// With `writes` for JSON, without it to check only.
    pub fn new(types: &'s [Type], bytes: &'d [u8], writes: bool) -> Decoder<'s, 'd> {
        let out = writes.then(String::new);
        Decoder { types, bytes, rest: bytes, out, depth: 0, empty_left: bytes.len() + EMPTY_VALUES }
    }

    /// The JSON text of the datum; empty when it was not asked for.
    pub fn finish(mut self, root: TypeId) -> Result<String, Fault> {
        let read = self.value(root);
        let at = self.bytes.len() - self.rest.len();
        read.map_err(|fault| format!("{fault} (at byte {at})"))?;
        if !self.rest.is_empty() {
            return Err(format!("the datum ends before the data does (at byte {at})"));
        }
        Ok(self.out.unwrap_or_default())
    }

    fn value(&mut self, ty: TypeId) -> Result<(), Fault> {
        if self.out.as_ref().is_some_and(|out| out.len() > LONGEST_OUTPUT) {
            return Err("its JSON form is too long".to_owned());
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("the nesting is too deep".to_owned());
        }
        let types = self.types;
        match &types[ty].kind {
            Kind::Array(items) => self.items(*items)?,
            Kind::Map(values) => self.members(*values)?,
            Kind::Union(branches) => {
                let branch = usize::try_from(self.long()?).ok().and_then(|index| branches.get(index));
                self.value(*branch.ok_or("there is no such branch of a union")?)?;
            }
            Kind::Record(record) => {
                self.write("{");
                for (index, field) in record.fields.iter().enumerate() {
                    self.comma(index == 0);
                    self.quote(|| &field.name);
                    self.write(":");
                    self.value(field.ty)?;
                }
                self.write("}");
            }
            scalar => self.scalar(scalar)?,
        }
        self.depth -= 1;
        Ok(())
    }

    fn scalar(&mut self, kind: &Kind) -> Result<(), Fault> {
        match kind {
            Kind::Boolean => match self.take(1)? {
                [0] => self.write("false"),
                [1] => self.write("true"),
                _ => return Err("a boolean is 0 or 1".to_owned()),
            },
            Kind::Int(time) => {
                let number = i32::try_from(self.long()?).map_err(|_| "an int has 32 bits".to_owned())?;
                self.integer(number.into(), *time);
            }
            Kind::Long(time) => {
                let number = self.long()?;
                self.integer(number, *time);
            }
            Kind::Float => {
                let value = f32::from_le_bytes(self.array()?);
                self.float(value.is_finite(), || serde_json::to_string(&value))?;
            }
            Kind::Double => {
                let value = f64::from_le_bytes(self.array()?);
                self.float(value.is_finite(), || serde_json::to_string(&value))?;
            }
            Kind::Bytes(None) => {
                let bytes = self.bytes()?;
                self.quote(|| STANDARD.encode(bytes));
            }
            Kind::Bytes(Some(decimal)) => {
                let text = scalar::decimal_text(*decimal, self.bytes()?).ok_or("a decimal has too many digits")?;
                self.quote(|| text);
            }
            Kind::String { .. } => {
                let text = self.text()?;
                self.quote(|| text);
            }
            Kind::Fixed(fixed) => self.fixed(fixed)?,
            Kind::Enum(of) => {
                let symbol = usize::try_from(self.long()?).ok().and_then(|index| of.symbols.get(index));
                let symbol = symbol.ok_or_else(|| format!("there is no such symbol of `{}`", of.name.full))?;
                self.quote(|| symbol);
            }
            // Containers do not come here.
            Kind::Null | Kind::Array(_) | Kind::Map(_) | Kind::Union(_) | Kind::Record(_) => self.write("null"),
        }
        Ok(())
    }

    fn integer(&mut self, number: i64, time: Option<Time>) {
        match time.filter(|_| self.out.is_some()).and_then(|time| scalar::time_text(time, number)) {
            Some(text) => self.quote(|| text),
            None => self.write(&number.to_string()),
        }
    }

    /// NaN and the infinities are no JSON.
    fn float(&mut self, is_finite: bool, text: impl FnOnce() -> serde_json::Result<String>) -> Result<(), Fault> {
        match &self.out {
            None => Ok(()),
            Some(_) if is_finite => {
                let text = text().map_err(|error| error.to_string())?;
                self.write(&text);
                Ok(())
            }
            Some(_) => Err("NaN and infinite numbers have no JSON form".to_owned()),
        }
    }

    fn fixed(&mut self, fixed: &Fixed) -> Result<(), Fault> {
        let bytes = self.take(fixed.size)?;
        match fixed.meaning {
            Meaning::Bytes => self.quote(|| STANDARD.encode(bytes)),
            Meaning::Uuid => self.quote(|| scalar::uuid_text(bytes)),
            Meaning::Decimal(decimal) => {
                let text = scalar::decimal_text(decimal, bytes).ok_or("a decimal has too many digits")?;
                self.quote(|| text);
            }
        }
        Ok(())
    }

    fn items(&mut self, items: TypeId) -> Result<(), Fault> {
        self.write("[");
        let mut first = true;
        while let Some(count) = self.block()? {
            for _ in 0..count {
                self.comma(first);
                first = false;
                let before = self.rest.len();
                self.value(items)?;
                self.count_empty(before)?;
            }
        }
        self.write("]");
        Ok(())
    }

    fn members(&mut self, values: TypeId) -> Result<(), Fault> {
        self.write("{");
        let mut seen = HashSet::new();
        while let Some(count) = self.block()? {
            for _ in 0..count {
                let name = self.text()?;
                if self.out.is_some() {
                    self.comma(seen.is_empty());
                    if !seen.insert(name) {
                        return Err("a map holds the same name twice".to_owned());
                    }
                }
                self.quote(|| name);
                self.write(":");
                self.value(values)?;
            }
        }
        self.write("}");
        Ok(())
    }

    /// The number of entries of the next block; `None` at the end.
    fn block(&mut self) -> Result<Option<u64>, Fault> {
        let count = self.long()?;
        if count < 0 {
            // The size in bytes is for readers that skip the block.
            let size = self.long()?;
            if usize::try_from(size).ok().is_none_or(|size| size > self.rest.len()) {
                return Err("a block is longer than the data".to_owned());
            }
        }
        Ok(Some(count.unsigned_abs()).filter(|count| *count > 0))
    }

    fn count_empty(&mut self, before: usize) -> Result<(), Fault> {
        if self.rest.len() == before {
            let left = self.empty_left.checked_sub(1);
            self.empty_left = left.ok_or("it holds more empty values than the data can have")?;
        }
        Ok(())
    }

    fn text(&mut self) -> Result<&'d str, Fault> {
        str::from_utf8(self.bytes()?).map_err(|_| "a string is not UTF-8".to_owned())
    }

    fn bytes(&mut self) -> Result<&'d [u8], Fault> {
        let length = usize::try_from(self.long()?).map_err(|_| "a length is negative".to_owned())?;
        self.take(length)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        self.take(N)?.try_into().map_err(|_| "the data ends too early".to_owned())
    }

    fn take(&mut self, length: usize) -> Result<&'d [u8], Fault> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or("the data ends too early")?;
        self.rest = rest;
        Ok(taken)
    }

    fn long(&mut self) -> Result<i64, Fault> {
        let (number, rest) = varint::read(self.rest).map_err(|fault| match fault {
            varint::Fault::Short => "the data ends too early",
            varint::Fault::Long => "a number has more than 64 bits",
        })?;
        self.rest = rest;
        Ok(varint::unfold(number))
    }

    fn comma(&mut self, first: bool) {
        if !first {
            self.write(",");
        }
    }

    fn quote<T: AsRef<str>>(&mut self, text: impl FnOnce() -> T) {
        if let Some(out) = &mut self.out {
            json::quote(text().as_ref(), out);
        }
    }

    fn write(&mut self, text: &str) {
        if let Some(out) = &mut self.out {
            out.push_str(text);
        }
    }
}
