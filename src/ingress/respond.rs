//! Receipt or rejection → answer. The only place that chooses an HTTP status for a producer.

use super::{lenient, webhook};
use crate::codes::Code;
use crate::config::gateway::Webhook;
use crate::pipeline::outcome::{DeliveryOutcome, Receipt, Rejection};
use crate::server::problem::{self, FAULTS, Problem};
use crate::state::Failure;
use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use http_body_util::Full;
use std::fmt::Write as _;

/// An answer to a producer.
pub type Answer = Response<Full<Bytes>>;

const POSITION: HeaderName = HeaderName::from_static("signalbox-position");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
const DUPLICATE: HeaderName = HeaderName::from_static("signalbox-duplicate");

/// What the sender of a refused request is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// A problem document with this status.
    Status(StatusCode),
    /// Nothing: the connection is closed. What became of the events must stay unknown to the sender.
    Silence,
}

/// The answer to each code. Codes of other places than the ingress (from 2000 on) cannot get here; a fault of ours if they
/// do.
pub fn reply(code: Code) -> Reply {
    Reply::Status(match code {
        Code::NotAnEvent
        | Code::Malformed
        | Code::InvalidEvent
        | Code::BrokenEncoding
        | Code::BrokenRequest
        | Code::BadQuery => StatusCode::BAD_REQUEST,
        Code::ForbiddenHost => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Code::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
        Code::BodyTooLarge | Code::EventTooLarge | Code::BatchTooLong => StatusCode::PAYLOAD_TOO_LARGE,
        Code::UnknownMediaType | Code::UnknownEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Code::SchemaViolation | Code::UnknownSchema | Code::UngovernedType | Code::WrongDataKind | Code::Unmatched => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Code::Overloaded | Code::LogFull | Code::Draining | Code::NothingReached => StatusCode::SERVICE_UNAVAILABLE,
        Code::LogBroken => return Reply::Silence,
        Code::NotTaken => StatusCode::BAD_GATEWAY,
        Code::NoLog => StatusCode::NOT_IMPLEMENTED,
        // `Internal`, and codes of what an operator wrote, of deliveries and of the process. A test holds every code below
        // 2000 against its status.
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    })
}

/// How the events of a refused request count: `outcome` of `events_received_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The sender must change the event.
    Invalid,
    /// The event is fine but not wanted.
    Rejected,
    /// We cannot take it now.
    Shed,
    /// Not every deliver entry has taken it; what became of it is not known.
    Failed,
}

/// How they count; `None`: not at all, because the request was no try to send one, or what became of it is not known.
pub fn outcome(code: Code) -> Option<Outcome> {
    let Reply::Status(status) = reply(code) else { return None };
    match status {
        _ if code == Code::Unmatched => Some(Outcome::Rejected),
        StatusCode::BAD_REQUEST
        | StatusCode::REQUEST_TIMEOUT
        | StatusCode::PAYLOAD_TOO_LARGE
        | StatusCode::UNSUPPORTED_MEDIA_TYPE
        | StatusCode::UNPROCESSABLE_ENTITY => Some(Outcome::Invalid),
        StatusCode::FORBIDDEN => Some(Outcome::Rejected),
        StatusCode::SERVICE_UNAVAILABLE => Some(Outcome::Shed),
        StatusCode::BAD_GATEWAY => Some(Outcome::Failed),
        _ => None,
    }
}

/// Seconds until another try makes sense.
fn retry_after(code: Code) -> Option<&'static str> {
    match code {
        Code::Overloaded => Some("1"),
        Code::Draining | Code::NothingReached => Some("2"),
        Code::LogFull => Some("5"),
        _ => None,
    }
}

/// 202. `headers` is an empty map whose memory is used again.
pub fn accepted(receipt: &Receipt, mut headers: HeaderMap) -> Answer {
    match receipt.stored.as_slice() {
        [only] if !receipt.batch => {
            if only.position > 0 {
                headers.insert(POSITION, HeaderValue::from(only.position));
            }
            if only.duplicate {
                headers.insert(DUPLICATE, HeaderValue::from_static("true"));
            }
        }
        _ => batch_headers(receipt, &mut headers),
    }
    let body = receipt.lenient.as_ref().map(|verdicts| {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(PREFERENCE_APPLIED, HeaderValue::from_static("handling=lenient"));
        lenient::body(receipt, verdicts)
    });
    let mut answer = Response::new(Full::new(body.unwrap_or_default()));
    *answer.status_mut() = StatusCode::ACCEPTED;
    *answer.headers_mut() = headers;
    answer
}

/// The range of what was stored, and the indexes of what was known before.
fn batch_headers(receipt: &Receipt, headers: &mut HeaderMap) {
    let stored = || receipt.stored.iter().filter(|one| !one.duplicate && one.position > 0);
    let stored = || stored().map(|one| one.position);
    match (stored().min(), stored().max()) {
        (Some(first), Some(last)) if first != last => insert_text(headers, POSITION, &format!("{first}-{last}")),
        (Some(only), _) => drop(headers.insert(POSITION, HeaderValue::from(only))),
        (None, _) => {}
    }
    let mut indexes = String::new();
    for (index, _) in receipt.indexed().filter(|(_, one)| one.duplicate) {
        let comma = if indexes.is_empty() { "" } else { "," };
        // Writing to a String cannot fail.
        write!(indexes, "{comma}{index}").unwrap_or_default();
    }
    if !indexes.is_empty() {
        insert_text(headers, DUPLICATE, &indexes);
    }
}

fn insert_text(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::try_from(text) {
        headers.insert(name, value);
    }
}

/// The problem document of a rejection.
pub fn refused(rejection: &Rejection, status: StatusCode) -> Answer {
    let listed = rejection.faults().take(FAULTS);
    let listed = listed.map(|one| problem::Fault {
        pointer: one.pointer,
        detail: one.detail.to_owned(),
        index: one.index,
        entry: None,
    });
    let mut errors: Vec<_> = listed.collect();
    let mut left_out = rejection.faults().skip(FAULTS).count();
    let failed = rejection.deliveries.iter().filter_map(|one| Some((one, one.failure.as_ref()?)));
    for (one, failure) in failed {
        if errors.len() < FAULTS {
            errors.push(not_delivered(one, failure));
        } else {
            left_out += 1;
        }
    }
    let delivered = rejection.deliveries.iter().filter(|one| one.failure.is_none()).map(entry_of).collect();
    let mut detail = rejection.detail.clone();
    if left_out > 0 {
        // Writing to a String cannot fail.
        write!(detail, " ({left_out} more errors are not listed)").unwrap_or_default();
    }
    let problem = Problem {
        status: status.as_u16(),
        code: rejection.code,
        detail: &detail,
        errors,
        delivered: (rejection.code == Code::NotTaken).then_some(delivered),
        trace_id: &rejection.trace_id,
    };
    let mut answer = Response::new(Full::new(problem.to_json()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(problem::CONTENT_TYPE));
    if let Some(seconds) = retry_after(rejection.code) {
        headers.insert(RETRY_AFTER, HeaderValue::from_static(seconds));
    }
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(ALLOW, HeaderValue::from_static("POST, OPTIONS"));
    }
    answer
}

fn entry_of(one: &DeliveryOutcome) -> problem::Entry {
    problem::Entry {
        route: one.lane.route.to_string(),
        name: one.lane.name.to_string(),
        destination: one.lane.destination.to_string(),
        index: one.index,
    }
}

fn not_delivered(one: &DeliveryOutcome, failure: &Failure) -> problem::Fault {
    problem::Fault {
        pointer: one.index.map_or_else(String::new, |index| format!("/{index}")),
        detail: format!("{} to `{}`: {} ({})", one.lane.display(), one.lane.destination, failure.detail, failure.code),
        index: None,
        entry: Some(entry_of(one)),
    }
}

/// `OPTIONS`: what may be sent here, and the web-hook handshake. Always 200.
pub fn options(webhook: &Webhook, asked: &HeaderMap) -> Answer {
    let mut answer = Response::new(Full::default());
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
    webhook::grant(webhook, asked, answer.headers_mut());
    answer
}
