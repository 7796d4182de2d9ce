//! The Avro format, in and out (specs.md §5, formats.md §3): one raw datum of the official schema, no container and no
//! batch. The schema is fixed and small, so its datum is read by hand: a general decoder builds a tree of values from
//! counts the sender claims. Bytes and strings share the memory of the body.

mod datum;
mod json;
mod read;
mod write;

pub use read::read;
pub use write::write;

/// Branches of the union of an attribute's value.
mod attribute_branch {
    pub const NULL: u64 = 0;
    pub const BOOLEAN: u64 = 1;
    pub const INT: u64 = 2;
    pub const STRING: u64 = 3;
    pub const BYTES: u64 = 4;
}

/// Branches of the union `data`.
mod data_branch {
    pub const BYTES: u64 = 0;
    pub const NULL: u64 = 1;
    pub const BOOLEAN: u64 = 2;
    pub const MAP: u64 = 3;
    pub const ARRAY: u64 = 4;
    pub const DOUBLE: u64 = 5;
    pub const STRING: u64 = 6;
}

#[cfg(test)]
mod tests;
