//! What an event can be searched by, as 32-bit hashes. They only narrow a search down: whatever they find is compared
//! with the record itself.

use super::record::Record;
use crate::observability::trace::TraceContext;

/// Which attribute a term stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Type = 1,
    Source,
    Subject,
    Id,
    Correlation,
    /// Trace id of the creation context or of the process context.
    Trace,
    /// Number of the decision in its segment.
    Decision,
}

/// The most terms one event has, its decision aside.
pub(super) const MOST: usize = 7;

/// The terms of one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Terms {
    count: u8,
    values: [u32; MOST],
}

impl Terms {
    /// Adds one; more than an event can have are left out.
    pub fn push(&mut self, term: u32) {
        if let Some(slot) = self.values.get_mut(usize::from(self.count)) {
            *slot = term;
            self.count += 1;
        }
    }

    /// All of them.
    pub fn as_slice(&self) -> &[u32] {
        &self.values[..usize::from(self.count)]
    }

    /// True when it has every one of `wanted`.
    pub fn has_all(&self, wanted: &[u32]) -> bool {
        wanted.iter().all(|term| self.as_slice().contains(term))
    }
}

/// The hash of one value.
pub(super) fn term(kind: Kind, value: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(kind as u32);
    hasher.update(value);
    hasher.finalize()
}

/// Everything a record can be found by.
pub(super) fn of(record: &Record) -> Terms {
    let event = &record.event;
    let mut terms = Terms::default();
    terms.push(term(Kind::Type, event.ty.as_bytes()));
    terms.push(term(Kind::Source, event.source.as_bytes()));
    terms.push(term(Kind::Id, event.id.as_bytes()));
    terms.push(term(Kind::Trace, &record.process.trace_id));
    for attribute in &event.attributes {
        let text = &attribute.value.text;
        match attribute.name {
            "subject" => terms.push(term(Kind::Subject, text.as_bytes())),
            "correlationid" => terms.push(term(Kind::Correlation, text.as_bytes())),
            "traceparent" => {
                let creation = TraceContext::parse(text).filter(|at| at.trace_id != record.process.trace_id);
                if let Some(creation) = creation {
                    terms.push(term(Kind::Trace, &creation.trace_id));
                }
            }
            _ => {}
        }
    }
    terms
}
