//! One fault in what the operator wrote.

use crate::codes::Code;
use serde::Serialize;

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The snapshot is refused.
    Error,
    /// A finding; never refused.
    Warning,
}

/// A problem with its place. Lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Path relative to the working folder, with `/`.
    pub file: String,
    /// Line; 1 where the file as a whole is meant.
    pub line: u32,
    /// Column.
    pub column: u32,
    /// Stable code.
    pub code: Code,
    /// How bad.
    pub severity: Severity,
    /// What is wrong and what was expected.
    pub message: String,
    /// What to do, such as "did you mean".
    pub hint: Option<String>,
    /// The line of the file, for the excerpt in text output.
    pub excerpt: Option<String>,
}
