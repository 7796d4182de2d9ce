//! Tests of the whole log.

mod append;
pub(super) mod support;
