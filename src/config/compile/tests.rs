//! Broken files and where their problems are; what good files become.

use super::compile_with;
use super::gateway::{Overrides, load_as_far_as_possible, load_gateway};
use crate::codes::Code;
use crate::config::gateway::GatewayConfig;
use crate::config::problem::Problem;
use crate::config::report;
use crate::config::sources::Sources;
use crate::conversion::declaration::EXAMPLE;
use crate::deliver::entry::Target;
use crate::encode::{HeaderEncoding, Mode};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

fn variable(name: &str) -> Option<String> {
    match name {
        "NAME" => Some("canary".to_owned()),
        "FIVE" => Some("5".to_owned()),
        _ => None,
    }
}

/// A problem that a case expects.
#[derive(Debug)]
struct Expected {
    line: u32,
    column: u32,
    code: String,
    words: String,
}

/// The cases of a fixture file: name, text, expected problems.
fn cases(file: &str) -> Vec<(String, String, Vec<Expected>)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/config").join(file);
    let text = fs::read_to_string(path).unwrap();
    let cases = text.split("=== ").skip(1).map(|case| {
        let (name, text) = case.split_once('\n').unwrap();
        (name.to_owned(), text.to_owned(), expectations(text))
    });
    cases.collect()
}

fn expectations(text: &str) -> Vec<Expected> {
    let mut expected = Vec::new();
    let mut line = 0;
    for (number, content) in (1..).zip(text.lines()) {
        let mark = content.find('^').map(|at| content[..at].chars().count() + 1);
        let mark = mark.filter(|_| content.starts_with("# ") && content.contains("^ SB-"));
        let Some(column) = mark.or(content.starts_with("#< SB-").then_some(1)) else {
            line = number;
            continue;
        };
        let (_, note) = content.split_once(" SB-").unwrap();
        let (code, words) = note.split_once(' ').unwrap_or((note, ""));
        let (code, words) = (format!("SB-{code}"), words.to_owned());
        expected.push(Expected { line, column: u32::try_from(column).unwrap(), code, words });
    }
    expected
}

/// What is not as a case expects it.
fn differences(expected: &[Expected], found: &[Problem]) -> Vec<String> {
    let mut differences = Vec::new();
    let mut left: Vec<&Problem> = found.iter().collect();
    for expected in expected {
        let same = |problem: &&Problem| {
            (problem.line, problem.column) == (expected.line, expected.column)
                && problem.code.to_string() == expected.code
                && format!("{} {}", problem.message, problem.hint.as_deref().unwrap_or("")).contains(&expected.words)
        };
        match left.iter().position(same) {
            Some(at) => drop(left.remove(at)),
            None => differences.push(format!("missing {expected:?}")),
        }
    }
    differences.extend(left.iter().map(|problem| format!("too much: {}", report::line(problem))));
    for problem in found {
        let shown = format!("{problem:?}").replace("nats://canary:canary@", "");
        if shown.contains("canary") {
            differences.push(format!("shows a secret: {shown}"));
        }
        if problem.message.starts_with(char::is_uppercase) || problem.message.ends_with('.') {
            differences.push(format!("not in the style of messages: {}", problem.message));
        }
    }
    differences
}

/// Compiles route files given as (name, text), as if the working folder were theirs.
pub(super) fn compile_files(files: &[(&str, &str)]) -> Result<super::Compiled, Vec<Problem>> {
    let folder = tempfile::tempdir().unwrap();
    let routes = folder.path().join("routes");
    fs::create_dir(&routes).unwrap();
    for (name, text) in files {
        fs::write(routes.join(name), text).unwrap();
    }
    let mut sources = Sources::read(&routes, &folder.path().join("schemas"));
    for route in &mut sources.routes {
        let (_, name) = route.file.rsplit_once('/').unwrap();
        route.file = format!("routes/{name}");
    }
    compile_with(&sources, &variable)
}

/// Runs all cases of a fixture file and shows every difference at once.
pub(super) fn check_cases(file: &str, problems: impl Fn(&str) -> Vec<Problem>) {
    let mut failures = Vec::new();
    for (name, text, expected) in cases(file) {
        let found = problems(&text);
        failures.extend(differences(&expected, &found).into_iter().map(|difference| format!("{name}: {difference}")));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_fault_of_a_route_file_has_its_place() {
    check_cases("routes.txt", |text| compile_files(&[("case.yaml", text)]).err().unwrap_or_default());
}

/// Everything that is found in files without an error.
fn findings(text: &str) -> Vec<Problem> {
    compile_files(&[("case.yaml", text)]).map_or_else(|problems| problems, |compiled| compiled.warnings)
}

#[test]
fn every_finding_has_its_place_and_refuses_nothing() {
    check_cases("findings.txt", findings);
}

#[test]
fn every_fault_of_an_http_destination_has_its_place() {
    check_cases("http.txt", |text| compile_files(&[("case.yaml", text)]).err().unwrap_or_default());
}

#[test]
fn the_url_of_an_entry_is_put_together_with_that_of_its_destination() {
    let text = &cases("http.txt")[0].1;
    let entries = compile_files(&[("case.yaml", text)]).unwrap().entries;
    let urls: Vec<_> = entries
        .iter()
        .map(|entry| match &entry.target {
            Target::Url(url) => url.template.text(),
            other => panic!("{other:?}"),
        })
        .collect();
    let crm = "https://crm.example/in/";
    let own = "https://crm.example/in/{type}?s={subject:-none}";
    assert_eq!(urls, [crm, own, "https://crm.example/other", "http://127.0.0.1:9000/{type}"]);
    assert_eq!((entries[0].mode, entries[0].header_encoding), (Mode::Binary, HeaderEncoding::Raw));
    assert_eq!(entries[3].header_encoding, HeaderEncoding::Percent);
    let secret = "destinations: [{name: a, http: {url: \"https://a.example/${env:NAME}\"}}]\nroutes: [{name: r, deliver: [{destination: a, url: /x}]}]";
    let compiled = compile_files(&[("a.yaml", secret)]).unwrap();
    assert_eq!(compiled.entries[0].target.shown("https://a.example/canary/x"), "https://a.example/…");
    assert!(!format!("{:?}", compiled.destinations).contains("canary"));
}

#[cfg(feature = "kafka")]
#[test]
fn every_fault_of_a_kafka_destination_has_its_place() {
    check_cases("kafka.txt", |text| compile_files(&[("case.yaml", text)]).err().unwrap_or_default());
}

#[cfg(not(feature = "kafka"))]
#[test]
fn a_build_without_kafka_says_that_it_is_not_supported_yet() {
    let text = "destinations: [{name: a, kafka: {brokers: [b]}}]\n";
    let problems = compile_files(&[("a.yaml", text)]).unwrap_err();
    let told: Vec<_> = problems.iter().map(|problem| (problem.line, problem.column, problem.code)).collect();
    assert_eq!(told, [(1, 26, Code::NotYetSupported)]);
}

#[test]
fn every_fault_of_signalbox_yaml_has_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("signalbox.yaml");
    check_cases("gateway.txt", |text| {
        fs::write(&path, text).unwrap();
        load_as_far_as_possible(Some(&path), &Overrides::default(), &variable).1.into_sorted()
    });
}

#[test]
fn a_good_file_becomes_lanes_with_their_defaults() {
    let text = &cases("routes.txt")[0].1;
    let compiled = compile_files(&[("case.yaml", text)]).unwrap();
    assert_eq!(compiled.destinations.keys().collect::<Vec<_>>(), ["empty-options", "log", "nats", "nowhere"]);
    assert_eq!(compiled.origins["orders"], ("routes/case.yaml".to_owned(), 8));
    assert_eq!(compiled.table.routes().len(), 1);
    assert_eq!(compiled.table.routes()[0].filters.len(), 3);
    let [first, second, log, nowhere] = &compiled.entries[..] else { panic!("{:?}", compiled.entries) };
    assert_eq!(first.lane.display(), "orders/nats");
    assert!(matches!(&first.target, Target::Subject(subject) if subject.text() == "orders.{type}"));
    assert_eq!((first.key.text(), first.mode, first.keep_order), ("{subject}", Mode::Structured, true));
    assert_eq!(first.steps.len(), 2);
    assert_eq!((second.lane.display().as_str(), second.key.text()), ("orders/second", "{partitionkey}"));
    assert_eq!((second.retry.max_attempts, second.keep_order), (Some(3), false));
    assert_eq!(second.retry.deadline, Duration::from_hours(24));
    assert_eq!(log.lane.stream, None, "a route with a transform stores the changed event by a lane");
    assert!(matches!(&log.target, Target::Stream(stream) if stream == "orders"));
    assert!(matches!(nowhere.target, Target::Nowhere));
}

#[test]
fn a_log_entry_without_transform_is_settled_by_the_log() {
    let text = "routes: [{name: r, deliver: [{destination: log, stream: s}]}]";
    let compiled = compile_files(&[("a.yml", text)]).unwrap();
    assert_eq!(compiled.entries[0].lane.stream.as_deref(), Some("s"));
    assert!(compiled.entries[0].lane.settled_by_log());
}

#[test]
fn a_shadow_route_has_entries_of_its_own() {
    let text = "routes:\n- {name: live, split: [{weight: 1, deliver: [{destination: log, stream: a}]}]}\n\
                - {name: dark, shadow: {of: live}, key: x, deliver: [{destination: log, stream: b}]}\n";
    let compiled = compile_files(&[("a.yml", text)]).unwrap();
    assert_eq!((compiled.entries.len(), compiled.shadows.len()), (1, 1));
    let [live, dark] = compiled.table.routes() else { panic!("{:?}", compiled.table) };
    assert!(live.split.is_some() && live.shadow.is_none());
    assert_eq!(dark.shadow, Some(crate::route::Shadow { of: Some("live".into()) }));
    let told: Vec<String> = compiled.warnings.iter().map(report::line).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("routes/a.yml:3:36: SB-2055"), "{told:?}");
}

#[test]
fn names_are_shared_over_all_files() {
    let declares = "destinations: [{name: d, discard: {}}]\nroutes: [{name: r, deliver: [{destination: d}]}]";
    let uses = "routes:\n  - {name: r, deliver: [{destination: d}]}\n  - {name: s, deliver: [{destination: e}]}";
    assert!(
        compile_files(&[("b.yaml", declares), ("a.yaml", "routes: [{name: q, deliver: [{destination: d}]}]")]).is_ok()
    );
    let problems = compile_files(&[("b.yaml", declares), ("a.yaml", uses)]).unwrap_err();
    let lines: Vec<String> = problems.iter().map(report::line).collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("routes/a.yaml:3:39: SB-2008"), "{lines:?}");
    assert!(lines[1].starts_with("routes/b.yaml:2:17: SB-2007"), "{lines:?}");
}

#[test]
fn a_file_that_is_no_yaml_is_one_problem_and_no_more() {
    let uses = ("uses.yaml", "routes: [{name: s, deliver: [{destination: e, subject: x}]}]");
    for broken in ["destinations: [{name: e,", "destinations: 5", "destinations: [{nam: e, discard: {}}]"] {
        let problems = compile_files(&[uses, ("broken.yaml", broken)]).unwrap_err();
        assert!(problems.iter().all(|problem| problem.file == "routes/broken.yaml"), "{problems:#?}");
    }
    let problems = compile_files(&[uses, ("broken.yaml", "a: [")]).unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:#?}");
}

#[test]
fn what_is_too_large_is_refused_quickly() {
    let deep = "routes: ".to_owned() + &"[".repeat(1000) + &"]".repeat(1000);
    let large = "# ".to_owned() + &"x".repeat(10 << 20);
    let started = Instant::now();
    let problems = compile_files(&[("deep.yaml", &deep), ("large.yaml", &large)]).unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert_eq!(problems.len(), 2, "{problems:?}");
    for name in ["routes/deep.yaml", "routes/large.yaml"] {
        let problem = problems.iter().find(|problem| problem.file.ends_with(name)).unwrap();
        assert_eq!((problem.line, problem.code), (1, Code::TooLarge));
    }
}

#[test]
fn paths_are_relative_to_the_file_and_flags_win() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("signalbox.yaml");
    fs::write(&path, "data_dir: d\nschemas_dir: /abs\nlisteners: [{name: a}, {name: b, address: \"127.0.0.1:0\"}]")
        .unwrap();
    let overrides = Overrides {
        listen: Some("127.0.0.1:7".to_owned()),
        routes_dir: Some(PathBuf::from("elsewhere")),
        ..Overrides::default()
    };
    let config = load_gateway(Some(&path), &overrides).unwrap();
    assert_eq!(config.data_dir, folder.path().join("d"));
    assert_eq!(config.routes_dir, PathBuf::from("elsewhere"));
    assert_eq!(config.schemas_dir, PathBuf::from("/abs"));
    assert_eq!(config.listeners[0].address, "127.0.0.1:7");
    assert_eq!(config.listeners[1].address, "127.0.0.1:0");
}

#[test]
fn flags_are_checked_like_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.yaml");
    fs::write(&empty, "").unwrap();
    let bad = |overrides: Overrides| load_gateway(Some(&empty), &overrides).unwrap_err()[0].clone();
    let listen = bad(Overrides { listen: Some("nonsense".to_owned()), ..Overrides::default() });
    assert_eq!((listen.file.as_str(), listen.code), ("--listen", Code::BadValue));
    let admin = bad(Overrides { admin: Some("0.0.0.0:1".to_owned()), ..Overrides::default() });
    assert_eq!((admin.file.as_str(), admin.code), ("--admin", Code::UnsafeAdmin));
    let both = Overrides {
        admin: Some("127.0.0.1:1".to_owned()),
        listen: Some("127.0.0.1:1".to_owned()),
        ..Overrides::default()
    };
    assert!(bad(both).message.contains("cannot both listen"));
    let missing = load_gateway(Some(Path::new("missing.yaml")), &Overrides::default()).unwrap_err();
    assert_eq!((missing[0].file.as_str(), missing[0].code), ("missing.yaml", Code::MissingFile));
    let config = load_gateway(Some(&empty), &Overrides::default()).unwrap();
    assert_eq!(
        (config.listeners, config.limits),
        (GatewayConfig::default().listeners, GatewayConfig::default().limits)
    );
}

#[test]
fn every_problem_of_every_file_is_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("signalbox.yaml");
    fs::write(&path, "routes_dir: r\nlimits: {headers: 0}\n").unwrap();
    fs::create_dir_all(folder.path().join("schemas/t")).unwrap();
    fs::create_dir(folder.path().join("r")).unwrap();
    fs::write(folder.path().join("r/a.yaml"), "routes: 5").unwrap();
    fs::write(folder.path().join("schemas/t/1.json"), "{\n  \"minimum\": \"x\"\n}").unwrap();
    let problems = crate::config::load(Some(&path), &Overrides::default()).unwrap_err();
    let found: Vec<_> = problems.iter().map(|p| (p.file.rsplit('/').next().unwrap(), p.line, p.column)).collect();
    assert_eq!(found, [("signalbox.yaml", 2, 19), ("a.yaml", 1, 9), ("1.json", 2, 3)]);
}

/// A text after an edit: at a character, a few are replaced.
fn edited(mut text: String, at: usize, with: &str) -> String {
    let places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let start = at % places.len();
    let end = (start + with.len() % 3).min(places.len() - 1);
    text.replace_range(places[start]..places[end], with);
    text
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 300, ..Default::default() })]

    /// Whatever an editor makes of a file, it is refused or compiled, and places lie in the file.
    #[test]
    fn no_edit_of_a_file_is_a_panic(
        case in 0_usize..1000,
        edits in proptest::collection::vec((0_usize..2000, "\\PC{0,3}|[\\[\\]{}:,'\"&*!|>#$\n -]{1,4}"), 1..6),
    ) {
        let cases = cases("routes.txt");
        let original = cases[case % cases.len()].1.clone();
        let text = edits.iter().fold(original, |text, (at, with)| edited(text, *at, with));
        let problems = compile_files(&[("case.yaml", &text)]).err().unwrap_or_default();
        for problem in &problems {
            let line = problem.line as usize;
            proptest::prop_assert!(line >= 1 && line <= text.lines().count() + 2, "{problem:?}");
            proptest::prop_assert!(problem.column >= 1, "{problem:?}");
        }
        report::render(&problems, report::Format::Text { colour: true });
    }
}

#[test]
fn the_example_of_the_reference_does_what_it_says() {
    let compiled = compile_files(&[("case.yaml", EXAMPLE)]).unwrap();
    let comments: String = EXAMPLE.lines().filter_map(|line| line.strip_prefix('#')).map(str::trim_start).collect();
    let (json, xml) = comments.split_at(comments.find('<').unwrap());
    let rules = &compiled.conversions["order-xml"];
    let back = crate::conversion::from_xml(rules, &xml.to_owned().into(), None).unwrap();
    assert_eq!(String::from_utf8_lossy(&back), json.replace(": ", ":").replace(", ", ","));
    let there = crate::conversion::to_xml(rules, json.as_bytes()).unwrap();
    assert_eq!(crate::conversion::from_xml(rules, &there, None).unwrap(), back);
}

/// Compiles one route file with schema files given as (name, text).
fn compile_schemas(schemas: &[(&str, &str)]) -> Result<super::Compiled, Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let (routes, schemas_dir) = (folder.path().join("routes"), folder.path().join("schemas"));
    fs::create_dir(&routes).unwrap();
    fs::write(routes.join("a.yaml"), "conversions: [{name: order-xml, root: order}]").unwrap();
    for (name, text) in schemas {
        let path = schemas_dir.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let prefix = format!("{}/", schemas_dir.display());
    compile_with(&Sources::read(&routes, &schemas_dir), &variable)
        .map_err(|problems| problems.iter().map(|problem| report::line(problem).replace(&prefix, "")).collect())
}

#[test]
fn the_rules_a_schema_folder_names_must_exist() {
    let compiled = compile_schemas(&[("t/1.json", "{}"), ("t/conversion", " order-xml\n")]).unwrap();
    assert_eq!(compiled.conversions["order-xml"].root, "order");
    let one = "t/conversion:1:1: SB-2012 the file must hold one line, the name of conversion rules; the name is that of an entry of `conversions:` in a route file";
    for (text, problem) in [
        ("order-xlm", "t/conversion:1:1: SB-2008 there are no conversion rules `order-xlm`; did you mean `order-xml`?"),
        ("", one),
        ("order-xml\norder-xml\n", one),
    ] {
        let problems = compile_schemas(&[("t/1.json", "{}"), ("t/conversion", text)]).unwrap_err();
        assert_eq!(problems, [problem]);
    }
    let alone = compile_schemas(&[("t/conversion", "order-xml")]).unwrap_err();
    assert!(alone[0].contains("holds no schema"), "{alone:?}");
}
