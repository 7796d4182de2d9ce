//! Answers of the admin API: JSON documents and problem documents.

use crate::codes::Code;
use crate::pipeline::outcome::{self, Rejection};
use crate::server::problem::{self, FAULTS, Fault, Problem};
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderName, StatusCode};
use serde::Serialize;

/// What a handler gives back.
pub type Outcome = Result<Response, Refusal>;

/// A request that is not answered with what it asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Which rule.
    pub code: Code,
    /// One sentence for people.
    pub detail: String,
    /// What is wrong, and where, with an event.
    pub errors: Vec<Fault>,
    /// Of a request that holds an event: the id of its trace.
    pub trace_id: String,
}

impl Refusal {
    /// A refusal with its reason.
    pub fn new(code: Code, detail: impl Into<String>) -> Refusal {
        Refusal { code, detail: detail.into(), errors: Vec::new(), trace_id: String::new() }
    }

    /// Something of ours failed; the whole chain of reasons is told.
    pub fn failed(error: &(dyn std::error::Error + 'static)) -> Refusal {
        let mut detail = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            detail.push_str(": ");
            detail.push_str(&error.to_string());
            source = error.source();
        }
        tracing::error!(detail, "the admin API cannot answer");
        Refusal::new(Code::Internal, detail)
    }

    fn status(&self) -> StatusCode {
        match self.code {
            Code::BadQuery
            | Code::NotAnEvent
            | Code::Malformed
            | Code::InvalidEvent
            | Code::BrokenEncoding
            | Code::BrokenRequest => StatusCode::BAD_REQUEST,
            Code::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Code::BodyTooLarge | Code::EventTooLarge | Code::BatchTooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Code::UnknownMediaType | Code::UnknownEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Code::ForbiddenHost => StatusCode::FORBIDDEN,
            Code::NotFound | Code::UnknownSnapshot => StatusCode::NOT_FOUND,
            Code::StaleSnapshot => StatusCode::CONFLICT,
            Code::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Code::NoLog => StatusCode::NOT_IMPLEMENTED,
            Code::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl From<Rejection> for Refusal {
    /// A request that holds no event.
    fn from(rejection: Rejection) -> Refusal {
        let fault = |fault: outcome::Fault<'_>| Fault {
            pointer: fault.pointer,
            detail: fault.detail.to_owned(),
            index: fault.index,
            entry: None,
        };
        let errors = rejection.faults().take(FAULTS).map(fault).collect();
        Refusal { errors, trace_id: rejection.trace_id, ..Refusal::new(rejection.code, rejection.detail) }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = self.status();
        let problem = Problem {
            status: status.as_u16(),
            code: self.code,
            detail: &self.detail,
            errors: self.errors,
            delivered: None,
            trace_id: &self.trace_id,
        };
        let mut response = with_type(status, problem::CONTENT_TYPE, problem.to_json().into());
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// 200 with a value as JSON.
pub fn json(value: &impl Serialize) -> Response {
    // Our own views hold nothing that cannot be serialised.
    document(serde_json::to_vec(value).unwrap_or_default())
}

/// 200 with a JSON document.
pub fn document(document: Vec<u8>) -> Response {
    with_type(StatusCode::OK, "application/json", document.into())
}

/// An answer that is neither cached nor guessed at.
pub fn with_type(status: StatusCode, content_type: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers: [(HeaderName, &'static str); 3] =
        [(CONTENT_TYPE, content_type), (CACHE_CONTROL, "no-store"), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Appends an object: the members of `head`, then `event` with a document that is spliced in as it is.
pub fn push_with_event(out: &mut Vec<u8>, head: &impl Serialize, event: &[u8]) {
    let start = out.len();
    if serde_json::to_writer(&mut *out, head).is_err() {
        out.truncate(start);
        return;
    }
    // `head` is a struct with members: its last byte is the closing brace.
    out.pop();
    out.extend_from_slice(b",\"event\":");
    out.extend_from_slice(event);
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use super::push_with_event;

    #[test]
    fn an_event_is_spliced_in_as_it_is() {
        #[derive(serde::Serialize)]
        struct Head {
            position: u64,
        }
        let mut out = b"[".to_vec();
        push_with_event(&mut out, &Head { position: 7 }, br#"{"data":  1.50}"#);
        assert_eq!(out, br#"[{"position":7,"event":{"data":  1.50}}"#);
    }
}
