//! Why a command ends without success: one problem document (RFC 9457), shown as a readable line or as JSON.

use crate::cli::exit::Exit;
use crate::cli::output::{Format, Paint, clean, message};
use crate::codes::Code;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// Why a command ends without success.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The reader of stdout has gone, as `| head` does. Not an error: the command ends quietly.
    #[error("stdout was closed")]
    ClosedPipe,
    /// The command's data on stdout tells already what is wrong.
    #[error("told on stdout")]
    Told(Exit),
    /// Something is wrong and the user is told on stderr.
    #[error("{}", .0.problem.text("detail"))]
    Fault(Box<Fault>),
}

/// What the user is told, and the exit code.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// How the process ends.
    pub exit: Exit,
    /// What is wrong.
    pub problem: Problem,
    /// What to do about it.
    pub hint: Option<String>,
}

/// A problem document: the one a gateway answered, whole, or one made here in the same shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem(Map<String, Value>);

impl Problem {
    /// A problem found on this side; `status` is null because no gateway was asked.
    pub fn of_code(code: Code, detail: &str, errors: Vec<Value>) -> Problem {
        Problem::from_value(json!({
            "type": format!("urn:signalbox:{code}"),
            "title": code.title(),
            "status": null,
            "detail": detail,
            "code": code.to_string(),
            "errors": errors,
        }))
    }

    /// A problem that has no code: the command line, or the machine.
    pub fn without_code(title: &str, detail: &str) -> Problem {
        Problem::from_value(json!({"type": "about:blank", "title": title, "status": null, "detail": detail}))
    }

    /// The problem in the body of an answer. A body that is no problem document (a proxy's page) is quoted.
    pub fn from_answer(status: u16, body: &str) -> Problem {
        match serde_json::from_str::<Value>(body) {
            Ok(value @ Value::Object(_)) if value.get("title").is_some_and(Value::is_string) => {
                let mut problem = Problem::from_value(value);
                problem.0.entry("status").or_insert_with(|| status.into());
                problem
            }
            _ => Problem::from_value(json!({
                "type": "about:blank",
                "title": format!("the answer was status {status}"),
                "status": status,
                "detail": crate::cli::output::shorten(body.trim(), 200),
            })),
        }
    }

    fn from_value(value: Value) -> Problem {
        match value {
            Value::Object(members) => Problem(members),
            _ => Problem(Map::new()),
        }
    }

    /// A text member, empty where there is none.
    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// The document.
    pub fn document(&self) -> &Map<String, Value> {
        &self.0
    }

    /// `pointer: detail` of each violation.
    fn violations(&self) -> impl Iterator<Item = String> {
        let errors = self.0.get("errors").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        errors.iter().map(|error| {
            let member = |name| error.get(name).and_then(Value::as_str).unwrap_or_default();
            match member("pointer") {
                "" => clean(member("detail")).into_owned(),
                pointer => format!("{}: {}", clean(pointer), clean(member("detail"))),
            }
        })
    }
}

impl Failure {
    /// A failure with a stable code.
    pub fn coded(exit: Exit, code: Code, detail: impl AsRef<str>) -> Failure {
        Failure::of_problem(exit, Problem::of_code(code, detail.as_ref(), Vec::new()))
    }

    /// A failure that has no code.
    pub fn other(exit: Exit, title: &str, detail: impl AsRef<str>) -> Failure {
        Failure::of_problem(exit, Problem::without_code(title, detail.as_ref()))
    }

    /// A command line that cannot be right.
    pub fn usage(detail: impl AsRef<str>) -> Failure {
        Failure::other(Exit::Usage, "the command line is wrong", detail)
    }

    /// A failure with its problem document.
    pub fn of_problem(exit: Exit, problem: Problem) -> Failure {
        Failure::Fault(Box::new(Fault { exit, problem, hint: None }))
    }

    /// The same failure with what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Failure {
        if let Failure::Fault(fault) = &mut self {
            fault.hint = Some(hint.into());
        }
        self
    }

    /// Tells the user on stderr; the process ends with the exit code returned.
    pub fn report(&self, format: Format) -> Exit {
        match self {
            Failure::ClosedPipe => Exit::Ok,
            Failure::Told(exit) => *exit,
            Failure::Fault(fault) => {
                match format {
                    Format::Text => message(&fault.readable(Paint::stderr())),
                    Format::Json => message(&fault.json()),
                }
                fault.exit
            }
        }
    }
}

impl Fault {
    /// `error[CODE]: title: detail`, each violation on its own line, the hint last.
    fn readable(&self, paint: Paint) -> String {
        let code = clean(self.problem.text("code"));
        let label = if code.is_empty() { "error".to_owned() } else { format!("error[{code}]") };
        let mut text = format!("{}: {}", paint.red(&label), clean(self.problem.text("title")));
        let detail = self.problem.text("detail");
        if !detail.is_empty() {
            write!(text, ": {}", clean(detail)).ok();
        }
        for violation in self.problem.violations() {
            write!(text, "\n  {violation}").ok();
        }
        if let Some(hint) = self.hint_or_explanation() {
            write!(text, "\n  {}: {hint}", paint.bold("hint")).ok();
        }
        text
    }

    /// The problem document with the hint, on one line.
    fn json(&self) -> String {
        let mut document = self.problem.document().clone();
        if let Some(hint) = self.hint_or_explanation() {
            document.insert("hint".to_owned(), Value::String(hint));
        }
        Value::Object(document).to_string()
    }

    fn hint_or_explanation(&self) -> Option<String> {
        let known = Code::lookup(self.problem.text("code")).map(|code| format!("signalbox explain-code {code}"));
        self.hint.clone().or(known)
    }
}

#[cfg(test)]
mod tests {
    use super::{Failure, Fault, Problem};
    use crate::cli::exit::Exit;
    use crate::cli::output::Paint;
    use crate::codes::Code;

    fn fault(failure: Failure) -> Fault {
        match failure {
            Failure::Fault(fault) => *fault,
            Failure::ClosedPipe | Failure::Told(_) => panic!("not a fault"),
        }
    }

    #[test]
    fn a_gateways_problem_is_shown_with_every_violation() {
        let body = r#"{"title":"the event is not valid","status":400,"detail":"2 violations","code":"SB-1003",
            "errors":[{"pointer":"/id","detail":"missing"},{"pointer":"","detail":"a\u001bb"}]}"#;
        let shown = fault(Failure::of_problem(Exit::BadData, Problem::from_answer(400, body))).readable(Paint::off());
        assert_eq!(
            shown,
            "error[SB-1003]: the event is not valid: 2 violations\n  /id: missing\n  a\\u{1b}b\n  hint: signalbox explain-code SB-1003"
        );
    }

    #[test]
    fn a_page_that_is_no_problem_is_quoted() {
        let problem = Problem::from_answer(502, "<html>bad gateway</html>");
        assert_eq!(problem.text("title"), "the answer was status 502");
        assert_eq!(problem.text("detail"), "<html>bad gateway</html>");
        assert_eq!(Problem::from_answer(400, "[1]").text("detail"), "[1]");
    }

    #[test]
    fn the_json_form_is_one_line_with_the_hint() {
        let failure = Failure::coded(Exit::Unavailable, Code::GatewayUnavailable, "nothing answers").hint("start it");
        let json = fault(failure).json();
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert!(!json.contains('\n'));
        assert_eq!(value["code"], "SB-4004");
        assert_eq!(value["hint"], "start it");
        assert!(value["status"].is_null());
    }
}
