//! The shipped templates for CI: they are YAML, and this version understands every command line in them.

use super::{Cli, Command, command};
use crate::config::interpolate::Environment;
use crate::config::problem::{Problems, SourceText};
use crate::config::yaml::{self, Node, Value};
use clap::FromArgMatches;
use std::path::Path;

/// Every text below a node.
fn texts(node: &Node, found: &mut Vec<String>) {
    match &node.value {
        Value::Text(text) => found.push(text.text.to_string()),
        Value::List(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Map(pairs) => pairs.iter().for_each(|pair| texts(&pair.value, found)),
        _ => {}
    }
}

/// The command lines of a template, without what only the shell reads.
fn command_lines(name: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/ci").join(name);
    let source = SourceText::new(name, std::fs::read_to_string(&path).unwrap());
    let mut problems = Problems::default();
    let environment = Environment { variable: &|_| None, folder: Path::new("") };
    let root = yaml::parse(&source, environment, &mut problems).expect(name);
    assert!(!problems.has_errors(), "{:?}", problems.into_sorted());
    let mut found = Vec::new();
    texts(&root, &mut found);
    let lines = found.iter().flat_map(|text| text.lines()).map(str::trim);
    let own = lines.filter(|line| line.starts_with("signalbox "));
    own.map(|line| line.split(['>', '|']).next().unwrap().trim().to_owned()).collect()
}

#[test]
fn every_command_of_the_templates_is_understood() {
    for name in ["github.yaml", "gitlab.yaml"] {
        let (mut checked, mut tested, mut compared) = (Vec::new(), 0, 0);
        for line in command_lines(name) {
            let words =
                line.split(' ').map(|word| word.trim_matches('"').replace("$SIGNALBOX_ADMIN", "http://gateway:8081"));
            let read = command().try_get_matches_from(words).and_then(|matches| Cli::from_arg_matches(&matches));
            match read.map(|cli| cli.command) {
                Ok(Some(Command::Check(args))) => checked.push(format!("{:?}", args.format.expect("a format"))),
                Ok(Some(Command::Test(args))) => tested += usize::from(args.junit.is_some()),
                Ok(Some(Command::Diff(args))) => compared += usize::from(args.fail_on_change),
                other => panic!("{name}: `{line}`: {other:?}"),
            }
        }
        let format = if name == "github.yaml" { "Github" } else { "Text" };
        assert_eq!((checked, tested, compared), (vec![format.to_owned(), "Sarif".to_owned()], 1, 1), "{name}");
    }
}
