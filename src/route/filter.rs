//! The filter dialects: those of CloudEvents Subscriptions, `exact prefix suffix all any not sql` (specs.md §12), and our
//! own, `jq` (routing.md §3).

use super::cesql::Expression;
use crate::cloudevents::Event;
use crate::cloudevents::reader::shown;
use crate::jq::{Program, Source};
use bytestring::ByteString;
use std::ops::Deref;

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
    /// An expression over the attributes is TRUE, and there is no error at all.
    Sql(Expression),
    /// A program over the data has exactly one output, and that is `true`.
    Jq(Program),
    /// A filter with something that was filled in, which may be a secret: what it is compared with is never told.
    Hidden(Box<Filter>),
}

/// An event while routes are chosen for it. What filters need of its data is made once, when the first one asks.
#[derive(Debug)]
pub struct Subject<'e>(Source<'e>);

impl<'e> Subject<'e> {
    /// Costs nothing until a `jq` filter asks for the data.
    pub fn new(event: &'e Event) -> Subject<'e> {
        Subject(Source::new(event))
    }

    /// As programs see it.
    pub fn source(&self) -> &Source<'e> {
        &self.0
    }
}

impl Deref for Subject<'_> {
    type Target = Event;

    fn deref(&self) -> &Event {
        self.0.event()
    }
}

impl Filter {
    /// Does the event fit. An attribute the event lacks makes `exact`, `prefix` and `suffix` false.
    pub fn matches(&self, event: &Subject<'_>) -> bool {
        match self {
            Filter::Exact(wanted) => each(event, wanted, |saw, wanted| saw == wanted),
            Filter::Prefix(wanted) => each(event, wanted, |saw, wanted| saw.starts_with(wanted)),
            Filter::Suffix(wanted) => each(event, wanted, |saw, wanted| saw.ends_with(wanted)),
            Filter::All(filters) => filters.iter().all(|filter| filter.matches(event)),
            Filter::Any(filters) => filters.iter().any(|filter| filter.matches(event)),
            Filter::Not(filter) => !filter.matches(event),
            Filter::Sql(expression) => expression.matches(&**event),
            Filter::Jq(program) => program.holds(event.source()) == Ok(true),
            Filter::Hidden(filter) => filter.matches(event),
        }
    }

    /// True when it or one in it runs a program over the data.
    pub fn runs_program(&self) -> bool {
        match self {
            Filter::Jq(_) => true,
            Filter::All(filters) | Filter::Any(filters) => filters.iter().any(Filter::runs_program),
            Filter::Not(filter) | Filter::Hidden(filter) => filter.runs_program(),
            Filter::Exact(_) | Filter::Prefix(_) | Filter::Suffix(_) | Filter::Sql(_) => false,
        }
    }

    /// The name of its dialect.
    pub fn dialect(&self) -> &'static str {
        match self {
            Filter::Exact(_) => "exact",
            Filter::Prefix(_) => "prefix",
            Filter::Suffix(_) => "suffix",
            Filter::All(_) => "all",
            Filter::Any(_) => "any",
            Filter::Not(_) => "not",
            Filter::Sql(_) => "sql",
            Filter::Jq(_) => "jq",
            Filter::Hidden(filter) => filter.dialect(),
        }
    }

    /// Why the event does not fit: what the first false part wanted and the value it saw. `None` when it fits.
    pub fn why_not(&self, event: &Subject<'_>) -> Option<String> {
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
            Filter::Sql(expression) => {
                let evaluation = expression.evaluate(&**event);
                let text = shown(expression.text());
                match &evaluation.error {
                    _ if evaluation.is_true() => None,
                    Some(error) => Some(format!("sql `{text}`: {error} ({})", error.kind.name())),
                    None => Some(format!("sql `{text}`: the value is {}", evaluation.value)),
                }
            }
            Filter::Hidden(filter) => (!filter.matches(event)).then(|| {
                format!(
                    "{}: it does not hold; what it is compared with was filled in and is not shown",
                    filter.dialect()
                )
            }),
            Filter::Jq(program) => {
                let text = shown(program.text());
                match program.holds(event.source()) {
                    Ok(true) => None,
                    Ok(false) => Some(format!("jq `{text}`: the output is false")),
                    Err(verdict) => Some(format!("jq `{text}`: {verdict}")),
                }
            }
        }
    }

    /// The filter in one line, as a reason quotes it.
    fn describe(&self) -> String {
        match self {
            Filter::Exact(wanted) | Filter::Prefix(wanted) | Filter::Suffix(wanted) => {
                let pairs: Vec<String> =
                    wanted.iter().map(|(name, value)| format!("{name} `{}`", shown(value))).collect();
                format!("{} {}", self.dialect(), pairs.join(", "))
            }
            Filter::All(filters) => format!("all of {} filters", filters.len()),
            Filter::Any(filters) => format!("one of {} filters", filters.len()),
            Filter::Not(filter) => format!("not {}", filter.describe()),
            Filter::Sql(expression) => format!("sql `{}`", shown(expression.text())),
            Filter::Jq(program) => format!("jq `{}`", shown(program.text())),
            Filter::Hidden(filter) => format!("{} (filled in)", filter.dialect()),
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
