//! Topics of a Kafka cluster.

use super::{Lookup, Missing, PATIENCE};
use crate::config::remote::Target;
use crate::config::suggest::did_you_mean;
use crate::deliver::kafka::config::KafkaConfig;
use crate::deliver::kafka::survey;
use std::collections::HashSet;

/// Asks a destination for all topics its login may see.
pub(super) async fn lookup(name: &str, config: &KafkaConfig) -> Result<Lookup, String> {
    let topics = survey::topics(name, config, PATIENCE).await?;
    let name = name.to_owned();
    Ok(Box::new(move |target| missing(&name, target, &topics)))
}

fn missing(name: &str, target: &Target, topics: &HashSet<String>) -> Option<Missing> {
    let shown = &target.shown;
    if !target.template.is_literal() {
        return (!topics.iter().any(|topic| target.template.fits(topic))).then(|| Missing {
            message: format!("`{name}` has no topic that fits `{shown}`, or its login may not see it"),
            hint: "create the topics: the gateway never creates one".to_owned(),
        });
    }
    let topic = target.template.literal_prefix();
    (!topics.contains(topic)).then(|| Missing {
        message: format!("`{name}` has no topic `{shown}`, or its login may not see it"),
        hint: did_you_mean(topic, topics.iter().map(String::as_str))
            .unwrap_or_else(|| "create it: the gateway never creates topics".to_owned()),
    })
}
