//! What the gateway tells about itself: log lines, metrics, trace contexts and spans.

pub mod logging;
pub mod metrics;
pub mod spans;
pub mod trace;
