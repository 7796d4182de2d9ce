//! The HTTP client of a destination: its pool of connections, and the one exchange of an attempt.

use super::config::HttpConfig;
use super::error;
use crate::deliver::Outgoing;
use crate::deliver::error::DeliveryError;
use reqwest::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Response, Url, redirect};
use std::time::Duration;

/// A host that does not even answer the handshake is unreachable after this long, or after `timeout` if that is shorter.
const CONNECT: Duration = Duration::from_secs(10);
/// A peer that has gone without a word is noticed on idle connections, too.
const KEEPALIVE: Duration = Duration::from_secs(15);
/// Connections that wait for the next event.
const IDLE_CONNECTIONS: usize = 32;
/// Shorter than most receivers keep theirs open, so that we seldom send into a connection that is being closed.
const IDLE: Duration = Duration::from_secs(45);
/// Bytes of an answer that are read, so that its connection can be used again; a longer one costs the connection.
const ANSWER_BYTES: usize = 64 << 10;
/// The same for its time: the outcome is known with the head.
const ANSWER_TIME: Duration = Duration::from_secs(1);

/// Headers that say how a request is framed or who it is for. The encoder writes none of them.
const FRAMING: [&str; 9] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "content-encoding",
];

/// A client for one destination.
pub fn build(config: &HttpConfig) -> Result<Client, reqwest::Error> {
    let mut builder = Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .referer(false)
        .user_agent(concat!("signalbox/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT.min(config.timeout.0))
        .tcp_keepalive(KEEPALIVE)
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
        .pool_idle_timeout(IDLE);
    if !config.url.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https")) {
        // Reading the machine's certificates costs time and fails where there are none.
        builder = builder.tls_certs_only([]);
    }
    builder.build()
}

/// Posts and waits for the head of the answer.
pub async fn post(client: &Client, outgoing: Outgoing, timeout: Duration) -> Result<Response, DeliveryError> {
    let url = Url::parse(&outgoing.target).map_err(|fault| error::bad_target(fault.to_string()))?;
    let mut headers = headers(outgoing.headers)?;
    let body = outgoing.body.unwrap_or_default();
    if body.is_empty() {
        // Not written otherwise, and there are receivers that wait for a body of a POST without a length (RFC 9110 §8.6).
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    let request = client.post(url).headers(headers).body(body);
    match tokio::time::timeout(timeout, request.send()).await {
        Ok(answer) => answer.map_err(|error| error::from_client(&error)),
        Err(_) => Err(error::no_answer(format!("no answer within {}", crate::units::Span(timeout)))),
    }
}

/// Reads what is left of an answer, within bounds. What it says is not looked at.
pub async fn drain(mut answer: Response) {
    let read = async {
        let mut bytes = 0;
        while let Ok(Some(chunk)) = answer.chunk().await {
            bytes += chunk.len();
            if bytes > ANSWER_BYTES {
                break;
            }
        }
    };
    // One that is not read to its end is closed with its connection.
    tokio::time::timeout(ANSWER_TIME, read).await.ok();
}

fn headers(headers: Vec<(String, String)>) -> Result<HeaderMap, DeliveryError> {
    let mut map = HeaderMap::with_capacity(headers.len() + 4);
    for (name, value) in headers {
        let refused = |why: &str| error::refused(format!("the header `{}` cannot be sent: {why}", name.escape_debug()));
        if FRAMING.iter().any(|framing| name.eq_ignore_ascii_case(framing)) {
            return Err(refused("it would change how the request is read"));
        }
        let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused("it is not a header name"))?;
        // Takes UTF-8, and no control character.
        let value =
            HeaderValue::from_bytes(value.as_bytes()).map_err(|_| refused("its value holds a control character"))?;
        map.append(parsed, value);
    }
    Ok(map)
}
