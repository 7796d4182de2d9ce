//! What differs between two messages, and between all that two routes send.

use super::Change;
use crate::deliver::plan::Undeliverable;
use crate::pipeline::dispatch::Image;
use bytestring::ByteString;

/// The message of a deliver entry, or the dead letter in its place.
pub type Made = Result<Image, Undeliverable>;

/// Everything that differs, in the order of [`Change`]. Dead letters of one reason are the same.
pub fn changes(before: &Made, after: &Made) -> impl Iterator<Item = Change> {
    let [target, key, bytes] = match (before, after) {
        (Ok(before), Ok(after)) => [
            before.target != after.target,
            before.key != after.key,
            (&before.headers, &before.body) != (&after.headers, &after.body),
        ],
        (Err(before), Err(after)) => [false, false, before.reason != after.reason],
        _ => [false, false, true],
    };
    let all = [(target, Change::Target), (key, Change::Key), (bytes, Change::Bytes)];
    all.into_iter().filter_map(|(differs, change)| differs.then_some(change))
}

/// The messages of one route, by the names of its deliver entries.
pub type Messages<'n> = Vec<(&'n ByteString, Made)>;

/// What differs first between what a live route sends and what its shadow would send (routing.md §1). Entries of one name
/// are the same entry; a shadow's others stand for those of the live route in order, whatever they are called.
pub fn first_change(live: &Messages<'_>, shadow: &Messages<'_>) -> Option<Change> {
    if live.is_empty() {
        return Some(Change::Route);
    }
    if live.len() != shadow.len() {
        return Some(Change::Target);
    }
    let find = |messages: &'_ Messages<'_>, name: &ByteString| messages.iter().position(|(other, _)| *other == name);
    let mut others = shadow.iter().filter(|(name, _)| find(live, name).is_none());
    let twins = live.iter().filter_map(|(name, made)| {
        let twin = find(shadow, name).and_then(|at| shadow.get(at)).or_else(|| others.next());
        twin.map(|(_, twin)| (made, twin))
    });
    twins.flat_map(|(one, other)| changes(one, other)).min()
}

#[cfg(test)]
mod tests {
    use super::{Change, Image, Made, Messages, Undeliverable, first_change};
    use crate::codes::Code;
    use crate::state::Reason;
    use bytestring::ByteString;

    fn fault(reason: Reason) -> Made {
        let code = Code::TransformFailed;
        Err(Undeliverable { reason, code, detail: String::new(), target: None })
    }

    #[test]
    fn the_first_difference_counts() {
        let image = |target: &str, key: &str, body: &str| -> Made {
            let body = Some(body.to_owned().into());
            Ok(Image { target: target.into(), key: Some(key.into()), headers: Vec::new(), body })
        };
        let [a, b, c]: [ByteString; 3] = ["a".into(), "b".into(), "c".into()];
        let live: Messages<'_> = vec![(&a, image("t", "k", "1")), (&b, image("u", "k", "2"))];
        let cases: [(Messages<'_>, Option<Change>); 7] = [
            (vec![(&b, image("u", "k", "2")), (&a, image("t", "k", "1"))], None),
            (vec![(&a, image("t", "k", "1")), (&c, image("u", "k", "2"))], None),
            (vec![(&a, image("t", "k", "1"))], Some(Change::Target)),
            (vec![(&a, image("t", "k", "x")), (&b, image("v", "k", "2"))], Some(Change::Target)),
            (vec![(&a, image("t", "k", "x")), (&b, image("u", "l", "2"))], Some(Change::Key)),
            (vec![(&a, image("t", "k", "x")), (&b, image("u", "k", "2"))], Some(Change::Bytes)),
            (vec![(&a, image("t", "k", "1")), (&b, fault(Reason::Template))], Some(Change::Bytes)),
        ];
        for (number, (shadow, expected)) in cases.iter().enumerate() {
            assert_eq!(first_change(&live, shadow), *expected, "case {number}");
        }
        assert_eq!(first_change(&Vec::new(), &live), Some(Change::Route));
        let broken = |reason| vec![(&a, fault(reason))];
        assert_eq!(first_change(&broken(Reason::Template), &broken(Reason::Template)), None);
        assert_eq!(first_change(&broken(Reason::Template), &broken(Reason::Transform)), Some(Change::Bytes));
    }
}
