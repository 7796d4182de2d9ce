//! What brokers can be asked about: topics and subjects that deliver entries name, with their places, for `check --online`.
//!
//! Only for files without an error. They are read a second time here, so that a gateway that never asks keeps no places.

use super::Loaded;
use super::compile::{DestinationSpec, ROUTE_SCHEMA};
use super::interpolate::{Environment, process_variable};
use super::part::Part;
use super::problem::{Problems, SourceText};
use super::shape::Shape;
use super::yaml::{self, Range};
use crate::codes::Code;
use crate::transform::template::Template;
use std::collections::BTreeMap;

/// Destinations at brokers, and the files in which they stand.
#[derive(Debug)]
pub struct Remotes {
    sources: Vec<SourceText>,
    /// In order of their names.
    pub list: Vec<Remote>,
}

/// A destination at a broker.
#[derive(Debug)]
pub struct Remote {
    /// Its name.
    pub name: String,
    /// Its options.
    pub spec: DestinationSpec,
    /// Where its brokers or servers are written.
    pub place: Place,
    /// What deliver entries name there, in written order.
    pub targets: Vec<Target>,
}

/// A topic or subject.
#[derive(Debug)]
pub struct Target {
    /// The whole of it.
    pub template: Template,
    /// As messages show it: what was filled in from the environment is a secret.
    pub shown: String,
    /// Where it is written.
    pub place: Place,
}

/// A place in one of the files.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    file: usize,
    range: Range,
}

impl Remotes {
    /// Those of files that were loaded without an error.
    pub fn of(loaded: &Loaded) -> Remotes {
        let routes = &loaded.sources.routes;
        let read = routes.iter().map(|route| SourceText::new(&*route.file, String::from_utf8_lossy(&route.bytes)));
        let sources: Vec<SourceText> = read.collect();
        let mut found = Found { loaded, remotes: BTreeMap::new(), targets: Vec::new() };
        for (file, source) in sources.iter().enumerate() {
            let environment = Environment { variable: &process_variable, folder: &loaded.sources.routes_dir };
            // Whatever is wrong was told when they were loaded.
            let mut told = Problems::default();
            let Some(node) = yaml::parse(source, environment, &mut told) else { continue };
            found.look(file, &Shape::new(&ROUTE_SCHEMA, source, &mut told).check_file(&node));
        }
        let Found { mut remotes, targets, .. } = found;
        for (destination, target) in targets {
            if let Some(remote) = remotes.get_mut(&destination) {
                remote.targets.push(target);
            }
        }
        Remotes { sources, list: remotes.into_values().collect() }
    }

    /// Adds a finding at a place.
    pub fn warn(&self, problems: &mut Problems, place: Place, code: Code, message: String, hint: Option<String>) {
        if let Some(source) = self.sources.get(place.file) {
            problems.warning(source, place.range, code, message, hint);
        }
    }
}

struct Found<'l> {
    loaded: &'l Loaded,
    remotes: BTreeMap<String, Remote>,
    targets: Vec<(String, Target)>,
}

impl Found<'_> {
    fn look(&mut self, file: usize, part: &Part<'_>) {
        for declared in part.get("destinations").map(Part::items).unwrap_or_default() {
            self.destination(file, declared);
        }
        for route in part.get("routes").map(Part::items).unwrap_or_default() {
            let branches = route.get("split").map(Part::items).unwrap_or_default();
            let lists = branches.iter().chain([route]).filter_map(|part| part.get("deliver"));
            lists.flat_map(Part::items).for_each(|entry| self.entry(file, entry));
        }
    }

    fn destination(&mut self, file: usize, declared: &Part<'_>) {
        let Some(name) = declared.get("name").and_then(Part::text) else { return };
        let Some(spec) = self.loaded.compiled.destinations.get(name) else { return };
        let brokers = match spec {
            DestinationSpec::Kafka(_) => declared.get("kafka").and_then(|options| options.get("brokers")),
            DestinationSpec::Nats(_) => declared.get("nats").and_then(|options| options.get("servers")),
            DestinationSpec::Log | DestinationSpec::Discard | DestinationSpec::Http(_) => return,
        };
        let place = Place { file, range: brokers.map_or(declared.start(), Part::range) };
        let remote = Remote { name: name.to_owned(), spec: spec.clone(), place, targets: Vec::new() };
        self.remotes.insert(name.to_owned(), remote);
    }

    fn entry(&mut self, file: usize, entry: &Part<'_>) {
        let Some(destination) = entry.get("destination").and_then(Part::text) else { return };
        let Some(part) = entry.get("topic").or(entry.get("subject")).filter(|part| !part.is_null()) else { return };
        let Some(template) = part.text().and_then(|text| Template::parse(text).ok()) else { return };
        let target = Target { template, shown: part.node().shown(), place: Place { file, range: part.range() } };
        self.targets.push((destination.to_owned(), target));
    }
}
