//! How a route is chosen beside its filters: split, `first_match`, default, shadow (routing.md §1).

use super::{File, names, transform};
use crate::codes::Code;
use crate::config::part::Part;
use crate::config::problem::Problems;
use crate::config::suggest::{self, did_you_mean};
use crate::config::yaml::{Range, Value};
use crate::lane_name::LaneName;
use crate::route::split::{Branch, KeyOf, Split};
use crate::route::{Route, Shadow};
use crate::transform::template::Template;
use std::collections::HashMap;
use std::sync::Arc;

/// The deliver entries of a route as written: one list for each branch; of a route without `split`, one.
pub struct Branches<'p, 'n> {
    lists: Vec<(Option<u32>, &'p [Part<'n>])>,
    is_split: bool,
}

impl<'p, 'n> Branches<'p, 'n> {
    /// Finds them. `None`: something is not good; everything that is wrong was reported.
    pub fn read(file: &File<'_>, part: &'p Part<'n>, problems: &mut Problems) -> Option<Branches<'p, 'n>> {
        let written = |key: &str| part.get(key).filter(|part| !part.is_null());
        match (written("deliver"), written("split")) {
            (Some(deliver), None) => Some(Branches { lists: vec![(None, deliver.items())], is_split: false }),
            (None, Some(split)) => Branches::split(file, split, problems),
            (Some(_), Some(_)) => {
                let ranges = ["deliver", "split"].map(|key| part.key_range(key).unwrap_or(part.start()));
                let later = usize::from((ranges[0].line, ranges[0].column) < (ranges[1].line, ranges[1].column));
                let hint = Some("to deliver every event and split it, too, write two routes".to_owned());
                let message = "`split` stands in place of `deliver`; the route has both";
                problems.error_with_hint(file.source, ranges[later], Code::BadSplit, message, hint);
                None
            }
            (None, None) => {
                // A misspelt key was told already: one mistake is one problem.
                // So was one that belongs into an entry.
                let inner = ["destination", "topic", "subject", "url", "stream", "weight"];
                let misspelt = part
                    .pairs()
                    .any(|(key, _, _)| inner.contains(&key) || did_you_mean(key, ["deliver", "split"]).is_some());
                if matches!(part.node().value, Value::Map(_)) && !misspelt {
                    let hint = Some("`deliver`: where copies of the event go; `split`: weighted branches".to_owned());
                    let message = "the route lacks the key `deliver`";
                    problems.error_with_hint(file.source, part.start(), Code::MissingKey, message, hint);
                }
                None
            }
        }
    }

    fn split(file: &File<'_>, part: &'p Part<'n>, problems: &mut Problems) -> Option<Branches<'p, 'n>> {
        let weight = |branch: &Part<'_>| match branch.get("weight") {
            Some(weight) if weight.is_good() => weight.whole_number().and_then(|number| u32::try_from(number).ok()),
            _ => None,
        };
        let lists: Vec<(Option<u32>, &'p [Part<'n>])> = part
            .items()
            .iter()
            .map(|branch| (weight(branch), branch.get("deliver").map(Part::items).unwrap_or_default()))
            .collect();
        if !lists.is_empty() && lists.iter().all(|(weight, _)| *weight == Some(0)) {
            let message = "all weights of the split are 0: no event could take a branch";
            let place = part.items().first().and_then(|branch| branch.get("weight"));
            let hint = Some("what counts is the part each has of their sum: 95 and 5".to_owned());
            let range = place.map_or(part.start(), Part::range);
            problems.error_with_hint(file.source, range, Code::BadSplit, message, hint);
            return None;
        }
        Some(Branches { lists, is_split: true })
    }

    /// Every deliver entry, branch by branch.
    pub fn entries(&self) -> impl Iterator<Item = &'p Part<'n>> + use<'p, 'n, '_> {
        self.lists.iter().flat_map(|(_, entries)| entries.iter())
    }

    /// The split over the lanes of [`Branches::entries`]; nothing for a route without one.
    fn compiled(&self, key: KeyOf) -> Option<Split> {
        let mut end = 0;
        let branches = self.lists.iter().map(|(weight, entries)| {
            let lanes = end..end + entries.len();
            end = lanes.end;
            Branch { weight: weight.unwrap_or(0), lanes }
        });
        self.is_split.then(|| Split { key, branches: branches.collect() })
    }
}

/// Everything of a route that chooses events, but its filters. `None`: something is not good and was reported.
pub fn compile(
    file: &File<'_>,
    part: &Part<'_>,
    branches: Option<&Branches<'_, '_>>,
    problems: &mut Problems,
) -> Option<Chosen> {
    let key = key(file, part, branches.is_some_and(|branches| branches.is_split), problems);
    let group = match part.get("first_match").filter(|group| !group.is_null()) {
        Some(group) => names::read(file, Some(group), "first-match group", problems).map(|(name, _)| Some(name.into())),
        None => Some(None),
    };
    let is_true = |part: Option<&Part<'_>>| part.is_some_and(|part| matches!(part.node().value, Value::Boolean(true)));
    let shadow = part.get("shadow");
    let of = shadow.and_then(|shadow| shadow.get("of")).and_then(Part::text);
    let is_shadow = of.is_some() || is_true(shadow);
    Some(Chosen {
        split: branches?.compiled(key?),
        group: group?,
        default: is_true(part.get("default")),
        shadow: is_shadow.then(|| Shadow { of: of.map(Into::into) }),
    })
}

/// What [`compile`] found.
pub struct Chosen {
    split: Option<Split>,
    group: Option<bytestring::ByteString>,
    default: bool,
    shadow: Option<Shadow>,
}

impl Chosen {
    /// The route with its filters and lanes.
    pub fn route(self, name: &str, filters: Vec<crate::route::filter::Filter>, lanes: Vec<Arc<LaneName>>) -> Route {
        let Chosen { split, group, default, shadow } = self;
        Route { name: name.into(), filters, lanes, split, group, default, shadow }
    }
}

fn key(file: &File<'_>, part: &Part<'_>, is_split: bool, problems: &mut Problems) -> Option<KeyOf> {
    let written = part.get("key").filter(|key| !key.is_null());
    let template = match written {
        Some(key) => transform::template(file, key, problems)?,
        None => Template::parse("{partitionkey}").ok()?,
    };
    if let Some(range) = written.and(part.key_range("key")).filter(|_| !is_split) {
        let message = "`key` of a route is what `split` goes by; without `split` it changes nothing";
        let hint = Some("the key of what is delivered stands in its deliver entry".to_owned());
        problems.warning(file.source, range, Code::BadSplit, message, hint);
    }
    Some(Arc::new(move |event| template.fill(event, |value, out| out.push_str(value)).ok()))
}

/// Routes that shadow routes name, checked once all routes are known.
#[derive(Default)]
pub struct References<'f, 'n> {
    named: Vec<(&'f File<'n>, &'n str, &'n str, Range)>,
    /// Every declared route, good or not, and whether it is a shadow route.
    declared: HashMap<&'n str, bool>,
}

impl<'f, 'n> References<'f, 'n> {
    /// Notes a route and the one it is the shadow of.
    pub fn note(&mut self, file: &'f File<'n>, name: &'n str, part: &Part<'n>) {
        let shadow = part.get("shadow").filter(|shadow| !shadow.is_null());
        let is_false = |part: &Part<'_>| matches!(part.node().value, Value::Boolean(false));
        self.declared.entry(name).or_insert(shadow.is_some_and(|shadow| !is_false(shadow)));
        if let Some(of) = shadow.and_then(|shadow| shadow.get("of"))
            && let Some(text) = of.text()
        {
            self.named.push((file, name, text, of.range()));
        }
    }

    /// Reports references to nothing and to shadow routes. `complete`: no file and no route could hold more names.
    pub fn check(&self, complete: bool, problems: &mut Problems) {
        let mut names: Vec<&str> = self.declared.keys().copied().collect();
        names.sort_unstable();
        for (file, name, of, range) in &self.named {
            let (code, message, hint) = match self.declared.get(of) {
                Some(true) if name == of => {
                    let hint = Some("name the live route it is compared with, or write shadow: true".to_owned());
                    (Code::BadShadow, format!("route `{of}` is the shadow of itself"), hint)
                }
                Some(true) => {
                    let hint = Some("name the live route both are compared with".to_owned());
                    (Code::BadShadow, format!("route `{of}` is a shadow route itself"), hint)
                }
                None if complete => {
                    let search = problems.may_search(names.len());
                    let hint = Some(suggest::declared(of, names.iter().copied(), search));
                    (Code::UnknownReference, format!("there is no route `{of}`"), hint)
                }
                Some(false) | None => continue,
            };
            problems.error_with_hint(file.source, *range, code, message, hint);
        }
    }
}
