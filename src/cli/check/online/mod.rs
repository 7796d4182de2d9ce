//! `check --online`: do the topics and streams exist that deliver entries name.

#[cfg(feature = "kafka")]
mod kafka;
#[cfg(feature = "nats")]
mod nats;

use crate::codes::Code;
use crate::config::Loaded;
use crate::config::compile::DestinationSpec;
use crate::config::problem::Problems;
use crate::config::remote::{Remote, Remotes, Target};
use futures::StreamExt as _;
use std::time::Duration;

/// How long the brokers of a destination have to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Destinations that are asked at the same time.
const AT_ONCE: usize = 16;

/// A target that is not there, and what to do about it.
struct Missing {
    message: String,
    hint: String,
}

/// Looks up targets in what a broker has told.
type Lookup = Box<dyn Fn(&Target) -> Option<Missing> + Send>;

/// Asks the brokers of all destinations and adds a warning for everything that is not there. Files that were loaded with
/// an error are not asked about: what they mean is not known.
pub(super) async fn ask(loaded: &Loaded, problems: &mut Problems) {
    let remotes = Remotes::of(loaded);
    let asked = futures::stream::iter(&remotes.list).map(|remote| async move { (remote, lookup(remote).await) });
    let answers: Vec<(&Remote, Result<Lookup, String>)> = asked.buffered(AT_ONCE).collect().await;
    for (remote, answer) in answers {
        match answer {
            Ok(lookup) => {
                for target in &remote.targets {
                    if let Some(Missing { message, hint }) = lookup(target) {
                        remotes.warn(problems, target.place, Code::MissingTarget, message, Some(hint));
                    }
                }
            }
            Err(why) => {
                let what = if matches!(remote.spec, DestinationSpec::Kafka(_)) { "topics" } else { "streams" };
                let message = format!("`{}` cannot be asked for its {what}: {why}", remote.name);
                let hint = "its topics and subjects are not checked; without --online nothing is asked".to_owned();
                remotes.warn(problems, remote.place, Code::NotAsked, message, Some(hint));
            }
        }
    }
}

async fn lookup(remote: &Remote) -> Result<Lookup, String> {
    match &remote.spec {
        #[cfg(feature = "kafka")]
        DestinationSpec::Kafka(config) => kafka::lookup(&remote.name, config).await,
        #[cfg(feature = "nats")]
        DestinationSpec::Nats(config) => nats::lookup(&remote.name, config).await,
        // Elsewhere nothing can be missing. A build without a kind of destination loads none of it.
        _ => Ok(Box::new(|_| None)),
    }
}
