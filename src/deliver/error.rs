//! Why a delivery failed: whose fault, and whether another attempt helps.

use crate::codes::Code;
use crate::state::Reason;
use std::time::Duration;

/// What the lane does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// The destination cannot be reached: the whole lane waits, no attempt is used.
    Unreachable,
    /// This event may be tried again after the lane's backoff, and not before `Some(time)`. Uses an attempt.
    Later(Option<Duration>),
    /// Never: dead letter with this reason.
    Never(Reason),
}

/// A failed attempt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct DeliveryError {
    /// Stable code.
    pub code: Code,
    /// For people; holds no secrets and no payload.
    pub detail: String,
    /// What to do next.
    pub advice: Advice,
}
