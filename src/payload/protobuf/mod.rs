//! Protobuf messages by the descriptor of a `.proto` file: bytes ⇄ ProtoJSON (formats.md §5).
//!
//! protox compiles, prost-reflect holds the descriptors. Reading and writing is our own: a `DynamicMessage` costs many
//! times its bytes, and its JSON reader tells one error without a place. The tests hold both against each other.

mod compile;
mod decode;
mod encode;
mod hint;
mod scalar;
mod special;
#[cfg(test)]
mod tests;
mod well_known;
mod wire;

pub use compile::imports;

use super::{Fault, MAX_DEPTH, Unfit};
use crate::cloudevents::Violation;
use crate::cloudevents::json::tape::Tape;
use decode::Decoder;
use encode::Encoder;
use prost_reflect::MessageDescriptor;
use serde_json::Value;

/// A compiled schema: the message that the data is.
#[derive(Debug, Clone, PartialEq)]
pub struct Protobuf {
    message: MessageDescriptor,
    kinds: Value,
}

impl Protobuf {
    /// Compiles a file out of the `.proto` files of its folder, given by name and text; `ty` is the event type.
    pub fn compile(name: &str, folder: &[(String, String)], ty: &str) -> Result<Protobuf, Fault> {
        let message = compile::compile(name, folder, ty)?;
        let kinds = hint::document(&message);
        Ok(Protobuf { message, kinds })
    }

    /// The full name of the message.
    pub fn name(&self) -> &str {
        self.message.full_name()
    }

    /// The message.
    pub fn message(&self) -> &MessageDescriptor {
        &self.message
    }

    /// What it says about kinds of values, as a JSON Schema.
    pub fn kinds(&self) -> &Value {
        &self.kinds
    }

    /// The bytes of JSON data.
    pub fn to_bytes(&self, json: &[u8]) -> Result<Vec<u8>, Unfit> {
        self.encode(json, true)
    }

    fn encode(&self, json: &[u8], keeps: bool) -> Result<Vec<u8>, Unfit> {
        let tape = Tape::read(json, MAX_DEPTH).map_err(|error| Unfit::NotJson(error.to_string()))?;
        Encoder::new(&tape, keeps).finish(&self.message).map_err(Unfit::Violations)
    }

    /// Does JSON data fit?
    pub fn check_json(&self, json: &[u8]) -> Result<(), Unfit> {
        self.encode(json, false).map(drop)
    }

    /// The JSON form of bytes.
    pub fn to_json(&self, bytes: &[u8]) -> Result<String, Violation> {
        Decoder::new(bytes).finish(&self.message).map_err(|fault| broken(self, &fault))
    }

    /// Are the bytes a message? Unknown fields pass.
    pub fn check_bytes(&self, bytes: &[u8]) -> Result<(), Violation> {
        wire::check(&self.message, bytes, 0).map_err(|fault| broken(self, fault))
    }

    /// The way to the message in its file, as Confluent's wire format counts it.
    pub fn index(&self) -> i32 {
        self.message.path().last().copied().unwrap_or_default()
    }
}

fn broken(schema: &Protobuf, fault: &str) -> Violation {
    Violation::new("", format!("the data is not a message `{}`: {fault}", schema.name()))
}
