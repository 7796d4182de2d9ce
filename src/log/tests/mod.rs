//! Tests of the whole log.

pub(super) mod support;
