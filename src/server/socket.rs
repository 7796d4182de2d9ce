//! A socket that tells its connection's [`Activity`] what moves, and closes without resetting a peer that still sends.

use super::activity::Activity;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes thrown away at most after an early answer.
const DISCARD_BYTES: usize = 1 << 20;

/// A watched socket.
#[derive(Debug)]
pub struct Socket<T> {
    inner: T,
    activity: Arc<Activity>,
    closing: Closing,
}

#[derive(Debug, Clone, Copy)]
enum Closing {
    No,
    /// Our side is shut; this many bytes were thrown away.
    Lingering(usize),
}

impl<T> Socket<T> {
    /// Wraps a socket.
    pub fn new(inner: T, activity: Arc<Activity>) -> Socket<T> {
        Socket { inner, activity, closing: Closing::No }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Socket<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        if buf.filled().len() > before {
            self.activity.bytes_read();
        }
        Poll::Ready(Ok(()))
    }
}

impl<T> Socket<T> {
    fn note<R>(&self, outcome: Poll<io::Result<R>>) -> Poll<io::Result<R>> {
        match &outcome {
            Poll::Pending => self.activity.write_blocked(),
            Poll::Ready(_) => self.activity.write_moved(),
        }
        outcome
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Socket<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.note(outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        self.note(outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    /// Shuts our side. A peer that is still sending is read from for a moment: closing a socket with unread bytes
    /// resets the connection, and the reset would overtake the answer (RFC 9112 §9.6).
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Closing::No = self.closing {
            ready!(Pin::new(&mut self.inner).poll_shutdown(cx))?;
            if !self.activity.begin_linger() {
                return Poll::Ready(Ok(()));
            }
            self.closing = Closing::Lingering(0);
        }
        let mut scratch = [0; 8192];
        while let Closing::Lingering(discarded) = self.closing {
            let mut buf = ReadBuf::new(&mut scratch);
            ready!(Pin::new(&mut self.inner).poll_read(cx, &mut buf))?;
            let read = buf.filled().len();
            if read == 0 || discarded + read > DISCARD_BYTES {
                break;
            }
            self.closing = Closing::Lingering(discarded + read);
        }
        Poll::Ready(Ok(()))
    }
}
