//! Are bytes that say so XML, and where is their root element.

use super::document::{Document, Token};
use super::prolog;
use crate::cloudevents::reader::Bounds;
use crate::codes::Code;
use bytes::Bytes;

/// The root element of bytes that say they are XML.
pub enum Root<'e> {
    /// As it stands there.
    Element(&'e str),
    /// The XML declaration names an encoding that is not UTF-8.
    OtherEncoding,
    /// Not well-formed without a DTD, or more than the bounds allow.
    None,
}

/// Looks for it.
pub fn of<'e>(bytes: &'e Bytes, bounds: &Bounds) -> Root<'e> {
    let text = match prolog::to_text(bytes.clone()) {
        Ok(text) => text,
        Err(fault) if fault.code == Code::UnknownMediaType => return Root::OtherEncoding,
        Err(_) => return Root::None,
    };
    let range = || {
        let mut document = Document::new(&text, bounds).ok()?;
        let Ok(Token::Start(element)) = document.next() else { return None };
        document.skip().ok()?;
        let range = element.start..document.position();
        document.next().ok()?;
        Some(range)
    };
    let dropped = bytes.len() - text.len();
    let root = range().and_then(|range| bytes.get(dropped + range.start..dropped + range.end));
    root.and_then(|root| str::from_utf8(root).ok()).map_or(Root::None, Root::Element)
}
