//! What is wrong with data, each violation with its JSON Pointer, while a walk goes through the data.

use crate::cloudevents::Violation;
use crate::cloudevents::json::value::{Kind, Value};
use crate::cloudevents::reader::shown;
use std::borrow::Cow;

/// Violations that are listed of one event.
pub const LISTED: usize = 100;

/// Bytes of a pointer; beyond, the pointer leads to a value further up.
const POINTER_BYTES: usize = 1024;

/// The way from the root to the value at hand, and what was found so far.
#[derive(Debug, Default)]
pub struct Report<'t> {
    path: Vec<Step<'t>>,
    found: Vec<Violation>,
    /// Attempts under way whose failure is no violation yet.
    attempts: usize,
}

#[derive(Debug)]
enum Step<'t> {
    Member(Cow<'t, str>),
    Entry(usize),
}

impl<'t> Report<'t> {
    /// Into a member. [`Report::leave`] leads back.
    pub fn enter_member(&mut self, name: Cow<'t, str>) {
        self.path.push(Step::Member(name));
    }

    /// Into an entry of an array. [`Report::leave`] leads back.
    pub fn enter_entry(&mut self, index: usize) {
        self.path.push(Step::Entry(index));
    }

    /// Back to what is around.
    pub fn leave(&mut self) {
        self.path.pop();
    }

    /// Something is wrong with the value at hand. Gives false, so that a walk can end with it.
    pub fn violation(&mut self, detail: impl FnOnce() -> String) -> bool {
        if self.attempts == 0 && self.found.len() <= LISTED {
            let violation = if self.found.len() == LISTED {
                Violation::new("", format!("only the first {LISTED} violations are listed"))
            } else {
                Violation::new(self.pointer(), detail())
            };
            self.found.push(violation);
        }
        false
    }

    /// Something is wrong with a member that is not walked into.
    pub fn member_violation(&mut self, name: Cow<'t, str>, detail: impl FnOnce() -> String) -> bool {
        self.enter_member(name);
        self.violation(detail);
        self.leave();
        false
    }

    /// Is there a reason not to look further: an attempt has failed anyway, or the list is full?
    pub fn may_stop(&self) -> bool {
        self.attempts > 0 || self.found.len() > LISTED
    }

    /// Runs an attempt: what is wrong in it is not told, only that it failed.
    pub fn begin_attempt(&mut self) {
        self.attempts += 1;
    }

    /// The attempt is over.
    pub fn end_attempt(&mut self) {
        self.attempts -= 1;
    }

    /// Everything that was found.
    pub fn finish(self) -> Result<(), Vec<Violation>> {
        if self.found.is_empty() { Ok(()) } else { Err(self.found) }
    }

    fn pointer(&self) -> String {
        let mut pointer = String::new();
        for step in &self.path {
            let before = pointer.len();
            match step {
                Step::Entry(index) => pointer.extend(["/", &index.to_string()]),
                Step::Member(name) if name.len() > POINTER_BYTES => break,
                Step::Member(name) => pointer.extend(["/", &name.replace('~', "~0").replace('/', "~1")]),
            }
            if pointer.len() > POINTER_BYTES {
                pointer.truncate(before);
                break;
            }
        }
        pointer
    }
}

/// A value, made fit for a message: a scalar as it is written, shortened; of a container only the kind.
pub fn found(value: Value<'_>) -> String {
    match value.kind {
        Kind::Object => "an object".to_owned(),
        Kind::Array => "an array".to_owned(),
        Kind::String { .. } => format!("`{}`", shown(&value.string().unwrap_or_default())),
        Kind::Null | Kind::Boolean | Kind::Number => format!("`{}`", shown(value.raw)),
    }
}

#[cfg(test)]
mod tests {
    use super::{LISTED, Report};

    #[test]
    fn pointers_lead_to_the_value_at_hand() {
        let mut report = Report::default();
        report.enter_member("a/b~".into());
        report.enter_entry(3);
        report.violation(|| "one".to_owned());
        report.member_violation("x".repeat(5000).into(), || "two".to_owned());
        report.leave();
        report.begin_attempt();
        assert!(report.may_stop());
        report.violation(|| "untold".to_owned());
        report.end_attempt();
        assert!(!report.may_stop());
        let found = report.finish().unwrap_err();
        let shown: Vec<_> = found.iter().map(|violation| (&*violation.pointer, &*violation.detail)).collect();
        assert_eq!(shown, [("/a~1b~0/3", "one"), ("/a~1b~0/3", "two")]);
    }

    #[test]
    fn the_list_ends() {
        let mut report = Report::default();
        for _ in 0..3 * LISTED {
            report.violation(|| "x".to_owned());
        }
        assert!(report.may_stop());
        assert_eq!(report.finish().unwrap_err().len(), LISTED + 1);
    }
}
