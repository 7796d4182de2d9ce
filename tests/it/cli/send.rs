//! `send`: what leaves, and what its answers mean.

use super::{Gateway, answer, problem, signalbox, signalbox_reading};
use serde_json::json;

const EVENT: &str = r#"{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{"n":1.50}}"#;

async fn accepting() -> Gateway {
    Gateway::play(|_, before| answer(202, &[("signalbox-position", &(17 + before).to_string())], "")).await
}

#[tokio::test]
async fn options_make_an_event_in_binary_mode() {
    let gateway = accepting().await;
    let arguments = ["send", "--type", "com.example.a", "--subject", "ü", "--extension", "region=eu"];
    let more = ["--data", "{\"n\": 1.50}", "--header", "Authorization: Bearer x", "--to", &gateway.url];
    let sent = signalbox(&[&arguments[..], &more].concat()).await;
    assert_eq!((sent.code, sent.stdout.as_str(), sent.stderr.as_str()), (0, "accepted at position 17\n", ""));
    let request = &gateway.seen()[0];
    assert_eq!(request.line, "POST /");
    assert_eq!(request.body, "{\"n\": 1.50}");
    for (name, value) in [
        ("ce-specversion", "1.0"),
        ("ce-type", "com.example.a"),
        ("ce-source", "urn:signalbox:cli"),
        ("ce-subject", "%C3%BC"),
        ("ce-region", "eu"),
        ("content-type", "application/json"),
        ("authorization", "Bearer x"),
    ] {
        assert_eq!(request.header(name), Some(value), "{name}");
    }
    assert!(request.header("ce-id").is_some_and(|id| id.len() == 36));
}

#[tokio::test]
async fn a_file_is_sent_in_every_mode() {
    let gateway = accepting().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("event.json");
    std::fs::write(&file, EVENT).unwrap();
    let file = file.to_str().unwrap();
    for mode in ["structured", "batch"] {
        let sent = signalbox(&["send", file, "--mode", mode, "--to", &gateway.url]).await;
        assert_eq!(sent.code, 0, "{}", sent.stderr);
    }
    let seen = gateway.seen();
    assert!(seen[0].header("content-type").unwrap().starts_with("application/cloudevents+json"));
    assert!(seen[1].header("content-type").unwrap().starts_with("application/cloudevents-batch+json"));
    assert!(seen[0].body.contains("1.50") && seen[1].body.starts_with('['), "{}", seen[1].body);
    for mode in ["structured", "batch", "binary"] {
        let sent = signalbox(&["send", file, "--mode", mode, "--format", "xml", "--to", &gateway.url]).await;
        assert_eq!(sent.code, 0, "{}", sent.stderr);
    }
    let seen = gateway.seen();
    assert_eq!(seen[2].header("content-type"), Some("application/cloudevents+xml"));
    assert!(seen[2].body.contains(r#"<ce:data xsi:type="xs:string">{"n":1.50}</ce:data>"#), "{}", seen[2].body);
    assert_eq!(seen[3].header("content-type"), Some("application/cloudevents-batch+xml"));
    assert!(seen[3].body.contains("<ce:batch"), "{}", seen[3].body);
    assert_eq!(seen[4].header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn an_attribute_xml_has_no_name_for_is_told_and_nothing_is_sent() {
    let gateway = accepting().await;
    let arguments = ["send", "--type", "t", "--extension", "1a=x", "--format", "xml", "--to", &gateway.url, "--mode"];
    for mode in ["structured", "batch"] {
        let sent = signalbox(&[&arguments[..], &[mode]].concat()).await;
        assert_eq!(sent.code, 65, "{}", sent.stdout);
        assert!(sent.stderr.contains("`1a`"), "{}", sent.stderr);
    }
    assert!(gateway.seen().is_empty());
}

#[tokio::test]
async fn many_events_go_one_by_one_and_an_array_as_one_batch() {
    let gateway = accepting().await;
    let lines = format!("{EVENT}\n{EVENT}\n");
    let sent = signalbox_reading(&["send", "-", "--to", &gateway.url, "--output", "json"], &lines).await;
    let positions: Vec<_> = sent.json().as_array().unwrap().iter().map(|one| one["position"].clone()).collect();
    assert_eq!((sent.code, positions), (0, vec![json!(17), json!(18)]));
    let array = signalbox_reading(&["send", "-", "--to", &gateway.url], &format!("[{EVENT},{EVENT}]")).await;
    assert_eq!((array.code, array.stdout.as_str()), (0, "accepted at position 19\n"));
    assert_eq!(gateway.seen().len(), 3);
}

#[tokio::test]
async fn duplicates_and_refusals_are_told_in_one_document() {
    let gateway = Gateway::play(|_, before| match before {
        0 => answer(202, &[("signalbox-position", "3"), ("signalbox-duplicate", "true")], ""),
        1 => problem(422, "SB-1020"),
        _ => answer(500, &[], "broken"),
    })
    .await;
    let arguments = ["send", "--type", "t", "--to", &gateway.url, "--output", "json"];
    let known = signalbox(&arguments).await;
    assert_eq!(known.json(), json!({"status": 202, "position": 3, "duplicate": true, "problem": null}));
    let refused = signalbox(&arguments).await;
    assert_eq!((refused.code, refused.json()["status"].as_u64()), (65, Some(422)));
    assert_eq!(refused.json()["problem"]["errors"][0]["pointer"], "/id");
    let told: serde_json::Value = serde_json::from_str(&refused.stderr).unwrap();
    assert_eq!(told["code"], "SB-1020");
    let broken = signalbox(&arguments).await;
    assert_eq!((broken.code, broken.json()["problem"]["detail"].as_str()), (69, Some("broken")));
}

#[tokio::test]
async fn a_wrong_event_never_leaves() {
    let gateway = accepting().await;
    let input = r#"[{"specversion":"1.0","id":"1","source":"/s","type":"t"},{"specversion":"1.0","id":""}]"#;
    let batch = signalbox_reading(&["send", "-", "--to", &gateway.url, "--output", "json"], input).await;
    assert_eq!(batch.code, 65);
    let errors = batch.json()["problem"]["errors"].clone();
    let pointers: Vec<_> = errors.as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    for pointer in ["/1/id", "/1/source", "/1/type"] {
        assert!(pointers.contains(&pointer), "{pointers:?}");
    }
    for input in ["", "{", "[1", "\"text\"", "{\"specversion\":\"1.0\"}"] {
        let wrong = signalbox_reading(&["send", "-", "--to", &gateway.url], input).await;
        assert_eq!((wrong.code, wrong.stdout.as_str()), (65, ""), "{input}");
        assert!(wrong.stderr.starts_with("error[SB-10"), "{}", wrong.stderr);
    }
    let attribute = signalbox(&["send", "--type", "t", "--extension", "Not_Legal=1", "--to", &gateway.url]).await;
    assert_eq!(attribute.code, 65);
    assert_eq!(signalbox(&["send", "/nowhere/event.json"]).await.code, 65);
    assert!(gateway.seen().is_empty());
}

#[tokio::test]
async fn a_connection_that_is_cut_leaves_the_id_to_send_again() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let cut = async {
        let (mut connection, _) = listener.accept().await.unwrap();
        let mut head = [0_u8; 4];
        tokio::io::AsyncReadExt::read_exact(&mut connection, &mut head).await.unwrap();
    };
    let arguments = ["send", "--type", "t", "--id", "a-7", "--to", &url];
    let (sent, ()) = tokio::join!(signalbox(&arguments), cut);
    assert_eq!((sent.code, sent.stdout.as_str()), (69, ""));
    assert!(sent.stderr.contains("send it again with the same id, `a-7`"), "{}", sent.stderr);
}
