//! Targets that an event chooses as a whole: nothing stands before the first template.

use super::Written;
use crate::codes::Code;
use crate::config::part::Part;
use crate::config::problem::Problems;

/// Looks at the deliver entries of a route, of each branch where it is split.
pub(super) fn look(route: &Written<'_, '_>, problems: &mut Problems) {
    let branches = route.part.get("split").map(Part::items).unwrap_or_default();
    let lists = branches.iter().chain([route.part]).filter_map(|part| part.get("deliver"));
    for entry in lists.flat_map(Part::items) {
        for key in ["topic", "subject", "url"] {
            let Some(part) = entry.get(key) else { continue };
            let Some(text) = part.text() else { continue };
            let own = if key == "url" { path(text) } else { text };
            if own.starts_with('{') && !own.starts_with("{{") {
                let what = if key == "url" { "path of the URL" } else { key };
                let message = format!("the event chooses the whole {what}: nothing stands before the first template");
                let example = if key == "url" { "https://example.com/events/{type}" } else { "events.{type}" };
                let hint = format!("begin it with words of your own, such as `{example}`");
                problems.warning(route.source, part.range(), Code::LeavesPrefix, message, Some(hint));
            }
        }
    }
}

/// What stands behind the authority and its slash.
fn path(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split_once('/').map_or("", |(_, path)| path)
}
