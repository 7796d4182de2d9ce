//! What Kafka says when it does not take a message, as [`DeliveryError`]: whose fault, and whether another attempt helps.

use super::session::Failure;
use crate::codes::Code;
use crate::deliver::error::{Advice, DeliveryError};
use crate::state::Reason;
use rdkafka::error::RDKafkaErrorCode;

/// What a failed message means for the destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consequence {
    /// Nothing.
    None,
    /// The topic is not there after all, or closed to this login: the brokers are asked before the next message.
    ForgetTopic,
    /// The producer has ended.
    BreakOff,
}

/// There is no connection, so nothing was sent.
pub fn unreachable(detail: String) -> DeliveryError {
    DeliveryError { code: Code::Unreachable, detail, advice: Advice::Unreachable }
}

/// The filled-in topic cannot be written to.
pub fn bad_target(detail: String) -> DeliveryError {
    DeliveryError { code: Code::BadTarget, detail, advice: Advice::Never(Reason::Topic) }
}

/// The topic is not there, or hidden from this login.
pub fn no_topic(topic: &str) -> DeliveryError {
    let detail = format!("there is no topic `{topic}`, or this login may not see it");
    DeliveryError { code: Code::NoTopic, detail, advice: Advice::Later(None) }
}

/// This login may write to no topic at all.
pub fn denied(detail: String) -> DeliveryError {
    DeliveryError { code: Code::DestinationFailed, detail, advice: Advice::Later(None) }
}

/// It was or may have been sent, and nobody knows whether it is stored. `only_here` = other messages were answered
/// meanwhile, so that the lane need not wait.
pub fn no_ack(detail: String, only_here: bool) -> DeliveryError {
    let advice = if only_here { Advice::Later(None) } else { Advice::Unreachable };
    DeliveryError { code: Code::NoAck, detail, advice }
}

/// The topic owes answers, and nothing more is sent to it for now. `only_here` as for [`no_ack`].
pub fn silent(topic: &str, only_here: bool) -> DeliveryError {
    let detail = format!("topic `{topic}` does not acknowledge messages");
    if only_here {
        DeliveryError { code: Code::DestinationFailed, detail, advice: Advice::Later(None) }
    } else {
        unreachable(detail)
    }
}

/// The topic owes so many answers that this message waits, as it would for an unreachable destination.
pub fn full(topic: &str) -> DeliveryError {
    unreachable(format!("topic `{topic}` has too many messages that are not acknowledged yet"))
}

/// What a failure of a message to `topic` means. `why` = what is known of the connection.
pub fn of(failure: Failure, topic: &str, only_here: bool, why: Option<&str>) -> (DeliveryError, Consequence) {
    use RDKafkaErrorCode as Kafka;
    let code = match failure {
        Failure::NotTaken(Kafka::QueueFull) => {
            return (unreachable("the producer's queue is full".to_owned()), Consequence::None);
        }
        Failure::Lost => return (no_ack("the producer was ended".to_owned(), false), Consequence::None),
        Failure::NotTaken(code) | Failure::Sent(code) => code,
    };
    match code {
        Kafka::MessageSizeTooLarge | Kafka::MessageBatchTooLarge | Kafka::InvalidMessageSize => {
            let by =
                if matches!(failure, Failure::NotTaken(_)) { "the property `message.max.bytes`" } else { "the broker" };
            (too_large(format!("larger than {by} allows")), Consequence::None)
        }
        Kafka::UnknownTopic | Kafka::UnknownTopicOrPartition | Kafka::UnknownPartition | Kafka::UnknownTopicId => {
            (no_topic(topic), Consequence::ForgetTopic)
        }
        Kafka::InvalidTopic => (bad_target(format!("the broker refuses the topic `{topic}`")), Consequence::None),
        Kafka::InvalidRecord | Kafka::InvalidTimestamp => (refused(said(code)), Consequence::None),
        code if ends_the_producer(code) => {
            let detail = format!("the producer was ended by a fatal error: {}", said(code));
            (no_ack(detail, false), Consequence::BreakOff)
        }
        code if is_in_doubt(code) => {
            let mut detail = format!("no acknowledgement: {}", said(code));
            if let Some(why) = why {
                detail.push_str("; ");
                detail.push_str(why);
            }
            (no_ack(detail, only_here), Consequence::None)
        }
        Kafka::TopicAuthorizationFailed => (failed(topic, code), Consequence::ForgetTopic),
        // Policies, full disks: all may pass, and what does not is ended by the deadline.
        code => (failed(topic, code), Consequence::None),
    }
}

/// The producer can no longer tell which messages were stored.
fn ends_the_producer(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Kafka;
    matches!(
        code,
        Kafka::Fatal
            | Kafka::Fenced
            | Kafka::GaplessGuarantee
            | Kafka::PurgeQueue
            | Kafka::PurgeInflight
            | Kafka::OutOfOrderSequenceNumber
            | Kafka::UnknownProducerId
            | Kafka::InvalidProducerEpoch
            | Kafka::InvalidProducerIdMapping
            | Kafka::ProducerFenced
    )
}

/// The time was over, or the connection lost, before an answer came.
fn is_in_doubt(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Kafka;
    matches!(
        code,
        Kafka::MessageTimedOut
            | Kafka::TimedOutQueue
            | Kafka::OperationTimedOut
            | Kafka::RequestTimedOut
            | Kafka::BrokerTransportFailure
            | Kafka::NetworkException
            | Kafka::AllBrokersDown
            | Kafka::BrokerDestroy
            | Kafka::DestroyBroker
            | Kafka::NotEnoughReplicas
            | Kafka::NotEnoughReplicasAfterAppend
            | Kafka::ISRInsufficient
    )
}

fn failed(topic: &str, code: RDKafkaErrorCode) -> DeliveryError {
    let detail = format!("topic `{topic}`: {}", said(code));
    DeliveryError { code: Code::DestinationFailed, detail, advice: Advice::Later(None) }
}

fn too_large(detail: String) -> DeliveryError {
    DeliveryError { code: Code::TooLargeForDestination, detail, advice: Advice::Never(Reason::TooLarge) }
}

fn refused(detail: String) -> DeliveryError {
    DeliveryError { code: Code::RefusedByDestination, detail, advice: Advice::Never(Reason::Refused) }
}

/// librdkafka's words for a code.
fn said(code: RDKafkaErrorCode) -> String {
    code.to_string()
}
