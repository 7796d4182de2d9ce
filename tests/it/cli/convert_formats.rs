//! `convert` and `send` in every event format; lines as they come.

use super::{Gateway, answer, command, signalbox};
use signalbox::cloudevents::Format;
use signalbox::cloudevents::format::{BatchBounds, BatchFormat};
use signalbox::cloudevents::reader::Bounds;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

const EVENT: &str = r#"{"specversion":"1.0","id":"1","source":"/s","type":"t","n":7,"datacontenttype":"application/json","data":{"a": 1.10}}"#;

struct Converted {
    code: i32,
    stdout: Vec<u8>,
    stderr: String,
}

impl Converted {
    fn text(&self) -> &str {
        str::from_utf8(&self.stdout).unwrap()
    }
}

async fn convert(arguments: &[&str], input: impl AsRef<[u8]>) -> Converted {
    let mut child = command(&[&["convert"], arguments, &["-"]].concat()).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_ref()).await.unwrap();
    let output = tokio::time::timeout(Duration::from_secs(30), child.wait_with_output()).await.unwrap().unwrap();
    Converted {
        code: output.status.code().unwrap(),
        stdout: output.stdout,
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn other() -> String {
    EVENT.replace(r#""id":"1""#, r#""id":"2""#)
}

#[tokio::test]
async fn an_event_goes_through_every_format_and_comes_back() {
    let mut document = EVENT.as_bytes().to_vec();
    for pair in ["json", "protobuf", "avro", "xml", "protobuf", "json", "avro", "json"].windows(2) {
        let converted = convert(&["--from", pair[0], "--to", pair[1]], &document).await;
        assert_eq!((converted.code, converted.stderr.as_str()), (0, ""), "{pair:?}");
        document = converted.stdout;
        let format = Format::of_suffix(pair[1]).unwrap();
        // Bytes end where they end; text ends with its line.
        let exact = document.strip_suffix(b"\n").filter(|_| format.is_text()).unwrap_or(&document);
        let event = format.read(exact.to_vec().into(), &Bounds::default()).unwrap();
        assert_eq!((&*event.id, event.attribute("n")), ("1", Some("7")), "{pair:?}");
        assert_eq!(event.data.bytes().as_deref(), Some(&br#"{"a": 1.10}"#[..]), "{pair:?}");
    }
    let members = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(members(str::from_utf8(&document).unwrap()), members(EVENT));
}

#[tokio::test]
async fn several_events_in_protobuf_or_avro_need_a_batch_or_files() {
    let lines = format!("{EVENT}\n{}\n", other());
    for (from, input) in [("ndjson", lines.clone()), ("json", format!("[{EVENT},{}]", other()))] {
        for to in ["protobuf", "avro"] {
            let refused = convert(&["--from", from, "--to", to], &input).await;
            assert_eq!((refused.code, refused.stdout.len()), (64, 0), "{from} {to}");
            assert!(refused.stderr.contains("--out"), "{}", refused.stderr);
        }
    }
    let batch = convert(&["--from", "ndjson", "--to", "protobuf", "--batch"], &lines).await;
    let caps = BatchBounds { events: 10, event_bytes: 1000 };
    let events = BatchFormat::Protobuf.read(batch.stdout.clone().into(), caps, &Bounds::default()).unwrap();
    assert_eq!(events.len(), 2);
    let back = convert(&["--from", "protobuf", "--batch", "--to", "ndjson"], &batch.stdout).await;
    assert_eq!((back.code, back.text()), (0, lines.as_str()));
    let array = convert(&["--from", "protobuf", "--batch", "--to", "json"], &batch.stdout).await;
    assert!(array.text().starts_with('[') && array.text().ends_with("]\n"), "{}", array.text());
    let hint = convert(&["--from", "protobuf", "--to", "json"], &batch.stdout).await;
    assert_eq!(hint.code, 65);
    assert!(hint.stderr.contains("--batch"), "{}", hint.stderr);
    // A single event is told from a batch of one.
    let single = convert(&["--from", "json", "--to", "protobuf"], EVENT).await;
    let wrapped = convert(&["--from", "protobuf", "--to", "protobuf", "--batch"], &single.stdout).await;
    assert_eq!(wrapped.code, 0, "{}", wrapped.stderr);
    assert_eq!(convert(&["--from", "avro", "--to", "avro", "--batch"], "").await.code, 65);
    assert_eq!(convert(&["--from", "ndjson", "--to", "avro", "--batch"], &lines).await.code, 64);

    let folder = tempfile::tempdir().unwrap();
    for (format, extension) in [("protobuf", "protobuf"), ("avro", "avro"), ("ndjson", "ndjson")] {
        let out = folder.path().to_str().unwrap();
        let files = convert(&["--from", "ndjson", "--to", format, "--out", out], &lines).await;
        assert_eq!((files.code, files.text().lines().count()), (0, 2), "{}", files.stderr);
        let file = folder.path().join(format!("2.{extension}"));
        let back = signalbox(&["convert", "--from", format, "--to", "ndjson", file.to_str().unwrap()]).await;
        assert_eq!((back.code, back.stdout), (0, other() + "\n"));
    }
}

#[tokio::test]
async fn lines_are_converted_as_they_come() {
    let mut child =
        command(&["convert", "--from", "ndjson", "--to", "ndjson", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    let (mut stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut lines = BufReader::new(stdout).lines();
    for _ in 0..3 {
        stdin.write_all(format!("{EVENT}\n\n").as_bytes()).await.unwrap();
        let line = tokio::time::timeout(Duration::from_secs(30), lines.next_line()).await.unwrap().unwrap();
        assert_eq!(line.as_deref(), Some(EVENT));
    }
    drop(stdin);
    assert_eq!(lines.next_line().await.unwrap(), None);
    assert!(child.wait().await.unwrap().success());
}

#[tokio::test]
async fn what_stands_before_a_bad_line_is_written_and_a_closed_pipe_is_no_error() {
    let bad = convert(
        &["--from", "ndjson", "--to", "xml", "--output", "json"],
        format!("{EVENT}\n{{\"specversion\":\"1.0\"}}\n{EVENT}\n"),
    )
    .await;
    assert_eq!((bad.code, bad.text().matches("<ce:id>1</ce:id>").count()), (65, 1));
    let told: serde_json::Value = serde_json::from_str(&bad.stderr).unwrap();
    assert_eq!((&told["errors"][0]["pointer"], &told["errors"][0]["index"]), (&"/1/id".into(), &1.into()));
    assert_eq!(convert(&["--from", "ndjson", "--to", "json"], "\n \n").await.code, 65);

    let mut child =
        command(&["convert", "--from", "ndjson", "--to", "ndjson", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    drop(child.stdout.take());
    // The pipe is closed: sooner or later nobody reads these lines any more.
    let line = format!("{EVENT}\n");
    while stdin.write_all(line.as_bytes()).await.is_ok() {}
    let output = tokio::time::timeout(Duration::from_secs(30), child.wait_with_output()).await.unwrap().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[tokio::test]
async fn memory_does_not_grow_with_the_lines() {
    let mut child = command(&["convert", "--from", "ndjson", "--to", "ndjson", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id().unwrap());
    let peak = || {
        let text = std::fs::read_to_string(&status).unwrap();
        let line = text.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    let mut stdin = child.stdin.take().unwrap();
    let line = format!("{}\n", EVENT.replace("1.10", &format!("\"{}\"", "x".repeat(100_000))));
    for _ in 0..20 {
        stdin.write_all(line.as_bytes()).await.unwrap();
    }
    let before = peak();
    for _ in 0..400 {
        stdin.write_all(line.as_bytes()).await.unwrap();
    }
    // 40 MB went through.
    assert!(peak() < before + 10_000, "{before} kB, then {} kB", peak());
    drop(stdin);
    assert!(child.wait().await.unwrap().success());
}

#[tokio::test]
async fn an_event_is_sent_in_every_format_and_read_from_every_one() {
    let gateway = Gateway::play(|_, _| answer(202, &[("signalbox-position", "1")], "")).await;
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<_> = Format::ALL
        .iter()
        .map(|format| {
            let event = Format::Json.read(EVENT.into(), &Bounds::default()).unwrap();
            let path = folder.path().join(format.name());
            std::fs::write(&path, format.write(&event).unwrap()).unwrap();
            (*format, path.to_str().unwrap().to_owned())
        })
        .collect();
    for (from, file) in &files {
        for to in Format::ALL {
            let arguments = [
                "send",
                file,
                "--from",
                from.name(),
                "--mode",
                "structured",
                "--format",
                to.name(),
                "--to",
                &gateway.url,
            ];
            let sent = signalbox(&arguments).await;
            assert_eq!((sent.code, sent.stderr.as_str()), (0, ""), "{from:?} {to:?}");
            let seen = gateway.seen();
            let request = seen.last().unwrap();
            assert_eq!(request.header("content-type"), Some(to.media_type()));
            let event = to.read(request.body.clone().into(), &Bounds::default()).unwrap();
            assert_eq!((&*event.id, event.data.len()), ("1", 11), "{from:?} {to:?}");
        }
    }
    let protobuf = &files[2].1;
    let batch = signalbox(&[
        "send",
        protobuf,
        "--from",
        "protobuf",
        "--mode",
        "batch",
        "--format",
        "protobuf",
        "--to",
        &gateway.url,
    ])
    .await;
    assert_eq!((batch.code, batch.stderr.as_str()), (0, ""));
    let seen = gateway.seen();
    assert_eq!(seen.last().unwrap().header("content-type"), Some("application/cloudevents-batch+protobuf"));
    let avro = signalbox(&["send", &files[0].1, "--mode", "batch", "--format", "avro", "--to", &gateway.url]).await;
    assert_eq!(avro.code, 64, "{}", avro.stderr);
    assert_eq!(gateway.seen().len(), seen.len());
    let broken = signalbox(&["send", &files[0].1, "--from", "avro", "--to", &gateway.url]).await;
    assert_eq!(broken.code, 65, "{}", broken.stderr);
}
