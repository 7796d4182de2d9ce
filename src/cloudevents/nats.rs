//! NATS protocol binding, both directions (working draft of 1.0.3; the released 1.0.2 knows structured JSON only).

use super::attributes::Draft;
use super::headers::{self, Coding, Headers};
use super::media_type::MediaType;
use super::reader::{Bounds, Fault};
use super::{Data, Event, Format, http, json};
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
        Some(media) => Format::of_media(media)?.read(payload, bounds),
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
    let mut draft = Draft::within(bounds);
    let prefixed = headers.clone().find(|(name, _)| name.eq_ignore_ascii_case("ce-datacontenttype"));
    let prefixed = prefixed.map(|(_, value)| headers::decode(value));
    for (name, value) in headers {
        match (headers::attribute_of(name), &prefixed) {
            (Some(attribute), _) => headers::take_coded(&mut draft, attribute, value),
            (None, _) if !name.eq_ignore_ascii_case("content-type") => {}
            (None, None) => headers::take_plain(&mut draft, "datacontenttype", value),
            (None, Some(Some(same))) if same.as_bytes() == value => {}
            (None, Some(_)) => draft.refuse(headers::second_datacontenttype(name)),
        }
    }
    draft.finish(if payload.is_empty() { Data::Absent } else { Data::Binary(payload) })
}

/// Writes a binary-mode message: headers, and the payload if the event has data.
pub fn write_binary(event: &Event) -> (Headers, Option<Bytes>) {
    write_binary_as(event, Coding::Percent)
}

/// As [`write_binary`], with values in another coding.
pub fn write_binary_as(event: &Event, coding: Coding) -> (Headers, Option<Bytes>) {
    let mut out = http::attribute_headers(event, coding);
    let media_type = event.media_type().map(|media_type| coding.write(media_type));
    out.extend(media_type.map(|media_type| (format!("{}datacontenttype", headers::PREFIX), media_type)));
    (out, event.data.bytes())
}

fn holds_specversion(payload: &[u8], bounds: &Bounds) -> bool {
    let Ok(text) = str::from_utf8(payload) else { return false };
    let mut found = false;
    let read = json::scan::Scanner::new(text, bounds.json_depth).object(|name, _| {
        found |= name.string().as_deref() == Some("specversion");
        Ok::<(), json::value::Broken>(())
    });
    read.is_ok() && found
}

#[cfg(test)]
mod tests {
    use super::{read, write_binary};
    use crate::cloudevents::reader::{Bounds, Fault};
    use crate::cloudevents::{Data, Event, json};
    use crate::codes::Code;

    const STRUCTURED: &str = r#"{"specversion":"1.0","id":"1","source":"/a","type":"t"}"#;
    const REQUIRED: [(&str, &str); 4] =
        [("ce-specversion", "1.0"), ("Ce-Id", "1"), ("ce-source", "/a"), ("ce-type", "t")];

    fn receive(headers: &[(&str, &str)], payload: &'static str) -> Result<Event, Fault> {
        let headers = headers.iter().map(|(name, value)| (*name, value.as_bytes()));
        read(headers, payload.into(), &Bounds::default())
    }

    #[test]
    fn the_mode_is_found_in_the_order_of_the_rules() {
        for headers in [
            &[("Content-Type", "Application/CloudEvents+json; charset=utf-8")][..],
            &[("content-type", "application/cloudevents"), ("ce-specversion", "1.0"), ("ce-id", "smuggled")],
            // Senders of 1.0.2 write no header at all.
            &[],
            &[("content-type", "application/json"), ("nats-msg-id", "x")],
        ] {
            assert_eq!(receive(headers, STRUCTURED).map(|event| event.id), Ok("1".into()), "{headers:?}");
        }
        let binary = receive(&REQUIRED, STRUCTURED).unwrap();
        assert_eq!(binary.data, Data::Binary(STRUCTURED.into()));
        assert_eq!(receive(&REQUIRED, "").unwrap().data, Data::Absent);
    }

    #[test]
    fn what_is_no_event_is_told_apart() {
        for (headers, payload, code) in [
            (&[][..], "plain text", Code::NotAnEvent),
            (&[], "{\"id\":\"1\"}", Code::NotAnEvent),
            (&[], "[{\"specversion\":\"1.0\"}]", Code::NotAnEvent),
            (&[], "{\"specversion\":\"0.9\"}", Code::InvalidEvent),
            (&[("Content-Type", "application/cloudevents+xml")], "<a/>", Code::Malformed),
            (&[("Content-Type", "application/cloudevents+cbor")], "", Code::UnknownMediaType),
            (&[("Content-Type", "application/cloudevents-batch+xml")], "<a/>", Code::UnknownMediaType),
            (&[("Content-Type", "application/cloudevents-batch+json")], "[]", Code::UnknownMediaType),
            (&[("ce-specversion", "1.0")], "", Code::InvalidEvent),
        ] {
            assert_eq!(receive(headers, payload).map_err(|fault| fault.code), Err(code), "{headers:?} {payload}");
        }
    }

    #[test]
    fn the_media_type_of_the_data_is_read_in_both_spellings() {
        let with = |headers: &[(&str, &str)]| {
            let event = receive(&[&REQUIRED[..], headers].concat(), "x");
            event.map(|event| event.datacontenttype().map(str::to_owned)).map_err(|fault| fault.code)
        };
        let coded = ("ce-datacontenttype", "text/plain;%20charset=utf-8");
        let plain = ("content-type", "text/plain; charset=utf-8");
        for headers in [&[coded][..], &[plain], &[coded, plain], &[plain, coded]] {
            assert_eq!(with(headers), Ok(Some("text/plain; charset=utf-8".to_owned())), "{headers:?}");
        }
        assert_eq!(with(&[coded, ("content-type", "text/html")]), Err(Code::InvalidEvent));
        assert_eq!(with(&[coded, coded]), Err(Code::Malformed));
        assert_eq!(with(&[("ce-datacontenttype", "%C0%A0"), plain]), Err(Code::InvalidEvent));
    }

    #[test]
    fn binary_mode_writes_no_header_but_its_own() {
        let body = r#"{"specversion":"1.0","id":"a b","source":"/a","type":"t","natsrollup":"all","data":{}}"#;
        let event = json::read(body.into(), &Bounds::default()).unwrap();
        let (headers, payload) = write_binary(&event);
        let expected = [
            ("ce-specversion", "1.0"),
            ("ce-id", "a%20b"),
            ("ce-source", "/a"),
            ("ce-type", "t"),
            ("ce-natsrollup", "all"),
            ("ce-datacontenttype", "application/json"),
        ];
        assert_eq!(headers, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(payload.as_deref(), Some(&b"{}"[..]));
    }
}
