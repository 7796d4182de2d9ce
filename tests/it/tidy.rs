//! Rules of the house that hold themselves: sizes, layers, file layout, and shipped examples that load.

use std::fs;
use std::path::PathBuf;

const LONGEST_FILE: usize = 400;
const LONGEST_FUNCTION: usize = 60;

/// Modules from the bottom up. A module knows those of lower rows only; stages, which share a row, never know each other.
const LAYERS: [&[&str]; 16] = [
    &["codes", "lane_name", "secret", "units", "varint"],
    &["cloudevents", "observability"],
    &["tasks"],
    // Payloads and programs are no stage: `validate`, `route` and `transform` go by their schemas, rules and texts.
    &["payload"],
    &["conversion", "jq"],
    &["authenticate", "decode", "encode", "log", "route", "state", "transform", "validate"],
    &["deliver"],
    &["config"],
    &["reload"],
    &["pipeline"],
    &["server"],
    &["admin", "console", "ingress"],
    &["shutdown"],
    &["app"],
    &["cli"],
    // The edge: nobody knows it.
    &["sdk"],
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below a folder, relative to the package, with its text.
fn rust_files(folder: &str) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
                files.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

fn all_rust_files() -> Vec<(String, String)> {
    let files = [rust_files("src"), rust_files("tests")].concat();
    assert!(files.len() > 50, "the sources were not found");
    files
}

fn assert_none(problems: Vec<String>) {
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

#[test]
fn no_file_is_longer_than_a_reader_keeps_in_mind() {
    let too_long = |(name, text): &(String, String)| {
        let lines = text.lines().count();
        (lines > LONGEST_FILE).then(|| format!("{name}: {lines} lines, more than {LONGEST_FILE}"))
    };
    assert_none(all_rust_files().iter().filter_map(too_long).collect());
}

#[test]
fn no_function_is_longer_than_a_screen() {
    let too_long = |(name, text): &(String, String)| {
        let long = functions(text).into_iter().filter(|function| function.lines > LONGEST_FUNCTION);
        let told: Vec<_> = long
            .map(|function| format!("{name}:{}: {} lines, more than {LONGEST_FUNCTION}", function.line, function.lines))
            .collect();
        told
    };
    assert_none(all_rust_files().iter().flat_map(too_long).collect());
}

/// A function of a file: where it starts, from 1, and its length with its signature.
struct Function {
    line: usize,
    lines: usize,
}

/// The functions of a file formatted by rustfmt: from the line with `fn` to the brace at the same depth.
fn functions(text: &str) -> Vec<Function> {
    let lines: Vec<&str> = text.lines().collect();
    let mut functions = Vec::new();
    for (start, line) in lines.iter().enumerate().filter(|(_, line)| declares_function(line)) {
        let depth = line.len() - line.trim_start().len();
        let ends_here =
            |line: &&str| line.len() - line.trim_start().len() == depth && line.trim_start().starts_with('}');
        let one_line = line.trim_end().ends_with(['}', ';']);
        let length = if one_line { Some(0) } else { lines[start + 1..].iter().position(ends_here).map(|at| at + 1) };
        functions.push(Function { line: start + 1, lines: length.unwrap_or_default() + 1 });
    }
    functions
}

fn declares_function(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let before = words
        .by_ref()
        .find(|word| !["pub", "async", "const", "unsafe", "extern"].iter().any(|known| word.starts_with(known)));
    before == Some("fn")
}

#[test]
fn functions_are_found_with_their_length() {
    let text = "impl A {\n    pub(crate) async fn a(\n        x: u8,\n    ) -> u8 {\n        1\n    }\n}\nfn b() {}\n// fn c() {\nfn d()\nwhere\n    A: B,\n{\n}\n";
    let found: Vec<_> = functions(text).iter().map(|function| (function.line, function.lines)).collect();
    assert_eq!(found, [(2, 5), (8, 1), (10, 5)]);
}

#[test]
fn layers_only_look_down() {
    let mut problems = Vec::new();
    for (name, text) in rust_files("src") {
        let Some(own) = module_of(&name) else { continue };
        let Some(own_layer) = layer_of(own) else {
            problems.push(format!("{name}: the module `{own}` stands in no layer"));
            continue;
        };
        for (number, imported) in imports(&text) {
            let allowed = imported == own || layer_of(imported).is_some_and(|layer| layer < own_layer);
            if !allowed {
                problems.push(format!("{name}:{number}: `{own}` must not know `{imported}`"));
            }
        }
    }
    assert_none(problems);
}

/// The top-level module a source file belongs to; none for the roots, which know everything.
fn module_of(name: &str) -> Option<&str> {
    let inside = name.strip_prefix("src/")?;
    let module = inside.split('/').next()?.trim_end_matches(".rs");
    (!["lib", "main"].contains(&module)).then_some(module)
}

fn layer_of(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// The modules named behind `crate::` outside of comments, with the number of their line.
fn imports(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim_start().starts_with("//") {
            continue;
        }
        for after in line.split("crate::").skip(1) {
            let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
            if !after[..end].is_empty() {
                found.push((number, &after[..end]));
            }
        }
        assert!(!line.contains("use crate::{"), "one `use crate::module` a line, so that layers can be read: {line}");
    }
    found
}

#[test]
fn every_module_of_the_library_stands_in_one_layer() {
    let library = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let modules =
        library.lines().filter_map(|line| line.strip_prefix("pub mod ")).map(|name| name.trim_end_matches(';'));
    for module in modules {
        assert_eq!(LAYERS.iter().filter(|layer| layer.contains(&module)).count(), 1, "`{module}`");
    }
}

#[test]
fn the_module_of_a_folder_is_its_mod_file() {
    let beside = |(name, _): &(String, String)| {
        let folder = root().join(name.strip_suffix(".rs")?);
        folder.is_dir().then(|| format!("{name}: stands beside its folder instead of being its mod.rs"))
    };
    assert_none(rust_files("src").iter().filter_map(beside).collect());
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent = |(name, text): &(String, String)| {
        // What tests are for is said by where they stand.
        let may_be_silent = name.ends_with("/tests.rs");
        (!may_be_silent && !text.starts_with("//!")).then(|| format!("{name}: begins without `//!`"))
    };
    assert_none(all_rust_files().iter().filter_map(silent).collect());
}
