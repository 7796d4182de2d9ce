//! Places, budget and the refusals of the reader.

use super::{Node, Value, parse};
use crate::codes::Code;
use crate::config::interpolate::Environment;
use crate::config::problem::{Problem, Problems, SourceText};
use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, Instant};

fn read(text: &str) -> (Option<Node>, Vec<Problem>) {
    let source = SourceText::new("a.yaml", text);
    let environment = Environment { variable: &|_| None, folder: Path::new("/nowhere") };
    let mut problems = Problems::default();
    let root = parse(&source, environment, &mut problems);
    (root, problems.into_sorted())
}

fn refused(text: &str) -> Problem {
    let (root, mut problems) = read(text);
    assert!(root.is_none(), "{text}: {root:?}");
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems.remove(0)
}

/// Every key and scalar with its place, flattened.
fn places(node: &Node, out: &mut String) {
    match &node.value {
        Value::List(items) => items.iter().for_each(|item| places(item, out)),
        Value::Map(pairs) => {
            for pair in pairs.iter() {
                let range = pair.key.range;
                write!(out, "{}@{}:{}+{} ", pair.key.text, range.line, range.column, range.width()).unwrap();
                places(&pair.value, out);
            }
        }
        _ => {
            let (shown, range) = (node.shown(), node.range);
            write!(out, "({shown})@{}:{}+{} ", range.line, range.column, range.width()).unwrap();
        }
    }
}

#[test]
fn every_key_and_value_knows_its_place() {
    let text = "# ä\näö: \"x ü\" # c\nlist:\n  - {é: 1, b: 'two'}\n  - plain text here   \n  - true\nnone:\nlast: |\n  block\n";
    let mut flat = String::new();
    places(&read(text).0.unwrap(), &mut flat);
    assert_eq!(
        flat,
        "äö@2:1+2 (x ü)@2:5+9 list@3:1+4 é@4:6+1 (1)@4:9+1 b@4:12+1 (two)@4:15+5 \
         (plain text here)@5:5+15 (true)@6:5+4 none@7:1+4 (null)@7:5+1 last@8:1+4 (block\n)@9:3+1 "
    );
}

#[test]
fn collections_begin_where_their_first_character_stands() {
    let (root, _) = read("a:\n  - b: 1\n    c: 2\nd: {e: 1}\n");
    let root = root.unwrap();
    let Value::List(items) = &root.get("a").unwrap().value else { panic!() };
    assert_eq!((items[0].range.line, items[0].range.column), (2, 5));
    assert_eq!((root.get("a").unwrap().range.line, root.get("a").unwrap().range.column), (2, 3));
    let flow = root.get("d").unwrap().range;
    assert_eq!((flow.line, flow.column, flow.width()), (4, 4, 6));
}

#[test]
fn an_offset_in_a_text_is_found_in_the_line() {
    let text = "a: ä-{x}\nb: \"ü{x}\"\nc: \"\\u0041{x}\"\nd: >\n  {x}\n";
    let (source, root) = (SourceText::new("a.yaml", text), read(text).0.unwrap());
    let place = |key: &str, offset| {
        let range = root.get(key).unwrap().range_at(offset, &source);
        (range.line, range.column)
    };
    assert_eq!(place("a", "ä-".len()), (1, 6));
    assert_eq!(place("b", "ü".len()), (2, 6));
    assert_eq!(place("c", 1), (3, 4), "escapes: the whole scalar");
    assert_eq!(place("d", 0), (5, 3), "a block begins where its text does");
}

#[test]
fn what_is_no_yaml_is_one_problem() {
    for (text, line) in [
        ("a: [1, 2\nb: 3\n", 2),
        ("a: \"x\nb: 3", 1),
        ("a: b: c\n", 1),
        ("a: 1\n b: 2\n", 2),
        ("- a\nb: 1\n", 2),
        ("a: *nothing\n", 1),
        ("a: &x [*x]\n", 1),
        ("a: 1\n---\nb: 2\n", 2),
        ("a: }\n", 1),
        ("a: 'x\\'y'\n", 1),
        ("a: \u{0}\n", 1),
    ] {
        let problem = refused(text);
        assert_eq!(problem.code, Code::YamlSyntax, "{text:?} {problem:?}");
        assert_eq!(problem.line, line, "{text:?} {problem:?}");
    }
}

#[test]
fn keys_stand_once_and_are_text() {
    let (root, problems) = read("a: 1\nb: 2\na: 3\n? [x]\n: 4\n");
    assert_eq!(root.unwrap().get("a").unwrap().shown(), "1");
    let found: Vec<_> = problems.iter().map(|p| (p.line, p.column, p.code)).collect();
    assert_eq!(found, [(3, 1, Code::DuplicateKey), (4, 3, Code::BadValue)]);
}

#[test]
fn aliases_are_expanded_where_they_stand() {
    let (root, problems) = read("a: &x {k: v}\nb: *x\n");
    assert!(problems.is_empty());
    let root = root.unwrap();
    let alias = root.get("b").unwrap();
    assert_eq!(alias.get("k").unwrap().text(), Some("v"));
    assert_eq!((alias.range.line, alias.range.column), (2, 4));
}

fn bomb() -> String {
    let mut text = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for level in 1..12 {
        let items = vec![format!("*a{}", level - 1); 10].join(",");
        writeln!(text, "a{level}: &a{level} [{items}]").unwrap();
    }
    text
}

#[test]
fn bombs_are_refused_at_once() {
    let nested_block: String = (0..1000).fold(String::new(), |text, level| text + &" ".repeat(level) + "a:\n");
    let cases = [
        ("alias bomb", bomb(), 6),
        ("1000 flow levels", "a: ".to_owned() + &"[".repeat(1000) + &"]".repeat(1000), 1),
        ("65 flow levels", "[".repeat(65) + &"]".repeat(65), 1),
        ("100 flow mappings", "{a: ".repeat(100) + &"}".repeat(100), 1),
        ("1000 block levels", nested_block, 65),
        ("1000 dashes", "- ".repeat(1000) + "x", 1),
    ];
    for (name, text, line) in cases {
        let started = Instant::now();
        let problem = refused(&text);
        assert_eq!((problem.code, problem.line), (Code::TooLarge, line), "{name}: {problem:?}");
        assert!(started.elapsed() < Duration::from_secs(2), "{name} took {:?}", started.elapsed());
    }
    let (root, problems) = read(&("[".repeat(64) + &"]".repeat(64)));
    assert!(root.is_some() && problems.is_empty(), "64 levels are allowed");
}

#[test]
fn an_empty_file_says_nothing() {
    for text in ["", "# only a comment\n", "---\n", "\u{feff}"] {
        let (root, problems) = read(text);
        assert!(matches!(root.unwrap().value, Value::Null), "{text:?}");
        assert!(problems.is_empty());
    }
}

#[test]
fn interpolated_values_are_never_shown() {
    let source = SourceText::new("a.yaml", "a: x${env:NAME}\nb: ${env:MISSING}\n");
    let variable = |name: &str| (name == "NAME").then(|| "canary".to_owned());
    let mut problems = Problems::default();
    let environment = Environment { variable: &variable, folder: Path::new("/nowhere") };
    let root = parse(&source, environment, &mut problems).unwrap();
    assert_eq!(root.get("a").unwrap().text(), Some("xcanary"));
    assert!(!format!("{root:?}").contains("canary"));
    assert_eq!(root.get("a").unwrap().shown(), "x${env:NAME}");
    let problems = problems.into_sorted();
    assert_eq!((problems[0].line, problems[0].column, problems[0].code), (2, 4, Code::Interpolation));
}
