//! Which routes and filters the tests exercise.

use crate::cli::output::{Paint, clean};
use crate::pipeline::explain::Explanation;
use crate::reload::snapshot::Snapshot;
use serde::Serialize;
use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

/// What the tests have seen.
#[derive(Debug, Default)]
pub struct Seen {
    matched: HashSet<String>,
    /// By route and place: seen true, seen false.
    filters: HashMap<(String, usize), (bool, bool)>,
}

/// What no test has seen.
#[derive(Debug, Serialize)]
pub struct Coverage {
    /// Routes that no test matched.
    routes: Vec<String>,
    filters: Vec<Never>,
}

/// A filter of a route, not one within another, that was never the one or the other.
#[derive(Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "the names are those of the contract")]
struct Never {
    route: String,
    /// From 0.
    index: usize,
    never: bool,
}

impl Seen {
    /// Takes note of one test. An event that is refused exercises no route.
    pub fn note(&mut self, explanation: &Explanation) {
        if !explanation.verdict.is_valid() {
            return;
        }
        for route in &explanation.routes {
            let name = &route.verdict.route;
            if route.verdict.matched {
                self.matched.insert(name.clone());
            }
            for (index, filter) in route.filters.iter().enumerate() {
                let seen = self.filters.entry((name.clone(), index)).or_default();
                *(if filter.matched { &mut seen.0 } else { &mut seen.1 }) = true;
            }
        }
    }

    /// What is left.
    pub fn coverage(&self, snapshot: &Snapshot) -> Coverage {
        let routes = snapshot.table.routes();
        let unmatched = routes.iter().filter(|route| !self.matched.contains(&*route.name));
        let mut filters = Vec::new();
        for route in routes {
            for index in 0..route.filters.len() {
                let key = (route.name.to_string(), index);
                let (yes, no) = self.filters.get(&key).copied().unwrap_or_default();
                let never = [(true, yes), (false, no)].into_iter().filter(|(_, seen)| !seen);
                filters.extend(never.map(|(never, _)| Never { route: key.0.clone(), index, never }));
            }
        }
        Coverage { routes: unmatched.map(|route| route.name.to_string()).collect(), filters }
    }
}

impl Coverage {
    /// For people.
    pub fn text(&self, paint: Paint) -> String {
        if self.routes.is_empty() && self.filters.is_empty() {
            return format!("{}: every route is matched, every filter seen true and false\n", paint.bold("coverage"));
        }
        let mut text = format!("{}\n", paint.bold("coverage"));
        for route in &self.routes {
            writeln!(text, "  no test matches route {}", clean(route)).ok();
        }
        for Never { route, index, never } in &self.filters {
            writeln!(text, "  no test sees filter {} of route {} {never}", index + 1, clean(route)).ok();
        }
        text
    }
}
