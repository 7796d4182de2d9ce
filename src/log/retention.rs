//! Removes whole segments that nobody needs any more: settled, and too old or more than there is room
//! for. One that is still being sealed may go, too: whoever has its files open keeps them until they are closed.

use super::segment::Segment;
use super::shared::Shared;
use crate::observability::metrics;
use crate::units::Micros;

/// Removes every segment that may go, oldest first. True when there was one.
pub(super) fn run(shared: &Shared) -> bool {
    let mut freed = false;
    while let Some(segment) = next(shared) {
        shared.pool.forget(&segment);
        shared.derived.forget(&segment);
        match segment.remove() {
            Ok(()) => tracing::info!(segment = %segment.path.display(), "removed a settled segment"),
            Err(error) => {
                tracing::warn!(segment = %segment.path.display(), %error, "cannot remove a settled segment");
            }
        }
        freed = true;
    }
    metrics::log_bytes().set(shared.segments.bytes() as f64);
    freed
}

fn next(shared: &Shared) -> Option<std::sync::Arc<Segment>> {
    let settled = shared.settled().below;
    let bytes = shared.segments.bytes();
    // Room for one more segment is kept free, so that appends need not wait for a removal.
    let crowded = bytes.saturating_add(shared.segment_bytes()) > shared.options.max_bytes;
    let now = Micros::now();
    let head = shared.head();
    shared.segments.pop_oldest(|segment, next| {
        // Between the last event and the next segment's first position there may be a gap.
        let all_settled = settled >= next.min(head + 1);
        all_settled && (crowded || now.since(segment.times().committed) > shared.options.max_age)
    })
}
