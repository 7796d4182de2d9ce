//! One test: what would become of its event, and where that is not what was expected.

use super::matching;
use super::snapshot;
use crate::cli::failure::Failure;
use crate::cli::local::Local;
use crate::config::compile::test::Declared;
use crate::config::gateway::Unmatched;
use crate::config::suggest::{did_you_mean, known};
use crate::config::test_file::{Expect, Refused, Wanted};
use crate::ingress::respond::{Reply, reply};
use crate::observability::trace::Ids;
use crate::pipeline::explain::{DeliveryExplained, Explanation};
use crate::pipeline::outcome::Rejection;
use serde::Serialize;

/// Every run of a test is the same: the ids of its trace are made from this.
const SEED: u64 = 1;

/// A delivery that would be made.
#[derive(Debug, Clone, Copy)]
pub struct Made<'e> {
    /// The route.
    pub route: &'e str,
    /// What it would send.
    pub delivery: &'e DeliveryExplained,
}

/// Why there would be none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rejected {
    /// The HTTP status.
    pub status: u16,
    /// The code.
    pub code: String,
    /// What is wrong, and where.
    pub errors: Vec<(String, String)>,
}

/// What becomes of an event.
pub type Became<'e> = Result<Vec<Made<'e>>, Rejected>;

/// Explains the event of a test.
pub fn run(local: &Local, declared: &Declared) -> Result<Explanation, Rejection> {
    let headers: Vec<(&str, &[u8])> = vec![("content-type", b"application/cloudevents+json")];
    local.explain(headers, declared.event.clone().into(), Ids::seeded(SEED))
}

/// Where it is not as expected. `Err`: a snapshot cannot be read or written.
pub fn differences(
    local: &Local,
    declared: &Declared,
    ran: Result<&Explanation, &Rejection>,
    update: bool,
) -> Result<Vec<String>, Failure> {
    let became = became(local, ran);
    Ok(match &declared.test.expect {
        Expect::Deliveries(wanted) => deliveries(local, wanted, &became),
        Expect::Refused(refused) => refusal(refused, &became),
        Expect::Snapshot(_) => snapshot::differences(&local.config.routes_dir, declared, &became, update)?,
    })
}

fn became<'e>(local: &Local, ran: Result<&'e Explanation, &Rejection>) -> Became<'e> {
    let explanation = ran.map_err(|rejection| {
        let errors = rejection.faults().map(|fault| (fault.pointer, fault.detail.to_owned())).collect::<Vec<_>>();
        let errors = if errors.is_empty() { vec![(String::new(), rejection.detail.clone())] } else { errors };
        rejected(rejection.code, errors)
    })?;
    let verdict = &explanation.verdict;
    if let Some(code) = verdict.refused {
        let errors = verdict.errors.iter().map(|error| (error.pointer.clone(), error.detail.clone()));
        return Err(rejected(code, errors.collect()));
    }
    let live = explanation.routes.iter().filter(|route| !route.verdict.shadow && route.verdict.matched);
    if local.policy.unmatched == Unmatched::Reject && live.clone().next().is_none() {
        let why = "no route takes it, and the listener says `unmatched: reject`".to_owned();
        return Err(rejected(crate::codes::Code::Unmatched, vec![(String::new(), why)]));
    }
    let made = live.flat_map(|route| {
        let route_name = route.verdict.route.as_str();
        route.deliveries.iter().map(move |delivery| Made { route: route_name, delivery })
    });
    Ok(made.collect())
}

fn rejected(code: crate::codes::Code, errors: Vec<(String, String)>) -> Rejected {
    let status = match reply(code) {
        Reply::Status(status) => status.as_u16(),
        Reply::Silence => 0,
    };
    Rejected { status, code: code.to_string(), errors }
}

impl Rejected {
    fn text(&self) -> String {
        let mut text = format!("{} ({})", self.status, self.code);
        for (pointer, detail) in &self.errors {
            text.push_str("\n  ");
            if !pointer.is_empty() {
                text.push_str(pointer);
                text.push_str(": ");
            }
            text.push_str(detail);
        }
        text
    }
}

fn deliveries(local: &Local, wanted: &[Wanted], became: &Became<'_>) -> Vec<String> {
    let made = match became {
        Ok(made) => made,
        // No route is asked about an event that is refused because none takes it.
        Err(rejected) if wanted.is_empty() && rejected.code == crate::codes::Code::Unmatched.to_string() => {
            return Vec::new();
        }
        Err(rejected) => {
            let mut told = format!("the event is refused: {}", rejected.text());
            // `id: 1` is a number for YAML, and so in the event.
            if rejected.errors.iter().any(|(_, detail)| detail.contains("is of type String, not")) {
                told.push_str("\n  text that looks like a number goes in quotes: id: \"1\"");
            }
            return vec![told];
        }
    };
    let mut differences = matching::differences(wanted, made);
    for wanted in wanted {
        if local.snapshot.table.named(&wanted.route).is_some_and(|route| route.shadow.is_some()) {
            differences.push(format!("`{}` is a shadow route, which delivers nothing", wanted.route));
        }
        let names: Vec<&str> = local.snapshot.table.routes().iter().map(|route| &*route.name).collect();
        if !names.contains(&wanted.route.as_str()) {
            let hint = did_you_mean(&wanted.route, names.iter().copied()).unwrap_or_else(|| known("routes", &names));
            differences.push(format!("there is no route `{}`; {hint}", wanted.route));
        }
    }
    differences
}

fn refusal(refused: &Refused, became: &Became<'_>) -> Vec<String> {
    let rejected = match became {
        Err(rejected) => rejected,
        Ok(made) => {
            let entries: Vec<String> = made.iter().map(Made::name).collect();
            let goes = if entries.is_empty() {
                "no route takes it".to_owned()
            } else {
                format!("goes to {}", entries.join(", "))
            };
            return vec![format!("expected: rejected with {}\nfound:    accepted, {goes}", refused.rejected)];
        }
    };
    let mut differences = Vec::new();
    if rejected.status != refused.rejected {
        differences.push(format!("expected: rejected with {}\nfound:    {}", refused.rejected, rejected.text()));
    }
    if let Some(expected) = &refused.pointers {
        let found: Vec<&str> = rejected.errors.iter().map(|(pointer, _)| pointer.as_str()).collect();
        let missing = expected.iter().filter(|pointer| !found.contains(&pointer.as_str()));
        differences.extend(missing.map(|pointer| format!("nothing is wrong at `{pointer}`")));
        let more = rejected.errors.iter().filter(|(pointer, _)| !expected.contains(pointer));
        differences.extend(more.map(|(pointer, detail)| format!("not expected: `{pointer}`: {detail}")));
    }
    differences
}

impl Made<'_> {
    /// `route/entry`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.route, self.delivery.entry.lane.name)
    }
}
