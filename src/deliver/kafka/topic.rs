//! Which topics may be written to at all.

/// Longest name of a topic, in characters.
const MAX: usize = 249;

/// May a filled-in topic be written to (design.md §2 "Templates")? `Err` says why not. Values of attributes stand in a
/// topic as they are, so this is what keeps an event from choosing anything odd; topics that start with `__` are Kafka's
/// own.
pub fn check(topic: &str) -> Result<(), String> {
    if topic.is_empty() {
        return Err("the topic is empty".to_owned());
    }
    if let Some(found) = topic.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))) {
        return Err(format!("the topic holds {found:?}; topics are of letters, digits, `.`, `_` and `-`"));
    }
    if topic.len() > MAX {
        return Err(format!("the topic is {} characters long, at most {MAX} are possible", topic.len()));
    }
    if topic == "." || topic == ".." {
        return Err(format!("a topic cannot be named `{topic}`"));
    }
    if topic.starts_with("__") {
        return Err(format!("the topic `{topic}` is one of Kafka's own: they start with `__`"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{MAX, check};
    use proptest::prelude::proptest;

    #[test]
    fn topics_are_what_kafka_takes_but_its_own() {
        for topic in ["orders", "orders.eu-1_x", "a", "...", "_schemas", &"a".repeat(MAX)] {
            assert_eq!(check(topic), Ok(()), "{topic}");
        }
        for topic in [
            "",
            ".",
            "..",
            "__consumer_offsets",
            "__transaction_state",
            "../etc",
            "a/b",
            "a b",
            "a\u{0}",
            "é",
            "a\r\nb",
            &"a".repeat(MAX + 1),
        ] {
            assert!(check(topic).is_err(), "{topic:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_else_gets_through(topic in ".{0,20}|[a-z._/-]{0,260}") {
            let legal = topic.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
                && (1..=MAX).contains(&topic.len()) && !topic.starts_with("__") && topic != "." && topic != "..";
            assert_eq!(check(&topic).is_ok(), legal, "{topic:?}");
        }
    }
}
