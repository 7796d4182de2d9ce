//! The stream of `ensure_stream`: created when absent, never altered.

use super::client::{Link, StreamStanding};
use super::config::EnsureStream;
use super::error::ApiError;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::stream::{Config, StorageType};
use async_nats::{HeaderMap, StatusCode, Subject};
use bytes::Bytes;
use std::time::Duration;
use tokio::time::Instant;

/// Between two looks, however often they are asked for.
const SHORTEST: Duration = Duration::from_secs(1);
/// Between two looks while the stream cannot be created.
const LONGEST: Duration = Duration::from_secs(30);

/// Looks for the stream after each connect, and again when a delivery found nobody listening; creates it when absent, and
/// tries again in the background while that fails.
pub async fn keep(link: &Link, wanted: &EnsureStream) {
    let mut last = Instant::now();
    let mut pause = SHORTEST;
    loop {
        // Woken by the connection and by deliveries; once a second anyway, should that word get lost.
        let asked = tokio::time::timeout(SHORTEST, link.stream_wanted()).await.is_ok();
        let due = match link.stream() {
            StreamStanding::Unknown => true,
            StreamStanding::Present => asked && last.elapsed() >= SHORTEST,
            StreamStanding::Absent(_) => last.elapsed() >= pause,
        };
        if !due || !link.is_connected() {
            continue;
        }
        let outcome = ensure(link, wanted).await;
        last = Instant::now();
        pause = if outcome.is_ok() { SHORTEST } else { (pause * 2).min(LONGEST) };
        note(link, wanted, outcome);
    }
}

fn note(link: &Link, wanted: &EnsureStream, outcome: Result<(), String>) {
    // A connection lost while we looked makes what was found worthless.
    if !link.is_connected() {
        return;
    }
    match outcome {
        Ok(()) => {
            link.set_stream(StreamStanding::Present);
        }
        Err(why) => {
            let why = format!("the stream `{}` cannot be created: {why}", wanted.name);
            if link.set_stream(StreamStanding::Absent(why.clone())) {
                tracing::warn!(destination = link.name(), why, "no stream");
            }
        }
    }
}

async fn ensure(link: &Link, wanted: &EnsureStream) -> Result<(), String> {
    match ask(link, format!("$JS.API.STREAM.INFO.{}", wanted.name), Bytes::new()).await? {
        Ok(()) => return Ok(()),
        Err(error) if error.is(ErrorCode::STREAM_NOT_FOUND) => {}
        Err(error) => return Err(error.description),
    }
    let config = Config {
        name: wanted.name.clone(),
        subjects: wanted.subjects.clone(),
        storage: StorageType::File,
        ..Config::default()
    };
    let body = serde_json::to_vec(&config).map_err(|error| error.to_string())?;
    match ask(link, format!("$JS.API.STREAM.CREATE.{}", wanted.name), body.into()).await? {
        Ok(()) => {
            tracing::info!(destination = link.name(), stream = wanted.name, "stream created");
            Ok(())
        }
        // Somebody else was faster.
        Err(error) if error.is(ErrorCode::STREAM_NAME_EXIST) => Ok(()),
        Err(error) => Err(error.description),
    }
}

/// Calls the JetStream API. The outer error = it did not answer, the inner one = it refused.
async fn ask(link: &Link, subject: String, body: Bytes) -> Result<Result<(), ApiError>, String> {
    #[derive(serde::Deserialize)]
    struct Answer {
        error: Option<ApiError>,
    }
    let reply = link.request(Subject::from(subject), HeaderMap::new(), body).await.map_err(|error| error.detail)?;
    if reply.status == Some(StatusCode::NO_RESPONDERS) {
        return Err("JetStream is not enabled on the server, or not for this login".to_owned());
    }
    let answer: Answer =
        serde_json::from_slice(&reply.payload).map_err(|error| format!("unreadable answer: {error}"))?;
    Ok(answer.error.map_or(Ok(()), Err))
}
