//! `tail` and `listen` with events of every format, against a gateway that runs.

use super::{PATIENCE, signalbox, signalbox_reading};
use crate::support::gateway::Gateway;
use serde_json::Value;
use tokio::io::AsyncReadExt as _;

const FORMATS: [&str; 4] = ["json", "xml", "protobuf", "avro"];
/// Data whose text no reader of JSON would write again.
const DATA: &str = r#"{"b" : 1.10, "a":[123456789012345678901234567890]}"#;

fn event(id: &str) -> String {
    format!(
        r#"{{"specversion":"1.0","id":"{id}","source":"/s","type":"t","flag":true,"subject":"grün 100%","datacontenttype":"application/json","data":{DATA}}}"#
    )
}

/// Sends an event in every mode and format, and a batch where there is one; gives the ids.
async fn send_all(to: &str) -> Vec<String> {
    let mut ids = Vec::new();
    for format in FORMATS {
        for mode in ["binary", "structured", "batch"] {
            if (mode, format) == ("batch", "avro") {
                continue;
            }
            let id = format!("{format}-{mode}");
            let arguments = ["send", "-", "--mode", mode, "--format", format, "--to", to];
            let sent = signalbox_reading(&arguments, &event(&id)).await;
            assert_eq!(sent.code, 0, "{id}: {}", sent.stderr);
            ids.push(id);
        }
    }
    ids
}

fn check(ids: &[String], printed: &str) {
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines.len(), ids.len(), "{printed}");
    for (line, id) in lines.iter().zip(ids) {
        assert!(line.contains(DATA), "{id}: {line}");
        let event: Value = serde_json::from_str(line).unwrap();
        assert_eq!((event["id"].as_str(), event["subject"].as_str()), (Some(&**id), Some("grün 100%")), "{line}");
        // Headers tell strings only.
        let flag = if id.ends_with("binary") { Value::from("true") } else { Value::from(true) };
        assert_eq!(event["flag"], flag, "{line}");
    }
}

#[tokio::test]
async fn tail_prints_what_came_in_every_format_as_json() {
    let gateway = Gateway::start(&[]).await;
    let ids = send_all(&gateway.ingress("/")).await;
    let count = ids.len().to_string();
    let arguments = ["tail", "--from", "1", "--count", &count, "--output", "json", "--admin-url", &gateway.admin("")];
    let tail = signalbox(&arguments).await;
    assert_eq!(tail.code, 0, "{}", tail.stderr);
    check(&ids, &tail.stdout);
}

#[tokio::test]
async fn a_listener_prints_what_comes_in_every_format_as_json() {
    let (mut child, url) = super::follow::listen(&["--count", "11", "--output", "json"]).await;
    let ids = send_all(&url).await;
    let mut printed = String::new();
    let read = child.stdout.take().unwrap().read_to_string(&mut printed).await.map(drop);
    assert!(read.is_ok() && tokio::time::timeout(PATIENCE, child.wait()).await.unwrap().unwrap().success());
    check(&ids, &printed);
}
