//! Filters: names and values that make sense (routing.md §1).

use super::File;
use super::inside::Fault;
use crate::cloudevents::attributes::REQUIRED;
use crate::codes::Code;
use crate::config::part::Part;
use crate::config::problem::Problems;
use crate::jq::{self, Program};
use crate::route::cesql::Expression;
use crate::route::filter::Filter;
use bytestring::ByteString;

/// What programs in a route are compiled for.
#[derive(Debug, Clone, Copy)]
pub struct Programs<'a> {
    /// The route.
    pub route: &'a str,
    /// Their caps.
    pub limits: jq::Limits,
}

/// Compiles one filter. `None`: something in it is not good; everything that is wrong was reported.
pub fn compile(file: &File<'_>, part: &Part<'_>, programs: Programs<'_>, problems: &mut Problems) -> Option<Filter> {
    let mut pairs = part.pairs();
    let (dialect, _, content) = pairs.next()?;
    let compiled = match dialect {
        "exact" => Filter::Exact(attributes(file, dialect, content, problems)?),
        "prefix" => Filter::Prefix(attributes(file, dialect, content, problems)?),
        "suffix" => Filter::Suffix(attributes(file, dialect, content, problems)?),
        "all" => Filter::All(nested(file, dialect, content, programs, problems)?),
        "any" => Filter::Any(nested(file, dialect, content, programs, problems)?),
        "not" => Filter::Not(Box::new(compile(file, content, programs, problems)?)),
        "sql" => Filter::Sql(expression(file, content, problems)?),
        "jq" => Filter::Jq(predicate(file, content, programs, problems)?),
        _ => return None,
    };
    let is_leaf = matches!(dialect, "exact" | "prefix" | "suffix" | "sql" | "jq");
    let compiled = if is_leaf && content.node().holds_secret() { Filter::Hidden(Box::new(compiled)) } else { compiled };
    (part.is_good() && pairs.next().is_none()).then_some(compiled)
}

fn nested(
    file: &File<'_>,
    dialect: &str,
    part: &Part<'_>,
    programs: Programs<'_>,
    problems: &mut Problems,
) -> Option<Vec<Filter>> {
    if part.is_good() && part.items().is_empty() {
        let message = format!("`{dialect}` needs at least one filter");
        let hint = Some(format!("write {dialect}: [{{exact: {{type: com.example.order}}}}]"));
        problems.error_with_hint(file.source, part.range(), Code::BadFilter, message, hint);
        return None;
    }
    let filters: Vec<Option<Filter>> =
        part.items().iter().map(|item| compile(file, item, programs, problems)).collect();
    filters.into_iter().collect()
}

fn expression(file: &File<'_>, part: &Part<'_>, problems: &mut Problems) -> Option<Expression> {
    let text = part.text()?;
    let fault = Fault { file, part, what: "expression" };
    match Expression::compile(text) {
        Ok(expression) => {
            for finding in expression.findings() {
                let hint = Some(finding.hint.clone());
                let code = if finding.kind.never_holds() { Code::NeverTrue } else { Code::QuestionableExpression };
                fault.warn(code, finding.offset, &finding.message, hint, problems);
            }
            Some(expression)
        }
        Err(error) => {
            fault.report(Code::BadExpression, error.offset, &error.message, error.hint, problems);
            None
        }
    }
}

/// Compiles a jq program; what is wrong is shown at its own place in the text.
pub fn program(file: &File<'_>, part: &Part<'_>, programs: Programs<'_>, problems: &mut Problems) -> Option<Program> {
    match Program::compile(part.text()?, programs.route, programs.limits) {
        Ok(program) => Some(program),
        Err(refusal) => {
            let fault = Fault { file, part, what: "program" };
            fault.report(Code::BadProgram, refusal.offset, &refusal.message, refusal.hint, problems);
            None
        }
    }
}

/// A program that is to answer `true`.
fn predicate(file: &File<'_>, part: &Part<'_>, programs: Programs<'_>, problems: &mut Problems) -> Option<Program> {
    let program = program(file, part, programs, problems)?;
    if let Some(never) = program.never_true() {
        let fault = Fault { file, part, what: "program" };
        let message = format!("the result is always {never}, so that it never holds as a filter");
        let hint = Some("a jq filter holds where its only result is `true`: .total > 100".to_owned());
        fault.warn(Code::NeverTrue, 0, &message, hint, problems);
    }
    Some(program)
}

fn attributes(
    file: &File<'_>,
    dialect: &str,
    part: &Part<'_>,
    problems: &mut Problems,
) -> Option<Vec<(ByteString, ByteString)>> {
    if part.is_good() && part.pairs().next().is_none() {
        let message = format!("`{dialect}` needs at least one attribute");
        let hint =
            Some(format!("write {dialect}: {{type: com.example.order}}, or leave the filter out to take every event"));
        problems.error_with_hint(file.source, part.range(), Code::BadFilter, message, hint);
        return None;
    }
    let mut pairs = Vec::new();
    let mut good = part.is_good();
    for (name, range, value) in part.pairs() {
        if let Some(fault) = name_fault(name) {
            problems.error_with_hint(file.source, range, Code::BadFilter, fault.0, fault.1);
            good = false;
        }
        let Some(text) = value.text() else { continue };
        if text.is_empty() {
            let message = format!("the value of `{name}` is empty");
            let hint = if REQUIRED.contains(&name) {
                format!("every event has `{name}`, and it is never empty: leave it out to take all")
            } else {
                format!("for events without it write sql: \"NOT EXISTS {name}\", for an empty one sql: \"{name} = ''\"")
            };
            problems.error_with_hint(file.source, value.range(), Code::BadFilter, message, Some(hint));
            good = false;
        }
        pairs.push((name.into(), text.into()));
    }
    good.then_some(pairs)
}

/// Why a text is no attribute name, with a hint.
pub fn name_fault(name: &str) -> Option<(String, Option<String>)> {
    if name == "data" {
        let hint = "filters and `set` see attributes; a `jq` filter or `{jq: …}` sees the data".to_owned();
        return Some(("`data` is no attribute".to_owned(), Some(hint)));
    }
    if !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()) {
        return None;
    }
    let folded: String = name.to_ascii_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    let hint = if folded.is_empty() {
        "write a name, such as type or region".to_owned()
    } else {
        format!("did you mean `{folded}`?")
    };
    let hint = Some(hint);
    Some((format!("`{name}` is no attribute name: lower-case letters and digits only"), hint))
}
