//! Targets that an event chooses as a whole: nothing stands before the first template.

use super::Written;
use crate::codes::Code;
use crate::config::part::Part;
use crate::config::problem::{Problems, SourceText};
use crate::deliver::http::url;
use std::collections::BTreeMap;

/// The URL of each `http` destination, by its name.
pub(super) type Urls<'n> = BTreeMap<&'n str, &'n str>;

/// Looks at the URL of a destination, and notes it for the entries that add to it.
pub(super) fn destination<'n>(source: &SourceText, part: &Part<'n>, urls: &mut Urls<'n>, problems: &mut Problems) {
    let Some(part_of_url) = part.get("http").and_then(|http| http.get("url")) else { return };
    let (Some(name), Some(text)) = (part.get("name").and_then(Part::text), part_of_url.text()) else { return };
    urls.insert(name, text);
    told(source, part_of_url, "url", path(text), problems);
}

/// Looks at the deliver entries of a route, of each branch where it is split.
pub(super) fn look(route: &Written<'_, '_>, urls: &Urls<'_>, problems: &mut Problems) {
    let branches = route.part.get("split").map(Part::items).unwrap_or_default();
    let lists = branches.iter().chain([route.part]).filter_map(|part| part.get("deliver"));
    for entry in lists.flat_map(Part::items) {
        for key in ["topic", "subject"] {
            let Some((part, text)) = entry.get(key).and_then(|part| Some((part, part.text()?))) else { continue };
            told(route.source, part, key, text, problems);
        }
        let destination = entry.get("destination").and_then(Part::text).and_then(|name| urls.get(name));
        let own = entry.get("url").and_then(|part| Some((part, part.text()?)));
        if let (Some((part, own)), Some(destination)) = (own, destination)
            // One that is bad by itself was told at its own place.
            && !path(destination).starts_with('{')
        {
            let whole = url::join(destination, own).unwrap_or_default();
            told(route.source, part, "url", path(&whole), problems);
        }
    }
}

fn told(source: &SourceText, part: &Part<'_>, key: &str, own: &str, problems: &mut Problems) {
    if own.starts_with('{') && !own.starts_with("{{") {
        let what = if key == "url" { "path of the URL" } else { key };
        let message = format!("the event chooses the whole {what}: nothing stands before the first template");
        let example = if key == "url" { "https://example.com/events/{type}" } else { "events.{type}" };
        let hint = format!("begin it with words of your own, such as `{example}`");
        problems.warning(source, part.range(), Code::LeavesPrefix, message, Some(hint));
    }
}

/// What stands behind the authority and its slashes.
fn path(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split_once('/').map_or("", |(_, path)| path.trim_start_matches('/'))
}
