//! What NATS says when it does not take a message, as [`DeliveryError`]: whose fault, and whether another attempt helps.

use crate::codes::Code;
use crate::deliver::error::{Advice, DeliveryError};
use crate::state::Reason;
use async_nats::client::{PublishError, PublishErrorKind};
use async_nats::jetstream::ErrorCode;

/// An error of the JetStream API, in place of an acknowledgement.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct ApiError {
    /// What exactly (nats-server `errors.json`).
    #[serde(default)]
    pub err_code: u64,
    /// For people.
    #[serde(default)]
    pub description: String,
}

impl ApiError {
    /// Is it this one?
    pub fn is(&self, code: ErrorCode) -> bool {
        self.err_code == code.0
    }
}

/// There is no connection, so nothing was sent.
pub fn not_connected(detail: String) -> DeliveryError {
    DeliveryError { code: Code::Unreachable, detail, advice: Advice::Unreachable }
}

/// It was or may have been sent, and nobody knows whether it is stored.
pub fn no_ack(detail: impl Into<String>) -> DeliveryError {
    DeliveryError { code: Code::NoAck, detail: detail.into(), advice: Advice::Unreachable }
}

/// Nobody listens on the subject. `why` = what kept the stream of `ensure_stream` from being created.
pub fn no_stream(subject: &str, why: Option<&str>) -> DeliveryError {
    let mut detail = format!("no stream takes the subject `{subject}`");
    if let Some(why) = why {
        detail.push_str(": ");
        detail.push_str(why);
    }
    DeliveryError { code: Code::NoStream, detail, advice: Advice::Later(None) }
}

/// The server does not let this login publish there.
pub fn not_permitted(subject: &str) -> DeliveryError {
    let detail = format!("the server does not permit publishing to `{subject}`");
    DeliveryError { code: Code::DestinationFailed, detail, advice: Advice::Later(None) }
}

/// The filled-in subject cannot be published to.
pub fn bad_target(detail: String) -> DeliveryError {
    DeliveryError { code: Code::BadTarget, detail, advice: Advice::Never(Reason::Topic) }
}

/// A header that must not or cannot leave; the encoder writes none such.
pub fn refused_header(name: &str, why: &str) -> DeliveryError {
    DeliveryError {
        code: Code::RefusedByDestination,
        detail: format!("the header `{name}` cannot be sent: {why}"),
        advice: Advice::Never(Reason::Refused),
    }
}

/// async-nats did not send it. `max_payload` in bytes, as the server last said.
pub fn from_publish(error: &PublishError, max_payload: usize) -> DeliveryError {
    match error.kind() {
        PublishErrorKind::MaxPayloadExceeded => {
            too_large(format!("the server takes messages up to {max_payload} bytes, headers included"))
        }
        PublishErrorKind::InvalidSubject => bad_target("the client refuses the subject".to_owned()),
        PublishErrorKind::Send => not_connected("the connection is closed".to_owned()),
    }
}

/// JetStream answered with an error.
pub fn from_api(error: &ApiError) -> DeliveryError {
    let detail = format!("{} (JetStream error {})", error.description, error.err_code);
    if error.is(ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM) || error.is(ErrorCode::STREAM_HEADER_EXCEEDS_MAXIMUM) {
        return too_large(detail);
    }
    // Full streams, missing resources, a cluster without leader, an account without JetStream: all may pass, and what
    // does not is ended by the deadline.
    DeliveryError { code: Code::DestinationFailed, detail, advice: Advice::Later(None) }
}

fn too_large(detail: String) -> DeliveryError {
    DeliveryError { code: Code::TooLargeForDestination, detail, advice: Advice::Never(Reason::TooLarge) }
}
