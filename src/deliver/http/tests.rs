//! Against a receiver that answers as it is told, one connection after the other.

use super::config::HttpConfig;
use super::destination::HttpDestination;
use super::error::{may_pass, retry_after};
use crate::codes::Code;
use crate::deliver::error::{Advice, DeliveryError};
use crate::deliver::{Destination as _, Outgoing, Reach, Receipt};
use crate::encode::HeaderEncoding;
use crate::state::Reason;
use crate::units::Span;
use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, SystemTime};

/// Its address, and the requests it got. Each answer is sent to one request, on a connection of its own.
fn receiver(answers: &'static [&'static str]) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/in", listener.local_addr().unwrap());
    let (got, requests) = sync_channel(100);
    std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            got.send(request(&mut stream)).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            // An answer that does not end: the connection stays open until the sender has had enough.
            if answer.ends_with("...") || answer.is_empty() {
                stream.read_exact(&mut [0]).ok();
            }
        }
    });
    (url, requests)
}

fn request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let complete = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).to_lowercase();
        let (head, body) = text.split_once("\r\n\r\n")?;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
        (body.len() >= length.parse::<usize>().ok()?).then_some(())
    };
    while complete(&bytes).is_none() {
        let mut chunk = [0; 4096];
        let read = stream.read(&mut chunk).unwrap();
        assert!(read > 0, "the sender stopped: {}", String::from_utf8_lossy(&bytes));
        bytes.extend_from_slice(&chunk[..read]);
    }
    String::from_utf8(bytes).unwrap()
}

fn destination(url: &str) -> HttpDestination {
    destination_with(url, Duration::from_secs(30))
}

fn destination_with(url: &str, timeout: Duration) -> HttpDestination {
    let timeout = Span(timeout);
    HttpDestination::start(
        "crm",
        &HttpConfig { url: url.to_owned(), header_encoding: HeaderEncoding::Percent, timeout },
    )
}

fn outgoing(url: &str) -> Outgoing {
    Outgoing {
        target: url.to_owned(),
        key: None,
        headers: vec![("ce-id".to_owned(), "1".to_owned()), ("Content-Type".to_owned(), "text/plain".to_owned())],
        body: Some(Bytes::from_static(b"data")),
        message_id: "1".to_owned(),
        stored: None,
    }
}

async fn deliver(answer: &'static [&'static str]) -> Result<Receipt, DeliveryError> {
    let (url, _requests) = receiver(answer);
    destination(&url).deliver(outgoing(&url)).await
}

#[tokio::test]
async fn a_2xx_is_taken_whatever_its_body() {
    for (answer, status) in [
        (&["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"][..], "status=200"),
        (&["HTTP/1.1 204 No Content\r\n\r\n"], "status=204"),
        (&["HTTP/1.1 202 Accepted\r\nContent-Length: 1000000\r\n\r\nslow..."], "status=202"),
    ] {
        assert_eq!(deliver(answer).await, Ok(Some(status.to_owned())), "{answer:?}");
    }
}

#[tokio::test]
async fn the_request_is_a_plain_post() {
    const TAKEN: &[&str] = &["HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"; 2];
    let (url, requests) = receiver(TAKEN);
    let destination = destination(&url);
    let mut message = outgoing(&format!("{url}/a%2Fb?c"));
    message.headers.push(("ce-ext".to_owned(), "é %".to_owned()));
    destination.deliver(message).await.unwrap();
    let request = requests.recv().unwrap();
    assert!(request.starts_with("POST /in/a%2Fb?c HTTP/1.1\r\n"), "{request}");
    let head = request.to_lowercase();
    for line in ["ce-id: 1\r\n", "content-type: text/plain\r\n", "ce-ext: é %\r\n", "content-length: 4\r\n"] {
        assert!(head.contains(line), "{line} is not in {request}");
    }
    assert!(request.ends_with("\r\n\r\ndata"), "{request}");
    // Without data there is a length of nothing, and no media type.
    destination.deliver(Outgoing { headers: Vec::new(), body: None, ..outgoing(&url) }).await.unwrap();
    let request = requests.recv().unwrap().to_lowercase();
    assert!(request.contains("content-length: 0\r\n") && !request.contains("content-type"), "{request}");
}

#[tokio::test]
async fn each_answer_has_its_meaning() {
    let never = Advice::Never(Reason::Refused);
    for (answer, code, advice) in [
        (
            &["HTTP/1.1 413 X\r\nContent-Length: 0\r\n\r\n"][..],
            Code::TooLargeForDestination,
            Advice::Never(Reason::TooLarge),
        ),
        (&["HTTP/1.1 400 X\r\nContent-Length: 0\r\n\r\n"], Code::RefusedByDestination, never),
        (&["HTTP/1.1 410 X\r\nContent-Length: 0\r\n\r\n"], Code::RefusedByDestination, never),
        (&["HTTP/1.1 307 X\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"], Code::RefusedByDestination, never),
        (&["HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n"], Code::DestinationFailed, Advice::Later(None)),
        (
            &["HTTP/1.1 503 X\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n"],
            Code::DestinationFailed,
            Advice::Later(Some(Duration::from_secs(7))),
        ),
        (&["HTTP/1.1 200 O"], Code::NoAck, Advice::Later(None)),
    ] {
        let failed = deliver(answer).await.unwrap_err();
        assert_eq!((failed.code, failed.advice), (code, advice), "{answer:?}: {failed}");
        assert!(!failed.detail.contains("127.0.0.1"), "{failed}");
    }
}

#[tokio::test]
async fn no_answer_in_time_is_tried_again() {
    let (url, _requests) = receiver(&[""]);
    let destination = destination_with(&url, Duration::from_millis(200));
    let failed = destination.deliver(outgoing(&url)).await.unwrap_err();
    assert_eq!((failed.code, failed.advice), (Code::NoAck, Advice::Later(None)));
    assert_eq!(failed.detail, "no answer within 200ms");
    assert_eq!(destination.health().detail.as_deref(), Some("no answer within 200ms"));
}

#[test]
fn what_is_tried_again_is_the_table_of_knative_and_425() {
    let again: Vec<u16> = (100..600).filter(|status| may_pass(StatusCode::from_u16(*status).unwrap())).collect();
    assert_eq!(again[..6], [404, 408, 409, 425, 429, 500]);
    assert_eq!(again.len(), 105);
}

#[tokio::test]
async fn nothing_is_sent_before_the_receiver_wants_it() {
    let (url, requests) = receiver(&["HTTP/1.1 429 X\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n"]);
    let destination = destination(&url);
    assert!(destination.health().healthy);
    let failed = destination.deliver(outgoing(&url)).await.unwrap_err();
    assert_eq!(failed.advice, Advice::Later(Some(Duration::from_hours(1))));
    for target in [url.clone(), format!("{url}/other")] {
        let held = destination.deliver(outgoing(&target)).await.unwrap_err();
        assert_eq!((held.code, held.advice), (Code::Unreachable, Advice::Unreachable));
    }
    assert!(!destination.health().healthy);
    assert_eq!(destination.reach(), Reach::Down);
    assert_eq!(requests.try_iter().count(), 1);
}

#[tokio::test]
async fn one_that_is_not_there_is_unreachable() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{closed}/canary?canary");
    let destination = destination(&url);
    let failed = destination.deliver(outgoing(&url)).await.unwrap_err();
    assert_eq!((failed.code, failed.advice), (Code::Unreachable, Advice::Unreachable));
    assert!(!failed.detail.contains("canary"), "{failed}");
    assert!(!destination.health().healthy);
    assert_eq!(destination.reach(), Reach::Down);
}

#[tokio::test]
async fn what_must_not_leave_is_refused_unsent() {
    let url = "http://127.0.0.1:9/in";
    for (name, value) in
        [("Host", "x"), ("Transfer-Encoding", "chunked"), ("ce-a", "x\r\ny: z"), ("ce a", "x"), ("", "x")]
    {
        let headers = vec![(name.to_owned(), value.to_owned())];
        let failed = destination(url).deliver(Outgoing { headers, ..outgoing(url) }).await.unwrap_err();
        assert_eq!(failed.advice, Advice::Never(Reason::Refused), "{name}: {value}");
    }
    let failed = destination(url).deliver(outgoing("http://127.0.0.1:9/../x")).await.unwrap_err();
    assert_eq!(failed.advice, Advice::Never(Reason::Topic));
}

#[test]
fn retry_after_is_read_in_every_form_and_bounded() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_717); // a minute before the date below
    let day = Duration::from_hours(24);
    for (text, wait) in [
        ("120", Some(Duration::from_mins(2))),
        ("0", Some(Duration::ZERO)),
        ("Sun, 06 Nov 1994 08:49:37 GMT", Some(Duration::from_mins(1))),
        ("Sunday, 06-Nov-94 08:49:37 GMT", Some(Duration::from_mins(1))),
        ("Sun Nov  6 08:49:37 1994", Some(Duration::from_mins(1))),
        ("Sat, 06 Nov 1993 08:49:37 GMT", Some(Duration::ZERO)),
        ("Fri, 31 Dec 9999 23:59:59 GMT", Some(day)),
        ("99999999999999999999999", Some(day)),
        ("-1", None),
        ("soon", None),
        ("", None),
    ] {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(text))]);
        assert_eq!(retry_after(&headers, now), wait, "{text}");
    }
}
