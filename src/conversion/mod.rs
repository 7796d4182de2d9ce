//! The payload as XML and back, by declared rules (design.md §2, "Payload conversion"). This is about the *data* of an
//! event; the event formats are in [`crate::cloudevents`].
//!
//! ```text
//! {"id": 7, "items": [{"sku": "lamp"}], "note": null}       root: order, attributes: [/id, /items/*/sku], lists: {/items: item}
//! <order xmlns:xsi="…" id="7"><items><item sku="lamp"/></items><note xsi:nil="true"/></order>
//! ```
//!
//! Both directions come from one declaration ([`declaration`]). Everything here is pure, takes time in proportion to the data
//! and recurses no deeper than [`MAX_DEPTH`].

pub mod declaration;
pub mod rules;
pub mod survey;

mod elements;
mod expected;
mod from_xml;
mod groups;
mod names;
mod pointer;
mod scalar;
mod to_xml;

#[cfg(test)]
mod tests;

use crate::cloudevents::Event;
use crate::cloudevents::reader::shown;
use crate::payload;
use bytes::Bytes;
use rules::Rules;
use serde_json::Value;

/// Objects and arrays that may stand inside each other in data that is converted, either way.
pub const MAX_DEPTH: usize = 128;

/// Why data cannot be converted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{detail}", Place(pointer))]
pub struct Error {
    /// JSON Pointer into the data in its JSON form; empty for the data as a whole.
    pub pointer: String,
    /// What is wrong there.
    pub detail: String,
}

/// Where an error is, in front of what it is.
struct Place<'p>(&'p str);

impl std::fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, "`{}`: ", shown(self.0)) }
    }
}

/// The schemas that say of which types the data of events is on its way back from XML.
pub trait Schemas: std::fmt::Debug + Send + Sync {
    /// The JSON Schema document that governs the data of an event, or what its schema of another kind says about the
    /// kinds of values; `None` where there is none.
    fn document(&self, event: &Event) -> Option<&Value>;

    /// Does the event's type have schemas at all?
    fn governs(&self, event: &Event) -> bool {
        self.document(event).is_some()
    }

    /// The Avro or Protobuf schema that governs the data of an event.
    fn payload(&self, _: &Event) -> Option<&payload::Schema> {
        None
    }
}

/// JSON data as an XML document: no XML declaration, no indentation, members in their order. An object with a member that
/// stands twice is refused.
pub fn to_xml(rules: &Rules, json: &[u8]) -> Result<Bytes, Error> {
    to_xml::convert(rules, json)
}

/// An XML document as JSON data: compact, attributes in front, members in the order of their elements. Types come from
/// the rules, then from `schema`, a JSON Schema document, else everything is text.
pub fn from_xml(rules: &Rules, xml: &Bytes, schema: Option<&Value>) -> Result<Bytes, Error> {
    from_xml::convert(rules, xml, schema)
}
