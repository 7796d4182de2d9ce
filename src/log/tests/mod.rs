//! Tests of the whole log.

mod append;
mod find;
mod streams;
pub(super) mod support;
