//! Broken route files as people write them: each message names the right place and helps, in every format, and one mistake
//! is one problem. The files are in `tests/fixtures/config/broken`, what is expected of each in `expected.txt` beside them.

use super::{command, ended};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/config/broken")
}

/// A problem that is expected: place, code, and what message and hint hold.
#[derive(Debug)]
struct Expected {
    place: (u64, u64),
    code: String,
    message: String,
    hint: String,
}

/// By file. A line is `FILE LINE:COLUMN CODE MESSAGE | HINT`.
fn expected() -> BTreeMap<String, Vec<Expected>> {
    let mut files: BTreeMap<String, Vec<Expected>> = BTreeMap::new();
    for line in fs::read_to_string(fixtures().join("expected.txt")).unwrap().lines() {
        let mut words = line.splitn(4, ' ');
        let (file, place, code, told) =
            (words.next().unwrap(), words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
        let (at, column) = place.split_once(':').unwrap();
        let (message, hint) = told.rsplit_once(" | ").unwrap_or((told, ""));
        files.entry(file.to_owned()).or_default().push(Expected {
            place: (at.parse().unwrap(), column.parse().unwrap()),
            code: code.to_owned(),
            message: message.to_owned(),
            hint: hint.to_owned(),
        });
    }
    files
}

/// The files in a folder of route files of its own.
fn folder(names: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("routes")).unwrap();
    for name in names {
        fs::copy(fixtures().join(name), folder.path().join("routes").join(name)).unwrap();
    }
    fs::write(folder.path().join("signalbox.yaml"), "routes_dir: routes\nschemas_dir: schemas\n").unwrap();
    folder
}

/// In the folder, so that problems name files by their place in it.
async fn check(folder: &Path, format: &str) -> (i32, String) {
    let child = command(&["check", "--format", format]).current_dir(folder).spawn().unwrap();
    let ended = ended(child).await;
    (ended.code, ended.stdout)
}

fn differences(file: &str, expected: &[Expected], found: &[Value]) -> Vec<String> {
    let mut differences = Vec::new();
    let mut left: Vec<&Value> = found.iter().collect();
    let text = |problem: &Value, key: &str| problem[key].as_str().unwrap_or_default().to_owned();
    for one in expected {
        let same = |problem: &&Value| {
            (problem["line"].as_u64(), problem["column"].as_u64()) == (Some(one.place.0), Some(one.place.1))
                && text(problem, "code") == one.code
                && text(problem, "message").starts_with(&one.message)
                && text(problem, "hint").starts_with(&one.hint)
        };
        match left.iter().position(same) {
            Some(at) => drop(left.remove(at)),
            None => differences.push(format!("{file}: missing {one:?}")),
        }
    }
    differences.extend(left.iter().map(|problem| format!("{file}: too much: {problem}")));
    differences
}

#[tokio::test]
async fn every_mistake_has_its_line_and_help() {
    let expected = expected();
    let mut names: Vec<String> =
        fs::read_dir(fixtures()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name != "expected.txt");
    names.sort();
    assert!(names.len() >= 100 && names.iter().eq(expected.keys()), "files and expectations: {names:?}");
    let mut failures = Vec::new();
    for (name, expected) in &expected {
        let (code, json) = check(folder(&[name]).path(), "json").await;
        let found: Value = serde_json::from_str(&json).unwrap();
        let found = found["problems"].as_array().unwrap();
        assert!(found.iter().all(|problem| problem["file"] == format!("routes/{name}")), "{json}");
        let wanted = if found.iter().any(|problem| problem["severity"] == "error") { 78 } else { 0 };
        assert_eq!(code, wanted, "{name}: {json}");
        let helpless = found.iter().find(|problem| problem["hint"].as_str().is_none_or(str::is_empty));
        assert!(helpless.is_none(), "{name}: {helpless:?}");
        failures.extend(differences(name, expected, found));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[tokio::test]
async fn all_mistakes_at_once_in_every_format() {
    let expected = expected();
    // What a file that cannot be read declares is not known, which would keep others from being blamed for it.
    let readable = |problems: &Vec<Expected>| problems.iter().all(|one| one.code != "SB-2001" && one.code != "SB-2014");
    let files: Vec<&str> =
        expected.iter().filter(|(_, problems)| readable(problems)).map(|(name, _)| name.as_str()).collect();
    let folder = folder(&files);
    let (code, json) = check(folder.path(), "json").await;
    let json: Value = serde_json::from_str(&json).unwrap();
    let problems = json["problems"].as_array().unwrap();
    assert!(code == 78 && problems.len() > 100, "{}", problems.len());
    let (_, sarif) = check(folder.path(), "sarif").await;
    sarif_is_valid(&serde_json::from_str(&sarif).unwrap(), problems);
    let (_, github) = check(folder.path(), "github").await;
    let lines: Vec<&str> = github.lines().collect();
    assert_eq!(lines.len(), problems.len());
    for (line, problem) in lines.iter().zip(problems) {
        let word = problem["severity"].as_str().unwrap();
        let wanted = format!(
            "::{word} file={},line={},col={},title={}::",
            problem["file"].as_str().unwrap(),
            problem["line"],
            problem["column"],
            problem["code"].as_str().unwrap()
        );
        assert!(line.starts_with(&wanted) && line.len() > wanted.len(), "{line}\n{wanted}");
    }
    let (_, text) = check(folder.path(), "text").await;
    for problem in problems {
        let place = format!("{}:{}:{}", problem["file"].as_str().unwrap(), problem["line"], problem["column"]);
        assert!(text.contains(&place) && text.contains(problem["message"].as_str().unwrap()), "{problem}");
    }
}

/// The shape SARIF 2.1.0 asks for (§3.13 to §3.30), as far as code scanning reads it.
fn sarif_is_valid(sarif: &Value, problems: &[Value]) {
    assert_eq!(sarif["version"], "2.1.0");
    assert!(
        sarif["$schema"].as_str().unwrap().contains("sarif-2.1.0")
            || sarif["$schema"].as_str().unwrap().contains("sarif-schema-2.1.0")
    );
    let [run] = &sarif["runs"].as_array().unwrap()[..] else { panic!("one run: {sarif}") };
    let driver = &run["tool"]["driver"];
    assert_eq!(driver["name"], "signalbox");
    let rules: Vec<&str> =
        driver["rules"].as_array().unwrap().iter().map(|rule| rule["id"].as_str().unwrap()).collect();
    assert!(rules.windows(2).all(|pair| pair[0] < pair[1]), "each rule once: {rules:?}");
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), problems.len());
    for (result, problem) in results.iter().zip(problems) {
        assert!(rules.contains(&result["ruleId"].as_str().unwrap()), "{result}");
        assert_eq!((&result["ruleId"], &result["level"]), (&problem["code"], &problem["severity"]));
        assert!(result["message"]["text"].as_str().unwrap().starts_with(problem["message"].as_str().unwrap()));
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["region"]["startLine"], problem["line"]);
        assert_eq!(place["region"]["startColumn"], problem["column"]);
        assert!(
            place["region"]["endColumn"].as_u64().is_none_or(|end| Some(end) > problem["column"].as_u64()),
            "{place}"
        );
        let uri = place["artifactLocation"]["uri"].as_str().unwrap();
        assert!(!uri.contains([' ', '\\']) && uri.contains("routes/"), "{uri}");
    }
}
