//! An explanation for people: routes that take the event first in full, the others with the reason.

use crate::cli::event_view::EventView;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::{Paint, clean, shorten};
use crate::codes::Code;
use crate::config::gateway::Unmatched;
use crate::config::suggest::{did_you_mean, known};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::fmt::Write as _;

/// Characters of a value that is shown beside others.
const BESIDE: usize = 120;

/// The document of an explanation (routing.md §5).
#[derive(Debug, Serialize, Deserialize)]
pub struct Told {
    verdict: Verdict,
    event: EventView,
    routes: Vec<Route>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unmatched: Option<Unmatched>,
    /// The live routes that take the event, shown or not.
    #[serde(skip)]
    taken: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Verdict {
    schema: Option<String>,
    valid: bool,
    code: Option<String>,
    errors: Vec<Fault>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Fault {
    pointer: String,
    detail: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the names are those of the API")]
struct Route {
    route: String,
    matched: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    shadow: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    of: Option<String>,
    reason: Option<String>,
    filters: Vec<Filter>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    split: Option<Branch>,
    transform: Vec<Step>,
    deliveries: Vec<Delivery>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Branch {
    /// From 0.
    branch: usize,
    weight: u32,
}

#[derive(Debug, Serialize, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the names are those of the API")]
struct Filter {
    dialect: String,
    filter: Value,
    matched: bool,
    saw: Value,
    reason: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    filters: Vec<Filter>,
    #[serde(flatten)]
    more: Map<String, Value>,
}

#[derive(Debug, Serialize, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the names are those of the API")]
struct Step {
    step: String,
    before: EventView,
    after: Option<EventView>,
    error: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Delivery {
    name: String,
    destination: String,
    target: Option<String>,
    key: Option<String>,
    partition: Option<i32>,
    mode: Option<String>,
    headers: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    data: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    data_base64: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    error: Option<String>,
}

impl Told {
    /// Reads the document.
    pub fn parse(text: &str) -> Result<Told, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// With these routes only; all if none is named.
    pub fn only(mut self, names: &[String]) -> Result<Told, Failure> {
        for name in names {
            let there: Vec<&str> = self.routes.iter().map(|route| route.route.as_str()).collect();
            if !there.contains(&name.as_str()) {
                let hint = did_you_mean(name, there.iter().copied()).unwrap_or_else(|| known("routes", &there));
                let detail = format!("there is no route `{}`", shorten(name, BESIDE));
                return Err(Failure::coded(Exit::BadData, Code::NoSuchRoute, detail).hint(hint));
            }
        }
        let taken = self.routes.iter().filter(|route| route.matched && !route.shadow);
        self.taken = taken.map(|route| route.route.clone()).collect();
        self.routes.retain(|route| names.is_empty() || names.contains(&route.route));
        Ok(self)
    }

    /// Everything in lines.
    pub fn text(&self, paint: Paint) -> String {
        let mut out = String::new();
        let text = |name: &str| clean(&self.event.text(name)).into_owned();
        writeln!(out, "{} {} from {}, id {}", paint.bold("event "), text("type"), text("source"), text("id")).ok();
        writeln!(out, "{} {}", paint.bold("schema"), self.verdict.text(paint)).ok();
        for fault in &self.verdict.errors {
            writeln!(out, "         {}: {}", clean(&fault.pointer), clean(&fault.detail)).ok();
        }
        let taken: Vec<&str> = self.taken.iter().map(String::as_str).collect();
        match taken.as_slice() {
            [] if self.unmatched == Some(Unmatched::Reject) => {
                let code = format!("({})", Code::Unmatched);
                let (routes, refused) = (paint.bold("routes"), paint.red("refused"));
                writeln!(out, "{routes} none takes it, so it would be {refused} {code}: unmatched: reject").ok()
            }
            [] => writeln!(out, "{} none takes it", paint.bold("routes")).ok(),
            taken => writeln!(out, "{} taken by {}", paint.bold("routes"), clean(&taken.join(", "))).ok(),
        };
        for route in &self.routes {
            out.push('\n');
            route.write(&mut out, paint);
        }
        out
    }
}

impl Verdict {
    fn text(&self, paint: Paint) -> String {
        let schema = self.schema.as_deref().map_or_else(|| "the type has none".into(), clean);
        match &self.code {
            None if self.valid => {
                format!("{schema}{}", if self.schema.is_some() { paint.green(": valid") } else { "".into() })
            }
            code => {
                let code = code.as_deref().unwrap_or_default();
                format!("{schema}: {} ({code}), so nothing of this would happen:", paint.red("refused"))
            }
        }
    }
}

impl Route {
    fn write(&self, out: &mut String, paint: Paint) {
        let kind = if self.shadow { "shadow route" } else { "route" };
        let verdict = match (self.matched, self.shadow) {
            (true, false) => paint.green("takes it"),
            (true, true) => paint.yellow("would take it"),
            (false, _) => "does not take it".into(),
        };
        let reason = self.reason.as_deref().map(|reason| format!(": {}", clean(reason))).unwrap_or_default();
        let of = self.of.as_deref().map(|of| format!(" of {}", clean(of))).unwrap_or_default();
        writeln!(out, "{kind} {}{of}: {verdict}{reason}", paint.bold(&clean(&self.route))).ok();
        self.filters.iter().for_each(|filter| filter.write(1, out, paint));
        if let Some(Branch { branch, weight }) = &self.split {
            writeln!(out, "  split, by its key branch {} (weight {weight})", branch + 1).ok();
        }
        for (number, step) in (1..).zip(&self.transform) {
            step.write(number, out, paint);
        }
        self.deliveries.iter().for_each(|delivery| delivery.write(out, paint));
    }
}

impl Filter {
    fn write(&self, depth: usize, out: &mut String, paint: Paint) {
        let truth = if self.matched { paint.green("true ") } else { paint.red("false") };
        write!(out, "{:depth$}{truth} ", "", depth = depth * 2).ok();
        match (&self.reason, &self.filter) {
            _ if !self.filters.is_empty() => writeln!(out, "{}", self.dialect).ok(),
            (Some(reason), _) => writeln!(out, "{}", clean(reason)).ok(),
            (None, Value::String(text)) => writeln!(out, "{} `{}`", self.dialect, shorten(text, BESIDE)).ok(),
            (None, filter) => writeln!(
                out,
                "{} {}, saw {}",
                self.dialect,
                shorten(&filter.to_string(), BESIDE),
                shorten(&self.saw.to_string(), BESIDE)
            )
            .ok(),
        };
        self.filters.iter().for_each(|filter| filter.write(depth + 1, out, paint));
    }
}

impl Step {
    /// What it changed: attributes and data that went, and those that came.
    fn write(&self, number: usize, out: &mut String, paint: Paint) {
        let note = if self.step == "identity" {
            " (the id is another one in each entry, and once the event is stored)"
        } else {
            ""
        };
        writeln!(out, "  step {number} {}{note}", self.step).ok();
        if let Some(error) = &self.error {
            writeln!(out, "    {}: {}", paint.red("fails"), clean(error)).ok();
        }
        let Some(after) = &self.after else { return };
        let differences = self.before.differences(after);
        if differences.is_empty() {
            writeln!(out, "    changes nothing").ok();
        }
        for (name, before, now) in differences {
            let mut line = |sign: &str, value: Option<&str>| {
                if let Some(value) = value {
                    writeln!(out, "    {sign} {}: {}", clean(name), shorten(value, BESIDE)).ok();
                }
            };
            line("-", before);
            line("+", now);
        }
    }
}

impl Delivery {
    fn write(&self, out: &mut String, paint: Paint) {
        let target = self.target.as_deref().map(|target| format!(" `{}`", clean(target))).unwrap_or_default();
        let name = if self.name == self.destination { String::new() } else { format!("{} ", clean(&self.name)) };
        write!(out, "  {} {name}to {}{target}", paint.bold("deliver"), clean(&self.destination)).ok();
        if let Some(key) = &self.key {
            write!(out, ", key `{}`", clean(key)).ok();
        }
        if let Some(partition) = self.partition {
            write!(out, ", partition {partition}").ok();
        }
        if let Some(mode) = &self.mode {
            write!(out, ", {mode}").ok();
        }
        out.push('\n');
        if let Some(error) = &self.error {
            let reason = self.reason.as_deref().unwrap_or_default();
            writeln!(out, "    {} {reason}: {}", paint.red("dead letter"), clean(error)).ok();
        }
        for (name, value) in &self.headers {
            writeln!(out, "    {}: {}", clean(name), clean(value.as_str().unwrap_or_default())).ok();
        }
        if let Some(data) = &self.data {
            let text: Option<String> = serde_json::from_str(data.get()).ok();
            let text = text.filter(|_| !self.is_json());
            for line in text.as_deref().unwrap_or(data.get()).lines() {
                writeln!(out, "    {}", clean(line)).ok();
            }
        }
        if let Some(bytes) = &self.data_base64 {
            writeln!(out, "    (bytes) {bytes}").ok();
        }
    }

    /// A string of JSON data is shown with its quotes, other text without.
    fn is_json(&self) -> bool {
        let named =
            |(name, _): &(&String, &Value)| name.to_ascii_lowercase().replace('_', "-").ends_with("content-type");
        let other = |(name, _): &(&String, &Value)| name.to_ascii_lowercase().ends_with("datacontenttype");
        let mut media = self.headers.iter().filter(|pair| named(pair) || other(pair));
        media.any(|(_, value)| value.as_str().is_some_and(|value| value.contains("json")))
    }
}
