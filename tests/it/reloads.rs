//! Reloads of a running gateway: history, rollback, last good snapshot, SIGHUP, storms (routing.md §5, reliability.md G).

use super::support::gateway::{Gateway, PLAIN};
use super::support::{signal, wait_for};
use serde_json::{Value, json};
use std::io::Write as _;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(10);

fn routes(name: &str) -> String {
    format!(
        "destinations: [{{name: nowhere, discard: {{}}}}]\n\
         routes: [{{name: {name}, filters: [{{exact: {{type: {name}}}}}], deliver: [{{destination: nowhere}}]}}]\n"
    )
}

fn event(id: &str, ty: &str) -> Value {
    json!({"specversion": "1.0", "id": id, "source": "/shop", "type": ty})
}

async fn version(gateway: &Gateway) -> String {
    gateway.get("/api/v1/routes").await["version"].as_str().expect("a text").to_owned()
}

/// Writes other routes and waits until they run; their version.
async fn edit(gateway: &Gateway, name: &str) -> String {
    gateway.write("routes/a.yaml", &routes(name));
    runs(gateway, name).await;
    version(gateway).await
}

async fn runs(gateway: &Gateway, name: &str) {
    wait_for(name, SOON, async || (gateway.get("/api/v1/routes").await["routes"][0]["name"] == name).then_some(()))
        .await;
}

async fn history(gateway: &Gateway) -> Vec<(String, bool)> {
    let told = gateway.get("/api/v1/routes/history").await;
    let entries = told["history"].as_array().expect("a list");
    let text = |entry: &Value| entry["version"].as_str().expect("a text").to_owned();
    assert!(entries.iter().all(|entry| entry["at"].is_string() && entry["files"].is_array()), "{told}");
    entries.iter().map(|entry| (text(entry), entry["current"] == true)).collect()
}

fn cli(gateway: &Gateway, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_signalbox"));
    let url = gateway.admin("/");
    command.args(arguments).args(["--admin-url", &url]).current_dir(gateway.dir());
    command.output().expect("the binary can be run")
}

#[tokio::test]
async fn an_earlier_snapshot_runs_again_until_files_change() {
    let mut gateway = Gateway::start(&[("routes/a.yaml", &routes("one"))]).await;
    let one = version(&gateway).await;
    let taken = gateway.accept(&event("1", "one")).await;
    let missed = gateway.accept(&event("2", "other")).await;
    let two = edit(&gateway, "two").await;
    assert_eq!(history(&gateway).await, [(two.clone(), true), (one.clone(), false)]);

    // Why an event was not taken is told by the snapshot that decided it.
    let told = gateway.get(&format!("/api/v1/events/{missed}")).await;
    assert_eq!(told["routes"][0]["route"], "one");
    assert!(told["routes"][0]["reason"].as_str().is_some_and(|reason| reason.contains("`one`")), "{told}");

    let done = cli(&gateway, &["rollback", "--output", "json"]);
    assert!(done.status.success(), "{done:?}");
    let answer: Value = serde_json::from_slice(&done.stdout).expect("JSON");
    assert_eq!(answer, json!({"version": one, "before": two}));
    runs(&gateway, "one").await;
    assert_eq!(history(&gateway).await, [(two.clone(), false), (one.clone(), true)]);
    let file = std::fs::read_to_string(gateway.dir().join("routes/a.yaml")).expect("the file is there");
    assert!(file.contains("two"), "files are not touched");
    assert_eq!(cli(&gateway, &["rollback"]).status.code(), Some(65), "there is none before");

    gateway.stop().await;
    gateway.restart().await;
    runs(&gateway, "two").await;
    let told = gateway.get(&format!("/api/v1/events/{taken}")).await;
    assert_eq!(told["routes"], json!([{"route": "one", "matched": true, "reason": null}]));

    assert!(cli(&gateway, &["rollback", &one]).status.success());
    runs(&gateway, "one").await;
    let three = edit(&gateway, "three").await;
    let versions: Vec<String> = history(&gateway).await.into_iter().map(|(version, _)| version).collect();
    assert_eq!(versions, [three, two, one]);

    let unknown = cli(&gateway, &["rollback", "0123"]);
    assert_eq!(unknown.status.code(), Some(65), "{unknown:?}");
    let url = gateway.admin("/api/v1/routes/rollback");
    for (body, status) in [("{\"version\": \"0123\"}", 404), ("{", 400), ("{\"versoin\": \"x\"}", 400)] {
        let answer = gateway.http().post(&url).body(body).send().await.expect("an answer");
        assert_eq!(answer.status(), status, "{body}");
    }
    let answer = gateway.http().post(&url).send().await.expect("an answer");
    assert_eq!(answer.status(), 200, "no body: the one before");
    runs(&gateway, "one").await;
}

fn serve(gateway: &Gateway, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_signalbox"));
    command.args(["serve", "--output", "json"]).args(arguments).current_dir(gateway.dir());
    command.output().expect("the binary can be run")
}

#[tokio::test]
async fn a_restart_on_bad_files_may_go_on_with_the_last_good_ones() {
    let mut gateway = Gateway::start(&[("routes/a.yaml", &routes("good"))]).await;
    gateway.stop().await;
    gateway.write("routes/a.yaml", "routes: [{name: x}]\n");
    let refused = serve(&gateway, &[]);
    assert_eq!(refused.status.code(), Some(78));
    let elsewhere = serve(&gateway, &["--use-last-good", "--data-dir", "empty"]);
    assert_eq!(elsewhere.status.code(), Some(78), "there is nothing to fall back on");
    gateway.write("signalbox.yaml", "listeners: 5\n");
    assert_eq!(serve(&gateway, &["--use-last-good"]).status.code(), Some(78), "it never covers signalbox.yaml");
    gateway.write("signalbox.yaml", PLAIN);

    gateway.restart_with(&["--use-last-good"]).await;
    let told = gateway.get("/api/v1/routes").await;
    assert_eq!((&told["routes"][0]["name"], &told["last_reload"]["outcome"]), (&json!("good"), &json!("failed")));
    assert_eq!(told["last_reload"]["problems"][0]["code"], "SB-2004");
    let log = std::fs::read_to_string(gateway.log()).expect("a log");
    assert!(log.contains("last good snapshot"), "{log}");
    gateway.accept(&event("1", "good")).await;
    gateway.write("routes/a.yaml", &routes("better"));
    runs(&gateway, "better").await;
    assert_eq!(gateway.get("/api/v1/routes").await["last_reload"]["outcome"], "ok");

    gateway.stop().await;
    std::fs::rename(gateway.dir().join("routes"), gateway.dir().join("away")).expect("the folder can be moved");
    gateway.restart_with(&["--use-last-good"]).await;
    let told = gateway.get("/api/v1/routes").await;
    assert_eq!((&told["routes"][0]["name"], &told["last_reload"]["outcome"]), (&json!("better"), &json!("failed")));
}

#[tokio::test]
async fn a_hangup_reads_the_files_again() {
    let text = routes("\"${file:../name}\"");
    let gateway = Gateway::start(&[("name", "before"), ("routes/a.yaml", &text)]).await;
    runs(&gateway, "before").await;
    gateway.write("name", "after");
    signal(gateway.pid(), "HUP");
    runs(&gateway, "after").await;
}

/// Without a log: what is not taken at once is an answer that is no 202.
const STATELESS: &str =
    "listeners: [{name: public, address: \"127.0.0.1:0\", ack: destinations}]\nadmin: {address: \"127.0.0.1:0\"}\n";

#[tokio::test]
async fn routes_and_destinations_get_other_names_under_senders_that_wait() {
    let named = |number: usize| {
        let text = routes("x").replace("nowhere", &format!("d{number}"));
        text.replace("name: x,", &format!("name: r{number},"))
    };
    let gateway = Gateway::start(&[("signalbox.yaml", STATELESS), ("routes/a.yaml", &named(0))]).await;
    let (over, sent) = (AtomicBool::new(false), AtomicUsize::new(0));
    let produce = async || {
        while !over.load(Ordering::Relaxed) {
            let id = sent.fetch_add(1, Ordering::Relaxed).to_string();
            let request = gateway.http().post(gateway.ingress("/")).body(event(&id, "x").to_string());
            let answer =
                request.header("content-type", "application/cloudevents+json").send().await.expect("an answer");
            let status = answer.status();
            assert_eq!(status, 202, "{}", answer.text().await.expect("a body"));
        }
    };
    let edit = async {
        for number in 1..=12 {
            gateway.write("routes/a.yaml", &named(number));
            runs(&gateway, &format!("r{number}")).await;
        }
        over.store(true, Ordering::Relaxed);
    };
    tokio::join!(produce(), produce(), produce(), produce(), edit);
    assert!(sent.load(Ordering::Relaxed) > 20, "the load was none");
}

/// The routes with another destination.
fn elsewhere(number: usize) -> String {
    routes("r").replace("nowhere", &format!("n{number}"))
}

#[tokio::test]
async fn half_a_file_is_not_taken_for_a_whole_one() {
    let gateway = Gateway::start(&[("routes/a.yaml", &routes("zero"))]).await;
    // From its first reload on, the folder is watched.
    let one = edit(&gateway, "one").await;
    // Each part makes a good file.
    let mut file = std::fs::File::create(gateway.dir().join("routes/a.yaml")).expect("the file can be opened");
    let parts = [
        "# new",
        " routes\n",
        "destinations: []\n",
        "routes:\n- {name: two, deliver: [{destination: log, stream: s}]}\n",
    ];
    for part in parts {
        file.write_all(part.as_bytes()).expect("the file can be written");
        // Longer than files have to rest, shorter than a writer is waited for.
        tokio::time::sleep(Duration::from_millis(450)).await;
        assert_eq!(version(&gateway).await, one, "after {part:?}");
    }
    drop(file);
    runs(&gateway, "two").await;
    assert_eq!(history(&gateway).await.len(), 3, "nothing in between was loaded");
}

/// Rounds of writes without a rest, half of them half a file; after each, the last state must come to run.
async fn storm(gateway: &Gateway) {
    for round in 0..5 {
        for write in 0..40 {
            let path = gateway.dir().join("routes/a.yaml");
            match write % 3 {
                0 => std::fs::write(&path, "routes: [{name: half").expect("a write"),
                1 => gateway.write("routes/a.yaml", &elsewhere(round * 100 + write)),
                _ => std::fs::write(&path, elsewhere(round * 100 + write)).expect("a write"),
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        gateway.write("routes/a.yaml", &elsewhere(round));
        let wanted = format!("n{round}");
        wait_for("the round", SOON, async || {
            let told = gateway.get("/api/v1/routes").await;
            (told["routes"][0]["lanes"][0]["destination"] == *wanted && told["last_reload"]["outcome"] == "ok")
                .then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn no_request_fails_while_files_change_without_a_rest() {
    let gateway = Gateway::start(&[("routes/a.yaml", &routes("r"))]).await;
    let (over, sent) = (AtomicBool::new(false), AtomicUsize::new(0));
    let produce = async || {
        while !over.load(Ordering::Relaxed) {
            let id = sent.fetch_add(1, Ordering::Relaxed).to_string();
            gateway.accept(&event(&id, "r")).await;
        }
    };
    let edit = async {
        storm(&gateway).await;
        over.store(true, Ordering::Relaxed);
    };
    tokio::join!(produce(), produce(), produce(), produce(), edit);
    assert!(sent.load(Ordering::Relaxed) > 20, "the load was none");
    wait_for("old destinations to end", SOON, async || {
        let told = gateway.get("/api/v1/destinations").await;
        (told["destinations"].as_array().expect("a list").len() == 2).then_some(())
    })
    .await;
}
