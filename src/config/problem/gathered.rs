//! Problems as they are found: bounded, and told in order.

use super::{Problem, Severity, SourceText, at, shorten};
use crate::codes::Code;
use crate::config::yaml::Range;
use std::collections::HashSet;

/// Gathers problems; never fails, so that every check can go on after it has found something.
#[derive(Debug, Default)]
pub struct Problems {
    list: Vec<Problem>,
    errors: Count,
    warnings: Count,
}

/// How many there are of one severity.
#[derive(Debug, Default)]
struct Count {
    kept: usize,
    left_out: usize,
}

/// More errors than this, and more warnings, are counted, not kept: a broken file of a million nodes must not fill the memory.
const KEPT: usize = 1_000;

/// Names that all mistakes together are compared with: a second of work without optimization.
const SEARCHED: usize = 1_000_000;

/// Characters of a message: an operator's key or name may be a million long.
const LONGEST_MESSAGE: usize = 400;

impl Problems {
    /// Adds one.
    pub fn push(&mut self, mut problem: Problem) {
        let count = match problem.severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        };
        if count.kept < KEPT {
            count.kept += 1;
            problem.message = shorten(&problem.message, LONGEST_MESSAGE);
            problem.hint = problem.hint.map(|hint| shorten(&hint, LONGEST_MESSAGE));
            self.list.push(problem);
        } else {
            count.left_out += 1;
        }
    }

    /// Adds an error at a place in a file.
    pub fn error(&mut self, source: &SourceText, range: Range, code: Code, message: impl Into<String>) {
        self.push(at(source, range, code, message.into()));
    }

    /// Adds an error with a hint at a place in a file.
    pub fn error_with_hint(
        &mut self,
        source: &SourceText,
        range: Range,
        code: Code,
        message: impl Into<String>,
        hint: Option<String>,
    ) {
        let mut problem = at(source, range, code, message.into());
        problem.hint = hint;
        self.push(problem);
    }

    /// Adds a finding at a place in a file.
    pub fn warning(
        &mut self,
        source: &SourceText,
        range: Range,
        code: Code,
        message: impl Into<String>,
        hint: Option<String>,
    ) {
        self.push(Problem { severity: Severity::Warning, hint, ..at(source, range, code, message.into()) });
    }

    /// Adds all of another collection.
    pub fn append(&mut self, other: Problems) {
        self.errors.left_out += other.errors.left_out;
        self.warnings.left_out += other.warnings.left_out;
        other.list.into_iter().for_each(|problem| self.push(problem));
    }

    /// True when more errors are counted, but not kept: finding good words for them is in vain.
    pub fn is_full(&self) -> bool {
        self.errors.kept >= KEPT
    }

    /// True when it is worth it to look for the nearest of so many names: for one mistake always, for a thousand of them only
    /// among few names, because each is compared with each.
    pub fn may_search(&self, names: usize) -> bool {
        !self.is_full() && self.errors.kept.saturating_mul(names) <= SEARCHED
    }

    /// True when there is at least one error.
    pub fn has_errors(&self) -> bool {
        self.errors.kept > 0
    }

    /// The files with at least one error.
    pub fn files_with_errors(&self) -> HashSet<String> {
        let errors = self.list.iter().filter(|problem| problem.severity == Severity::Error);
        errors.map(|problem| problem.file.clone()).collect()
    }

    /// Everything that was found, in order of file, line and column. What an alias repeats is told once.
    pub fn into_sorted(mut self) -> Vec<Problem> {
        let mut told = HashSet::new();
        self.list.retain(|one| {
            told.insert((one.severity, one.file.clone(), one.line, one.column, one.code, one.message.clone()))
        });
        self.list.sort_by(|a, b| (&a.file, a.line, a.column, a.code).cmp(&(&b.file, b.line, b.column, b.code)));
        let all = [(Severity::Error, "errors", &self.errors), (Severity::Warning, "warnings", &self.warnings)];
        for (severity, name, count) in all.into_iter().filter(|(_, _, count)| count.left_out > 0) {
            let last = self.list.iter().rev().find(|problem| problem.severity == severity).cloned();
            let message = format!("{} more {name} are not shown", count.left_out);
            self.list.extend(last.map(|last| Problem { message, hint: None, ..last }));
        }
        self.list
    }
}

#[cfg(test)]
mod tests {
    use super::{KEPT, Problems};
    use crate::codes::Code;
    use crate::config::problem::{Problem, Severity};

    fn numbered(number: usize, severity: Severity) -> Problem {
        let problem = Problem::of_file("a.yaml".to_owned(), Code::MissingFile, format!("{number}"));
        Problem { severity, ..problem }
    }

    #[test]
    fn no_error_is_lost_behind_many_warnings() {
        let mut problems = Problems::default();
        (0..KEPT + 5).for_each(|number| problems.push(numbered(number, Severity::Warning)));
        assert!(!problems.has_errors());
        problems.push(numbered(7, Severity::Error));
        assert!(problems.has_errors());
        let mut all = Problems::default();
        all.append(problems);
        let told = all.into_sorted();
        assert_eq!(told.iter().filter(|one| one.severity == Severity::Error).count(), 1);
        assert_eq!((told.len(), &*told[KEPT + 1].message), (KEPT + 2, "5 more warnings are not shown"));
    }

    #[test]
    fn nearest_names_are_looked_for_in_bounds() {
        let mut problems = Problems::default();
        assert!(problems.may_search(1_000_000));
        for number in 0..1_000 {
            problems.push(numbered(number, Severity::Error));
            assert!(problems.is_full() || problems.may_search(1_000));
            assert_eq!(problems.may_search(10_000), number < 100);
        }
        assert!(!problems.may_search(1));
    }
}
