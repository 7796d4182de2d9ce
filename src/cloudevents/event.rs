//! The event as it was received: attributes with their original text, data with its original bytes (specs.md §16).

use super::attribute::{Attribute, Attributes, Value};
use super::media_type::MediaType;
use super::protobuf;
use bytes::Bytes;
use bytestring::ByteString;
use std::borrow::Cow;

/// The type of an attribute's value (CloudEvents 1.0 §"Type System").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `true` or `false`.
    Boolean,
    /// A whole number of 32 bits with sign.
    Integer,
    /// Unicode text without control characters and noncharacters.
    String,
    /// Bytes; the canonical text is base64 with padding.
    Binary,
    /// An absolute URI.
    Uri,
    /// A URI-reference.
    UriReference,
    /// RFC 3339; the text is kept as received, offset and precision included.
    Timestamp,
}

impl Kind {
    /// The name the specification gives the type.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Boolean => "Boolean",
            Kind::Integer => "Integer",
            Kind::String => "String",
            Kind::Binary => "Binary",
            Kind::Uri => "URI",
            Kind::UriReference => "URI-reference",
            Kind::Timestamp => "Timestamp",
        }
    }
}

/// The data of an event and the form the format gave it (specs.md §16).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Data {
    /// The event has no data.
    #[default]
    Absent,
    /// Bytes of the media type `datacontenttype`, or of no known type.
    Binary(Bytes),
    /// Text that a format carried as a string, without a media type that says more.
    Text(ByteString),
    /// The text of one JSON value, exactly as received.
    Json(Bytes),
    /// One XML element, exactly as received, with the namespaces it needs declared.
    Xml(Bytes),
    /// A Protobuf message that says its type, `google.protobuf.Any`.
    Proto {
        /// What the type of the message is called; perhaps empty.
        type_url: ByteString,
        /// The message.
        value: Bytes,
    },
}

impl Data {
    /// The bytes a binary-mode message would carry; `None` for an event without data.
    pub fn bytes(&self) -> Option<Bytes> {
        match self {
            Data::Absent => None,
            Data::Binary(bytes) | Data::Json(bytes) | Data::Xml(bytes) | Data::Proto { value: bytes, .. } => {
                Some(bytes.clone())
            }
            Data::Text(text) => Some(text.as_bytes().clone()),
        }
    }

    /// Length of [`Data::bytes`] in bytes.
    pub fn len(&self) -> usize {
        match self {
            Data::Absent => 0,
            Data::Binary(bytes) | Data::Json(bytes) | Data::Xml(bytes) | Data::Proto { value: bytes, .. } => {
                bytes.len()
            }
            Data::Text(text) => text.len(),
        }
    }

    /// True when there are no bytes: no data, or empty data.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Copies what is a smaller part of the buffer of `whole` bytes it was read from into memory of its own, so that the
    /// buffer can be freed.
    pub fn detach(&mut self, whole: usize) {
        if self.len() >= whole / 2 {
            return;
        }
        match self {
            Data::Absent => {}
            Data::Binary(bytes) | Data::Json(bytes) | Data::Xml(bytes) => *bytes = Bytes::copy_from_slice(bytes),
            Data::Text(text) => *text = ByteString::from(&**text),
            Data::Proto { type_url, value } => {
                *type_url = ByteString::from(&**type_url);
                *value = Bytes::copy_from_slice(value);
            }
        }
    }
}

/// A valid CloudEvent of `specversion` 1.0. Only the decoders and [`crate::transform`] make one, through
/// [`super::attributes::Draft`], which checks every rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// `id`, not empty.
    pub id: ByteString,
    /// `source`, a URI-reference, not empty.
    pub source: ByteString,
    /// `type`, not empty.
    pub ty: ByteString,
    /// Optional attributes and extensions in the order received, each name once.
    pub attributes: Attributes,
    /// The data.
    pub data: Data,
}

impl Event {
    /// The canonical text of any attribute, `specversion` included.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        match name {
            "id" => Some(&self.id),
            "source" => Some(&self.source),
            "type" => Some(&self.ty),
            "specversion" => Some("1.0"),
            _ => self.value(name).map(|value| value.text),
        }
    }

    /// The value of an optional attribute or extension.
    pub fn value(&self, name: &str) -> Option<Value<'_>> {
        self.attributes.get(name)
    }

    /// Takes one more attribute, which is none of the required ones and which the event does not have.
    pub fn push(&mut self, attribute: Attribute<'_>) {
        self.attributes.push(attribute, [&mut self.id, &mut self.source, &mut self.ty]);
    }

    /// `datacontenttype`, if there is one.
    pub fn datacontenttype(&self) -> Option<&str> {
        self.attribute("datacontenttype")
    }

    /// The media type of the data: `datacontenttype`, or what the form of the data implies where there is none. A message
    /// whose format does not imply it must say it (specs.md §1, "No-datacontenttype rule").
    pub fn media_type(&self) -> Option<&str> {
        self.datacontenttype().or(match self.data {
            Data::Json(_) => Some("application/json"),
            Data::Xml(_) => Some("application/xml"),
            Data::Proto { .. } => Some("application/protobuf"),
            Data::Absent | Data::Binary(_) | Data::Text(_) => None,
        })
    }

    /// What the form of the data says and no attribute does, as attributes: a message whose format does not tell the form
    /// must state them (specs.md §1, "No-datacontenttype rule"; formats.md §2).
    pub fn implied(&self) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
        let media_type = if self.datacontenttype().is_none() { self.media_type() } else { None };
        let schema = match &self.data {
            Data::Proto { type_url, .. } if self.value("dataschema").is_none() => protobuf::schema_of(type_url),
            _ => None,
        };
        let media_type = media_type.map(|text| ("datacontenttype", Cow::Borrowed(text)));
        media_type.into_iter().chain(schema.map(|text| ("dataschema", text)))
    }

    /// The data where its media type is one of JSON; whether it *is* JSON is for its reader to see.
    pub fn json_data(&self) -> Option<Bytes> {
        let media_type = self.media_type().and_then(MediaType::parse)?;
        if media_type.is_json() { self.data.bytes() } else { None }
    }

    /// The data where its media type is one of XML; whether it *is* XML is for its reader to see.
    pub fn xml_data(&self) -> Option<Bytes> {
        let media_type = self.media_type().and_then(MediaType::parse)?;
        if media_type.is_xml() { self.data.bytes() } else { None }
    }

    /// Bytes of attributes and data together: what the event costs in memory and in the log.
    pub fn size(&self) -> usize {
        let attributes: usize = self.attributes.iter().map(|a| a.name.len() + a.value.text.len()).sum();
        let type_url = if let Data::Proto { type_url, .. } = &self.data { type_url.len() } else { 0 };
        self.id.len() + self.source.len() + self.ty.len() + attributes + type_url + self.data.len()
    }
}

/// One thing that is wrong with an event a producer sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// JSON Pointer into the event's JSON form (`/data/total`, `/type`); empty when nothing can be pointed at.
    pub pointer: String,
    /// What is wrong, for people.
    pub detail: String,
}

impl Violation {
    /// A violation at a pointer.
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Violation {
        Violation { pointer: pointer.into(), detail: detail.into() }
    }
}
