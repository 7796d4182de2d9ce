//! The row one group commit leaves: for each of its events the decision, the fingerprint and the search terms.

use super::terms::Terms;
use crate::units::Micros;
use crate::varint;

const VERSION: u8 = 1;
/// Set in an event's first byte when a fingerprint follows; the lower bits count its terms.
const HAS_FINGERPRINT: u8 = 0x80;
const HEAD_BYTES: usize = 29;
const SUM_BYTES: usize = 4;

/// What a commit row says about all of its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// How many events; their positions follow one another.
    pub events: u32,
    /// When the group was committed.
    pub at: Micros,
    /// The earliest `received` among them.
    pub oldest: Micros,
    /// The latest `received` among them.
    pub newest: Micros,
}

/// What a commit row says about one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Summary {
    /// Where it is.
    pub position: u64,
    /// Number of its decision in the segment.
    pub decision: u32,
    /// What the duplicate window knows it by.
    pub fingerprint: Option<u128>,
    /// What it can be searched by.
    pub terms: Terms,
}

/// Writes a commit row event by event.
pub(super) struct Builder {
    first: u64,
    head: Head,
    body: Vec<u8>,
}

impl Builder {
    /// A row whose first event will stand at `first`.
    pub fn new(first: u64, at: Micros) -> Builder {
        let head = Head { events: 0, at, oldest: Micros(i64::MAX), newest: Micros(i64::MIN) };
        Builder { first, head, body: vec![0; HEAD_BYTES] }
    }

    /// Adds the next event.
    pub fn push(&mut self, received: Micros, decision: u32, fingerprint: Option<u128>, terms: &Terms) {
        self.head.events += 1;
        self.head.oldest = self.head.oldest.min(received);
        self.head.newest = self.head.newest.max(received);
        let terms = terms.as_slice();
        // A record has at most seven terms: the count always fits beside the flag.
        let count = u8::try_from(terms.len()).unwrap_or(0);
        varint::put(u64::from(decision), &mut self.body);
        self.body.push(count | if fingerprint.is_some() { HAS_FINGERPRINT } else { 0 });
        if let Some(fingerprint) = fingerprint {
            self.body.extend_from_slice(&fingerprint.to_le_bytes());
        }
        for term in terms {
            self.body.extend_from_slice(&term.to_le_bytes());
        }
    }

    /// How many events it has.
    pub fn events(&self) -> u32 {
        self.head.events
    }

    /// The bytes to store under the first position; once, after the last event.
    pub fn finish(&mut self) -> &[u8] {
        let head = self.head;
        self.body[0] = VERSION;
        self.body[1..5].copy_from_slice(&head.events.to_le_bytes());
        for (at, time) in [(5, head.at), (13, head.oldest), (21, head.newest)] {
            self.body[at..at + 8].copy_from_slice(&time.0.to_le_bytes());
        }
        let sum = sum(self.first, &self.body);
        self.body.extend_from_slice(&sum.to_le_bytes());
        &self.body
    }
}

/// Checks a row and reads its head; `None` when it is not what was written.
pub(super) fn head(first: u64, row: &[u8]) -> Option<Head> {
    let (body, stored) = row.split_at_checked(row.len().checked_sub(SUM_BYTES)?)?;
    if body.len() < HEAD_BYTES || body[0] != VERSION || sum(first, body).to_le_bytes() != stored {
        return None;
    }
    let time = |at: usize| body.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map(i64::from_le_bytes);
    Some(Head {
        events: u32::from_le_bytes(body.get(1..5)?.try_into().ok()?),
        at: Micros(time(5)?),
        oldest: Micros(time(13)?),
        newest: Micros(time(21)?),
    })
}

/// Reads every event of a row that [`head`] has checked into `out`; `None` when it is malformed.
pub(super) fn summaries(first: u64, row: &[u8], out: &mut Vec<Summary>) -> Option<()> {
    let events = head(first, row)?.events;
    let mut rest = row.get(HEAD_BYTES..row.len() - SUM_BYTES)?;
    for position in (first..).take(usize::try_from(events).ok()?) {
        let decision = number(&mut rest)?;
        let flags = take::<1>(&mut rest)?[0];
        let fingerprint = match flags & HAS_FINGERPRINT {
            0 => None,
            _ => Some(u128::from_le_bytes(take::<16>(&mut rest)?)),
        };
        let mut terms = Terms::default();
        for _ in 0..flags & !HAS_FINGERPRINT {
            terms.push(u32::from_le_bytes(take::<4>(&mut rest)?));
        }
        out.push(Summary { position, decision, fingerprint, terms });
    }
    Some(())
}

fn sum(first: u64, body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&first.to_le_bytes());
    hasher.update(body);
    hasher.finalize()
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, left) = rest.split_first_chunk::<N>()?;
    *rest = left;
    Some(*taken)
}

fn number(rest: &mut &[u8]) -> Option<u32> {
    let (number, left) = varint::read(rest).ok()?;
    *rest = left;
    number.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::{Builder, Summary, head, summaries};
    use crate::log::terms::Terms;
    use crate::units::Micros;

    fn row() -> (Vec<Summary>, Vec<u8>) {
        let mut builder = Builder::new(70, Micros(5_000));
        let mut expected = Vec::new();
        for (at, decision) in [0, 1, 127, 128, u32::MAX].into_iter().enumerate() {
            let mut terms = Terms::default();
            (0..at).for_each(|term| terms.push(u32::MAX - u32::try_from(term).unwrap()));
            let fingerprint = (at % 2 == 0).then_some(u128::MAX - 3);
            builder.push(Micros(4_000 + i64::from(decision)), decision, fingerprint, &terms);
            expected.push(Summary { position: 70 + at as u64, decision, fingerprint, terms });
        }
        (expected, builder.finish().to_vec())
    }

    #[test]
    fn a_commit_row_survives_the_round_trip() {
        let (expected, row) = row();
        let found = head(70, &row).unwrap();
        assert_eq!((found.events, found.at), (5, Micros(5_000)));
        assert_eq!((found.oldest, found.newest), (Micros(4_000), Micros(4_000 + i64::from(u32::MAX))));
        let mut read = Vec::new();
        summaries(70, &row, &mut read).unwrap();
        assert_eq!(read, expected);
    }

    #[test]
    fn any_flipped_bit_and_any_other_position_is_noticed() {
        let (_, row) = row();
        assert_eq!(head(71, &row), None);
        assert_eq!(head(70, &row[..row.len() - 1]), None);
        assert_eq!(head(70, &[]), None);
        for bit in 0..row.len() * 8 {
            let mut bad = row.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(head(70, &bad), None, "bit {bit}");
        }
    }
}
