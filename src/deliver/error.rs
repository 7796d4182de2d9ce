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

/// True when an attempt that failed with this code has handed nothing to the client of the other side: the event does not
/// appear there.
pub fn nothing_sent(code: Code) -> bool {
    matches!(code, Code::Unreachable | Code::Overloaded | Code::LogFull)
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
