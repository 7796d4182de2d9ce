//! The HTTP side of every client command: the one place that builds URLs, sets timeouts and reads answers.

use crate::cli::exit::Exit;
use crate::cli::failure::{Failure, Problem};
use crate::codes::Code;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Response, StatusCode, Url};
use serde::de::DeserializeOwned;
use std::error::Error as _;
use std::time::Duration;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// A gateway that needs longer to say that it lives is not well.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection to a host that vanished is noticed, though a stream may be silent for hours.
const KEEPALIVE: Duration = Duration::from_secs(15);
/// A page of the API is far smaller; this only bounds what a wrong address may send.
const LARGEST_ANSWER: usize = 256 << 20;

/// Where the admin listener is.
#[derive(Debug, Clone, clap::Args)]
pub struct AdminArgs {
    /// The gateway's admin URL
    #[arg(
        long,
        value_name = "URL",
        env = "SIGNALBOX_ADMIN_URL",
        hide_env_values = true,
        default_value = "http://127.0.0.1:8081",
        value_parser = base_url
    )]
    pub admin_url: Url,
}

/// A base URL from the command line; `http://` may be left out.
pub fn base_url(text: &str) -> Result<Url, String> {
    let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let url = Url::parse(&whole).map_err(|error| format!("not a URL: {error}"))?;
    match url.scheme() {
        "http" | "https" if url.has_host() => Ok(url),
        _ => Err("not an http or https URL".to_owned()),
    }
}

/// A URL as it may be shown: without user, password and query.
pub fn shown(url: &Url) -> String {
    let mut origin = url.origin().ascii_serialization();
    if url.path() != "/" {
        origin.push_str(url.path());
    }
    origin
}

/// One gateway.
pub struct Client {
    http: reqwest::Client,
    base: Url,
}

impl Client {
    /// A client of the gateway at `base`.
    pub fn new(base: Url) -> Result<Client, Failure> {
        let mut builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_keepalive(KEEPALIVE)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("signalbox/", env!("CARGO_PKG_VERSION")));
        if base.scheme() == "http" {
            // Reading the machine's certificates costs time and fails where there are none.
            builder = builder.tls_certs_only([]);
        }
        if is_loopback(&base) {
            builder = builder.no_proxy();
        }
        let http = builder
            .build()
            .map_err(|error| Failure::other(Exit::Unavailable, "no HTTP client can be made", chain(&error)))?;
        Ok(Client { http, base })
    }

    /// The URL this client talks to, as it may be shown.
    pub fn shown(&self) -> String {
        shown(&self.base)
    }

    /// `GET /api/v1/<path>`: the body of a good answer.
    pub async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<String, Failure> {
        let request = self.http.get(self.api(path, query)).timeout(ANSWER_TIMEOUT);
        let response = request.send().await.map_err(|error| self.unreachable(&error, "--admin-url"))?;
        self.good_body(response).await
    }

    /// `GET /<path>` of a probe: what it says when it is good.
    pub async fn probe(&self, path: &str) -> Result<String, Failure> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{path}", self.base.path().trim_end_matches('/')));
        let request = self.http.get(url).timeout(PROBE_TIMEOUT);
        let response = request.send().await.map_err(|error| self.unreachable(&error, "--admin-url"))?;
        self.good_body(response).await
    }

    /// `POST /api/v1/<path>` with a JSON document: the body of a good answer.
    pub async fn call(&self, path: &str, document: &serde_json::Value) -> Result<String, Failure> {
        let request = self.http.post(self.api(path, &[])).header(CONTENT_TYPE, "application/json");
        let request = request.body(document.to_string()).timeout(ANSWER_TIMEOUT);
        let response = request.send().await.map_err(|error| self.unreachable(&error, "--admin-url"))?;
        self.good_body(response).await
    }

    /// `POST /api/v1/explain` with an event: the body of a good answer.
    pub async fn explain(&self, media_type: &'static str, event: bytes::Bytes) -> Result<String, Failure> {
        let request = self.http.post(self.api("explain", &[])).header(CONTENT_TYPE, media_type);
        let request = request.body(event).timeout(ANSWER_TIMEOUT);
        let response = request.send().await.map_err(|error| self.unreachable(&error, "--admin-url"))?;
        self.good_body(response).await
    }

    /// `GET /api/v1/<path>` as a stream of server-sent events; it has no end and so no timeout.
    pub async fn follow(
        &self,
        path: &str,
        query: &[(&str, &str)],
        last_event_id: Option<&str>,
    ) -> Result<Response, Failure> {
        let mut request = self.http.get(self.api(path, query)).header("accept", "text/event-stream");
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, request.send()).await;
        let response = match answer {
            Ok(sent) => sent.map_err(|error| self.unreachable(&error, "--admin-url"))?,
            Err(_) => return Err(self.silent("--admin-url")),
        };
        if !response.status().is_success() {
            return Err(self.good_body(response).await.err().unwrap_or_else(|| self.silent("--admin-url")));
        }
        let media_type = response.headers().get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
        if !media_type.to_ascii_lowercase().starts_with(b"text/event-stream") {
            return Err(self.strange("it sends no event stream"));
        }
        Ok(response)
    }

    /// POST to the base URL itself. Any answer is an answer; only none at all fails.
    pub async fn post(&self, headers: HeaderMap, body: bytes::Bytes, timeout: Duration) -> Result<Answer, NoAnswer> {
        let request = self.http.post(self.base.clone()).headers(headers).body(body).timeout(timeout);
        let response = request.send().await.map_err(|error| NoAnswer {
            sent: !error.is_connect() && !error.is_builder(),
            failure: self.unreachable(&error, "--to"),
        })?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = self.body(response, "--to").await.map_err(|failure| NoAnswer { failure, sent: true })?;
        Ok(Answer { status, headers, body })
    }

    async fn good_body(&self, response: Response) -> Result<String, Failure> {
        let status = response.status();
        let body = self.body(response, "--admin-url").await?;
        if status.is_success() { Ok(body) } else { Err(refused(status, &body)) }
    }

    async fn body(&self, mut response: Response, flag: &str) -> Result<String, Failure> {
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|error| self.unreachable(&error, flag))? {
            if body.len() + piece.len() > LARGEST_ANSWER {
                return Err(self.strange("it is larger than 256 MiB"));
            }
            body.extend_from_slice(&piece);
        }
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    /// Reads an answer of the API; what does not fit came from something else.
    pub fn read<T: DeserializeOwned>(&self, body: &str) -> Result<T, Failure> {
        serde_json::from_str(body).map_err(|error| self.strange(&error.to_string()))
    }

    /// Something answers, but not a gateway's admin listener.
    pub fn strange(&self, why: &str) -> Failure {
        let detail = format!("what answers at `{}` is no admin listener of Signalbox: {why}", self.shown());
        Failure::coded(Exit::Unavailable, Code::GatewayUnavailable, detail).hint("see --admin-url")
    }

    fn api(&self, path: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/api/v1/{path}", self.base.path().trim_end_matches('/')));
        url.set_query(None);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    fn unreachable(&self, error: &reqwest::Error, flag: &str) -> Failure {
        if error.is_timeout() && !error.is_connect() {
            return self.silent(flag);
        }
        let detail = format!("`{}`: {}", self.shown(), chain(error));
        Failure::coded(Exit::Unavailable, Code::GatewayUnavailable, detail)
            .hint(format!("is the gateway running? {flag} says where it is"))
    }

    fn silent(&self, flag: &str) -> Failure {
        let detail = format!("`{}` took the request and did not answer in time", self.shown());
        Failure::coded(Exit::Unavailable, Code::GatewayUnavailable, detail)
            .hint(format!("is it a gateway, and is it well? {flag} says where it is"))
    }
}

/// An answer to a POST.
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: String,
}

/// A POST that was not answered.
pub struct NoAnswer {
    /// Why.
    pub failure: Failure,
    /// Something left, so that the other side may have taken it.
    pub sent: bool,
}

/// The failure an answer that is no success means: a refusal (4xx) is the caller's data, all else the gateway's state.
pub fn refused(status: StatusCode, body: &str) -> Failure {
    let exit = if status.is_client_error() { Exit::BadData } else { Exit::Unavailable };
    Failure::of_problem(exit, Problem::from_answer(status.as_u16(), body))
}

/// A request header as text; an illegal one is a wrong command line.
pub fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), Failure> {
    let wrong = || Failure::usage(format!("`{}` cannot be a header", crate::cli::output::shorten(name, 60)));
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
    let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| wrong())?;
    Ok((name, value))
}

/// A proxy of the environment is never asked for this machine.
fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The innermost cause: `connection refused` says more than the layers above it. It never holds the URL.
fn chain(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    if error.source().is_none() { "the request failed".to_owned() } else { cause.to_string().to_lowercase() }
}

#[cfg(test)]
mod tests {
    use super::{Client, base_url, is_loopback, shown};

    #[test]
    fn urls_are_built_below_the_base_and_encoded() {
        let client = Client::new(base_url("gateway.example:8081/box/").unwrap()).unwrap();
        let url = client.api("events", &[("type", "a b&c"), ("limit", "5")]);
        assert_eq!(url.as_str(), "http://gateway.example:8081/box/api/v1/events?type=a+b%26c&limit=5");
        assert_eq!(client.api("routes", &[]).as_str(), "http://gateway.example:8081/box/api/v1/routes");
    }

    #[test]
    fn only_http_urls_are_taken() {
        assert!(base_url("ftp://x").is_err());
        assert!(base_url("http://").is_err());
        assert!(base_url("").is_err());
        assert_eq!(base_url("127.0.0.1:1").unwrap().as_str(), "http://127.0.0.1:1/");
    }

    #[test]
    fn a_password_in_a_url_is_never_shown() {
        let url = base_url("https://user:canary@gateway.example/in?token=canary").unwrap();
        assert_eq!(shown(&url), "https://gateway.example/in");
    }

    #[test]
    fn this_machine_is_recognised_by_every_name() {
        for (url, expected) in [
            ("http://localhost:1", true),
            ("http://127.8.8.8", true),
            ("http://[::1]:8081", true),
            ("http://10.0.0.1", false),
            ("http://localhost.example", false),
        ] {
            assert_eq!(is_loopback(&base_url(url).unwrap()), expected, "{url}");
        }
    }
}
