//! The XML format, in and out (working draft `cloudevents/formats/xml-format.md`; specs.md §4). UTF-8 only, no DTD.
//!
//! [`document`] is a strict reader of XML 1.0 with namespaces on top of quick-xml, which finds the tokens; it enforces
//! what quick-xml leaves to its callers, because data cut out of an event is handed on as XML.

pub mod characters;
pub mod document;
pub mod prolog;
pub mod root;
pub mod scope;

mod parts;
mod read;
mod splice;
mod tag;
mod write;

#[cfg(test)]
mod tests;

pub use read::{read, read_batch};
pub use write::{Unwritable, write, write_batch};

/// The namespace of the format.
pub const NAMESPACE: &str = "http://cloudevents.io/xmlformat/V1";
/// The namespace of `xsi:type`.
pub const INSTANCE_NAMESPACE: &str = "http://www.w3.org/2001/XMLSchema-instance";
/// The namespace of the types of data.
const SCHEMA_NAMESPACE: &str = "http://www.w3.org/2001/XMLSchema";
