//! Reads a request's body under its caps: bytes of one body, time, and bytes of all bodies together.

use crate::codes::Code;
use crate::decode::Refusal;
use crate::decode::body::Encoding;
use crate::pipeline::budget::Share;
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use http_body::Body;
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout_at};

/// Reserved at most before the bytes are there: a claimed length costs its claimant nothing.
const FIRST_ALLOCATION: usize = 256 << 10;
/// What a compressed body is expected to grow to: this many times its size, and no less than so many bytes.
const LIKELY_RATIO: usize = 8;
const LIKELY_LEAST: usize = 64 << 10;

/// Why a body was not read. The code decides the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Which rule.
    pub code: Code,
    /// One sentence for people.
    pub detail: String,
}

/// Reads the whole body. A body that came in one frame is not copied. `body` is at its end only when this succeeds.
pub async fn read<B>(body: &mut B, most: usize, deadline: Instant, share: &mut Share) -> Result<Bytes, Failure>
where
    B: Body<Data = Bytes, Error: std::fmt::Display> + Unpin,
{
    let claimed = body.size_hint().lower();
    if claimed > most as u64 {
        return Err(too_large(most));
    }
    let mut whole = Gathered::Nothing;
    while !body.is_end_stream() {
        let Some(frame) = next_frame(body, deadline).await? else { break };
        let Ok(data) = frame.into_data() else { continue };
        if whole.len() + data.len() > most {
            return Err(too_large(most));
        }
        if !share.grow(data.len()) {
            return Err(overloaded());
        }
        whole.push(data, usize::try_from(claimed).unwrap_or(0));
    }
    Ok(whole.into_bytes())
}

/// The next frame. The timer is made only when the bytes are not there yet.
async fn next_frame<B>(body: &mut B, deadline: Instant) -> Result<Option<http_body::Frame<Bytes>>, Failure>
where
    B: Body<Data = Bytes, Error: std::fmt::Display> + Unpin,
{
    let mut next = body.frame();
    let frame = match futures::poll!(&mut next) {
        std::task::Poll::Ready(frame) => frame,
        std::task::Poll::Pending => timeout_at(deadline, next)
            .await
            .map_err(|_| failure(Code::RequestTimeout, "the request was not complete in time"))?,
    };
    frame.transpose().map_err(|error| failure(Code::BrokenRequest, &format!("the body cannot be read: {error}")))
}

/// The body without its content coding. Decompression runs off the async threads; what it may grow to is taken from
/// the budget first.
pub async fn decompressed(headers: &HeaderMap, body: Bytes, most: usize, share: &mut Share) -> Result<Bytes, Failure> {
    if !headers.contains_key(CONTENT_ENCODING) {
        return Ok(body);
    }
    let named: Vec<_> =
        headers.get_all(CONTENT_ENCODING).iter().map(|value| (CONTENT_ENCODING.as_str(), value.as_bytes())).collect();
    let encoding = Encoding::of(named.into_iter());
    let encoding = encoding.map_err(|refusal| Failure { code: refusal.code, detail: refusal.detail })?;
    if encoding == Encoding::Identity {
        return Ok(body);
    }
    // Most bodies shrink to no less than an eighth. One that shrinks further may be a bomb, and is measured before memory
    // is given to it.
    let held = share.bytes();
    let likely = most.min(body.len().saturating_mul(LIKELY_RATIO).max(LIKELY_LEAST));
    let body = match expand(encoding, body.clone(), likely, share).await {
        Err(failure) if failure.code == Code::BodyTooLarge && likely < most => {
            share.shrink_to(held);
            if !share.grow(encoding.measuring_takes(&body, most)) {
                return Err(overloaded());
            }
            let compressed = body.clone();
            let exact = aside(move || encoding.measure(&compressed, most)).await?;
            share.shrink_to(held);
            expand(encoding, body, exact, share).await?
        }
        outcome => outcome?,
    };
    share.shrink_to(body.len());
    Ok(body)
}

/// Decompresses to at most `most` bytes, which are taken from the budget.
async fn expand(encoding: Encoding, body: Bytes, most: usize, share: &mut Share) -> Result<Bytes, Failure> {
    if !share.grow(most) {
        return Err(overloaded());
    }
    aside(move || encoding.decompress(body, most)).await
}

/// Does long work off the async threads.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> Result<T, Refusal> + Send + 'static) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome.map_err(|refusal| Failure { code: refusal.code, detail: refusal.detail }),
        Err(_) => Err(failure(Code::Internal, "decompression failed")),
    }
}

fn overloaded() -> Failure {
    failure(Code::Overloaded, "too many bytes of request bodies are waiting")
}

fn too_large(most: usize) -> Failure {
    failure(Code::BodyTooLarge, &format!("the body has more than {most} bytes"))
}

fn failure(code: Code, detail: &str) -> Failure {
    Failure { code, detail: detail.to_owned() }
}

/// The frames so far.
enum Gathered {
    Nothing,
    One(Bytes),
    Many(BytesMut),
}

impl Gathered {
    fn len(&self) -> usize {
        match self {
            Gathered::Nothing => 0,
            Gathered::One(bytes) => bytes.len(),
            Gathered::Many(bytes) => bytes.len(),
        }
    }

    fn push(&mut self, data: Bytes, claimed: usize) {
        match self {
            Gathered::Nothing => *self = Gathered::One(data),
            Gathered::One(first) => {
                let expected = claimed.clamp(first.len() + data.len(), FIRST_ALLOCATION.max(first.len() + data.len()));
                let mut many = BytesMut::with_capacity(expected);
                many.extend_from_slice(first);
                many.extend_from_slice(&data);
                *self = Gathered::Many(many);
            }
            Gathered::Many(many) => many.extend_from_slice(&data),
        }
    }

    fn into_bytes(self) -> Bytes {
        match self {
            Gathered::Nothing => Bytes::new(),
            Gathered::One(bytes) => bytes,
            Gathered::Many(bytes) => bytes.freeze(),
        }
    }
}
