//! Undoes `Content-Encoding`: one layer, under a cap.

use super::Refusal;
use crate::codes::Code;
use bytes::Bytes;
use std::io::Read;

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
        match self {
            Encoding::Identity if body.len() > most => Err(too_large(most)),
            Encoding::Identity => Ok(body),
            Encoding::Gzip => gunzip(&body, most),
            Encoding::Zstd => unzstd(&body, most),
        }
    }
}

fn gunzip(mut body: &[u8], most: usize) -> Result<Bytes, Refusal> {
    let mut out = Vec::new();
    for _ in 0..GZIP_MEMBERS {
        let mut member = flate2::bufread::GzDecoder::new(body);
        read_capped(&mut member, most, &mut out)?;
        body = member.into_inner();
        if body.is_empty() {
            return Ok(exact(out));
        }
    }
    Err(broken())
}

fn unzstd(body: &[u8], most: usize) -> Result<Bytes, Refusal> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(body).map_err(|_| broken())?;
    decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(|_| broken())?;
    let mut out = Vec::new();
    read_capped(&mut decoder, most, &mut out)?;
    Ok(exact(out))
}

/// Adds what the decoder gives to `out`, which may grow to `most` bytes.
fn read_capped(decoder: &mut impl Read, most: usize, out: &mut Vec<u8>) -> Result<(), Refusal> {
    // One byte more than allowed tells too much from just enough.
    let room = u64::try_from(most - out.len()).unwrap_or(u64::MAX).saturating_add(1);
    decoder.take(room).read_to_end(out).map_err(|_| broken())?;
    if out.len() > most { Err(too_large(most)) } else { Ok(()) }
}

/// The body lives as long as its events: having grown must not leave a part of it unused.
fn exact(mut out: Vec<u8>) -> Bytes {
    out.shrink_to_fit();
    out.into()
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
