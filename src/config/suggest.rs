//! "Did you mean": the nearest of the names that would have been right, and what to write for a value of another type.

use super::yaml::{Node, Value};

/// A hint with the nearest name, if one is near enough to be a typing mistake.
pub fn did_you_mean<'a>(written: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    const LONGEST: usize = 64;
    if written.len() > LONGEST {
        return None;
    }
    let written_folded = written.to_lowercase();
    let allowed = (written.chars().count() / 3).clamp(1, 3);
    let letters = Letters::of(written);
    let distance = |name: &str| strsim::damerau_levenshtein(&written_folded, &name.to_lowercase());
    let near = names.into_iter().filter(|name| letters.may_be_near(Letters::of(name), allowed));
    let nearest = near.map(|name| (distance(name), name)).min()?;
    (nearest.0 <= allowed).then(|| format!("did you mean `{}`?", nearest.1))
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

/// What to write where a value of another type stands; `expected` are types of JSON Schema.
pub fn other_type(expected: &[&str], node: &Node) -> Option<String> {
    let takes = |kind: &str| expected.contains(&kind);
    let hint = match &node.value {
        Value::Boolean(_) | Value::Integer(_) | Value::Float(..) if takes("string") => {
            return Some(format!("put it in quotes: \"{}\"", node.shown()));
        }
        Value::Map(pairs) if takes("string") && pairs.iter().all(|pair| matches!(pair.value.value, Value::Null)) => {
            // `{subject}` without quotes is a mapping with one key.
            let [only] = &pairs[..] else { return None };
            return Some(format!("a template goes in quotes: \"{{{}}}\"", only.key.text));
        }
        Value::List(items) if items.len() == 1 && (takes("string") || takes("object")) => {
            "there is one of it: write it without `[…]` or `- `"
        }
        Value::List(_) if takes("string") => {
            "one text is expected; for several alternatives there are `any` and sql IN"
        }
        Value::Null => "write a value behind the colon, or remove the key",
        _ if takes("array") => "write it as a list, each entry on a line that begins with `- `",
        Value::Text(text) if takes("boolean") => match text.text.to_ascii_lowercase().as_str() {
            "yes" | "on" | "y" => "write true",
            "no" | "off" | "n" => "write false",
            "true" | "false" if text.written.is_none() => "write it in small letters and without quotes",
            _ => return None,
        },
        Value::Text(text) if takes("integer") && text.written.is_none() => {
            let number = text.text.trim_end_matches('%').trim();
            number.parse::<u64>().ok()?;
            return Some(format!("write the number alone: {number}"));
        }
        Value::Text(_) if takes("object") => "write it as a mapping: key, colon, blank, value",
        _ => return None,
    };
    Some(hint.to_owned())
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
