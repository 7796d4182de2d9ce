//! What the gateway tells about itself: log lines, metrics, trace contexts.

pub mod metrics;
pub mod trace;
