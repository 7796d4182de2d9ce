//! Conversion rules of all files, and the names by which `convert` steps and `schemas/<type>/conversion` mean them.

use super::{File, names};
use crate::codes::Code;
use crate::config::part::Part;
use crate::config::problem::{Problem, Problems, SourceText, shown_path};
use crate::config::sources::Sources;
use crate::config::suggest;
use crate::config::yaml::Range;
use crate::conversion::declaration::Conversion;
use crate::conversion::rules::{Fault, Rules};
use crate::validate::Conversions;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The rules that may be named.
pub struct Declared<'n> {
    /// By name. `None`: declared, but not good.
    pub by_name: BTreeMap<&'n str, Option<Arc<Rules>>>,
    /// False when a file or an entry could not be read, so that there may be more names.
    complete: bool,
}

impl Declared<'_> {
    /// The rules of a name. `Err(None)`: a problem was reported already. `Err(Some(hint))`: there are none.
    /// `problems`: those there are already.
    pub fn find(&self, name: &str, problems: &Problems) -> Result<Arc<Rules>, Option<String>> {
        match self.by_name.get(name) {
            Some(rules) => rules.clone().ok_or(None),
            // A file that cannot be read may have declared them: its own problem is enough.
            None if !self.complete => Err(None),
            None if self.by_name.is_empty() => {
                Err(Some("declare them under `conversions:` in a route file".to_owned()))
            }
            None => {
                let search = problems.may_search(self.by_name.len());
                Err(Some(suggest::declared(name, self.by_name.keys().copied(), search)))
            }
        }
    }
}

/// Collects the rules of all files.
pub fn compile<'n>(files: &[File<'n>], complete: bool, problems: &mut Problems) -> Declared<'n> {
    let mut declared = Declared { by_name: BTreeMap::new(), complete };
    let mut seen = names::Seen::default();
    for file in files {
        let Some(list) = file.part.get("conversions") else { continue };
        // A value that is no list may have meant to declare anything.
        declared.complete &= list.is_good() || !list.items().is_empty();
        for part in list.items() {
            let name = names::read(file, part.get("name"), "conversion", problems);
            let rules = rules(file, part, problems);
            let Some(name) = name else {
                declared.complete = false;
                continue;
            };
            if seen.add(file, name, "conversion", problems) {
                declared.by_name.insert(name.0, rules);
            }
        }
    }
    declared
}

fn rules(file: &File<'_>, part: &Part<'_>, problems: &mut Problems) -> Option<Arc<Rules>> {
    let conversion: Conversion = part.read(file.source, problems)?;
    match Rules::compile(&conversion) {
        Ok(rules) => part.is_good().then(|| Arc::new(rules)),
        Err(faults) => {
            for Fault { key, entry, message, hint } in faults {
                let range = place(part, key, entry.as_deref());
                let hint = hint.unwrap_or(match key {
                    "root" | "prefix" => "letters, digits, `.`, `-` and `_`, and the first is a letter or `_`",
                    "namespace" => "a URI: urn:example:order",
                    _ => "members are named by JSON Pointers (/id, /items/*/sku), elements by letters and digits",
                });
                problems.error_with_hint(file.source, range, Code::BadConversion, message, Some(hint.to_owned()));
            }
            None
        }
    }
}

/// Where a fault of a declaration is: at the last entry of that text in the list or mapping.
fn place(part: &Part<'_>, key: &str, entry: Option<&str>) -> Range {
    let Some(value) = part.get(key) else { return part.start() };
    let Some(entry) = entry else { return value.range() };
    let item = value.items().iter().rev().find(|item| item.text() == Some(entry)).map(Part::range);
    item.or_else(|| value.key_range(entry)).unwrap_or(value.start())
}

/// The rules that the folders of `schemas/` name, each in a file `conversion` of one line.
pub fn of_schemas(sources: &Sources, declared: &Declared<'_>, problems: &mut Problems) -> Conversions {
    let mut conversions = Conversions::new();
    for (path, content) in &sources.schemas {
        let Some(folder) = path.strip_suffix("/conversion") else { continue };
        let file = shown_path(&sources.schemas_dir.join(path));
        let text = std::str::from_utf8(content).map(str::trim).unwrap_or_default();
        if text.is_empty() || text.lines().count() > 1 {
            let message = "the file must hold one line, the name of conversion rules";
            let hint = "the name is that of an entry of `conversions:` in a route file";
            problems.push(Problem::of_file(file, Code::BadSchema, message).hint(hint));
            continue;
        }
        match declared.find(text, problems) {
            Ok(rules) => drop(conversions.insert(folder.to_owned(), rules)),
            Err(None) => {}
            Err(hint) => {
                let width = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
                let range = Range { end_column: width.saturating_add(1), ..Range::START };
                let message = format!("there are no conversion rules `{text}`");
                problems.error_with_hint(&SourceText::new(file, text), range, Code::UnknownReference, message, hint);
            }
        }
    }
    conversions
}
