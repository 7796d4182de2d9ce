//! NATS protocol binding, both directions (working draft of 1.0.3; the released 1.0.2 knows structured JSON only).

use super::attributes::Draft;
use super::headers::{self, Gathered, Headers};
use super::media_type::MediaType;
use super::reader::{Bounds, Fault};
use super::{Data, Event, http, json};
use crate::codes::Code;
use bytes::Bytes;

/// Reads a message of any mode (specs.md §9): a CloudEvents `Content-Type` says structured; else `ce-specversion` says
/// binary; else a JSON object with `specversion` is structured, as senders of 1.0.2 write it.
pub fn read<'h>(
    headers: impl Iterator<Item = (&'h str, &'h [u8])> + Clone,
    payload: Bytes,
    bounds: &Bounds,
) -> Result<Event, Fault> {
    let content_type = headers.clone().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let content_type = content_type.and_then(|(_, value)| str::from_utf8(value).ok());
    let event_media = content_type.and_then(MediaType::parse).and_then(|media_type| media_type.event_media());
    match event_media {
        Some(media) if media.batch || !media.format.eq_ignore_ascii_case("json") => {
            let detail = "structured messages on NATS are read in the JSON format only";
            Err(Fault::new(Code::UnknownMediaType, detail))
        }
        Some(_) => json::read(payload, bounds),
        None if headers.clone().any(|(name, _)| name.eq_ignore_ascii_case("ce-specversion")) => {
            read_binary(headers, payload, bounds)
        }
        None if holds_specversion(&payload, bounds) => json::read(payload, bounds),
        None => {
            let detail =
                "the message has neither a CloudEvents Content-Type nor ce-specversion, and is no structured event";
            Err(Fault::new(Code::NotAnEvent, detail))
        }
    }
}

/// Reads a binary-mode message. The media type of the data is `ce-datacontenttype`; senders built on the Go SDK write
/// `content-type` instead, which is taken where the other is absent or says the same. An empty payload is no data.
pub fn read_binary<'h>(
    headers: impl Iterator<Item = (&'h str, &'h [u8])> + Clone,
    payload: Bytes,
    bounds: &Bounds,
) -> Result<Event, Fault> {
    let mut draft = Draft::new(bounds.attributes);
    let mut gathered = Gathered::with_capacity(512);
    let prefixed = headers.clone().find(|(name, _)| name.eq_ignore_ascii_case("ce-datacontenttype"));
    let prefixed = prefixed.map(|(_, value)| headers::decode(value));
    for (name, value) in headers {
        match (headers::attribute_of(name), &prefixed) {
            (Some(attribute), _) => gathered.coded(attribute, value),
            (None, _) if !name.eq_ignore_ascii_case("content-type") => {}
            (None, None) => gathered.plain("datacontenttype", value),
            (None, Some(Some(same))) if same.as_bytes() == value => {}
            (None, Some(_)) => draft.refuse(headers::second_datacontenttype(name)),
        }
    }
    gathered.fill(&mut draft);
    draft.finish(if payload.is_empty() { Data::Absent } else { Data::Binary(payload) })
}

/// Writes a binary-mode message: headers, and the payload if the event has data.
pub fn write_binary(event: &Event) -> (Headers, Option<Bytes>) {
    let mut out = http::attribute_headers(event);
    let media_type = event.media_type().map(headers::encode);
    out.extend(media_type.map(|media_type| (format!("{}datacontenttype", headers::PREFIX), media_type)));
    (out, event.data.bytes())
}

fn holds_specversion(payload: &[u8], bounds: &Bounds) -> bool {
    let Ok(text) = str::from_utf8(payload) else { return false };
    let mut found = false;
    let read = json::scan::Scanner::new(text, bounds.json_depth).object(|name, _| {
        found |= name.string().as_deref() == Some("specversion");
        Ok::<(), json::scan::Broken>(())
    });
    read.is_ok() && found
}
