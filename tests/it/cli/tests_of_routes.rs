//! `test`: what passes, what fails and how it is told, snapshots, coverage, reports.

use super::{Ended, command, ended};
use serde_json::{Value, json};
use std::fs;
use tempfile::TempDir;

const ROUTES: &str = r#"
destinations:
  - {name: k, kafka: {brokers: ["localhost:1"]}}
  - {name: n, nats: {servers: ["nats://localhost:1"]}}
conversions:
  - {name: order-xml, root: order}
routes:
  - name: orders
    filters: [{exact: {type: order}}]
    deliver:
      - {destination: k, topic: "orders.{region:-none}"}
      - {destination: n, subject: "orders.{id}", key: "{id}"}
  - name: paper
    filters: [{exact: {type: order}}, {exact: {region: eu}}]
    transform: [{convert: {to: application/xml, rules: order-xml}}]
    deliver: [{destination: log, stream: paper}, {destination: log, name: second, stream: other}]
  - name: never
    filters: [{exact: {type: never}}]
    deliver: [{destination: log, stream: never}]
"#;

struct Folder(TempDir);

impl Folder {
    fn new(tests: &str) -> Folder {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("schemas/order")).unwrap();
        fs::create_dir(folder.path().join("routes")).unwrap();
        fs::write(folder.path().join("routes/a.yaml"), ROUTES).unwrap();
        let schema =
            r#"{"type": "object", "properties": {"total": {"type": "number", "minimum": 0}}, "required": ["total"]}"#;
        fs::write(folder.path().join("schemas/order/1.json"), schema).unwrap();
        let folder = Folder(folder);
        folder.write(tests);
        folder
    }

    fn write(&self, tests: &str) {
        fs::write(self.0.path().join("routes/t.yaml"), format!("tests:\n{tests}")).unwrap();
    }

    async fn test(&self, arguments: &[&str]) -> Ended {
        ended(command(&[&["test"], arguments].concat()).current_dir(self.0.path()).spawn().unwrap()).await
    }

    /// What differs, by the name of the test.
    async fn differences(&self) -> Vec<(String, Vec<String>)> {
        let ended = self.test(&["-o", "json"]).await;
        let document = ended.json();
        let tests = document["tests"].as_array().unwrap();
        let failed = tests.iter().any(|test| test["outcome"] == "failed");
        assert_eq!(ended.code, i32::from(failed), "{document}");
        let read = |list: &Value| list.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect();
        tests.iter().map(|test| (test["name"].as_str().unwrap().to_owned(), read(&test["differences"]))).collect()
    }
}

/// A test of an order from region eu.
fn eu(name: &str, expect: &str) -> String {
    format!(
        "  - name: {name}\n    event: {{specversion: \"1.0\", id: \"7\", source: /s, type: order, region: eu, data: {{total: 1.50}}}}\n    expect: {expect}\n"
    )
}

/// A test of an order without region.
fn plain(name: &str, data: &str, expect: &str) -> String {
    format!(
        "  - {{name: {name}, event: {{specversion: \"1.0\", id: \"7\", source: /s, type: order, data: {data}}}, expect: {expect}}}\n"
    )
}

#[tokio::test]
async fn what_is_as_expected_passes() {
    let xml = "<order><total>1.50</total></order>";
    let all = format!(
        "[{{route: paper, name: second, stream: other, data: \"{xml}\"}}, {{route: paper}}, \
         {{route: orders, topic: orders.eu, key: null, mode: binary, headers: {{CE_Region: eu}}, data: {{total: 1.5}}}}, \
         {{route: orders, destination: n, subject: orders.7, key: \"7\", mode: structured, data: {{total: 1.5}}}}]"
    );
    let whole = "[{route: orders, name: k, data_base64: eyJ0b3RhbCI6IDJ9, data: null}, {route: orders}]"
        .replace(", data: null", "");
    let folder = Folder::new(
        &[
            eu("everything", &all),
            plain("bytes", "'{\"total\": 2}'", "{rejected: 422}"),
            plain("refused", "{total: -1}", "{rejected: 422, pointers: [/data/total]}"),
            plain("text of the data", "{total: 2}", "[{route: orders, name: k, data: '{\"total\":2.0}'}, {route: orders}]"),
            "  - {name: not an event, event: {specversion: \"1.0\", id: \"\"}, expect: {rejected: 400, pointers: [/id, /source, /type]}}\n".to_owned(),
            "  - {name: nobody, event: {specversion: \"1.0\", id: \"1\", source: /s, type: other}, expect: []}\n".to_owned(),
        ]
        .concat(),
    );
    for (name, differences) in folder.differences().await {
        assert_eq!(differences, [""; 0], "{name}");
    }
    let text = folder.test(&[]).await;
    assert_eq!((text.code, text.stderr.as_str()), (0, ""));
    assert!(text.stdout.ends_with("6 passed, 0 failed\n"), "{}", text.stdout);
    folder.write(&plain("bytes", "{total: 2}", &whole));
    assert!(folder.differences().await[0].1[0].starts_with("orders/k: data_base64"));
}

#[tokio::test]
async fn what_is_not_is_told_with_its_place() {
    let folder = Folder::new(
        &[
            plain("topic", "{total: 2}", "[{route: orders, name: k, topic: orders.us, key: a}, {route: orders, name: n}]"),
            plain("data", "{total: 2}", "[{route: orders, name: k, data: {total: 3, more: 1}}, {route: orders, name: n, data: {total: 2}}]"),
            plain("too few", "{total: 2}", "[{route: orders, name: k}]"),
            plain("too many", "{total: 2}", "[{route: orders}, {route: orders}, {route: ordres}]"),
            plain("verdict", "{total: 2}", "{rejected: 422}"),
            plain("places", "{total: -1}", "{rejected: 422, pointers: [/data/other]}"),
            plain("taken", "{total: -1}", "[]"),
            plain("digits", "{total: 9007199254740993}", "[{route: orders, name: k, data: {total: 9007199254740992}}, {route: orders}]"),
            eu("xml", "[{route: orders}, {route: orders}, {route: paper}, {route: paper, stream: other, data: \"<order><total>2</total></order>\"}]"),
        ]
        .concat(),
    );
    let told = folder.differences().await;
    let expected: [(&str, &[&str]); 9] = [
        (
            "topic",
            &[
                "orders/k: topic\n  expected: `orders.us`\n  found:    `orders.none`",
                "orders/k: key\n  expected: `a`\n  found:    none",
            ],
        ),
        (
            "data",
            &[
                "orders/k: data/total\n  expected: 3\n  found:    2",
                "orders/k: data/more\n  expected: 1\n  found:    nothing",
            ],
        ),
        ("too few", &["not expected: orders/n, subject `orders.7`"]),
        ("too many", &["missing: ordres", "there is no route `ordres`; did you mean `orders`?"]),
        ("verdict", &["expected: rejected with 422\nfound:    accepted, goes to orders/k, orders/n"]),
        (
            "places",
            &["nothing is wrong at `/data/other`", "not expected: `/data/total`: expected at least 0, found -1"],
        ),
        ("taken", &["the event is refused: 422 (SB-1020)\n  /data/total: expected at least 0, found -1"]),
        ("digits", &["orders/k: data/total\n  expected: 9007199254740992\n  found:    9007199254740993"]),
        (
            "xml",
            &[
                "paper/second: data\n  expected: <order><total>2</total></order>\n  found:    <order><total>1.50</total></order>\n  /total: the text `2` is `1.50`",
            ],
        ),
    ];
    for ((name, found), (expected_name, expected)) in told.iter().zip(expected) {
        let found: Vec<&str> = found.iter().map(String::as_str).collect();
        assert_eq!((name.as_str(), found.as_slice()), (expected_name, expected));
    }
    let text = folder.test(&["topic"]).await;
    assert!(text.stdout.starts_with("FAIL topic\n     at routes/t.yaml:2\n     orders/k: topic\n"), "{}", text.stdout);
}

#[tokio::test]
async fn snapshots_are_written_on_request_and_held_against() {
    let folder = Folder::new(&[eu("kept as it is", "snapshot"), plain("other", "{total: 2}", "[]")].concat());
    let missing = folder.differences().await;
    assert!(missing[0].1[0].ends_with("snapshots/t.yaml/kept as it is.json; write it with --update"), "{missing:?}");
    let updated = folder.test(&["--update", "kept"]).await;
    assert_eq!(updated.code, 0, "{}", updated.stdout);
    let path = folder.0.path().join("routes/snapshots/t.yaml/kept as it is.json");
    let kept = fs::read_to_string(&path).unwrap();
    let document: Value = serde_json::from_str(&kept).unwrap();
    assert_eq!(document["deliveries"][0]["target"], "orders.eu");
    assert!(kept.contains("\"data\": {\"total\":1.50}"), "{kept}");
    assert_eq!(folder.test(&["kept"]).await.code, 0);
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    fs::write(&path, kept.replace("orders.eu", "orders.us")).unwrap();
    let changed = &folder.differences().await[0].1;
    assert!(changed[0].contains("--update"), "{changed:?}");
    assert_eq!(changed[1], "/deliveries/0/target\n  expected: \"orders.us\"\n  found:    \"orders.eu\"");
}

#[tokio::test]
async fn coverage_names_what_no_test_reaches() {
    let folder = Folder::new(&plain("one", "{total: 2}", "[{route: orders}, {route: orders}]"));
    let document = folder.test(&["-o", "json"]).await.json();
    assert_eq!(
        document["coverage"],
        json!({
            "routes": ["paper", "never"],
            "filters": [
                {"route": "orders", "index": 0, "never": false}, {"route": "paper", "index": 0, "never": false},
                {"route": "paper", "index": 1, "never": true}, {"route": "never", "index": 0, "never": true},
            ],
        })
    );
    let text = folder.test(&["--coverage"]).await;
    assert_eq!(text.code, 0);
    assert!(text.stdout.contains("no test matches route never"), "{}", text.stdout);
    assert!(text.stdout.contains("no test sees filter 2 of route paper true"), "{}", text.stdout);
}

#[tokio::test]
async fn a_report_for_ci_and_other_ends() {
    let folder =
        Folder::new(&[plain("a<b", "{total: 2}", "[]"), plain("good", "{total: -1}", "{rejected: 422}")].concat());
    let report = folder.0.path().join("report.xml");
    let ended = folder.test(&["--junit", report.to_str().unwrap()]).await;
    assert_eq!(ended.code, 1);
    let xml = fs::read_to_string(&report).unwrap();
    assert!(xml.contains("<testsuite name=\"routes/t.yaml\" tests=\"2\" failures=\"1\" errors=\"0\""), "{xml}");
    assert!(xml.contains("<testcase name=\"a&lt;b\" classname=\"routes/t.yaml\""), "{xml}");
    assert!(xml.contains("<failure message=\"not expected: orders/k, topic `orders.none`\">"), "{xml}");
    folder.write("  []\n");
    let none = folder.test(&[]).await;
    assert!(none.code == 0 && none.stdout.starts_with("no tests"), "{}", none.stdout);
    folder.write(&plain("one", "{total: 2}", "[]"));
    let another = folder.test(&["another"]).await;
    assert!(another.code == 65 && another.stderr.starts_with("error[SB-4042]"), "{}", another.stderr);
    folder.write("  - {name: a, evnt: {}, expect: []}\n");
    let bad = folder.test(&["--junit", report.to_str().unwrap()]).await;
    assert_eq!((bad.code, bad.stdout.as_str()), (78, ""));
    let xml = fs::read_to_string(report).unwrap();
    assert!(xml.contains("<testsuite name=\"routes/t.yaml\" tests=\"1\" failures=\"0\" errors=\"1\""), "{xml}");
    assert!(xml.contains("<testcase name=\"SB-2002 in line 2\""), "{xml}");
    assert!(xml.contains("<error message=\"routes/t.yaml:2:15: SB-2002 unknown key `evnt`; did you mean"), "{xml}");
    assert!(
        bad.stderr.contains("routes/t.yaml:2:15") && bad.stderr.contains("did you mean `event`?"),
        "{}",
        bad.stderr
    );
}

#[tokio::test]
async fn what_a_test_expects_names_what_there_is() {
    let expect =
        "[{route: ordres}, {route: orders, destination: kk}, {route: paper, name: secnd}, {route: paper, name: log}]";
    let folder = Folder::new(&plain("names", "{total: 2}", expect));
    let ended = ended_of_check(&folder).await;
    let document = ended.json();
    let told = document["problems"].as_array().unwrap().iter().map(|one| {
        let text = |key: &str| one[key].as_str().unwrap().to_owned();
        (one["line"].as_u64().unwrap(), text("code"), text("message"), text("hint"))
    });
    let expected = [
        ("there is no route `ordres`", "did you mean `orders`?"),
        ("there is no destination `kk`", "did you mean `k`?"),
        ("route `paper` has no deliver entry `secnd`", "did you mean `second`?"),
    ];
    let line = document["problems"][0]["line"].as_u64().unwrap();
    let expected = expected.map(|(message, hint)| (line, "SB-2071".to_owned(), message.to_owned(), hint.to_owned()));
    assert_eq!((ended.code, told.collect::<Vec<_>>()), (78, expected.to_vec()));
    assert!(document["problems"].as_array().unwrap().iter().all(|one| one["severity"] == "error"), "{document}");
    let ran = folder.test(&[]).await;
    assert!(ran.code == 1 && ran.stdout.contains("0 passed, 1 failed"), "a test that fails: {}", ran.stdout);
    // A file that is no YAML may hold any name; only what is wrong with a route that is there is still told.
    fs::write(folder.0.path().join("routes/b.yaml"), "routes: [\n").unwrap();
    let ended = ended_of_check(&folder).await;
    assert_eq!(ended.json()["problems"].as_array().map(Vec::len), Some(2), "{}", ended.stdout);
}

async fn ended_of_check(folder: &Folder) -> Ended {
    ended(command(&["check", "--format", "json"]).current_dir(folder.0.path()).spawn().unwrap()).await
}

#[tokio::test]
async fn the_shipped_routes_are_tested_whole() {
    let shipped = command(&["test", "-o", "json"]).current_dir(env!("CARGO_MANIFEST_DIR")).spawn().unwrap();
    let document = ended(shipped).await.json();
    let tests = document["tests"].as_array().unwrap();
    assert!(tests.len() > 5 && tests.iter().all(|test| test["outcome"] == "passed"), "{document}");
    assert_eq!(document["coverage"], json!({"routes": [], "filters": []}));
}
