//! The answer to a lenient batch: a verdict for each element, in order (formats.md §4).

use super::respond::{self, Reply};
use crate::pipeline::outcome::{Lenient, Receipt, Refused};
use crate::server::problem::FAULTS;
use crate::server::problem::{Fault, Problem};
use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// What became of one element.
#[derive(Serialize)]
struct Verdict {
    index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<u64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    duplicate: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Box<RawValue>>,
}

/// The verdicts as a JSON array.
pub fn body(receipt: &Receipt, verdicts: &Lenient) -> Bytes {
    let mut by_index: BTreeMap<usize, Verdict> = BTreeMap::new();
    for (index, stored) in receipt.indexed() {
        let (position, duplicate) = ((stored.position > 0).then_some(stored.position), stored.duplicate);
        by_index.insert(index, Verdict { index, position, duplicate, problem: None });
    }
    let mut left = FAULTS;
    for refused in &verdicts.refused {
        let problem = problem(refused, &verdicts.trace_id, &mut left);
        by_index.insert(refused.index, Verdict { index: refused.index, position: None, duplicate: false, problem });
    }
    let list: Vec<Verdict> = by_index.into_values().collect();
    // Strings and numbers always serialise.
    serde_json::to_vec(&list).unwrap_or_default().into()
}

/// `left`: faults that may still be listed. When none are, each element has its first one only.
fn problem(refused: &Refused, trace_id: &str, left: &mut usize) -> Option<Box<RawValue>> {
    let Reply::Status(status) = respond::reply(refused.code) else { return None };
    let pointed = refused.errors.iter().filter(|violation| !violation.pointer.is_empty()).take((*left).max(1));
    let fault = |violation: &crate::cloudevents::Violation| Fault {
        pointer: violation.pointer.clone(),
        detail: violation.detail.clone(),
        index: None,
        entry: None,
    };
    let errors: Vec<Fault> = pointed.map(fault).collect();
    *left = left.saturating_sub(errors.len());
    let problem = Problem {
        status: status.as_u16(),
        code: refused.code,
        detail: &refused.detail,
        errors,
        delivered: None,
        trace_id,
    };
    serde_json::from_slice(&problem.to_json()).ok()
}

#[cfg(test)]
mod tests {
    use super::body;
    use crate::cloudevents::Violation;
    use crate::codes::Code;
    use crate::ingress::respond;
    use crate::log::Stored;
    use crate::pipeline::outcome::{Lenient, Receipt, Refused};
    use serde_json::{Value, json};

    fn receipt(stored: &[(u64, bool)], refused: Vec<Refused>) -> Receipt {
        let stored: Vec<Stored> =
            stored.iter().map(|(position, duplicate)| Stored { position: *position, duplicate: *duplicate }).collect();
        let lenient = Some(Lenient { refused, trace_id: "ab".to_owned() });
        Receipt { matched: vec![true; stored.len()], stored, batch: true, lenient }
    }

    fn refused(index: usize, code: Code, errors: usize) -> Refused {
        let errors = (0..errors).map(|number| Violation::new(format!("/e{number}"), "bad")).collect();
        Refused { index, code, detail: "no".to_owned(), errors }
    }

    #[test]
    fn each_element_has_a_verdict_in_order() {
        let receipt = receipt(
            &[(17, false), (4, true), (19, false)],
            vec![
                refused(0, Code::InvalidEvent, 1),
                refused(3, Code::SchemaViolation, 2),
                refused(4, Code::EventTooLarge, 0),
            ],
        );
        let answer = respond::accepted(&receipt, http::HeaderMap::new());
        let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap());
        assert_eq!((answer.status().as_u16(), header("preference-applied")), (202, Some("handling=lenient")));
        assert_eq!((header("signalbox-position"), header("signalbox-duplicate")), (Some("17-19"), Some("2")));
        assert_eq!(header("content-type"), Some("application/json"));
        let list: Value = serde_json::from_slice(&body(&receipt, receipt.lenient.as_ref().unwrap())).unwrap();
        assert_eq!(list[1], json!({"index": 1, "position": 17}));
        assert_eq!(list[2], json!({"index": 2, "position": 4, "duplicate": true}));
        assert_eq!(list[5], json!({"index": 5, "position": 19}));
        assert_eq!(list.as_array().map(Vec::len), Some(6));
        for (index, status, code, errors) in [(0, 400, "SB-1003", 1), (3, 422, "SB-1020", 2), (4, 413, "SB-1011", 0)] {
            let problem = &list[index]["problem"];
            assert_eq!((&problem["status"], &problem["code"]), (&json!(status), &json!(code)), "{list}");
            assert_eq!(problem["errors"].as_array().map(Vec::len), Some(errors), "{list}");
            assert_eq!(
                (&list[index]["index"], problem["type"].as_str()),
                (&json!(index), Some(&*format!("urn:signalbox:{code}")))
            );
        }
        assert_eq!(list[0]["problem"]["errors"][0], json!({"pointer": "/e0", "detail": "bad"}));
    }

    #[test]
    fn what_is_listed_stays_in_proportion() {
        let receipt = receipt(&[(1, false)], (1..=10).map(|index| refused(index, Code::InvalidEvent, 300)).collect());
        let list: Value = serde_json::from_slice(&body(&receipt, receipt.lenient.as_ref().unwrap())).unwrap();
        let listed = |index: usize| list[index]["problem"]["errors"].as_array().map(Vec::len);
        assert_eq!(
            (listed(1), listed(3), listed(4), listed(5), listed(10)),
            (Some(300), Some(300), Some(100), Some(1), Some(1))
        );
    }
}
