//! Undoes `Content-Encoding`: one layer, under a cap.

use super::Refusal;
use crate::codes::Code;
use bytes::Bytes;
use std::io::{self, Read, Write};

/// A content coding that is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// The body is as it is.
    Identity,
    /// `gzip` or `x-gzip`, one member or a few more.
    Gzip,
    /// `zstd`, one frame or more.
    Zstd,
}

/// Each member costs time of its own, however small it is.
const GZIP_MEMBERS: usize = 1000;

/// Windows of 8 MiB must be understood (RFC 8878 §3.1.1.1.2); larger ones are not worth the memory.
const ZSTD_WINDOW_LOG: u32 = 23;

/// Room that is set aside at most before the bytes are there: more than any default cap.
const LARGEST_ROOM: usize = 64 << 20;

/// Copying looks for so much room behind what it has copied.
const COPY_BYTES: usize = 16 << 10;

impl Encoding {
    /// The coding the headers name. More than one layer, or one that is not known, is refused with
    /// [`Code::UnknownEncoding`].
    pub fn of<'h>(headers: impl Iterator<Item = (&'h str, &'h [u8])>) -> Result<Encoding, Refusal> {
        let mut found = Encoding::Identity;
        let values = headers.filter(|(name, _)| name.eq_ignore_ascii_case("content-encoding"));
        for layer in values.flat_map(|(_, value)| value.split(|byte| *byte == b',')) {
            let layer = match layer.trim_ascii().to_ascii_lowercase().as_slice() {
                b"" | b"identity" => continue,
                b"gzip" | b"x-gzip" => Encoding::Gzip,
                b"zstd" => Encoding::Zstd,
                _ => return Err(unknown("the Content-Encoding is none of gzip, x-gzip, zstd and identity")),
            };
            if found != Encoding::Identity {
                return Err(unknown("the body has more than one layer of Content-Encoding"));
            }
            found = layer;
        }
        Ok(found)
    }

    /// The body without its coding. Stops as soon as the result is larger than `most` bytes
    /// ([`Code::BodyTooLarge`]); whatever is not exactly one complete stream is [`Code::BrokenEncoding`].
    pub fn decompress(self, body: Bytes, most: usize) -> Result<Bytes, Refusal> {
        if self == Encoding::Identity {
            return if body.len() > most { Err(too_large(most)) } else { Ok(body) };
        }
        // What is never written to is not in memory; a vector that grows is there twice for a moment.
        let mut out = Vec::with_capacity(most.min(LARGEST_ROOM).saturating_add(COPY_BYTES));
        self.unpack(&body, most, &mut out)?;
        // The body lives as long as its events: the room that was left must not.
        Ok(Bytes::copy_from_slice(&out))
    }

    /// How many bytes [`Encoding::decompress`] gives, found out without keeping any of them.
    pub fn measure(self, body: &[u8], most: usize) -> Result<usize, Refusal> {
        self.unpack(body, most, &mut io::sink())
    }

    /// Hands at most `most` bytes of the body without its coding to `out`, and tells how many there are.
    fn unpack(self, body: &[u8], most: usize, out: &mut impl Write) -> Result<usize, Refusal> {
        match self {
            Encoding::Identity => copy_capped(&mut &*body, most, most, out),
            Encoding::Gzip => gunzip(body, most, out),
            Encoding::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(body).map_err(|_| broken())?;
                decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(|_| broken())?;
                copy_capped(&mut decoder, most, most, out)
            }
        }
    }
}

fn gunzip(mut body: &[u8], most: usize, out: &mut impl Write) -> Result<usize, Refusal> {
    let mut bytes = 0;
    for _ in 0..GZIP_MEMBERS {
        let mut member = flate2::bufread::GzDecoder::new(body);
        bytes += copy_capped(&mut member, most - bytes, most, out)?;
        body = member.into_inner();
        if body.is_empty() {
            return Ok(bytes);
        }
    }
    Err(broken())
}

/// Hands what the decoder gives to `out`, which may take `left` bytes more of the `most` there may be.
fn copy_capped(decoder: &mut impl Read, left: usize, most: usize, out: &mut impl Write) -> Result<usize, Refusal> {
    // One byte more than allowed tells too much from just enough.
    let room = u64::try_from(left).unwrap_or(u64::MAX).saturating_add(1);
    let copied = io::copy(&mut decoder.take(room), out).map_err(|_| broken())?;
    usize::try_from(copied).ok().filter(|copied| *copied <= left).ok_or_else(|| too_large(most))
}

fn unknown(detail: &str) -> Refusal {
    Refusal { code: Code::UnknownEncoding, detail: detail.to_owned(), violations: Vec::new() }
}

fn broken() -> Refusal {
    let detail = String::from("the body is not a complete stream of its Content-Encoding");
    Refusal { code: Code::BrokenEncoding, detail, violations: Vec::new() }
}

fn too_large(most: usize) -> Refusal {
    let detail = format!("the body has more than {most} bytes after decompression");
    Refusal { code: Code::BodyTooLarge, detail, violations: Vec::new() }
}
