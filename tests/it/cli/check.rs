//! `check`: problems are data, and any error is 78.

use super::signalbox;
use std::fs;
use tempfile::TempDir;

const GOOD: &str = "routes:\n  - name: orders\n    deliver:\n      - {destination: log, stream: orders}\n";
const BAD: &str = "routes:\n  - name: orders\n    delivr: []\n";

/// A folder with a config file and one route file.
fn folder(route_file: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("routes")).unwrap();
    fs::create_dir(folder.path().join("schemas")).unwrap();
    fs::write(folder.path().join("routes/orders.yaml"), route_file).unwrap();
    fs::write(folder.path().join("signalbox.yaml"), "routes_dir: routes\nschemas_dir: schemas\n").unwrap();
    folder
}

fn config(folder: &TempDir) -> String {
    folder.path().join("signalbox.yaml").to_str().unwrap().to_owned()
}

#[tokio::test]
async fn good_files_are_counted() {
    let folder = folder(GOOD);
    let text = signalbox(&["check", "--config", &config(&folder)]).await;
    assert_eq!((text.code, text.stderr.as_str()), (0, ""), "{}", text.stdout);
    assert_eq!(text.stdout, "ok: 1 route, 1 destination, 0 schemas\n");
    let json = signalbox(&["--config", &config(&folder), "check", "--output", "json"]).await;
    assert_eq!((json.code, json.stdout.as_str()), (0, "{\"problems\":[]}\n"));
    assert_eq!(signalbox(&["check", "--format", "github", "--config", &config(&folder)]).await.stdout, "");
}

#[tokio::test]
async fn problems_are_printed_with_their_place_in_every_form() {
    let folder = folder(BAD);
    let text = signalbox(&["check", "--config", &config(&folder)]).await;
    assert_eq!((text.code, text.stderr.as_str()), (78, ""));
    assert!(text.stdout.contains("orders.yaml:3:5") && text.stdout.contains("did you mean"), "{}", text.stdout);
    let json = signalbox(&["check", "--config", &config(&folder), "--output", "json"]).await;
    let problems = json.json()["problems"].as_array().unwrap().clone();
    assert_eq!(json.code, 78);
    assert!(
        problems.iter().any(|one| one["line"] == 3 && one["column"] == 5 && one["code"] == "SB-2002"),
        "{problems:?}"
    );
    let sarif = signalbox(&["check", "--config", &config(&folder), "--format", "sarif"]).await;
    assert_eq!((sarif.code, &sarif.json()["version"]), (78, &"2.1.0".into()));
    let github = signalbox(&["check", "--config", &config(&folder), "--format", "github"]).await;
    assert!(github.code == 78 && github.stdout.starts_with("::error file="), "{}", github.stdout);
}

#[tokio::test]
async fn options_and_environment_name_the_folders() {
    let (good, bad) = (folder(GOOD), folder(BAD));
    let routes = good.path().join("routes");
    let routes = routes.to_str().unwrap();
    let checked = signalbox(&["check", "--config", &config(&bad), "--routes-dir", routes]).await;
    assert_eq!(checked.code, 0, "{}", checked.stdout);
    let by_variable = super::command(&["check", "--config", &config(&bad)]).env("SIGNALBOX_ROUTES_DIR", routes).spawn();
    assert_eq!(super::ended(by_variable.unwrap()).await.code, 0);
    let missing = signalbox(&["check", "--config", "/nowhere/signalbox.yaml"]).await;
    assert_eq!(missing.code, 78);
    assert!(missing.stdout.contains("/nowhere/signalbox.yaml"), "{}", missing.stdout);
}

#[tokio::test]
async fn findings_refuse_nothing_unless_that_is_asked_for() {
    let folder = folder(
        "routes:\n  - name: orders\n    filters: [{exact: {type: a}}, {exact: {type: b}}]\n    deliver: [{destination: log, stream: orders}]\n",
    );
    let config = config(&folder);
    let text = signalbox(&["check", "--config", &config]).await;
    assert_eq!(text.code, 0, "{}", text.stdout);
    assert!(text.stdout.contains("warning[SB-2201]") && text.stdout.contains("orders.yaml:3:5"), "{}", text.stdout);
    let json = signalbox(&["check", "--config", &config, "--deny-warnings", "--output", "json"]).await;
    assert_eq!((json.code, &json.json()["problems"][0]["severity"]), (78, &"warning".into()));
    let github = signalbox(&["check", "--config", &config, "--format", "github"]).await;
    assert!(github.stdout.starts_with("::warning file="), "{}", github.stdout);
}

#[tokio::test]
async fn a_thousand_findings_hide_no_error() {
    let route = |number: usize| {
        let filter = "{sql: \"a = 1 OR b = 2 AND c = 3\"}";
        format!("- {{name: r{number}, filters: [{filter}], deliver: [{{destination: log, stream: s}}]}}\n")
    };
    let routes: String = (0..1_001).map(route).collect();
    let folder = folder(&format!("routes:\n{routes}- {{name: last, deliver: [{{destination: elsewhere}}]}}\n"));
    let told = signalbox(&["check", "--config", &config(&folder), "--output", "json"]).await;
    let problems = told.json()["problems"].as_array().unwrap().clone();
    let errors: Vec<_> =
        problems.iter().filter(|one| one["severity"] == "error").map(|one| one["line"].clone()).collect();
    assert_eq!((told.code, errors, problems.len()), (78, vec![1_003.into()], 1_002));
    assert!(problems[1_001]["message"].as_str().unwrap().contains("1 more warnings"), "{}", problems[1_001]);
}
