//! JSON event format (`application/cloudevents+json`) and its batch form, both directions. Raw text is spliced, never
//! parsed into values: key order, number text and whitespace inside data survive byte for byte.

pub mod scan;
pub mod tape;
pub mod value;

mod nesting;
mod plain;
mod read;
mod write;

pub use read::{read, read_batch};
pub use write::{quote, quoted_length, write, write_batch, write_line, write_without_data};

#[cfg(test)]
mod tests;
