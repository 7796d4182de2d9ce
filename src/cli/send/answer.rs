//! What the gateway said to a POST, for people and as `{status, position, duplicate, problem}`.

use super::What;
use crate::cli::client::{self, Answer, NoAnswer};
use crate::cli::failure::{Failure, Problem};
use crate::cli::output::{Printer, clean, shorten};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// One request's end.
pub struct Answered {
    /// The JSON form.
    pub document: Value,
    /// Why the events were not taken; `None` when they were.
    pub failure: Option<Failure>,
    batch: bool,
}

impl Answered {
    /// The gateway answered: a receipt or a refusal.
    pub fn of_answer(answer: &Answer, what: &What) -> Answered {
        let batch = matches!(what, What::Batch);
        let status = Value::from(answer.status.as_u16());
        if answer.status.is_success() {
            let header = |name| answer.headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
            let (position, duplicate) = (header("signalbox-position"), header("signalbox-duplicate"));
            return Answered {
                document: document(status, position, duplicate, Value::Null, batch),
                failure: None,
                batch,
            };
        }
        let mut failure = client::refused(answer.status, &answer.body);
        // 503 says that nothing was kept; any other status of a server says nothing of the kind (design.md §1).
        if answer.status.is_server_error() && answer.status != StatusCode::SERVICE_UNAVAILABLE {
            failure = failure.hint(send_again(what));
        }
        Answered { document: document(status, None, None, problem(&failure), batch), failure: Some(failure), batch }
    }

    /// Nothing answered. Whether the events were taken is known only when nothing left.
    pub fn of_no_answer(unanswered: NoAnswer, what: &What) -> Answered {
        let batch = matches!(what, What::Batch);
        let NoAnswer { failure, sent } = unanswered;
        let failure = if sent { failure.hint(send_again(what)) } else { failure };
        Answered {
            document: document(Value::Null, None, None, problem(&failure), batch),
            failure: Some(failure),
            batch,
        }
    }

    /// One line about the receipt.
    pub fn readable(&self) -> String {
        let member = |name| self.document.get(name).unwrap_or(&Value::Null);
        if self.batch {
            let mut line = match member("positions").as_str() {
                Some(positions) if positions.contains('-') => format!("accepted at positions {}", clean(positions)),
                Some(position) => format!("accepted at position {}", clean(position)),
                None => "accepted".to_owned(),
            };
            let duplicates = member("duplicates").as_array().map_or(&[][..], Vec::as_slice);
            if !duplicates.is_empty() {
                let indexes: Vec<String> = duplicates.iter().map(Value::to_string).collect();
                write!(line, "; known already: index {}", indexes.join(", ")).ok();
            }
            return line;
        }
        match (member("duplicate").as_bool(), member("position").as_u64()) {
            (Some(true), Some(position)) => format!("known already: position {position}"),
            (Some(true), None) => "known already".to_owned(),
            (_, Some(position)) => format!("accepted at position {position}"),
            (_, None) => "accepted".to_owned(),
        }
    }
}

/// The same id makes a second copy harmless.
fn send_again(what: &What) -> String {
    match what {
        What::Event(id) => {
            format!("it may have been taken all the same: send it again with the same id, `{}`", shorten(id, 80))
        }
        What::Batch => "it may have been taken all the same: send it again with the same ids".to_owned(),
    }
}

/// Tells the end of all requests: with `--output json` one document, an array when several requests were made.
pub fn tell(documents: &[Value], failed: Option<Failure>, printer: &mut Printer) -> Result<(), Failure> {
    if printer.json_wanted() {
        match documents {
            [only] => printer.document(only)?,
            several => printer.document(&several)?,
        }
    }
    failed.map_or(Ok(()), Err)
}

/// Tells of events that were wrong before anything was sent.
pub fn tell_unsent(failure: Failure, printer: &mut Printer) -> Result<(), Failure> {
    let document = document(Value::Null, None, None, problem(&failure), false);
    tell(&[document], Some(failure), printer)
}

fn document(status: Value, position: Option<&str>, duplicate: Option<&str>, problem: Value, batch: bool) -> Value {
    if batch {
        let indexes: Vec<u64> =
            duplicate.unwrap_or_default().split(',').filter_map(|n| n.trim().parse().ok()).collect();
        return json!({"status": status, "positions": position, "duplicates": indexes, "problem": problem});
    }
    let position: Option<u64> = position.and_then(|position| position.parse().ok());
    json!({"status": status, "position": position, "duplicate": duplicate == Some("true"), "problem": problem})
}

fn problem(failure: &Failure) -> Value {
    match failure {
        Failure::Fault(fault) => Value::Object(Problem::document(&fault.problem).clone()),
        Failure::ClosedPipe | Failure::Told(_) => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::{Answered, What};
    use crate::cli::client::Answer;
    use crate::cli::failure::Failure;
    use reqwest::StatusCode;
    use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
    use serde_json::json;

    fn answered(status: u16, headers: &[(&'static str, &'static str)], body: &str, batch: bool) -> Answered {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        let headers: HeaderMap = headers.iter().map(pair).collect();
        let status = StatusCode::from_u16(status).unwrap();
        let what = if batch { What::Batch } else { What::Event("7".into()) };
        Answered::of_answer(&Answer { status, headers, body: body.to_owned() }, &what)
    }

    #[test]
    fn receipts_are_told_with_their_position() {
        let stored = answered(202, &[("signalbox-position", "17")], "", false);
        assert_eq!(stored.document, json!({"status": 202, "position": 17, "duplicate": false, "problem": null}));
        assert_eq!(stored.readable(), "accepted at position 17");
        let known = answered(202, &[("signalbox-position", "17"), ("signalbox-duplicate", "true")], "", false);
        assert_eq!(known.document["duplicate"], true);
        assert_eq!(known.readable(), "known already: position 17");
        assert_eq!(answered(204, &[], "", false).readable(), "accepted");
    }

    #[test]
    fn a_batch_has_positions_and_the_indexes_of_duplicates() {
        let batch = answered(202, &[("signalbox-position", "17-19"), ("signalbox-duplicate", "0,4")], "", true);
        assert_eq!(batch.document, json!({"status": 202, "positions": "17-19", "duplicates": [0, 4], "problem": null}));
        assert_eq!(batch.readable(), "accepted at positions 17-19; known already: index 0, 4");
        assert_eq!(answered(202, &[], "", true).document["positions"], json!(null));
    }

    #[test]
    fn a_refusal_keeps_the_whole_problem() {
        let refused = answered(422, &[], r#"{"title":"t","code":"SB-1020","delivered":[{"route":"r"}]}"#, false);
        assert_eq!(refused.document["problem"]["delivered"][0]["route"], "r");
        assert_eq!(refused.document["problem"]["status"], 422);
        assert!(refused.failure.is_some());
    }

    #[test]
    fn only_what_may_have_been_taken_is_to_be_sent_again() {
        let hint = |status| match answered(status, &[], "", false).failure {
            Some(Failure::Fault(fault)) => fault.hint,
            other => panic!("{other:?}"),
        };
        assert!(hint(502).is_some_and(|hint| hint.ends_with("with the same id, `7`")));
        assert_eq!((hint(503), hint(400)), (None, None));
    }
}
