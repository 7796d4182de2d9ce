//! Bytes that came without a form of their own: which of them may stand as text (specs.md §16).

use super::media_type::MediaType;
use super::reader::Bounds;
use super::xml::root::{self, Root};
use bytes::Bytes;

/// The bytes as a string, where their media type says they are UTF-8 text: `text/*`, and XML that is well-formed without a
/// DTD. JSON is not asked about here.
pub fn text_of<'b>(media_type: &MediaType<'_>, bytes: &'b Bytes) -> Option<&'b str> {
    let text = str::from_utf8(bytes).ok().filter(|_| media_type.is_utf8())?;
    let is_text = match if media_type.is_xml() { Some(root::of(bytes, &Bounds::default())) } else { None } {
        Some(Root::Element(_)) => true,
        Some(Root::OtherEncoding) => false,
        Some(Root::None) | None => media_type.is_text(),
    };
    is_text.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::text_of;
    use crate::cloudevents::media_type::MediaType;
    use bytes::Bytes;

    fn is_text(media_type: &str, bytes: &'static [u8]) -> bool {
        text_of(&MediaType::parse(media_type).unwrap(), &Bytes::from_static(bytes)).is_some()
    }

    #[test]
    fn text_and_well_formed_xml_may_stand_as_a_string() {
        for (media_type, bytes) in [
            ("text/plain", &b"h\xc3\xa9"[..]),
            ("text/csv; charset=\"UTF-8\"", b""),
            ("text/xml", b"<a>"),
            ("application/xml", b"<?xml version='1.0' encoding='utf-8'?>\n<a/>\n"),
            ("image/svg+xml; charset=utf-8", b"<svg><![CDATA[<!DOCTYPE]]></svg><!-- <!DOCTYPE a> -->"),
        ] {
            assert!(is_text(media_type, bytes), "{media_type} {bytes:?}");
        }
    }

    #[test]
    fn nothing_else_may() {
        for (media_type, bytes) in [
            ("text/plain", &b"\xe9"[..]),
            ("text/plain; charset=iso-8859-1", b"a"),
            ("application/octet-stream", b"a"),
            ("application/xml", b"<a><b></a>"),
            ("application/xml", b"<!DOCTYPE a><a/>"),
            ("application/xml", b"<p:a/>"),
            ("application/xml", b"<a/> and more"),
            ("application/xml", b"\xff"),
            ("application/xml; charset=latin1", b"<a/>"),
            ("text/xml", b"<?xml version='1.0' encoding='iso-8859-1'?><a/>"),
        ] {
            assert!(!is_text(media_type, bytes), "{media_type} {bytes:?}");
        }
    }
}
