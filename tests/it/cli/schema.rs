//! `schema`: JSON Schemas for editors, and what a new version breaks; `check` warns of the same.

use super::{Ended, signalbox};
use std::fs;
use tempfile::TempDir;

const OLD: &str = r#"{"type": "object", "properties": {"total": {"type": "number"}, "note": {"type": "string"}}, "additionalProperties": false}"#;
const NEW: &str = r#"{
  "type": "object",
  "properties": {
    "total": {"type": "integer"}
  },
  "required": ["total"],
  "additionalProperties": false
}"#;
const AVRO_OLD: &str = r#"{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}]}"#;
const AVRO_NEW: &str =
    r#"{"type": "record", "name": "R", "fields": [{"name": "a", "type": "long"}, {"name": "b", "type": "int"}]}"#;

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

async fn compat(old: &str, new: &str, contents: [&str; 2], more: &[&str]) -> Ended {
    let folder = folder(&[(old, contents[0]), (new, contents[1])]);
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    signalbox(&[&["schema", "compat", &path(old), &path(new)], more].concat()).await
}

fn pointers(told: &Ended) -> Vec<String> {
    let changes = told.json()["changes"].as_array().unwrap().clone();
    changes.iter().map(|change| change["pointer"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn changes_are_told_with_their_places_and_exit_codes() {
    let same = compat("a.json", "b.json", [OLD, OLD], &["--mode", "full"]).await;
    assert_eq!((same.code, same.stdout.as_str()), (0, "full compatible\n"));
    let json = compat("a.json", "b.json", [OLD, NEW], &["--output", "json"]).await;
    assert_eq!((json.code, &json.json()["compatible"], &json.json()["mode"]), (1, &false.into(), &"backward".into()));
    assert_eq!(pointers(&json), ["/required/0", "/properties/note", "/properties/total/type"]);
    let text = compat("a.json", "b.json", [OLD, NEW], &[]).await;
    assert!(text.code == 1 && text.stdout.ends_with("not backward compatible: 3 changes\n"), "{}", text.stdout);
    let forward = compat("a.json", "b.json", [OLD, NEW], &["--mode", "forward"]).await;
    assert_eq!(forward.code, 0, "{}", forward.stdout);
    let avro = compat("a.avsc", "b.avsc", [AVRO_OLD, AVRO_NEW], &["--output", "json"]).await;
    assert_eq!((avro.code, pointers(&avro)), (1, vec!["/fields/1".to_owned()]));
    let full = compat("a.avsc", "b.avsc", [AVRO_OLD, AVRO_NEW], &["--output", "json", "--mode", "full"]).await;
    assert_eq!(pointers(&full), ["/fields/1", "/fields/0/type"]);
}

#[tokio::test]
async fn what_cannot_be_compared_is_said() {
    for (old, new, contents, code) in [
        ("a.json", "b.avsc", ["{}", AVRO_OLD], 65),
        ("a.json", "b.json", ["{", "{}"], 65),
        ("a.json", "b.json", ["{}", r#"{"type": 5}"#], 65),
        ("a.avsc", "b.avsc", [AVRO_OLD, r#"{"type": "record"}"#], 65),
        ("a.txt", "b.txt", ["{}", "{}"], 65),
        ("a.proto", "b.proto", ["", ""], 64),
        ("a.json", "b.proto", ["{}", ""], 64),
    ] {
        let told = compat(old, new, contents, &[]).await;
        assert_eq!((told.code, told.stdout.as_str()), (code, ""), "{old} {new}: {}", told.stderr);
    }
    assert_eq!(signalbox(&["schema", "compat", "/nowhere/a.json", "/nowhere/b.json"]).await.code, 65);
    assert_eq!(compat("a.json", "b.json", ["{}", "{}"], &["--mode", "sideways"]).await.code, 64);
}

#[tokio::test]
async fn editors_get_the_schemas_of_the_files() {
    for (what, file) in [("routes", "routes/route.schema.json"), ("config", "src/config/signalbox.schema.json")] {
        let printed = signalbox(&["schema", what]).await;
        let shipped = fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
        assert_eq!((printed.code, printed.stdout), (0, shipped), "{what}");
    }
}

/// The warnings of `check` as (file, line, message); nothing is refused because of them.
async fn warnings(files: &[(&str, &str)]) -> Vec<(String, u64, String)> {
    let folder = folder(files);
    let schemas = folder.path().join("schemas");
    let (routes, schemas) = (folder.path().join("routes"), schemas.to_str().unwrap().to_owned());
    let arguments = ["check", "--output", "json", "--routes-dir", routes.to_str().unwrap(), "--schemas-dir", &schemas];
    let checked = signalbox(&arguments).await;
    let problems = checked.json()["problems"].as_array().unwrap().clone();
    assert_eq!(checked.code, 0, "{problems:?}");
    let told = |problem: &serde_json::Value| {
        assert_eq!((&problem["severity"], &problem["code"]), (&"warning".into(), &"SB-2036".into()), "{problem}");
        let file = problem["file"].as_str().unwrap();
        let file = file.split("schemas/").last().unwrap().to_owned();
        (file, problem["line"].as_u64().unwrap(), problem["message"].as_str().unwrap().to_owned())
    };
    problems.iter().map(told).collect()
}

#[tokio::test]
async fn check_warns_of_a_version_that_breaks_with_the_one_before() {
    let found = warnings(&[("schemas/t/1.json", OLD), ("schemas/t/2.json", NEW)]).await;
    let lines: Vec<_> = found.iter().map(|(file, line, _)| (file.as_str(), *line)).collect();
    assert_eq!(lines, [("t/2.json", 1), ("t/2.json", 4), ("t/2.json", 6)], "{found:?}");
    assert!(found[0].2.contains("not backward compatible with `1.json`") && found[0].2.contains("/properties/note"));
    let promised = async |word: &str| {
        warnings(&[("schemas/t/1.json", OLD), ("schemas/t/2.json", NEW), ("schemas/t/compat", word)]).await.len()
    };
    assert_eq!((promised("none\n").await, promised("forward").await, promised("full\n").await), (0, 0, 3));
    let avro = warnings(&[("schemas/t/1.avsc", AVRO_OLD), ("schemas/t/2.avsc", AVRO_NEW)]).await;
    assert_eq!(avro.len(), 1, "{avro:?}");
    let kinds = warnings(&[("schemas/t/1.json", OLD), ("schemas/t/2.avsc", AVRO_NEW)]).await;
    assert!(kinds.len() == 1 && kinds[0].2.contains("another kind"), "{kinds:?}");
    let bad = folder(&[("schemas/t/1.json", OLD), ("schemas/t/compat", "bakward")]);
    let schemas = bad.path().join("schemas");
    let checked = signalbox(&["check", "--schemas-dir", schemas.to_str().unwrap(), "--routes-dir", "/nowhere"]).await;
    assert!(checked.code == 78 && checked.stdout.contains("none, backward, forward and full"), "{}", checked.stdout);
}
