//! A filter's judgement of one event, told part by part (routing.md §5, "explain"). Everything is evaluated here, also what
//! choosing routes would leave out.

use super::filter::{Filter, Subject};
use crate::jq::Verdict;
use bytestring::ByteString;
use serde::Serialize;
use serde_json::{Map, Value as Json};

/// How a filter judged an event.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explained {
    /// `exact prefix suffix all any not sql jq`.
    pub dialect: &'static str,
    /// The filter as written: a mapping, a text, or the nested ones.
    pub filter: Json,
    /// Does it hold.
    pub matched: bool,
    /// What it looked at: attributes with their values, null for those the event lacks; of `jq` the output.
    pub saw: Json,
    /// Why it does not hold.
    pub reason: Option<String>,
    /// Of `sql`: the value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Json>,
    /// Of `sql`: the kind of the error as the test kit spells it, or null.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Option<&'static str>>,
    /// Of `all`, `any` and `not`: the nested ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filters: Option<Vec<Explained>>,
}

impl Filter {
    /// Judges an event and tells everything about it.
    pub fn explain(&self, event: &Subject<'_>) -> Explained {
        let reason = self.why_not(event);
        let mut explained = Explained {
            dialect: self.dialect(),
            filter: self.written(),
            matched: reason.is_none(),
            saw: Json::Null,
            reason,
            value: None,
            error: None,
            filters: None,
        };
        match self {
            Filter::Exact(wanted) | Filter::Prefix(wanted) | Filter::Suffix(wanted) => {
                explained.saw = object(wanted.iter().map(|(name, _)| (name, event.attribute(name).into())));
            }
            Filter::All(filters) | Filter::Any(filters) => {
                explained.filters = Some(filters.iter().map(|filter| filter.explain(event)).collect());
            }
            Filter::Not(filter) => explained.filters = Some(vec![filter.explain(event)]),
            Filter::Hidden(filter) => {
                let inner = filter.explain(event);
                (explained.value, explained.error) = (inner.value, inner.error);
            }
            Filter::Sql(expression) => {
                let evaluation = expression.evaluate(&**event);
                let names = expression.attributes().into_iter();
                explained.saw =
                    Json::Object(names.map(|name| (name.to_owned(), event.attribute(name).into())).collect());
                explained.value = Some(Json::from(&evaluation.value));
                explained.error = Some(evaluation.error.map(|error| error.kind.name()));
            }
            Filter::Jq(program) => {
                explained.saw = match program.holds(event.source()) {
                    Ok(truth) => truth.into(),
                    Err(Verdict::Other(shown)) => shown.into(),
                    Err(Verdict::Failure(_)) => Json::Null,
                };
            }
        }
        explained
    }

    /// What stands behind the name of its dialect in a route file.
    fn written(&self) -> Json {
        let named = |filter: &Filter| Json::from(Map::from_iter([(filter.dialect().to_owned(), filter.written())]));
        match self {
            Filter::Exact(wanted) | Filter::Prefix(wanted) | Filter::Suffix(wanted) => {
                object(wanted.iter().map(|(name, value)| (name, Json::from(&**value))))
            }
            Filter::All(filters) | Filter::Any(filters) => filters.iter().map(named).collect(),
            Filter::Not(filter) => named(filter),
            Filter::Sql(expression) => expression.text().into(),
            Filter::Jq(program) => program.text().into(),
            Filter::Hidden(_) => "…".into(),
        }
    }
}

fn object<'n>(values: impl Iterator<Item = (&'n ByteString, Json)>) -> Json {
    Json::Object(values.map(|(name, value)| (name.to_string(), value)).collect())
}
