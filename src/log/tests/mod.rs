//! Tests of the whole log.

mod append;
mod crash;
mod damage;
mod find;
mod limits;
mod read_only;

mod streams;
pub(super) mod support;
