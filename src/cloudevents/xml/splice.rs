//! Cuts an element out of a document so that it means the same on its own (specs.md §4, trap b).

use super::characters::continues_name;
use super::document::{Document, Element};
use super::scope::Space;
use crate::cloudevents::reader::Fault;
use std::borrow::Cow;

/// Goes behind the end of `element`, which has just started, and gives its text as it stands there. What it takes from
/// around is declared on it: every prefix that stands in front of a colon anywhere in it, be it in a name or in a value
/// that may be a qualified name, and the default namespace.
pub fn cut<'t>(document: &mut Document<'t>, text: &'t str, element: &Element<'t>) -> Result<Cow<'t, str>, Fault> {
    let own: Vec<&str> = document.scope().own_prefixes().collect();
    document.skip()?;
    let text = &text[element.start..document.position()];
    // The element's own declarations have ended with it.
    let around: Vec<_> = document.scope().in_force().filter(|binding| !own.contains(&binding.prefix)).collect();
    let used = used_prefixes(text, &around.iter().map(|binding| binding.prefix).collect::<Vec<_>>());
    let mut declarations = String::new();
    for (binding, used) in around.iter().zip(used) {
        let is_default = binding.prefix.is_empty();
        if is_default && binding.space == Space::NONE || !is_default && !used {
            continue;
        }
        let quote = if binding.raw.contains('"') { '\'' } else { '"' };
        declarations.push_str(if is_default { " xmlns" } else { " xmlns:" });
        declarations.push_str(binding.prefix);
        declarations.extend(['=', quote]);
        declarations.push_str(binding.raw);
        declarations.push(quote);
    }
    if declarations.is_empty() {
        return Ok(Cow::Borrowed(text));
    }
    let (start, rest) = text.split_at(1 + element.name.len());
    Ok(Cow::Owned([start, &declarations, rest].concat()))
}

/// Which of the prefixes stand in front of a colon.
fn used_prefixes(text: &str, prefixes: &[&str]) -> Vec<bool> {
    let mut used = vec![false; prefixes.len()];
    if prefixes.is_empty() {
        return used;
    }
    let mut behind = 0;
    for colon in memchr::memchr_iter(b':', text.as_bytes()) {
        let word = text[behind..colon].rsplit(|c| !continues_name(c)).next().unwrap_or_default();
        if let Some(at) = prefixes.iter().position(|prefix| *prefix == word) {
            used[at] = true;
        }
        behind = colon + 1;
    }
    used
}
