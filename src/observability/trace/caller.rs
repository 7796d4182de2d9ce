//! What a request's headers say about its caller's trace: `traceparent` and `tracestate` by W3C Trace Context.

use super::{TraceContext, state};
use bytestring::ByteString;

/// A caller that sent a valid `traceparent`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The context the header names.
    pub context: TraceContext,
    /// The header as received.
    pub text: ByteString,
    /// Its `tracestate`, all headers joined; `None` when there is none, or none that is valid.
    pub state: Option<ByteString>,
}

impl Caller {
    /// Reads the headers of these names, in order. `None` without a valid `traceparent`, and with several of them, because
    /// nobody knows which one to believe: `tracestate` is then ignored, too.
    pub fn of<'h>(
        mut parents: impl Iterator<Item = &'h [u8]>,
        states: impl Iterator<Item = &'h [u8]>,
    ) -> Option<Caller> {
        let text = std::str::from_utf8(parents.next()?).ok()?.trim_matches([' ', '\t']);
        let context = TraceContext::parse(text)?;
        if parents.next().is_some() {
            return None;
        }
        Some(Caller { context, text: text.into(), state: state::join(states) })
    }
}

#[cfg(test)]
mod tests {
    use super::Caller;
    use crate::observability::trace::TraceContext;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const OTHER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b8-01";

    fn of(parents: &[&str], states: &[&str]) -> Option<Caller> {
        Caller::of(parents.iter().map(|text| text.as_bytes()), states.iter().map(|text| text.as_bytes()))
    }

    #[test]
    fn a_valid_header_is_read_with_all_of_its_state() {
        let caller = of(&[GOOD], &["a=1", " b=2 "]).unwrap();
        assert_eq!(Some(caller.context), TraceContext::parse(GOOD));
        assert_eq!((&*caller.text, caller.state.as_deref()), (GOOD, Some("a=1,b=2")));
        let later = of(&["cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what"], &[]).unwrap();
        assert_eq!(&*later.text, "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what");
    }

    #[test]
    fn several_or_none_that_is_valid_is_no_caller_and_takes_the_state_with_it() {
        assert_eq!(of(&[GOOD, OTHER], &[]), None);
        assert_eq!(of(&[GOOD, GOOD], &[]), None);
        assert_eq!(of(&["00-0-0-0"], &["a=1"]), None);
        assert_eq!(of(&[], &["a=1"]), None);
    }
}
