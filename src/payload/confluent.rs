//! The wire format of Confluent's schema registry around a payload: a zero, the id of the schema, for Protobuf the way to
//! the message in its file, and the payload.

use super::Schema;
use crate::varint;

/// The largest id: registries count in Java's `int`.
pub const LARGEST_ID: u32 = 0x7fff_ffff;

/// A payload in its frame.
pub fn frame(schema: &Schema, schema_id: u32, payload: &[u8]) -> Vec<u8> {
    let mut framed = Vec::with_capacity(payload.len() + 16);
    framed.push(0);
    framed.extend_from_slice(&schema_id.to_be_bytes());
    if let Schema::Protobuf(schema) = schema {
        // The number of indexes and each of them, as signed varints; the first message of a file is a single zero.
        match schema.index() {
            0 => framed.push(0),
            index => {
                varint::put_signed(1, &mut framed);
                varint::put_signed(index.into(), &mut framed);
            }
        }
    }
    framed.extend_from_slice(payload);
    framed
}
