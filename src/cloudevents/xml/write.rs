//! XML format out. The envelope is written with prefixes, so that data in no namespace stays in none (specs.md §4, trap
//! c); attributes stand in the order `id`, `source`, `type`, others as received, then the data.

use super::characters::{forbidden, is_name};
use super::root::{self, Root};
use super::{INSTANCE_NAMESPACE, NAMESPACE, SCHEMA_NAMESPACE};
use crate::cloudevents::media_type::MediaType;
use crate::cloudevents::reader::{Bounds, shown};
use crate::cloudevents::{Data, Event, Kind};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use bytestring::ByteString;

/// Why an event cannot be written in the XML format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the attribute `{}` cannot be written in XML, where no name starts with a digit", shown(.name))]
pub struct Unwritable {
    /// Name of the attribute.
    pub name: ByteString,
}

/// The event as an XML document.
pub fn write(event: &Event) -> Result<Bytes, Unwritable> {
    let mut out = String::with_capacity(room_for(event) + 300);
    out.push_str(DECLARATION);
    element(event, true, &mut out)?;
    Ok(out.into())
}

/// A batch.
pub fn write_batch<'e>(events: impl IntoIterator<Item = &'e Event>) -> Result<Bytes, Unwritable> {
    let mut out = String::new();
    out.push_str(DECLARATION);
    out.push_str("<ce:batch");
    namespaces(&mut out);
    out.push('>');
    for event in events {
        element(event, false, &mut out)?;
    }
    out.push_str("</ce:batch>");
    Ok(out.into())
}

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// Elements around the data, and namespaces declared there.
const ENVELOPE_DEPTH: usize = 2;
const ENVELOPE_NAMESPACES: usize = 3;

fn room_for(event: &Event) -> usize {
    // Tags and types; base64 grows by a third.
    let growth = if matches!(event.data, Data::Binary(_)) { event.data.len() / 3 } else { 0 };
    event.size() + growth + 48 * (event.attributes.len() + 5)
}

fn namespaces(out: &mut String) {
    for (prefix, namespace) in [("ce", NAMESPACE), ("xsi", INSTANCE_NAMESPACE), ("xs", SCHEMA_NAMESPACE)] {
        for piece in [" xmlns:", prefix, "=\"", namespace, "\""] {
            out.push_str(piece);
        }
    }
}

fn element(event: &Event, is_root: bool, out: &mut String) -> Result<(), Unwritable> {
    out.push_str("<ce:event");
    if is_root {
        namespaces(out);
    }
    out.push_str(" specversion=\"1.0\">");
    for name in ["id", "source", "type"] {
        attribute(name, None, event.attribute(name).unwrap_or_default(), out);
    }
    for each in &event.attributes {
        if !is_name(each.name) {
            return Err(Unwritable { name: each.name.into() });
        }
        let is_extension = crate::cloudevents::attributes::expected_kind(each.name).is_none();
        attribute(each.name, is_extension.then_some(each.value.kind), each.value.text, out);
    }
    // The XML format implies the type of XML data by itself, but nothing else.
    if !matches!(event.data, Data::Xml(_)) {
        event.implied().for_each(|(name, text)| attribute(name, None, &text, out));
    }
    data(event, out);
    out.push_str("</ce:event>");
    Ok(())
}

fn attribute(name: &str, kind: Option<Kind>, text: &str, out: &mut String) {
    out.push_str("<ce:");
    out.push_str(name);
    if let Some(kind) = kind {
        out.push_str(" xsi:type=\"ce:");
        out.push_str(type_name(kind));
        out.push('"');
    }
    out.push('>');
    escape(text, out);
    out.push_str("</ce:");
    out.push_str(name);
    out.push('>');
}

fn type_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Boolean => "boolean",
        Kind::Integer => "integer",
        Kind::String => "string",
        Kind::Binary => "binary",
        Kind::Uri => "uri",
        Kind::UriReference => "uriRef",
        Kind::Timestamp => "timestamp",
    }
}

/// How data stands in a document.
enum Form<'e> {
    /// `xs:any`: this element.
    Element(&'e str),
    /// `xs:string`.
    String(&'e str),
    /// `xs:base64Binary`.
    Base64(&'e [u8]),
}

fn data(event: &Event, out: &mut String) {
    let Some(form) = form(event) else { return };
    out.push_str("<ce:data xsi:type=\"xs:");
    match form {
        Form::Element(element) => {
            out.push_str("any\">");
            out.push_str(element);
        }
        Form::String(text) => {
            out.push_str("string\">");
            escape(text, out);
        }
        Form::Base64(bytes) => {
            out.push_str("base64Binary\">");
            STANDARD.encode_string(bytes, out);
        }
    }
    out.push_str("</ce:data>");
}

/// The column "XML" of the matrix in specs.md §16, completed by formats.md §1. Characters XML cannot hold leave base64.
fn form(event: &Event) -> Option<Form<'_>> {
    let (bytes, text) = match &event.data {
        Data::Absent => return None,
        Data::Xml(bytes) => {
            let element = str::from_utf8(bytes).ok();
            return Some(element.map_or(Form::Base64(bytes), Form::Element));
        }
        Data::Proto { value, .. } => return Some(Form::Base64(value)),
        Data::Json(bytes) => (&bytes[..], str::from_utf8(bytes).ok()),
        Data::Text(text) => (text.as_bytes().as_ref(), Some(&**text)),
        Data::Binary(bytes) => {
            let media_type = event.datacontenttype().and_then(MediaType::parse).filter(MediaType::is_utf8);
            let is_xml = media_type.is_some_and(|media_type| media_type.is_xml());
            match if is_xml { root::of(bytes, &inside_an_event()) } else { Root::None } {
                Root::Element(element) => return Some(Form::Element(element)),
                Root::OtherEncoding => return Some(Form::Base64(bytes)),
                Root::None => {}
            }
            let is_text = media_type.is_some_and(|media_type| media_type.is_json() || media_type.is_text());
            (&bytes[..], str::from_utf8(bytes).ok().filter(|_| is_text || is_xml))
        }
    };
    Some(text.filter(|text| forbidden(text).is_none()).map_or(Form::Base64(bytes), Form::String))
}

/// What stands in an event must be readable as a part of it.
fn inside_an_event() -> Bounds {
    let bounds = Bounds::default();
    Bounds {
        xml_depth: bounds.xml_depth - ENVELOPE_DEPTH,
        xml_namespaces: bounds.xml_namespaces - ENVELOPE_NAMESPACES,
        ..bounds
    }
}

/// Character data. A carriage return would be read as a line feed.
fn escape(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| matches!(byte, b'&' | b'<' | b'>' | b'\r')) {
        out.push_str(&rest[..at]);
        out.push_str(match rest.as_bytes()[at] {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            _ => "&#13;",
        });
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
}
