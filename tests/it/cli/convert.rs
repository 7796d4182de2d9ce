//! `convert`: events between formats, payloads by rules, and what is refused.

use super::{Ended, command, ended, signalbox_reading};
use std::fs;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;

const ROUTES: &str =
    "conversions:\n  - name: order-xml\n    root: order\n    attributes: [/id]\n    lists: {/items: item}\n";
const SCHEMA: &str = r#"{"properties": {"total": {"type": "number"}}}"#;
const JSON: &str =
    r#"{"specversion":"1.0","id":"1","source":"/s","type":"order","data":{"id":"7","items":["a"],"total":1.50}}"#;
const PAYLOAD: &str = r#"<order id="7"><items><item>a</item></items><total>1.50</total></order>"#;

/// Runs `convert` with rules and a schema around.
async fn convert(arguments: &[&str], input: &str) -> Ended {
    let folder = folder();
    let mut child = command(&[&["convert"], arguments, &["-"]].concat())
        .current_dir(folder.path())
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).await.unwrap();
    ended(child).await
}

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("schemas/order")).unwrap();
    fs::create_dir(folder.path().join("routes")).unwrap();
    fs::write(folder.path().join("routes/a.yaml"), ROUTES).unwrap();
    fs::write(folder.path().join("schemas/order/1.json"), SCHEMA).unwrap();
    folder
}

#[tokio::test]
async fn an_event_changes_its_format_and_keeps_its_data() {
    let xml = convert(&["--from", "json", "--to", "xml"], JSON).await;
    assert_eq!((xml.code, xml.stderr.as_str()), (0, ""));
    assert!(xml.stdout.contains("xs:string\">{\"id\":\"7\",\"items\":[\"a\"],\"total\":1.50}<"), "{}", xml.stdout);
    let back = convert(&["--from", "xml", "--to", "json"], &xml.stdout).await;
    assert_eq!(back.stdout, JSON.replace("\"data\"", "\"datacontenttype\":\"application/json\",\"data\"") + "\n");
}

#[tokio::test]
async fn with_rules_the_payload_is_converted_too() {
    let xml = convert(&["--from", "json", "--to", "xml", "--rules", "order-xml"], JSON).await;
    assert_eq!((xml.code, xml.stderr.as_str()), (0, ""));
    assert!(xml.stdout.contains(&format!("xs:any\">{PAYLOAD}</ce:data>")), "{}", xml.stdout);
    assert!(xml.stdout.contains(">application/xml</ce:datacontenttype>"), "{}", xml.stdout);
    // The number is one by the schema of the event's type.
    let back = convert(&["--from", "xml", "--to", "json", "--rules", "order-xml"], &xml.stdout).await;
    assert_eq!(back.stdout, JSON.replace("\"data\"", "\"datacontenttype\":\"application/json\",\"data\"") + "\n");
    let same_format = convert(&["--from", "json", "--to", "json", "--rules", "order-xml"], JSON).await;
    assert_eq!(same_format.json()["data"], PAYLOAD);
}

#[tokio::test]
async fn a_document_that_is_no_event_is_a_payload() {
    let payload = r#"{"id":"7","items":["a"],"total":"1.50"}"#;
    let xml = convert(&["--from", "json", "--to", "xml", "--rules", "order-xml"], payload).await;
    assert_eq!((xml.code, xml.stdout), (0, format!("{PAYLOAD}\n")));
    let json = convert(&["--from", "xml", "--to", "json", "--rules", "order-xml"], PAYLOAD).await;
    assert_eq!((json.code, json.stdout), (0, format!("{payload}\n")));
    let lines =
        convert(&["--from", "ndjson", "--to", "xml", "--rules", "order-xml"], "{\"id\":1}\n\n{\"a\":2}\n").await;
    assert_eq!(lines.stdout, "<order id=\"1\"></order>\n<order><a>2</a></order>\n");
    let same = convert(&["--from", "json", "--to", "ndjson", "--rules", "order-xml"], payload).await;
    assert_eq!((same.code, same.stdout.as_str()), (64, ""));
    let without_rules = convert(&["--from", "json", "--to", "xml"], payload).await;
    assert_eq!((without_rules.code, without_rules.stdout.as_str()), (65, ""));
    assert!(without_rules.stderr.contains("SB-1003") && without_rules.stderr.contains("nothing was converted"));
}

#[tokio::test]
async fn several_events_are_lines_batches_or_files() {
    let other = JSON.replace(r#""id":"1""#, r#""id":"2""#);
    let lines = format!("{JSON}\n{other}\n");
    let batch = convert(&["--from", "ndjson", "--to", "json", "--batch"], &lines).await;
    assert_eq!((batch.code, batch.stdout.as_str()), (0, format!("[{JSON},{other}]\n").as_str()));
    assert_eq!(convert(&["--from", "json", "--to", "ndjson"], &batch.stdout).await.stdout, lines);
    let xml = convert(&["--from", "json", "--to", "xml", "--batch"], &batch.stdout).await;
    assert!(xml.stdout.contains("<ce:batch") && xml.stdout.contains("<ce:id>2</ce:id>"), "{}", xml.stdout);
    let back = convert(&["--from", "xml", "--to", "ndjson", "--rules", "order-xml"], &xml.stdout).await;
    assert_eq!(back.stdout.matches("application/xml").count(), 2, "{}", back.stdout);
    assert_eq!(convert(&["--from", "json", "--to", "json", "--batch"], "[]").await.stdout, "[]\n");

    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("new/out");
    let files = convert(&["--from", "ndjson", "--to", "xml", "--out", out.to_str().unwrap()], &lines).await;
    assert_eq!((files.code, files.stdout.lines().count()), (0, 2));
    assert!(fs::read_to_string(out.join("2.xml")).unwrap().contains("<ce:id>2</ce:id>"));
}

#[tokio::test]
async fn what_cannot_be_converted_is_told_with_its_place() {
    let array = format!("[{JSON},\n{}]", JSON.replace("\"a\"", "\"\\u0001\""));
    let arguments = ["--from", "json", "--to", "xml", "--rules", "order-xml", "--output", "json"];
    let refused = convert(&arguments, &array).await;
    assert_eq!((refused.code, refused.stdout.as_str()), (65, ""), "half a result is none");
    let told: serde_json::Value = serde_json::from_str(&refused.stderr).unwrap();
    assert_eq!(told["code"], "SB-3003");
    assert_eq!((&told["errors"][0]["pointer"], &told["errors"][0]["index"]), (&"/data/items/0".into(), &1.into()));

    let unknown = convert(&["--from", "json", "--to", "xml", "--rules", "order-xlm"], JSON).await;
    assert_eq!((unknown.code, unknown.stdout.as_str()), (64, ""));
    assert!(unknown.stderr.contains("did you mean `order-xml`?"), "{}", unknown.stderr);
    let doctype = convert(&["--from", "xml", "--to", "json", "--rules", "order-xml"], "<!DOCTYPE order><order/>").await;
    assert_eq!(doctype.code, 65);
    assert!(doctype.stderr.contains("a DOCTYPE is not allowed"), "{}", doctype.stderr);
    let no_data = r#"{"specversion":"1.0","id":"1","source":"/s","type":"t"}"#;
    assert_eq!(convert(&["--from", "json", "--to", "xml", "--rules", "order-xml"], no_data).await.code, 65);
}

#[tokio::test]
async fn bad_route_files_and_bad_files_end_the_command() {
    let folder = folder();
    fs::write(folder.path().join("routes/a.yaml"), "conversions: [{name: a}]").unwrap();
    let routes = folder.path().join("routes");
    let arguments =
        ["convert", "--from", "json", "--to", "xml", "--rules", "a", "--routes-dir", routes.to_str().unwrap(), "-"];
    let bad = signalbox_reading(&arguments, JSON).await;
    assert_eq!((bad.code, bad.stdout.as_str()), (78, ""));
    assert!(bad.stderr.contains("lacks the key `root`"), "{}", bad.stderr);
    let missing = super::signalbox(&["convert", "--from", "json", "--to", "xml", "/nowhere/e.json"]).await;
    assert_eq!(missing.code, 65);
    assert!(missing.stderr.contains("`/nowhere/e.json`"), "{}", missing.stderr);
    assert_eq!(super::signalbox(&["convert", "--from", "yaml", "--to", "xml", "-"]).await.code, 64);
}

#[tokio::test]
async fn rules_are_proved_against_samples() {
    let folder = folder();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let good = write("good.json", r#"{"id": "7", "items": ["a", "b"], "note": "x"}"#);
    let event = write("event.json", JSON);
    let xml = write("good.xml", PAYLOAD);
    let lossy = write("lossy.json", r#"{"id": 7, "items": [], "flag": true}"#);
    let broken = write("broken.json", "{");
    let routes = folder.path().join("routes").to_str().unwrap().to_owned();
    let schemas = folder.path().join("schemas").to_str().unwrap().to_owned();
    let check = async |files: &[&str], output: &str| {
        let arguments =
            ["convert", "--routes-dir", &routes, "--schemas-dir", &schemas, "--output", output, "--check", "order-xml"];
        super::signalbox(&[&arguments[..], files].concat()).await
    };
    let fine = check(&[&good, &event, &xml], "json").await;
    assert_eq!((fine.code, fine.stderr.as_str()), (0, ""), "{}", fine.stdout);
    assert!(
        fine.json()
            .as_array()
            .unwrap()
            .iter()
            .all(|one| one["survives"] == true && one["lost"] == serde_json::json!([]))
    );
    let told = check(&[&good, &lossy, &broken], "json").await;
    let told_json = told.json();
    assert_eq!((told.code, &told_json[0]["survives"]), (1, &true.into()));
    assert_eq!((&told_json[1]["file"], &told_json[1]["survives"]), (&lossy.as_str().into(), &false.into()));
    let pointers: Vec<_> = told_json[1]["lost"].as_array().unwrap().iter().map(|one| &one["pointer"]).collect();
    assert_eq!(pointers, ["/id", "/flag"]);
    assert_eq!(told_json[2]["lost"].as_array().unwrap().len(), 1);
    let text = check(&[&lossy], "text").await;
    assert_eq!(text.code, 1);
    assert!(text.stdout.contains("/flag: `true` comes back as the text `true`"), "{}", text.stdout);
    assert_eq!(check(&["/nowhere/x.json"], "text").await.code, 65);
    let both = ["convert", "--check", "order-xml", "--rules", "order-xml", &good];
    assert_eq!(super::signalbox(&both).await.code, 64);
}
