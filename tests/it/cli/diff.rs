//! `diff`: the real binary over the log of a real gateway, stopped and running.

use super::{Ended, PATIENCE, signalbox};
use crate::support::gateway::Gateway;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::process::Command;

const OLD: &str = "\
destinations: [{name: nowhere, discard: {}}]
routes:
  - {name: orders, filters: [{exact: {type: order}}], deliver: [{destination: log, stream: orders}]}
  - {name: keyed, filters: [{exact: {type: order}}], deliver: [{destination: nowhere, key: \"{region}\"}]}
  - {name: big, filters: [{sql: \"n > 5\"}], identity: derive, transform: [{set: {size: big}}], deliver: [{destination: nowhere}]}
";

/// A gateway with ten events: positions 1 to 10, `n` from 1 on, the odd ones of type `order`, the others `mail`.
async fn recorded() -> Gateway {
    let schema = r#"{"type":"object"}"#;
    let gateway = Gateway::start(&[("routes/a.yaml", OLD), ("schemas/order/1.json", schema)]).await;
    for n in 1..=10 {
        let ty = if n % 2 == 1 { "order" } else { "mail" };
        let event = json!({"specversion": "1.0", "id": n.to_string(), "source": "/s", "type": ty, "region": "eu", "n": n,
            "data": {"total": n}});
        assert_eq!(gateway.accept(&event).await, n);
    }
    gateway.settled().await;
    gateway
}

/// Writes another folder of routes.
fn with(gateway: &Gateway, changes: &[(&str, &str)]) -> PathBuf {
    let routes = changes.iter().fold(OLD.to_owned(), |routes, (old, new)| {
        assert!(routes.contains(old), "{old}");
        routes.replace(old, new)
    });
    gateway.write("new/a.yaml", &routes);
    gateway.dir().join("new")
}

fn arguments<'a>(gateway: &'a Gateway, new: &'a Path, more: &[&'a str]) -> Vec<String> {
    let dir = |name: &str| gateway.dir().join(name).to_string_lossy().into_owned();
    let mut arguments = vec!["diff".to_owned(), new.to_string_lossy().into_owned()];
    for (flag, folder) in [("--data-dir", "data"), ("--routes-dir", "routes"), ("--schemas-dir", "schemas")] {
        arguments.extend([flag.to_owned(), dir(folder)]);
    }
    arguments.extend(more.iter().map(|&argument| argument.to_owned()));
    arguments
}

async fn diff(gateway: &Gateway, new: &Path, more: &[&str]) -> Ended {
    let arguments = arguments(gateway, new, more);
    signalbox(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).await
}

async fn document(gateway: &Gateway, new: &Path, more: &[&str]) -> Value {
    let ended = diff(gateway, new, &[more, &["--output", "json"]].concat()).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    ended.json()
}

fn group(change: &str, route: Value, examples: &[u64]) -> Value {
    json!({"change": change, "route": route, "count": examples.len(), "examples": examples})
}

const EVERYTHING: [(&str, &str); 3] = [
    ("stream: orders", "stream: elsewhere"),
    ("key: \"{region}\"", "key: \"{id}\", mode: structured"),
    ("n > 5", "n > 7"),
];

fn everything() -> Value {
    let odd = [1, 3, 5, 7, 9];
    json!({"events": 10, "changed": 6, "groups": [
        group("route", json!("big"), &[6, 7]),
        group("target", json!("orders"), &odd),
        group("key", json!("keyed"), &odd),
        group("bytes", json!("keyed"), &odd),
    ]})
}

#[tokio::test]
async fn a_running_and_a_stopped_gateway_tell_the_same() {
    let mut gateway = recorded().await;
    let new = with(&gateway, &EVERYTHING);
    let url = gateway.admin("");
    assert_eq!(document(&gateway, &new, &["--admin-url", &url]).await, everything());
    assert_eq!(document(&gateway, &new, &[]).await, everything(), "its files, without their lock");
    for more in [&[][..], &["--admin-url", &url]] {
        let same = document(&gateway, &gateway.dir().join("routes"), more).await;
        assert_eq!(same, json!({"events": 10, "changed": 0, "groups": []}));
    }
    gateway.stop().await;
    let names = || {
        let files = std::fs::read_dir(gateway.dir().join("data/log")).unwrap().map(|file| file.unwrap().file_name());
        files.collect::<std::collections::BTreeSet<_>>()
    };
    let before = names();
    assert_eq!(document(&gateway, &new, &[]).await, everything());
    assert_eq!(names(), before, "nothing is left behind");
    gateway.restart().await;
    assert_eq!(gateway.event_ids().await.len(), 10);
    gateway.kill().await;
    assert_eq!(document(&gateway, &new, &[]).await, everything(), "what a crash leaves");
}

#[tokio::test]
async fn people_read_groups_with_examples() {
    let gateway = recorded().await;
    let new = with(&gateway, &EVERYTHING);
    let told = diff(&gateway, &new, &[]).await;
    assert_eq!((told.code, told.stderr.as_str()), (0, ""));
    for line in [
        "10 events compared: 6 events change",
        "route big: 2 events",
        "  6  mail  /s  6",
        "    - takes it",
        "target of route orders: 5 events",
        "    - log: `orders`",
        "    + log: `elsewhere`",
        "    + nowhere: `9`",
        "    - nowhere: binary mode",
        "    + nowhere: structured mode, json",
    ] {
        assert!(told.stdout.lines().any(|told| told == line), "{line} in\n{}", told.stdout);
    }
    assert!(told.stdout.contains("    + does not take it: "), "{}", told.stdout);
    let same = diff(&gateway, &gateway.dir().join("routes"), &["--fail-on-change"]).await;
    assert_eq!((same.code, same.stdout.as_str()), (0, "10 events compared: nothing changes\n"));
    let failed = diff(&gateway, &new, &["--fail-on-change", "--output", "json"]).await;
    assert_eq!((failed.code, failed.json()), (1, everything()));
}

#[tokio::test]
async fn a_terminal_shows_how_far_it_is() {
    let gateway = recorded().await;
    let new = with(&gateway, &EVERYTHING);
    let script = "import pty, sys; pty.spawn(sys.argv[1:])";
    let mut command = Command::new("python3");
    command.args(["-c", script, env!("CARGO_BIN_EXE_signalbox")]).args(arguments(&gateway, &new, &["--sample", "3"]));
    let output = command.env("TERM", "xterm").stdin(Stdio::null()).output();
    let output = tokio::time::timeout(PATIENCE, output).await.unwrap().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains("comparing ["), "{shown}");
    assert!(shown.contains("3 events compared"), "{shown}");
}

#[tokio::test]
async fn events_are_chosen_by_filter_time_and_sample() {
    let gateway = recorded().await;
    let new = with(&gateway, &EVERYTHING);
    let url = gateway.admin("");
    let long_ago = "2020-01-01T00:00:00Z";
    for more in [&[][..], &["--admin-url", &url]] {
        let counts = async |arguments: &[&str]| {
            let told = document(&gateway, &new, &[arguments, more].concat()).await;
            (told["events"].as_u64().unwrap(), told["changed"].as_u64().unwrap())
        };
        assert_eq!(counts(&["--filter", "type = 'mail' AND n > 5"]).await, (3, 1));
        assert_eq!(counts(&["--since", "2100-01-01T00:00:00Z"]).await, (0, 0));
        assert_eq!(counts(&["--since", long_ago]).await, (10, 6));
        assert_eq!(counts(&["--sample", "5"]).await, (5, 1), "2, 4, 6, 8 and 10");
        assert_eq!(counts(&["--sample", "2", "--filter", "type = 'order'"]).await, (2, 2));
        assert_eq!(counts(&["--sample", "100"]).await, (10, 6));
    }
    for wrong in [&["--filter", "type =="][..], &["--since", "yesterday"], &["--sample", "0"]] {
        assert_eq!(diff(&gateway, &new, wrong).await.code, 64, "{wrong:?}");
    }
}

#[tokio::test]
async fn large_windows_are_read_in_pages_and_sparse_samples_one_by_one() {
    const EVENTS: usize = 2_400;
    let gateway = Gateway::start(&[("routes/a.yaml", OLD)]).await;
    for start in (0..EVENTS).step_by(800) {
        let event = |id: usize| json!({"specversion": "1.0", "id": id.to_string(), "source": "/s", "type": "order", "region": "eu", "n": 1});
        let batch = Value::from((start..start + 800).map(event).collect::<Vec<_>>());
        let request =
            gateway.http().post(gateway.ingress("/")).header("content-type", "application/cloudevents-batch+json");
        assert_eq!(request.body(batch.to_string()).send().await.unwrap().status(), 202);
    }
    let new = with(&gateway, &[("key: \"{region}\"", "key: \"{id}\"")]);
    let url = gateway.admin("");
    for (sample, events) in [(&[][..], EVENTS), (&["--sample", "20"][..], 20), (&["--sample", "1000"], 1000)] {
        let over_api = document(&gateway, &new, &[sample, &["--admin-url", &url]].concat()).await;
        assert_eq!((&over_api["events"], &over_api["changed"]), (&json!(events), &json!(events)), "{sample:?}");
        assert_eq!(over_api, document(&gateway, &new, sample).await, "{sample:?}");
    }
}

#[tokio::test]
async fn verdicts_are_those_of_the_new_schemas() {
    let gateway = recorded().await;
    let same = gateway.dir().join("routes");
    gateway.write("narrow/order/1.json", r#"{"type":"object","properties":{"total":{"maximum":6}}}"#);
    let narrow = gateway.dir().join("narrow");
    let told = document(&gateway, &same, &["--schemas", narrow.to_str().unwrap()]).await;
    assert_eq!(told["groups"], json!([group("verdict", Value::Null, &[7, 9])]));
    let text = diff(&gateway, &same, &["--schemas", narrow.to_str().unwrap()]).await.stdout;
    assert!(text.contains("    - valid by order/1\n    + refused by order/1 (SB-1020): /data/total: "), "{text}");
}

#[tokio::test]
async fn a_folder_with_an_error_is_78_and_no_log_is_69() {
    let gateway = recorded().await;
    let same = gateway.dir().join("routes");
    gateway.write("broken/a.yaml", "routes:\n  - {name: r, delivers: []}\n");
    let broken = gateway.dir().join("broken");
    let flag = |name: &str| gateway.dir().join(name).to_string_lossy().into_owned();
    let told = diff(&gateway, &broken, &[]).await;
    assert_eq!((told.code, told.stdout.as_str()), (78, ""));
    assert!(told.stderr.contains("broken/a.yaml:2:") && told.stderr.contains("deliver"), "{}", told.stderr);
    let mut turned = arguments(&gateway, &same, &[]);
    let at = turned.iter().position(|argument| argument == "--routes-dir").unwrap();
    turned[at + 1] = flag("broken");
    assert_eq!(signalbox(&turned.iter().map(String::as_str).collect::<Vec<_>>()).await.code, 78, "the old one");
    for more in [&["--schemas", &*flag("nowhere")][..], &[]] {
        let new = if more.is_empty() { gateway.dir().join("nowhere") } else { same.clone() };
        let told = diff(&gateway, &new, more).await;
        assert_eq!(told.code, 78);
        assert!(told.stderr.contains("there is no such folder"), "{}", told.stderr);
    }
    let mut elsewhere = arguments(&gateway, &same, &[]);
    elsewhere[3] = flag("nowhere");
    let told = signalbox(&elsewhere.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert_eq!((told.code, told.stdout.as_str()), (69, ""));
    assert!(told.stderr.starts_with("error[SB-4030]") && told.stderr.contains("--admin-url"), "{}", told.stderr);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(diff(&gateway, &same, &["--admin-url", &format!("http://{free}")]).await.code, 69);
    let stateless = Gateway::start(&[(
        "signalbox.yaml",
        "listeners: [{name: public, address: \"127.0.0.1:0\", ack: destinations}]\nadmin: {address: \"127.0.0.1:0\"}\n",
    )])
    .await;
    assert_eq!(diff(&gateway, &same, &["--admin-url", &stateless.admin("")]).await.code, 69);
}
