//! Routes of all files, in order of file name and place.

use super::choice::{self, Branches, References};
use super::deliver::FromRoute;
use super::destination::Declared;
use super::filter::Programs;
use super::transform::Around;
use super::{File, deliver, filter, names, transform};
use crate::config::part::Part;
use crate::config::problem::Problems;
use crate::deliver::entry::{DeliverEntry, RetryPolicy};
use crate::route::Route;
use crate::route::filter::Filter;
use crate::transform::identity::Identity;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the routes of all files come to.
#[derive(Default)]
pub struct Compiled {
    /// For the route table.
    pub routes: Vec<Route>,
    /// Every deliver entry of live routes.
    pub entries: Vec<Arc<DeliverEntry>>,
    /// Every deliver entry of shadow routes, to which nothing is delivered.
    pub shadows: Vec<Arc<DeliverEntry>>,
    /// Where each route is declared: file and line.
    pub origins: BTreeMap<String, (String, u32)>,
    /// No file and no route could be read so badly that there may be more names.
    pub complete: bool,
}

/// Compiles all routes; what is not good is left out and was reported.
pub fn compile(files: &[File<'_>], declared: &Declared<'_>, around: &Around<'_>, problems: &mut Problems) -> Compiled {
    let mut compiled = Compiled::default();
    let mut seen = names::Seen::default();
    let mut references = References::default();
    // What cannot be read may have been the declaration of any name.
    let mut complete = declared.complete;
    for file in files {
        let routes = file.part.get("routes").filter(|routes| !routes.is_null());
        complete &= routes.is_none_or(|routes| routes.is_good() || !routes.items().is_empty());
        for part in routes.map(Part::items).unwrap_or_default() {
            let name = names::read(file, part.get("name"), "route", problems);
            let unique = name.is_some_and(|name| seen.add(file, name, "route", problems));
            match name {
                Some((name, _)) => references.note(file, name, part),
                None => complete = false,
            }
            let name = name.map_or("", |(name, _)| name);
            let Some((route, entries)) = one(file, part, name, declared, around, problems) else { continue };
            if unique {
                compiled.origins.insert(name.to_owned(), (file.source.file.clone(), part.start().line));
                let all = if route.shadow.is_some() { &mut compiled.shadows } else { &mut compiled.entries };
                all.extend(entries);
                compiled.routes.push(route);
            }
        }
    }
    references.check(complete, problems);
    compiled.complete = complete;
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
    let programs = Programs { route: name, limits: around.jq };
    let filters: Vec<Option<Filter>> =
        filters.iter().map(|item| filter::compile(file, item, programs, problems)).collect();
    let steps = transform::compile(file, part.get("transform"), programs, around, problems);
    let identity = match part.get("identity").and_then(Part::text) {
        Some("derive") => Identity::derive(name, steps.as_deref().unwrap_or_default()),
        _ => Identity::Keep,
    };
    let retry = deliver::retry(file, part.get("retry"), RetryPolicy::default(), problems);
    let from_route = FromRoute {
        route: name,
        steps: steps.map(Into::into),
        identity,
        retry: retry.unwrap_or_default(),
        keep_order: deliver::order(file, part, problems).unwrap_or(true),
    };
    let branches = Branches::read(file, part, problems);
    let chosen = choice::compile(file, part, branches.as_ref(), problems);
    let mut seen = names::Seen::default();
    let mut entries = Vec::new();
    for item in branches.iter().flat_map(Branches::entries) {
        entries.push(deliver::compile(file, item, &from_route, declared, &mut seen, problems));
    }
    if !part.is_good() {
        return None;
    }
    let entries: Vec<Arc<DeliverEntry>> =
        entries.into_iter().map(|entry| entry.map(Arc::new)).collect::<Option<_>>()?;
    let lanes = entries.iter().map(|entry| entry.lane.clone()).collect();
    let filters = filters.into_iter().collect::<Option<_>>()?;
    Some((chosen?.route(name, filters, lanes), entries))
}
