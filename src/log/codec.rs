//! Reading and writing the small binary forms of the log: numbers and length-prefixed text.

use crate::varint;
use bytes::Bytes;
use bytestring::ByteString;
use std::ops::Range;

/// The bytes are not what was written: too short, too long, or not of the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stored bytes are malformed")]
pub struct Malformed;

/// Appends a length and bytes.
pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    varint::put(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// Walks through bytes without copying them.
pub(super) struct Cursor<'b> {
    bytes: &'b Bytes,
    at: usize,
}

impl<'b> Cursor<'b> {
    /// Starts at the first byte.
    pub fn new(bytes: &'b Bytes) -> Cursor<'b> {
        Cursor { bytes, at: 0 }
    }

    /// One byte.
    pub fn byte(&mut self) -> Result<u8, Malformed> {
        let byte = *self.bytes.get(self.at).ok_or(Malformed)?;
        self.at += 1;
        Ok(byte)
    }

    /// `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let end = self.at.checked_add(N).ok_or(Malformed)?;
        let array = self.bytes.get(self.at..end).ok_or(Malformed)?;
        self.at = end;
        array.try_into().map_err(|_| Malformed)
    }

    /// A number.
    pub fn number(&mut self) -> Result<u64, Malformed> {
        let (number, rest) = varint::read(self.bytes.get(self.at..).unwrap_or_default()).map_err(|_| Malformed)?;
        self.at = self.bytes.len() - rest.len();
        Ok(number)
    }

    /// A length and that many bytes, sharing the buffer.
    pub fn bytes(&mut self) -> Result<Bytes, Malformed> {
        self.range().map(|range| self.bytes.slice(range))
    }

    /// A length and that many bytes of UTF-8, as they stand in the buffer.
    pub fn str(&mut self) -> Result<&'b str, Malformed> {
        let bytes = self.bytes;
        str::from_utf8(&bytes[self.range()?]).map_err(|_| Malformed)
    }

    /// Steps over a length and that many bytes.
    fn range(&mut self) -> Result<Range<usize>, Malformed> {
        let length = usize::try_from(self.number()?).map_err(|_| Malformed)?;
        let end = self.at.checked_add(length).filter(|end| *end <= self.bytes.len()).ok_or(Malformed)?;
        Ok(std::mem::replace(&mut self.at, end)..end)
    }

    /// A length and that many bytes of UTF-8, sharing the buffer.
    pub fn text(&mut self) -> Result<ByteString, Malformed> {
        ByteString::try_from(self.bytes()?).map_err(|_| Malformed)
    }

    /// A number of things that follow, each at least one byte: so that a bad count cannot reserve memory.
    pub fn count(&mut self) -> Result<usize, Malformed> {
        let count = usize::try_from(self.number()?).map_err(|_| Malformed)?;
        if count > self.bytes.len() - self.at { Err(Malformed) } else { Ok(count) }
    }

    /// Fails unless every byte was read.
    pub fn end(&self) -> Result<(), Malformed> {
        if self.at == self.bytes.len() { Ok(()) } else { Err(Malformed) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Cursor, Malformed};
    use bytes::Bytes;

    #[test]
    fn what_is_not_all_there_is_malformed() {
        let bytes = Bytes::from_static(&[0x80]);
        assert_eq!(Cursor::new(&bytes).number(), Err(Malformed));
        let bytes = Bytes::from_static(&[5, b'a']);
        assert_eq!(Cursor::new(&bytes).text(), Err(Malformed));
        assert_eq!(Cursor::new(&bytes).count(), Err(Malformed));
        assert_eq!(Cursor::new(&bytes).end(), Err(Malformed));
    }
}
