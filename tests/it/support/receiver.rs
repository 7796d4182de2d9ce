//! A service that takes events by POST: answers as it is told, and remembers what it got.

use super::wait_for;
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Request, Response};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::AbortHandle;

/// One request it got.
#[derive(Debug, Clone)]
pub struct Received {
    /// When its body was complete.
    pub at: Instant,
    /// `POST /path?query`.
    pub line: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// What it answers: status and headers.
pub type Answer = (u16, &'static [(&'static str, &'static str)]);

#[derive(Default)]
struct State {
    answers: Mutex<VecDeque<Answer>>,
    received: Mutex<Vec<Received>>,
}

/// A running receiver. Ends when dropped.
pub struct Receiver {
    url: String,
    state: Arc<State>,
    serving: AbortHandle,
}

impl Receiver {
    /// Starts one that gives these answers in order, and 200 to all others.
    pub async fn start(answers: &[Answer]) -> Receiver {
        Receiver::start_at("127.0.0.1:0", answers).await
    }

    /// The same on an address of its own.
    pub async fn start_at(address: &str, answers: &[Answer]) -> Receiver {
        let listener = tokio::net::TcpListener::bind(address).await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let state = Arc::new(State { answers: Mutex::new(answers.iter().copied().collect()), ..State::default() });
        let shared = state.clone();
        let router = Router::new().fallback(move |request: Request<Body>| {
            let shared = shared.clone();
            async move { shared.take(request).await }
        });
        #[expect(clippy::disallowed_methods, reason = "a test owns its own task")]
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Receiver { url, state, serving: serving.abort_handle() }
    }

    /// Where it is, with a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// Everything it got so far.
    pub fn received(&self) -> Vec<Received> {
        lock(&self.state.received).clone()
    }

    /// Waits until it got that many requests.
    pub async fn wait(&self, count: usize) -> Vec<Received> {
        wait_for("requests at the receiver", Duration::from_mins(1), || async {
            let received = self.received();
            (received.len() >= count).then_some(received)
        })
        .await
    }
}

impl State {
    async fn take(&self, request: Request<Body>) -> Response<Body> {
        let (head, body) = request.into_parts();
        let body = to_bytes(body, 1 << 24).await.expect("a body");
        let line = format!("{} {}", head.method, head.uri);
        lock(&self.received).push(Received { at: Instant::now(), line, headers: head.headers, body });
        let (status, headers) = lock(&self.answers).pop_front().unwrap_or((200, &[]));
        let mut answer = Response::builder().status(status);
        for (name, value) in headers {
            answer = answer.header(*name, *value);
        }
        answer.body(Body::empty()).expect("an answer")
    }
}

impl Received {
    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| str::from_utf8(value.as_bytes()).expect("UTF-8"))
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
