//! The compact encoding of attempts and positions in the state file: varints, and texts that share a prefix with the one
//! before. Reading a damaged blob fails and never panics.

use super::{Attempt, Failure};
use crate::codes::Code;
use crate::units::Micros;
use crate::varint;

/// Version byte of every blob of this module.
const VERSION: u8 = 1;

/// A blob of the state file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("a blob of the state file is damaged")]
pub struct Damaged;

/// Appends values to a blob.
#[derive(Debug)]
pub struct Writer {
    out: Vec<u8>,
}

impl Writer {
    /// A blob that begins with the version.
    pub fn new() -> Writer {
        Writer { out: vec![VERSION] }
    }

    /// The finished blob.
    pub fn finish(self) -> Vec<u8> {
        self.out
    }

    /// A number.
    pub fn number(&mut self, number: u64) {
        varint::put(number, &mut self.out);
    }

    /// A signed number; small ones of either sign stay short.
    pub fn signed(&mut self, number: i64) {
        varint::put_signed(number, &mut self.out);
    }

    /// A text.
    pub fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.out.extend_from_slice(text.as_bytes());
    }

    /// A text that is likely to begin like `before`.
    pub fn text_after(&mut self, before: &str, text: &str) {
        let shared = before.bytes().zip(text.bytes()).take_while(|(a, b)| a == b).count();
        // The cut must not split a character, so that each part is a text of its own.
        let shared = (0..=shared).rev().find(|cut| text.is_char_boundary(*cut)).unwrap_or(0);
        self.number(shared as u64);
        self.text(&text[shared..]);
    }

    /// A text or none, likely to begin like `before`.
    pub fn optional_after(&mut self, before: &str, text: Option<&str>) {
        self.number(u64::from(text.is_some()));
        if let Some(text) = text {
            self.text_after(before, text);
        }
    }
}

/// Reads what a [`Writer`] wrote.
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Checks the version.
    pub fn new(blob: &'a [u8]) -> Result<Reader<'a>, Damaged> {
        match blob.split_first() {
            Some((&VERSION, rest)) => Ok(Reader { rest }),
            _ => Err(Damaged),
        }
    }

    /// True when everything is read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// A number.
    pub fn number(&mut self) -> Result<u64, Damaged> {
        let (number, rest) = varint::read(self.rest).map_err(|_| Damaged)?;
        self.rest = rest;
        Ok(number)
    }

    /// A signed number.
    pub fn signed(&mut self) -> Result<i64, Damaged> {
        self.number().map(varint::unfold)
    }

    /// A text.
    pub fn text(&mut self) -> Result<&'a str, Damaged> {
        let length = usize::try_from(self.number()?).map_err(|_| Damaged)?;
        let (text, rest) = self.rest.split_at_checked(length).ok_or(Damaged)?;
        self.rest = rest;
        std::str::from_utf8(text).map_err(|_| Damaged)
    }

    /// A text that was written after `before`.
    pub fn text_after(&mut self, before: &str) -> Result<String, Damaged> {
        let shared = usize::try_from(self.number()?).map_err(|_| Damaged)?;
        let head = before.get(..shared).ok_or(Damaged)?;
        Ok([head, self.text()?].concat())
    }

    /// A text or none.
    pub fn optional_after(&mut self, before: &str) -> Result<Option<String>, Damaged> {
        match self.number()? {
            0 => Ok(None),
            1 => Ok(Some(self.text_after(before)?)),
            _ => Err(Damaged),
        }
    }
}

/// Rising positions.
pub fn encode_positions(positions: &[u64]) -> Vec<u8> {
    let mut out = Writer::new();
    let mut before = 0;
    for position in positions {
        out.number(position.wrapping_sub(before));
        before = *position;
    }
    out.finish()
}

/// What [`encode_positions`] wrote.
pub fn decode_positions(blob: &[u8]) -> Result<Vec<u64>, Damaged> {
    let mut reader = Reader::new(blob)?;
    let mut positions = Vec::new();
    let mut before = 0_u64;
    while !reader.is_empty() {
        before = before.wrapping_add(reader.number()?);
        positions.push(before);
    }
    Ok(positions)
}

/// Attempts with their failures.
pub fn encode_attempts(attempts: &[Attempt]) -> Vec<u8> {
    let mut out = Writer::new();
    for attempt in attempts {
        out.number(u64::from(attempt.number));
        out.signed(attempt.started.0);
        out.signed(attempt.ended.0.wrapping_sub(attempt.started.0));
        out.number(attempt.failure.as_ref().map_or(0, |failure| u64::from(failure.code.number())));
        if let Some(failure) = &attempt.failure {
            out.text(&failure.detail);
        }
    }
    out.finish()
}

/// What [`encode_attempts`] wrote.
pub fn decode_attempts(blob: &[u8]) -> Result<Vec<Attempt>, Damaged> {
    let mut reader = Reader::new(blob)?;
    let mut attempts = Vec::new();
    while !reader.is_empty() {
        let number = u32::try_from(reader.number()?).map_err(|_| Damaged)?;
        let started = Micros(reader.signed()?);
        let ended = Micros(started.0.wrapping_add(reader.signed()?));
        let failure = match reader.number()? {
            0 => None,
            code => Some(Failure { code: code_of(code)?, detail: reader.text()?.to_owned() }),
        };
        attempts.push(Attempt { number, started, ended, failure });
    }
    Ok(attempts)
}

fn code_of(number: u64) -> Result<Code, Damaged> {
    Code::ALL.iter().copied().find(|code| u64::from(code.number()) == number).ok_or(Damaged)
}

#[cfg(test)]
mod tests {
    use super::{Attempt, Failure, Reader, Writer};
    use super::{decode_attempts, decode_positions, encode_attempts, encode_positions};
    use crate::codes::Code;
    use crate::units::Micros;
    use proptest::prelude::{Strategy, any, proptest};

    fn attempt() -> impl Strategy<Value = Attempt> {
        (any::<u32>(), any::<i64>(), any::<i64>(), proptest::option::of((0..Code::ALL.len(), ".*"))).prop_map(
            |(number, started, ended, failure)| Attempt {
                number,
                started: Micros(started),
                ended: Micros(ended),
                failure: failure.map(|(code, detail)| Failure { code: Code::ALL[code], detail }),
            },
        )
    }

    proptest! {
        #[test]
        fn attempts_survive_the_round_trip(attempts in proptest::collection::vec(attempt(), 0..8)) {
            assert_eq!(decode_attempts(&encode_attempts(&attempts)).unwrap(), attempts);
        }

        #[test]
        fn positions_survive_the_round_trip(mut positions in proptest::collection::vec(any::<u64>(), 0..50)) {
            positions.sort_unstable();
            assert_eq!(decode_positions(&encode_positions(&positions)).unwrap(), positions);
        }

        #[test]
        fn texts_survive_the_round_trip(before in "[aé√]{0,6}", text in "[aé√]{0,6}", signed in any::<i64>()) {
            let mut out = Writer::new();
            out.text_after(&before, &text);
            out.optional_after(&text, None);
            out.signed(signed);
            out.optional_after(&text, Some(&before));
            let blob = out.finish();
            let mut reader = Reader::new(&blob).unwrap();
            assert_eq!(reader.text_after(&before).unwrap(), text);
            assert_eq!(reader.optional_after(&text).unwrap(), None);
            assert_eq!(reader.signed().unwrap(), signed);
            assert_eq!(reader.optional_after(&text).unwrap(), Some(before));
            assert!(reader.is_empty());
        }

        #[test]
        fn damaged_blobs_are_refused_without_panic(blob in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(attempts) = decode_attempts(&blob) {
                assert_eq!(decode_attempts(&encode_attempts(&attempts)).unwrap(), attempts);
            }
            if let Ok(positions) = decode_positions(&blob) {
                assert_eq!(decode_positions(&encode_positions(&positions)).unwrap(), positions);
            }
        }
    }
}
