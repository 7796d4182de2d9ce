//! Schemas: faults of the registry become problems with a place.

use crate::codes::Code;
use crate::config::interpolate::Environment;
use crate::config::problem::{Problem, Problems, SourceText, shown_path};
use crate::config::sources::Sources;
use crate::config::yaml::{self, Node, Range, Value};
use crate::validate::{Registry, SchemaFault};

/// Compiles all schemas. `None`: at least one is not good.
pub fn compile(sources: &Sources, problems: &mut Problems) -> Option<Registry> {
    match Registry::compile(&sources.schemas) {
        Ok(registry) => Some(registry),
        Err(faults) => {
            for fault in faults {
                problems.push(problem(sources, fault));
            }
            None
        }
    }
}

fn problem(sources: &Sources, fault: SchemaFault) -> Problem {
    let file = shown_path(&sources.schemas_dir.join(&fault.file));
    let bytes = sources.schemas.iter().find(|(name, _)| *name == fault.file).map(|(_, bytes)| &bytes[..]);
    let text = bytes.and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default();
    let source = SourceText::new(file, text);
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
    Range::point(range.line, range.column)
}
