//! Undoes `Content-Encoding`: one layer, under a cap.

use super::Refusal;
use super::zstd_frames::Frames;
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

/// What the library says when the result does not fit; it has no other name for it.
const ZSTD_NO_ROOM: &str = "Destination buffer is too small";

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
        // What is never written to is not in memory; a vector that grows is there twice for a moment.
        let out = match self {
            Encoding::Identity if body.len() > most => return Err(too_large(most)),
            Encoding::Identity => return Ok(body),
            Encoding::Gzip => {
                let mut out = Vec::with_capacity(most.min(LARGEST_ROOM) + COPY_BYTES);
                gunzip(&body, most, &mut out)?;
                out
            }
            Encoding::Zstd => unzstd(&body, most)?,
        };
        // The body lives as long as its events: the room that was left must not.
        Ok(Bytes::copy_from_slice(&out))
    }

    /// How much [`Encoding::decompress`] gives, with the same faults, without keeping what is decompressed.
    pub fn measure(self, body: &[u8], most: usize) -> Result<usize, Refusal> {
        match self {
            Encoding::Identity => Ok(body.len().min(most)),
            Encoding::Gzip => gunzip(body, most, &mut io::sink()),
            Encoding::Zstd => match Frames::of(body).ok_or_else(broken)? {
                frames if frames.least > most as u64 => Err(too_large(most)),
                frames if frames.exact => usize::try_from(frames.least).map_err(|_| too_large(most)),
                _ => {
                    let mut decoder = zstd::stream::read::Decoder::with_buffer(body).map_err(|_| broken())?;
                    copy_capped(&mut decoder, most, most, &mut io::sink())
                }
            },
        }
    }

    /// Bytes that [`Encoding::measure`] takes beside the body: what a stream that does not declare its size looks back at.
    pub fn measuring_takes(self, body: &[u8], most: usize) -> usize {
        match self {
            Encoding::Identity | Encoding::Gzip => 0,
            Encoding::Zstd => Frames::of(body)
                .filter(|frames| !frames.exact && frames.least <= most as u64)
                .map_or(0, |frames| usize::try_from(frames.window).map_or(most, |window| window.min(most))),
        }
    }
}

/// In one go: what a stream looks back at is then what it has given, and no window is kept beside it.
fn unzstd(body: &[u8], most: usize) -> Result<Vec<u8>, Refusal> {
    if body.is_empty() {
        return Err(broken());
    }
    if Frames::of(body).is_some_and(|frames| frames.least > most as u64) {
        return Err(too_large(most));
    }
    let mut decompressor = zstd::bulk::Decompressor::new().map_err(|_| broken())?;
    let mut out = Vec::with_capacity(most);
    match decompressor.decompress_to_buffer(body, &mut out) {
        Ok(bytes) if bytes <= most => Ok(out),
        Ok(_) => Err(too_large(most)),
        Err(error) if error.to_string() == ZSTD_NO_ROOM => Err(too_large(most)),
        Err(_) => Err(broken()),
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
