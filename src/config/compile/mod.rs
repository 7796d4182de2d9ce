//! From files to a compiled whole: everything that can be wrong is found here, all of it in one run.

mod choice;
mod conversion;
mod deliver;
mod destination;
pub mod examples;
mod filter;
pub mod gateway;
mod inside;
mod names;
mod route;
mod schema;
pub mod test;
#[cfg(test)]
mod tests;
mod transform;

use super::findings;
use super::interpolate::{self, Environment};
use super::part::Part;
use super::problem::{Problem, Problems, Severity, SourceText};
use super::route_file::RouteFile;
use super::shape::Shape;
use super::sources::Sources;
use super::yaml::{self, Node};
use crate::codes::Code;
use crate::conversion::rules::Rules;
use crate::deliver::entry::DeliverEntry;
use crate::deliver::http::config::HttpConfig;
use crate::deliver::kafka::config::KafkaConfig;
use crate::deliver::nats::config::NatsConfig;
use crate::route::RouteTable;
use crate::validate::Registry;
use bytestring::ByteString;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use transform::Around;

/// A declared destination, checked. Two equal specs are the same running destination across reloads.
#[derive(Debug, Clone, PartialEq)]
pub enum DestinationSpec {
    /// The embedded log.
    Log,
    /// Takes and drops.
    Discard,
    /// A NATS server or cluster.
    Nats(NatsConfig),
    /// A Kafka cluster.
    Kafka(KafkaConfig),
    /// A service that takes events by POST.
    Http(HttpOptions),
}

/// An `http:` destination as deliver entries see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpOptions {
    /// What was written.
    pub config: HttpConfig,
    /// Its URL was interpolated and may hold a secret.
    pub secret: bool,
}

impl DestinationSpec {
    /// `kind` in the API.
    pub fn kind(&self) -> &'static str {
        match self {
            DestinationSpec::Log => "log",
            DestinationSpec::Discard => "discard",
            DestinationSpec::Nats(_) => "nats",
            DestinationSpec::Kafka(_) => "kafka",
            DestinationSpec::Http(_) => "http",
        }
    }
}

/// Routes and schemas without a fault: what a snapshot is made of.
#[derive(Debug)]
pub struct Compiled {
    /// Hash of what is loaded, see [`Sources::version`].
    pub version: ByteString,
    /// Which lanes an event goes to.
    pub table: RouteTable,
    /// Every deliver entry of live routes.
    pub entries: Vec<Arc<DeliverEntry>>,
    /// Every deliver entry of shadow routes, to which nothing is delivered.
    pub shadows: Vec<Arc<DeliverEntry>>,
    /// Declared destinations by name; `log` is always there.
    pub destinations: BTreeMap<String, DestinationSpec>,
    /// Schemas.
    pub schemas: Arc<Registry>,
    /// Conversion rules by name.
    pub conversions: BTreeMap<String, Arc<Rules>>,
    /// Where each route was declared: route name → (file, line).
    pub origins: BTreeMap<String, (String, u32)>,
    /// What `signalbox test` runs.
    pub tests: Vec<test::Declared>,
    /// Findings that refuse nothing.
    pub warnings: Vec<Problem>,
}

/// The JSON Schema of a route file, from its types.
pub static ROUTE_SCHEMA: LazyLock<Json> = LazyLock::new(|| schemars::schema_for!(RouteFile).to_value());

/// A route file whose shape was checked.
pub(super) struct File<'n> {
    pub(super) source: &'n SourceText,
    pub(super) part: Part<'n>,
}

/// Compiles route files and schemas. `Err` holds every error of every file, and the warnings beside them.
pub fn compile(sources: &Sources) -> Result<Compiled, Vec<Problem>> {
    compile_for(sources, true)
}

/// [`compile`] for a gateway that may have no embedded log, which deliver entries then must not name.
pub fn compile_for(sources: &Sources, keeps_log: bool) -> Result<Compiled, Vec<Problem>> {
    compile_from(sources, keeps_log, &interpolate::process_variable)
}

/// [`compile`] for a gateway with a log, and with another source of environment variables.
#[cfg(test)]
fn compile_with(sources: &Sources, variable: &dyn Fn(&str) -> Option<String>) -> Result<Compiled, Vec<Problem>> {
    compile_from(sources, true, variable)
}

/// [`compile`] with another source of environment variables.
pub(super) fn compile_from(
    sources: &Sources,
    keeps_log: bool,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Compiled, Vec<Problem>> {
    let mut problems = Problems::default();
    sources.faults.iter().for_each(|fault| problems.push(fault.clone()));
    let environment = Environment { variable, folder: &sources.routes_dir };
    let mut complete = !sources.routes_missing;
    let mut read = Vec::new();
    for route in &sources.routes {
        match text(&route.file, &route.bytes, &mut problems) {
            Some(source) => read.push(source),
            None => complete = false,
        }
    }
    let mut trees: Vec<(&SourceText, Node)> = Vec::new();
    for source in &read {
        match yaml::parse(source, environment, &mut problems) {
            Some(node) => trees.push((source, node)),
            None => complete = false,
        }
    }
    let files = checked(&trees, &mut problems);
    let declared = destination::compile(&files, complete, keeps_log, &mut problems);
    let conversions = conversion::compile(&files, complete, &mut problems);
    let of_schemas = conversion::of_schemas(sources, &conversions, &mut problems);
    let schemas = schema::compile(sources, &of_schemas, &mut problems).map(Arc::new);
    let around = Around {
        conversions: &conversions,
        schemas: &schemas.clone().unwrap_or_default(),
        schemas_known: schemas.is_some(),
        jq: sources.jq,
    };
    let routes = route::compile(&files, &declared, &around, &mut problems);
    let tests = test::compile(&files, &test::Names::of(&files, &declared, routes.complete), &mut problems);
    let failed = problems.has_errors();
    // A file with an error may be meant otherwise than it stands there. Of too many errors not all are known.
    if !problems.is_full() {
        let bad = problems.files_with_errors();
        let good: Vec<File<'_>> = files.into_iter().filter(|file| !bad.contains(&file.source.file)).collect();
        findings::look(&good, &mut problems);
    }
    let problems = problems.into_sorted();
    let Some(schemas) = schemas.filter(|_| !failed) else { return Err(problems) };
    let destinations = declared.by_name.into_iter().filter_map(|(name, spec)| Some((name.to_owned(), spec?)));
    let rules = conversions.by_name.into_iter().filter_map(|(name, rules)| Some((name.to_owned(), rules?)));
    Ok(Compiled {
        version: sources.version(),
        table: RouteTable::new(routes.routes),
        entries: routes.entries,
        shadows: routes.shadows,
        destinations: destinations.collect(),
        schemas,
        conversions: rules.collect(),
        origins: routes.origins,
        tests,
        warnings: problems.into_iter().filter(|problem| problem.severity == Severity::Warning).collect(),
    })
}

/// Files with the good and bad parts of their shape told apart.
fn checked<'n>(trees: &'n [(&'n SourceText, Node)], problems: &mut Problems) -> Vec<File<'n>> {
    let check = |(source, node): &'n (&'n SourceText, Node)| {
        let part = Shape::new(&ROUTE_SCHEMA, source, problems).check_file(node);
        File { source, part }
    };
    trees.iter().map(check).collect()
}

/// The text of a file, which must be UTF-8.
fn text(file: &str, bytes: &[u8], problems: &mut Problems) -> Option<SourceText> {
    // Every other byte of UTF-16 is nothing where its text is ASCII.
    let nothing = bytes.first_chunk().map(|first: &[u8; 4]| first.map(|byte| byte == 0));
    let wide = bytes.starts_with(&[0xff, 0xfe])
        || bytes.starts_with(&[0xfe, 0xff])
        || matches!(nothing, Some([true, false, true, false] | [false, true, false, true]));
    match std::str::from_utf8(bytes) {
        Ok(_) if wide => {
            let problem = Problem::of_file(file, Code::YamlSyntax, "the file is UTF-16, not UTF-8");
            problems.push(problem.hint("save it with the encoding UTF-8"));
            None
        }
        Ok(text) => Some(SourceText::new(file, text)),
        Err(error) => {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let (line, column) = SourceText::new(file, String::from_utf8_lossy(before)).position(before.len());
            let what = if wide { "the file is UTF-16, not UTF-8" } else { "the file is not UTF-8 from here on" };
            let problem = Problem::of_file(file, Code::YamlSyntax, what).hint("save it with the encoding UTF-8");
            let excerpt = SourceText::new(file, String::from_utf8_lossy(bytes)).excerpt(line).filter(|_| !wide);
            problems.push(Problem { line, column, excerpt, ..problem });
            None
        }
    }
}
