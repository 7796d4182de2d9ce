//! Schemas: faults of the registry become problems with a place.

use crate::codes::Code;
use crate::config::interpolate::Environment;
use crate::config::problem::{Problem, Problems, SourceText, shown_path};
use crate::config::sources::Sources;
use crate::config::yaml::{self, Node, Range, Value};
use crate::payload::compat::{self, Mode};
use crate::validate::{Conversions, Registry, SchemaFault, Step};
use std::collections::BTreeMap;

/// Compiles all schemas. `None`: at least one is not good.
pub fn compile(sources: &Sources, conversions: &Conversions, problems: &mut Problems) -> Option<Registry> {
    let promises = promises(sources, problems);
    match Registry::compile(&sources.schemas, conversions) {
        Ok(registry) => {
            for step in registry.steps() {
                let folder = step.newer.file.split('/').next().unwrap_or_default();
                if let Some(mode) = promises.get(folder).copied().unwrap_or(Some(Mode::Backward)) {
                    compare(sources, &step, mode, problems);
                }
            }
            Some(registry)
        }
        Err(faults) => {
            for fault in faults {
                problems.push(problem(sources, fault));
            }
            None
        }
    }
}

/// Findings of one version that are told; more would say nothing new.
const TOLD: usize = 10;

/// What `schemas/<type>/compat` promises of new versions, by folder; `None` where it is nothing.
fn promises<'s>(sources: &'s Sources, problems: &mut Problems) -> BTreeMap<&'s str, Option<Mode>> {
    let mut promises = BTreeMap::new();
    for (path, content) in &sources.schemas {
        let Some(folder) = path.strip_suffix("/compat") else { continue };
        let word = match std::str::from_utf8(content).map(str::trim) {
            Ok("none") => None,
            Ok("backward") => Some(Mode::Backward),
            Ok("forward") => Some(Mode::Forward),
            Ok("full") => Some(Mode::Full),
            _ => {
                let source = source(sources, path);
                let message = "the file must hold one of the words none, backward, forward and full";
                let hint = Some("it says what new versions promise; without it, backward".to_owned());
                problems.error_with_hint(&source, Range::START, Code::BadSchema, message, hint);
                None
            }
        };
        promises.insert(folder, word);
    }
    promises
}

/// Warns where a version breaks what is promised.
fn compare(sources: &Sources, step: &Step<'_>, mode: Mode, problems: &mut Problems) {
    let version = |file: &str| file.split_once('/').map_or(file, |(_, file)| file).to_owned();
    let older = version(step.older.file);
    let source = source(sources, step.newer.file);
    let mut warn = |range, detail: &str| {
        let message = format!("not {} compatible with `{older}`: {detail}", mode.name());
        let hint =
            "make the change compatible, use another event type, or say what you promise in a file `compat` beside it";
        problems.warning(&source, range, Code::IncompatibleSchema, message, Some(hint.to_owned()));
    };
    let (Some(old), Some(new)) = (step.older.subject, step.newer.subject) else {
        // Protobuf versions are not compared; a change of the kind of schema is a change of everything.
        if step.older.subject.is_some() != step.newer.subject.is_some() {
            warn(Range::START, "it is a schema of another kind");
        }
        return;
    };
    let Some(changes) = compat::changes(old, new, mode) else {
        warn(Range::START, "it is a schema of another kind");
        return;
    };
    for change in changes.iter().take(TOLD) {
        if change.removed {
            warn(Range::START, &format!("{} (`{}` of `{older}`)", change.detail, change.pointer));
        } else {
            warn(locate(&source, &change.pointer), &change.detail);
        }
    }
    if changes.len() > TOLD {
        warn(Range::START, &format!("{} more changes are not shown", changes.len() - TOLD));
    }
}

/// A file of the schemas folder.
fn source(sources: &Sources, name: &str) -> SourceText {
    let bytes = sources.schemas.iter().find(|(known, _)| known == name).map(|(_, bytes)| &bytes[..]);
    let text = bytes.and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default();
    SourceText::new(shown_path(&sources.schemas_dir.join(name)), text)
}

fn problem(sources: &Sources, fault: SchemaFault) -> Problem {
    let source = source(sources, &fault.file);
    let range = match (fault.line_column, &fault.pointer) {
        (Some((line, column)), _) => Range::point(line, column),
        (None, Some(pointer)) => locate(&source, pointer),
        (None, None) => Range::START,
    };
    let mut found = Problems::default();
    found.error_with_hint(&source, range, Code::BadSchema, fault.message, fault.hint);
    found.into_sorted().remove(0)
}

/// Where a JSON Pointer leads. JSON is YAML, so the reader that knows places can be asked; where it cannot read the text
/// (nested deeper than it goes), the file as a whole is meant.
fn locate(source: &SourceText, pointer: &str) -> Range {
    let environment = Environment { variable: &|_| None, folder: std::path::Path::new("") };
    let mut ignored = Problems::default();
    let Some(root) = yaml::parse(source, environment, &mut ignored) else { return Range::START };
    let mut node: &Node = &root;
    let mut range = root.range;
    for segment in pointer.split('/').skip(1) {
        let key = segment.replace("~1", "/").replace("~0", "~");
        let next = match &node.value {
            Value::Map(pairs) => {
                pairs.iter().find(|pair| *pair.key.text == key).map(|pair| (pair.key.range, &pair.value))
            }
            Value::List(items) => {
                key.parse().ok().and_then(|index: usize| items.get(index)).map(|item| (item.range, item))
            }
            _ => None,
        };
        let Some((place, below)) = next else { break };
        (range, node) = (place, below);
    }
    // Of a pattern the text is meant, not the keyword.
    if pointer.ends_with("/pattern") && matches!(node.value, Value::Text(_)) {
        range = node.range;
    }
    Range::point(range.line, range.column)
}
