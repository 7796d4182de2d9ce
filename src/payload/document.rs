//! The JSON document of a schema file, and where in it reading stopped.

use super::Fault;
use serde_json::Value;

/// Reads a document; a byte order mark in front of it counts for nothing.
pub fn read(document: &[u8]) -> Result<Value, Fault> {
    let document = document.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(document);
    serde_json::from_slice(document).map_err(|error| {
        let message = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        let fault = Fault::at("", format!("not valid JSON: {}", message.strip_suffix(&place).unwrap_or(&message)));
        Fault { pointer: None, line_column: Some(in_characters(document, error.line(), error.column())), ..fault }
    })
}

/// Line and column from 1; the column counted in characters, where the parser counts bytes.
pub fn in_characters(document: &[u8], line: usize, column: usize) -> (u32, u32) {
    let text = document.split(|byte| *byte == b'\n').nth(line.saturating_sub(1)).unwrap_or_default();
    let before = &text[..column.saturating_sub(1).min(text.len())];
    let column = String::from_utf8_lossy(before).chars().count() + 1;
    (u32::try_from(line.max(1)).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
}
