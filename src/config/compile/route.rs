//! Routes of all files, in order of file name and place.

use super::deliver::FromRoute;
use super::destination::Declared;
use super::transform::Around;
use super::{File, deliver, filter, names, transform};
use crate::config::part::Part;
use crate::config::problem::Problems;
use crate::deliver::entry::{DeliverEntry, RetryPolicy};
use crate::route::Route;
use crate::route::filter::Filter;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the routes of all files come to.
#[derive(Default)]
pub struct Compiled {
    /// For the route table.
    pub routes: Vec<Route>,
    /// Every deliver entry.
    pub entries: Vec<Arc<DeliverEntry>>,
    /// Where each route is declared: file and line.
    pub origins: BTreeMap<String, (String, u32)>,
}

/// Compiles all routes; what is not good is left out and was reported.
pub fn compile(files: &[File<'_>], declared: &Declared<'_>, around: &Around<'_>, problems: &mut Problems) -> Compiled {
    let mut compiled = Compiled::default();
    let mut seen = names::Seen::default();
    for file in files {
        for part in file.part.get("routes").map(Part::items).unwrap_or_default() {
            let name = names::read(file, part.get("name"), "route", problems);
            let unique = name.is_some_and(|name| seen.add(file, name, "route", problems));
            let name = name.map_or("", |(name, _)| name);
            let Some((route, entries)) = one(file, part, name, declared, around, problems) else { continue };
            if unique {
                compiled.origins.insert(name.to_owned(), (file.source.file.clone(), part.start().line));
                compiled.routes.push(route);
                compiled.entries.extend(entries);
            }
        }
    }
    compiled
}

fn one(
    file: &File<'_>,
    part: &Part<'_>,
    name: &str,
    declared: &Declared<'_>,
    around: &Around<'_>,
    problems: &mut Problems,
) -> Option<(Route, Vec<Arc<DeliverEntry>>)> {
    let filters = part.get("filters").map(Part::items).unwrap_or_default();
    let filters: Vec<Option<Filter>> = filters.iter().map(|item| filter::compile(file, item, problems)).collect();
    let steps = transform::compile(file, part.get("transform"), around, problems);
    let retry = deliver::retry(file, part.get("retry"), RetryPolicy::default(), problems);
    let from_route = FromRoute {
        route: name,
        steps: steps.map(Into::into),
        retry: retry.unwrap_or_default(),
        keep_order: deliver::order(file, part, problems).unwrap_or(true),
    };
    let mut seen = names::Seen::default();
    let mut entries = Vec::new();
    for item in part.get("deliver").map(Part::items).unwrap_or_default() {
        entries.push(deliver::compile(file, item, &from_route, declared, &mut seen, problems));
    }
    if !part.is_good() {
        return None;
    }
    let entries: Vec<Arc<DeliverEntry>> =
        entries.into_iter().map(|entry| entry.map(Arc::new)).collect::<Option<_>>()?;
    let lanes = entries.iter().map(|entry| entry.lane.clone()).collect();
    let filters = filters.into_iter().collect::<Option<_>>()?;
    Some((Route { name: name.into(), filters, lanes }, entries))
}
