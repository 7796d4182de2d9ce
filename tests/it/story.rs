//! The shipped example: its files load without a finding, its events fit, and its script tells it to the end.

use crate::support::gateway::Gateway;
use serde_json::{Value, json};
use signalbox::cloudevents::{Attribute, Data, Event};
use signalbox::config::compile::{Compiled, compile};
use signalbox::config::sources::Sources;
use signalbox::validate::Refusal;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use tokio::process::Command;

fn package() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn shipped() -> Compiled {
    let sources = Sources::read(&package().join("routes"), &package().join("schemas"));
    compile(&sources).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn event(ty: &str, data: &Value) -> Event {
    event_of(ty, data, "campaign", "welcome")
}

fn event_of(ty: &str, data: &Value, name: &str, text: &str) -> Event {
    let attributes = [("datacontenttype", "application/json"), (name, text)];
    Event {
        id: "1".into(),
        source: "/shop/behaviour".into(),
        ty: format!("com.example.{ty}").into(),
        attributes: attributes.iter().map(|(name, text)| Attribute::string(name, text)).collect(),
        data: Data::Json(data.to_string().into()),
    }
}

/// Type, data, a change that breaks it (member, value, pointer it breaks at), and streams of an event.
type Sample = (&'static str, Value, (&'static str, Value, &'static str), Vec<&'static str>);

/// Each event of the story.
fn samples() -> Vec<Sample> {
    let stock = |member: &str| json!({"order": "o-1", "sku": "lamp", "quantity": 2, member: 3});
    vec![
        (
            "user.registered",
            json!({"user": "ada-1", "email": "ada@example.com", "plan": "pro", "interests": ["lamps"]}),
            ("email", json!("nobody"), "/data/email"),
            vec!["behaviour-analysis", "welcome-mail", "audit"],
        ),
        (
            "order.created",
            json!({"order": "o-1", "user": "ada-1", "lines": [{"sku": "lamp", "quantity": 2}], "total": 79.80}),
            ("lines", json!([{"sku": "lamp", "quantity": 0}]), "/data/lines/0/quantity"),
            vec!["inventory", "audit"],
        ),
        ("inventory.reserved", stock("left"), ("left", json!(-1), "/data/left"), vec!["order-desk", "audit"]),
        ("inventory.short", stock("missing"), ("extra", json!(1), "/data/extra"), vec!["order-desk", "audit"]),
        (
            "mail.requested",
            json!({"to": "ada@example.com", "template": "welcome-pro", "name": "ada-1"}),
            ("template", Value::Null, "/data/template"),
            vec!["mail-outbox"],
        ),
    ]
}

#[test]
fn shipped_files_load_without_a_finding() {
    let shipped = shipped();
    assert!(shipped.warnings.is_empty(), "{:#?}", shipped.warnings);
    assert!(shipped.table.routes().len() >= 5);
    let header = "# yaml-language-server: $schema=./route.schema.json\n";
    let story = std::fs::read_to_string(package().join("routes/story.yaml")).unwrap();
    assert!(story.starts_with(header));
}

#[test]
fn the_events_of_the_story_keep_their_schemas() {
    let schemas = shipped().schemas;
    let governed: Vec<String> = schemas.list().into_iter().map(|info| info.ty).collect();
    for (ty, data, (member, broken, pointer), _) in samples() {
        assert!(governed.contains(&format!("com.example.{ty}")), "{ty}");
        let label = format!("com.example.{ty}/1");
        assert_eq!(schemas.check(&event(ty, &data), true), Ok(Some(label.into())), "{ty}");
        let mut data = data;
        data[member] = broken;
        let refusal = schemas.check(&event(ty, &data), true).unwrap_err();
        assert!(matches!(&refusal, Refusal::Violations(all) if all[0].pointer == pointer), "{ty}: {refusal:?}");
    }
    assert_eq!(governed.len(), samples().len());
}

#[test]
fn the_events_of_the_story_go_to_their_streams() {
    let shipped = shipped();
    for (ty, data, _, streams) in samples() {
        let decision = shipped.table.decide(&event(ty, &data));
        let names: Vec<&str> =
            decision.iter().filter(|lane| lane.destination == "log").map(|lane| &*lane.name).collect();
        let mut expected = streams;
        expected.sort_unstable();
        let mut names = names;
        names.sort_unstable();
        assert_eq!(names, expected, "{ty}");
    }
    let trial = event_of("user.registered", &json!({}), "trial", "true");
    let decision = shipped.table.decide(&trial);
    assert!(decision.iter().all(|lane| lane.route == "registrations"), "{decision:?}");
}

/// Has the shipped script tell it on a gateway.
pub async fn tell(gateway: &Gateway, count: &str) -> Output {
    let story = Command::new("bash")
        .arg(package().join("routes/story.sh"))
        .args(["--count", count, "--to", &gateway.ingress("/"), "--admin-url", &gateway.admin("/")])
        .env("SIGNALBOX", env!("CARGO_BIN_EXE_signalbox"))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    story.await.expect("bash runs")
}

/// The shipped routes and schemas, named relative to the package.
fn shipped_files() -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut folders = vec![package().join("routes"), package().join("schemas")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(package()).unwrap().to_str().unwrap().to_owned();
                files.push((name, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files
}

/// Told twice on the same log: the second time nothing of the first one may disturb it.
#[tokio::test]
async fn the_story_is_told_to_its_end() {
    let files = shipped_files();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let gateway = Gateway::start(&files).await;
    for (count, ending) in [
        ("3", "3 registered; orders: 2 reserved, 1 short; 3 welcome mails"),
        ("1", "1 registered; orders: 1 reserved, 0 short; 1 welcome mails"),
    ] {
        let told = tell(&gateway, count).await;
        let text = String::from_utf8_lossy(&told.stdout).into_owned();
        assert!(told.status.success(), "{text}\n{}", String::from_utf8_lossy(&told.stderr));
        assert!(text.contains(ending), "{text}");
        let correlation = text.trim_end().rsplit(' ').next().unwrap();
        assert_chain(&gateway, correlation).await;
    }
}

/// One registration's events: each but the first names the id of its cause, all name the story.
async fn assert_chain(gateway: &Gateway, correlation: &str) {
    let found = gateway.get(&format!("/api/v1/events?correlation={correlation}")).await;
    let events: Vec<&Value> = found["events"].as_array().unwrap().iter().map(|entry| &entry["event"]).collect();
    let cause_of = |ty: &str| {
        let event = events.iter().find(|event| event["type"] == format!("com.example.{ty}"));
        event.unwrap_or_else(|| panic!("no {ty} in {found:#}"))
    };
    let user = cause_of("user.registered");
    assert_eq!(user["causationid"], Value::Null);
    assert_eq!(cause_of("order.created")["causationid"], user["id"]);
    assert_eq!(cause_of("mail.requested")["causationid"], user["id"]);
    assert_eq!(cause_of("inventory.reserved")["causationid"], cause_of("order.created")["id"]);
    assert_eq!(events.len(), 4);
}
