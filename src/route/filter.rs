//! The subscription filter dialects `exact prefix suffix all any not` (specs.md §12).

use crate::cloudevents::Event;
use crate::cloudevents::reader::shown;
use bytestring::ByteString;

/// One compiled filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// Every named attribute equals its value.
    Exact(Vec<(ByteString, ByteString)>),
    /// Every named attribute starts with its value.
    Prefix(Vec<(ByteString, ByteString)>),
    /// Every named attribute ends with its value.
    Suffix(Vec<(ByteString, ByteString)>),
    /// All hold.
    All(Vec<Filter>),
    /// At least one holds.
    Any(Vec<Filter>),
    /// It does not hold.
    Not(Box<Filter>),
}

impl Filter {
    /// Does the event fit. An attribute the event lacks makes `exact`, `prefix` and `suffix` false.
    pub fn matches(&self, event: &Event) -> bool {
        match self {
            Filter::Exact(wanted) => each(event, wanted, |saw, wanted| saw == wanted),
            Filter::Prefix(wanted) => each(event, wanted, |saw, wanted| saw.starts_with(wanted)),
            Filter::Suffix(wanted) => each(event, wanted, |saw, wanted| saw.ends_with(wanted)),
            Filter::All(filters) => filters.iter().all(|filter| filter.matches(event)),
            Filter::Any(filters) => filters.iter().any(|filter| filter.matches(event)),
            Filter::Not(filter) => !filter.matches(event),
        }
    }

    /// Why the event does not fit: what the first false part wanted and the value it saw. `None` when it fits.
    pub fn why_not(&self, event: &Event) -> Option<String> {
        match self {
            Filter::Exact(wanted) => first_false("exact", event, wanted, |saw, wanted| saw == wanted),
            Filter::Prefix(wanted) => first_false("prefix", event, wanted, |saw, wanted| saw.starts_with(wanted)),
            Filter::Suffix(wanted) => first_false("suffix", event, wanted, |saw, wanted| saw.ends_with(wanted)),
            Filter::All(filters) => filters.iter().find_map(|filter| filter.why_not(event)),
            Filter::Any(_) if self.matches(event) => None,
            Filter::Any(filters) => {
                let first = filters.first().and_then(|filter| filter.why_not(event)).unwrap_or_default();
                Some(match filters.len() {
                    0 | 1 => format!("any: {first}"),
                    many => format!("any: none of {many} holds, the first: {first}"),
                })
            }
            Filter::Not(filter) => filter.matches(event).then(|| format!("not: {} holds", filter.describe())),
        }
    }

    /// The filter in one line, as a reason quotes it.
    fn describe(&self) -> String {
        match self {
            Filter::Exact(wanted) => describe_values("exact", wanted),
            Filter::Prefix(wanted) => describe_values("prefix", wanted),
            Filter::Suffix(wanted) => describe_values("suffix", wanted),
            Filter::All(filters) => format!("all of {} filters", filters.len()),
            Filter::Any(filters) => format!("one of {} filters", filters.len()),
            Filter::Not(filter) => format!("not {}", filter.describe()),
        }
    }
}

fn each(event: &Event, wanted: &[(ByteString, ByteString)], fits: impl Fn(&str, &str) -> bool) -> bool {
    wanted.iter().all(|(name, wanted)| event.attribute(name).is_some_and(|saw| fits(saw, wanted)))
}

fn first_false(
    dialect: &str,
    event: &Event,
    wanted: &[(ByteString, ByteString)],
    fits: impl Fn(&str, &str) -> bool,
) -> Option<String> {
    wanted.iter().find_map(|(name, wanted)| {
        let wanted_text = shown(wanted);
        match event.attribute(name) {
            Some(saw) if fits(saw, wanted) => None,
            Some(saw) => Some(format!("{dialect} {name}: wanted `{wanted_text}`, saw `{}`", shown(saw))),
            None => Some(format!("{dialect} {name}: wanted `{wanted_text}`, the event has no `{name}`")),
        }
    })
}

fn describe_values(dialect: &str, wanted: &[(ByteString, ByteString)]) -> String {
    let pairs: Vec<String> = wanted.iter().map(|(name, value)| format!("{name} `{}`", shown(value))).collect();
    format!("{dialect} {}", pairs.join(", "))
}
