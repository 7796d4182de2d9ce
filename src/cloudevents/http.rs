//! HTTP protocol binding, binary mode, both directions (HTTP binding §3.1). Structured and batched bodies are a matter of
//! their format alone.

use super::attributes::{Draft, REQUIRED};
use super::headers::{self, Coding, Headers};
use super::reader::{Bounds, Fault};
use super::{Data, Event};
use bytes::Bytes;
use std::borrow::Cow;

/// Does this header hold a part of a binary-mode event?
pub fn is_event_header(name: &str) -> bool {
    headers::attribute_of(name).is_some() || name.eq_ignore_ascii_case("content-type")
}

/// Reads a binary-mode message. `Content-Type` is `datacontenttype`; a `ce-datacontenttype` header must not be there and
/// is a violation. An empty body is no data.
pub fn read_binary<'h>(
    headers: impl Iterator<Item = (&'h str, &'h [u8])>,
    body: Bytes,
    bounds: &Bounds,
) -> Result<Event, Fault> {
    let mut draft = Draft::within(bounds);
    for (name, value) in headers {
        match headers::attribute_of(name) {
            Some(attribute) if attribute.eq_ignore_ascii_case("datacontenttype") => {
                draft.refuse(headers::second_datacontenttype(name));
            }
            Some(attribute) => headers::take_coded(&mut draft, attribute, value),
            None if name.eq_ignore_ascii_case("content-type") => {
                headers::take_plain(&mut draft, "datacontenttype", value);
            }
            None => {}
        }
    }
    draft.finish(if body.is_empty() { Data::Absent } else { Data::Binary(body) })
}

/// Writes a binary-mode message: headers, and the body if the event has data.
pub fn write_binary(event: &Event) -> (Headers, Option<Bytes>) {
    write_binary_as(event, Coding::Percent)
}

/// As [`write_binary`], with values in another coding.
pub fn write_binary_as(event: &Event, coding: Coding) -> (Headers, Option<Bytes>) {
    let mut out = attribute_headers(event, coding);
    // Media types are not percent-coded.
    out.extend(event.media_type().map(|media_type| (String::from("Content-Type"), media_type.to_owned())));
    (out, event.data.bytes())
}

/// `ce-` headers of every attribute but `datacontenttype`.
pub(super) fn attribute_headers(event: &Event, coding: Coding) -> Headers {
    let mut out = Vec::with_capacity(event.attributes.len() + 5);
    let required = REQUIRED.into_iter().filter_map(|name| Some((name, event.attribute(name)?)));
    let others = event.attributes.iter().map(|attribute| (attribute.name, attribute.value.text));
    let stated = required.chain(others).map(|(name, text)| (name, Cow::Borrowed(text)));
    for (name, text) in stated.chain(event.implied()).filter(|(name, _)| *name != "datacontenttype") {
        out.push((format!("{}{name}", headers::PREFIX), coding.write(&text)));
    }
    out
}
