//! The wire format of Protobuf: fields of one message, in order, and nothing believed that is not there.

use crate::cloudevents::reader::Fault;
use crate::codes::Code;
use crate::varint;
use bytes::{Buf, Bytes};
use bytestring::ByteString;

/// Groups that may stand inside each other in unknown fields: what other readers take.
const GROUP_DEPTH: usize = 100;

/// Why bytes are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// The bytes end inside of a field.
    #[error("it ends inside of a field")]
    Short,
    /// More than ten bytes, or more than 64 bits.
    #[error("a number is longer than 64 bits")]
    LongNumber,
    /// Field number 0, or one above the largest.
    #[error("a field has a number that no field can have")]
    FieldNumber,
    /// Wire types 6 and 7.
    #[error("a field has an unknown wire type")]
    WireType,
    /// A known field in the wire type of another type.
    #[error("a field is not of its type")]
    OtherType,
    /// The end of a group that is not open.
    #[error("a group ends that is not open")]
    GroupEnd,
    /// Groups inside each other.
    #[error("groups nest deeper than 100")]
    GroupDepth,
    /// A `string` field that is not UTF-8.
    #[error("a string is not UTF-8")]
    NotText,
}

impl From<Broken> for Fault {
    fn from(broken: Broken) -> Fault {
        Fault::new(Code::Malformed, format!("the Protobuf message is broken: {broken}"))
    }
}

impl From<varint::Fault> for Broken {
    fn from(fault: varint::Fault) -> Broken {
        match fault {
            varint::Fault::Short => Broken::Short,
            varint::Fault::Long => Broken::LongNumber,
        }
    }
}

/// What a field holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Wire type 0.
    Varint(u64),
    /// Wire type 2: a string, bytes, or a message.
    Bytes(Bytes),
    /// Another wire type, stepped over: no field of ours has it.
    Other,
}

impl Value {
    /// The bytes of a field that has to hold some.
    pub fn bytes(self) -> Result<Bytes, Broken> {
        match self {
            Value::Bytes(bytes) => Ok(bytes),
            Value::Varint(_) | Value::Other => Err(Broken::OtherType),
        }
    }

    /// The text of a `string` field.
    pub fn text(self) -> Result<ByteString, Broken> {
        ByteString::try_from(self.bytes()?).map_err(|_| Broken::NotText)
    }

    /// The number of a varint field.
    pub fn number(self) -> Result<u64, Broken> {
        match self {
            Value::Varint(number) => Ok(number),
            Value::Bytes(_) | Value::Other => Err(Broken::OtherType),
        }
    }
}

/// The fields of one message.
#[derive(Debug)]
pub struct Fields {
    rest: Bytes,
}

impl Fields {
    /// At the first field.
    pub fn of(message: Bytes) -> Fields {
        Fields { rest: message }
    }

    /// Number and value of the next field; `None` behind the last one.
    pub fn next(&mut self) -> Result<Option<(u32, Value)>, Broken> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (number, wire_type) = self.key()?;
        let value = match wire_type {
            0 => Value::Varint(self.varint()?),
            2 => {
                let length = self.varint()?;
                Value::Bytes(self.take(length)?)
            }
            3 => {
                self.skip_group(number)?;
                Value::Other
            }
            4 => return Err(Broken::GroupEnd),
            other => {
                self.skip(other)?;
                Value::Other
            }
        };
        Ok(Some((number, value)))
    }

    fn key(&mut self) -> Result<(u32, u64), Broken> {
        let key = self.varint()?;
        let number = u32::try_from(key >> 3).ok().filter(|number| (1..1 << 29).contains(number));
        Ok((number.ok_or(Broken::FieldNumber)?, key & 7))
    }

    /// Steps behind the end of a group that has just started, without recursion.
    fn skip_group(&mut self, number: u32) -> Result<(), Broken> {
        let mut open = vec![number];
        while let Some(innermost) = open.last() {
            match self.key()? {
                (number, 4) if number == *innermost => {
                    open.pop();
                }
                (_, 4) => return Err(Broken::GroupEnd),
                (_, 3) if open.len() == GROUP_DEPTH => return Err(Broken::GroupDepth),
                (number, 3) => open.push(number),
                (_, wire_type) => self.skip(wire_type)?,
            }
        }
        Ok(())
    }

    fn skip(&mut self, wire_type: u64) -> Result<(), Broken> {
        match wire_type {
            0 => self.varint().map(drop),
            1 => self.take(8).map(drop),
            2 => {
                let length = self.varint()?;
                self.take(length).map(drop)
            }
            5 => self.take(4).map(drop),
            _ => Err(Broken::WireType),
        }
    }

    fn varint(&mut self) -> Result<u64, Broken> {
        let (number, behind) = varint::read(&self.rest)?;
        self.rest.advance(self.rest.len() - behind.len());
        Ok(number)
    }

    fn take(&mut self, length: u64) -> Result<Bytes, Broken> {
        let length = usize::try_from(length).ok().filter(|length| *length <= self.rest.len()).ok_or(Broken::Short)?;
        Ok(self.rest.split_to(length))
    }
}
