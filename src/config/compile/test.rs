//! Tests of all files, for `signalbox test`; a gateway that serves only sees that they can be read.

use super::File;
use super::destination::Declared as Destinations;
use crate::codes::Code;
use crate::config::part::Part;
use crate::config::problem::Problems;
use crate::config::suggest;
use crate::config::test_file::{Expect, Given, Test, Wanted};
use crate::config::yaml::Range;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeMap;

/// A test with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Declared {
    /// What was written.
    pub test: Test,
    /// Its event as JSON, with numbers as they were written.
    pub event: String,
    /// Its file, relative to the working folder, with `/`.
    pub file: String,
    /// The line of its name.
    pub line: u32,
}

/// What the deliveries that tests expect may name.
pub(in crate::config) struct Names<'d, 'n> {
    /// Every declared route with the names of its deliver entries, good or not; `None`: one of them has no name.
    routes: BTreeMap<&'n str, Option<Vec<&'n str>>>,
    /// There may be no other route.
    complete: bool,
    destinations: &'d Destinations<'n>,
}

impl<'d, 'n> Names<'d, 'n> {
    /// Those of all files; `complete`: no route could hold more names.
    pub(in crate::config) fn of(
        files: &[File<'n>],
        destinations: &'d Destinations<'n>,
        complete: bool,
    ) -> Names<'d, 'n> {
        let routes = files.iter().flat_map(|file| file.part.get("routes").map(Part::items).unwrap_or_default());
        let routes = routes.filter_map(|route| Some((route.get("name")?.text()?, entries(route))));
        Names { routes: routes.collect(), complete, destinations }
    }

    /// Reports names of a delivery that are those of nothing, so that the test always fails. For `signalbox check` that is an
    /// error; a gateway is not stopped by it.
    fn check(&self, file: &File<'_>, wanted: &Part<'_>, problems: &mut Problems) {
        let named = |key: &str| wanted.get(key).and_then(|part| Some((part.text()?, part.range())));
        let destinations = &self.destinations.by_name;
        if let Some(named) = named("destination").filter(|(name, _)| !destinations.contains_key(name))
            && self.destinations.complete
        {
            let message = format!("there is no destination `{}`", named.0);
            unknown(file, named, message, destinations.keys().copied(), problems);
        }
        let Some(route) = named("route") else { return };
        let Some(entries) = self.routes.get(route.0) else {
            if self.complete {
                let message = format!("there is no route `{}`", route.0);
                unknown(file, route, message, self.routes.keys().copied(), problems);
            }
            return;
        };
        if let Some(entries) = entries
            && let Some(named) = named("name").filter(|(name, _)| !entries.contains(name))
        {
            let message = format!("route `{}` has no deliver entry `{}`", route.0, named.0);
            unknown(file, named, message, entries.iter().copied(), problems);
        }
    }
}

fn unknown<'k>(
    file: &File<'_>,
    (name, range): (&str, Range),
    message: String,
    names: impl ExactSizeIterator<Item = &'k str> + Clone,
    problems: &mut Problems,
) {
    let search = problems.may_search(names.len());
    let hint = suggest::declared(name, names, search);
    problems.warning(file.source, range, Code::UnknownInTest, message, Some(hint));
}

/// The names of a route's deliver entries: that of the destination where no other is written.
fn entries<'n>(route: &Part<'n>) -> Option<Vec<&'n str>> {
    let branches = route.get("split").map(Part::items).unwrap_or_default();
    let lists = branches.iter().chain([route]).filter_map(|part| part.get("deliver"));
    let name = |entry: &Part<'n>| {
        let name = entry.get("name").filter(|name| !name.is_null()).or(entry.get("destination"));
        name.and_then(Part::text)
    };
    lists.flat_map(Part::items).map(name).collect()
}

/// Collects the tests of all files, in order.
pub(in crate::config) fn compile(files: &[File<'_>], names: &Names<'_, '_>, problems: &mut Problems) -> Vec<Declared> {
    let mut tests = Vec::new();
    for file in files {
        // A name is that of a file beside its route file, and unique there.
        let mut seen = super::names::Seen::default();
        for part in file.part.get("tests").map_or(&[][..], |list| list.items()) {
            let Some(name) = super::names::read(file, part.get("name"), "test", problems) else { continue };
            let unique = seen.add(file, name, "test", problems);
            if !unique || !part.is_good() {
                continue;
            }
            let Some(mut test) = part.read::<Test>(file.source, problems) else { continue };
            if let Expect::Deliveries(wanted) = &mut test.expect {
                for (wanted, part) in wanted.iter_mut().zip(part.at_pointer("/expect").items()) {
                    if let Some(data) = part.get("data") {
                        data.node().json_text(&mut wanted.data_json);
                    }
                    names.check(file, part, problems);
                    check(file, wanted, part, problems);
                }
            }
            for pointer in part.at_pointer("/expect").get("pointers").map_or(&[][..], |list| list.items()) {
                if pointer.text().is_some_and(|text| !text.is_empty() && !text.starts_with('/')) {
                    let message = format!("`{}` is no JSON Pointer: one begins with `/`", pointer.node().shown());
                    let hint = Some("pointers are into the event: /data/total, /type".to_owned());
                    problems.error_with_hint(file.source, pointer.range(), Code::BadTest, message, hint);
                }
            }
            let mut event = String::new();
            part.at_pointer("/event").node().json_text(&mut event);
            tests.push(Declared { test, event, file: file.source.file.clone(), line: name.1.line });
        }
    }
    tests
}

fn check(file: &File<'_>, wanted: &Wanted, part: &Part<'_>, problems: &mut Problems) {
    let targets = ["topic", "subject", "url", "stream"];
    let written: Vec<_> = targets.into_iter().filter_map(|key| part.key_range(key)).collect();
    if let [_, second, ..] = written.as_slice() {
        let hint = Some("one of `topic`, `subject`, `url`, `stream`, as the kind of its destination has it".to_owned());
        let message = "a delivery has one target";
        problems.error_with_hint(file.source, *second, Code::BadTest, message, hint);
    }
    if let (Some(bytes), Some(place)) = (&wanted.data_base64, part.get("data_base64"))
        && STANDARD.decode(bytes).is_err()
    {
        let hint = Some("the alphabet with `+` and `/`, filled up with `=`: aGVsbG8=".to_owned());
        problems.error_with_hint(file.source, place.range(), Code::BadTest, "`data_base64` is no Base64", hint);
    }
    if wanted.data != Given::LeftOut
        && let (Some(_), Some(place)) = (&wanted.data_base64, part.key_range("data_base64"))
    {
        let message = "`data` and `data_base64` say the same thing, not both are written";
        let hint = Some("`data` for JSON, XML and text, `data_base64` for bytes".to_owned());
        problems.error_with_hint(file.source, place, Code::BadTest, message, hint);
    }
}
