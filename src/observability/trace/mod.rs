//! W3C trace context: `traceparent` and `tracestate` in and out (reliability.md §4.3), and the ids of hops.

pub mod caller;
pub mod hop;
mod state;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt::{self, Write as _};

/// What becomes of the caller's trace (reliability.md §4.3 R9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TraceTrust {
    /// Continued.
    #[default]
    Continue,
    /// A new trace, linked to the caller's.
    Link,
    /// A new trace; the caller's is forgotten.
    Restart,
}

/// The context of one hop or of an event's creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceContext {
    /// Trace id, never all zero.
    pub trace_id: [u8; 16],
    /// Span id (parent id), never all zero.
    pub span_id: [u8; 8],
    /// The sampled flag.
    pub sampled: bool,
}

/// Makes trace and span ids. Not for secrets: ids must be unique, not unguessable (W3C Trace Context §"trace-id").
#[derive(Debug, Clone)]
pub struct Ids(fastrand::Rng);

impl Default for Ids {
    fn default() -> Self {
        Ids(fastrand::Rng::new())
    }
}

impl Ids {
    /// Ids that repeat for the same seed, for tests.
    pub fn seeded(seed: u64) -> Ids {
        Ids(fastrand::Rng::with_seed(seed))
    }

    /// A new root: new trace, new span, not sampled.
    pub fn root(&mut self) -> TraceContext {
        TraceContext { trace_id: self.0.u128(1..).to_be_bytes(), span_id: self.span(), sampled: false }
    }

    /// A new span of the same trace.
    pub fn child(&mut self, parent: TraceContext) -> TraceContext {
        TraceContext { span_id: self.span(), ..parent }
    }

    fn span(&mut self) -> [u8; 8] {
        self.0.u64(1..).to_be_bytes()
    }
}

impl TraceContext {
    /// Reads a `traceparent`. `None` for anything W3C Trace Context §3.2 calls invalid: the header is then ignored.
    pub fn parse(text: &str) -> Option<TraceContext> {
        let bytes = text.as_bytes();
        let version = hex::<1>(bytes.get(..2)?)?[0];
        let fits = if version == 0 { bytes.len() == 55 } else { bytes.len() == 55 || bytes.get(55) == Some(&b'-') };
        let dashes = bytes.get(2) == Some(&b'-') && bytes.get(35) == Some(&b'-') && bytes.get(52) == Some(&b'-');
        if version == 0xff || !fits || !dashes {
            return None;
        }
        let trace_id = hex::<16>(bytes.get(3..35)?)?;
        let span_id = hex::<8>(bytes.get(36..52)?)?;
        let flags = hex::<1>(bytes.get(53..55)?)?[0];
        if trace_id == [0; 16] || span_id == [0; 8] {
            return None;
        }
        Some(TraceContext { trace_id, span_id, sampled: flags & 1 == 1 })
    }

    /// The trace id in lower-case hex.
    pub fn trace_id_hex(&self) -> String {
        self.trace_id.iter().fold(String::with_capacity(32), |mut text, byte| {
            // Writing to a String cannot fail.
            write!(text, "{byte:02x}").unwrap_or_default();
            text
        })
    }

    /// True for the context of the same span, whatever it says of sampling.
    pub fn is_same_span(&self, other: &TraceContext) -> bool {
        self.trace_id == other.trace_id && self.span_id == other.span_id
    }
}

fn hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let mut out = [0; N];
    for (byte, pair) in out.iter_mut().zip(text.chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(out)
}

/// Upper-case hex is invalid in a `traceparent`.
fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
        let spans = self.trace_id.iter().zip((3..).step_by(2)).chain(self.span_id.iter().zip((36..).step_by(2)));
        for (byte, at) in spans {
            text[at] = HEX[usize::from(byte >> 4)];
            text[at + 1] = HEX[usize::from(byte & 15)];
        }
        text[54] = if self.sampled { b'1' } else { b'0' };
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::{Ids, TraceContext};

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_valid_header_survives_the_round_trip() {
        let context = TraceContext::parse(GOOD).unwrap();
        assert_eq!(context.to_string(), GOOD);
        assert_eq!(context.trace_id_hex(), "4bf92f3577b34da6a3ce929d0e0e4736");
        let later = TraceContext::parse("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more");
        assert_eq!(later, Some(context));
    }

    #[test]
    fn an_invalid_header_is_ignored() {
        for bad in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-é",
        ] {
            assert_eq!(TraceContext::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_child_keeps_the_trace() {
        let mut ids = Ids::seeded(7);
        let root = ids.root();
        let child = ids.child(root);
        assert_eq!(root.trace_id, child.trace_id);
        assert_ne!(root.span_id, child.span_id);
    }
}
