//! The subscription filter dialects `exact prefix suffix all any not` (specs.md §12).

use crate::cloudevents::Event;
use bytestring::ByteString;

/// One compiled filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// Every named attribute equals its value.
    Exact(Vec<(ByteString, ByteString)>),
    /// Every named attribute starts with its value.
    Prefix(Vec<(ByteString, ByteString)>),
    /// Every named attribute ends with its value.
    Suffix(Vec<(ByteString, ByteString)>),
    /// All hold.
    All(Vec<Filter>),
    /// At least one holds.
    Any(Vec<Filter>),
    /// It does not hold.
    Not(Box<Filter>),
}

impl Filter {
    /// Does the event fit.
    pub fn matches(&self, _event: &Event) -> bool {
        todo!()
    }
}
