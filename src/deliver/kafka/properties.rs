//! Properties of librdkafka: what an operator may write, what is always set, and what stands where nothing is written.

use super::config::{Fault, KafkaConfig, Place, Property};
use crate::secret::Secret;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, DefaultProducerContext};
use rdkafka::types::RDKafkaConfRes;
use std::collections::BTreeMap;
use std::time::Duration;

/// What stands where the operator writes nothing: the property, the others that decide the same thing, and the value.
const DEFAULTS: [(&[&str], &str); 9] = [
    // Waiting for company costs more than it saves: while requests are under way, messages gather anyway.
    (&["linger.ms", "queue.buffering.max.ms"], "0"),
    // Four times what all lanes hold in memory. A message that finds the queue full waits as for an unreachable destination.
    (&["queue.buffering.max.kbytes"], "262144"),
    (&["socket.keepalive.enable"], "true"),
    // A request is repeated over another connection before its messages time out; sequence numbers prevent copies.
    (&["socket.timeout.ms"], "20000"),
    (&["request.timeout.ms"], "15000"),
    (&["socket.connection.setup.timeout.ms"], "10000"),
    (&["reconnect.backoff.max.ms", "reconnect.backoff.ms"], "1000"),
    // Only topics that are known to exist are written to.
    (&["topic.metadata.propagation.max.ms"], "5000"),
    (&["enable.metrics.push"], "false"),
];

/// Parts of the names of properties whose values are secrets.
const SECRET_WORDS: [&str; 6] = ["password", "secret", "pem", "token", "oauthbearer.config", "assertion"];

/// How long a message may stay in librdkafka, retries included, before its fate counts as unknown. Until then
/// sequence numbers keep a retry from making a copy, so it is long enough for a broker to be started again.
pub const MESSAGE_TIMEOUT: Duration = Duration::from_mins(1);

/// How a client is configured.
pub fn client(name: &str, config: &KafkaConfig, message_timeout: Duration) -> ClientConfig {
    let mut client = base(&config.properties, message_timeout);
    client.set("bootstrap.servers", config.addresses().join(","));
    if !config.properties.contains_key("client.id") {
        client.set("client.id", format!("signalbox-{name}"));
    }
    client
}

/// Everything wrong with what an operator wrote.
pub fn faults(properties: &BTreeMap<String, Property>) -> Vec<Fault> {
    let mut faults: Vec<Fault> = properties.iter().filter_map(|(name, value)| fault(name, value)).collect();
    if faults.is_empty() {
        faults.extend(together(properties));
    }
    faults
}

/// The values that must never be printed.
pub fn secrets(config: &KafkaConfig) -> Vec<Secret> {
    let secret = |name: &str| SECRET_WORDS.iter().any(|word| name.contains(word));
    let values = config.properties.iter().filter(|(name, _)| secret(name)).map(|(_, value)| value.text());
    // Replacing every `x` of a message would only make it unreadable.
    values.filter(|value| value.len() >= 4).map(Secret::new).collect()
}

fn base(properties: &BTreeMap<String, Property>, message_timeout: Duration) -> ClientConfig {
    let mut client = ClientConfig::new();
    // The log level of the gateway decides what is seen; librdkafka's own flood is held back in `watch`.
    let debug = properties.contains_key("debug");
    client.set_log_level(if debug { RDKafkaLogLevel::Debug } else { RDKafkaLogLevel::Info });
    for (names, value) in DEFAULTS {
        if let (Some(name), false) = (names.first(), names.iter().any(|name| properties.contains_key(*name))) {
            client.set(*name, value);
        }
    }
    client.extend(properties.iter().map(|(name, value)| (name.clone(), value.text())));
    client
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("partitioner", "murmur2_random")
        .set("allow.auto.create.topics", "false")
        .set("message.timeout.ms", message_timeout.as_millis().to_string());
    client
}

/// Why a property cannot be written, if it cannot: the list of design.md §2, and what would do something else than
/// deliver.
fn refusal(name: &str) -> Option<&'static str> {
    const PROMISE: &str = "the gateway sets it, so that an acknowledgement keeps its worth";
    Some(match name {
        "bootstrap.servers" | "metadata.broker.list" => "write the brokers into `brokers`",
        "acks" | "request.required.acks" | "enable.idempotence" | "retries" | "message.send.max.retries"
        // The last one is another name of `message.timeout.ms`.
        | "partitioner" | "message.timeout.ms" | "delivery.timeout.ms" => PROMISE,
        _ if name.starts_with("max.in.flight") => PROMISE,
        "delivery.report.only.error" => "the gateway would never learn that a message was taken",
        "transactional.id" => "messages are not sent in transactions",
        "allow.auto.create.topics" => "topics are never created by the gateway",
        "plugin.library.paths" => "it loads code from anywhere",
        _ if name.starts_with("test.mock.") => "messages would go nowhere",
        _ => return None,
    })
}

fn fault(name: &str, value: &Property) -> Option<Fault> {
    if let Some(why) = refusal(name) {
        let message = format!("the property `{name}` cannot be set");
        return Some(Fault { place: Place::Name(name.to_owned()), message, detail: None, hint: Some(why.to_owned()) });
    }
    // librdkafka would only say that a certificate is not one.
    if name.ends_with(".location")
        && let Property::Text(path) = value
        && path != "probe"
        && let Err(error) = std::fs::metadata(path)
    {
        let message = format!("the file of `{name}` cannot be read");
        let (place, detail) = (Place::Value(name.to_owned()), Some(format!("{path}: {error}")));
        return Some(Fault { place, message, detail, hint: None });
    }
    let mut alone = ClientConfig::new();
    alone.set(name, value.text());
    match alone.create_native_config() {
        Ok(_) => None,
        Err(KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, ..)) => Some(Fault {
            place: Place::Name(name.to_owned()),
            message: format!("librdkafka has no property `{name}`"),
            detail: None,
            hint: Some("its properties are listed in librdkafka's CONFIGURATION.md".to_owned()),
        }),
        Err(error) => Some(Fault {
            place: Place::Value(name.to_owned()),
            message: format!("the value is none of the property `{name}`"),
            detail: what(error),
            hint: Some("what each property takes is listed in librdkafka's CONFIGURATION.md".to_owned()),
        }),
    }
}

/// What only shows when all properties are there: a file that cannot be read, two that contradict each other.
fn together(properties: &BTreeMap<String, Property>) -> Option<Fault> {
    // Without brokers nothing is connected to.
    let created = base(properties, MESSAGE_TIMEOUT).create_with_context::<_, BaseProducer>(DefaultProducerContext);
    let detail = what(created.err()?);
    let message = "librdkafka does not take the properties together".to_owned();
    Some(Fault { place: Place::Properties, message, detail, hint: None })
}

/// What librdkafka says; rdkafka's own text would add the value.
pub fn what(error: KafkaError) -> Option<String> {
    match error {
        KafkaError::ClientConfig(_, what, _, _) | KafkaError::ClientCreation(what) => Some(what),
        KafkaError::Nul(_) => Some("it holds a NUL character".to_owned()),
        _ => None,
    }
}
