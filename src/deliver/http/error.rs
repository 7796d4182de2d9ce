//! What a receiver answers, or that it does not, as [`DeliveryError`]: whose fault, and whether another attempt helps.

use crate::codes::Code;
use crate::deliver::error::{Advice, DeliveryError};
use crate::state::Reason;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use std::time::{Duration, SystemTime};

/// A receiver may ask for so much quiet and no more: as long as an event is tried by default. A date far off must not
/// silence a destination for ever.
const LONGEST_QUIET: Duration = Duration::from_hours(24);

/// The answer is not 2xx. `quiet` is what [`retry_after`] found.
pub fn from_status(status: StatusCode, quiet: Option<Duration>) -> DeliveryError {
    let failed = |code, advice, why: &str| DeliveryError { code, detail: format!("answered {status}{why}"), advice };
    let refused = Advice::Never(Reason::Refused);
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => failed(Code::TooLargeForDestination, Advice::Never(Reason::TooLarge), ""),
        StatusCode::GONE => failed(Code::RefusedByDestination, refused, ": the receiver wants no more events here"),
        _ if status.is_redirection() => {
            failed(Code::RefusedByDestination, refused, ": redirects are not followed; write the new address")
        }
        _ if may_pass(status) => failed(Code::DestinationFailed, Advice::Later(quiet), ""),
        _ => failed(Code::RefusedByDestination, refused, ""),
    }
}

/// The table of Knative's data plane contract, and 425 (RFC 8470 §5.2).
pub fn may_pass(status: StatusCode) -> bool {
    matches!(status.as_u16(), 404 | 408 | 409 | 425 | 429 | 500..)
}

/// How long the receiver wants to be left alone (RFC 9110 §10.2.3): seconds, or a date in one of the three forms.
pub fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or_default()
    };
    Some(wait.min(LONGEST_QUIET))
}

/// There was no answer. The detail never holds the URL.
pub fn from_client(error: &reqwest::Error) -> DeliveryError {
    if error.is_connect() {
        return unreachable(format!("no connection: {}", innermost(error)));
    }
    if error.is_builder() {
        return refused(format!("it cannot be sent: {}", innermost(error)));
    }
    no_answer(format!("the connection was lost before the answer: {}", innermost(error)))
}

/// Nothing was sent, and nothing can be: the lane waits.
pub fn unreachable(detail: String) -> DeliveryError {
    DeliveryError { code: Code::Unreachable, detail, advice: Advice::Unreachable }
}

/// It was or may have been sent, and nobody knows what became of it.
pub fn no_answer(detail: String) -> DeliveryError {
    DeliveryError { code: Code::NoAck, detail, advice: Advice::Later(None) }
}

/// It cannot be sent as it is.
pub fn refused(detail: String) -> DeliveryError {
    DeliveryError { code: Code::RefusedByDestination, detail, advice: Advice::Never(Reason::Refused) }
}

/// The filled-in URL cannot be posted to.
pub fn bad_target(detail: String) -> DeliveryError {
    DeliveryError { code: Code::BadTarget, detail, advice: Advice::Never(Reason::Topic) }
}

/// `connection refused` says more than the layers above it.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    // An error without a source writes its URL.
    if std::error::Error::source(error).is_none() { "the request failed".to_owned() } else { cause.to_string() }
}
