//! Options of a `kafka:` destination, and what can be wrong with them before any connection is tried.

use crate::secret::Secret;
use fluent_uri::Uri;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// A secured cluster, as the reference shows it.
pub const EXAMPLE: &str = r#"destinations:
  - name: orders-kafka
    kafka:
      brokers: ["kafka-1.example:9093", "kafka-2.example:9093"]
      properties:
        security.protocol: SASL_SSL                  # or SSL, SASL_PLAINTEXT
        ssl.ca.location: /etc/kafka/ca.pem           # or ssl.ca.pem: "${file:ca.pem}"
        sasl.mechanism: SCRAM-SHA-512                # or SCRAM-SHA-256, PLAIN
        sasl.username: signalbox
        sasl.password: "${env:KAFKA_PASSWORD}"
        ssl.certificate.location: /etc/kafka/me.pem  # where the brokers want a certificate, too
        ssl.key.location: /etc/kafka/me.key
"#;

/// A Kafka cluster. Topics are never created; one that is missing or denied is retried by attempts and deadline.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-example" = EXAMPLE))]
pub struct KafkaConfig {
    /// `host:port`, one or more brokers of one cluster; the others are found through them.
    #[schemars(length(min = 1))]
    pub brokers: Vec<String>,
    /// Properties of librdkafka: TLS, SASL, compression, limits. One that would weaken the promise is refused.
    #[serde(default)]
    pub properties: BTreeMap<String, Property>,
}

/// The value of a property.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Property {
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Another number.
    Number(f64),
    /// Text.
    Text(String),
}

/// Something wrong with the options that their types cannot say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub place: Place,
    /// What is wrong; holds no value of a property.
    pub message: String,
    /// More about it, for people. May hold the value: not to be shown where that is a secret.
    pub detail: Option<String>,
    /// What to write instead.
    pub hint: Option<String>,
}

/// Where a fault is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The list of brokers.
    Brokers,
    /// One entry of it.
    Broker(usize),
    /// The properties together.
    Properties,
    /// The name of a property.
    Name(String),
    /// The value of a property.
    Value(String),
}

impl KafkaConfig {
    /// Everything that is wrong; empty = the destination can be started. Reads the files that properties name (TLS), and
    /// connects to nothing.
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        if self.brokers.is_empty() {
            let hint = Some("brokers: [\"localhost:9092\"]".to_owned());
            let message = "at least one broker is needed".to_owned();
            faults.push(Fault { place: Place::Brokers, message, detail: None, hint });
        }
        for (index, text) in self.brokers.iter().enumerate() {
            if let Err(message) = broker(text) {
                let hint = Some("host[:port]; TLS and logins are properties".to_owned());
                faults.push(Fault { place: Place::Broker(index), message, detail: None, hint });
            }
        }
        #[cfg(feature = "kafka")]
        faults.extend(super::properties::faults(&self.properties));
        faults
    }

    /// Equal for equal options, secrets included: never to be shown. (`Debug` leaves values out, so a changed password
    /// does not change it.)
    pub fn fingerprint(&self) -> Secret {
        let KafkaConfig { brokers, properties } = self;
        let properties: Vec<_> = properties.iter().map(|(name, value)| (name, value.text())).collect();
        Secret::new(format!("{brokers:?} {properties:?}"))
    }

    /// The brokers as `host:port`; those that cannot be read are left out.
    pub fn addresses(&self) -> Vec<String> {
        self.brokers.iter().filter_map(|text| broker(text).ok()).collect()
    }
}

impl Property {
    /// As librdkafka reads it.
    pub fn text(&self) -> String {
        match self {
            Property::Boolean(value) => value.to_string(),
            Property::Integer(value) => value.to_string(),
            Property::Number(value) => value.to_string(),
            Property::Text(text) => text.clone(),
        }
    }
}

impl fmt::Debug for KafkaConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.properties.keys().collect();
        f.debug_struct("KafkaConfig").field("brokers", &self.addresses()).field("properties", &names).finish()
    }
}

impl fmt::Debug for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

/// One entry of `brokers` as `host:port`. `Err` never holds the text, for somebody may have written a password into it.
fn broker(text: &str) -> Result<String, String> {
    if text.contains("://") {
        return Err("a broker is a host and a port, without a scheme".to_owned());
    }
    if text.contains(',') {
        return Err("each broker is an entry of its own".to_owned());
    }
    let full = format!("kafka://{text}");
    let uri = Uri::parse(full.as_str()).map_err(|_| "not the address of a broker".to_owned())?;
    let authority = uri.authority().filter(|authority| !authority.host().is_empty()).ok_or("a broker needs a host")?;
    if authority.userinfo().is_some() {
        return Err("a broker takes no login in its address".to_owned());
    }
    if !uri.path().as_str().is_empty() || uri.query().is_some() || uri.fragment().is_some() {
        return Err("a broker is a host and a port; nothing follows them".to_owned());
    }
    let port = match authority.port() {
        Some(port) if !port.is_empty() => port.as_str().parse::<u16>().map_err(|_| "the port is not one")?,
        _ => 9092,
    };
    Ok(format!("{}:{port}", authority.host()))
}
