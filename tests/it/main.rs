//! The integration tests: one binary; real servers, real processes (tests/README.md).

#[cfg(test)]
mod conformance;
