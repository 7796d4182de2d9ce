//! CloudEvents 1.0: the event model, its formats and its protocol bindings, one file per specification document.
//! Nothing here does IO.

pub mod attribute;
pub mod event;

pub mod attributes;
pub mod media_type;
pub mod opaque;
pub mod timestamp;
pub mod types;

pub mod reader;

pub mod avro;
pub mod json;
pub mod protobuf;
pub mod xml;

pub mod format;

pub mod headers;
pub mod http;
pub mod kafka;
pub mod nats;

#[cfg(test)]
mod tests;

pub use attribute::{Attribute, Attributes, Value};
pub use event::{Data, Event, Kind, Violation};
pub use format::Format;
