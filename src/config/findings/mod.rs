//! Findings: what is legal but surely not meant (routing.md §5). They are warnings and refuse nothing.
//!
//! They are looked for only in files without an error, in what was written, not in what it was compiled to: so each can
//! name its line.

mod contradictions;
mod routes;
mod targets;

use super::compile::File;
use super::part::Part;
use super::problem::{Problems, SourceText};
use super::yaml::Range;
use crate::route::cesql::{self, Attributes, Expression};

/// A route as written, with its file.
#[derive(Clone, Copy)]
pub(super) struct Written<'a, 'n> {
    /// Its file.
    pub(super) source: &'n SourceText,
    /// The route.
    pub(super) part: &'a Part<'n>,
}

/// Adds a warning for everything that is found in the routes of all files.
pub(super) fn look(files: &[File<'_>], problems: &mut Problems) {
    let routes = files.iter().flat_map(|file| {
        let items = file.part.get("routes").map(Part::items).unwrap_or_default();
        items.iter().map(|part| Written { source: file.source, part })
    });
    let routes: Vec<Written<'_, '_>> = routes.collect();
    let mut urls = targets::Urls::new();
    for file in files {
        for part in file.part.get("destinations").map(Part::items).unwrap_or_default() {
            targets::destination(file.source, part, &mut urls, problems);
        }
    }
    for route in &routes {
        contradictions::look(route, problems);
        targets::look(route, &urls, problems);
    }
    routes::look(&routes, problems);
}

/// True for an expression that holds for every event.
fn always_holds(sql: &Part<'_>) -> bool {
    let Some(Ok(expression)) = sql.text().map(Expression::compile) else { return false };
    expression.attributes().is_empty() && expression.matches(&Anything)
}

/// An event that is asked for nothing.
struct Anything;

impl Attributes for Anything {
    fn get(&self, _name: &str) -> Option<cesql::Value<'_>> {
        None
    }
}

impl<'n> Written<'_, 'n> {
    /// Its name.
    pub(super) fn name(&self) -> &'n str {
        self.part.get("name").and_then(Part::text).unwrap_or_default()
    }

    /// Where it begins, to name it in another's finding.
    pub(super) fn place(&self) -> String {
        format!("{}:{}", self.source.file, self.part.range().line)
    }

    /// Its filters.
    pub(super) fn filters(&self) -> &[Part<'n>] {
        self.part.get("filters").map(Part::items).unwrap_or_default()
    }

    /// The place of one of its keys, or its own.
    pub(super) fn place_of(&self, key: &str) -> Range {
        self.part.key_range(key).unwrap_or(self.part.start())
    }
}
