//! Schemas: faults of the registry become problems with a place.

use crate::codes::Code;
use crate::config::interpolate::Environment;
use crate::config::problem::{Problem, Problems, SourceText, shown_path};
use crate::config::sources::Sources;
use crate::config::suggest::{did_you_mean, known};
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
            mistakable(sources, &registry, problems);
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

/// Versions that are easily taken for another one: of two with one `$id` the older can never be asked for by it, and
/// `v10` stands before `v9`, because only numbers are compared as such.
fn mistakable(sources: &Sources, registry: &Registry, problems: &mut Problems) {
    let infos = registry.list();
    for (at, info) in infos.iter().enumerate() {
        let same_type = || infos.iter().enumerate().filter(|(_, other)| other.ty == info.ty);
        let file = |extension: &str| {
            let wanted = format!("/{}.{extension}", info.version);
            let folder = sources.schemas.iter().find(|(path, _)| path.ends_with(&wanted) && is_of(path, &info.ty));
            folder.map(|(path, _)| source(sources, path))
        };
        let has_id = info.kind == "json_schema" && info.id.is_some();
        let earlier = same_type().filter(|_| has_id).find(|(index, other)| *index < at && other.id == info.id);
        if let (Some((_, earlier)), Some(source)) = (earlier, file("json")) {
            let message = format!("version `{}` has the same `$id`", earlier.version);
            let hint = "events that name it are held against the higher version: give each its own".to_owned();
            problems.warning(&source, locate(&source, "/$id"), Code::MistakableSchema, message, Some(hint));
        }
        let number =
            info.version.strip_prefix(['v', 'V']).filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        if let (Some(number), true) = (number, same_type().count() > 1) {
            let extension = ["json", "avsc", "proto"].into_iter().find(|extension| file(extension).is_some());
            let (Some(extension), Some(source)) = (extension, extension.and_then(file)) else { continue };
            let message = format!("version `{}` is compared as text, and stands above all numbers", info.version);
            let hint = format!("name the file {number}.{extension}: versions are dotted numbers");
            problems.warning(&source, Range::START, Code::MistakableSchema, message, Some(hint));
        }
    }
}

/// Is this the path of a file of an event type, below the schemas folder?
fn is_of(path: &str, ty: &str) -> bool {
    let folder = path.split('/').next().unwrap_or_default();
    percent_encoding::percent_decode_str(folder).decode_utf8().is_ok_and(|name| name == ty)
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
    let (range, text) = match (fault.line_column, &fault.pointer) {
        (Some((line, column)), _) => (Range::point(line, column), None),
        (None, Some(pointer)) => find(&source, pointer),
        (None, None) => (Range::START, None),
    };
    let is_type = kind_of(&fault.file) == "json" && fault.pointer.as_deref().is_some_and(|at| at.ends_with("/type"));
    let (message, hint) = match text.filter(|_| is_type) {
        Some(text) => {
            let near = did_you_mean(&text, TYPES).unwrap_or_else(|| known("one of", &TYPES));
            (format!("`{text}` is no type of JSON Schema"), Some(near))
        }
        None => (fault.message, fault.hint),
    };
    let hint = hint.or_else(|| Some(usual_hint(&fault.file, &message).to_owned()));
    let mut found = Problems::default();
    found.error_with_hint(&source, range, Code::BadSchema, message, hint);
    found.into_sorted().remove(0)
}

/// Types a JSON Schema may ask for.
const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];

/// What kind of schema the name of a file says.
fn kind_of(file: &str) -> &str {
    file.rsplit_once('.').map_or("", |(_, kind)| kind)
}

/// What to look at in a schema of this kind.
fn usual_hint(file: &str, message: &str) -> &'static str {
    if message.starts_with("not valid JSON") {
        "JSON puts names and text in double quotes, and has no comments and no comma before a closing bracket"
    } else if kind_of(file) == "proto" {
        "see the line before, too; a field is written `string name = 1;`, in a message"
    } else if kind_of(file) == "avsc" {
        "a record is {\"type\": \"record\", \"name\": \"Order\", \"fields\": [{\"name\": \"id\", \"type\": \"string\"}]}"
    } else {
        "the draft that `$schema` names tells what each keyword takes"
    }
}

/// Where a JSON Pointer leads.
fn locate(source: &SourceText, pointer: &str) -> Range {
    find(source, pointer).0
}

/// Where a JSON Pointer leads, and the text there. JSON is YAML, so the reader that knows places can be asked; where it cannot read the text
/// (nested deeper than it goes), the file as a whole is meant.
fn find(source: &SourceText, pointer: &str) -> (Range, Option<String>) {
    let environment = Environment { variable: &|_| None, folder: std::path::Path::new("") };
    let mut ignored = Problems::default();
    let Some(root) = yaml::parse(source, environment, &mut ignored) else { return (Range::START, None) };
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
    (Range::point(range.line, range.column), node.text().map(str::to_owned))
}
