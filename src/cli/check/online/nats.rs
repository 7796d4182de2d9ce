//! Streams of a NATS server, and the subjects they take.

use super::{Lookup, Missing, PATIENCE};
use crate::config::remote::Target;
use crate::deliver::nats::config::NatsConfig;
use crate::deliver::nats::{subject, survey};

/// Asks a destination for its streams. A subject of core NATS needs nobody who takes it.
pub(super) async fn lookup(name: &str, config: &NatsConfig) -> Result<Lookup, String> {
    let streams = survey::streams(name, config, PATIENCE).await?;
    if !config.jetstream {
        return Ok(Box::new(|_| None));
    }
    // One that is not there is created when the gateway starts; one that is there stays as it is.
    let created = config.ensure_stream.iter().filter(|wanted| streams.iter().all(|stream| stream.name != wanted.name));
    let created: Vec<String> = created.flat_map(|wanted| wanted.subjects.clone()).collect();
    let taken: Vec<String> = streams.into_iter().flat_map(|stream| stream.subjects).chain(created).collect();
    let name = name.to_owned();
    Ok(Box::new(move |target| missing(&name, target, &taken)))
}

fn missing(name: &str, target: &Target, taken: &[String]) -> Option<Missing> {
    let wanted = subject::pattern_of(&target.template);
    let what = if target.template.is_literal() { "the subject" } else { "a subject that fits" };
    (!taken.iter().any(|pattern| subject::overlap(pattern, &wanted))).then(|| Missing {
        message: format!("no stream of `{name}` takes {what} `{}`", target.shown),
        hint: "create one, or declare `ensure_stream` with the subjects it takes".to_owned(),
    })
}
