//! The context of one delivery attempt: what its message carries in the protocol header.

use super::{Ids, TraceContext};
use bytestring::ByteString;
use std::time::Duration;

/// An attempt that starts later than this after acceptance begins a trace of its own (reliability.md §4.3 R6).
pub const JOIN_WINDOW: Duration = Duration::from_mins(1);

/// The span of one attempt, made whether it is recorded or not: hop ids always exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// Its context.
    pub context: TraceContext,
    /// Over HTTP: the span of the request within.
    pub request: Option<TraceContext>,
    /// The span it belongs to; `None` = it begins a trace of its own.
    pub parent: Option<TraceContext>,
    /// `tracestate` of the trace it goes on with.
    pub state: Option<ByteString>,
}

impl Hop {
    /// A new one for an event that `process` took in and that has waited this long since. A trace of its own is sampled
    /// when the event was (R10), so that linked traces are kept or dropped together.
    pub fn new(process: TraceContext, state: Option<&ByteString>, waited: Duration, ids: &mut Ids) -> Hop {
        if waited <= JOIN_WINDOW {
            return Hop { context: ids.child(process), request: None, parent: Some(process), state: state.cloned() };
        }
        let context = TraceContext { sampled: process.sampled, ..ids.root() };
        Hop { context, request: None, parent: None, state: None }
    }

    /// The same over HTTP: the request is a span of its own within the attempt (R6).
    #[must_use]
    pub fn over_http(self, ids: &mut Ids) -> Hop {
        Hop { request: Some(ids.child(self.context)), ..self }
    }

    /// The headers of its message: `traceparent` of the innermost span, and `tracestate` if there is one.
    pub fn headers(&self) -> impl Iterator<Item = (String, String)> {
        let parent = ("traceparent".to_owned(), self.request.unwrap_or(self.context).to_string());
        let state = self.state.as_ref().map(|state| ("tracestate".to_owned(), state.to_string()));
        std::iter::once(parent).chain(state)
    }
}

#[cfg(test)]
mod tests {
    use super::{Hop, Ids, JOIN_WINDOW};
    use crate::observability::trace::TraceContext;
    use std::time::Duration;

    #[test]
    fn a_fresh_event_is_sent_in_its_own_trace_and_an_old_one_in_a_new_one() {
        let mut ids = Ids::seeded(3);
        let process = TraceContext { sampled: true, ..ids.root() };
        let state = Some("a=1".into());
        let fresh = Hop::new(process, state.as_ref(), JOIN_WINDOW, &mut ids);
        assert_eq!((fresh.context.trace_id, fresh.parent), (process.trace_id, Some(process)));
        let sent: Vec<_> = fresh.headers().collect();
        assert_eq!(sent[0], ("traceparent".to_owned(), fresh.context.to_string()));
        assert_eq!(sent[1..], [("tracestate".to_owned(), "a=1".to_owned())]);
        let posted = fresh.clone().over_http(&mut ids);
        let request = posted.request.unwrap();
        assert_eq!(posted.headers().next(), Some(("traceparent".to_owned(), request.to_string())));
        assert!(request.trace_id == process.trace_id && !request.is_same_span(&posted.context));
        let old = Hop::new(process, state.as_ref(), JOIN_WINDOW + Duration::from_micros(1), &mut ids);
        assert_ne!(old.context.trace_id, process.trace_id);
        assert_eq!((old.parent, old.state.as_ref(), old.context.sampled), (None, None, true));
        assert_eq!(old.headers().count(), 1);
    }
}
