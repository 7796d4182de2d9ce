//! The status table, and what a receipt and a rejection look like.

use crate::cloudevents::Violation;
use crate::codes::Code;
use crate::ingress::respond::{self, Reply};
use crate::log::Stored;
use crate::pipeline::outcome::{Receipt, Rejection};

#[test]
fn the_status_table() {
    let table = [
        (400, &[1001, 1002, 1003, 1006, 1007, 1035][..]),
        (403, &[1034]),
        (404, &[1015]),
        (405, &[1014]),
        (408, &[1013]),
        (413, &[1010, 1011, 1012]),
        (415, &[1004, 1005]),
        (422, &[1020, 1021, 1022, 1023, 1024]),
        (500, &[1033, 1080, 1081]),
        (501, &[1042]),
        (502, &[1040]),
        (503, &[1030, 1031, 1032, 1041]),
    ];
    for code in Code::ALL.iter().copied().filter(|code| code.number() < 2000) {
        let Reply::Status(status) = respond::reply(code) else { panic!("{code} is not answered") };
        let row = table.iter().find(|(_, codes)| codes.contains(&code.number()));
        assert_eq!(Some(status.as_u16()), row.map(|(status, _)| *status), "{code}");
        let rejection = Rejection::of(code, "no".into(), Vec::new(), String::new());
        let answer = respond::refused(&rejection, status);
        assert_eq!(answer.headers().contains_key("retry-after"), status == 503, "{code}");
        assert_eq!(answer.headers().contains_key("allow"), status == 405, "{code}");
    }
    assert_eq!(respond::reply(Code::LogBroken), Reply::Silence);
}

#[test]
fn positions_and_duplicates_of_a_receipt() {
    let receipt = |batch, stored: &[(u64, bool)]| Receipt {
        stored: stored
            .iter()
            .map(|(position, duplicate)| Stored { position: *position, duplicate: *duplicate })
            .collect(),
        matched: vec![true; stored.len()],
        batch,
        lenient: None,
    };
    for (receipt, position, duplicate) in [
        (receipt(false, &[(17, false)]), Some("17"), None),
        (receipt(false, &[(17, true)]), Some("17"), Some("true")),
        (receipt(true, &[(17, false), (18, false), (19, false)]), Some("17-19"), None),
        (receipt(true, &[(3, true), (17, false), (18, false), (19, false), (4, true)]), Some("17-19"), Some("0,4")),
        (receipt(true, &[(17, false)]), Some("17"), None),
        (receipt(true, &[(9, true), (17, false)]), Some("17"), Some("0")),
        (receipt(true, &[(9, true)]), None, Some("0")),
        (receipt(true, &[]), None, None),
    ] {
        let answer = respond::accepted(&receipt, http::HeaderMap::new());
        let header = |name| answer.headers().get(name).map(|value| value.to_str().unwrap());
        assert_eq!((header("signalbox-position"), header("signalbox-duplicate")), (position, duplicate), "{receipt:?}");
        assert_eq!(answer.status(), 202);
    }
}

#[tokio::test]
async fn an_answer_lists_so_many_errors_and_says_how_many_more_there_are() {
    let errors = vec![(None, Violation::new("/data/a", "wrong")); 1200];
    let rejection = Rejection::of(Code::SchemaViolation, "no".into(), errors, String::new());
    let answer = respond::refused(&rejection, http::StatusCode::UNPROCESSABLE_ENTITY);
    let body = http_body_util::BodyExt::collect(answer.into_body()).await.unwrap().to_bytes();
    let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(problem["errors"].as_array().unwrap().len(), 1000);
    assert!(problem["detail"].as_str().unwrap().contains("200 more"));
}
