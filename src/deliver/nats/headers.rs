//! Headers of a NATS message. On NATS some headers are commands to the server (`Nats-Rollup: all` empties a stream), so the
//! only `Nats-` header that ever leaves is our own message id.

use super::error;
use crate::deliver::error::DeliveryError;
use async_nats::{HeaderMap, HeaderName, HeaderValue};
use std::str::FromStr;

const COMMANDS: &str = "nats-";

/// The headers of an attempt and its `Nats-Msg-Id`, by which JetStream drops copies.
pub fn build(headers: Vec<(String, String)>, message_id: &str) -> Result<HeaderMap, DeliveryError> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        if name.get(..COMMANDS.len()).is_some_and(|start| start.eq_ignore_ascii_case(COMMANDS)) {
            return Err(error::refused_header(&name, "it would be a command to the server"));
        }
        // `append` with a text panics on what NATS cannot carry; the parsed types cannot.
        let parsed = HeaderName::from_str(&name).ok().filter(|_| !name.is_empty());
        let value = HeaderValue::from_str(&value).ok();
        match (parsed, value) {
            (Some(name), Some(value)) => map.append(name, value),
            (None, _) => {
                return Err(error::refused_header(&name.escape_debug().to_string(), "it is not a header name"));
            }
            (_, None) => return Err(error::refused_header(&name, "its value holds a line break")),
        }
    }
    let id =
        HeaderValue::from_str(message_id).map_err(|_| error::refused_header("Nats-Msg-Id", "it holds a line break"))?;
    map.insert(async_nats::header::NATS_MESSAGE_ID, id);
    Ok(map)
}
