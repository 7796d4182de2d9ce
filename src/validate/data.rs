//! The data of a governed event as JSON: which bytes they are, and what they say.

use super::Refusal;
use super::registry::Version;
use crate::cloudevents::media_type::MediaType;
use crate::cloudevents::reader::shown;
use crate::cloudevents::{Data, Event, Violation};
use serde_json::Value;

/// The text of the event's data, which has to be of a JSON media type.
pub fn json_text<'e>(event: &'e Event, version: &Version) -> Result<&'e [u8], Refusal> {
    let refuse = |pointer, detail: String| Err(Refusal::WrongDataKind(Violation::new(pointer, detail)));
    let label = shown(&version.label);
    match (&event.data, event.datacontenttype()) {
        (Data::Absent, _) => refuse("/data", format!("the event has no data, and its schema `{label}` asks for JSON")),
        (Data::Json(text), None) => Ok(text),
        (Data::Json(text) | Data::Binary(text), Some(media_type)) if is_json(media_type) => Ok(text),
        (Data::Text(text), Some(media_type)) if is_json(media_type) => Ok(text.as_bytes()),
        (_, Some(media_type)) => refuse(
            "/datacontenttype",
            format!("the schema `{label}` asks for JSON, the data is `{}`", shown(media_type)),
        ),
        (_, None) => refuse("/data", format!("the schema `{label}` asks for JSON, the data has no media type")),
    }
}

/// The data, or why its text is no JSON.
pub fn parse(text: &[u8]) -> Result<Value, Refusal> {
    let not_json = |detail: String| Refusal::NotJson(Violation::new("/data", detail));
    serde_json::from_slice(text)
        .or_else(|error| match error.to_string() {
            // `1e400` is JSON, only no double.
            message if message.starts_with("number out of range") => serde_json::from_slice(&clamped(text)),
            _ => Err(error),
        })
        .map_err(|error| match error.to_string() {
            message if message.starts_with("recursion limit exceeded") => {
                not_json("the data nests deeper than data with a schema may".to_owned())
            }
            message => not_json(format!("the data is not JSON: {message}")),
        })
}

fn is_json(media_type: &str) -> bool {
    MediaType::parse(media_type).is_some_and(|media_type| media_type.is_json())
}

/// The text with numbers beyond a double's range replaced by the largest one of their sign.
fn clamped(text: &[u8]) -> Vec<u8> {
    let mut clamped = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.first() {
        let token = match first {
            b'"' => string_length(rest),
            b'-' | b'0'..=b'9' => {
                rest.iter().take_while(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')).count()
            }
            _ => 1,
        };
        let (token, after) = rest.split_at(token);
        match std::str::from_utf8(token).ok().and_then(|token| token.parse::<f64>().ok()) {
            Some(number) if number.is_infinite() => {
                clamped.extend_from_slice(if number > 0.0 {
                    b"1.7976931348623157e308"
                } else {
                    b"-1.7976931348623157e308"
                });
            }
            _ => clamped.extend_from_slice(token),
        }
        rest = after;
    }
    clamped
}

/// Length of the string a text starts with, quotes included.
fn string_length(text: &[u8]) -> usize {
    let mut escaped = false;
    let end = text.iter().skip(1).position(|byte| {
        let closes = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        closes
    });
    end.map_or(text.len(), |end| end + 2)
}
