//! The Protobuf format, in and out (`cloudevents.proto`; specs.md §6, formats.md §2). What stands on the wire is read here
//! by hand and not by generated messages: those merge repeated map keys in silence, and build every entry of a hostile
//! message before anyone can count them. Values share the memory of the body.

mod read;
mod wire;
mod write;

pub use read::{read, read_batch};
pub use write::{write, write_batch};

use std::borrow::Cow;

/// Field numbers of `CloudEvent`.
mod event_field {
    pub const ID: u32 = 1;
    pub const SOURCE: u32 = 2;
    pub const SPEC_VERSION: u32 = 3;
    pub const TYPE: u32 = 4;
    pub const ATTRIBUTES: u32 = 5;
    pub const BINARY_DATA: u32 = 6;
    pub const TEXT_DATA: u32 = 7;
    pub const PROTO_DATA: u32 = 8;
}

/// Field numbers of an entry of the map `attributes`.
mod entry_field {
    pub const KEY: u32 = 1;
    pub const VALUE: u32 = 2;
}

/// Field numbers of `CloudEventAttributeValue`.
mod value_field {
    pub const BOOLEAN: u32 = 1;
    pub const INTEGER: u32 = 2;
    pub const STRING: u32 = 3;
    pub const BYTES: u32 = 4;
    pub const URI: u32 = 5;
    pub const URI_REF: u32 = 6;
    pub const TIMESTAMP: u32 = 7;
}

/// Field numbers of `google.protobuf.Timestamp`.
mod timestamp_field {
    pub const SECONDS: u32 = 1;
    pub const NANOS: u32 = 2;
}

/// Field numbers of `google.protobuf.Any`.
mod any_field {
    pub const TYPE_URL: u32 = 1;
    pub const VALUE: u32 = 2;
}

/// Field number of `events` in `CloudEventBatch`.
const BATCH_EVENTS: u32 = 1;

/// The `dataschema` that the type URL of an `Any` stands for: without a scheme it means `https` (`any.proto`). `None` where
/// there is no type URL.
pub fn schema_of(type_url: &str) -> Option<Cow<'_, str>> {
    if type_url.is_empty() {
        return None;
    }
    let has_scheme = fluent_uri::Uri::parse(type_url).is_ok();
    Some(if has_scheme { Cow::Borrowed(type_url) } else { Cow::Owned(format!("https://{type_url}")) })
}

#[cfg(test)]
mod tests;
