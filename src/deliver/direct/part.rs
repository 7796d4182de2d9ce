//! One event on its way to one deliver entry.

use super::lane::Turn;
use super::room::Place;
use crate::deliver::counters::Counters;
use crate::deliver::entry::DeliverEntry;
use crate::deliver::{Destination, Outgoing};
use crate::lane_name::LaneName;
use crate::log::record::Entry;
use crate::observability::trace::TraceContext;
use crate::observability::trace::hop::Hop;
use std::collections::HashMap;
use std::sync::Arc;

/// One event on its way to one deliver entry.
pub(super) struct Part {
    pub(super) event: usize,
    pub(super) entry: Arc<Entry>,
    pub(super) name: Arc<LaneName>,
    pub(super) deliver: Arc<DeliverEntry>,
    pub(super) destination: Arc<dyn Destination>,
    pub(super) place: Place,
    /// How many equal events stand before it in its request: their messages are told apart.
    pub(super) copies: u32,
    pub(super) outgoing: Option<Outgoing>,
    /// The contexts of the attempt to come.
    pub(super) hop: Hop,
    /// The span of the attempt before.
    pub(super) previous: Option<TraceContext>,
}

impl Part {
    /// Lines up in its lane.
    pub(super) fn line_up(&self) -> Turn {
        let key = self.outgoing.as_ref().and_then(|outgoing| outgoing.key.as_deref());
        self.place.lane.line_up(key.filter(|_| self.deliver.keep_order), self.entry.record.received)
    }

    /// Counts what became of it.
    pub(super) fn count(&self, count: impl FnOnce(&Counters)) {
        self.place.lane.count(&self.deliver.lane.destination, count);
    }
}

/// Equal events of one request are all kept, also where the receiver drops copies by their message id. They are told apart
/// the same way each time the request is sent.
pub(super) fn tell_apart(parts: &mut [Part]) {
    let mut seen: HashMap<String, u32> = HashMap::new();
    for part in parts {
        let Some(outgoing) = part.outgoing.as_mut().filter(|outgoing| !outgoing.message_id.is_empty()) else {
            continue;
        };
        let count = seen.entry(outgoing.message_id.clone()).and_modify(|count| *count += 1).or_insert(0);
        part.copies = *count;
        distinguish(outgoing, part.copies);
    }
}

/// The message of an event that is equal to `copies` others before it in its request.
pub(super) fn distinguish(outgoing: &mut Outgoing, copies: u32) {
    if copies > 0
        && let Ok(id) = u128::from_str_radix(&outgoing.message_id, 16)
    {
        let distance = u128::from(copies).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        outgoing.message_id = format!("{:032x}", id.wrapping_add(distance));
    }
}
