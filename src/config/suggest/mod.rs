//! "Did you mean": the nearest of the names that would have been right, and what to write for a value of another type.

pub mod units;

use super::problem::SourceText;
use super::yaml::{Node, Value};

/// A hint with the nearest name, if one is near enough to be a typing mistake.
pub fn did_you_mean<'a>(written: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    const LONGEST: usize = 64;
    if written.len() > LONGEST {
        return None;
    }
    let written_folded = written.to_lowercase();
    // `retries` for `retry`, and the other way round.
    let singular = written_folded.strip_suffix("ies").map(|stem| format!("{stem}y"));
    let plural = written_folded.strip_suffix('y').map(|stem| format!("{stem}ies"));
    let allowed = (written.chars().count() / 3).clamp(1, 3);
    let forms = [Some(&written_folded), singular.as_ref(), plural.as_ref()];
    let forms: Vec<(&str, Letters)> =
        forms.into_iter().flatten().map(|form| (form.as_str(), Letters::of(form))).collect();
    let distance = |name: &str| {
        let letters = Letters::of(name);
        let near = forms.iter().filter(|(_, own)| own.may_be_near(letters, allowed));
        near.map(|(form, _)| strsim::damerau_levenshtein(form, &name.to_lowercase())).min()
    };
    let names: Vec<&str> = names.into_iter().collect();
    let nearest = names.iter().filter_map(|name| Some((distance(name)?, *name))).min();
    let name = match nearest {
        Some((edits, name)) if edits <= allowed => name,
        _ => only_part(&written_folded, &names)?,
    };
    Some(format!("did you mean `{name}`?"))
}

/// The only name that begins or ends with what was written, or the other way round: `json` for `application/json`.
fn only_part<'a>(written: &str, names: &[&'a str]) -> Option<&'a str> {
    const SHORTEST: usize = 3;
    let holds = |long: &str, short: &str| short.len() >= SHORTEST && (long.starts_with(short) || long.ends_with(short));
    let mut near = names.iter().filter(|name| holds(name, written) || holds(written, name));
    let first = near.next()?;
    near.next().is_none().then_some(first)
}

/// Which characters a text has, to tell fast that two texts are not near each other: there may be ten thousand names, and
/// a thousand mistakes.
#[derive(Clone, Copy)]
struct Letters {
    /// Number of characters.
    count: usize,
    /// One bit for each, in either case; several characters may share one.
    set: u64,
    /// Others change their number with their case.
    is_ascii: bool,
}

impl Letters {
    fn of(text: &str) -> Letters {
        let set = text.bytes().fold(0, |set, byte| set | 1 << (byte.to_ascii_lowercase() & 63));
        Letters { count: text.len(), set, is_ascii: text.is_ascii() }
    }

    /// False: more than so many edits lie between them. An edit adds, removes or changes one character, or swaps two.
    fn may_be_near(self, other: Letters, edits: usize) -> bool {
        let changed = (self.set ^ other.set).count_ones() as usize;
        !self.is_ascii || !other.is_ascii || self.count.abs_diff(other.count) <= edits && changed <= 2 * edits
    }
}

/// A hint for a name that is none of the declared ones: the nearest, looked for if `search` is set, else some that are.
pub fn declared<'a>(written: &str, names: impl Iterator<Item = &'a str> + Clone, search: bool) -> String {
    let near = if search { did_you_mean(written, names.clone()) } else { None };
    near.unwrap_or_else(|| known("declared", &names.take(SHOWN + 1).collect::<Vec<_>>()))
}

/// Names a hint lists at most.
const SHOWN: usize = 20;

/// A hint that lists the names, as far as a reader can take them in.
pub fn known(lead: &str, names: &[&str]) -> String {
    if names.is_empty() {
        return "nothing is known here".to_owned();
    }
    let listed: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    let more = if names.len() > SHOWN { ", …" } else { "" };
    format!("{lead}: {}{more}", listed.join(", "))
}

/// Where a value of another type stands.
pub struct Place<'a> {
    /// The file.
    pub source: &'a SourceText,
    /// The key.
    pub name: &'a str,
    /// The only key a mapping in this place needs, and whether it takes a list.
    pub takes: Option<(&'a str, bool)>,
    /// A list in this place is one of texts.
    pub lists_text: bool,
}

/// What to write where a value of another type stands; `expected` are types of JSON Schema.
pub fn other_type(place: &Place<'_>, expected: &[&str], node: &Node) -> Option<String> {
    let takes = |kind: &str| expected.contains(&kind);
    if matches!(node.value, Value::Null) {
        return Some("write a value behind the colon, or remove the key".to_owned());
    }
    if takes("string") {
        text(place, node)
    } else if takes("array") {
        list(place, node)
    } else if takes("object") {
        mapping(place, takes("boolean"), node)
    } else if takes("boolean") {
        Some(boolean(node))
    } else {
        number(node)
    }
}

fn text(place: &Place<'_>, node: &Node) -> Option<String> {
    const TARGETS: [&str; 5] = ["destination", "topic", "subject", "url", "stream"];
    let is_program = matches!(place.name, "jq" | "sql");
    Some(match &node.value {
        Value::Map(_) | Value::List(_) if is_program => {
            let written = written(place.source, node).unwrap_or("…");
            let quote = if written.contains('\'') { '"' } else { '\'' };
            format!("the text goes in quotes: {quote}{written}{quote}")
        }
        Value::Boolean(_) | Value::Integer(_) | Value::Float(..) => {
            format!("put it in quotes: \"{}\"", written(place.source, node).unwrap_or(&node.shown()))
        }
        Value::Map(pairs) if pairs.iter().all(|pair| matches!(pair.value.value, Value::Null)) => {
            // `{subject}` without quotes is a mapping with one key.
            let [only] = &pairs[..] else { return None };
            format!("a template goes in quotes: \"{{{}}}\"", only.key.text)
        }
        Value::List(items) if items.len() == 1 => "there is one of it: write it without `[…]` or `- `".to_owned(),
        Value::List(_) if TARGETS.contains(&place.name) => {
            "a deliver entry goes to one target; for several write an entry for each".to_owned()
        }
        Value::List(_) => "one text is expected; for several alternatives there are `any` and sql IN".to_owned(),
        _ => return None,
    })
}

fn list(place: &Place<'_>, node: &Node) -> Option<String> {
    const NAMED: [&str; 5] = ["routes", "destinations", "conversions", "tests", "listeners"];
    Some(match &node.value {
        Value::Text(text) if place.lists_text && text.written.is_none() && !text.text.contains(['"', '\n']) => {
            let items: Vec<String> = text.text.split(',').map(|item| format!("\"{}\"", item.trim())).collect();
            format!("write it as a list: [{}]", items.join(", "))
        }
        Value::Map(pairs)
            if NAMED.contains(&place.name)
                && !pairs.is_empty()
                && pairs.iter().all(|pair| matches!(pair.value.value, Value::Map(_))) =>
        {
            let first = &pairs.first()?.key.text;
            format!("write it as a list, in which each entry says its name: `- name: {first}`")
        }
        _ => "write it as a list, each entry on a line that begins with `- `".to_owned(),
    })
}

fn mapping(place: &Place<'_>, or_boolean: bool, node: &Node) -> Option<String> {
    Some(match &node.value {
        _ if or_boolean => return None,
        Value::List(items) if items.len() == 1 && matches!(items.first()?.value, Value::Map(_)) => {
            "there is one of it: write it without `[…]` or `- `".to_owned()
        }
        Value::Text(text) if text.written.is_none() => match place.takes {
            Some((key, is_list)) if node.range.line == node.range.end_line && !text.text.contains(" = ") => {
                let (open, close) = if is_list { ("[", "]") } else { ("", "") };
                format!("write it as a mapping: {{{key}: {open}\"{}\"{close}}}", node.shown())
            }
            _ => "write it as a mapping: key, colon, blank, value".to_owned(),
        },
        _ => "write it as a mapping: key, colon, blank, value; {} is an empty one".to_owned(),
    })
}

fn boolean(node: &Node) -> String {
    let hint = match &node.value {
        Value::Text(text) if text.written.is_none() => match text.text.to_ascii_lowercase().as_str() {
            "yes" | "on" | "y" => "write true",
            "no" | "off" | "n" => "write false",
            "true" | "false" => "write it in small letters and without quotes",
            _ => "write true or false",
        },
        Value::Integer(1) => "write true",
        Value::Integer(0) => "write false",
        _ => "write true or false",
    };
    hint.to_owned()
}

fn number(node: &Node) -> Option<String> {
    match &node.value {
        Value::Text(text) if text.written.is_none() => {
            let number: u64 = text.text.trim_end_matches('%').trim().parse().ok()?;
            Some(format!("write the number alone: {number}"))
        }
        _ => None,
    }
}

/// A value on one line as it stands in the file.
fn written<'s>(source: &'s SourceText, node: &Node) -> Option<&'s str> {
    let range = node.range;
    let line = source.line(range.line).filter(|_| range.line == range.end_line)?;
    let byte = |column: u32| {
        let index = usize::try_from(column).ok()?.checked_sub(1)?;
        Some(line.char_indices().nth(index).map_or(line.len(), |(at, _)| at))
    };
    line.get(byte(range.column)?..byte(range.end_column)?).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{Letters, did_you_mean};
    use proptest::prelude::*;

    #[test]
    fn only_near_names_are_suggested() {
        let names = ["destination", "deliver", "name", "subject"];
        assert_eq!(did_you_mean("subjct", names).as_deref(), Some("did you mean `subject`?"));
        assert_eq!(did_you_mean("Deliver", names).as_deref(), Some("did you mean `deliver`?"));
        assert_eq!(did_you_mean("nmae", names).as_deref(), Some("did you mean `name`?"));
        assert_eq!(did_you_mean("frobnicate", names), None);
        assert_eq!(did_you_mean("xml", ["text/xml", "text/json"]).as_deref(), Some("did you mean `text/xml`?"));
        assert_eq!(did_you_mean("application/json", ["json", "xml"]).as_deref(), Some("did you mean `json`?"));
        assert_eq!(did_you_mean("ord", ["orders-a", "orders-b"]), None, "either may be meant");
        assert_eq!(did_you_mean("x", []), None);
        let hint = |search| super::declared("subjct", names.into_iter(), search);
        assert_eq!(hint(true), "did you mean `subject`?");
        assert_eq!(hint(false), "declared: `destination`, `deliver`, `name`, `subject`");
    }

    proptest! {
        #[test]
        fn no_near_name_is_passed_over(one in "[a-dA-D0-9ä]{0,7}", other in "[a-dA-D0-9ä]{0,7}") {
            let distance = strsim::damerau_levenshtein(&one.to_lowercase(), &other.to_lowercase());
            prop_assert!(Letters::of(&one).may_be_near(Letters::of(&other), distance));
        }
    }
}
