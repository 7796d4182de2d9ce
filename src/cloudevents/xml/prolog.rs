//! From bytes to text: byte order mark and XML declaration. Only UTF-8 is read.

use super::characters::is_space;
use super::tag::Attributes;
use crate::cloudevents::reader::{Fault, shown};
use crate::codes::Code;
use bytes::Bytes;
use bytestring::ByteString;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The document without a byte order mark. An encoding other than UTF-8, told by the first bytes or by the XML
/// declaration, is [`Code::UnknownMediaType`]; a broken declaration or bytes that are not UTF-8 are [`Code::Malformed`].
pub fn to_text(body: Bytes) -> Result<ByteString, Fault> {
    let body = if body.starts_with(BYTE_ORDER_MARK) { body.slice(BYTE_ORDER_MARK.len()..) } else { body };
    if let Some(encoding) = wide_encoding(&body) {
        return Err(unsupported(encoding));
    }
    check_declaration(&body)?;
    ByteString::try_from(body).map_err(|_| Fault::new(Code::Malformed, "the XML is not UTF-8"))
}

/// Encodings that are known by their first bytes (XML 1.0, appendix F.1).
fn wide_encoding(body: &[u8]) -> Option<&'static str> {
    match body {
        [0xfe, 0xff, ..] | [0xff, 0xfe, ..] | [0, b'<', ..] | [b'<', 0, ..] => Some("UTF-16"),
        [0, 0, 0xfe, 0xff, ..] | [0, 0, 0, b'<', ..] => Some("UTF-32"),
        [0x4c, 0x6f, 0xa7, 0x94, ..] => Some("EBCDIC"),
        _ => None,
    }
}

/// `XMLDecl`, where there is one.
fn check_declaration(body: &[u8]) -> Result<(), Fault> {
    let broken = |why: &str| Fault::new(Code::Malformed, format!("the XML declaration is not valid: {why}"));
    let is_declaration = |rest: &&[u8]| rest.first().is_some_and(|byte| is_space(*byte) || *byte == b'?');
    let Some(rest) = body.strip_prefix(b"<?xml").filter(is_declaration) else { return Ok(()) };
    let end = memchr::memmem::find(rest, b"?>").ok_or_else(|| broken("it does not end"))?;
    let content = str::from_utf8(&rest[..end]).map_err(|_| broken("it is not ASCII"))?;
    // Each of these may stand once, in this order.
    let mut expected = ["version", "encoding", "standalone"].into_iter();
    for attribute in Attributes::of(content) {
        let (name, value) = attribute.map_err(|why| broken(&why))?;
        if !expected.any(|known| known == name) {
            return Err(broken(&format!("`{}` does not belong there", shown(name))));
        }
        match name {
            "encoding" if value.eq_ignore_ascii_case("utf-8") => {}
            "encoding" => return Err(unsupported(value)),
            // Any 1.x is read as 1.0 (fifth edition, §2.8).
            "version" if is_version(value) => {}
            "standalone" if matches!(value, "yes" | "no") => {}
            _ => return Err(broken(&format!("`{name}` cannot be `{}`", shown(value)))),
        }
    }
    if !content.trim_start().starts_with("version") {
        return Err(broken("it does not start with `version`"));
    }
    Ok(())
}

fn is_version(text: &str) -> bool {
    text.strip_prefix("1.").is_some_and(|minor| !minor.is_empty() && minor.bytes().all(|byte| byte.is_ascii_digit()))
}

fn unsupported(encoding: &str) -> Fault {
    let detail = format!("XML is read in UTF-8 only, not in `{}`", shown(encoding));
    Fault::new(Code::UnknownMediaType, detail)
}
