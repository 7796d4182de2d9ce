//! What a run may cost, counted where values are copied, compared and made.
//!
//! The engine has no limit of its own, and a thread cannot be stopped from outside. But every step of it handles a
//! [`super::value::Value`], and those are ours: when a run has used up its share, the value at hand unwinds the stack up to
//! [`metered`], which is where the run began. Programs are checked before they are loaded ([`super::check`]), so that this
//! is the last resort: for products of generators, doubled texts and the like, which end in theory only.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Copies, comparisons and other small steps of one run: about a second of work, twenty times `limits.jq_time`. Tests run
/// without optimization.
const STEPS: u64 = if cfg!(test) { 1_000_000 } else { 4_000_000 };
/// Bytes of texts and numbers made in one run, all together: far more than input and output may have (`limits.jq_bytes`).
const BYTES: u64 = 64 << 20;
/// Arrays and objects in each other: more than data may have (`limits.json_depth`), little enough for any stack.
pub(super) const DEPTH: u16 = 512;

/// What was used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Exhausted {
    /// Too many steps.
    #[error("the program takes more than {STEPS} steps")]
    Steps,
    /// Too much made.
    #[error("the program makes more than {} MiB of values", BYTES >> 20)]
    Bytes,
    /// Too deep.
    #[error("the program makes values that nest deeper than {DEPTH} levels")]
    Depth,
    /// A fault of the engine.
    #[error("the program cannot be run on this data")]
    Panicked,
}

thread_local! {
    static LEFT: Cell<(u64, u64)> = const { Cell::new((u64::MAX, u64::MAX)) };
}

/// Runs `work` with a full meter.
pub(super) fn metered<T>(work: impl FnOnce() -> T) -> Result<T, Exhausted> {
    let before = LEFT.replace((STEPS, BYTES));
    // Only values of the run itself are left behind, and nobody sees them again.
    let outcome = catch_unwind(AssertUnwindSafe(work));
    LEFT.set(before);
    outcome.map_err(|payload: Box<dyn Any + Send>| payload.downcast_ref().copied().unwrap_or(Exhausted::Panicked))
}

/// Counts steps.
pub(super) fn steps(count: usize) {
    let (steps, bytes) = LEFT.get();
    match steps.checked_sub(count as u64) {
        Some(left) => LEFT.set((left, bytes)),
        None => stop(Exhausted::Steps),
    }
}

/// Counts bytes of a value about to be made.
pub(super) fn bytes(count: usize) {
    let (steps, bytes) = LEFT.get();
    match bytes.checked_sub(count as u64) {
        Some(left) => LEFT.set((steps, left)),
        None => stop(Exhausted::Bytes),
    }
}

/// Ends the run.
pub(super) fn stop(why: Exhausted) -> ! {
    resume_unwind(Box::new(why))
}
