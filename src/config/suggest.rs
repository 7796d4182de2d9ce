//! "Did you mean": the nearest of the names that would have been right.

/// A hint with the nearest name, if one is near enough to be a typing mistake.
pub fn did_you_mean<'a>(written: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    const LONGEST: usize = 64;
    if written.len() > LONGEST {
        return None;
    }
    let written_folded = written.to_lowercase();
    let allowed = (written.chars().count() / 3).clamp(1, 3);
    let distance = |name: &str| strsim::damerau_levenshtein(&written_folded, &name.to_lowercase());
    let nearest = names.into_iter().map(|name| (distance(name), name)).min()?;
    (nearest.0 <= allowed).then(|| format!("did you mean `{}`?", nearest.1))
}

/// A hint that lists the names, as far as a reader can take them in.
pub fn known(lead: &str, names: &[&str]) -> String {
    const SHOWN: usize = 20;
    if names.is_empty() {
        return "nothing is known here".to_owned();
    }
    let listed: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    let more = if names.len() > SHOWN { ", …" } else { "" };
    format!("{lead}: {}{more}", listed.join(", "))
}

#[cfg(test)]
mod tests {
    use super::did_you_mean;

    #[test]
    fn only_near_names_are_suggested() {
        let names = ["destination", "deliver", "name", "subject"];
        assert_eq!(did_you_mean("subjct", names).as_deref(), Some("did you mean `subject`?"));
        assert_eq!(did_you_mean("Deliver", names).as_deref(), Some("did you mean `deliver`?"));
        assert_eq!(did_you_mean("nmae", names).as_deref(), Some("did you mean `name`?"));
        assert_eq!(did_you_mean("frobnicate", names), None);
        assert_eq!(did_you_mean("x", []), None);
    }
}
