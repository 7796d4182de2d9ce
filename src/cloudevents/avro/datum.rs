//! The binary encoding of Avro: numbers, bytes, strings, and the blocks that maps and arrays come in.

use crate::cloudevents::reader::Fault;
use crate::codes::Code;
use crate::varint;
use bytes::{Buf, Bytes};
use bytestring::ByteString;

/// Why bytes are no datum of the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// The bytes end inside of the datum.
    #[error("it ends too early")]
    Short,
    /// More than ten bytes, more bits than the type has, or a length below zero.
    #[error("a number is outside of its range")]
    Number,
    /// A union has no such branch.
    #[error("a union has no such branch")]
    Branch,
    /// Neither 0 nor 1.
    #[error("a boolean is neither 0 nor 1")]
    Boolean,
    /// A `string` that is not UTF-8.
    #[error("a string is not UTF-8")]
    NotText,
    /// The bytes a block claims are not those its entries have.
    #[error("a block does not have the size it claims")]
    BlockSize,
    /// Deeper than the cap.
    #[error("the nesting is too deep")]
    TooDeep,
    /// Something behind the datum.
    #[error("bytes stand behind it")]
    NoEnd,
}

impl From<Broken> for Fault {
    fn from(broken: Broken) -> Fault {
        Fault::new(Code::Malformed, format!("the Avro datum is broken: {broken}"))
    }
}

impl From<varint::Fault> for Broken {
    fn from(fault: varint::Fault) -> Broken {
        match fault {
            varint::Fault::Short => Broken::Short,
            varint::Fault::Long => Broken::Number,
        }
    }
}

/// A place in a datum.
#[derive(Debug)]
pub struct Datum {
    rest: Bytes,
}

/// The entries of a map or the items of an array that are still to come.
#[derive(Debug, Default)]
pub struct Block {
    /// In the block that is being read.
    left: u64,
    /// Bytes that should be left behind that block, as it claims.
    left_behind: Option<usize>,
}

impl Datum {
    /// At its start.
    pub fn of(bytes: Bytes) -> Datum {
        Datum { rest: bytes }
    }

    /// Fails unless every byte was read.
    pub fn end(&self) -> Result<(), Broken> {
        if self.rest.is_empty() { Ok(()) } else { Err(Broken::NoEnd) }
    }

    /// Bytes that are still to be read.
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    /// The branch of a union.
    pub fn branch(&mut self) -> Result<u64, Broken> {
        u64::try_from(self.long()?).map_err(|_| Broken::Branch)
    }

    /// A `boolean`.
    pub fn boolean(&mut self) -> Result<bool, Broken> {
        match self.take(1)?[..] {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(Broken::Boolean),
        }
    }

    /// An `int`.
    pub fn int(&mut self) -> Result<i32, Broken> {
        i32::try_from(self.long()?).map_err(|_| Broken::Number)
    }

    /// A `double`.
    pub fn double(&mut self) -> Result<f64, Broken> {
        let bytes = self.take(8)?;
        bytes.first_chunk().map(|chunk| f64::from_le_bytes(*chunk)).ok_or(Broken::Short)
    }

    /// `bytes`.
    pub fn bytes(&mut self) -> Result<Bytes, Broken> {
        let length = usize::try_from(self.long()?).map_err(|_| Broken::Number)?;
        self.take(length)
    }

    /// A `string`.
    pub fn text(&mut self) -> Result<ByteString, Broken> {
        ByteString::try_from(self.bytes()?).map_err(|_| Broken::NotText)
    }

    /// Is there one more entry or item? Each takes at least one byte, so that a count that lies ends with the bytes.
    pub fn more(&mut self, block: &mut Block) -> Result<bool, Broken> {
        if block.left == 0 {
            if block.left_behind.is_some_and(|left| left != self.rest.len()) {
                return Err(Broken::BlockSize);
            }
            *block = self.block()?;
        }
        let more = block.left > 0;
        block.left = block.left.saturating_sub(1);
        Ok(more)
    }

    /// The head of a block; a count below zero is followed by the size of the block in bytes.
    fn block(&mut self) -> Result<Block, Broken> {
        let count = self.long()?;
        if count >= 0 {
            return Ok(Block { left: count.unsigned_abs(), left_behind: None });
        }
        let size = usize::try_from(self.long()?).map_err(|_| Broken::Number)?;
        let left = self.rest.len().checked_sub(size).ok_or(Broken::Short)?;
        Ok(Block { left: count.unsigned_abs(), left_behind: Some(left) })
    }

    fn long(&mut self) -> Result<i64, Broken> {
        let (number, behind) = varint::read(&self.rest)?;
        self.rest.advance(self.rest.len() - behind.len());
        Ok(varint::unfold(number))
    }

    fn take(&mut self, length: usize) -> Result<Bytes, Broken> {
        if length > self.rest.len() {
            return Err(Broken::Short);
        }
        Ok(self.rest.split_to(length))
    }
}
