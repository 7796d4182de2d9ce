//! `check --online`: do the topics and streams exist that deliver entries name.

use crate::codes::Code;
use crate::config::Loaded;
use crate::config::compile::DestinationSpec;
use crate::config::problem::Problems;
use crate::config::remote::{Remote, Remotes};
use crate::config::suggest::did_you_mean;
use crate::deliver::kafka::config::KafkaConfig;
use crate::deliver::nats::config::NatsConfig;
use crate::deliver::nats::subject;
use futures::StreamExt as _;
use std::collections::HashSet;
use std::time::Duration;

/// How long the brokers of a destination have to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Destinations that are asked at the same time.
const AT_ONCE: usize = 16;

/// What brokers have.
enum Answer {
    Topics(HashSet<String>),
    /// Subjects that streams take, those of `ensure_stream` too.
    Subjects(Vec<String>),
    /// Core NATS: a subject needs nobody who takes it.
    Anything,
}

/// Asks the brokers of all destinations and adds a warning for everything that is not there. Files that were loaded with
/// an error are not asked about: what they mean is not known.
pub(super) async fn ask(loaded: &Loaded, problems: &mut Problems) {
    let remotes = Remotes::of(loaded);
    let asked = futures::stream::iter(&remotes.list).map(|remote| async move { (remote, answer(remote).await) });
    let answers: Vec<(&Remote, Result<Answer, String>)> = asked.buffered(AT_ONCE).collect().await;
    for (remote, answer) in answers {
        match answer {
            Ok(answer) => compare(&remotes, remote, &answer, problems),
            Err(why) => {
                let what = if matches!(remote.spec, DestinationSpec::Kafka(_)) { "topics" } else { "streams" };
                let message = format!("`{}` cannot be asked for its {what}: {why}", remote.name);
                let hint = "its topics and subjects are not checked; without --online nothing is asked".to_owned();
                remotes.warn(problems, remote.place, Code::NotAsked, message, Some(hint));
            }
        }
    }
}

async fn answer(remote: &Remote) -> Result<Answer, String> {
    match &remote.spec {
        DestinationSpec::Kafka(config) => topics(&remote.name, config).await,
        DestinationSpec::Nats(config) => subjects(&remote.name, config).await,
        DestinationSpec::Log | DestinationSpec::Discard | DestinationSpec::Http(_) => Ok(Answer::Anything),
    }
}

#[cfg(feature = "kafka")]
async fn topics(name: &str, config: &KafkaConfig) -> Result<Answer, String> {
    crate::deliver::kafka::survey::topics(name, config, PATIENCE).await.map(Answer::Topics)
}

#[cfg(not(feature = "kafka"))]
async fn topics(_name: &str, _config: &KafkaConfig) -> Result<Answer, String> {
    Err("this build has no `kafka`".to_owned())
}

#[cfg(feature = "nats")]
async fn subjects(name: &str, config: &NatsConfig) -> Result<Answer, String> {
    let streams = crate::deliver::nats::survey::streams(name, config, PATIENCE).await?;
    if !config.jetstream {
        return Ok(Answer::Anything);
    }
    // One that is not there is created when the gateway starts; one that is there stays as it is.
    let created = config.ensure_stream.iter().filter(|wanted| streams.iter().all(|stream| stream.name != wanted.name));
    let created: Vec<String> = created.flat_map(|wanted| wanted.subjects.clone()).collect();
    Ok(Answer::Subjects(streams.into_iter().flat_map(|stream| stream.subjects).chain(created).collect()))
}

#[cfg(not(feature = "nats"))]
async fn subjects(_name: &str, _config: &NatsConfig) -> Result<Answer, String> {
    Err("this build has no `nats`".to_owned())
}

fn compare(remotes: &Remotes, remote: &Remote, answer: &Answer, problems: &mut Problems) {
    for target in &remote.targets {
        let (name, shown) = (&remote.name, &target.shown);
        let (message, hint) = match answer {
            Answer::Topics(topics) if target.template.is_literal() => {
                let topic = target.template.literal_prefix();
                if topics.contains(topic) {
                    continue;
                }
                let message = format!("`{name}` has no topic `{shown}`, or its login may not see it");
                let near = did_you_mean(topic, topics.iter().map(String::as_str));
                (message, near.unwrap_or_else(|| "create it: the gateway never creates topics".to_owned()))
            }
            Answer::Topics(topics) => {
                if topics.iter().any(|topic| target.template.fits(topic)) {
                    continue;
                }
                let message = format!("`{name}` has no topic that fits `{shown}`, or its login may not see it");
                (message, "create the topics: the gateway never creates one".to_owned())
            }
            Answer::Subjects(patterns) => {
                let wanted = subject::pattern_of(&target.template);
                if patterns.iter().any(|pattern| subject::overlap(pattern, &wanted)) {
                    continue;
                }
                let what = if target.template.is_literal() { "the subject" } else { "a subject that fits" };
                let message = format!("no stream of `{name}` takes {what} `{shown}`");
                (message, "create one, or declare `ensure_stream` with the subjects it takes".to_owned())
            }
            Answer::Anything => continue,
        };
        remotes.warn(problems, target.place, Code::MissingTarget, message, Some(hint));
    }
}
