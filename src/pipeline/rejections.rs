//! The last refused requests, for `GET /api/v1/rejections`: a bounded ring, payloads left out.

use super::outcome::Rejection;
use crate::codes::Code;
use crate::units::Micros;
use bytestring::ByteString;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Faults kept of one request.
const PROBLEMS: usize = 32;
/// Bytes kept of one text.
const TEXT: usize = 512;

/// One refused request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// When.
    pub time: Micros,
    /// Name of the listener.
    pub listener: ByteString,
    /// Who called; `None` for anonymous callers.
    pub producer: Option<ByteString>,
    /// The HTTP status, or what another binding has in its place.
    pub status: u16,
    /// Which rule.
    pub code: Code,
    /// One sentence for people.
    pub detail: String,
    /// Where; the first ones.
    pub problems: Vec<Fault>,
    /// Trace id of the request, lower-case hex.
    pub trace_id: String,
}

/// One thing that was wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// JSON Pointer into the request, as in its answer.
    pub pointer: String,
    /// For people.
    pub detail: String,
    /// Index of the batch element.
    pub index: Option<usize>,
}

/// The ring.
#[derive(Debug)]
pub struct Rejections {
    capacity: usize,
    ring: Mutex<VecDeque<Arc<Refused>>>,
}

impl Rejections {
    /// Keeps the last `capacity` refused requests.
    pub fn new(capacity: usize) -> Rejections {
        Rejections { capacity, ring: Mutex::default() }
    }

    /// Notes a refused request; the oldest one goes when the ring is full. Long texts are cut.
    pub fn note(&self, listener: &ByteString, producer: Option<&ByteString>, status: u16, rejection: &Rejection) {
        let problems = rejection.faults().take(PROBLEMS).map(|one| Fault {
            pointer: shortened(&one.pointer),
            detail: shortened(one.detail),
            index: one.index,
        });
        let refused = Arc::new(Refused {
            time: Micros::now(),
            listener: listener.clone(),
            producer: producer.cloned(),
            status,
            code: rejection.code,
            detail: shortened(&rejection.detail),
            problems: problems.collect(),
            trace_id: rejection.trace_id.clone(),
        });
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        ring.push_back(refused);
        while ring.len() > self.capacity {
            ring.pop_front();
        }
    }

    /// The last ones, newest first.
    pub fn newest(&self, limit: usize) -> Vec<Arc<Refused>> {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        ring.iter().rev().take(limit).cloned().collect()
    }
}

fn shortened(text: &str) -> String {
    if text.len() <= TEXT {
        return text.to_owned();
    }
    let end = (0..=TEXT).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::{PROBLEMS, Rejections, TEXT};
    use crate::cloudevents::Violation;
    use crate::codes::Code;
    use crate::pipeline::outcome::Rejection;

    fn rejection(detail: &str, errors: usize) -> Rejection {
        let violation = Violation::new("/é".repeat(TEXT), "long");
        let errors = vec![(Some(1), violation); errors];
        Rejection::of(Code::InvalidEvent, detail.to_owned(), errors, String::new())
    }

    #[test]
    fn the_ring_keeps_the_newest_and_bounds_each() {
        let ring = Rejections::new(2);
        for detail in ["one", "two", "three"] {
            ring.note(&"public".into(), None, 400, &rejection(detail, 1000));
        }
        let kept = ring.newest(10);
        assert_eq!(kept.iter().map(|one| one.detail.as_str()).collect::<Vec<_>>(), ["three", "two"]);
        assert_eq!(kept[0].problems.len(), PROBLEMS);
        assert!(kept[0].problems[0].pointer.len() < TEXT + 8);
        assert!(kept[0].problems[0].pointer.starts_with("/1/é/"));
        assert_eq!(ring.newest(1).len(), 1);
    }
}
