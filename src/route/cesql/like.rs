//! `LIKE` patterns: `%` is any text, `_` one character, `\%` and `\_` stand for themselves (CESQL 1.0 §3.4.3).

/// A compiled pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern(Box<[Part]>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// This character.
    Exactly(char),
    /// `_`
    One,
    /// `%`, also for several in a row.
    Any,
}

impl Pattern {
    /// Compiles the text of a string literal. Every text is a pattern.
    pub fn new(text: &str) -> Pattern {
        let mut parts = Vec::new();
        let mut rest = text.chars().peekable();
        while let Some(c) = rest.next() {
            let part = match c {
                '\\' => Part::Exactly(rest.next_if(|next| matches!(next, '%' | '_')).unwrap_or('\\')),
                '%' if parts.last() == Some(&Part::Any) => continue,
                '%' => Part::Any,
                '_' => Part::One,
                c => Part::Exactly(c),
            };
            parts.push(part);
        }
        Pattern(parts.into())
    }

    /// What a text that fits begins with, and, where there is a wildcard, what it ends with.
    pub fn ends(&self) -> (String, Option<String>) {
        let literal = |part: &Part| if let Part::Exactly(c) = part { Some(*c) } else { None };
        let begin: String = self.0.iter().map_while(literal).collect();
        if self.0.iter().all(|part| literal(part).is_some()) {
            return (begin, None);
        }
        let end: Vec<char> = self.0.iter().rev().map_while(literal).collect();
        (begin, Some(end.into_iter().rev().collect()))
    }

    /// Does the whole text fit? Takes time in proportion to text × pattern at worst, and no memory.
    pub fn matches(&self, text: &str) -> bool {
        let parts = &self.0;
        let (mut at, mut rest) = (0, text.chars());
        // The last `%` and the text it has not taken yet: where to go on after a mismatch.
        let mut retry: Option<(usize, std::str::Chars<'_>)> = None;
        loop {
            if parts.get(at) == Some(&Part::Any) {
                at += 1;
                retry = Some((at, rest.clone()));
                continue;
            }
            let mut after = rest.clone();
            let next = after.next();
            let fits = match (parts.get(at), next) {
                (None, None) => return true,
                (Some(Part::Exactly(wanted)), Some(c)) => *wanted == c,
                (Some(Part::One), Some(_)) => true,
                _ => false,
            };
            if fits {
                at += 1;
                rest = after;
                continue;
            }
            let Some((begin, taken)) = &mut retry else { return false };
            if taken.next().is_none() {
                return false;
            }
            (at, rest) = (*begin, taken.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn whole_texts_fit_character_by_character() {
        for (text, pattern, fits) in [
            ("", "", true),
            ("", "%", true),
            ("", "_", false),
            ("abc", "abc", true),
            ("abc", "ab", false),
            ("ab", "abc", false),
            ("abc", "a%", true),
            ("abc", "%c", true),
            ("abc", "%b%", true),
            ("abc", "a%%c", true),
            ("aab", "%ab", true),
            ("abab", "%ab", true),
            ("ababc", "%ab", false),
            ("mississippi", "m%iss%pi", true),
            ("mississippi", "m%iss%x%", false),
            ("ä", "_", true),
            ("ää", "_", false),
            ("😀x", "_x", true),
            ("a\nb", "a%b", true),
            ("a\nb", "a_b", true),
            ("ABC", "abc", false),
            ("a*c", "a*c", true),
            ("abc", "a*c", false),
            ("a.c", "a.c", true),
            ("abc", "a.c", false),
            ("50%", r"50\%", true),
            ("50x", r"50\%", false),
            ("a_b", r"a\_b", true),
            ("axb", r"a\_b", false),
            (r"a\b", r"a\b", true),
            (r"\%", r"\\%", true),
            (r"\x", r"\\%", false),
            (r"\", r"\", true),
        ] {
            assert_eq!(Pattern::new(pattern).matches(text), fits, "`{text}` LIKE `{pattern}`");
        }
    }

    #[test]
    fn what_fitting_texts_begin_and_end_with() {
        for (pattern, begin, end) in [
            ("abc", "abc", None),
            ("", "", None),
            ("a%", "a", Some("")),
            ("%c", "", Some("c")),
            ("a_c", "a", Some("c")),
            (r"a\%%\_b", "a%", Some("_b")),
            ("%b%", "", Some("")),
        ] {
            assert_eq!(Pattern::new(pattern).ends(), (begin.to_owned(), end.map(str::to_owned)), "{pattern}");
        }
    }

    #[test]
    fn many_wildcards_on_a_long_text_end_soon() {
        let pattern = Pattern::new(&"%a".repeat(200));
        let text = "a".repeat(199) + &"b".repeat(20_000);
        assert!(!pattern.matches(&text));
    }
}
