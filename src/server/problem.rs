//! Problem documents (RFC 9457), the body of every refusal.

use crate::codes::Code;
use bytes::Bytes;
use serde::Serialize;

/// Media type of a problem document.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// Faults listed in one answer at most; what one request can ask for stays in proportion to its size.
pub const FAULTS: usize = 1000;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// JSON Pointer into the request's JSON form.
    pub pointer: String,
    /// For people.
    pub detail: String,
    /// Index of the batch element.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<usize>,
    /// The deliver entry it is about.
    #[serde(flatten)]
    pub entry: Option<Entry>,
}

/// A deliver entry that has, or has not, taken an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Its route.
    pub route: String,
    /// Its name.
    pub name: String,
    /// Its destination.
    pub destination: String,
    /// Index of the batch element.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<usize>,
}

/// A problem document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem<'a> {
    /// The HTTP status it is sent with.
    pub status: u16,
    /// Which rule.
    pub code: Code,
    /// One sentence for people.
    pub detail: &'a str,
    /// Where; empty when nothing can be pointed at.
    pub errors: Vec<Fault>,
    /// Deliver entries that have taken an event although not all have.
    pub delivered: Option<Vec<Entry>>,
    /// Trace id of the request, lower-case hex; empty when there is none.
    pub trace_id: &'a str,
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: String,
    errors: &'a [Fault],
    #[serde(skip_serializing_if = "Option::is_none")]
    delivered: Option<&'a [Entry]>,
    #[serde(skip_serializing_if = "str::is_empty")]
    trace_id: &'a str,
}

impl Problem<'_> {
    /// The document as JSON.
    pub fn to_json(&self) -> Bytes {
        let document = Document {
            r#type: format!("urn:signalbox:{}", self.code),
            title: self.code.title(),
            status: self.status,
            detail: self.detail,
            code: self.code.to_string(),
            errors: &self.errors,
            delivered: self.delivered.as_deref(),
            trace_id: self.trace_id,
        };
        // Strings and numbers always serialise.
        serde_json::to_vec(&document).unwrap_or_default().into()
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, Problem};
    use crate::codes::Code;

    #[test]
    fn a_problem_has_the_members_of_rfc_9457_and_ours() {
        let errors = vec![Fault {
            pointer: "/2/data/total".to_owned(),
            detail: "too small".to_owned(),
            index: Some(2),
            entry: None,
        }];
        let problem =
            Problem { status: 422, code: Code::SchemaViolation, detail: "no", errors, delivered: None, trace_id: "ab" };
        let json: serde_json::Value = serde_json::from_slice(&problem.to_json()).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "type": "urn:signalbox:SB-1020", "title": "the data breaks its schema", "status": 422, "detail": "no",
                "code": "SB-1020", "trace_id": "ab",
                "errors": [{"pointer": "/2/data/total", "detail": "too small", "index": 2}],
            })
        );
    }
}
