//! `tail` and `listen`: commands that go on.

use super::{Gateway, PATIENCE, answer, command, ended, problem, signalbox};
use axum::body::Body;
use axum::http::Response;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Child;

fn frame(position: u64, ty: &str) -> String {
    let event = format!(r#"{{"specversion":"1.0","id":"{position}","source":"/s","type":"{ty}","data":{{"n":1.50}}}}"#);
    format!(": tick\n\nid: {position}\nevent: event\ndata: {event}\n\n")
}

fn stream(body: impl Into<Body>) -> Response<Body> {
    answer(200, &[("content-type", "text/event-stream")], body)
}

#[tokio::test]
async fn a_lost_stream_goes_on_after_the_last_position() {
    let gateway = Gateway::play(|_, before| match before {
        0 => stream(frame(1, "a") + &frame(2, "b")),
        1 => problem(503, "SB-1032"),
        _ => stream(frame(3, "a")),
    })
    .await;
    let arguments = ["tail", "--from", "1", "--count", "3", "--stream", "orders", "--admin-url", &gateway.url];
    let tail = signalbox(&arguments).await;
    assert_eq!(tail.code, 0, "{}", tail.stderr);
    let expected = "\
1  -  a  /s  1  -  {\"n\":1.50}
2  -  b  /s  2  -  {\"n\":1.50}
3  -  a  /s  3  -  {\"n\":1.50}
";
    assert_eq!(tail.stdout, expected);
    assert_eq!(tail.stderr.lines().count(), 2, "{}", tail.stderr);
    let seen = gateway.seen();
    assert_eq!(seen[0].line, "GET /api/v1/events/stream?stream=orders");
    let asked: Vec<_> = seen.iter().map(|request| request.header("last-event-id").unwrap().to_owned()).collect();
    assert_eq!(asked, ["0", "2", "2"]);
}

#[tokio::test]
async fn a_live_stream_is_filtered_and_printed_as_it_came() {
    let gateway = Gateway::play(|_, _| stream(frame(1, "a") + &frame(2, "b"))).await;
    let arguments = ["tail", "--filter-type", "b", "--count", "1", "--output", "json", "--admin-url", &gateway.url];
    let tail = signalbox(&arguments).await;
    assert_eq!((tail.code, tail.stderr.as_str()), (0, ""));
    assert_eq!(tail.json()["type"], "b");
    assert!(tail.stdout.contains("\"n\":1.50"));
    assert_eq!(gateway.seen()[0].header("last-event-id"), None);
}

#[tokio::test]
async fn a_refused_stream_is_not_tried_again() {
    let gateway = Gateway::play(|_, _| problem(400, "SB-1035")).await;
    let tail = signalbox(&["tail", "--stream", "..", "--admin-url", &gateway.url]).await;
    assert_eq!((tail.code, gateway.seen().len()), (65, 1));
    assert!(tail.stderr.contains("two \\u{1b}[31mreasons\n  /id: missing\n"), "{}", tail.stderr);
}

#[tokio::test]
async fn a_reader_that_goes_away_ends_it_quietly() {
    let gateway = Gateway::play(|_, _| {
        let frames = (1..).map(|position| Ok::<_, std::io::Error>(frame(position, "a")));
        stream(Body::from_stream(futures::stream::iter(frames)))
    })
    .await;
    let mut child = command(&["tail", "--admin-url", &gateway.url]).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).await.unwrap();
    assert!(line.starts_with("1  "), "{line}");
    let tail = ended(child).await;
    assert_eq!((tail.code, tail.stderr.as_str()), (0, ""));
}

/// A running `listen` and its URL.
pub async fn listen(arguments: &[&str]) -> (Child, String) {
    let mut child = command(&[&["listen"], arguments].concat()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
    let start = line.find("http://").unwrap();
    let url = line[start..].trim_end_matches(['"', '}']).to_owned();
    (child, url)
}

#[tokio::test]
async fn a_listener_prints_every_mode_and_ends_after_its_count() {
    let (mut child, url) = listen(&["--count", "4", "--output", "json"]).await;
    let event = r#"{"specversion":"1.0","id":"2","source":"/s","type":"t","data":{"n":1.50}}"#;
    let sent = signalbox(&["send", "--type", "t", "--id", "1", "--data", "{\"n\":1.50}", "--to", &url]).await;
    assert_eq!((sent.code, sent.stdout.as_str()), (0, "accepted\n"), "{}", sent.stderr);
    for (mode, input) in [("structured", event.to_owned()), ("batch", format!("[{event},{event}]"))] {
        let sent = super::signalbox_reading(&["send", "-", "--mode", mode, "--to", &url], &input).await;
        assert_eq!(sent.code, 0, "{}", sent.stderr);
    }
    let mut printed = String::new();
    child.stdout.take().unwrap().read_to_string(&mut printed).await.unwrap();
    let events: Vec<serde_json::Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ids: Vec<&str> = events.iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["1", "2", "2", "2"]);
    assert!(printed.lines().all(|line| line.contains("1.50")), "{printed}");
    assert!(child.wait().await.unwrap().success());
}

#[tokio::test]
async fn a_listener_answers_what_it_is_told() {
    let (_child, url) = listen(&["--status", "503", "--delay", "10ms"]).await;
    let sent = signalbox(&["send", "--type", "t", "--to", &url, "--output", "json"]).await;
    assert_eq!((sent.code, sent.json()["status"].as_u64()), (69, Some(503)));
    let taken = url.rsplit(':').next().unwrap();
    let second = signalbox(&["listen", "--port", taken]).await;
    assert_eq!((second.code, second.stdout.as_str()), (69, ""));
    assert!(second.stderr.starts_with("error[SB-4003]: "), "{}", second.stderr);
}

#[tokio::test]
async fn a_listener_refuses_what_is_no_event() {
    let (mut child, url) = listen(&["--count", "1"]).await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let post = |ty: &str| http.post(&url).header("ce-type", ty.to_owned()).header("ce-specversion", "1.0");
    assert_eq!(post("t").send().await.unwrap().status(), 400);
    let whole = post("t").header("ce-id", "1").header("ce-source", "/s").body("a\x1bb");
    assert_eq!(whole.send().await.unwrap().status(), 202);
    let mut printed = String::new();
    child.stdout.take().unwrap().read_to_string(&mut printed).await.unwrap();
    assert!(printed.starts_with("binary\n  specversion: 1.0\n") && !printed.contains('\x1b'), "{printed}");
    assert!(child.wait().await.unwrap().success());
}
