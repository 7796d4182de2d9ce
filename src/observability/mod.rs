//! What the gateway tells about itself: log lines, metrics, trace contexts.

pub mod logging;
pub mod metrics;
pub mod trace;
