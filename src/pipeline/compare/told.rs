//! Changes in words. What they quote of an event is cut around the place that differs, and is for the caller to make harmless
//! where it is shown.

use super::message::Made;
use super::{Change, Detail};
use crate::cloudevents::Event;
use crate::deliver::entry::{DeliverEntry, Target};
use crate::deliver::plan::Undeliverable;
use crate::encode::Mode;
use crate::log::record::Entry;
use crate::pipeline::dispatch::{self, Image};
use crate::pipeline::outcome::Refused;
use crate::reload::snapshot::Snapshot;
use bytestring::ByteString;
use std::fmt;

/// Characters of a value that are quoted.
const QUOTED: usize = 120;
/// Of these, characters before the first one that differs.
const BEFORE: usize = 32;
/// Bytes of a body that is no text.
const BYTES: usize = 16;
/// Headers told one by one.
const HEADERS: usize = 8;

/// What the schemas of one side say of an event.
pub(super) struct Verdict {
    /// `<type>/<version>` of the schema that governs it, if there is one.
    pub schema: Option<ByteString>,
    /// Why it is refused.
    pub refused: Option<Refused>,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.schema, &self.refused) {
            (None, None) => return f.write_str("no schema governs it"),
            (Some(schema), None) => return write!(f, "valid by {schema}"),
            (None, Some(refused)) => write!(f, "refused ({})", refused.code)?,
            (Some(schema), Some(refused)) => write!(f, "refused by {schema} ({})", refused.code)?,
        }
        let errors = self.refused.as_ref().map(|refused| &refused.errors[..]).unwrap_or_default();
        if let Some(first) = errors.first() {
            write!(f, ": {}: {}", first.pointer, first.detail)?;
        }
        match errors.len() {
            0 | 1 => Ok(()),
            more => write!(f, ", and {} more", more - 1),
        }
    }
}

/// Why a side's route does not take an event.
pub(super) fn why_not(side: &Snapshot, route: &ByteString, event: &Event) -> String {
    match side.table.named(route) {
        None => "there is no such route".to_owned(),
        Some(route) if route.shadow.is_some() => "a shadow route, which delivers nothing".to_owned(),
        Some(route) => match side.table.why_not(&route.name, event) {
            Some(reason) => format!("does not take it: {reason}"),
            None => "does not take it".to_owned(),
        },
    }
}

/// A change of what two deliver entries of one name send.
pub(super) fn message(
    change: Change,
    (old, before): (&DeliverEntry, &Made),
    (new, after): (&DeliverEntry, &Made),
) -> Vec<Detail> {
    let name = &*old.lane.name;
    match (change, before, after) {
        (Change::Target, ..) => {
            let mut texts = [target_of(old, before), target_of(new, after)];
            if texts[0] == texts[1] {
                texts[1].push_str(" on other servers");
            }
            let [before, after] = texts;
            vec![Detail::new(name, before, after)]
        }
        (Change::Key, Ok(before), Ok(after)) => {
            let text = |key: &Option<String>| {
                key.as_deref().map_or_else(|| "no key".to_owned(), |key| format!("`{}`", cut(key, 0)))
            };
            vec![Detail::new(name, text(&before.key), text(&after.key))]
        }
        (_, Ok(before), Ok(after)) => bytes((old, before), (new, after)),
        _ => vec![Detail::new(name, outcome(before), outcome(after))],
    }
}

/// Where an entry sends an event.
pub(super) fn target(entry: &Entry, deliver: &DeliverEntry) -> String {
    target_of(deliver, &dispatch::image(entry, deliver))
}

/// Destination, and the topic, subject, URL or stream as it may be shown.
fn target_of(deliver: &DeliverEntry, made: &Made) -> String {
    let destination = &deliver.lane.destination;
    let target = match made {
        Ok(image) if image.target.is_empty() => "gets it".to_owned(),
        Ok(image) => format!("`{}`", cut(&deliver.target.shown(&image.target), 0)),
        Err(fault) => dead_letter(fault),
    };
    // The name of an entry is that of its destination unless another one is written.
    if deliver.lane.name == *destination { target } else { format!("{destination} {target}") }
}

/// A message, or the dead letter in its place.
fn outcome(made: &Made) -> String {
    match made {
        Ok(_) => "a message".to_owned(),
        Err(fault) => dead_letter(fault),
    }
}

fn dead_letter(fault: &Undeliverable) -> String {
    format!("dead letter ({}): {}", fault.code, cut(&fault.detail, 0))
}

/// How a message is written.
pub(super) fn manner(entry: &DeliverEntry) -> String {
    match (&entry.target, entry.mode) {
        (Target::Stream(_), _) => "an event of the log".to_owned(),
        (_, Mode::Binary) => "binary mode".to_owned(),
        (_, Mode::Structured) => format!("structured mode, {}", entry.format.name()),
    }
}

/// Every difference in what two entries of a name write.
fn bytes((old, before): (&DeliverEntry, &Image), (new, after): (&DeliverEntry, &Image)) -> Vec<Detail> {
    let name = &*old.lane.name;
    let mut details = Vec::new();
    let mut add = |what: &str, [before, after]: [String; 2]| {
        let place = if what.is_empty() { name.to_owned() } else { format!("{name}, {what}") };
        details.push(Detail::new(&place, before, after));
    };
    let manners = [manner(old), manner(new)];
    if manners[0] != manners[1] {
        add("", manners);
    }
    headers(&before.headers, &after.headers, &mut add);
    if before.body != after.body {
        let body = |image: &Image| image.body.clone().unwrap_or_default();
        add("body", excerpts(&body(before), &body(after)));
    }
    details
}

fn headers(before: &[(String, String)], after: &[(String, String)], add: &mut impl FnMut(&str, [String; 2])) {
    if before == after {
        return;
    }
    let value = |headers: &[(String, String)], name: &str| {
        headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone())
    };
    let came = after.iter().filter(|(name, _)| value(before, name).is_none());
    let differing: Vec<_> = before
        .iter()
        .chain(came)
        .map(|(name, _)| (name, value(before, name), value(after, name)))
        .filter(|(_, before, after)| before != after)
        .collect();
    if differing.is_empty() {
        let names = |headers: &[(String, String)]| {
            cut(&headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", "), 0)
        };
        add("order of headers", [names(before), names(after)]);
    }
    for (name, before, after) in differing.iter().take(HEADERS) {
        let [old, new] =
            excerpts(before.as_deref().unwrap_or_default().as_bytes(), after.as_deref().unwrap_or_default().as_bytes());
        let text =
            |value: &Option<String>, text: String| if value.is_some() { text } else { "no such header".to_owned() };
        add(&format!("header {name}"), [text(before, old), text(after, new)]);
    }
}

/// Two values, each from shortly before the first place that differs.
fn excerpts(before: &[u8], after: &[u8]) -> [String; 2] {
    let same = before.iter().zip(after).take_while(|(one, other)| one == other).count();
    match (str::from_utf8(before), str::from_utf8(after)) {
        (Ok(before), Ok(after)) => [before, after].map(|text| quoted(text, same)),
        _ => [before, after].map(|bytes| {
            let rest: Vec<_> = bytes.iter().skip(same).take(BYTES).map(|byte| format!("{byte:02x}")).collect();
            format!("{} bytes, from {same} on {}", bytes.len(), rest.join(" "))
        }),
    }
}

fn quoted(text: &str, same: usize) -> String {
    if text.is_empty() { "nothing".to_owned() } else { format!("`{}`", cut(text, same)) }
}

/// A part of a text from shortly before a byte, with `…` where something is left out.
fn cut(text: &str, same: usize) -> String {
    let from = text.floor_char_boundary(same.min(text.len()));
    let (head, _) = text.split_at(from);
    let start = head.char_indices().rev().take(BEFORE).last().map_or(from, |(at, _)| at);
    let rest = &text[start..];
    let end = rest.char_indices().nth(QUOTED).map_or(rest.len(), |(at, _)| at);
    let mark = |left_out: bool| if left_out { "…" } else { "" };
    format!("{}{}{}", mark(start > 0), &rest[..end], mark(end < rest.len()))
}

#[cfg(test)]
mod tests {
    use super::{cut, excerpts};

    #[test]
    fn long_values_are_cut_around_the_difference() {
        let long = |letter: &str| format!("{}{letter}{}", "é".repeat(500), "z".repeat(500));
        let [before, after] = excerpts(long("a").as_bytes(), long("b").as_bytes());
        let expected = |letter: &str| format!("`…{}{letter}{}…`", "é".repeat(32), "z".repeat(87));
        assert_eq!((before, after), (expected("a"), expected("b")));
        assert_eq!(cut("short", 3), "short");
    }

    #[test]
    fn bodies_that_are_no_text_are_told_by_their_bytes() {
        assert_eq!(
            excerpts(b"\xff\x01\x02", b"\xff\x01\x03\x04"),
            ["3 bytes, from 2 on 02", "4 bytes, from 2 on 03 04"]
        );
        assert_eq!(excerpts(b"", b"x"), ["nothing", "`x`"]);
    }
}
