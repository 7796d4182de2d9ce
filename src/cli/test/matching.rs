//! Which expected delivery is which of those made: exactly these, in any order.

use super::data;
use super::judge::Made;
use crate::config::test_file::{Given, Wanted};
use crate::deliver::entry::Target;
use crate::encode::Mode;
use std::fmt::Write as _;

/// What is not as expected.
pub fn differences(wanted: &[Wanted], made: &[Made<'_>]) -> Vec<String> {
    let all: Vec<Vec<Vec<String>>> =
        wanted.iter().map(|wanted| made.iter().map(|made| compare(wanted, made)).collect()).collect();
    let mut pairs = fitting(&all, made.len());
    // Those that fit nothing are held against the nearest of the same route; one that fits elsewhere, too, gives way.
    for number in 0..wanted.len() {
        if pairs.contains(&Some(number)) {
            continue;
        }
        let mut near: Vec<usize> = (0..made.len()).filter(|at| made[*at].route == wanted[number].route).collect();
        near.sort_by_key(|at| (strangeness(&wanted[number], &made[*at]), all[number][*at].len()));
        for at in near {
            let elsewhere =
                |other: usize| (0..made.len()).find(|to| pairs[*to].is_none() && all[other][*to].is_empty());
            match pairs[at].map(elsewhere) {
                None => {}
                Some(Some(to)) => pairs[to] = pairs[at],
                Some(None) => continue,
            }
            pairs[at] = Some(number);
            break;
        }
    }
    let mut told = Vec::new();
    for (number, wanted) in wanted.iter().enumerate() {
        match pairs.iter().position(|pair| *pair == Some(number)) {
            Some(at) => {
                let name = made[at].name();
                told.extend(all[number][at].iter().map(|one| format!("{name}: {one}")));
            }
            None => told.push(format!("missing: {}", shown(wanted))),
        }
    }
    let more = made.iter().zip(&pairs).filter(|(_, pair)| pair.is_none());
    told.extend(more.map(|(made, _)| format!("not expected: {}{}", made.name(), target_of(made))));
    told
}

/// How little a delivery is the one that was named: its name says more than where it goes, and that more than the rest.
fn strangeness(wanted: &Wanted, made: &Made<'_>) -> u8 {
    let lane = &made.delivery.entry.lane;
    let other = |expected: Option<&str>, found: &str| expected.is_some_and(|expected| expected != found);
    u8::from(other(wanted.name.as_deref(), &lane.name)) * 2
        + u8::from(other(wanted.destination.as_deref(), &lane.destination))
}

/// For each delivery made, the expected one it fits: as many as can be. An entry that says little may fit several, so that
/// it gives way to one that says more (augmenting paths).
fn fitting(all: &[Vec<Vec<String>>], made: usize) -> Vec<Option<usize>> {
    fn place(number: usize, all: &[Vec<Vec<String>>], pairs: &mut [Option<usize>], tried: &mut [bool]) -> bool {
        for at in 0..pairs.len() {
            if tried[at] || !all[number][at].is_empty() {
                continue;
            }
            tried[at] = true;
            let free = match pairs[at] {
                None => true,
                Some(other) => place(other, all, pairs, tried),
            };
            if free {
                pairs[at] = Some(number);
                return true;
            }
        }
        false
    }
    let mut pairs = vec![None; made];
    for number in 0..all.len() {
        place(number, all, &mut pairs, &mut vec![false; made]);
    }
    pairs
}

/// Where one delivery is not as expected.
fn compare(wanted: &Wanted, made: &Made<'_>) -> Vec<String> {
    let delivery = made.delivery;
    let lane = &delivery.entry.lane;
    let mut told = Vec::new();
    let mut check = |what: &str, expected: Option<&str>, found: Option<&str>| {
        if let Some(expected) = expected
            && found != Some(expected)
        {
            told.push(difference(what, Some(expected), found));
        }
    };
    check("route", Some(&wanted.route), Some(made.route));
    check("name", wanted.name.as_deref(), Some(&lane.name));
    check("destination", wanted.destination.as_deref(), Some(&lane.destination));
    let target = |kind: &str| delivery.target.as_deref().filter(|_| kind_of(&delivery.entry.target) == kind);
    for (kind, expected) in [("topic", &wanted.topic), ("subject", &wanted.subject), ("stream", &wanted.stream)] {
        check(kind, expected.as_deref(), target(kind));
    }
    if let Some(expected) = &wanted.url
        && target("url") != Some(expected)
    {
        let shown = |url: &str| delivery.entry.target.shown(url);
        told.push(difference("url", Some(&shown(expected)), target("url").map(shown).as_deref()));
    }
    let key = match &wanted.key {
        Given::LeftOut => delivery.key.as_deref(),
        Given::Null => None,
        Given::Value(key) => Some(key.as_str()),
    };
    if key != delivery.key.as_deref() {
        told.push(difference("key", key, delivery.key.as_deref()));
    }
    if let Some(mode) = wanted.mode {
        let found = (kind_of(&delivery.entry.target) != "stream").then_some(delivery.entry.mode);
        if found != Some(mode) {
            told.push(difference("mode", Some(mode_name(mode)), found.map(mode_name)));
        }
    }
    for (name, expected) in wanted.headers.iter().flat_map(|headers| &headers.0) {
        let found = delivery.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        if found != Some(expected) {
            told.push(difference(&format!("header {name}"), Some(expected), found.map(String::as_str)));
        }
    }
    if let Some((_, detail)) = &delivery.error {
        told.push(format!("nothing is sent, there is a dead letter: {detail}"));
    } else {
        told.extend(data::differences(wanted, delivery));
    }
    told
}

fn difference(what: &str, expected: Option<&str>, found: Option<&str>) -> String {
    let shown = |value: Option<&str>| value.map_or_else(|| "none".to_owned(), |value| format!("`{value}`"));
    format!("{what}\n  expected: {}\n  found:    {}", shown(expected), shown(found))
}

fn kind_of(target: &Target) -> &'static str {
    match target {
        Target::Topic(_) => "topic",
        Target::Subject(_) => "subject",
        Target::Url(_) => "url",
        Target::Stream(_) => "stream",
        Target::Nowhere => "",
    }
}

fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Binary => "binary",
        Mode::Structured => "structured",
    }
}

fn target_of(made: &Made<'_>) -> String {
    let kind = kind_of(&made.delivery.entry.target);
    let target = made.delivery.shown_target().filter(|_| !kind.is_empty());
    let mut text = target.map_or_else(String::new, |target| format!(", {kind} `{target}`"));
    if let Some((_, detail)) = &made.delivery.error {
        write!(text, ", a dead letter: {detail}").ok();
    }
    text
}

fn shown(wanted: &Wanted) -> String {
    let mut text = match &wanted.name {
        Some(name) => format!("{}/{name}", wanted.route),
        None => wanted.route.clone(),
    };
    for (what, value) in [
        ("destination", &wanted.destination),
        ("topic", &wanted.topic),
        ("subject", &wanted.subject),
        ("url", &wanted.url),
        ("stream", &wanted.stream),
    ] {
        if let Some(value) = value {
            write!(text, ", {what} `{value}`").ok();
        }
    }
    text
}
