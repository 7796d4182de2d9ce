//! Deliver entries: an existing destination, the target its kind needs, retry and order.

use super::destination::Declared;
use super::{DestinationSpec, File, HttpOptions, names, transform};
use crate::cloudevents::Format;
use crate::codes::Code;
use crate::config::part::Part;
use crate::config::problem::{Problems, with_hint};
use crate::config::route_file::{Order, Retry};
use crate::config::suggest::did_you_mean;
use crate::config::yaml::Range;
use crate::deliver::entry::{DeliverEntry, RetryPolicy, Target};
use crate::deliver::http::url::{self, UrlTarget};
use crate::deliver::kafka::topic;
use crate::deliver::nats::subject;
use crate::encode::{HeaderEncoding, Mode};
use crate::lane_name::LaneName;
use crate::transform::Step;
use crate::transform::identity::Identity;
use crate::transform::template::Template;
use crate::units::Span;
use bytestring::ByteString;
use std::sync::Arc;

/// What an entry takes from its route.
pub struct FromRoute<'a> {
    /// Name of the route.
    pub route: &'a str,
    /// The route's steps; `None` when they are not good.
    pub steps: Option<Arc<[Step]>>,
    /// What changed events are called.
    pub identity: Identity,
    /// The route's `retry`, key by key over the defaults.
    pub retry: RetryPolicy,
    /// The route's `order`.
    pub keep_order: bool,
}

/// Every key that names a target, of any kind of destination.
const TARGETS: [&str; 4] = ["topic", "subject", "url", "stream"];

/// Compiles one entry. `None`: something is not good; everything that is wrong was reported.
pub fn compile<'n>(
    file: &File<'_>,
    part: &Part<'n>,
    route: &FromRoute<'_>,
    declared: &Declared<'_>,
    seen: &mut names::Seen<'n>,
    problems: &mut Problems,
) -> Option<DeliverEntry> {
    let destination = destination(file, part, declared, problems);
    let own_name = part.get("name").filter(|name| name.node().text().is_some());
    // Without a name of its own it is called like its destination, whose name was told of if it is none.
    let given =
        part.get("destination").filter(|name| own_name.is_none() && name.text().is_some_and(|text| !text.is_empty()));
    let name = names::read(file, own_name.or(given), "deliver entry", problems);
    let unique = name.is_some_and(|name| seen.add(file, name, "deliver entry", problems));
    let kind = destination.and_then(|(_, spec)| spec);
    let target = kind.map(|kind| target(file, part, kind, problems));
    let key = key(file, part, problems);
    let retry = retry(file, part.get("retry"), route.retry, problems);
    let keep_order = order(file, part, problems).unwrap_or(route.keep_order);
    let mode: Option<Mode> = optional(file, part, "mode", problems);
    let format: Option<Format> = optional(file, part, "format", problems);
    if let (Some(kind), Some(_), Some(range)) = (kind, format, part.key_range("format")) {
        unused_format(file, range, mode.unwrap_or(default_mode(kind)), kind, problems);
    }
    if !unique || !part.is_good() {
        return None;
    }
    let (target, steps) = (target??, route.steps.clone()?);
    let stream = match &target {
        Target::Stream(stream) if steps.is_empty() && route.identity == Identity::Keep => {
            Some(ByteString::from(stream.as_str()))
        }
        Target::Stream(_) | Target::Subject(_) | Target::Topic(_) | Target::Url(_) | Target::Nowhere => None,
    };
    let lane = LaneName { route: route.route.into(), name: name?.0.into(), destination: destination?.0.into(), stream };
    Some(DeliverEntry {
        lane: Arc::new(lane),
        steps,
        identity: route.identity.clone(),
        target,
        key: key?,
        mode: mode.unwrap_or(default_mode(kind?)),
        format: format.unwrap_or(Format::Json),
        header_encoding: header_encoding(kind?),
        retry: retry?,
        keep_order,
    })
}

/// `format` says how a structured message is written; in binary mode it says nothing.
fn unused_format(file: &File<'_>, range: Range, mode: Mode, kind: &DestinationSpec, problems: &mut Problems) {
    if mode == Mode::Binary && !matches!(kind, DestinationSpec::Discard) {
        let message = "`format` has no effect: events leave in binary mode, as headers and their own data";
        let hint = "add `mode: structured`, or leave `format` out".to_owned();
        problems.warning(file.source, range, Code::NoEffect, message, Some(hint));
    }
}

fn default_mode(kind: &DestinationSpec) -> Mode {
    match kind {
        DestinationSpec::Nats(_) | DestinationSpec::Log => Mode::Structured,
        DestinationSpec::Kafka(_) | DestinationSpec::Http(_) | DestinationSpec::Discard => Mode::Binary,
    }
}

fn header_encoding(kind: &DestinationSpec) -> HeaderEncoding {
    match kind {
        DestinationSpec::Nats(config) => config.header_encoding,
        DestinationSpec::Http(options) => options.config.header_encoding,
        DestinationSpec::Kafka(_) | DestinationSpec::Log | DestinationSpec::Discard => HeaderEncoding::Percent,
    }
}

/// The name of the destination and, where its options are good, what it is.
fn destination<'n, 'd>(
    file: &File<'_>,
    part: &Part<'n>,
    declared: &'d Declared<'_>,
    problems: &mut Problems,
) -> Option<(&'n str, Option<&'d DestinationSpec>)> {
    let name = part.get("destination")?;
    let text = name.text()?;
    if let Some(spec) = declared.by_name.get(text) {
        if matches!(spec, Some(DestinationSpec::Log)) && !declared.keeps_log {
            let message = "this gateway keeps no log: all its listeners have `ack: destinations`";
            let hint = Some("deliver elsewhere, or give a listener `ack: log`".to_owned());
            problems.error_with_hint(file.source, name.range(), Code::LogNotKept, message, hint);
        }
        return Some((text, spec.as_ref()));
    }
    // A file that cannot be read may have declared it: its own problem is enough.
    if declared.complete {
        let message = format!("there is no destination `{}`", name.node().shown());
        let hint = Some(declared.hint(text, problems));
        problems.error_with_hint(file.source, name.range(), Code::UnknownReference, message, hint);
    }
    None
}

fn target(file: &File<'_>, part: &Part<'_>, kind: &DestinationSpec, problems: &mut Problems) -> Option<Target> {
    let wanted = match kind {
        DestinationSpec::Nats(_) => Some("subject"),
        DestinationSpec::Kafka(_) => Some("topic"),
        DestinationSpec::Http(_) => Some("url"),
        DestinationSpec::Log => Some("stream"),
        DestinationSpec::Discard => None,
    };
    let word = kind.kind();
    let mut good = true;
    for (key, range, value) in part.pairs().filter(|(_, _, value)| !value.is_null()) {
        let refused = TARGETS.contains(&key) && Some(key) != wanted
            || matches!(kind, DestinationSpec::Log) && (key == "mode" || key == "format");
        if refused && value.is_good() {
            let message = format!("a `{word}` destination takes no `{key}`");
            let hint = match wanted {
                Some(wanted) if key != "mode" && key != "format" => format!("a `{word}` destination takes `{wanted}`"),
                _ => format!("remove `{key}`"),
            };
            problems.error_with_hint(file.source, range, Code::BadValue, message, Some(hint));
            good = false;
        }
    }
    let Some(wanted) = wanted else { return good.then_some(Target::Nowhere) };
    let value = part.get(wanted).filter(|value| !value.is_null());
    if let DestinationSpec::Http(options) = kind {
        return url(file, value.unwrap_or(part), value.is_some(), options, problems).map(Target::Url).filter(|_| good);
    }
    let Some(value) = value else {
        // One that is misspelt, or that belongs to another kind, was told already.
        if good && !part.pairs().any(|(key, _, _)| key == "<<" || did_you_mean(key, [wanted]).is_some()) {
            let message = format!("a delivery to a `{word}` destination needs `{wanted}`");
            let hint = Some(format!("write {wanted}: {}", example(kind)));
            problems.error_with_hint(file.source, part.start(), Code::MissingKey, message, hint);
        }
        return None;
    };
    let target = match kind {
        DestinationSpec::Nats(_) => checked(file, value, "subject", subject::check, problems).map(Target::Subject),
        DestinationSpec::Kafka(_) => checked(file, value, "topic", topic::check, problems).map(Target::Topic),
        _ => stream(file, value, problems).map(Target::Stream),
    };
    target.filter(|_| good)
}

/// What a target may look like.
fn example(kind: &DestinationSpec) -> &'static str {
    match kind {
        DestinationSpec::Nats(_) | DestinationSpec::Kafka(_) => "\"orders.{type}\"",
        DestinationSpec::Http(_) => "\"/orders/{type}\"",
        DestinationSpec::Log | DestinationSpec::Discard => "orders",
    }
}

/// A template whose text around the attributes is legal.
fn checked(
    file: &File<'_>,
    part: &Part<'_>,
    what: &str,
    check: impl Fn(&str) -> Result<(), String>,
    problems: &mut Problems,
) -> Option<Template> {
    let template = transform::template(file, part, problems)?;
    match check(&template.sample()) {
        Ok(()) => Some(template),
        Err(fault) => {
            let (mut message, hint) = with_hint(&fault);
            if part.node().is_secret() {
                message = format!("the {what} is not legal");
            }
            let usual = if what == "topic" {
                "1 to 249 of letters, digits, `.`, `_` and `-`, and attributes: topic: \"orders.{type}\""
            } else {
                "words with single dots between them, and attributes: subject: \"orders.{type}\""
            };
            let hint = hint.or_else(|| Some(usual.to_owned()));
            problems.error_with_hint(file.source, part.range(), Code::BadValue, message, hint);
            None
        }
    }
}

/// The URL of an entry: its destination's, or what it says itself (`own`) put together with that.
fn url(
    file: &File<'_>,
    part: &Part<'_>,
    own: bool,
    destination: &HttpOptions,
    problems: &mut Problems,
) -> Option<UrlTarget> {
    let base = &destination.config.url;
    let own_template = if own { Some(transform::template(file, part, problems)?) } else { None };
    let secret = destination.secret || own && part.node().is_secret();
    let whole = own_template.map_or_else(|| Ok(base.clone()), |own| url::join(base, own.text()));
    // Two good templates make a good one.
    let target = whole.and_then(|whole| {
        let template = Template::parse(&whole).map_err(|fault| fault.message)?;
        UrlTarget::new(template, secret)
    });
    match target {
        Ok(target) => Some(target),
        Err(fault) => {
            let hint = Some("url: \"/path/{type}\", added to the url of the destination".to_owned());
            problems.error_with_hint(file.source, part.range(), Code::BadValue, fault, hint);
            None
        }
    }
}

/// The name of a stream of the log; it stands in queries (`?stream=`) and takes no template.
fn stream(file: &File<'_>, part: &Part<'_>, problems: &mut Problems) -> Option<String> {
    let text = part.text()?;
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let fault = if text.contains(['{', '}']) {
        "`stream` takes no template"
    } else if text.is_empty() || text.len() > 255 || !text.chars().all(legal) {
        "a stream is named by 1 to 255 of letters, digits, `.`, `_` and `-`"
    } else {
        return Some(text.to_owned());
    };
    let hint = Some("write a fixed name, such as stream: orders.eu".to_owned());
    problems.error_with_hint(file.source, part.range(), Code::BadValue, fault, hint);
    None
}

fn key(file: &File<'_>, part: &Part<'_>, problems: &mut Problems) -> Option<Template> {
    match part.get("key").filter(|key| !key.is_null()) {
        Some(key) => transform::template(file, key, problems),
        None => Template::parse("{partitionkey}").ok(),
    }
}

/// `order:` of a route or an entry.
pub fn order(file: &File<'_>, part: &Part<'_>, problems: &mut Problems) -> Option<bool> {
    optional(file, part, "order", problems).map(|order: Order| order == Order::Key)
}

/// A key that may be left out; `None` also when it is not good.
fn optional<T: serde::de::DeserializeOwned>(
    file: &File<'_>,
    part: &Part<'_>,
    key: &str,
    problems: &mut Problems,
) -> Option<T> {
    part.get(key).filter(|value| !value.is_null())?.read(file.source, problems)
}

/// `retry:` over what it overrides, key by key. `None`: it is not good.
pub fn retry(
    file: &File<'_>,
    part: Option<&Part<'_>>,
    below: RetryPolicy,
    problems: &mut Problems,
) -> Option<RetryPolicy> {
    let Some(part) = part.filter(|part| !part.is_null()) else { return Some(below) };
    let written: Retry = part.read(file.source, problems)?;
    let policy = RetryPolicy {
        initial: written.initial.map_or(below.initial, |span| span.0),
        max: written.max.map_or(below.max, |span| span.0),
        deadline: written.deadline.map_or(below.deadline, |span| span.0),
        max_attempts: written.max_attempts.or(below.max_attempts),
    };
    let range = |key: &str| part.get(key).map_or(part.start(), Part::range);
    let mut good = part.is_good();
    for (key, value) in [("initial", policy.initial), ("max", policy.max), ("deadline", policy.deadline)] {
        if value.is_zero() {
            let hint = match key {
                "deadline" => "how long an event is tried at most: 24h",
                _ => "how long is waited before it is tried again: 200ms",
            };
            let message = format!("`{key}` must be more than nothing");
            problems.error_with_hint(file.source, range(key), Code::BadValue, message, Some(hint.to_owned()));
            good = false;
        }
    }
    if policy.initial > policy.max {
        let key = if written.initial.is_some() { "initial" } else { "max" };
        let message = "`initial` must not be more than `max`";
        let hint = Some("the wait doubles from `initial` (default 200ms) up to `max` (default 1m)".to_owned());
        problems.error_with_hint(file.source, range(key), Code::BadValue, message, hint);
        good = false;
    }
    if good && policy.deadline < policy.initial {
        let key = if written.deadline.is_some() { "deadline" } else { "initial" };
        let message = "`deadline` passes before the first retry: an event is tried only once";
        let hint = format!("the first retry comes after `initial` ({})", Span(policy.initial));
        problems.warning(file.source, range(key), Code::NoEffect, message, Some(hint));
    }
    good.then_some(policy)
}
