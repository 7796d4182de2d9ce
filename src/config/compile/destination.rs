//! Destinations of all files: each has a name of its own and exactly one kind.

use super::{DestinationSpec, File, HttpOptions, names, transform};
use crate::codes::Code;
use crate::config::part::Part;
use crate::config::problem::Problems;
use crate::config::suggest::{self, known};
use crate::deliver::http::config::HttpConfig;
use crate::deliver::http::url::UrlTarget;
use crate::deliver::kafka::config::{KafkaConfig, Place};
use crate::deliver::nats::config::NatsConfig;
use std::collections::BTreeMap;

/// Every kind there is.
const KINDS: [&str; 4] = ["nats", "discard", "kafka", "http"];

/// The destinations that deliver entries may name.
pub struct Declared<'n> {
    /// By name. `None`: declared, but its options are not good.
    pub by_name: BTreeMap<&'n str, Option<DestinationSpec>>,
    /// False when a file or an entry could not be read, so that there may be more names.
    pub complete: bool,
    /// The gateway has an embedded log.
    pub keeps_log: bool,
}

impl Declared<'_> {
    /// Why a name that is not declared may have been written.
    pub fn hint(&self, name: &str, problems: &Problems) -> String {
        suggest::declared(name, self.by_name.keys().copied(), problems.may_search(self.by_name.len()))
    }
}

/// Collects the destinations of all files; `log` is always among them.
pub fn compile<'n>(files: &[File<'n>], complete: bool, keeps_log: bool, problems: &mut Problems) -> Declared<'n> {
    let by_name = BTreeMap::from([("log", Some(DestinationSpec::Log))]);
    let mut declared = Declared { by_name, complete, keeps_log };
    let mut seen = names::Seen::default();
    for file in files {
        let Some(list) = file.part.get("destinations") else { continue };
        // A value that is no list may have meant to declare anything.
        declared.complete &= list.is_good() || !list.items().is_empty();
        for part in list.items() {
            let name = names::read(file, part.get("name"), "destination", problems);
            let spec = spec(file, part, problems);
            let Some(name) = name else {
                declared.complete = false;
                continue;
            };
            if name.0 == "log" {
                let hint = "the embedded log always exists under this name; choose another";
                let message = "the name `log` is taken";
                problems.error_with_hint(file.source, name.1, Code::DuplicateName, message, Some(hint.to_owned()));
            } else if seen.add(file, name, "destination", problems) {
                declared.by_name.insert(name.0, spec);
            }
        }
    }
    declared
}

fn spec(file: &File<'_>, part: &Part<'_>, problems: &mut Problems) -> Option<DestinationSpec> {
    let kinds: Vec<_> = part.pairs().filter(|(key, _, _)| KINDS.contains(key)).collect();
    match kinds[..] {
        [("discard", _, options)] => options.is_good().then_some(DestinationSpec::Discard),
        [("http", _, options)] => http(file, options, problems),
        [("nats", _, options)] if cfg!(feature = "nats") => nats(file, options, problems),
        [("kafka", _, options)] if cfg!(feature = "kafka") => kafka(file, options, problems),
        [(kind @ ("nats" | "kafka"), range, _)] => {
            let hint = Some(format!("build it with the cargo feature `{kind}`"));
            let message = format!("this build has no `{kind}`");
            problems.error_with_hint(file.source, range, Code::NotYetSupported, message, hint);
            None
        }
        [] if part.is_good() => {
            let hint = Some(known("one of", &["kafka", "nats", "http", "discard"]));
            let message = "the destination has no kind";
            problems.error_with_hint(file.source, part.start(), Code::MissingKey, message, hint);
            None
        }
        [_, (second, range, _), ..] => {
            let message = format!("the destination has another kind already, beside `{second}`");
            let hint = Some("declare two destinations".to_owned());
            problems.error_with_hint(file.source, range, Code::BadValue, message, hint);
            None
        }
        _ => None,
    }
}

fn http(file: &File<'_>, options: &Part<'_>, problems: &mut Problems) -> Option<DestinationSpec> {
    let config: HttpConfig = options.read(file.source, problems)?;
    let faults = config.faults();
    for fault in &faults {
        let range = options.get(fault.key).map_or(options.start(), Part::range);
        let hint = fault.hint.map(str::to_owned);
        problems.error_with_hint(file.source, range, Code::BadValue, fault.message.as_str(), hint);
    }
    let url = options.get("url")?;
    let secret = url.node().is_secret();
    let template = transform::template(file, url, problems)?;
    if let Err(fault) = UrlTarget::new(template, secret) {
        let hint = Some("url: \"https://host/path\"".to_owned());
        problems.error_with_hint(file.source, url.range(), Code::BadValue, fault, hint);
        return None;
    }
    let good = faults.is_empty() && options.is_good();
    good.then_some(DestinationSpec::Http(HttpOptions { config, secret }))
}

fn nats(file: &File<'_>, options: &Part<'_>, problems: &mut Problems) -> Option<DestinationSpec> {
    let config: NatsConfig = options.read(file.source, problems)?;
    let faults = config.faults();
    for fault in &faults {
        let range = options.at_pointer(&fault.pointer).range();
        let hint = fault.hint.unwrap_or(if fault.pointer.contains("/subjects/") {
            "words with single dots between them; `*` stands for one word, `>` for all that follow: orders.>"
        } else {
            "leave it out, or change `jetstream`"
        });
        let hint = Some(hint.to_owned());
        problems.error_with_hint(file.source, range, Code::BadValue, fault.message.as_str(), hint);
    }
    (faults.is_empty() && options.is_good()).then_some(DestinationSpec::Nats(config))
}

fn kafka(file: &File<'_>, options: &Part<'_>, problems: &mut Problems) -> Option<DestinationSpec> {
    let mut config: KafkaConfig = options.read(file.source, problems)?;
    // One that is not even a value must not keep the others from being checked.
    if let Some(properties) = options.get("properties").filter(|properties| !properties.is_null()) {
        config.properties = properties.read(file.source, problems).unwrap_or_default();
    }
    let faults = config.faults();
    let brokers = || options.get("brokers").unwrap_or(options);
    let properties = || options.get("properties").unwrap_or(options);
    for fault in &faults {
        let (part, range) = match &fault.place {
            Place::Brokers => (brokers(), None),
            Place::Broker(index) => (brokers().items().get(*index).unwrap_or(brokers()), None),
            Place::Properties => (properties(), options.key_range("properties")),
            Place::Name(name) => (properties(), properties().key_range(name)),
            Place::Value(name) => (properties().get(name).unwrap_or(properties()), None),
        };
        // librdkafka may repeat the value, so it says nothing where a secret is in reach.
        let secret = part.node().is_secret() || part.pairs().any(|(_, _, value)| value.node().is_secret());
        let message = match &fault.detail {
            Some(detail) if !secret => format!("{}: {detail}", fault.message),
            _ => fault.message.clone(),
        };
        let range = range.unwrap_or(part.range());
        problems.error_with_hint(file.source, range, Code::BadValue, message, fault.hint.clone());
    }
    (faults.is_empty() && options.is_good()).then_some(DestinationSpec::Kafka(config))
}
